"""How many citizens the server carries who fill in forms, with half a minute between two requests of each.

`make bench PART=citizens` doubles their number until 5 % of the answers take longer than the aim, and then halves the
distance. It takes some five minutes. Every citizen keeps a connection, as browsers do, and connects again
where the server has closed it meanwhile.
"""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

import click

from tests.bench.load import Answered, Asked, Browser, more_files, new_browser, status_of
from tests.bench.requests import AUTOSAVE, CONTINUE, POLL, SECTION, data_folder, guest_asks, prepared_app
from tests.bench.server import PORTAL, running

ROUND = (SECTION, AUTOSAVE, AUTOSAVE, POLL, AUTOSAVE, AUTOSAVE, POLL, CONTINUE)
"""What one citizen does again and again: a page, what they type into it, and Continue."""
PAUSE_S = 30.0
"""Between two requests of one citizen, on average."""
SETTLES_S, SECONDS = 30.0, 20.0
"""How long a step waits until the connections are as many as they stay, and how long it counts."""
FIRST, MOST, LEAST_DISTANCE = 2_000, 16_000, 1_000
MOST_MS = 200
DRAFTS = 200
"""Drafts that are there. Each request takes one that nobody uses at that moment: one for each citizen would take longer
to make than all of the measurement."""


@dataclass(kw_only=True)
class Crowd:
    """Some citizens, the times of their answers in seconds, and what went wrong."""

    port: int
    free: deque[dict[str, Asked]]
    ends_at: float
    counts_from: float
    times: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    async def citizen(self, dice: Random) -> None:
        """Fill in a form until the end."""
        at, browser = dice.randrange(len(ROUND)), None
        while (began := await self._after_pause(dice)) < self.ends_at:
            browser = await self._ask(browser, ROUND[at % len(ROUND)])
            if began >= self.counts_from:
                self.times.append(perf_counter() - began)
            at += 1
        if browser:
            browser.leave()

    async def _after_pause(self, dice: Random) -> float:
        """Wait for as long as a citizen thinks, or until the end; return the instant."""
        await asyncio.sleep(min(dice.expovariate(1 / PAUSE_S), max(0, self.ends_at - perf_counter())))
        return perf_counter()

    async def _ask(self, browser: Browser | None, name: str) -> Browser | None:
        """Ask for one thing; return the connection that may be kept."""
        draft = self.free.popleft() if self.free else None
        if draft is None:
            self.failures["no draft free: too many requests at once"] += 1
            return browser
        try:
            browser, status = await self._answer(browser, draft[name])
            if status != draft[name].status:
                self.failures[f"{name} {status}"] += 1
        except OSError as reason:
            browser = None
            self.failures[type(reason).__name__] += 1
        self.free.append(draft)
        return browser

    async def _answer(self, browser: Browser | None, asked: Asked) -> tuple[Browser, int]:
        """Return the status of the answer on the kept connection, or on a new one where the server has closed it."""
        request = asked.next_bytes(f"127.0.0.1:{self.port}")
        if browser:
            try:
                return browser, status_of(await browser.ask(request))
            except ConnectionError:
                browser.leave()
        browser = await new_browser(self.port)
        return browser, status_of(await browser.ask(request))


def step(citizens: int, guests: list[dict[str, Asked]], port: int) -> tuple[Answered, Counter[str]]:
    """Let so many citizens work for a while; return their figures, and what went wrong."""
    return asyncio.run(_step(citizens, guests, port))


async def _step(citizens: int, guests: list[dict[str, Asked]], port: int) -> tuple[Answered, Counter[str]]:
    counts_from = perf_counter() + SETTLES_S
    crowd = Crowd(port=port, free=deque(guests), counts_from=counts_from, ends_at=counts_from + SECONDS)
    await asyncio.gather(*(crowd.citizen(Random(number)) for number in range(citizens)))  # noqa: S311
    return Answered.of(crowd.times, SECONDS), crowd.failures


def most_citizens(guests: list[dict[str, Asked]], port: int) -> int:
    """Return the largest number of citizens, of those tried, that the server carried within the aim."""
    carried, refused, number = 0, 0, FIRST
    while number <= MOST:
        seen, failures = step(number, guests, port)
        is_met = seen.p95_ms <= MOST_MS and not failures
        words = ", ".join(f"{count} × {what}" for what, count in failures.items()) or "none failed"
        click.echo(f"{number:>9}{seen.rate:>10.0f}{seen.p50_ms:>9.1f}{seen.p95_ms:>9.1f}   {words}")
        carried, refused = (number, refused) if is_met else (carried, number)
        number = (carried + refused) // 2 if refused else 2 * number
        if refused and refused - carried <= LEAST_DISTANCE:
            break
    return carried


def main() -> None:
    """Measure and print it, on a database of its own."""
    more_files()
    click.echo(f"{'citizens':>9}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}")
    with data_folder("citizens") as data_dir:
        app = prepared_app({"DATA_DIR": data_dir})
        guests = [guest_asks(app) for _ in range(DRAFTS)]
        app.extensions["portal"].database.close()
        with running(PORTAL, "/healthz", DATA_DIR=data_dir) as server:
            carried = most_citizens(guests, server.port)
    click.echo(f"{carried} citizens with 30 s between requests: 95 % of the answers within {MOST_MS} ms, none failed.")


if __name__ == "__main__":
    main()
