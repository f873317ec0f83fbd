"""What stands before every view: the headers of each answer, and the turns of a server's process.

So many requests a process works on at the same time; the others wait for their turn, a probe never.
"""

import threading
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
TURNS_ON_SQLITE = 8
TURNS_ON_POSTGRESQL = 4
WAITING_THREADS = 24
"""Threads of a process beyond its turns: as long as one of them is free, `/healthz` is answered at once."""
PROBE = "/healthz"


class InTurn:
    """The portal, asked by at most `turns` threads at the same time.

    What the requests of a process take together (memory, connections to the database, who contends for Python's lock)
    is bounded by its turns, and whether operations see it alive is not decided by what it works on.
    """

    def __init__(self, portal: "WSGIApplication", *, turns: int) -> None:
        self._portal, self._turns = portal, threading.BoundedSemaphore(turns)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request when it is its turn, and the probe at once.

        A file that is streamed leaves its turn when its answer begins: it waits for its reader then.
        """
        if environ.get("PATH_INFO") == PROBE:
            return self._portal(environ, start_response)
        with self._turns:
            return self._portal(environ, start_response)


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
