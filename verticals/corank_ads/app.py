"""The ad desk's web app: ``gradio verticals/corank_ads/app.py`` reloads as files change."""

from corank.serve.ui import open_vertical_app, serve

demo = open_vertical_app("ads")

if __name__ == "__main__":
    serve(demo, say=print)
