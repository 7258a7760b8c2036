"""The adviser's web app: ``gradio verticals/corank_finance/app.py`` reloads as files change."""

from corank.serve.ui import open_vertical_app, serve

demo = open_vertical_app("finance")

if __name__ == "__main__":
    serve(demo, say=print)
