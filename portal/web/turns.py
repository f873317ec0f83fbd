"""How many requests a server's process works on at the same time; the others wait for their turn, a probe never."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

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
