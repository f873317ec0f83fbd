"""Kills the portal's processes at random instants, and remembers when."""

import signal
import threading
import time
from contextlib import suppress
from random import Random

import psutil

from tests.smoke.conftest import RunningPortal, command_line

FELT_AFTER_S = 0.5


class Saboteur:
    """Kills the processes that serve requests, of one portal that this test started."""

    def __init__(self, portal: RunningPortal, wanted: int, seed: int, *, pauses: tuple[float, float]) -> None:
        self._portal, self.wanted, self._pauses = portal, wanted, pauses
        self._random = Random(seed)  # noqa: S311 - a script that can be repeated
        self.kills: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Saboteur":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(30)

    @property
    def is_done(self) -> bool:
        """Return whether as many were killed as wanted."""
        return len(self.kills) >= self.wanted

    def killed_between(self, start: float, end: float) -> bool:
        """Return whether one was killed in this time, or so shortly before that its end was not yet felt."""
        return any(start - FELT_AFTER_S <= kill <= end for kill in list(self.kills))

    def _work(self) -> None:
        while not self._stop.wait(self._random.uniform(*self._pauses)) and not self.is_done:
            if self._portal.answers():
                self._kill()

    def _kill(self) -> None:
        victims = [each for each in answering(self._portal) if each.status() != psutil.STATUS_ZOMBIE]
        if not victims:
            return
        with suppress(psutil.NoSuchProcess):
            self._random.choice(victims).send_signal(signal.SIGKILL)
            self.kills.append(time.monotonic())


def answering(portal: RunningPortal) -> list[psutil.Process]:
    """Return the processes that serve requests: the server's children."""
    return [found for found in portal.command("granian") if "granian" in " ".join(command_line(found.parent()))]
