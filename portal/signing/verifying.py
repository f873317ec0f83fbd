"""Recompute what the chains of events say, from what is stored, and name each place where the two differ."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import String, exists, or_, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.errors import UndecryptableError
from portal.form_definitions.definition import FormAnswers
from portal.form_definitions.rules import shown
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import definition_of
from portal.signing.chain import THE_KEY, invitation_details, is_signed, opened_key, outcome_digest
from portal.signing.definition import ANSWERED, Event, State
from portal.signing.models import Invitation, Outcome, SigningEvent, SigningKey
from portal.signing.operations import copy_hash_of, file_digest
from portal.signing.queries import all_invitations_of, events_of, mail_code_hash, outcomes_of
from portal.signing.rules import ChainedEvent, chain_breaks, details_of, expiry, signers_of, statement_hash
from portal.signing.sealing import address_of, link_of, name_of, open_said
from portal.signing.telling import Desk
from portal.site_settings.queries import current_settings
from portal.storage.definition import Scan
from portal.storage.queries import files_of_work
from portal.submissions.files import sent_work
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.tokens import token_hash

UNREADABLE = (UndecryptableError, SQLAlchemyError, ValueError, KeyError, TypeError)
"""What reading something raises that was changed behind the portal's back."""


def forms_to_verify(db: Session) -> Sequence[int]:
    """Return the numbers of the sent forms that may have signers, in order."""
    versions = [version.id for version in db.scalars(select(FormVersion)) if definition_of(version).signers]
    has_rows = (exists().where(rows.submission_id == Submission.id) for rows in (SigningEvent, Invitation))
    is_meant = or_(Submission.form_version_id.in_(versions), *has_rows)
    query = select(Submission.id).where(is_meant).order_by(Submission.id)
    return db.scalars(query).all()


def breaks_of(desk: Desk, submission: Submission) -> Iterator[str]:
    """Yield, in words that name nobody, each place where a sent form is not what its chain of events says."""
    try:
        events, answers = events_of(desk.db, submission), _answers(desk, submission)
        is_misspelt = _is_misspelt(desk.db, submission)
    except UNREADABLE as reason:
        yield f"its events cannot be read ({type(reason).__name__})"
        return
    if answers is None:
        yield "the answers were changed"
    if is_misspelt:
        yield "an instant of its events or outcomes was changed"
    if not events:
        if answers is None or _asks_somebody(desk, submission, answers):
            yield "the form asks somebody to sign, and has no events"
        return
    yield from chain_breaks(submission.reference, events)
    yield from _signature_breaks(desk, submission, events)
    yield from _row_breaks(
        desk, submission, [_Told(event=event, details=details_of(event)) for event in events], answers
    )


@dataclass(frozen=True, kw_only=True)
class _Told:
    """An event with its details; there are none where they cannot be read."""

    event: ChainedEvent
    details: Mapping[str, Any]

    @property
    def invitation(self) -> str | None:
        found = self.details.get("invitation")
        return found if isinstance(found, str) else None


def _row_breaks(
    desk: Desk, submission: Submission, told: Sequence[_Told], answers: FormAnswers | None
) -> Iterator[str]:
    yield from _sent_breaks(desk, submission, told)
    try:
        invitations, outcomes = all_invitations_of(desk.db, submission), outcomes_of(desk.db, submission.id)
    except UNREADABLE as reason:
        yield f"its invitations or outcomes cannot be read ({type(reason).__name__})"
        return
    known = {each.public_id for each in invitations}
    for public_id in dict.fromkeys(each.invitation for each in told if each.invitation):
        if public_id not in known:
            yield f"invitation {public_id} is missing"
    newest = {each.signer_id: each.id for each in invitations}
    for each in invitations:
        of_it = [one for one in told if one.invitation == each.public_id]
        if each.is_current is not (newest[each.signer_id] == each.id):
            yield f"invitation {each.public_id} counts where another does, or does not count"
        if answers is not None:
            yield from _invitation_breaks(desk, submission, each, of_it, answers, told)
        yield from _outcome_breaks(desk, submission, each, of_it, outcomes.get(each.id))


def _is_misspelt(db: Session, submission: Submission) -> bool:
    """Return whether an instant is written otherwise than the portal writes it, which SQLite may read all the same."""
    if db.get_bind().dialect.name != "sqlite":
        return False
    of_events = select(SigningEvent.at, type_coerce(SigningEvent.at, String).label("written"))
    of_outcomes = select(Outcome.at, type_coerce(Outcome.at, String).label("written")).join(Invitation)
    rows = (
        *db.execute(of_events.where(SigningEvent.submission_id == submission.id)),
        *db.execute(of_outcomes.where(Invitation.submission_id == submission.id)),
    )
    return any(written != f"{at:%Y-%m-%d %H:%M:%S.%f}" for at, written in rows)


def _answers(desk: Desk, submission: Submission) -> FormAnswers | None:
    try:
        return sent_answers(desk.keyring, submission)
    except UndecryptableError:
        return None


def _asks_somebody(desk: Desk, submission: Submission, answers: FormAnswers) -> bool:
    """Return whether a form asks anybody to sign, judged as on the day on which it was sent."""
    definition = definition_of(submission.version)
    today = submission.sent_at.astimezone(current_settings(desk.db).zone).date()
    return bool(signers_of(definition, shown(definition, answers, today)))


def _signature_breaks(desk: Desk, submission: Submission, events: Sequence[ChainedEvent]) -> Iterator[str]:
    row = desk.db.get(SigningKey, THE_KEY)
    if row is None:
        yield "the key that signed its events is missing"
        return
    try:
        public = opened_key(desk.keyring, row).public_key().public_bytes_raw()
    except UndecryptableError:
        yield "the key that signed its events cannot be opened"
        public = row.public
    if public != row.public:
        yield "the public half of the key was changed"
    if not is_signed(submission.reference, events[-1], Ed25519PublicKey.from_public_bytes(public)):
        yield f"the signature of the last event ({events[-1].number}) is not right"


def _sent_breaks(desk: Desk, submission: Submission, told: Sequence[_Told]) -> Iterator[str]:
    """Yield what differs from the first event, which holds the answers and the files as they were sent."""
    sent = told[0]
    if sent.event.name != Event.SENT:
        yield "the first event does not say what was sent"
        return
    if sent.details.get("answers") != hashlib.sha256(submission.sealed).hexdigest():
        yield "the answers are not those that were sent"
    if sent.details.get("form") != hashlib.sha256(submission.version.document.encode()).hexdigest():
        yield "the form is not the one that was filled in"
    rows = files_of_work(desk.db, sent_work(submission.reference))
    for name, digest in dict(sent.details.get("files") or {}).items():
        row = rows.get(name)
        if row is not None and row.scan == Scan.INFECTED.value:
            continue  # the portal itself deleted it, when a virus was found in it
        try:
            found = file_digest(desk, row) if row is not None else None
        except (*UNREADABLE, OSError):
            found = None
        if found != digest:
            yield f"file {name} was changed or is missing"


def _invitation_breaks(
    desk: Desk,
    submission: Submission,
    invitation: Invitation,
    told: Sequence[_Told],
    answers: FormAnswers,
    all_told: Sequence[_Told],
) -> Iterator[str]:
    name = f"invitation {invitation.public_id}"
    if not told:
        yield f"{name} has no event"
        return
    wanted = invitation_details(invitation)
    if any(told[0].details.get(key) != value for key, value in wanted.items()):
        yield f"{name} was changed"
    if told[-1].details.get("state") != invitation.state:
        yield f"{name} is not in the state in which its last event left it"
    if invitation.waived_at != next((each.event.at for each in told if each.event.name == Event.WAIVED), None):
        yield f"{name} was or was not gone on without, other than its events say"
    digests = dict(all_told[0].details.get("files") or {})
    try:
        for open_ in (name_of, address_of):
            open_(desk.keyring, submission.reference, invitation)
        link = link_of(desk.keyring, submission.reference, invitation)
        copy, end = (
            copy_hash_of(submission, invitation.signer_id, answers, digests),
            _end_of(submission, invitation, told),
        )
    except (*UNREADABLE, StopIteration):
        yield f"{name} cannot be read"
        return
    if copy != invitation.copy_hash:
        yield f"{name} asks to sign something else than what was sent"
    hashes = (token_hash(link.token), mail_code_hash(submission.reference, link.code))
    if hashes != (invitation.token_hash, invitation.code_hash):
        yield f"{name} is opened by another link than was mailed"
    if invitation.expires_at != end:
        yield f"{name} does not end when its events say"


def _end_of(submission: Submission, invitation: Invitation, told: Sequence[_Told]) -> datetime | None:
    """Return when an invitation ends by its events: so many days after it was sent, or as it was extended last."""
    signer = next(each for each in definition_of(submission.version).signers if each.id == invitation.signer_id)
    begun = (expiry(each.event.at, signer.days) for each in told if each.event.name == Event.INVITED)
    given = (datetime.fromisoformat(each.details["expires"]) for each in reversed(told) if "expires" in each.details)
    return next(given, next(begun, None))


def _outcome_breaks(
    desk: Desk, submission: Submission, invitation: Invitation, told: Sequence[_Told], outcome: Outcome | None
) -> Iterator[str]:
    name = f"the outcome of invitation {invitation.public_id}"
    events = [each for each in told if each.event.name in ANSWERED]
    if outcome is None:
        if events or State(invitation.state) in ANSWERED:
            yield f"{name} is missing"
        return
    if len(events) != 1:
        yield f"{name} has {len(events)} events instead of one"
        return
    if events[0].details.get("outcome") != outcome_digest(outcome) or events[0].event.name != outcome.kind:
        yield f"{name} was changed"
    before = told[told.index(events[0]) - 1]
    if outcome.kind != State.NOT_ME and before.details.get("state") != State.CHECKED:
        yield f"{name} was given without a check"
    if outcome.copy_hash != invitation.copy_hash:
        yield f"{name} is about another copy"
    try:
        said = open_said(desk.keyring, submission.reference, invitation, outcome)
        signers = definition_of(submission.version).signers
        statement = next(each.statement for each in signers if each.id == invitation.signer_id)
    except (*UNREADABLE, StopIteration):
        yield f"{name} cannot be read"
        return
    if statement_hash(statement.in_(said.language)) != outcome.statement_hash:
        yield f"{name} is about another statement"
