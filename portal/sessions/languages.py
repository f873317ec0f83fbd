"""Which language somebody reads the portal in, and changing it: in the session where there is one, else in a cookie."""

from flask import Response, after_this_request, has_request_context

from portal.sessions.cookies import send_cookie
from portal.sessions.interface import visit
from portal.sessions.operations import choose_language
from portal.web.declarations import HUB
from portal.web.languages import COOKIE, DEFAULT, known, speak_from_now
from portal.web.unit_of_work import db, is_safe, now


def language_of_request() -> str:
    """What the person chose, else the default; staff pages and commands speak the default."""
    is_for_citizens = has_request_context() and visit().kind != HUB
    return (visit().language if is_for_citizens else None) or DEFAULT


def prefer_language(code: str) -> None:
    """Speak the language of what is being opened, such as a link from a Welsh mail, unless the person has chosen one.

    Looking at a page leaves nothing behind; from the first button on it is remembered.
    """
    if visit().language is None and code != DEFAULT:
        (speak_from_now if is_safe() else change_language)(code)


def change_language(asked: str | None) -> None:
    """Speak another language from now on, here and on the pages to come; one that we do not speak changes nothing.

    The cookie is given even where there is a session: the page after its end speaks the same language.
    """
    code = known(asked)
    if code is None:
        return
    live = visit().live
    if live:
        choose_language(db(), live.id, code, now=now())

    @after_this_request
    def remember(response: Response) -> Response:
        send_cookie(response, COOKIE, code)
        return response

    speak_from_now(code)
