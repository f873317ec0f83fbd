"""E-mail about signatures: to the signer, the applicant, the others who have signed, and staff."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.db import Database
from portal.drafts.models import Draft
from portal.form_definitions.definition import FormDefinition, SignerDefinition
from portal.form_definitions.versions.queries import definition_of
from portal.keyring import Keyring
from portal.mail import messages as mails
from portal.mail.messages import SignatureNews
from portal.signing.definition import State
from portal.signing.models import Invitation
from portal.signing.queries import invitations_of
from portal.signing.sealing import address_of, link_of
from portal.storage.definition import Storage
from portal.submissions.customers import Customer, customer_of
from portal.submissions.models import Submission
from portal.web.addresses import public_url
from portal.web.languages import DEFAULT, speaking


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a change of signatures needs besides its subject: database, keys, the stored files, and the instant."""

    db: Session
    database: Database
    keyring: Keyring
    secret: str
    storage: Storage
    now: datetime


@dataclass(frozen=True, kw_only=True)
class SentForm:
    """A sent form whose signatures change: who sent it, and in which language."""

    submission: Submission
    definition: FormDefinition
    applicant: Customer
    language: str

    @property
    def reference(self) -> str:
        """Its reference."""
        return self.submission.reference

    def signer(self, invitation: Invitation) -> SignerDefinition:
        """Return what the form says of an invited signer."""
        return next(signer for signer in self.definition.signers if signer.id == invitation.signer_id)


def sent_form(desk: Desk, submission: Submission) -> SentForm:
    """Return a sent form with its applicant."""
    language = desk.db.scalar(select(Draft.language).where(Draft.id == submission.draft_id))
    return SentForm(
        submission=submission,
        definition=definition_of(submission.version),
        applicant=customer_of(desk.keyring, submission.reference, submission.case),
        language=language or DEFAULT,
    )


def ask_to_sign(desk: Desk, form: SentForm, invitation: Invitation, *, is_reminder: bool = False) -> None:
    """E-mail a signer their link, or remind them; the name of the mail is kept until we know whether it arrived."""
    if invitation.expires_at is None:
        raise ValueError("This invitation has not been issued.")
    link = link_of(desk.keyring, form.reference, invitation)
    with speaking(invitation.language):
        invitation.delivery = mails.please_sign(
            desk.db,
            to=address_of(desk.keyring, form.reference, invitation),
            title=form.definition.title.in_(invitation.language),
            who=form.applicant.shown_name or form.reference,
            role=form.signer(invitation).role.in_(invitation.language),
            link=public_url(f"/sign/{link.token}"),
            reference=form.reference,
            code=link.code,
            until=invitation.expires_at,
            is_reminder=is_reminder,
            now=desk.now,
        )


def tell_applicant(desk: Desk, form: SentForm, invitation: Invitation, news: SignatureNews) -> None:
    """E-mail who sent the form; there is no mail where no address of theirs is known."""
    person = person_by_id(desk.db, form.submission.person_id) if form.submission.person_id else None
    address = person.email if person and person.is_active else form.applicant.email
    if address:
        link = f"/submissions/{form.reference}/signers"
        _tell(desk, form, invitation, news, to=address, language=form.language, link=public_url(link))


def tell_signer(desk: Desk, form: SentForm, invitation: Invitation, news: SignatureNews, *, has_link: bool) -> None:
    """E-mail the person who was invited."""
    link = public_url(f"/sign/{link_of(desk.keyring, form.reference, invitation).token}") if has_link else None
    address = address_of(desk.keyring, form.reference, invitation)
    _tell(desk, form, invitation, news, to=address, language=invitation.language, link=link)


def tell_everybody(desk: Desk, form: SentForm, invitation: Invitation, news: SignatureNews) -> None:
    """E-mail an outcome to the applicant, to the others who have signed, and to whom the case is assigned."""
    tell_applicant(desk, form, invitation, news)
    for other in invitations_of(desk.db, form.submission.id):
        if other.id != invitation.id and other.state == State.SIGNED:
            address = address_of(desk.keyring, form.reference, other)
            _tell(desk, form, invitation, news, to=address, language=other.language, is_concerned=False)
    tell_assignee(desk, form, invitation, news)


def tell_assignee(desk: Desk, form: SentForm, invitation: Invitation, news: SignatureNews) -> None:
    """E-mail the member of staff to whom the case is assigned."""
    assignee_id = form.submission.case.assignee_id
    person = person_by_id(desk.db, assignee_id) if assignee_id else None
    if person and person.is_active:
        link = public_url(f"/hub/cases/{form.reference}")
        _tell(desk, form, invitation, news, to=person.email, language=DEFAULT, link=link, is_concerned=False)


def _tell(
    desk: Desk,
    form: SentForm,
    invitation: Invitation,
    news: SignatureNews,
    *,
    to: str,
    language: str,
    link: str | None = None,
    is_concerned: bool = True,
) -> None:
    with speaking(language):
        mails.signature_news(
            desk.db,
            news,
            to=to,
            title=form.definition.title.in_(language),
            role=form.signer(invitation).role.in_(language),
            reference=form.reference,
            link=link,
            is_concerned=is_concerned,
            now=desk.now,
        )
