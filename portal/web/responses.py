"""What every answer has in common: security headers, and redirects that htmx understands."""

from flask import Flask, Response, request

from portal.web.app_state import app_state

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
}
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"
STRICT_REFERRER = "strict-origin"
"""Of pages whose address has a token: not even our own pages are told where a request came from."""


def is_htmx() -> bool:
    """Whether the request comes from htmx (or our script in its place) and wants a fragment."""
    return request.headers.get("HX-Request") == "true"


def htmx_redirect(location: str, status: int) -> Response:
    """Tell the page to go elsewhere: a plain redirect would land inside a fragment."""
    return Response(status=status, headers={"HX-Redirect": location})


def _add_headers(response: Response) -> Response:
    if "token" in (request.view_args or {}):
        response.headers["Referrer-Policy"] = STRICT_REFERRER
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if app_state().configuration.is_https:
        response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    return response


def init_app(app: Flask) -> None:
    """Add the headers to every answer."""
    app.after_request(_add_headers)
