"""Mail over SMTP, one connection a message, ended by the wall clock however slowly the server answers."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy

from portal.outbox.definition import DeliveryError, Failure, Mail
from portal.outbox.mail_server import MailServer

READ_TIMEOUT_S = 8.0
DEADLINE_S = 20.0
"""For the whole conversation: a timeout for each read lets a server that sends a byte now and then take for ever."""
CUT_EVERY_S = 0.5
CLOSING = 421
"""RFC 5321 3.8: the server is closing; what was wrong is the server, not this mail."""


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
