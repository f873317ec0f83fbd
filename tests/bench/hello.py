"""The least that Flask can do, as the measure of everything else."""

from flask import Flask


def serve() -> Flask:
    """Return an application with one view that says hello."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "hello")
    return app
