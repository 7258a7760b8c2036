"""The shop's web app: ``gradio verticals/corank_ecommerce/app.py`` reloads it as files change."""

from corank.serve.ui import open_vertical_app, serve

demo = open_vertical_app("ecommerce")

if __name__ == "__main__":
    serve(demo, say=print)
