"""`docs/deploy/nginx.conf` starts on a real nginx, and carries requests to a portal in production as it says."""

import http.client
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.smoke.conftest import ROOT, RunningPortal, Start, eventually, free_port

EXAMPLE = ROOT / "docs" / "deploy" / "nginx.conf"
HOST = "portal.example.org"
PLACES = (shutil.which("nginx"), "/usr/sbin/nginx", f"{sys.prefix}/nginx/usr/sbin/nginx")
FOUND = os.environ.get("TEST_NGINX") or next((place for place in PLACES if place and Path(place).exists()), "")
"""The nginx to run, by a command; `make nginx` brings one beside the environment."""
AROUND = """daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
access_log off;
{temporary}
include {folder}/portal.conf;
}}
"""
SLOW_BODIES = 30
pytestmark = pytest.mark.skipif(not FOUND, reason="there is no nginx: apt-get install nginx, or make nginx")


def certificate(folder: Path) -> Path:
    """Make a certificate for the host of the example, with its key beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "privkey.pem").write_bytes(private)
    (folder / "fullchain.pem").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return folder / "fullchain.pem"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return False
    return True


class Proxy:
    """The example, running with other ports and paths."""

    def __init__(self, folder: Path, upstream: int) -> None:
        self.plain, self.secure = free_port(), free_port()
        self.trusted = certificate(folder)
        example = EXAMPLE.read_text(encoding="utf-8")
        example = re.sub(r"(listen (?:\[::\]:)?)80\b", rf"\g<1>{self.plain}", example)
        example = re.sub(r"(listen (?:\[::\]:)?)443\b", rf"\g<1>{self.secure}", example)
        example = example.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
        example = example.replace(f"/etc/letsencrypt/live/{HOST}", str(folder))
        if not has_ipv6():
            example = re.sub(r" *listen \[::\].*\n", "", example)
        (folder / "portal.conf").write_text(example, encoding="utf-8")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        user = "user root;" if os.geteuid() == 0 else ""
        whole = AROUND.format(folder=folder, temporary=temporary, user=user)
        (folder / "nginx.conf").write_text(whole, encoding="utf-8")
        self.log = folder / "nginx.log"
        with self.log.open("wb") as log:
            command = [*shlex.split(FOUND), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def connect(self, *protocols: str) -> ssl.SSLSocket:
        """Return a connection to the secure port, as to the host of the example."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", self.secure), timeout=20)
        return context.wrap_socket(plain, server_hostname=HOST)

    def answers(self) -> bool:
        if self.process.poll() is not None:
            return True
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def get(self, path: str) -> http.client.HTTPResponse:
        """Return the answer to a GET of the secure host, its body read."""
        with closing(http.client.HTTPConnection(HOST)) as connection:
            connection.sock = self.connect()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        return answer


@pytest.fixture
def portal(start: Start) -> RunningPortal:
    """A portal that is told of the proxy."""
    return start(BASE_URL=f"https://{HOST}", TRUSTED_HOSTS=f"{HOST},127.0.0.1", TRUSTED_PROXIES="1")


@pytest.fixture
def proxy(portal: RunningPortal, tmp_path: Path) -> Iterator[Proxy]:
    folder = tmp_path / "nginx"
    folder.mkdir()
    proxy = Proxy(folder, portal.port)
    assert eventually(proxy.answers), proxy.log.read_text()
    assert proxy.process.poll() is None, proxy.log.read_text()
    yield proxy
    proxy.process.terminate()
    proxy.process.wait(20)


def test_the_example_starts_and_serves_the_portal_over_tls_and_http_2(proxy: Proxy) -> None:
    page = proxy.get("/account/sign-in")
    assert page.status == 200
    cookies = page.headers.get_all("Set-Cookie") or []
    assert cookies
    assert all("; Secure" in cookie for cookie in cookies)
    with proxy.connect("h2", "http/1.1") as connection:
        assert connection.selected_alpn_protocol() == "h2"
    assert proxy.get("/metrics").status == 404
    assert proxy.get("/readyz").status == 200
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=20)) as plain:
        plain.request("GET", "/forms/housing-support?x=1")
        moved = plain.getresponse()
        moved.read()
    assert (moved.status, moved.headers["Location"]) == (301, f"https://{HOST}/forms/housing-support?x=1")


def test_bodies_that_never_arrive_keep_nobody_else_waiting(proxy: Proxy) -> None:
    head = f"POST /account/sign-in HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\nemail="
    slow = [proxy.connect() for _ in range(SLOW_BODIES)]
    for connection in slow:
        connection.sendall(head.encode())
    assert proxy.get("/").status == 200
    for connection in slow:
        connection.close()
