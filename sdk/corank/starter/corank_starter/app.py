"""The web app of the demo; ``gradio corank_starter/app.py`` reloads as files change."""

from corank.serve.ui import open_vertical_app, serve

demo = open_vertical_app("starter")

if __name__ == "__main__":
    serve(demo, say=print)
