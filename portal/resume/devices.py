"""The browser in which a link was asked for: it comes back by one tap, and it is told apart by a cookie.

A computer that others use is never remembered.
"""

import re
from datetime import timedelta

from flask import Response, after_this_request, request

from portal.drafts.models import Draft
from portal.resume.operations import device_hash
from portal.resume.queries import is_device_of
from portal.sessions.cookies import cookie_name, send_cookie
from portal.sessions.interface import visit
from portal.tokens import new_token
from portal.web.unit_of_work import reading

DEVICE_COOKIE = "resume_device"
KNOWN_FOR = timedelta(days=90)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def remember_device() -> str | None:
    """Give this browser a cookie, or the one that it has for longer; None where it is not to be remembered."""
    if visit().is_shared:
        forget_device()
        return None
    token = _sent() or new_token()
    _give(token)
    return token


def forget_device() -> None:
    """Take the cookie away again."""
    if _sent():
        _give(None)


def is_known_device(draft: Draft) -> bool:
    """Whether a link to this draft was asked for in this browser, and the browser is its person's own."""
    return device_of(draft.id) is not None and not visit().is_shared


def device_of(draft_id: int) -> bytes | None:
    """The hash of this browser's cookie for a draft, where a link to it was asked for here."""
    token = _sent()
    found = device_hash(draft_id, token)
    return found if token and is_device_of(reading(), draft_id, found) else None


def _sent() -> str:
    value = request.cookies.get(cookie_name(DEVICE_COOKIE), "")
    return value if _TOKEN.fullmatch(value) else ""


def _give(token: str | None) -> None:
    @after_this_request
    def send(response: Response) -> Response:
        send_cookie(response, DEVICE_COOKIE, token, KNOWN_FOR if token else None)
        return response
