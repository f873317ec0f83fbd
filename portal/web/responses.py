"""Redirects and fragments that htmx understands."""

from flask import Response, request


def is_htmx() -> bool:
    """Whether the request comes from htmx (or our script in its place) and wants a fragment."""
    return request.headers.get("HX-Request") == "true"


def htmx_redirect(location: str, status: int) -> Response:
    """Tell the page to go elsewhere: a plain redirect would land inside a fragment."""
    return Response(status=status, headers={"HX-Redirect": location})
