"""Delivering e-mail from the outbox: into a folder, or to an SMTP server."""

import logging
import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database
from portal.errors import ConfigurationError, UndecryptableError
from portal.outbox.definition import MAIL, DeliveryError, DeliveryFailure, Mail, mail_of
from portal.outbox.operations import Leased, lease_next, mark_failed, mark_sent
from portal.outbox.queries import anything_due

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
READ_TIMEOUT_S = 8.0
SMTP_DEADLINE_S = 20.0
"""For the whole conversation: with a timeout for each read only, a very slow server could take for ever."""
CUT_EVERY_S = 0.5
CLOSING = 421
"""RFC 5321 3.8: the server is shutting down; nothing is wrong with this e-mail."""
logger = logging.getLogger(__name__)
MOST_IN_ROUND = 200
"""The most deliveries in one round, so that the worker has time for its other tasks."""


def put_into_folder(folder: Path, mail: Mail, *, public_id: str, created_at: datetime) -> None:
    """Write one e-mail to a file whose name sorts by time; the same e-mail again replaces its file.

    Raises `DeliveryError` where the folder cannot be written.
    """
    name = f"{created_at:%Y%m%dT%H%M%S.%fZ}-{public_id}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_aside(folder / f".{name}", mail.content.encode()).replace(folder / name)
    except OSError as reason:
        raise DeliveryError(
            DeliveryFailure.AWAY, f"The mail folder cannot be written ({type(reason).__name__})"
        ) from reason


def _write_aside(path: Path, content: bytes) -> Path:
    """Write a file completely to the disk before it gets its name, so that nobody reads half an e-mail."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server as configuration names it; `scheme` is smtp or smtps."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    starttls: bool


def read_mail_server(url: str) -> MailServer | None:
    """Read `smtp://user:password@host:port?starttls=1` or `smtps://…`; return None for `file:`.

    Raises `ConfigurationError` with a sentence where the address names no server or an unknown option.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return None
    options = parse_qs(parts.query, keep_blank_values=True)
    if (
        not parts.hostname
        or parts.path not in ("", "/")
        or options not in ({}, {"starttls": ["0"]}, {"starttls": ["1"]})
    ):
        raise ConfigurationError("MAIL_URL must look like smtp://user:password@host:587?starttls=1, or be file:.")
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
        starttls=options.get("starttls") == ["1"],
    )


def send_by_smtp(server: MailServer, mail: Mail, *, deadline_s: float = SMTP_DEADLINE_S) -> None:
    """Send one e-mail within `deadline_s` seconds.

    Raises `DeliveryError` where the server did not accept it.
    """
    try:
        with _open_connection(server, deadline_s) as connection:
            _send_mail(connection, server, mail)
    except smtplib.SMTPRecipientsRefused as reason:
        raise _refused_by_server(next(iter(reason.recipients.values()))[0]) from reason
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as reason:
        raise _refused_by_server(reason.smtp_code) from reason
    except OSError as reason:  # smtplib's own errors are OSErrors
        raise DeliveryError(
            DeliveryFailure.AWAY, f"The mail server did not answer ({type(reason).__name__})"
        ) from reason


def _refused_by_server(code: int) -> DeliveryError:
    """Return the error for the server's answer: only its number, as its text may contain the address."""
    kind = DeliveryFailure.AWAY if code == CLOSING else DeliveryFailure.LATER if code < 500 else DeliveryFailure.REFUSED
    return DeliveryError(kind, f"The mail server answered {code}")


@contextmanager
def _open_connection(server: MailServer, deadline_s: float) -> Iterator[smtplib.SMTP]:
    connection = _new_connection(server)
    done = threading.Event()
    threading.Thread(target=_cut_when_late, args=(connection, done, deadline_s), daemon=True).start()
    try:
        connection.connect(server.host, server.port)
        yield connection
    finally:
        done.set()
        connection.close()


def _new_connection(server: MailServer) -> smtplib.SMTP:
    """Return a connection that is not open yet, so that the deadline covers connecting too."""
    if server.scheme == "smtp":
        connection = smtplib.SMTP(timeout=READ_TIMEOUT_S)
    else:
        connection = smtplib.SMTP_SSL(timeout=READ_TIMEOUT_S, context=ssl.create_default_context())
    connection.__dict__["_host"] = server.host  # TLS compares it with the certificate; `connect` does not set it
    return connection


def _cut_when_late(connection: smtplib.SMTP, done: threading.Event, deadline_s: float) -> None:
    """Shut the connection down after the deadline; repeat this, as the socket may not exist yet."""
    late = not done.wait(deadline_s)
    while late and not done.wait(CUT_EVERY_S):
        if isinstance(connection.sock, socket.socket):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _send_mail(connection: smtplib.SMTP, server: MailServer, mail: Mail) -> None:
    if server.starttls:
        connection.starttls(context=ssl.create_default_context())
    if server.user:
        connection.login(server.user, server.password or "")
    connection.ehlo_or_helo_if_needed()
    content, options = _wire_content(connection, mail), _options(connection, mail)
    connection.sendmail(mail.sender, [mail.recipient], content, mail_options=options)
    _quit(connection)


def _options(connection: smtplib.SMTP, mail: Mail) -> list[str]:
    """Return the options of the mail; raise `DeliveryError` for an address that this server cannot use (RFC 6531)."""
    eight_bit = ["BODY=8BITMIME"] if connection.has_extn("8bitmime") else []
    if mail.recipient.isascii():
        return eight_bit
    if not connection.has_extn("smtputf8"):
        raise DeliveryError(DeliveryFailure.REFUSED, "The mail server takes no address beyond ASCII")
    return [*eight_bit, "SMTPUTF8"]


def _wire_content(connection: smtplib.SMTP, mail: Mail) -> bytes:
    """Return the message with CRLF line ends; encode it as 7bit for a server without 8BITMIME (RFC 6152)."""
    if connection.has_extn("8bitmime"):
        return mail.content.encode().replace(b"\n", b"\r\n")
    message = message_from_bytes(mail.content.encode(), policy=policy.SMTP)
    return message.as_bytes(policy=policy.SMTP.clone(cte_type="7bit"))


def _quit(connection: smtplib.SMTP) -> None:
    """End the conversation; the e-mail is accepted, so a failure does not matter now."""
    try:
        connection.quit()
    except OSError:
        return


@dataclass(frozen=True, kw_only=True)
class Round:
    """The result of one round; `away` means that it stopped because the server does not answer."""

    sent: int = 0
    failed: int = 0
    away: bool = False


class Deliverer:
    """Sends what is due; any number of deliverers, in any process, share the outbox."""

    def __init__(self, database: Database, configuration: Configuration, clock: Clock) -> None:
        self._database = database
        self._keyring = configuration.keyring
        self._clock = clock
        self._senders: dict[str, Callable[[Leased], None]] = {MAIL: self._mail_sender(configuration)}

    def deliver_due(self, stop: threading.Event | None = None) -> Round:
        """Try what is due, oldest first, at most `MOST_IN_ROUND`; end early if the server is away or `stop` is set."""
        sent = failed = 0
        while sent + failed < MOST_IN_ROUND and not (stop and stop.is_set()) and (leased := self._lease()):
            failure = self._try(leased)
            sent, failed = sent + (failure is None), failed + (failure is not None)
            if failure is DeliveryFailure.AWAY:
                return Round(sent=sent, failed=failed, away=True)
        return Round(sent=sent, failed=failed)

    def _lease(self) -> Leased | None:
        now = self._clock.now()
        with self._database.reading() as db:
            if not anything_due(db, now=now):
                return None
        with self._database.writing() as db:
            return lease_next(db, now=now)

    def _try(self, leased: Leased) -> DeliveryFailure | None:
        error = self._send(leased)
        with self._database.writing() as db:
            if error is None:
                mark_sent(db, leased, now=self._clock.now())
                return None
            again_at = mark_failed(db, leased, error.failure, error.sentence, now=self._clock.now())
        logger.warning("Not delivered: %s %s, %s; next try %s", leased.kind, leased.public_id, error.sentence, again_at)
        return error.failure

    def _send(self, leased: Leased) -> DeliveryError | None:
        """Send one delivery and return its error, whatever it is: the others must still go out."""
        try:
            self._senders[leased.kind](leased)
        except DeliveryError as error:
            return error
        except UndecryptableError:
            return DeliveryError(DeliveryFailure.REFUSED, "No key of ANSWER_KEYS opens it")
        except Exception as reason:
            logger.exception("Unexpected failure with delivery %s", leased.public_id)
            return DeliveryError(DeliveryFailure.LATER, f"Unexpected failure ({type(reason).__name__})")
        return None

    def _mail_sender(self, configuration: Configuration) -> Callable[[Leased], None]:
        server = read_mail_server(configuration.mail_url)
        if server is not None:
            return lambda leased: send_by_smtp(server, mail_of(leased.opened(self._keyring)))
        return lambda leased: put_into_folder(
            configuration.mail_dir,
            mail_of(leased.opened(self._keyring)),
            public_id=leased.public_id,
            created_at=leased.created_at,
        )
