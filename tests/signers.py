"""A form with three signers, sent without its pages, and the mails about it: for tests of what lies below the pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.operations import start_draft
from portal.drafts.rules import Filled, Part
from portal.form_definitions.definition import SectionState
from portal.form_definitions.versions.models import FormVersion
from portal.outbox.definition import mail_of
from portal.outbox.models import Delivery
from portal.outbox.operations import SUBJECT
from portal.sessions.operations import Holder
from portal.signing.models import Invitation
from portal.signing.operations import desk_at, invite
from portal.signing.queries import invitations_of
from portal.signing.telling import Desk
from portal.submissions.customers import Customer
from portal.submissions.models import Submission
from portal.submissions.operations import send
from portal.tokens import new_token
from tests.loan import definition_of, publish_yaml
from tests.post import Letter

FORM = """
format: 1
form:
  id: reference
  title: Ask for a reference
  access: anyone
  customer: {name: you.name, email: you.email}
sections:
  - id: you
    title: About you
    fields:
      - {id: name, type: name, label: Name, required: true}
      - {id: email, type: email, label: E-mail}
      - {id: born, type: date, label: Date of birth}
      - {id: postcode, type: text, label: Postcode}
      - {id: with_bank, type: yes_no, label: Bank}
  - id: others
    title: Others
    fields:
      - {id: landlord, type: name, label: Landlord}
      - {id: landlord_email, type: email, label: E-mail of the landlord}
      - {id: employer, type: name, label: Employer}
      - {id: employer_email, type: email, label: E-mail of the employer}
      - {id: bank, type: name, label: Bank}
      - {id: bank_email, type: email, label: E-mail of the bank}
  - id: jobs
    title: Jobs
    repeat: {item: job, min: 0, max: 3}
    fields:
      - {id: what, type: text, label: What}
  - id: proof
    title: Proof
    fields:
      - {id: slip, type: file, label: Pay slip, files: {max: 2, max_mb: 5, types: [pdf, png]}}
signers:
  - id: landlord
    role: Landlord
    name: others.landlord
    email: others.landlord_email
    check: {fact: you.born}
    shows: [you, jobs, proof]
    statement: I confirm that this is true.
    days: 30
  - id: employer
    role: Employer
    name: others.employer
    email: others.employer_email
    check: code
    shows: [jobs]
    statement: I employ this person.
    days: 20
  - id: bank
    role: Bank
    when: {field: you.with_bank, is: true}
    name: others.bank
    email: others.bank_email
    check: {fact: you.postcode}
    shows: [you]
    statement: They have an account with us.
    days: 10
    after: [landlord, employer]
"""
ZOE, LANDLORD, EMPLOYER, BANK = "zoe@mail.example", "len@mail.example", "eve@mail.example", "ben@mail.example"
ANSWERS: dict[str, dict[str, Any]] = {
    "you": {"name": "Zoë Łukasz", "email": ZOE, "born": "1988-05-09", "postcode": "LS1 4AP", "with_bank": True},
    "others": {
        "landlord": "Len Ord",
        "landlord_email": LANDLORD,
        "employer": "Eve Ploy",
        "employer_email": EMPLOYER,
        "bank": "Ben Ank",
        "bank_email": BANK,
    },
}
JOBS = {"aaaaaaaa": {"what": "Baker"}, "bbbbbbbb": {"what": "Smith"}}


@contextmanager
def at_desk(app: Flask, db: Session | None = None) -> Iterator[Desk]:
    """A transaction that may change signatures and mail somebody."""
    parts = app.extensions["portal"]
    with app.app_context():
        if db is not None:
            yield desk_at(db, now=parts.clock.now())
            return
        with parts.database.writing() as own:
            yield desk_at(own, now=parts.clock.now())


def filled(changes: dict[str, dict[str, Any]], now: datetime) -> Filled:
    """Return the form as it is filled in, with some answers changed."""
    answers = {section: given | changes.get(section, {}) for section, given in ANSWERS.items()}
    answers |= {section: given for section, given in changes.items() if section not in answers}
    parts = [Part(section_id=section, state=SectionState(answers=given)) for section, given in answers.items()]
    parts += [Part(section_id="jobs", item_id=item, state=SectionState(answers=given)) for item, given in JOBS.items()]
    return Filled(definition=definition_of(FORM), parts=tuple(parts), today=now.date())


def publish_reference(app: Flask) -> None:
    """Publish the form."""
    publish_yaml(app, FORM)


def send_reference(app: Flask, *, person_id: int | None = None, language: str = "en", **changes: dict[str, Any]) -> str:
    """Send the form, with some answers changed, and invite its signers; return its reference."""
    with at_desk(app) as desk:
        draft = draft_of(desk, person_id, language)
        return send_draft(desk, draft, **changes).reference


def draft_of(desk: Desk, person_id: int | None = None, language: str = "en") -> Draft:
    """Return a new draft of the form."""
    version = desk.db.scalars(select(FormVersion).where(FormVersion.form_id == "reference")).one()
    definition = definition_of(FORM)
    return start_draft(
        desk.db,
        version,
        definition,
        Holder(person_id=person_id, guest_id=None if person_id else new_token()),
        rules=definition.drafts,
        keyring=desk.keyring,
        now=desk.now,
        language=language,
    )


def send_draft(desk: Desk, draft: Draft, **changes: dict[str, Any]) -> Submission:
    """Send a draft with these answers, and invite whom it names."""
    form = filled(changes, desk.now)
    customer = Customer(name="Zoë Łukasz", emails=(ZOE,))
    key = new_token()
    submission = send(
        desk.db, draft, form, key=key, customer=customer, keyring=desk.keyring, secret=desk.secret, now=desk.now
    )
    invite(desk, submission, form.shown)
    return submission


def submission_of(desk: Desk, reference: str) -> Submission:
    """Return a sent form."""
    return desk.db.scalars(select(Submission).where(Submission.reference == reference)).one()


def invited(desk: Desk, reference: str, signer: str = "landlord") -> Invitation:
    """Return the invitation of a signer that counts now."""
    found = invitations_of(desk.db, submission_of(desk, reference).id)
    return next(each for each in found if each.signer_id == signer)


def mailbox(desk: Desk) -> list[tuple[str, str]]:
    """Return recipient and subject of each mail that was enqueued and not sent yet, in order."""
    return [(letter.to, letter.subject) for letter in letters_in(desk)]


def letters_in(desk: Desk) -> list[Letter]:
    """Return the mails that were enqueued and not sent yet, in order."""
    desk.db.flush()
    rows = desk.db.scalars(select(Delivery).where(Delivery.payload.is_not(None)).order_by(Delivery.id))
    opened = (desk.keyring.open(row.payload or b"", subject=SUBJECT, place=row.public_id) for row in rows)
    return [Letter(mail_of(plain).content.encode()) for plain in opened]
