"""Safe requests to other people's services: to checked addresses, for a limited time, of a limited size.

Python's timeouts are for each read, so a service that sends a byte now and then could keep a thread busy for ever (1 s
became 12 s). So a separate thread makes the request. The caller stops waiting at the deadline and cuts the connection.

A name in DNS must not lead to this machine or its neighbours (OWASP ASVS 5.0, 1.3.6). The portal calls public
addresses only, and those that an installation allows.
"""

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import Url, parse_url

from portal.integrations.definition import Call, LookupFailedError, LookupFailure

MOST_READ_AT_ONCE = 64 * 1024
REQUESTS_AT_ONCE = 3
"""The most requests of one integration in one process: a slow service must not use up all threads."""
WAITS_FOR_TURN_S = 0.5
DEFAULT_HEADERS = {"User-Agent": "portal", "Accept-Encoding": "identity"}
"""No compression: a small compressed answer could become huge here."""

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its warnings contain addresses, and so what people typed

Resolve = Callable[..., Sequence[Any]]
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# From the IANA special-purpose address registries.
SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
PUBLIC = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("2000::/3"))
"""Where public addresses are. All other IPv6 addresses are for special use, whatever form somebody thinks of next."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
CARRIERS = (NAT64, MAPPED)
"""Ranges whose last 32 bits are the IPv4 address that packets reach."""
ISATAP = (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe")
"""What stands before such 32 bits in any network (RFC 5214)."""


def may_call(written: str, allowed: Sequence[IPNetwork]) -> bool:
    """Return whether the portal may connect to an address, given as the resolver wrote it."""
    address = reached(ipaddress.ip_address(written.partition("%")[0]))
    is_public = address.is_global and _is_in(address, PUBLIC) and not _is_in(address, SPECIAL)
    return is_public or _is_in(address, allowed)


def _is_in(address: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def reached(address: IPAddress) -> IPAddress:
    """Return the address that packets reach: for an IPv6 address that contains an IPv4 one, the latter."""
    if address.version == 6 and (_is_in(address, CARRIERS) or address.packed[8:12] in ISATAP):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one call.

    `allowed` are networks that may be called although they are not public. `authorities` is the path of a file of
    certificates to trust.
    """

    allowed: tuple[IPNetwork, ...] = ()
    deadline_s: float = 4.0
    max_bytes: int = 256 * 1024
    authorities: str | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceAnswer:
    """A complete answer."""

    status: int
    body: bytes


class SafeClient:
    """Makes the calls of one integration."""

    def __init__(
        self, limits: Limits, *, resolve: Resolve = socket.getaddrinfo, at_once: int = REQUESTS_AT_ONCE
    ) -> None:
        self.limits = limits
        self._resolve = resolve
        self._turns = threading.BoundedSemaphore(at_once)

    def fetch(self, call: Call) -> ServiceAnswer:
        """Make a call and return its answer.

        Raises `LookupFailedError` where there is no answer within the deadline.
        """
        if not self._turns.acquire(timeout=WAITS_FOR_TURN_S):
            raise LookupFailedError(LookupFailure.BUSY)
        attempt = _Request(call, self.limits, self._resolve)
        threading.Thread(target=self._run, args=(attempt,), daemon=True).start()
        return attempt.result()

    def _run(self, attempt: "_Request") -> None:
        """Make the request; it counts until its thread ends, although its caller may have stopped waiting."""
        try:
            attempt.run()
        finally:
            self._turns.release()


class _Request:
    """One request: one thread makes it, another waits for it and may cut it off."""

    def __init__(self, call: Call, limits: Limits, resolve: Resolve) -> None:
        self._call = call
        self._limits = limits
        self._resolve = resolve
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._is_cut = False
        self._shutdown: Callable[[int], None] | None = None
        self._answer: ServiceAnswer | None = None
        self._failure = LookupFailure.UNREACHABLE

    def result(self) -> ServiceAnswer:
        """Wait for the answer until the deadline and return it; raise `LookupFailedError` where there is none."""
        if not self._done.wait(self._limits.deadline_s):
            self._cut_off()
            raise LookupFailedError(LookupFailure.SLOW)
        if self._answer is None:
            raise LookupFailedError(self._failure)
        return self._answer

    def run(self) -> None:
        """Make the request, and keep its answer or its failure."""
        try:
            self._answer = self._send(parse_url(self._call.url))
        except LookupFailedError as reason:
            self._failure = reason.failure
        except (NewConnectionError, HTTPException):  # to urllib3 a refused connection is a kind of time-out
            self._failure = LookupFailure.UNREACHABLE
        except (TimeoutError, Urllib3TimeoutError):
            self._failure = LookupFailure.SLOW
        except (HTTPError, OSError, ValueError):
            self._failure = LookupFailure.UNREACHABLE
        finally:
            self._done.set()

    def _send(self, url: Url) -> ServiceAnswer:
        headers = HTTPHeaderDict({"Host": url.netloc or "", **DEFAULT_HEADERS})
        headers.update(self._call.headers)
        connection = self._connect(url)
        try:
            connection.request(self._call.method, url.request_uri, self._call.body, headers, preload_content=False)
            return self._read(connection.getresponse())
        finally:
            connection.close()

    def _read(self, response: BaseHTTPResponse) -> ServiceAnswer:
        if 300 <= response.status < 400:
            raise LookupFailedError(LookupFailure.REDIRECTED)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise LookupFailedError(LookupFailure.NOT_UNDERSTOOD)
        body = bytearray()
        while chunk := response.read(MOST_READ_AT_ONCE, decode_content=False):
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise LookupFailedError(LookupFailure.TOO_LARGE)
        return ServiceAnswer(status=response.status, body=bytes(body))

    def _connect(self, url: Url) -> HTTPConnection:
        """Resolve the name once, check its addresses, and connect to the first that answers.

        Raises `LookupFailedError` where one of the addresses may not be called.
        """
        port = url.port or (443 if url.scheme == "https" else 80)
        found = self._resolve((url.host or "").strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(entry[4][0] for entry in found))
        if not addresses or not all(may_call(address, self._limits.allowed) for address in addresses):
            raise LookupFailedError(LookupFailure.FORBIDDEN)
        *others, last = addresses
        for address in others:
            with suppress(ConnectTimeoutError):
                return self._open_connection(url, address, port)
        return self._open_connection(url, last, port)

    def _open_connection(self, url: Url, address: str, port: int) -> HTTPConnection:
        """Open a connection to this address, with TLS checked against the name.

        Connecting and the TLS handshake have timeouts of their own. After them a service could answer very slowly, so
        from then on the waiting thread can shut the connection down.
        """
        at_most = self._limits.deadline_s
        connection = HTTPConnection(address, port, timeout=at_most)
        if url.scheme == "https":
            name, authorities = (url.host or "").strip("[]"), self._limits.authorities
            connection = HTTPSConnection(
                address, port, timeout=at_most, server_hostname=name, cert_reqs="CERT_REQUIRED", ca_certs=authorities
            )
        if not self._is_cut:
            connection.connect()
        with self._lock:
            if not self._is_cut:
                self._shutdown = connection.sock.shutdown
                return connection
        connection.close()
        raise LookupFailedError(LookupFailure.SLOW)

    def _cut_off(self) -> None:
        with self._lock, suppress(OSError):  # the connection may have closed already
            self._is_cut = True
            if self._shutdown:
                self._shutdown(socket.SHUT_RDWR)
