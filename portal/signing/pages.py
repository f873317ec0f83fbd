"""What pages of signatures share: the desk of a request, and the page of an invitation that is over."""

from flask import render_template
from flask.typing import ResponseReturnValue

from portal.signing.definition import State
from portal.signing.models import Invitation
from portal.signing.opened import OpenInvitation
from portal.signing.operations import desk_at
from portal.signing.queries import locked_invitation
from portal.signing.telling import Desk
from portal.web.unit_of_work import db, now


def desk() -> Desk:
    """Return what changes of signatures need, as this request has it."""
    return desk_at(db(), now=now())


def locked(invitation: Invitation) -> OpenInvitation:
    """Return an invitation for a change: whatever else changes the signatures of its form waits for this request."""
    return OpenInvitation(db(), locked_invitation(db(), invitation.id))


def gone_page(state: State, *, address: str | None = None) -> ResponseReturnValue:
    """The page of an invitation that leads to no form any more, in words of its state.

    `address` is where a new link can be asked for, where the old one is over.
    """
    return render_template("signing/gone.html", state=state.value, address=address), 410
