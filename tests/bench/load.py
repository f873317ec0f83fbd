"""A limited load: a few browsers that keep their connections and repeat the same request."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from statistics import quantiles
from time import monotonic_ns, perf_counter, sleep

COUNT = "NUMBER-OF-THE-REQUEST"
"""Replaced in a body by a number that grows with each request, so that every save is new and changes something."""
MOST, TIMEOUT_S = 20_000, 20


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

    def next_body(self) -> str | None:
        """Return the body of the next request; its number is the milliseconds since this machine started."""
        return self.body.replace(COUNT, str(monotonic_ns() // 1_000_000)) or None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """How many requests, how many a second, and the times that half, 95 % and 99 % of them took, in milliseconds."""

    count: int
    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def apply(
    asked: Sequence[Asked], seconds: float, port: int, browsers: ProcessPoolExecutor, *, pause_s: float = 0
) -> Answered:
    """Repeat each browser's request to a server on this machine for some seconds.

    Raises `ValueError` if a response has another status.
    """
    began = perf_counter()
    running = [browsers.submit(_browse, each, seconds, port, pause_s) for each in asked]
    times = [time for each in running for time in each.result()]
    cuts = quantiles(times, n=100)
    rate = len(times) / (perf_counter() - began)
    p50, p95, p99 = (cuts[place] * 1000 for place in (49, 94, 98))
    return Answered(count=len(times), rate=rate, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _browse(asked: Asked, seconds: float, port: int, pause_s: float) -> list[float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    times: list[float] = []
    end = perf_counter() + seconds
    while len(times) < MOST and perf_counter() < end:
        times.append(_ask(connection, asked))
        sleep(pause_s)
    connection.close()
    return times


def _ask(connection: HTTPConnection, asked: Asked) -> float:
    began = perf_counter()
    connection.request(asked.method, asked.path, asked.next_body(), asked.next_headers())
    answer = connection.getresponse()
    text = answer.read()
    took = perf_counter() - began
    if answer.status != asked.status:
        raise ValueError(f"{asked.method} {asked.path}: {answer.status}, not {asked.status}: {text[:300]!r}")
    return took
