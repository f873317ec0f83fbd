"""Turns: so many requests work at once, the others wait, and a probe is answered beside them."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from portal.commands.run import Listening, server_command
from portal.web.front import PROBE, TURNS_ON_POSTGRESQL, TURNS_ON_SQLITE, InTurn

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

WITHIN_S = 20
TURNS, ASKERS = 3, 12


class Slow:
    """A portal whose pages take until they are let go; it knows the most that were ever asked for at once."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            with self._lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
            self.begun.release()
            self.may_end.wait(WITHIN_S)
            with self._lock:
                self.inside -= 1
        start_response("200 OK", [])
        return [b"done"]


@contextmanager
def asked(portal: InTurn, slow: Slow) -> Iterator[tuple[ThreadPoolExecutor, list[Future[int]]]]:
    """Ask for a slow page more often than there are turns, and go on once every turn is taken."""
    with ThreadPoolExecutor(ASKERS + 1) as threads:
        pages = [threads.submit(_status, portal, "/slow") for _ in range(ASKERS)]
        try:
            assert all(slow.begun.acquire(timeout=WITHIN_S) for _ in range(TURNS))
            yield threads, pages
        finally:
            slow.may_end.set()


def _status(portal: InTurn, path: str) -> int:
    return Client(portal).get(path).status_code


def test_no_more_requests_work_at_once_than_there_are_turns_and_each_gets_one() -> None:
    slow = Slow()
    with asked(InTurn(slow, turns=TURNS), slow) as (_threads, pages):
        slow.may_end.set()
        assert [page.result(WITHIN_S) for page in pages] == [200] * ASKERS
    assert slow.most == TURNS


def test_probe_is_answered_while_every_turn_is_taken() -> None:
    slow = Slow()
    portal = InTurn(slow, turns=TURNS)
    with asked(portal, slow) as (threads, _pages):
        assert threads.submit(_status, portal, PROBE).result(WITHIN_S) == 200
        assert slow.inside == TURNS


def test_turn_is_free_again_after_a_request_that_failed() -> None:
    def failing(_environ: "WSGIEnvironment", _start_response: "StartResponse") -> Iterable[bytes]:
        raise RuntimeError

    portal = InTurn(failing, turns=1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            _status(portal, "/")


@pytest.mark.parametrize("turns", [TURNS_ON_SQLITE, TURNS_ON_POSTGRESQL])
def test_server_has_threads_for_the_probe_beside_as_many_dear_requests_as_may_come_at_once(turns: int) -> None:
    command = server_command(Listening(host="127.0.0.1", port=8000, workers=1), workers=1, turns=turns)
    threads = int(command[command.index("--blocking-threads") + 1])
    assert threads >= turns + 8 + 1
