"""What happens to invitations by itself: reminders, the end, and what became of their mails."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from portal.errors import UndecryptableError
from portal.mail.messages import SignatureNews
from portal.outbox.definition import DeliveryFailure
from portal.outbox.models import WAITING, Delivery
from portal.outbox.queries import IS_REFUSED
from portal.signing.definition import LIVE, Event, State
from portal.signing.models import IS_LIVE, IS_ON_ITS_WAY, IS_REMINDED, Invitation
from portal.signing.operations import current_state, desk_at, lock_form, move, note
from portal.signing.rules import may_become, next_reminder
from portal.signing.telling import (
    Desk,
    SentForm,
    ask_to_sign,
    sent_form,
    tell_applicant,
    tell_assignee,
    tell_signer,
)
from portal.submissions.models import Submission

logger = logging.getLogger(__name__)
Tell = Callable[[Desk, SentForm, Invitation], None]
Change = Callable[[Desk, Submission, Invitation], Tell | None]
"""What becomes of an invitation, and whom to tell then."""


def send_signing_reminders(db: Session, *, now: datetime) -> int:
    """Remind one batch of signers whose reminder is due; return how many were looked at."""
    return _sweep(db, now, IS_REMINDED & (Invitation.remind_at <= now), Invitation.remind_at, _remind)


def expire_invitations(db: Session, *, now: datetime) -> int:
    """End one batch of invitations whose time is over, and tell both sides; return how many."""
    return _sweep(db, now, IS_LIVE & (Invitation.expires_at <= now), Invitation.expires_at, _expire)


def note_refused_invitations(db: Session, *, now: datetime) -> int:
    """Note of one batch of mails to signers what became of them, and tell of those that were refused."""
    not_refused = or_(Delivery.last_failure.is_(None), Delivery.last_failure != DeliveryFailure.REFUSED.value)
    waits = exists().where(Delivery.public_id == Invitation.delivery, WAITING, not_refused)
    return _sweep(db, now, IS_ON_ITS_WAY & ~waits, Invitation.delivery, _note_delivery)


def _sweep(db: Session, now: datetime, is_due: ColumnElement[bool], order: Any, change: Change) -> int:
    """Change one invitation that is due, unless somebody else is changing its form, and it is still due then.

    What no key opens any more keeps nobody else from being told.
    """
    found = db.execute(
        select(Invitation.id, Invitation.submission_id).where(is_due).order_by(order, Invitation.id).limit(1)
    ).first()
    if found is None or not lock_form(db, found.submission_id, skips=True):
        return 0
    invitation = db.scalar(select(Invitation).where(Invitation.id == found.id, is_due))
    if invitation:
        desk, submission = desk_at(db, now=now), db.get_one(Submission, found.submission_id)
        tell = change(desk, submission, invitation)
        try:
            if tell:
                tell(desk, sent_form(desk, submission), invitation)
        except UndecryptableError:
            logger.warning("Nobody is told of a signature for %s: no key of ANSWER_KEYS opens it", submission.reference)
    return 1


def _remind(desk: Desk, submission: Submission, invitation: Invitation) -> Tell | None:
    if current_state(desk, invitation) not in LIVE or invitation.expires_at is None:
        invitation.remind_at = None
        return None
    invitation.remind_at = next_reminder(invitation.expires_at, desk.now)
    note(desk, submission, Event.REMINDED, invitation)
    return partial(ask_to_sign, is_reminder=True)


def _expire(desk: Desk, submission: Submission, invitation: Invitation) -> Tell:
    invitation.state, invitation.remind_at, invitation.delivery = State.EXPIRED.value, None, None
    note(desk, submission, Event.EXPIRED, invitation)
    return _tell_of_end


def _tell_of_end(desk: Desk, form: SentForm, invitation: Invitation) -> None:
    tell_applicant(desk, form, invitation, SignatureNews.EXPIRED)
    tell_assignee(desk, form, invitation, SignatureNews.EXPIRED)
    tell_signer(desk, form, invitation, SignatureNews.YOU_ARE_LATE, has_link=True)


def _note_delivery(desk: Desk, submission: Submission, invitation: Invitation) -> Tell | None:
    """Forget a mail that arrived; of one that was refused, the applicant learns."""
    is_refused = desk.db.scalar(select(Delivery.id).where(Delivery.public_id == invitation.delivery, IS_REFUSED))
    invitation.delivery = None
    if not is_refused or not may_become(current_state(desk, invitation), State.UNDELIVERED):
        return None
    move(desk, submission, invitation, State.UNDELIVERED, Event.UNDELIVERED)
    return partial(tell_applicant, news=SignatureNews.UNDELIVERED)
