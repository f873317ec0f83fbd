"""An authenticator app that shows codes."""

import re

from pyotp import TOTP
from werkzeug.test import TestResponse

from tests.conftest import MovableClock

SPELLED = re.compile(r"enter this in the app: ((?:[A-Z2-7]{4} ?)+)")
CODE = re.compile(r"<li>([0-9A-Z]{5}-[0-9A-Z]{5})</li>")


class App:
    """Hold the secret typed in from the page, and show its codes."""

    def __init__(self, page: TestResponse, clock: MovableClock) -> None:
        found = SPELLED.search(page.text)
        assert found, page.text
        self._codes, self._clock = TOTP(found[1].replace(" ", "")), clock

    @property
    def code(self) -> str:
        return str(self._codes.at(self._clock.now()))

    @property
    def wrong_code(self) -> str:
        return f"{(int(self.code) + 1) % 1_000_000:06}"

    def next_code(self) -> str:
        """Return the code of a later step, as each works once."""
        self._clock.advance(seconds=30)
        return self.code

    def code_at(self, steps: int) -> str:
        """Return what a phone shows whose clock is off by so many steps."""
        return str(self._codes.at(self._clock.now(), counter_offset=steps))


def recovery_codes(page: TestResponse) -> list[str]:
    """Return the codes that the page shows."""
    return CODE.findall(page.text)
