"""Keeps the server running, and on PostgreSQL a worker beside it: a process that ends is started again.

It is needed although granian starts its own processes again: granian exits when one ends twice in six seconds. It is
a module of its own so that the supervisor imports only the standard library, and needs little memory.
"""

import ctypes
import signal
import subprocess
import sys
import threading

CHECK_EVERY_S = 0.5
END_WITHIN_S = 8.0
WITH_WORKER = "--with-worker"
WORKER = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
PR_SET_PDEATHSIG = 1


class SupervisedProcess:
    """A command that is kept running."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, preexec_fn=end_with_parent)  # noqa: S603 - our own programs, and no threads yet

    def restart_if_ended(self) -> None:
        """Start it again if it has ended."""
        if self._process.poll() is not None:
            self._process = self._start()

    def ask_to_end(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def await_end(self) -> None:
        """Wait for its end; kill it where that takes too long."""
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Have the kernel signal this process when its parent dies, so that it never runs on alone (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def supervise(commands: list[list[str]], stop: threading.Event) -> None:
    """Keep all commands running until told to stop, then end them."""
    processes = [SupervisedProcess(command) for command in commands]
    while not stop.wait(CHECK_EVERY_S):
        for process in processes:
            process.restart_if_ended()
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.await_end()


def main() -> None:
    """Supervise the server whose command line was given, and with the flag a worker, until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    words = sys.argv[1:]
    server = [word for word in words if word != WITH_WORKER]
    supervise([server, WORKER] if WITH_WORKER in words else [server], stop)


if __name__ == "__main__":
    main()
