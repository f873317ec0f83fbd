"""A server in processes of its own, started with the flags of `make run`, and what it has used so far."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from portal.commands.run import FEW_ARENAS, PROJECT_ROOT, Listening, server_command
from portal.web.front import TURNS_ON_SQLITE

HELLO, PORTAL = "tests.bench.hello:serve", "wsgi:serve"
TRIES, PAUSE_S, STOPS_WITHIN_S = 300, 0.05, 10


class Server:
    """One running server: granian with its worker."""

    def __init__(self, target: str, environ: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        listening = Listening(host="127.0.0.1", port=self.port, workers=1)
        command = [*server_command(listening, workers=1, turns=TURNS_ON_SQLITE)[:-1], target]
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        quiet = subprocess.DEVNULL
        self._own = psutil.Popen(
            command, cwd=PROJECT_ROOT, env=FEW_ARENAS | inherited | environ, stdout=quiet, stderr=quiet
        )

    def _processes(self) -> list[psutil.Process]:
        return [self._own, *self._own.children(recursive=True)]

    def cpu_s(self) -> float:
        """Return the processor time of all its processes, in seconds."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def memory_mb(self) -> list[float]:
        """Return the resident memory of each of its processes in megabytes, the supervising one first."""
        return [process.memory_info().rss / 1e6 for process in self._processes()]

    def pids(self) -> list[int]:
        """Return the ids of its processes."""
        return [process.pid for process in self._processes()]

    def answers(self, path: str) -> bool:
        """Return whether it responds at this path by now."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=1):
            return True
        time.sleep(PAUSE_S)
        return False

    def stop(self) -> None:
        """Stop all its processes, at last by force."""
        processes = self._processes()
        self._own.terminate()
        for process in psutil.wait_procs(processes, timeout=STOPS_WITHIN_S)[1]:
            process.kill()


@contextmanager
def running(target: str, path: str, **environ: str) -> Iterator[Server]:
    """Run a server that responds at `path` until the end of the block."""
    server = Server(target, environ)
    try:
        if not any(server.answers(path) for _ in range(TRIES)):
            raise TimeoutError(f"{target} does not start")
        yield server
    finally:
        server.stop()
