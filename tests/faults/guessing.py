"""Guessing a password by the thousand, from one address and from many, with one process and with several.

The clock stands still, so a number is allowed and not a rate. Among the guesses is the right password, again
and again, once the tries are used up: it must not even be looked at.
"""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from flask import Flask

from portal.accounts import passwords
from portal.app import create_app
from portal.config import read_configuration
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.people import PASSWORD, add_person
from tests.post import letters

ALLOWED = 10
RIGHT_FROM, RIGHT_EVERY = 100, 10
"""From which guess on the right password is among them, and how often."""
HIT, HASHED, TOO_MANY, TOO_FEW, LOCKED_OUT = NEVER = (
    "guesses that got in",
    "guesses hashed beyond those that are allowed",
    "guesses allowed beyond the same number everywhere",
    "guesses refused that should have been allowed",
    "ways in that were closed to the owner",
)
"""The figures that must be 0."""


@dataclass(frozen=True, kw_only=True)
class Siege:
    """Guesses at one account, from a number of addresses, spread over a number of processes."""

    guesses: int
    addresses: int
    processes: int

    def __str__(self) -> str:
        return f"{self.guesses} guesses, {self.addresses} addresses, {self.processes} processes"

    @property
    def email(self) -> str:
        """Return the victim's address, another for each siege."""
        return f"owner-{self.addresses}-{self.processes}@mail.example"

    def password(self, number: int) -> str:
        """Return the guess of this number."""
        is_right = number >= RIGHT_FROM and number % RIGHT_EVERY == 0
        return PASSWORD if is_right else f"not the password {number}"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a process saw: responses by their status, and how many passwords were hashed."""

    statuses: Counter[int]
    hashed: int


class _Counting:
    """The real hasher, which counts."""

    def __init__(self) -> None:
        self._hasher, self.calls = passwords._hasher, 0

    def verify(self, stored: str, password: str) -> bool:
        self.calls += 1
        return self._hasher.verify(stored, password)


def guess(environ: dict[str, str], siege: Siege, share: int) -> Counted:
    """Make one process's share of the guesses, each sent with the form as it is served."""
    app = create_app(read_configuration(environ), clock=MovableClock())
    passwords._nobodys_hash()
    counting = _Counting()
    passwords._hasher = counting  # type: ignore[assignment]
    browser = Citizen(app)
    form, _button = browser.open("/account/sign-in").form_with("Sign in")
    base = {control.name: control.value for control in form.controls} | {"email": siege.email}
    statuses: Counter[int] = Counter()
    for number in range(share, siege.guesses, siege.processes):
        place = {"REMOTE_ADDR": f"192.0.2.{number // siege.processes % siege.addresses + 1}"}
        typed = base | {"password": siege.password(number)}
        statuses[browser.client.post("/account/sign-in", data=typed, environ_base=place).status_code] += 1
    app.extensions["portal"].database.close()
    passwords._hasher = counting._hasher
    return Counted(statuses=statuses, hashed=counting.calls)


def besiege(app: Flask, environ: dict[str, str], siege: Siege) -> Counter[str]:
    """Guess; then let the owner sign in: from the usual place, elsewhere a minute later, and by e-mail at once."""
    add_person(app, siege.email)
    at_home = Citizen(app)
    _sign_in(at_home, siege.email)
    at_home.press("Sign out")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(siege.processes, mp_context=spawn) as guessers:
        shares = [guessers.submit(guess, environ, siege, share) for share in range(siege.processes)]
        seen = [share.result() for share in shares]
    statuses: Counter[int] = sum((each.statuses for each in seen), Counter())
    allowed = statuses[422] + statuses[303]
    return Counter(
        {
            HIT: statuses[303],
            HASHED: max(0, sum(each.hashed for each in seen) - ALLOWED),
            TOO_MANY: max(0, allowed - ALLOWED),
            TOO_FEW: max(0, ALLOWED - allowed) + siege.guesses - allowed - statuses[429],
            LOCKED_OUT: _closed_doors(app, at_home, siege.email),
            "guesses": siege.guesses,
            "guesses allowed": allowed,
        }
    )


def _sign_in(browser: Citizen, email: str) -> bool:
    browser.open("/account/sign-in")
    return browser.press("Sign in", email=email, password=PASSWORD).path == "/account"


def _closed_doors(app: Flask, at_home: Citizen, email: str) -> int:
    """Count the owner's closed ways in, of three; the one from elsewhere opens a minute after the last guess."""
    clock = app.extensions["portal"].clock
    is_in_at_home = _sign_in(at_home, email)
    clock.advance(minutes=1)
    is_in_elsewhere = _sign_in(Citizen(app), email)
    clock.advance(minutes=-1)
    return [is_in_at_home, is_in_elsewhere, _by_mail(app, email)].count(False)


def _by_mail(app: Flask, email: str) -> bool:
    """Return whether a link to set a new password still reaches the mailbox."""
    browser = Citizen(app)
    browser.open("/account/password")
    browser.press("Send me a link", email=email)
    mails = [mail for mail in letters(app) if (mail.to, mail.subject) == (email, "Set a new password")]
    browser.open(mails[-1].link)
    return browser.press("Save password", password="staple battery horse").path == "/account"
