"""Changing signatures: invite, check, sign, decline, withdraw, change an address, extend, remind, and let expire.

Whoever changes anything has locked the sent form first, so that its chain of events has one order. Each change writes
its event and its e-mails in the same transaction.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.form_definitions.definition import FormAnswers, SignerCheck
from portal.form_definitions.rules import Shown
from portal.form_definitions.versions.queries import definition_of
from portal.mail.messages import SignatureNews
from portal.sessions.late_forms import forget_parked_of
from portal.signing.chain import add_event, invitation_details, key_of, outcome_digest
from portal.signing.definition import (
    LIVE,
    LONGEST_EXTENSION,
    MAIL_CODE_LENGTH,
    MISSING,
    MOST_ADDRESSES,
    OPEN,
    SHORTEST_EXTENSION,
    Choice,
    Event,
    OutcomeKind,
    State,
)
from portal.signing.models import (
    Correction,
    Invitation,
    Outcome,
    SigningDraft,
    SigningGuest,
)
from portal.signing.queries import all_invitations_of, invitations_of, mail_code_hash, outcome_of
from portal.signing.rules import (
    Asked,
    all_after,
    copy_of,
    differs,
    expiry,
    extended,
    fact_at,
    hash_of_copy,
    instant_text,
    is_next,
    is_same_check,
    may_become,
    may_tell_again,
    next_reminder,
    signers_of,
    state_at,
    statement_hash,
)
from portal.signing.sealing import (
    ADDRESS,
    NAME,
    Link,
    Said,
    name_of,
    seal_in_invitation,
    seal_link,
    seal_said,
)
from portal.signing.telling import (
    Desk,
    SentForm,
    ask_to_sign,
    sent_form,
    tell_applicant,
    tell_everybody,
    tell_signer,
)
from portal.storage.adapters import open_storage
from portal.storage.models import StoredFile
from portal.storage.operations import open_content
from portal.storage.queries import files_of_work
from portal.storage.sealed_files import plain_chunks
from portal.submissions.files import entries_in, sent_work
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.tokens import keyed_hash, new_token, readable_code, token_hash
from portal.web.app_state import app_state

NEWS: Mapping[str, SignatureNews] = {
    Choice.WRONG: SignatureNews.WRONG,
    Choice.REFUSE: SignatureNews.DECLINED,
    OutcomeKind.NOT_ME: SignatureNews.NOT_ME,
}
"""What others are told of who does not sign, by why."""


class NotAllowedError(Exception):
    """An invitation in this `state` does not take what was asked of it."""

    def __init__(self, state: State) -> None:
        super().__init__(f"An invitation that is {state} does not take this.")
        self.state = state


class CopyChangedError(Exception):
    """The page did not show what there is to sign."""


class TooManyAddressesError(Exception):
    """A signer was invited at as many addresses as we try."""


def desk_at(db: Session, *, now: datetime) -> Desk:
    """Return what changes of signatures need, in a transaction of this application."""
    state = app_state()
    configuration = state.configuration
    return Desk(
        db=db,
        database=state.database,
        keyring=configuration.keyring,
        secret=configuration.secret_key,
        storage=open_storage(configuration),
        now=now,
    )


def locked_form(desk: Desk, invitation: Invitation) -> SentForm:
    """Lock the sent form of an invitation, and read the invitation again as it is then; return the form."""
    lock_form(desk.db, invitation.submission_id)
    desk.db.flush()
    desk.db.refresh(invitation)
    return sent_form(desk, desk.db.get_one(Submission, invitation.submission_id))


def lock_form(db: Session, submission_id: int, *, skips: bool = False) -> bool:
    """Lock a sent form until the transaction ends; with `skips`, return False where somebody else has locked it."""
    query = select(Submission.id).where(Submission.id == submission_id)
    return db.scalar(query.with_for_update(key_share=True, skip_locked=skips)) is not None


def note(desk: Desk, submission: Submission, event: Event, invitation: Invitation, /, **more: object) -> None:
    """Write an event of an invitation into the chain of its form, which is locked."""
    details = {"invitation": invitation.public_id, "state": invitation.state} | more
    add_event(desk.db, submission, event, details, key=_key(desk), now=desk.now)


def _key(desk: Desk) -> Any:
    return key_of(desk.db, desk.database, desk.keyring, now=desk.now)


def move(desk: Desk, submission: Submission, invitation: Invitation, to: State, event: Event, **more: object) -> None:
    """Bring an invitation into another state, and write its event.

    Raise `NotAllowedError` where it cannot come there.
    """
    state = current_state(desk, invitation)
    if not may_become(state, to):
        raise NotAllowedError(state)
    invitation.state = to.value
    if to not in LIVE:
        invitation.remind_at = None
    if to is not State.INVITED:
        invitation.delivery = None
    note(desk, submission, event, invitation, **more)


def current_state(desk: Desk, invitation: Invitation) -> State:
    """Return the state of an invitation at this instant, whether or not its end was written down yet."""
    return state_at(State(invitation.state), invitation.expires_at, desk.now)


def invite(desk: Desk, submission: Submission, shown: Shown) -> None:
    """Invite whom a form asks to sign, in the transaction that sends it; a form without signers gets no chain.

    Where it corrects another form, the invitations of that one that are still open are withdrawn.
    """
    correction = desk.db.get(Correction, submission.draft_id)
    if correction:
        withdraw_open(desk, desk.db.get_one(Submission, correction.submission_id))
    asked = signers_of(definition_of(submission.version), shown)
    if not asked:
        return
    form, answers = sent_form(desk, submission), sent_answers(desk.keyring, submission)
    digests = file_digests(desk, submission.reference, _shown_to(asked, answers))
    sealed = hashlib.sha256(submission.sealed).hexdigest()
    details = {"form": submission.version.digest, "answers": sealed, "files": digests}
    add_event(desk.db, submission, Event.SENT, details, key=_key(desk), now=desk.now)
    for each in asked:
        _add_invitation(desk, form, each, copy_hash_of(submission, each.signer.id, answers, digests))


def copy_hash_of(submission: Submission, signer_id: str, answers: FormAnswers, digests: Mapping[str, str]) -> bytes:
    """Return the hash of what a signer of a sent form reads and signs, with the digests of its files."""
    definition = definition_of(submission.version)
    copy = copy_of(
        definition,
        next(signer for signer in definition.signers if signer.id == signer_id),
        version=submission.version.number,
        reference=submission.reference,
        answers=answers,
        digests=digests,
    )
    return hash_of_copy(copy)


def _shown_to(asked: Iterable[Asked], answers: FormAnswers) -> FormAnswers:
    shown = {section_id for each in asked for section_id in each.signer.shows}
    return {section_id: given for section_id, given in answers.items() if section_id in shown}


def file_digests(desk: Desk, reference: str, answers: FormAnswers) -> dict[str, str]:
    """Return the SHA-256, in hex, of the files that answers name, by id; one that was infected has none any more."""
    names = {entry.id for entry in entries_in(answers)}
    rows = files_of_work(desk.db, sent_work(reference)) if names else {}
    return {name: file_digest(desk, rows[name]) for name in sorted(names & rows.keys()) if rows[name].sealed}


def file_digest(desk: Desk, file: StoredFile) -> str:
    """Return the SHA-256, in hex, of what is in a file; raise `UndecryptableError` where it was changed."""
    digest, key = hashlib.sha256(), open_content(desk.keyring, file).key
    with desk.storage.open(file.name) as sealed:
        for chunk in plain_chunks(sealed, key, file.size):
            digest.update(chunk)
    return digest.hexdigest()


def _add_invitation(desk: Desk, form: SentForm, asked: Asked, copy: bytes) -> Invitation:
    public_id, link = uuid4().hex, Link(token=new_token(), code=readable_code(MAIL_CODE_LENGTH))
    reference, own = form.reference, {address.casefold() for address in form.applicant.emails}
    invitation = Invitation(
        public_id=public_id,
        submission_id=form.submission.id,
        signer_id=asked.signer.id,
        token_hash=token_hash(link.token),
        code_hash=mail_code_hash(reference, link.code),
        link=seal_link(desk.keyring, reference, public_id, link),
        name=seal_in_invitation(desk.keyring, reference, public_id, NAME, asked.name),
        address=seal_in_invitation(desk.keyring, reference, public_id, ADDRESS, asked.email),
        language=form.language,
        check=asked.signer.check.value,
        fact_hash=_fact_hash(desk, public_id, asked.fact) if asked.signer.check is SignerCheck.FACT else None,
        copy_hash=copy,
        state=asked.state.value,
        shares_mailbox=asked.email.casefold() in own,
    )
    desk.db.add(invitation)
    desk.db.flush()
    if asked.state is State.INVITED:
        _issue(desk, form, invitation)
    event = Event.INVITED if asked.state is State.INVITED else Event.WAITING
    note(desk, form.submission, event, invitation, **invitation_details(invitation))
    return invitation


def _issue(desk: Desk, form: SentForm, invitation: Invitation) -> None:
    """Let the time of an invitation begin, and mail it."""
    invitation.issued_at = desk.now
    _set_end(desk, invitation, expiry(desk.now, form.signer(invitation).days))
    ask_to_sign(desk, form, invitation)


def _set_end(desk: Desk, invitation: Invitation, expires_at: datetime) -> None:
    invitation.expires_at = expires_at
    invitation.remind_at = next_reminder(expires_at, desk.now)


def _fact_hash(desk: Desk, public_id: str, fact: str) -> bytes:
    return keyed_hash(desk.secret, f"fact {public_id} {fact}")


def is_right_fact(desk: Desk, invitation: Invitation, typed: str) -> bool:
    """Return whether a fact, normalised, is the one that the invitation asks for; a blank one never is."""
    hashed = _fact_hash(desk, invitation.public_id, typed)
    return bool(typed) and hmac.compare_digest(hashed, invitation.fact_hash or b"")


def check_passed(desk: Desk, invitation: Invitation, guest_id: str) -> bool:
    """Let a guest read the form whose check they passed; return whether it is no second click of the same check.

    Raise `NotAllowedError` where the invitation leads nowhere any more.
    """
    form = locked_form(desk, invitation)
    is_first = not (current_state(desk, invitation) is State.CHECKED and is_same_check(invitation.checked_at, desk.now))
    if is_first:
        move(desk, form.submission, invitation, State.CHECKED, Event.CHECKED, check=invitation.check)
        invitation.checked_at = desk.now
    desk.database.insert_or_ignore(desk.db, SigningGuest, guest_id=guest_id, invitation_id=invitation.id)
    return is_first


def note_tries_used_up(desk: Desk, invitation: Invitation) -> bool:
    """Tell the applicant, once a day, that somebody used up the tries of a check; return whether they were told now."""
    form = locked_form(desk, invitation)
    if current_state(desk, invitation) not in LIVE or not may_tell_again(invitation.tries_told_at, desk.now):
        return False
    invitation.tries_told_at = desk.now
    tell_applicant(desk, form, invitation, SignatureNews.TRIES)
    return True


def ask_for_new_link(desk: Desk, invitation: Invitation) -> None:
    """Tell the applicant, once a day, that a signer whose time is over would like to sign.

    Raise `NotAllowedError` where it is not over.
    """
    form = locked_form(desk, invitation)
    if current_state(desk, invitation) is not State.EXPIRED:
        raise NotAllowedError(current_state(desk, invitation))
    if not may_tell_again(invitation.new_link_told_at, desk.now):
        return
    invitation.new_link_told_at = desk.now
    tell_applicant(desk, form, invitation, SignatureNews.NEW_LINK)


def sign(
    desk: Desk,
    invitation: Invitation,
    *,
    typed_name: str,
    copy_hash: str,
    answers: Mapping[str, Any],
    language: str | None = None,
) -> Outcome:
    """Sign, once for ever; signing again changes nothing and returns the same outcome.

    `copy_hash` is the one that the page had shown, `answers` those to the signer's own questions, `language` the one in
    which the statement was read. Raise `CopyChangedError` where the page showed another copy, and `NotAllowedError`
    where the invitation was answered otherwise or is over.
    """
    form = locked_form(desk, invitation)
    before = outcome_of(desk.db, invitation)
    if before and before.kind == OutcomeKind.SIGNED:
        return before
    if current_state(desk, invitation) is not State.CHECKED:
        raise NotAllowedError(current_state(desk, invitation))
    if not hmac.compare_digest(copy_hash.encode(), invitation.copy_hash.hex().encode()):
        raise CopyChangedError
    said = Said(name=typed_name, answers=answers, language=language or invitation.language)
    invited_name = name_of(desk.keyring, form.reference, invitation)
    outcome = _decide(desk, form, invitation, OutcomeKind.SIGNED, said, name_differs=differs(typed_name, invited_name))
    tell_everybody(desk, form, invitation, SignatureNews.SIGNED)
    tell_signer(desk, form, invitation, SignatureNews.YOU_SIGNED, has_link=False)
    _ask_next(desk, form)
    return outcome


def decline(
    desk: Desk,
    invitation: Invitation,
    *,
    kind: OutcomeKind,
    reason: str = "",
    choice: Choice = Choice.REFUSE,
    language: str | None = None,
) -> Outcome:
    """Do not sign, once for ever: because of a `choice` and a reason, or as the link came to somebody else (`NOT_ME`).

    Whoever signs after this one is not asked any more. The same answer again changes nothing. Raise `NotAllowedError`
    where the invitation was answered otherwise or is over.
    """
    form = locked_form(desk, invitation)
    before = outcome_of(desk.db, invitation)
    if before and before.kind == kind:
        return before
    why = kind.value if kind is OutcomeKind.NOT_ME else choice.value
    said = Said(choice=why, reason=reason, language=language or invitation.language)
    outcome = _decide(desk, form, invitation, kind, said, choice=why)
    tell_everybody(desk, form, invitation, NEWS[why])
    if kind is OutcomeKind.DECLINED:
        tell_signer(desk, form, invitation, SignatureNews.YOU_ANSWERED, has_link=False)
        _stop_after(desk, form, invitation)
    return outcome


def _decide(
    desk: Desk, form: SentForm, invitation: Invitation, kind: OutcomeKind, said: Said, **more: object
) -> Outcome:
    statement = form.signer(invitation).statement.in_(said.language)
    outcome = Outcome(
        invitation_id=invitation.id,
        kind=kind.value,
        at=desk.now,
        sealed=seal_said(desk.keyring, form.reference, invitation, said),
        copy_hash=invitation.copy_hash,
        statement_hash=statement_hash(statement),
    )
    move(
        desk, form.submission, invitation, State(kind.value), Event(kind.value), outcome=outcome_digest(outcome), **more
    )
    desk.db.add(outcome)
    desk.db.execute(delete(SigningDraft).where(SigningDraft.invitation_id == invitation.id))
    forget_parked_of(desk.db, f"/sign/{invitation.public_id}")
    desk.db.flush()
    return outcome


def _ask_next(desk: Desk, form: SentForm) -> None:
    """Invite those who waited for others that have all signed, or need not sign any more."""
    current = invitations_of(desk.db, form.submission.id)
    states = {each.signer_id: State(each.state) for each in current}
    for each in current:
        if each.state == State.WAITING and is_next(form.signer(each), states):
            move(desk, form.submission, each, State.INVITED, Event.INVITED)
            _issue(desk, form, each)


def _stop_after(desk: Desk, form: SentForm, invitation: Invitation) -> None:
    stopped = all_after(form.definition.signers, invitation.signer_id)
    for each in invitations_of(desk.db, form.submission.id):
        if each.signer_id in stopped and each.state == State.WAITING:
            move(desk, form.submission, each, State.WITHDRAWN, Event.WITHDRAWN, because=invitation.signer_id)


def withdraw(desk: Desk, invitation: Invitation) -> None:
    """Ask a signer no more, and ask those who waited for nobody else.

    Raise `NotAllowedError` where they have answered.
    """
    form = locked_form(desk, invitation)
    _withdraw(desk, form, invitation)
    _ask_next(desk, form)


def _withdraw(desk: Desk, form: SentForm, invitation: Invitation, **more: object) -> None:
    was_asked = invitation.state in (State.INVITED, State.CHECKED)
    move(desk, form.submission, invitation, State.WITHDRAWN, Event.WITHDRAWN, **more)
    desk.db.execute(delete(SigningGuest).where(SigningGuest.invitation_id == invitation.id))
    desk.db.execute(delete(SigningDraft).where(SigningDraft.invitation_id == invitation.id))
    if was_asked:
        tell_signer(desk, form, invitation, SignatureNews.NOT_NEEDED, has_link=False)


def withdraw_open(desk: Desk, submission: Submission) -> None:
    """Withdraw all invitations of a sent form that nobody has answered, as a corrected form takes its place."""
    lock_form(desk.db, submission.id)
    form = sent_form(desk, submission)
    for each in invitations_of(desk.db, submission.id):
        desk.db.refresh(each)
        if may_become(State(each.state), State.WITHDRAWN):
            _withdraw(desk, form, each, because="corrected")


def go_on_without(desk: Desk, submission: Submission) -> None:
    """Note that staff go on without the signatures that are missing; whoever is still asked may sign all the same."""
    lock_form(desk.db, submission.id)
    form = sent_form(desk, submission)
    for each in invitations_of(desk.db, submission.id):
        desk.db.refresh(each)
        if current_state(desk, each) in MISSING and each.waived_at is None:
            each.waived_at = desk.now
            note(desk, form.submission, Event.WAIVED, each)


def may_change_address(desk: Desk, submission: Submission, invitation: Invitation) -> bool:
    """Return whether a signer may be invited at another address."""
    others = [each for each in all_invitations_of(desk.db, submission) if each.signer_id == invitation.signer_id]
    state = current_state(desk, invitation)
    is_open = state in OPEN or state in (State.EXPIRED, State.NOT_ME)
    return invitation.is_current and is_open and len(others) < MOST_ADDRESSES


def change_address(desk: Desk, invitation: Invitation, email: str) -> Invitation:
    """Invite a signer at another address, by another link; the old one is dead. Return the new invitation.

    Raise `TooManyAddressesError` where as many were tried as we try, and `NotAllowedError` where they have answered.
    """
    form = locked_form(desk, invitation)
    state = current_state(desk, invitation)
    if not may_change_address(desk, form.submission, invitation):
        is_open = invitation.is_current and (state in OPEN or state in (State.EXPIRED, State.NOT_ME))
        raise TooManyAddressesError if is_open else NotAllowedError(state)
    signer, answers = form.signer(invitation), sent_answers(desk.keyring, form.submission)
    if state is not State.NOT_ME:
        _withdraw(desk, form, invitation, because="address")
    invitation.is_current = False
    asked = Asked(
        signer=signer,
        name=name_of(desk.keyring, form.reference, invitation),
        email=email,
        fact=fact_at(form.definition, answers, signer.fact),
        state=State.WAITING if state is State.WAITING else State.INVITED,
    )
    return _add_invitation(desk, form, asked, invitation.copy_hash)


def send_again(desk: Desk, invitation: Invitation) -> None:
    """Mail an invitation again, with the same link; one that is over begins anew.

    Raise `NotAllowedError` where it waits for others, was answered or withdrawn.
    """
    form = locked_form(desk, invitation)
    state, _expires_at = _asked_state(desk, invitation)
    if state is State.EXPIRED:
        _set_end(desk, invitation, expiry(desk.now, form.signer(invitation).days))
    _mail_again(desk, form, invitation, state, Event.SENT_AGAIN)


def extend(desk: Desk, invitation: Invitation, days: int) -> None:
    """Give a signer so many days more, from their end, or from now where it is over; they are mailed the new one.

    Raise `ValueError` for fewer or more days than are allowed, and `NotAllowedError` where nobody is asked.
    """
    if not SHORTEST_EXTENSION <= days <= LONGEST_EXTENSION:
        raise ValueError(f"An invitation is extended by {SHORTEST_EXTENSION} to {LONGEST_EXTENSION} days.")
    form = locked_form(desk, invitation)
    state, expires_at = _asked_state(desk, invitation)
    _set_end(desk, invitation, extended(expires_at, desk.now, days))
    _mail_again(desk, form, invitation, state, Event.EXTENDED)


def _asked_state(desk: Desk, invitation: Invitation) -> tuple[State, datetime]:
    """Return the state and the end of an invitation that was sent and not answered yet."""
    state = current_state(desk, invitation)
    if state not in LIVE | {State.EXPIRED} or invitation.expires_at is None:
        raise NotAllowedError(state)
    invitation.state = state.value  # what is over is over, also where it gets another end now
    return state, invitation.expires_at


def _mail_again(desk: Desk, form: SentForm, invitation: Invitation, state: State, event: Event) -> None:
    to = State.CHECKED if state is State.CHECKED else State.INVITED
    move(desk, form.submission, invitation, to, event, expires=instant_text(invitation.expires_at or desk.now))
    ask_to_sign(desk, form, invitation)
