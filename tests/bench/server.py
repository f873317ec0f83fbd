"""A server in processes of its own, started with the flags of `make run`, and what it has used so far."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from portal.commands.run import FEW_ARENAS, PROJECT_ROOT, read_listening, server_command
from portal.web.front import TURNS_ON_SQLITE

BARE, PORTAL = "tests.bench.bare:serve", "tests.bench.bare:serve_portal"
TRIES, PAUSE_S, STOPS_WITHIN_S = 300, 0.05, 10


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What one process holds, in MiB: all of it, and what no other process holds as well."""

    resident: float
    private: float

    @classmethod
    def of(cls, pid: int) -> "Memory":
        """Read it from the kernel (Linux)."""
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
        private = kib["Private_Clean"] + kib["Private_Dirty"]
        return cls(resident=kib["Rss"] / 1024, private=private / 1024)


class Server:
    """One running server as `make run` starts it: the supervisor, granian, and granian's workers."""

    def __init__(self, target: str, environ: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        listening = replace(read_listening({}), port=self.port)
        command = [sys.executable, "-m", "portal.commands.supervise"]
        command += [*server_command(listening, workers=listening.workers, turns=TURNS_ON_SQLITE)[:-1], target]
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        quiet = subprocess.DEVNULL
        self._own = psutil.Popen(
            command, cwd=PROJECT_ROOT, env=FEW_ARENAS | inherited | environ, stdout=quiet, stderr=quiet
        )

    def _processes(self) -> list[psutil.Process]:
        return [self._own, *self._own.children(recursive=True)]

    def memory(self) -> dict[str, Memory]:
        """Return what each of its processes holds."""
        supervisor, server, *workers = (Memory.of(pid) for pid in self.pids())
        return {"supervisor": supervisor, "server": server} | {
            f"worker {at}": each for at, each in enumerate(workers, 1)
        }

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
