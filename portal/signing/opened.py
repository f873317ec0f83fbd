"""An invitation as the pages of its signer need it: what they read, what only they are asked, and what they sign."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, lru_cache

from sqlalchemy.orm import Session

from portal.form_definitions.definition import Answer, FormAnswers, FormDefinition, Section, SignerDefinition
from portal.form_definitions.versions.queries import definition_of
from portal.signing.definition import COPY_FOR, State
from portal.signing.models import Invitation, Outcome
from portal.signing.queries import outcome_of
from portal.signing.rules import canonical, state_at
from portal.signing.sealing import Link, Said, address_of, link_of, name_of, open_said
from portal.submissions.answers import AnsweredSection, section_answers, sent_sections
from portal.submissions.customers import customer_of
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import now

READ_PAGE, QUESTIONS_PAGE, CONFIRM_PAGE, DONE_PAGE = "/sign", "/sign/questions", "/sign/confirm", "/sign/done"
PLACES = (READ_PAGE, QUESTIONS_PAGE, CONFIRM_PAGE)
"""The pages to which a signer comes back."""


class OpenInvitation:
    """One signer's invitation with the form that was sent, as a request works on it."""

    def __init__(self, db: Session, invitation: Invitation) -> None:
        submission = db.get_one(Submission, invitation.submission_id)
        self._db = db
        self.invitation = invitation
        self.submission = submission
        self.reference = submission.reference
        self.definition: FormDefinition = definition_of(submission.version)
        self.signer: SignerDefinition = next(
            each for each in self.definition.signers if each.id == invitation.signer_id
        )
        self._keyring = app_state().configuration.keyring

    @property
    def state(self) -> State:
        """What has become of it by now."""
        return state_at(State(self.invitation.state), self.invitation.expires_at, now())

    @property
    def name(self) -> str:
        """The name of the person who was invited."""
        return name_of(self._keyring, self.reference, self.invitation)

    @property
    def address(self) -> str:
        """The address to which the mail went."""
        return address_of(self._keyring, self.reference, self.invitation)

    @property
    def who(self) -> str:
        """Who asks for the signature, by the name that the mail gives."""
        return customer_of(self._keyring, self.reference, self.submission.case).shown_name or self.reference

    @property
    def fact_section(self) -> Section | None:
        """The section in which the applicant wrote the fact that opens the form."""
        return self.definition.section(self.signer.fact[0]) if self.signer.fact else None

    @property
    def link(self) -> Link:
        """The token and the code of the mail."""
        return link_of(self._keyring, self.reference, self.invitation)

    @cached_property
    def answers(self) -> FormAnswers:
        """All that was sent."""
        return sent_answers(self._keyring, self.submission)

    @property
    def sections(self) -> list[AnsweredSection]:
        """What this signer reads, in the order of the form."""
        return [each for each in sent_sections(self.definition, self.answers) if each.id in self.signer.shows]

    @property
    def asked(self) -> Section | None:
        """The section that only this signer answers."""
        return self.definition.signer_section(self.signer.asks) if self.signer.asks else None

    @property
    def whole(self) -> FormDefinition:
        """The form with the signer's own section behind the others, so that its questions can be judged."""
        return _with_section(self.definition, self.asked) if self.asked else self.definition

    def own_section(self, answers: Mapping[str, Answer]) -> AnsweredSection:
        """Return the signer's own answers, as they read."""
        if self.asked is None:
            raise LookupError(f"The signer {self.signer.id} is asked nothing.")
        fields = tuple(field for field in self.asked.fields if field.id in answers)
        return section_answers(self.asked, [("", fields, answers)])

    @cached_property
    def outcome(self) -> Outcome:
        """How it was answered."""
        found = outcome_of(self._db, self.invitation)
        if found is None:
            raise LookupError(f"The invitation {self.invitation.public_id} is not answered.")
        return found

    @property
    def said(self) -> Said:
        """What was said with the answer."""
        return open_said(self._keyring, self.reference, self.invitation, self.outcome)

    @property
    def copy_until(self) -> datetime:
        """Until when the signer can fetch the copy."""
        return self.outcome.at + COPY_FOR

    @property
    def has_copy(self) -> bool:
        """Whether the signer can fetch the copy now."""
        return self.state is State.SIGNED and now() < self.copy_until

    @property
    def place(self) -> str:
        """The page on which the signer was last."""
        kept = self.invitation.place
        return kept if kept in PLACES and (kept != QUESTIONS_PAGE or self.asked) else READ_PAGE

    @property
    def late_place(self) -> str:
        """The whole to which late forms of this signer belong: no other signer's page has this address."""
        return f"/sign/{self.invitation.public_id}"

    def print_of(self, own: object) -> str:
        """Return what names exactly the copy, the language and the signer's `own` answers as a page shows them."""
        return hashlib.sha256(self.invitation.copy_hash + canonical([language(), own])).hexdigest()


@lru_cache(maxsize=64)
def _with_section(definition: FormDefinition, section: Section) -> FormDefinition:
    return replace(definition, sections=(*definition.sections, section))
