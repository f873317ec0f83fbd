"""The safe HTTP client, against a real server on loopback that misbehaves in every known way."""

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from portal.integrations.definition import Call, LookupFailedError, LookupFailure
from portal.integrations.outbound import Limits, SafeClient
from tests.services import Service, closed_port, say

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"


def client(deadline_s: float = 4, max_bytes: int = 10_000, **more: Any) -> SafeClient:
    return SafeClient(Limits(allowed=LOOPBACK, deadline_s=deadline_s, max_bytes=max_bytes), **more)


def get(url: str) -> Call:
    return Call(method="GET", url=url, headers={"Accept": "application/json"})


def failure(of: SafeClient, url: str) -> LookupFailure:
    with pytest.raises(LookupFailedError) as failed:
        of.fetch(get(url))
    return failed.value.failure


def test_a_response_comes_back_whole(service: Service) -> None:
    answer = client().fetch(get(service.url("/?q=a")))
    assert (answer.status, answer.body[:8]) == (200, b'{"items"')
    (asked,) = service.asked
    assert asked.path == "/?q=a"
    assert asked.headers["Host"] == service.url().split("/")[2]
    assert asked.headers["Accept-Encoding"] == "identity"
    assert "python" not in str(asked.headers).lower()


@pytest.mark.parametrize(
    ("start", "what"),
    [(b"", "status line"), (HEAD, "headers"), (HEAD + b"\r\n", "body")],
    ids=["status line", "headers", "body"],
)
def test_a_dripping_response_is_cut_at_the_deadline_though_no_read_times_out(
    service: Service, start: bytes, what: str
) -> None:
    service.answers["/"] = service.drip(start)
    slow, began = client(deadline_s=0.6, at_once=1), time.monotonic()
    assert failure(slow, service.url()) is LookupFailure.SLOW, what
    assert 0.5 < time.monotonic() - began < 2
    service.answers["/"] = say({})
    assert slow.fetch(get(service.url())).status == 200, "the thread of the cut request is free again"


def test_an_unfinished_tls_handshake_is_cut_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        slow = client(deadline_s=0.5, at_once=1)
        assert failure(slow, url) is LookupFailure.SLOW
        assert failure(slow, url) is LookupFailure.SLOW, "the first thread is free again"


def test_a_dripping_tls_handshake_is_cut_at_the_deadline() -> None:
    def drip(server: socket.socket) -> None:
        for _connection in range(2):
            with server.accept()[0] as connection, suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x3f\xff")
                while not over.wait(0.05):
                    connection.sendall(b"x")

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip, args=(server,), daemon=True)
        dripping.start()
        slow, url = client(deadline_s=0.5, at_once=1), f"https://127.0.0.1:{server.getsockname()[1]}/"
        assert failure(slow, url) is LookupFailure.SLOW
        assert failure(slow, url) is LookupFailure.SLOW, "the first thread is free again"
        over.set()
        dripping.join()


def test_a_name_that_never_resolves_is_given_up_at_the_deadline() -> None:
    forever = threading.Event()

    def resolve(*_args: Any, **_more: Any) -> Sequence[Any]:
        forever.wait(20)
        return ()

    stuck = client(deadline_s=0.3, resolve=resolve, at_once=1)
    assert failure(stuck, "http://service.example/") is LookupFailure.SLOW
    assert failure(stuck, "http://service.example/") is LookupFailure.BUSY, "its thread still counts"
    forever.set()


BAD_ANSWERS = [
    ("a redirect", say(b"", 302, Location="http://127.0.0.1/"), LookupFailure.REDIRECTED),
    ("too large by its own word", say(b"x" * 20_000), LookupFailure.TOO_LARGE),
    ("compressed", say(b"\x1f\x8b", Content_Encoding="gzip"), LookupFailure.NOT_UNDERSTOOD),
]


@pytest.mark.parametrize(("answer", "expected"), [case[1:] for case in BAD_ANSWERS], ids=[c[0] for c in BAD_ANSWERS])
def test_a_bad_response_is_refused(service: Service, answer: Any, expected: LookupFailure) -> None:
    service.answers["/"] = answer
    assert failure(client(), service.url()) is expected
    assert len(service.asked) == 1, "nobody followed it"


def test_a_body_without_a_length_is_cut_at_the_size_limit(service: Service) -> None:
    def endless(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            request.wfile.write(b"x" * 100_000)

    service.answers["/"] = endless
    assert failure(client(), service.url()) is LookupFailure.TOO_LARGE


@pytest.mark.parametrize("rude", [b"", b"nonsense\r\n\r\n"], ids=["hangs up", "no HTTP"])
def test_a_response_that_is_not_http_is_a_failure(service: Service, rude: bytes) -> None:
    def answer(request: Any) -> None:
        request.wfile.write(rude)
        request.close_connection = True

    service.answers["/"] = answer
    assert failure(client(), service.url()) is LookupFailure.UNREACHABLE


def test_a_refused_connection_is_a_failure() -> None:
    assert failure(client(), f"http://127.0.0.1:{closed_port()}/") is LookupFailure.UNREACHABLE


def test_loopback_is_not_called_unless_it_is_allowed(service: Service) -> None:
    strict = SafeClient(Limits())
    assert failure(strict, service.url()) is LookupFailure.FORBIDDEN
    assert failure(strict, service.url(host="localhost")) is LookupFailure.FORBIDDEN
    assert failure(strict, service.url(host="2130706433")) is LookupFailure.FORBIDDEN
    assert failure(strict, service.url(host="0x7f.1")) is LookupFailure.FORBIDDEN
    assert not service.asked


def answers_of(*addresses: Sequence[str]) -> Any:
    """Return a resolver that answers differently each time."""
    queue = list(addresses)

    def resolve(_host: str, port: int, **_more: Any) -> Sequence[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in queue.pop(0)]

    return resolve


def test_one_forbidden_address_among_several_refuses_the_name(service: Service) -> None:
    strict = SafeClient(Limits(), resolve=answers_of(["93.184.215.14", "127.0.0.1"]))
    assert failure(strict, service.url(host="service.example")) is LookupFailure.FORBIDDEN
    assert not service.asked


def test_the_call_goes_to_the_address_that_was_checked(service: Service) -> None:
    """The name does not exist, and a second DNS query would find the queue of addresses empty."""
    pinned = client(resolve=answers_of(["127.0.0.1"]))
    assert pinned.fetch(get(service.url(host="service.example"))).status == 200
    (asked,) = service.asked
    assert asked.headers["Host"].startswith("service.example:")


def test_a_proxy_that_the_environment_names_is_not_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    assert client().fetch(get(service.url())).status == 200


def test_a_slow_service_occupies_only_a_limited_number_of_threads(service: Service) -> None:
    service.answers["/slow"] = service.hang
    of, outcomes = client(deadline_s=2, at_once=2), []
    threads = [
        threading.Thread(target=lambda: outcomes.append(failure(of, service.url("/slow"))), daemon=True)
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(LookupFailure.BUSY) == 4
    assert outcomes.count(LookupFailure.SLOW) == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return key and certificate of `service.example`, self-signed, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("service.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "service.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("host", "trusts", "expected"),
    [
        ("service.example", True, None),
        ("service.example", False, LookupFailure.UNREACHABLE),
        ("other.example", True, LookupFailure.UNREACHABLE),
    ],
    ids=["its own name", "unknown authority", "another name"],
)
def test_tls_is_checked_against_the_name_though_the_address_is_pinned(
    certificate: Path, host: str, trusts: bool, expected: LookupFailure | None
) -> None:
    limits = Limits(allowed=LOOPBACK, authorities=str(certificate) if trusts else None)
    of = SafeClient(limits, resolve=answers_of(["127.0.0.1"]))
    with Service(certificate=certificate) as service:
        if expected:
            assert failure(of, service.url(host=host)) is expected
        else:
            assert of.fetch(get(service.url(host=host))).status == 200


@pytest.mark.parametrize("start", [b"", HEAD + b"\r\n"], ids=["status line", "body"])
def test_a_dripping_response_inside_tls_is_cut_at_the_deadline(certificate: Path, start: bytes) -> None:
    limits = Limits(allowed=LOOPBACK, authorities=str(certificate), deadline_s=0.6)
    slow = SafeClient(limits, resolve=answers_of(["127.0.0.1"], ["127.0.0.1"]), at_once=1)
    with Service(certificate=certificate) as service:
        service.answers["/"] = service.drip(start)
        assert failure(slow, service.url(host="service.example")) is LookupFailure.SLOW
        service.answers["/"] = say({})
        assert slow.fetch(get(service.url(host="service.example"))).status == 200, "the thread is free again"
