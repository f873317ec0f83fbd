"""Mail servers that behave well and badly on loopback, and an outbox with mail in it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from sqlalchemy import select

from portal.config import Configuration
from portal.db import Database
from portal.outbox.definition import MAIL, Mail
from portal.outbox.delivery import Deliverer
from portal.outbox.models import Delivery
from portal.outbox.operations import enqueue, new_public_id
from tests.conftest import MovableClock

HEADERS = "Subject: Hi\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
CONTENT = f"{HEADERS}\nGrüße\n.\nhttp://127.0.0.1/resume/abc\n"
MAIL_TO_ANN = Mail(sender="no-reply@127.0.0.1", recipient="ann@example.org", content=CONTENT)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Mailbox:
    """A mail server's handler: accepts mail, or answers what a test sets."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.to_recipient = "250 OK"
        self.to_content = "250 OK"

    async def handle_RCPT(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]) -> str:  # noqa: N802
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.to_content.startswith("250"):
            self.taken.append(envelope)
        return self.to_content

    def authenticate(self, _s: SMTP, _n: Session, _e: Envelope, _m: str, login: object) -> AuthResult:
        return AuthResult(success=login == LoginPassword(b"post", b"secret"))


class OldSMTP(SMTP):
    """A server without any extension."""

    async def smtp_EHLO(self, _hostname: str) -> None:  # noqa: N802
        await self.push("502 what?")


class OldController(Controller):
    def factory(self) -> SMTP:
        return OldSMTP(self.handler)


class MailServerOnLoopback:
    """A real SMTP server with a port of its own, which can go away and come back."""

    def __init__(self, controller: type[Controller] = Controller, **options: Any) -> None:
        self._make = controller
        self.port = free_port()
        self.mailbox = Mailbox()
        self._options = options
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = self._make(self.mailbox, hostname="127.0.0.1", port=self.port, **self._options)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@pytest.fixture
def server() -> Iterator[MailServerOnLoopback]:
    server = MailServerOnLoopback()
    server.start()
    yield server
    server.stop()


@contextmanager
def rude_server(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """Run a server below SMTP: `behave` gets each connection, and an event that is set when the test is over."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                behave(connection, over)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"smtp://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join()
    listener.close()


class Outbox:
    """What tests do with the outbox."""

    def __init__(self, database: Database, configuration: Configuration, clock: MovableClock) -> None:
        self._database, self._configuration, self._clock = database, configuration, clock

    def put(self, mail: Mail = MAIL_TO_ANN) -> str:
        public_id = new_public_id()
        with self._database.writing() as db:
            enqueue(
                db,
                self._configuration.keyring,
                public_id=public_id,
                kind=MAIL,
                message="guest_code",
                payload=mail.payload(),
                now=self._clock.now(),
            )
        return public_id

    def rows(self) -> list[Delivery]:
        with self._database.reading() as db:
            return list(db.scalars(select(Delivery).order_by(Delivery.id)))

    def row(self) -> Delivery:
        (only,) = self.rows()
        return only

    def deliverer(self, mail_url: str) -> Deliverer:
        return Deliverer(self._database, replace(self._configuration, mail_url=mail_url), self._clock)

    @property
    def folder(self) -> Path:
        return self._configuration.mail_dir


@pytest.fixture
def outbox(database: Database, configuration: Configuration, clock: MovableClock) -> Outbox:
    return Outbox(database, configuration, clock)
