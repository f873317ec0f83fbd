"""A form that a second person signs, sent by its applicant, and the way from the mailed link to the signature."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import select

from portal.signing.models import Invitation
from portal.signing.operations import desk_at
from portal.signing.queries import invitations_of
from portal.signing.sealing import Link, link_of
from portal.signing.telling import Desk
from portal.submissions.models import Submission
from tests.citizen import Citizen, Page
from tests.loan import publish_yaml, start

FORM = """
format: 1
form:
  id: flat
  title: Rent a flat
  access: anyone
  customer: {{name: you.name, email: you.email}}
sections:
  - id: you
    title: About you
    fields:
      - {{id: name, type: name, label: Name, required: true}}
      - {{id: email, type: email, label: E-mail}}
      - {{id: born, type: date, label: Date of birth, required: true}}
      - {{id: town, type: text, label: Town of birth}}
  - id: home
    title: Your home
    fields:
      - {{id: street, type: text, label: Street, required: true}}
      - {{id: landlord, type: name, label: Landlord, required: true}}
      - {{id: landlord_email, type: email, label: E-mail of the landlord, required: true}}
      - {{id: agent, type: name, label: Agent}}
      - {{id: agent_email, type: email, label: E-mail of the agent}}
  - id: from_landlord
    title: Questions for the landlord
    fields:
      - {{id: since, type: text, label: Since when do they rent, required: true}}
      - {{id: arrears, type: yes_no, label: Is rent owed, required: true}}
      - id: how_much
        type: money
        label: How much
        when: {{field: ./arrears, is: true}}
        required_when: {{field: ./arrears, is: true}}
signers:
  - id: landlord
    role: Landlord
    name: home.landlord
    email: home.landlord_email
    check: {check}
    shows: [home]
    asks: from_landlord
    statement: I confirm that this is **true**.
    days: 30
  - id: agent
    role: Agent
    when: {{field: home.agent, answered: true}}
    name: home.agent
    email: home.agent_email
    check: {{fact: you.town}}
    shows: [home]
    statement: I have let the flat.
    days: 30
"""
FACT_CHECK = "{fact: you.born}"
YOU = {
    "name": "Zoë Łukasz",
    "email": "zoe@mail.example",
    "born__day": "9",
    "born__month": "5",
    "born__year": "1988",
    "town": "Łódź",
}
HOME = {
    "street": "18 Weir Lane",
    "landlord": "Calder Homes",
    "landlord_email": "calder@mail.example",
    "agent": "Ann Agent",
    "agent_email": "ann@mail.example",
}
BORN = {"fact__day": "9", "fact__month": "5", "fact__year": "1988"}
WRONG_BORN = BORN | {"fact__day": "8"}
ANSWERS = {"since": "2019", "arrears": "no"}


@contextmanager
def at_desk(app: Flask) -> Iterator[Desk]:
    """A transaction that may change signatures and mail somebody."""
    parts = app.extensions["portal"]
    with app.test_request_context(), parts.database.writing() as db:
        yield desk_at(db, now=parts.clock.now())


def publish_flat(app: Flask, check: str = FACT_CHECK) -> None:
    """Publish the form; its landlord is checked so."""
    publish_yaml(app, FORM.format(check=check))


def sent_form(app: Flask, applicant: Citizen, check: str = FACT_CHECK, **home: str) -> str:
    """Publish the form, and send it; return its reference."""
    publish_flat(app, check)
    return send_flat(applicant, **home)


def send_flat(applicant: Citizen, **home: str) -> str:
    """Fill the form in and send it; return its reference."""
    draft = start(applicant, "flat")
    applicant.open(f"{draft}/you")
    applicant.press("Continue", **YOU)
    applicant.press("Continue", **(HOME | home))
    applicant.press("Send")
    return draft.rpartition("/")[2]


def stored(desk: Desk, reference: str, signer: str = "landlord") -> Invitation:
    """Return the invitation of a signer that counts now."""
    submission = desk.db.scalars(select(Submission).where(Submission.reference == reference)).one()
    (found,) = (each for each in invitations_of(desk.db, submission.id) if each.signer_id == signer)
    return found


def mailed(app: Flask, reference: str, signer: str = "landlord") -> Link:
    """Return the token and the code that were mailed to a signer."""
    with at_desk(app) as desk:
        return link_of(desk.keyring, reference, stored(desk, reference, signer))


def link_to(app: Flask, reference: str, signer: str = "landlord") -> str:
    """Return the path of the link that was mailed to a signer."""
    return f"/sign/{mailed(app, reference, signer).token}"


def state_of(app: Flask, reference: str, signer: str = "landlord") -> str:
    """Return the stored state of a signer."""
    with at_desk(app) as desk:
        return stored(desk, reference, signer).state


def pass_check(signer: Citizen, link: str, **fact: str) -> Page:
    """Open the link and pass the check; return the page that follows."""
    signer.open(link)
    return signer.press("Continue", **(fact or BORN))


def come_to_sign(signer: Citizen, link: str) -> Page:
    """Pass the check, read, and answer the landlord's questions; return the page on which they sign."""
    pass_check(signer, link)
    signer.press("Continue")
    return signer.press("Continue", **ANSWERS)
