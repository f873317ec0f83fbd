"""The application in the test's own process, served to a real browser, with a clock and faults under control."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from itertools import chain
from typing import Any
from urllib.parse import parse_qs

from flask import Flask
from playwright.sync_api import BrowserContext
from sqlalchemy import update
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from portal.sessions.models import SessionRow
from portal.sessions.queries import live_sessions
from tests.citizen import Citizen
from tests.conftest import MovableClock


class Turn:
    """A request's turn to be answered."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.is_over = threading.Event()


class Server:
    """A served application; `received` holds what came in, in order, as (method, path, form)."""

    def __init__(self, app: Flask, clock: MovableClock) -> None:
        self.app = app
        self.clock = clock
        self.received: list[tuple[str, str, dict[str, list[str]]]] = []
        self._arrival = threading.Condition()
        self._faults: dict[str, int] = {}
        self._holds: dict[str, list[Turn]] = {}
        self._http = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.base_url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for turn in chain.from_iterable(self._holds.values()):
            turn.may_go.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        form = parse_qs(request.get_data(cache=True, as_text=True), keep_blank_values=True)
        turn = Turn()
        with self._arrival:
            self.received.append((request.method, request.path, form))
            self._arrival.notify_all()
            held = self._holds.get(request.path)
            if held is not None:
                held.append(turn)
        if held is not None:
            turn.may_go.wait(timeout=20)
        status = self._faults.get(request.path)
        answer: Any = Response("out of order", status) if status else self.app.wsgi_app
        try:
            # Whole, since the server leaves a file open whose reader goes away.
            with closing(ClosingIterator(answer(environ | {"wsgi.input": _again(request)}, start_response))) as parts:
                return list(parts)
        finally:
            turn.is_over.set()

    def count(self, path: str) -> int:
        """Return how many times this path was requested."""
        return sum(received == path for _, received, _ in self.received)

    def wait_for(self, path: str, count: int) -> None:
        """Wait until this path was requested `count` times: what a browser has sent may still be on its way."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: self.count(path) >= count, timeout=20)

    def forms(self, path: str) -> list[dict[str, list[str]]]:
        """Return the forms that were posted there."""
        return [form for method, received, form in list(self.received) if (method, received) == ("POST", path)]

    @contextmanager
    def failing(self, *paths: str, status: int = 503) -> Iterator[None]:
        """Let these paths fail for the length of the block."""
        self._faults.update(dict.fromkeys(paths, status))
        yield
        for path in paths:
            del self._faults[path]

    @contextmanager
    def holding(self, path: str) -> Iterator[None]:
        """Receive requests of this path, and answer them only after the block, one after another as they came."""
        turns: list[Turn] = []
        self._holds[path] = turns
        yield
        with self._arrival:
            del self._holds[path]
        for turn in turns:
            turn.may_go.set()
            turn.is_over.wait(timeout=20)

    def open_session(self, context: BrowserContext, kind: str = "customer") -> None:
        """Open a guest's session of this kind, with the full time, in a browser."""
        visitor = Citizen(self.app)
        visitor.hold(kind, guest_id="guest")
        cookie = visitor.client.get_cookie(f"session_{kind}")
        assert cookie is not None
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.base_url}])

    def give_time(self) -> None:
        """Extend every session by the full time, as another device would."""
        with self.app.app_context(), self.app.extensions["portal"].database.writing() as db:
            db.execute(update(SessionRow).values(expires_at=self.clock.now() + timedelta(minutes=30)))

    def deadline(self) -> datetime:
        """Return the deadline of the session that was opened last."""
        with self.app.extensions["portal"].database.reading() as db:
            return live_sessions(db, now=self.clock.now())[0].expires_at


def _again(request: Request) -> Any:
    return BytesIO(request.get_data(cache=True))
