"""What an applicant reads about signers: before Send who will be asked, afterwards who has signed and who has not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.drafts.open_draft import OpenDraft
from portal.drafts.preview.outline import check_words
from portal.drafts.rules import Filled
from portal.form_definitions.definition import FormDefinition, SignerDefinition
from portal.form_definitions.rules import Shown
from portal.form_definitions.versions.queries import definition_of
from portal.signing.definition import ANSWERED, LIVE, MISSING, OPEN, State
from portal.signing.models import Invitation, Outcome
from portal.signing.operations import desk_at, invite
from portal.signing.queries import invitations_of, outcomes_of
from portal.signing.rules import Asked, SignerFault, differs, signer_faults, signers_of, state_at
from portal.signing.sealing import Said, address_of, name_of, open_said
from portal.site_settings.current import moment_text
from portal.submissions.answers import AnsweredSection, sent_section
from portal.submissions.models import Submission
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import now

AGAIN, CHANGE, WITHDRAW, HERE = "again", "change", "withdraw", "here"
_ASKED = frozenset({AGAIN, CHANGE, WITHDRAW, HERE})
MAY: Mapping[State, frozenset[str]] = {
    State.WAITING: frozenset({CHANGE, WITHDRAW}),
    State.INVITED: _ASKED,
    State.UNDELIVERED: _ASKED,
    State.CHECKED: _ASKED,
    State.EXPIRED: frozenset({AGAIN, CHANGE, WITHDRAW}),
    State.NOT_ME: frozenset({CHANGE}),
}
"""What the applicant may do about an invitation in a state; nothing where a state is not named."""


@dataclass(frozen=True, kw_only=True)
class PlannedSigner:
    """Somebody who will be asked to sign if the form is sent as it is."""

    role: str
    name: str
    address: str
    reads: Sequence[str]
    check: str
    days: int
    waits_for: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class SigningProblem:
    """Why the form cannot be sent to its signers: the section that has to be put right, and a sentence."""

    section_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class SigningPlan:
    """What the check page says about signers."""

    signers: Sequence[PlannedSigner] = ()
    problems: Sequence[SigningProblem] = ()


def signing_plan(opened: OpenDraft, applicant: Sequence[str]) -> SigningPlan:
    """Return who will be asked to sign a draft, and what keeps it from being sent to them.

    `applicant` holds the applicant's own addresses.
    """
    definition, shown = opened.definition, opened.filled.shown
    if not definition.signers:
        return SigningPlan()
    asked = signers_of(definition, shown)
    return SigningPlan(
        signers=[_planned(definition, shown, each, asked) for each in asked],
        problems=[
            SigningProblem(section_id=fault.section_id, text=_problem_text(definition, fault))
            for fault in signer_faults(asked, applicant)
        ],
    )


def invite_signers(db: Session, submission: Submission, filled: Filled) -> None:
    """Ask the signers of a form, in the transaction that sends it."""
    if filled.definition.signers:
        invite(desk_at(db, now=now()), submission, filled.shown)


def _planned(definition: FormDefinition, shown: Shown, asked: Asked, others: Sequence[Asked]) -> PlannedSigner:
    signer = asked.signer
    read = (definition.section(section_id) for section_id in signer.shows if section_id in shown.pages)
    return PlannedSigner(
        role=signer.role.in_(language()),
        name=asked.name,
        address=asked.email,
        reads=[section.title.in_(language()) for section in read if section],
        check=check_words(definition, signer),
        days=signer.days,
        waits_for=[each.signer.role.in_(language()) for each in others if each.signer.id in signer.after],
    )


def _problem_text(definition: FormDefinition, fault: SignerFault) -> str:
    section = definition.section(fault.section_id)
    title = section.title.in_(language()) if section else ""
    role = fault.signer.role.in_(language())
    if fault.what == "name":
        return _("Enter the name of the signer (%(role)s) in “%(section)s”", role=role, section=title)
    if fault.what == "email":
        return _("Enter the e-mail address of the signer (%(role)s) in “%(section)s”", role=role, section=title)
    if fault.what == "mailbox":
        return _(
            "Enter another e-mail address of the signer (%(role)s) in “%(section)s”: this one is yours, so our code "
            "would come to you",
            role=role,
            section=title,
        )
    return _problem_of_fact(definition, fault.signer, title)


def _problem_of_fact(definition: FormDefinition, signer: SignerDefinition, title: str) -> str:
    fact = definition.field(*signer.fact).in_sentence(language()) if signer.fact else ""
    return _(
        "Enter %(fact)s in “%(section)s”: the signer (%(role)s) has to type it to open the form",
        fact=fact,
        section=title,
        role=signer.role.in_(language()),
    )


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One signer of a sent form, as who sent it and staff read of them.

    `moment` is when they answered, `told` why they do not sign, `until` the last moment to sign. `may` names what the
    applicant may do, `differs` says that they signed under another name than that of the invitation. `answers` are
    those to the section that only they were asked, `check` says how they open the form.
    """

    id: str
    signer_id: str
    role: str
    name: str
    address: str
    state: State
    words: str
    asked_on: str | None = None
    until: str | None = None
    moment: str | None = None
    told: str | None = None
    typed_name: str | None = None
    differs: bool = False
    shares_mailbox: bool = False
    answers: AnsweredSection | None = None
    is_waived: bool = False
    check: str | None = None

    @property
    def may(self) -> frozenset[str]:
        """What the applicant may do about it now."""
        return MAY.get(self.state, frozenset())

    @property
    def may_be_extended(self) -> bool:
        """Whether staff may give the signer more time."""
        return self.state in LIVE or self.state is State.EXPIRED

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether the signer can be asked no more."""
        return WITHDRAW in self.may

    @property
    def is_missing(self) -> bool:
        """Whether it does not come by itself, and nobody has decided to go on without it."""
        return self.state in MISSING and not self.is_waived


def signatures(db: Session, submission: Submission) -> list[Signature]:
    """Return who has signed a sent form and who has not, in the order of the form; empty where nobody is asked."""
    definition = definition_of(submission.version)
    if not definition.signers:
        return []
    invitations = invitations_of(db, submission.id)
    outcomes = outcomes_of(db, submission.id) if any(each.state in ANSWERED for each in invitations) else {}
    order = [signer.id for signer in definition.signers]
    found = [_signature(definition, submission, each, outcomes.get(each.id)) for each in invitations]
    return sorted(found, key=lambda signature: order.index(signature.signer_id))


def _signature(
    definition: FormDefinition, submission: Submission, invitation: Invitation, outcome: Outcome | None
) -> Signature:
    keyring, reference = app_state().configuration.keyring, submission.reference
    signer = next(each for each in definition.signers if each.id == invitation.signer_id)
    state = state_at(State(invitation.state), invitation.expires_at, now())
    said = open_said(keyring, reference, invitation, outcome) if outcome else Said()
    name = name_of(keyring, reference, invitation)
    asked = definition.signer_section(signer.asks) if signer.asks else None
    is_open = state in OPEN or state is State.EXPIRED
    return Signature(
        id=invitation.public_id,
        signer_id=signer.id,
        role=signer.role.in_(language()),
        name=name,
        address=address_of(keyring, reference, invitation),
        state=state,
        words=state_words(state),
        asked_on=moment_text(invitation.issued_at) if invitation.issued_at else None,
        until=moment_text(invitation.expires_at) if invitation.expires_at and is_open else None,
        moment=moment_text(outcome.at) if outcome else None,
        check=check_words(definition, signer) if is_open else None,
        told=said.reason or None,
        typed_name=said.name or None,
        differs=bool(said.name) and differs(said.name, name),
        shares_mailbox=invitation.shares_mailbox,
        answers=sent_section(asked, said.answers) if asked and said.answers else None,
        is_waived=invitation.waived_at is not None,
    )


def state_words(state: State) -> str:
    """Return the state of an invitation as the applicant and staff read it."""
    return {
        State.WAITING: _("Not asked yet: somebody else signs first"),
        State.INVITED: _("Asked, not signed yet"),
        State.UNDELIVERED: _("Our e-mail could not be delivered"),
        State.CHECKED: _("Has opened the form, not signed yet"),
        State.SIGNED: _("Signed"),
        State.DECLINED: _("They will not sign this form"),
        State.NOT_ME: _("Not signed: they say that this is not for them"),
        State.WITHDRAWN: _("Withdrawn"),
        State.EXPIRED: _("Not signed: the last day has passed"),
    }[state]
