"""Scan files with ClamAV's daemon over a socket, within a deadline.

The protocol is that of clamd(8): `zINSTREAM`, then chunks of four bytes of length and content, an empty one at the end.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from portal.errors import ConfigurationError, PortalError
from portal.storage.definition import Scan

SCAN_DEADLINE_S = 15.0
"""Seconds for all files of one request together, or for one file of the worker."""
CONNECT_S = 3.0
LONGEST_ANSWER = 4096
_COMMAND = b"zINSTREAM\0"
_PORT = 3310


class ScannerAwayError(PortalError):
    """The scanner did not answer, or not in the protocol, so nothing is known of the file."""


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """The address on which clamd listens."""

    host: str
    port: int


def read_scanner(url: str | None) -> Scanner | None:
    """Return the scanner at `CLAMAV_URL` (`tcp://host:port`), or None if the variable is empty.

    Raise `ConfigurationError` for any other address.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "tcp" or not parts.hostname or parts.path or parts.username:
        raise ConfigurationError("CLAMAV_URL must be tcp://HOST:PORT, like tcp://127.0.0.1:3310.")
    return Scanner(host=parts.hostname, port=port)


def scan(scanner: Scanner, chunks: Iterable[bytes], *, deadline_s: float = SCAN_DEADLINE_S) -> Scan:
    """Return what the scanner says of a content, within `deadline_s` seconds.

    Raise `ScannerAwayError` if it does not answer, or not in the protocol.
    """
    end = monotonic() + deadline_s
    try:
        with socket.create_connection((scanner.host, scanner.port), min(CONNECT_S, _left(end))) as connection:
            answer = _conversation(connection, chunks, end)
    except OSError as reason:
        raise ScannerAwayError(f"The scanner did not answer ({type(reason).__name__}).") from reason
    return _verdict(answer)


def _conversation(connection: socket.socket, chunks: Iterable[bytes], end: float) -> bytes:
    """Send everything and return the answer; the scanner may answer, and hang up, before it has read all."""
    try:
        _send_bytes(connection, _COMMAND, end)
        for chunk in chunks:
            if chunk:
                _send_bytes(connection, len(chunk).to_bytes(4, "big") + chunk, end)
        _send_bytes(connection, bytes(4), end)
    except (BrokenPipeError, ConnectionResetError):
        return _heard(connection, end)
    return _heard(connection, end)


def _send_bytes(connection: socket.socket, data: bytes, end: float) -> None:
    connection.settimeout(_left(end))
    connection.sendall(data)


def _heard(connection: socket.socket, end: float) -> bytes:
    answer = b""
    while b"\0" not in answer and len(answer) < LONGEST_ANSWER:
        connection.settimeout(_left(end))
        piece = connection.recv(LONGEST_ANSWER)
        if not piece:
            break
        answer += piece
    return answer.partition(b"\0")[0].strip()


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _verdict(answer: bytes) -> Scan:
    if answer.endswith(b" FOUND"):
        return Scan.INFECTED
    if answer.endswith(b": OK"):
        return Scan.CLEAN
    if b"size limit exceeded" in answer:
        return Scan.NOT_SCANNED
    raise ScannerAwayError("The scanner answered something that it should not say.")
