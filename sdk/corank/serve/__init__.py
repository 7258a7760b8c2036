"""Serving a fitted bundle to people: the web app."""
