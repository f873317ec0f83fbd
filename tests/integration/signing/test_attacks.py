"""What somebody tries who wants to sign for another, read what is not theirs, or undo what was signed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.audit import AuditEvent
from portal.db import Database
from portal.form_definitions.versions.models import FormVersion
from portal.signing.models import Invitation, Outcome, SigningGuest
from portal.signing.operations import change_address, withdraw
from portal.signing.telling import Desk
from portal.submissions.models import Submission
from portal.tokens import keyed_hash, token_hash
from tests.citizen import Citizen, Page
from tests.loan import publish_yaml
from tests.signatures import BORN, at_desk, come_to_sign, link_to, pass_check, state_of, stored

NAME = "Calder Homes"
CALDER = "calder@mail.example"


def outcomes(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.scalars(select(Outcome.kind)))


def sign(signer: Citizen) -> Page:
    return signer.press("Sign", name=NAME, consent="yes")


# Without a check


@pytest.mark.parametrize(
    "change",
    [lambda desk, found: withdraw(desk, found), lambda desk, found: change_address(desk, found, "new@mail.example")],
    ids=["withdrawn", "another address"],
)
def test_a_session_of_a_dead_link_reads_and_signs_nothing(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database, change: Callable[[Desk, Any], Any]
) -> None:
    come_to_sign(signer, link)
    with at_desk(app) as desk:
        change(desk, stored(desk, reference))
    assert sign(signer).status == 410
    for page in ("/sign", "/sign/questions", "/sign/confirm", "/sign/decline", "/sign/done", "/sign/done/copy.pdf"):
        answer = signer.get(page)
        assert answer.status_code == 410
        assert "Weir" not in answer.text
    assert pass_check_of(signer, link).status_code == 303
    assert outcomes(database) == []


def pass_check_of(signer: Citizen, link: str) -> Any:
    fields = {name.replace("__", "-"): value for name, value in BORN.items()}
    token = signer.open("/sign/" + "x" * 43).value("csrf_token") or ""
    return signer.post(link, fields | {"csrf_token": token, "_action": "check"})


@pytest.mark.parametrize("action", ["check", "not_me", "hand_over", "send_code"])
def test_another_site_presses_no_button_of_a_link(
    app: Flask, signer: Citizen, link: str, reference: str, action: str
) -> None:
    fields = {name.replace("__", "-"): value for name, value in BORN.items()}
    fields |= {"_action": action, "last_four": reference[-4:]}
    token = {"csrf_token": signer.open(link).value("csrf_token") or ""}
    stranger = Citizen(app)
    assert stranger.post(link, fields).status_code == 403
    assert stranger.post(link, fields | token).status_code == 403
    assert signer.post(link, fields | token, headers={"Origin": "https://evil.example"}).status_code == 403
    assert state_of(app, reference) == "invited"


# What is not theirs


def press_here(app: Flask, applicant: Citizen, reference: str) -> int:
    """Press **Sign on this computer** for the landlord, though the page may have no such button any more."""
    page = applicant.open(f"/submissions/{reference}/signers")
    with at_desk(app) as desk:
        signer = stored(desk, reference).public_id
    fields = {"csrf_token": page.value("csrf_token"), "signer": signer, "_action": "here", "_end": "1"}
    return applicant.post(f"/submissions/{reference}/signers", fields).status_code


def test_an_applicant_gets_no_link_to_the_signed_copy(
    app: Flask, citizen: Citizen, signer: Citizen, link: str, reference: str
) -> None:
    """It has answers that are no business of theirs, and they know what its check asks."""
    come_to_sign(signer, link)
    sign(signer)
    assert press_here(app, citizen, reference) == 409


def test_a_link_that_its_applicant_opened_stands_in_the_records(
    app: Flask, citizen: Citizen, reference: str, database: Database
) -> None:
    assert press_here(app, citizen, reference) == 303
    with database.reading() as db:
        assert "signer_link_opened" in list(db.scalars(select(AuditEvent.action)))


def test_whoever_said_that_it_is_not_for_them_gets_no_more_mails(
    app: Flask, citizen: Citizen, signer: Citizen, link: str, reference: str
) -> None:
    signer.open(link)
    signer.press("This is not for me", last_four=reference[-4:])
    citizen.open(f"/submissions/{reference}/signers")
    page = citizen.press("Change address", email=CALDER.upper())
    assert (page.status, state_of(app, reference)) == (422, "not_me")
    assert "the person who reads this one told us that it is not for them" in page
    citizen.press("Change address", email="right@mail.example")
    assert state_of(app, reference) == "invited"


def test_the_statement_is_signed_in_the_language_in_which_it_was_read(
    signer: Citizen, link: str, database: Database
) -> None:
    come_to_sign(signer, link)
    tab = signer.tab()
    tab.open("/sign/confirm")
    tab.press("Cymraeg")
    page = signer.press("Sign", name=NAME, consent="yes")
    assert (page.status, outcomes(database)) == (409, [])


# Behind the portal's back


def verify(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["signing", "verify"])
    return result.exit_code, result.output


def landlord(**values: Any) -> Callable[[Session], Any]:
    return lambda db: db.execute(update(Invitation).where(Invitation.signer_id == "landlord").values(**values))


def other_words(db: Session) -> None:
    version = db.scalars(select(FormVersion).where(FormVersion.form_id == "flat")).one()
    version.document = version.document.replace("Is rent owed", "Is rent paid")


def other_form(db: Session) -> None:
    """Give the sent form to a version in which nobody is asked to sign."""
    plain = db.scalar(select(FormVersion.id).where(FormVersion.form_id != "flat"))
    db.execute(update(Submission).values(form_version_id=plain))


PLAIN = """
format: 1
form: {id: plain, title: Plain}
sections:
  - id: you
    title: You
    fields:
      - {id: name, type: name, label: Name}
"""
MARCH = datetime.fromisoformat("2030-03-01T00:00:00+00:00")
SPOILS: dict[str, tuple[Callable[[Session], Any], str]] = {
    "a link of the intruder's": (landlord(token_hash=token_hash("t" * 43)), "is opened by another link"),
    "a code of the intruder's": (landlord(code_hash=keyed_hash("x", "y")), "is opened by another link"),
    "an answer that counts no more": (landlord(is_current=False), "counts where another does, or does not count"),
    "more time": (landlord(expires_at=MARCH), "does not end when its events say"),
    "gone on without": (landlord(waived_at=MARCH), "gone on without"),
    "other words of a question": (other_words, "the form is not the one that was filled in"),
    "a form without signers": (other_form, "the form is not the one that was filled in"),
}


@pytest.mark.parametrize(("spoil", "words"), SPOILS.values(), ids=SPOILS)
def test_what_a_writer_of_the_database_changes_is_named(
    app: Flask,
    signer: Citizen,
    link: str,
    reference: str,
    database: Database,
    spoil: Callable[[Session], Any],
    words: str,
) -> None:
    publish_yaml(app, PLAIN)
    come_to_sign(signer, link)
    sign(signer)
    assert verify(app)[0] == 0
    with database.writing() as db:
        spoil(db)
    code, output = verify(app)
    assert code == 1
    assert any(line.startswith(f"{reference}: ") and words in line for line in output.splitlines()), output


def test_a_signature_by_a_guest_whom_no_check_let_in_is_named(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database
) -> None:
    """A writer of the database lists a guest and sets the state; the portal then takes their signature."""
    pass_check(signer, link_to(app, reference, "agent"), fact="Lodz")
    with database.writing() as db:
        found = db.scalars(select(Invitation).where(Invitation.signer_id == "landlord")).one()
        db.execute(update(SigningGuest).values(invitation_id=found.id))
        found.state = "checked"
    signer.open("/sign")
    signer.press("Continue")
    signer.press("Continue", since="2019", arrears="no")
    assert sign(signer).path == "/sign/done"
    code, output = verify(app)
    assert code == 1
    assert "was given without a check" in output
