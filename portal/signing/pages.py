"""What pages of signatures share: the desk of a request, and the page of an invitation that is over."""

from flask import render_template
from flask.typing import ResponseReturnValue
from portal.signing.definition import State
from portal.signing.operations import Desk, desk_at

from portal.site_settings.current import settings
from portal.web.unit_of_work import db, now


def desk() -> Desk:
    """Return what changes of signatures need, as this request has it."""
    return desk_at(db(), now=now())


def locked(invitation: Invitation) -> OpenInvitation:
    """Return an invitation for a change: whatever else changes the signatures of its form waits for this request."""
    own = db().get_one(Invitation, invitation.id)
    locked_form(desk(), own)
    return OpenInvitation(db(), own)


def gone_page(state: State, *, address: str | None = None) -> ResponseReturnValue:
    """The page of an invitation that leads to no form any more, in words of its state.

    `address` is where a new link can be asked for, where the old one is over.
    """
    return render_template("signing/gone.html", state=state.value, address=address), 410
