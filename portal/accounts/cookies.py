"""Two cookies beside those of sessions: of the device, and of a sign-in that waits for its second factor."""

import re
from datetime import timedelta

from flask import Response, after_this_request, request

from portal.accounts.known_devices import FORGOTTEN_AFTER
from portal.sessions.cookies import cookie_name, send_cookie

DEVICE, SIGN_IN = "device", "sign_in"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def device_token() -> str:
    """What this browser was given when somebody first signed in; empty where it was given nothing."""
    return _sent(DEVICE)


def give_device(token: str) -> None:
    """Known for half a year from now; without an end the browser would be another device after each closing."""
    _give(DEVICE, token, FORGOTTEN_AFTER)


def sign_in_token() -> str:
    """What this browser was given after a right password; empty where it was given nothing."""
    return _sent(SIGN_IN)


def give_sign_in(token: str | None) -> None:
    """For the next step of signing in; None once it is over."""
    _give(SIGN_IN, token)


def _sent(name: str) -> str:
    value = request.cookies.get(cookie_name(name), "")
    return value if _TOKEN.fullmatch(value) else ""


def _give(name: str, value: str | None, max_age: timedelta | None = None) -> None:
    @after_this_request
    def send(response: Response) -> Response:
        send_cookie(response, name, value, max_age)
        return response
