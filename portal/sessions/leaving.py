"""Signing out: the session ends, its cookie goes, and on a shared computer whatever else the browser keeps of us."""

from flask import Response, redirect, url_for

from portal.audit import record
from portal.sessions.interface import visit
from portal.sessions.operations import end_session
from portal.sessions.rules import EndReason
from portal.web.addresses import actor
from portal.web.declarations import CUSTOMER
from portal.web.unit_of_work import db, now

CLEARED, ALL_CLEARED = '"cache"', '"cache", "cookies", "storage"'
"""What a browser is told to forget. Cookies only on a shared computer: that ends the other kinds of session, too."""


def leave() -> Response:
    """End this browser's session of the view's kind; where there is none any more, the answer is the same."""
    kind = visit().kind
    live = visit().live or visit().in_grace_of(kind)
    if live and end_session(db(), live.id, EndReason.SIGNED_OUT, now=now()):
        record(db(), "signed_out", by=actor(live.person_id), now=now(), kind=kind)
    shown_kind = None if kind == CUSTOMER else kind
    then = url_for("sessions.ended", reason=EndReason.SIGNED_OUT.value, kind=shown_kind)
    return forget_session(kind, then, ALL_CLEARED if live and live.is_shared else CLEARED)


def forget_session(kind: str, then: str, cleared: str = CLEARED) -> Response:
    """Go on without a session that has ended: its cookie goes, and what the browser kept of its pages."""
    visit().close(kind)
    visit().report_end()
    answer = redirect(then, 303)
    answer.headers["Clear-Site-Data"] = cleared
    return Response(answer.response, answer.status, answer.headers)
