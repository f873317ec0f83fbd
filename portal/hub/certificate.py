"""The certificate of a case's signatures: who signed what and when, and the chain of events that shows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from portal.form_definitions.definition import SignerCheck
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.versions.queries import definition_of
from portal.signing.chain import THE_KEY
from portal.signing.definition import Event, State
from portal.signing.models import Invitation, Outcome, SigningKey
from portal.signing.queries import all_invitations_of, events_of, outcomes_of
from portal.signing.rules import ChainedEvent, details_of, differs, state_at
from portal.signing.sealing import address_of, name_of, open_said
from portal.signing.telling import Desk, SentForm, sent_form
from portal.signing.verifying import breaks_of
from portal.site_settings.current import clock_time, day_text, local_day, settings
from portal.submissions.answers import AnsweredSection, AnswerRow, Block
from portal.submissions.files import entries_in
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.submissions.receipt import Receipt
from portal.web.languages import language

STATES = {
    State.WAITING: "Waits for another signer",
    State.INVITED: "Invited, not signed yet",
    State.UNDELIVERED: "The e-mail could not be delivered",
    State.CHECKED: "Has read the form, not signed yet",
    State.SIGNED: "Signed",
    State.DECLINED: "Did not sign",
    State.NOT_ME: "Said that the e-mail came to the wrong person",
    State.WITHDRAWN: "Not asked any more",
    State.EXPIRED: "Did not sign in time",
}
CHECKS = {
    SignerCheck.FACT: "Typed an answer that the applicant had given in the form",
    SignerCheck.CODE: "Typed a code that was sent to the address",
    SignerCheck.ACCOUNT: "Signed in to an account with the address",
}


@dataclass(frozen=True, kw_only=True)
class Certificate(Receipt):
    """All words of a certificate."""

    @property
    def heading(self) -> str:
        """The heading."""
        return _("Certificate of signatures")

    @property
    def remark(self) -> str:
        """Which form it is about, and what the certificate is for."""
        return _(
            "%(title)s. It shows who signed what, and when. It does not prove that a person is who they say: that is "
            "only as certain as the check that is named with each signature.",
            title=self.title,
        )

    @property
    def foot(self) -> str:
        """The text at the foot of every page."""
        return _("%(reference)s, certificate made %(made)s", reference=self.reference, made=self.received)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What people may have to quote, each with its label."""
        return ((_("Reference"), self.reference), (_("Certificate made"), self.received))


def certificate_of(desk: Desk, submission: Submission) -> Certificate:
    """Return the certificate of a sent form with signers, as everything is now."""
    form = sent_form(desk, submission)
    events, outcomes = events_of(desk.db, submission), outcomes_of(desk.db, submission.id)
    signers = [
        _signer(desk, form, invitation, outcomes.get(invitation.id))
        for invitation in all_invitations_of(desk.db, submission)
        if invitation.is_current or invitation.id in outcomes
    ]
    return Certificate(
        language=language(),
        site_name=settings().site_name,
        support_contact=settings().support_contact,
        title=form.definition.title.in_(language()),
        reference=submission.reference,
        received_at=desk.now,
        received=_moment(desk.now),
        sections=(_sent(desk, submission, events), *signers, _chain(events), _proof(desk, submission, events)),
    )


def _moment(at: datetime) -> str:
    return _("%(day)s at %(time)s", day=day_text(local_day(at)), time=clock_time(at))


def _section(title: str, rows: Iterator[tuple[str, str]]) -> AnsweredSection:
    made = [AnswerRow(key=key, value_lines=value.split("\n"), actions=[]) for key, value in rows]
    return AnsweredSection(id="", title=title, blocks=[Block(name=None, rows=made)])


def _sent(desk: Desk, submission: Submission, events: tuple[ChainedEvent, ...]) -> AnsweredSection:
    def rows() -> Iterator[tuple[str, str]]:
        sent: dict[str, Any] = details_of(events[0]) if events else {}
        definition = definition_of(submission.version)
        yield _("Form"), f"{definition.id}, {_('version %(number)s', number=submission.version.number)}"
        yield _("Check code of the form"), definition.digest
        yield _("Sent"), _moment(submission.sent_at)
        yield _("Check code of the answers, as they are stored"), str(sent.get("answers", ""))
        names = {entry.id: entry.name for entry in entries_in(sent_answers(desk.keyring, submission))}
        for file_id, digest in sorted(dict(sent.get("files") or {}).items()):
            yield _("Check code of the file %(name)s", name=names.get(file_id, file_id)), str(digest)

    return _section(_("What was sent"), rows())


def _signer(desk: Desk, form: SentForm, invitation: Invitation, outcome: Outcome | None) -> AnsweredSection:
    def rows() -> Iterator[tuple[str, str]]:
        state = state_at(State(invitation.state), invitation.expires_at, desk.now)
        invited = name_of(desk.keyring, form.reference, invitation)
        yield _("State"), _(STATES[state])
        yield _("Invited name"), invited
        yield _("Invited address"), address_of(desk.keyring, form.reference, invitation)
        yield _("How they were checked"), _(CHECKS[SignerCheck(invitation.check)])
        if invitation.shares_mailbox:
            yield _("Mailbox"), _("The applicant uses the same e-mail address.")
        if invitation.issued_at:
            yield _("Invited"), _moment(invitation.issued_at)
        yield _("Check code of what they read"), invitation.copy_hash.hex()
        if outcome:
            yield from _outcome_rows(desk, form, invitation, outcome, invited)

    return _section(form.signer(invitation).role.in_(language()), rows())


def _outcome_rows(
    desk: Desk, form: SentForm, invitation: Invitation, outcome: Outcome, invited: str
) -> Iterator[tuple[str, str]]:
    said = open_said(desk.keyring, form.reference, invitation, outcome)
    yield _("Answered"), _moment(outcome.at)
    if said.name:
        mark = "\n" + _("This is another name than the invited one.") if differs(said.name, invited) else ""
        yield _("Name, as they typed it"), said.name + mark
        yield _("Statement"), rich_text(form.signer(invitation).statement.in_(said.language)).striptags()
    if said.reason:
        yield _("Reason"), said.reason
    yield _("Check code of the statement"), outcome.statement_hash.hex()


def _chain(events: tuple[ChainedEvent, ...]) -> AnsweredSection:
    rows = ((f"{each.number}. {_event_name(each)}, {_moment(each.at)}", each.digest.hex()) for each in events)
    return _section(_("What happened, each step with its check code"), rows)


def _event_name(event: ChainedEvent) -> str:
    signer = details_of(event).get("signer")
    name = Event(event.name).value.replace("_", " ")
    return f"{name} ({signer})" if isinstance(signer, str) else name


def _proof(desk: Desk, submission: Submission, events: tuple[ChainedEvent, ...]) -> AnsweredSection:
    def rows() -> Iterator[tuple[str, str]]:
        key = desk.db.get(SigningKey, THE_KEY)
        yield _("Public key (Ed25519)"), key.public.hex() if key else ""
        yield _("Signature of the last event"), (events[-1].signature or b"").hex() if events else ""
        found = list(breaks_of(desk, submission))
        yield _("Recomputed when the certificate was made"), "\n".join(found) or _("Everything is as it was signed.")

    return _section(_("How to check it"), rows())
