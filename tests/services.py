"""An external service on loopback: answers well, badly, slowly or not at all, as the path asks."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from portal.config import Configuration, read_configuration

COMPANIES = {
    "items": [
        {"title": "Weir & Sons", "number": 7, "site": {"lines": ["Unit 1", "2 Mill Street"], "town": "Ashmere"}},
        {"title": "Heron Ltd", "number": 12, "site": {"lines": [], "town": None}},
    ]
}
DECLARED = """
format: 1
integrations:
  companies:
    kind: http_json
    address: {url}
    query: {{q: name}}
    headers: {{Authorization: {{secret: INTEGRATION_KEY, prefix: "Bearer "}}}}
    results: items
    label: [title, site.town]
    values: {{name: title, number: number, address: {{line_1: site.lines.0, line_2: site.lines.1, town: site.town}}}}
    none_when: [404]
    allow_networks: [127.0.0.0/8, "::1/128"]
    deadline_seconds: {deadline}
    cache_seconds: {cache}
"""


def declared(url: str, *, deadline: float = 4, cache: int = 0) -> str:
    """Return a file of integrations with one service, `companies`, that needs `name`."""
    return DECLARED.format(url=url, deadline=deadline, cache=cache)


def with_service(service: "Service", folder: Path, database_url: str, *, deadline: float) -> Configuration:
    """Return a configuration whose file of integrations declares this service."""
    file = folder / "integrations.yaml"
    file.write_text(declared(service.url("/search"), deadline=deadline))
    environ = {"INTEGRATIONS_FILE": str(file), "INTEGRATION_KEY": "k-1234"}
    return read_configuration({"DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url, **environ})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as the service received it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Service:
    """An HTTP server; `answers` holds what each path does, `asked` what came in."""

    def __init__(self, *, certificate: Path | None = None) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, Callable[[Any], None]] = {}
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Service":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self._http.server_port}{path}"

    def _handler(service) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(method=self.command, path=self.path, headers=dict(self.headers), body=body)
                service.asked.append(asked)
                answer = service.answers.get(self.path.partition("?")[0], say(COMPANIES))
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_args: object) -> None:
                return

        return Handler

    def drip(self, start: bytes) -> Callable[[Any], None]:
        """Send `start`, then one byte every now and then, without end: no single read ever times out."""

        def answer(request: Any) -> None:
            request.wfile.write(start)
            while not self.closing.wait(0.05):
                request.wfile.write(b"x")
                request.wfile.flush()

        return answer

    def hang(self, _request: Any) -> None:
        """Say nothing at all."""
        self.closing.wait(20)


def say(content: object, status: int = 200, **headers: str) -> Callable[[Any], None]:
    """Return a handler that sends JSON, or bytes as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def answer(request: Any) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def closed_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
