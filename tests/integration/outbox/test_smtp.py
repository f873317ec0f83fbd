"""The SMTP adapter against servers that behave well and badly."""

import socket
import ssl
import threading
from datetime import UTC, datetime
from email import message_from_bytes, policy
from ipaddress import ip_address
from itertools import chain, repeat
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from portal.outbox.definition import DeliveryError, DeliveryFailure, Mail
from portal.outbox.delivery import MailServer, read_mail_server, send_by_smtp
from tests.integration.outbox.conftest import (
    MAIL_TO_ANN,
    MailServerOnLoopback,
    OldController,
    free_port,
    rude_server,
)

WORDS = "Grüße\n.\nhttp://127.0.0.1/resume/abc\n"


def server_at(url: str) -> MailServer:
    server = read_mail_server(url)
    assert server is not None
    return server


def failure_of(url: str, mail: Mail = MAIL_TO_ANN, deadline_s: float = 5) -> DeliveryError:
    with pytest.raises(DeliveryError) as failed:
        send_by_smtp(server_at(url), mail, deadline_s=deadline_s)
    return failed.value


@pytest.mark.parametrize("answer", ["to_recipient", "to_content"])
@pytest.mark.parametrize(
    ("words", "failure"),
    [
        ("450 ann@example.org is greylisted", DeliveryFailure.LATER),
        ("550 ann@example.org is unknown", DeliveryFailure.REFUSED),
        ("421 closing", DeliveryFailure.AWAY),
    ],
)
def test_refusal_is_classified_by_its_number_and_names_no_address(
    server: MailServerOnLoopback, answer: str, words: str, failure: DeliveryFailure
) -> None:
    setattr(server.mailbox, answer, words)
    error = failure_of(server.url)
    assert error.failure is failure
    assert error.sentence == f"The mail server answered {words[:3]}"


def test_closed_port_counts_as_an_unreachable_server() -> None:
    error = failure_of(f"smtp://127.0.0.1:{free_port()}")
    assert (error.failure, error.sentence) == (
        DeliveryFailure.AWAY,
        "The mail server did not answer (ConnectionRefusedError)",
    )


def test_dropped_connection_counts_as_an_unreachable_server() -> None:
    with rude_server(lambda connection, _over: None) as url:
        assert failure_of(url).failure is DeliveryFailure.AWAY


def test_connection_dropped_within_a_mail_counts_as_an_unreachable_server() -> None:
    def behave(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(b"220 hello\r\n")
        for answer in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            connection.recv(1000)
            connection.sendall(answer)

    with rude_server(behave) as url:
        assert failure_of(url).failure is DeliveryFailure.AWAY


def test_slow_server_is_cut_off_at_the_deadline() -> None:
    cut = threading.Event()

    def dribble(connection: socket.socket, over: threading.Event) -> None:
        for byte in chain(b"220 ", repeat(ord("a"))):
            if over.wait(0.05):
                return
            try:
                connection.send(bytes([byte]))
            except OSError:
                cut.set()
                return

    with rude_server(dribble) as url:
        assert failure_of(url, deadline_s=0.2).failure is DeliveryFailure.AWAY
        assert cut.wait(5)


def test_an_old_server_gets_the_same_words_in_base64() -> None:
    server = MailServerOnLoopback(OldController)
    server.start()
    try:
        send_by_smtp(server_at(server.url), MAIL_TO_ANN)
    finally:
        server.stop()
    (taken,) = server.mailbox.taken
    assert message_from_bytes(taken.original_content or b"", policy=policy.default).get_content() == WORDS
    assert (taken.original_content or b"").isascii()


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_wrong_password_counts_against_the_server_and_not_the_mail() -> None:
    server = MailServerOnLoopback(auth_require_tls=False, auth_required=True)
    server._options["authenticator"] = server.mailbox.authenticate
    server.start()
    try:
        send_by_smtp(server_at(f"smtp://post:secret@127.0.0.1:{server.port}"), MAIL_TO_ANN)
        assert len(server.mailbox.taken) == 1
        assert failure_of(f"smtp://post:wrong@127.0.0.1:{server.port}").failure is DeliveryFailure.AWAY
    finally:
        server.stop()


def test_missing_starttls_sends_nothing_in_the_clear(server: MailServerOnLoopback) -> None:
    assert failure_of(server.url + "?starttls=1").failure is DeliveryFailure.AWAY
    assert server.mailbox.taken == []


def test_smtps_server_without_tls_counts_as_unreachable(server: MailServerOnLoopback) -> None:
    assert failure_of(server.url.replace("smtp:", "smtps:")).failure is DeliveryFailure.AWAY


def test_address_with_an_umlaut_is_sent_to_a_server_that_accepts_it() -> None:
    server = MailServerOnLoopback(enable_SMTPUTF8=True)
    server.start()
    try:
        send_by_smtp(server_at(server.url), Mail(sender="a@b.example", recipient="jürgen@example.org", content="x\n"))
    finally:
        server.stop()
    assert server.mailbox.taken[0].rcpt_tos == ["jürgen@example.org"]


def test_an_address_with_an_umlaut_is_refused_by_a_server_that_does_not() -> None:
    server = MailServerOnLoopback(enable_SMTPUTF8=False)
    server.start()
    try:
        mail = Mail(sender="a@b.example", recipient="jürgen@example.org", content="x\n")
        assert failure_of(server.url, mail).failure is DeliveryFailure.REFUSED
    finally:
        server.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "mail.pem"
    path.write_bytes(
        made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


def tls_server(certificate: Path, option: str) -> MailServerOnLoopback:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return MailServerOnLoopback(Controller, **{option: context})


@pytest.mark.parametrize(
    ("option", "url"),
    [("ssl_context", "smtps://127.0.0.1:{port}"), ("tls_context", "smtp://127.0.0.1:{port}?starttls=1")],
    ids=["smtps", "starttls"],
)
def test_tls_is_used_only_with_a_server_that_proves_its_name(
    certificate: Path, option: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tls_server(certificate, option)
    server.start()
    try:
        assert failure_of(url.format(port=server.port)).failure is DeliveryFailure.AWAY
        assert server.mailbox.taken == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send_by_smtp(server_at(url.format(port=server.port)), MAIL_TO_ANN)
        assert len(server.mailbox.taken) == 1
    finally:
        server.stop()
