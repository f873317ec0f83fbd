"""A virus scanner that speaks clamd's protocol on loopback: it knows one virus, and can misbehave."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.files import EICAR

STREAM_MAX = 25_000_000


class _Talk(socketserver.StreamRequestHandler):
    """clamd(8): `zINSTREAM`, chunks after their length in four bytes, an empty one, one response that ends in NUL."""

    server: "ScannerServer"

    def handle(self) -> None:
        if self.server.mood == "silent":
            self.server.stop.wait(30)
            return
        command = self._until_nul()
        content = self._content() if command == b"zINSTREAM" else None
        self.server.heard.append(content or b"")
        self.wfile.write(self._answer(content) + b"\0")

    def _until_nul(self) -> bytes:
        heard = b""
        while not heard.endswith(b"\0"):
            byte = self.rfile.read(1)
            if not byte:
                return heard
            heard += byte
        return heard[:-1]

    def _content(self) -> bytes | None:
        content = b""
        while size := int.from_bytes(self.rfile.read(4), "big"):
            content += self.rfile.read(size)
            if len(content) > self.server.stream_max:
                return None
        return content

    def _answer(self, content: bytes | None) -> bytes:
        if self.server.mood == "confused":
            return b"HTTP/1.1 400 Bad Request"
        if content is None:
            return b"INSTREAM size limit exceeded. ERROR"
        return b"stream: Eicar-Test-Signature FOUND" if EICAR in content else b"stream: OK"


class ScannerServer(socketserver.ThreadingTCPServer):
    """One scanner; `heard` is what it received."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mood = "well"
        self.stream_max = STREAM_MAX
        self.heard: list[bytes] = []
        self.stop = threading.Event()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_scanner() -> Iterator[ScannerServer]:
    """Run a scanner until the end of the block."""
    with ScannerServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
            thread.join()


def unused_address() -> str:
    """Return an address where no scanner listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"
