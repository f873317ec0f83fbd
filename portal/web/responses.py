"""What every answer has in common: security headers, and redirects that htmx understands."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    "Server": "",
}
"""Of every answer that sets none of its own. Without a `Server`, the server would name itself."""
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"
STRICT_REFERRER = "strict-origin"
"""Of pages whose address has a token: not even our own pages are told where a request came from."""


def is_htmx() -> bool:
    """Whether the request comes from htmx (or our script in its place) and wants a fragment."""
    return request.headers.get("HX-Request") == "true"


def htmx_redirect(location: str, status: int) -> Response:
    """Tell the page to go elsewhere: a plain redirect would land inside a fragment."""
    return Response(status=status, headers={"HX-Redirect": location})


class WithHeaders:
    """The portal with its headers on every answer: of a view, a static file, or a refusal of either."""

    def __init__(self, portal: "WSGIApplication", *, is_https: bool) -> None:
        self._portal = portal
        self._headers = HEADERS | ({"Strict-Transport-Security": STRICT_TRANSPORT} if is_https else {})

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Any:
            there = {name.lower() for name, _ in headers}
            missing = [(name, value) for name, value in self._headers.items() if name.lower() not in there]
            return start_response(status, [*headers, *missing], *failure)

        return self._portal(environ, start)


def _hide_token(response: Response) -> Response:
    if "token" in (request.view_args or {}):
        response.headers["Referrer-Policy"] = STRICT_REFERRER
    return response


def init_app(app: Flask) -> None:
    """Tell no other page an address that has a token."""
    app.after_request(_hide_token)
