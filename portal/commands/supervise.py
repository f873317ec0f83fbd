"""On PostgreSQL: the server and one worker process side by side; the worker is started again if it dies."""

import signal
import subprocess
import sys
import threading

LOOK_EVERY_S = 0.5
END_WITHIN_S = 10.0
WORKER = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]


def supervise(server_command: list[str], worker_command: list[str], stop: threading.Event) -> int:
    """Run both until told to stop or the server ends; gives the exit status."""
    server = _start(server_command)
    worker = _start(worker_command)
    while not stop.wait(LOOK_EVERY_S) and server.poll() is None:
        if worker.poll() is not None:
            worker = _start(worker_command)
    _end([server, worker])
    return 0 if stop.is_set() else server.returncode or 1


def _start(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command)  # noqa: S603 - our own programs


def _end(processes: "list[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()


def main() -> None:
    """Supervise the server whose command line was given."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    sys.exit(supervise(sys.argv[1:], WORKER, stop))


if __name__ == "__main__":
    main()
