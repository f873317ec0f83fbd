"""Mailed links as they are opened: the one that still works, or the page that says why it does not."""

from flask import abort, make_response, render_template

from portal.accounts.models import MailedToken
from portal.accounts.queries import mailed_token
from portal.accounts.rules import LinkState, Purpose, link_state
from portal.web.unit_of_work import now, reading


def open_link(purpose: Purpose, token: str) -> MailedToken:
    """The link that was followed; one that is unknown, used or expired is answered here."""
    link = mailed_token(reading(), purpose, token)
    if link is None:
        abort(404)
    state = link_state(link.expires_at, link.used_at, now())
    if state is not LinkState.OPEN:
        abort(make_response(link_over(state)))
    return link


def link_over(state: LinkState) -> tuple[str, int]:
    """The page of a link that was used or has expired, and what to do instead."""
    return render_template("accounts/link_over.html", is_used=state is LinkState.USED), 410
