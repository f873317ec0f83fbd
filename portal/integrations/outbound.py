"""The safe way out: one request to one checked address, ended by the wall clock, and never more than a little read.

Python's timeouts are for each read, so a service that sends a byte now and then would hold a thread for ever (1 s
became 12 s). Here a thread of its own makes the request, and who waits for it stops waiting at the deadline and cuts
the connection.
"""

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

from portal.integrations.definition import Call, Failure, LookupFailedError
from portal.integrations.guard import Network, may_call

CHUNK = 64 * 1024
AT_ONCE = 3
"""Requests of one integration under way in one process: a slow service must not take all threads."""
WAITS_FOR_TURN_S = 0.5
OWN_HEADERS = {"User-Agent": "portal", "Accept-Encoding": "identity"}
"""No compression: what is small on the way could be huge here."""

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its warnings quote addresses, and so what people typed

Resolve = Callable[..., Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call may do: where to, for how long, how much; `authorities` is a file of certificates to trust."""

    allowed: tuple[Network, ...] = ()
    deadline_s: float = 4.0
    max_bytes: int = 256 * 1024
    authorities: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes


class SafeClient:
    """Makes the calls of one integration."""

    def __init__(self, limits: Limits, *, resolve: Resolve = socket.getaddrinfo, at_once: int = AT_ONCE) -> None:
        self.limits = limits
        self._resolve = resolve
        self._turns = threading.BoundedSemaphore(at_once)

    def fetch(self, call: Call) -> Answer:
        """The answer to a call, within the deadline; raises `LookupFailedError`."""
        if not self._turns.acquire(timeout=WAITS_FOR_TURN_S):
            raise LookupFailedError(Failure.BUSY)
        attempt = _Attempt(call, self.limits, self._resolve)
        threading.Thread(target=self._run, args=(attempt,), daemon=True).start()
        return attempt.result()

    def _run(self, attempt: "_Attempt") -> None:
        """The turn is over when the thread is, so that requests that nobody waits for any more are counted too."""
        try:
            attempt.run()
        finally:
            self._turns.release()


class _Attempt:
    """One request under way: a thread makes it, another waits for it and may cut it off."""

    def __init__(self, call: Call, limits: Limits, resolve: Resolve) -> None:
        self._call = call
        self._limits = limits
        self._resolve = resolve
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._is_cut = False
        self._shutdown: Callable[[int], None] | None = None
        self._answer: Answer | None = None
        self._failure = Failure.UNREACHABLE

    def result(self) -> Answer:
        """The answer, waited for until the deadline; raises `LookupFailedError`."""
        if not self._done.wait(self._limits.deadline_s):
            self._cut()
            raise LookupFailedError(Failure.SLOW)
        if self._answer is None:
            raise LookupFailedError(self._failure)
        return self._answer

    def run(self) -> None:
        """Make the request; whatever happens becomes an answer or a failure."""
        try:
            self._answer = self._fetched(parse_url(self._call.url))
        except LookupFailedError as reason:
            self._failure = reason.failure
        except (NewConnectionError, HTTPException):  # to urllib3 a refused connection is a kind of time-out
            self._failure = Failure.UNREACHABLE
        except (TimeoutError, Urllib3TimeoutError):
            self._failure = Failure.SLOW
        except (HTTPError, OSError, ValueError):
            self._failure = Failure.UNREACHABLE
        finally:
            self._done.set()

    def _fetched(self, url: Url) -> Answer:
        headers = HTTPHeaderDict({"Host": url.netloc or "", **OWN_HEADERS})
        headers.update(self._call.headers)
        connection = self._connected(url)
        try:
            connection.request(self._call.method, url.request_uri, self._call.body, headers, preload_content=False)
            return self._read(connection.getresponse())
        finally:
            connection.close()

    def _read(self, response: BaseHTTPResponse) -> Answer:
        if 300 <= response.status < 400:
            raise LookupFailedError(Failure.REDIRECTED)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise LookupFailedError(Failure.NOT_UNDERSTOOD)
        body = bytearray()
        while chunk := response.read(CHUNK, decode_content=False):
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise LookupFailedError(Failure.TOO_LARGE)
        return Answer(status=response.status, body=bytes(body))

    def _connected(self, url: Url) -> HTTPConnection:
        """Connect to the name's address, resolved once and checked: this is where it goes, whatever DNS says next.

        The first address that takes a connection serves. Raises `LookupFailedError` where one may not be called.
        """
        port = url.port or (443 if url.scheme == "https" else 80)
        found = self._resolve((url.host or "").strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(entry[4][0] for entry in found))
        if not addresses or not all(may_call(address, self._limits.allowed) for address in addresses):
            raise LookupFailedError(Failure.FORBIDDEN)
        *others, last = addresses
        for address in others:
            with suppress(ConnectTimeoutError):
                return self._opened(url, address, port)
        return self._opened(url, last, port)

    def _opened(self, url: Url, address: str, port: int) -> HTTPConnection:
        """Open a connection to this address, with TLS checked against the name.

        Connecting and the handshake end at their own time-outs, each as a whole. What comes after them could drip, so
        the thread that waits can shut the connection from then on.
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
        raise LookupFailedError(Failure.SLOW)

    def _cut(self) -> None:
        with self._lock, suppress(OSError):  # it may have ended by itself
            self._is_cut = True
            if self._shutdown:
                self._shutdown(socket.SHUT_RDWR)
