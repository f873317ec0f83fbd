"""How much memory an upload of 20 MB costs the server that takes it, and its download."""

import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.bench.requests import data_folder, prepared_app
from tests.bench.server import PORTAL, Server, running
from tests.citizen import Citizen
from tests.files import PDF

FORM = """
format: 1
form: {id: bench_files, title: Files}
sections:
  - id: papers
    title: Papers
    fields: [{id: proof, type: file, label: Proof, files: {max: 20, max_mb: 25, types: [pdf]}}]
"""
SIZE = 20_000_000
PIECE = 64 * 1024
MOST_MB = 20
ROUNDS = 3
BOUNDARY = "bench"


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A guest who is about to send a file."""

    draft: str
    headers: dict[str, str]
    token: str

    def upload(self, port: int) -> None:
        """Send one file, piece by piece."""
        head = self._part("csrf_token") + self.token.encode() + b"\r\n"
        head += self._part("proof", '; filename="scan.pdf"')
        tail = b"\r\n" + self._part("_end") + f"1\r\n--{BOUNDARY}--\r\n".encode()
        length = len(head) + SIZE + len(tail)
        own = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(length)}
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", f"{self.draft}/papers", _pieces(head, tail), self.headers | own)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303, answer.status

    def download(self, port: int, address: str) -> None:
        """Fetch the file that was sent, piece by piece."""
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", address, headers=self.headers)
        answer = connection.getresponse()
        while answer.read(PIECE):
            pass
        assert answer.status == 200, answer.status

    def _part(self, name: str, rest: str = "") -> bytes:
        return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n\r\n'.encode()


def _pieces(head: bytes, tail: bytes) -> Iterator[bytes]:
    yield head + PDF
    left = SIZE - len(PDF)
    while left:
        piece = bytes(min(PIECE, left))
        left -= len(piece)
        yield piece
    yield tail


def measure(data_dir: str) -> None:
    """Print what the first uploads cost, each above the memory before it, and what a download costs."""
    app = prepared_app({"DATA_DIR": data_dir})
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(FORM), now=parts.clock.now())
    citizen = Citizen(app)
    citizen.open("/forms/bench-files")
    draft = citizen.press("Start now").path
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""
    cookie = citizen.client.get_cookie("session_customer")
    sender = Sender(draft=draft, headers={"Cookie": f"session_customer={cookie.value if cookie else ''}"}, token=token)
    with running(PORTAL, "/forms/bench-files", DATA_DIR=data_dir) as server:
        costs = [_cost_mb(server, lambda: sender.upload(server.port)) for _ in range(ROUNDS)]
        address = citizen.open(f"{draft}/papers").links["scan.pdf"]
        down = _cost_mb(server, lambda: sender.download(server.port, address))
    parts.database.close()
    _print([mb for mb, _s in costs], [s for _mb, s in costs], down)


def _cost_mb(server: Server, work: Callable[[], None]) -> tuple[float, float]:
    """Return by how many MB the server's memory grew at most while `work` ran, and how many seconds it took."""
    processes = server.pids()
    before = sum(_memory_mb(pid, "VmRSS") for pid in processes)
    for pid in processes:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # reset the peak
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    return sum(_memory_mb(pid, "VmHWM") for pid in processes) - before, took


def _memory_mb(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:"))


def _print(costs: list[float], times: list[float], down: tuple[float, float]) -> None:
    words = ", ".join(f"{mb:.1f} MB in {s:.2f} s" for mb, s in zip(costs, times, strict=True))
    verdict = "met" if max(costs) <= MOST_MB else "NOT met"
    click.echo(f"\nUploads of 20 MB cost {words}: aim {MOST_MB} MB: {verdict}")
    click.echo(f"A download of 20 MB costs {down[0]:.1f} MB in {down[1]:.2f} s.")


def main() -> None:
    """Measure in a folder of its own."""
    with data_folder("files") as data_dir:
        measure(data_dir)


if __name__ == "__main__":
    main()
