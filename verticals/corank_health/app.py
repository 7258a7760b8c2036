"""The service's web app: ``gradio verticals/corank_health/app.py`` reloads as files change."""

from corank.serve.ui import open_vertical_app, serve

demo = open_vertical_app("health")

if __name__ == "__main__":
    serve(demo, say=print)
