"""Mail on its way: taken from the outbox, and written into a folder or handed to an SMTP server."""

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
from portal.outbox.definition import MAIL, DeliveryError, Failure, Mail, mail_of
from portal.outbox.operations import Leased, lease_next, mark_failed, mark_sent
from portal.outbox.queries import anything_due

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
READ_TIMEOUT_S = 8.0
DEADLINE_S = 20.0
"""For the whole conversation: a timeout for each read lets a server that sends a byte now and then take for ever."""
CUT_EVERY_S = 0.5
CLOSING = 421
"""RFC 5321 3.8: the server is closing; what was wrong is the server, not this mail."""
logger = logging.getLogger(__name__)
ROUND = 200
"""How many deliveries one round sends at most, so that the worker comes back to its other duties."""


def put_into_folder(folder: Path, mail: Mail, *, public_id: str, created_at: datetime) -> None:
    """Write one mail as a file whose name sorts by time; the same mail again replaces itself.

    Raises `DeliveryError` where the folder cannot be written.
    """
    name = f"{created_at:%Y%m%dT%H%M%S.%fZ}-{public_id}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_aside(folder / f".{name}", mail.content.encode()).replace(folder / name)
    except OSError as reason:
        raise DeliveryError(Failure.AWAY, f"The mail folder cannot be written ({type(reason).__name__})") from reason


def _write_aside(path: Path, content: bytes) -> Path:
    """Whole and on the disk before it has its name, so that nobody ever reads half a mail."""
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
    """The server of `smtp://user:password@host:port?starttls=1` or `smtps://…`; None for `file:`.

    Raises `ConfigurationError` with a sentence where the address names no server or something unknown.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return None
    options = parse_qs(parts.query, keep_blank_values=True)
    if not parts.hostname or parts.path not in ("", "/") or not _known(options):
        raise ConfigurationError("MAIL_URL must look like smtp://user:password@host:587?starttls=1, or be file:.")
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
        starttls=options.get("starttls") == ["1"],
    )


def _known(options: dict[str, list[str]]) -> bool:
    return options in ({}, {"starttls": ["0"]}, {"starttls": ["1"]})


def send_by_smtp(server: MailServer, mail: Mail, *, deadline_s: float = DEADLINE_S) -> None:
    """Hand one mail to the server within `deadline_s` seconds.

    Raises `DeliveryError` for whatever kept the server from taking it.
    """
    try:
        with _connection(server, deadline_s) as connection:
            _hand_over(connection, server, mail)
    except smtplib.SMTPRecipientsRefused as reason:
        raise _refusal(next(iter(reason.recipients.values()))[0]) from reason
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as reason:
        raise _refusal(reason.smtp_code) from reason
    except OSError as reason:  # smtplib's own errors are OSErrors
        raise DeliveryError(Failure.AWAY, f"The mail server did not answer ({type(reason).__name__})") from reason


def _refusal(code: int) -> DeliveryError:
    """The server's words may quote the address, so only its number is kept."""
    kind = Failure.AWAY if code == CLOSING else Failure.LATER if code < 500 else Failure.REFUSED
    return DeliveryError(kind, f"The mail server answered {code}")


@contextmanager
def _connection(server: MailServer, deadline_s: float) -> Iterator[smtplib.SMTP]:
    connection = _unconnected(server)
    done = threading.Event()
    threading.Thread(target=_cut_when_late, args=(connection, done, deadline_s), daemon=True).start()
    try:
        connection.connect(server.host, server.port)
        yield connection
    finally:
        done.set()
        connection.close()


def _unconnected(server: MailServer) -> smtplib.SMTP:
    """A connection that is not made yet, so that the watch begins before the first byte."""
    if server.scheme == "smtp":
        connection = smtplib.SMTP(timeout=READ_TIMEOUT_S)
    else:
        connection = smtplib.SMTP_SSL(timeout=READ_TIMEOUT_S, context=ssl.create_default_context())
    connection.__dict__["_host"] = server.host  # what TLS compares with the certificate; `connect` does not set it
    return connection


def _cut_when_late(connection: smtplib.SMTP, done: threading.Event, deadline_s: float) -> None:
    """Again and again, as the socket may not be there yet when the time is up."""
    late = not done.wait(deadline_s)
    while late and not done.wait(CUT_EVERY_S):
        if isinstance(connection.sock, socket.socket):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _hand_over(connection: smtplib.SMTP, server: MailServer, mail: Mail) -> None:
    if server.starttls:
        connection.starttls(context=ssl.create_default_context())
    if server.user:
        connection.login(server.user, server.password or "")
    connection.ehlo_or_helo_if_needed()
    content, options = _content(connection, mail), _options(connection, mail)
    connection.sendmail(mail.sender, [mail.recipient], content, mail_options=options)
    _say_goodbye(connection)


def _options(connection: smtplib.SMTP, mail: Mail) -> list[str]:
    """Raises `DeliveryError` for an address that this server cannot write (RFC 6531)."""
    eight_bit = ["BODY=8BITMIME"] if connection.has_extn("8bitmime") else []
    if mail.recipient.isascii():
        return eight_bit
    if not connection.has_extn("smtputf8"):
        raise DeliveryError(Failure.REFUSED, "The mail server takes no address beyond ASCII")
    return [*eight_bit, "SMTPUTF8"]


def _content(connection: smtplib.SMTP, mail: Mail) -> bytes:
    """The message with the line ends of the wire, in base64 for a server from before 1994 (RFC 6152)."""
    if connection.has_extn("8bitmime"):
        return mail.content.encode().replace(b"\n", b"\r\n")
    message = message_from_bytes(mail.content.encode(), policy=policy.SMTP)
    return message.as_bytes(policy=policy.SMTP.clone(cte_type="7bit"))


def _say_goodbye(connection: smtplib.SMTP) -> None:
    """The mail is taken; a server that fails now changes nothing."""
    try:
        connection.quit()
    except OSError:
        return


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round did; `away` says that it stopped because the other side does not answer."""

    sent: int = 0
    failed: int = 0
    away: bool = False


class Deliverer:
    """Sends what is due; any number of them, in any process, share the outbox."""

    def __init__(self, database: Database, configuration: Configuration, clock: Clock) -> None:
        self._database = database
        self._keyring = configuration.keyring
        self._clock = clock
        self._senders: dict[str, Callable[[Leased], None]] = {MAIL: self._mail_sender(configuration)}

    def deliver_due(self, stop: threading.Event | None = None) -> Round:
        """Try what is due, oldest first: all of it, or `ROUND`, or until the other side is away or `stop` is set."""
        sent = failed = 0
        while sent + failed < ROUND and not (stop and stop.is_set()) and (leased := self._lease()):
            failure = self._try(leased)
            sent, failed = sent + (failure is None), failed + (failure is not None)
            if failure is Failure.AWAY:
                return Round(sent=sent, failed=failed, away=True)
        return Round(sent=sent, failed=failed)

    def _lease(self) -> Leased | None:
        now = self._clock.now()
        with self._database.reading() as db:
            if not anything_due(db, now=now):
                return None
        with self._database.writing() as db:
            return lease_next(db, now=now)

    def _try(self, leased: Leased) -> Failure | None:
        error = self._send(leased)
        with self._database.writing() as db:
            if error is None:
                mark_sent(db, leased, now=self._clock.now())
                return None
            again_at = mark_failed(db, leased, error.failure, error.sentence, now=self._clock.now())
        logger.warning("Not delivered: %s %s, %s; next try %s", leased.kind, leased.public_id, error.sentence, again_at)
        return error.failure

    def _send(self, leased: Leased) -> DeliveryError | None:
        """Whatever goes wrong with one delivery becomes its failure: the others must still go out."""
        try:
            self._senders[leased.kind](leased)
        except DeliveryError as error:
            return error
        except UndecryptableError:
            return DeliveryError(Failure.REFUSED, "No key of ANSWER_KEYS opens it")
        except Exception as reason:
            logger.exception("Unexpected failure with delivery %s", leased.public_id)
            return DeliveryError(Failure.LATER, f"Unexpected failure ({type(reason).__name__})")
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
