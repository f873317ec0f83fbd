"""The safe way out: one request to one checked address, ended by the wall clock, and never more than a little read.

Python's timeouts are for each read, so a service that sends a byte now and then would hold a thread for ever (1 s
became 12 s). Here a thread of its own makes the request, and who waits for it stops waiting at the deadline and cuts
the connection.
"""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

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
        self._switch: socket.socket | None = None
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
            self._answer = self._fetched()
        except LookupFailedError as reason:
            self._failure = reason.failure
        except requests.Timeout:
            self._failure = Failure.SLOW
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            self._failure = Failure.UNREACHABLE
        finally:
            self._done.set()
            self._let_go()

    def _fetched(self) -> Answer:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, password file or certificates that the environment names
            session.headers.clear()
            session.mount("https://", _GuardedTransport(self.connect))
            session.mount("http://", _GuardedTransport(self.connect))
            return self._read(self._sent(session))

    def _sent(self, session: requests.Session) -> requests.Response:
        return session.request(
            self._call.method,
            self._call.url,
            data=self._call.body,
            headers={**OWN_HEADERS, **self._call.headers},
            allow_redirects=False,
            stream=True,
            timeout=self._limits.deadline_s,
            verify=self._limits.authorities or True,
        )

    def _read(self, response: requests.Response) -> Answer:
        with response:
            if 300 <= response.status_code < 400:
                raise LookupFailedError(Failure.REDIRECTED)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise LookupFailedError(Failure.NOT_UNDERSTOOD)
            return Answer(status=response.status_code, body=self._body(response))

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        while chunk := response.raw.read(CHUNK, decode_content=False):
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise LookupFailedError(Failure.TOO_LARGE)
        return bytes(body)

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the name's address, resolved once and checked: this is where it goes, whatever DNS says next.

        Raises `LookupFailedError` where one of its addresses may not be called.
        """
        found = self._resolve(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(entry[4][0] for entry in found))
        if not addresses or not all(may_call(address, self._limits.allowed) for address in addresses):
            raise LookupFailedError(Failure.FORBIDDEN)
        return self._watched(_connection(addresses, port, self._limits.deadline_s))

    def _watched(self, connection: socket.socket) -> socket.socket:
        """Keep a second handle on the connection, by which it can be cut off while TLS or a read holds the first."""
        with self._lock:
            if self._is_cut:
                connection.close()
                raise LookupFailedError(Failure.SLOW)
            self._switch = connection.dup()
        return connection

    def _cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._switch:
                _shut(self._switch)

    def _let_go(self) -> None:
        with self._lock:
            if self._switch:
                self._switch.close()
                self._switch = None


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def _connection(addresses: Sequence[str], port: int, timeout_s: float) -> socket.socket:
    """A connection to the first of these addresses that takes one; raises `OSError` where none does."""
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), timeout=timeout_s)
        except OSError:
            continue
    return socket.create_connection((last, port), timeout=timeout_s)


class _GuardedTransport(HTTPAdapter):
    """Requests' transport with connections that are made by us; the name stays in `Host` and in TLS."""

    def __init__(self, connect: Callable[[str, int], socket.socket]) -> None:
        self._connect = connect
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, of our own connections."""
        super().init_poolmanager(*args, **kwargs)
        connect = self._connect

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return connect(self.host, self.port)

        class Encrypted(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return connect(self.host, self.port or 443)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
