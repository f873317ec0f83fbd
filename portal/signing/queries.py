"""Find invitations, and what belongs to them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select
from sqlalchemy.orm import Session

from portal.signing.definition import OPEN, State
from portal.signing.models import IS_MISSING, Invitation, Outcome, SigningEvent, SigningGuest
from portal.signing.rules import ChainedEvent
from portal.submissions.models import Case, Submission
from portal.tokens import clean_code, keyed_hash, token_hash
from portal.web.app_state import app_state


def invitation_of_token(db: Session, token: str) -> Invitation | None:
    """Return the invitation to which a mailed link leads, whatever has become of it."""
    return db.scalar(select(Invitation).where(Invitation.token_hash == token_hash(token)))


def invitation_of_code(db: Session, reference: str, code: str) -> Invitation | None:
    """Return the invitation whose mail had this reference and this code, however they are typed."""
    hashed = mail_code_hash(reference, code)
    return db.scalars(select(Invitation).where(Invitation.code_hash == hashed).limit(1)).first()


def mail_code_hash(reference: str, code: str) -> bytes:
    """Return what is stored of the code in a mail."""
    return keyed_hash(app_state().configuration.secret_key, f"sign {clean_code(reference)} {clean_code(code)}")


def locked_invitation(db: Session, invitation_id: int) -> Invitation:
    """Return an invitation as it is now; its form is locked until the transaction ends, as by all who change it."""
    of_form = select(Invitation.submission_id).where(Invitation.id == invitation_id).scalar_subquery()
    db.execute(select(Submission.id).where(Submission.id == of_form).with_for_update(key_share=True))
    return db.get_one(Invitation, invitation_id, populate_existing=True)


def invitation_of_guest(db: Session, guest_id: str) -> Invitation | None:
    """Return the invitation that a guest may read, as they passed its check."""
    query = select(Invitation).join(SigningGuest, SigningGuest.invitation_id == Invitation.id)
    return db.scalar(query.where(SigningGuest.guest_id == guest_id))


def guest_of(db: Session, invitation: Invitation) -> str | None:
    """Return the guest who passed the check of an invitation, the first if there were several."""
    query = select(SigningGuest.guest_id).where(SigningGuest.invitation_id == invitation.id)
    return db.scalars(query.order_by(SigningGuest.guest_id).limit(1)).first()


def invitation_by_id(db: Session, submission: Submission, public_id: str) -> Invitation | None:
    """Return one invitation of a sent form."""
    return db.scalar(_of(submission).where(Invitation.public_id == public_id))


def invitations_of(db: Session, submission_id: int) -> Sequence[Invitation]:
    """Return the invitations of a sent form, one for each signer, without those that another address has replaced."""
    of_form = select(Invitation).where(Invitation.submission_id == submission_id)
    return db.scalars(of_form.where(Invitation.is_current).order_by(Invitation.id)).all()


def all_invitations_of(db: Session, submission: Submission) -> Sequence[Invitation]:
    """Return all invitations of a sent form, in the order in which they were made."""
    return db.scalars(_of(submission).order_by(Invitation.id)).all()


def _of(submission: Submission) -> Select[Invitation]:
    return select(Invitation).where(Invitation.submission_id == submission.id)


def outcome_of(db: Session, invitation: Invitation) -> Outcome | None:
    """Return how an invitation was answered."""
    return db.scalar(select(Outcome).where(Outcome.invitation_id == invitation.id))


def outcomes_of(db: Session, submission_id: int) -> Mapping[int, Outcome]:
    """Return the outcomes of a sent form, by the number of the invitation."""
    query = select(Outcome).join(Invitation, Outcome.invitation_id == Invitation.id)
    return {each.invitation_id: each for each in db.scalars(query.where(Invitation.submission_id == submission_id))}


def events_of(db: Session, submission: Submission) -> tuple[ChainedEvent, ...]:
    """Return the chain of events of a sent form."""
    rows = db.scalars(
        select(SigningEvent).where(SigningEvent.submission_id == submission.id).order_by(SigningEvent.number)
    )
    return tuple(
        ChainedEvent(
            number=row.number,
            at=row.at,
            name=row.name,
            details=row.details,
            previous=row.previous,
            digest=row.digest,
            signature=row.signature,
        )
        for row in rows
    )


MISSING_SIGNATURES = select(Invitation.submission_id).where(IS_MISSING)
"""The sent forms with a signature that does not come by itself, to be filtered by."""


def is_signature_missing(of: type[Case]) -> ColumnElement[bool]:
    """Return the condition that a case has a signature that does not come by itself; `of` may be an alias."""
    missing = select(Invitation.id).where(Invitation.submission_id == of.submission_id, IS_MISSING)
    # With a limit PostgreSQL looks each case up in the index, and never reads all that is missing for a page of cases.
    return missing.limit(1).correlate(of).scalar_subquery().is_not(None)


def with_missing_signatures(db: Session, submission_ids: Collection[int]) -> frozenset[int]:
    """Return which of these sent forms have a signature that does not come by itself."""
    query = select(Invitation.submission_id).where(Invitation.submission_id.in_(submission_ids), IS_MISSING)
    return frozenset(db.scalars(query)) if submission_ids else frozenset()


def count_waiting(db: Session, version_ids: Collection[int]) -> int:
    """Return how many signers may still sign what was sent in these versions of a form."""
    sent = select(Submission.id).where(Submission.form_version_id.in_(version_ids))
    is_waiting = (Invitation.is_current, Invitation.state.in_(sorted(OPEN)), Invitation.submission_id.in_(sent))
    return db.scalar(select(func.count()).select_from(Invitation).where(*is_waiting)) or 0


def _number(*which: ColumnElement[bool]) -> ScalarSelect[int]:
    query = select(func.count()).where(Invitation.submission_id == Submission.id, Invitation.is_current, *which)
    return query.correlate(Submission).scalar_subquery()


ASKED_NUMBER = _number(Invitation.state != State.WITHDRAWN.value)
SIGNED_NUMBER = _number(Invitation.state == State.SIGNED.value)
"""How many are asked to sign a sent form, and how many have, as columns of a query for `Submission`."""
