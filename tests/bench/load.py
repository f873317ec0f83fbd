"""A limited load: browsers that keep their connections and repeat a request, all in one event loop."""

import asyncio
import resource
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from statistics import quantiles
from time import monotonic_ns, perf_counter

COUNT = "NUMBER-OF-THE-REQUEST"
"""Replaced in a body by a number that grows with each request, so that every save is new and changes something."""
TIMEOUT_S = 20
OPENED_AT_ONCE = 200
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


def _rising() -> Iterator[int]:
    """Yield the milliseconds since this machine started, or one more than the last: no number comes twice."""
    number = 0
    while True:
        number = max(number + 1, monotonic_ns() // 1_000_000)
        yield number


_numbers = _rising()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as one browser sends it, and the status that it expects."""

    path: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: str = ""
    is_from_everywhere: bool = False

    def next_headers(self) -> dict[str, str]:
        """Return the headers of the next request; `is_from_everywhere` names another network, as a proxy would."""
        if not self.is_from_everywhere:
            return self.headers
        number = monotonic_ns() // 1000
        return self.headers | {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    def next_body(self) -> str:
        """Return the body of the next request, with its number."""
        return self.body.replace(COUNT, str(next(_numbers))) if self.body else ""

    def next_bytes(self, host: str) -> bytes:
        """Return the next request as it is sent."""
        body = self.next_body().encode()
        headers = {"Host": host, **self.next_headers()}
        if body:
            headers["Content-Length"] = str(len(body))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + HEAD_END + body


@dataclass(frozen=True, kw_only=True)
class Answered:
    """How many requests, how many a second, and the times that half, 95 % and 99 % of them took, in milliseconds."""

    count: int
    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, times: list[float], seconds: float) -> "Answered":
        """Return the figures of requests that took so many seconds each, and all together."""
        cuts = quantiles(times, n=100)
        p50, p95, p99 = (cuts[place] * 1000 for place in (49, 94, 98))
        return cls(count=len(times), rate=len(times) / seconds, p50_ms=p50, p95_ms=p95, p99_ms=p99)


class Browser(asyncio.Protocol):
    """One browser, with one connection that it keeps; it asks one thing at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._came, self._awaited = bytearray(), 0
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._awaited:
            end = self._came.find(HEAD_END)
            if end < 0:
                return
            self._awaited = end + len(HEAD_END) + _length(bytes(self._came[:end]).lower())
        if len(self._came) >= self._awaited and self._answer and not self._answer.done():
            self._answer.set_result(bytes(self._came))
            self._came, self._awaited = bytearray(), 0

    def connection_lost(self, _reason: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the whole response.

        Raises `ConnectionError` if the server closes the connection instead.
        """
        assert self._transport
        if self._transport.is_closing():
            raise ConnectionError("the server closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def leave(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.close()


def _length(head: bytes) -> int:
    """Return the length of the body that comes after this head."""
    return next((int(line[len(LENGTH) :]) for line in head.split(b"\r\n") if line.startswith(LENGTH)), 0)


def status_of(response: bytes) -> int:
    """Return the status of a response, such as 200."""
    return int(response[9:12])


async def new_browser(port: int) -> Browser:
    """Connect to a server on this machine."""
    _transport, browser = await asyncio.get_running_loop().create_connection(Browser, "127.0.0.1", port)
    return browser


def apply(asked: Sequence[Asked], seconds: float, port: int, *, pause_s: float = 0) -> Answered:
    """Repeat each browser's request to a server on this machine for some seconds.

    Raises `ValueError` if a response has another status.
    """
    return asyncio.run(_apply(asked, seconds, port, pause_s))


async def _apply(asked: Sequence[Asked], seconds: float, port: int, pause_s: float) -> Answered:
    began = perf_counter()
    async with asyncio.timeout(seconds + TIMEOUT_S):
        found = await asyncio.gather(*(_browse(each, began + seconds, port, pause_s) for each in asked))
    return Answered.of([time for times in found for time in times], perf_counter() - began)


async def _browse(asked: Asked, end: float, port: int, pause_s: float) -> list[float]:
    browser, times = await new_browser(port), list[float]()
    while (began := perf_counter()) < end:
        response = await browser.ask(asked.next_bytes(f"127.0.0.1:{port}"))
        times.append(perf_counter() - began)
        if status_of(response) != asked.status:
            raise ValueError(f"{asked.method} {asked.path}: {status_of(response)}, not {asked.status}: {response!r}")
        if pause_s:
            await asyncio.sleep(pause_s)
    browser.leave()
    return times


def overload(asked: Sequence[Asked], connections: int, port: int) -> Counter[str]:
    """Open so many connections, keep them all, and ask for one of these on each at the same time.

    Returns how many responses had each status; one that did not come counts as “failed”, and a 503 that does not say
    when to try again as “503 without Retry-After”.
    """
    return asyncio.run(_overload(asked, connections, port))


async def _overload(asked: Sequence[Asked], connections: int, port: int) -> Counter[str]:
    browsers = list[Browser]()
    for began in range(0, connections, OPENED_AT_ONCE):
        number = min(OPENED_AT_ONCE, connections - began)
        browsers += await asyncio.gather(*(new_browser(port) for _ in range(number)))
    requests = (asked[at % len(asked)].next_bytes(f"127.0.0.1:{port}") for at in range(connections))
    seen = Counter(await asyncio.gather(*map(_outcome, browsers, requests)))
    for browser in browsers:
        browser.leave()
    return seen


async def _outcome(browser: Browser, request: bytes) -> str:
    with suppress(ConnectionError):
        response = await browser.ask(request)
        is_silent = status_of(response) == HTTPStatus.SERVICE_UNAVAILABLE and b"retry-after:" not in response.lower()
        return "503 without Retry-After" if is_silent else str(status_of(response))
    return "failed"


def more_files() -> None:
    """Let this process, and those that it starts, open as many files and connections as the system allows it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def failures(seen: Mapping[str, int], expected: Iterable[int]) -> int:
    """Return how many requests were neither answered as expected nor told when to try again."""
    fine = {*map(str, expected), str(int(HTTPStatus.SERVICE_UNAVAILABLE))}
    return sum(count for outcome, count in seen.items() if outcome not in fine)
