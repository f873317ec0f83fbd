"""Signatures as staff see them: the panel on a case, what they do there, and the work list."""

from io import BytesIO

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select, update

from portal.audit import AuditEvent
from portal.signing.definition import State
from portal.signing.models import Invitation, Outcome, SigningEvent, SigningKey
from portal.signing.operations import desk_at
from portal.signing.upkeep import expire_invitations
from portal.submissions.models import Submission
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.signing.test_applicant import change, declines, invitation, publish, send, signs
from tests.people import add_person, sign_in
from tests.post import letters


@pytest.fixture
def case(app: Flask, citizen: Citizen) -> str:
    """The address of a case that waits for its landlord's signature."""
    publish(app)
    return send(citizen).removesuffix("/signers").replace("/submissions/", "/hub/cases/")


@pytest.fixture
def anna(app: Flask) -> Citizen:
    """A member of staff who is signed in."""
    anna = Citizen(app)
    add_person(app, "anna@mail.example", role="staff")
    sign_in(anna, "anna@mail.example")
    return anna


def expire(app: Flask, clock: MovableClock) -> None:
    """Let the time to sign run out."""
    clock.advance(days=21)
    parts = app.extensions["portal"]
    with app.test_request_context(), parts.database.writing() as db:
        while expire_invitations(db, now=clock.now()):
            pass


def test_case_shows_who_has_signed_and_what_they_answered(app: Flask, case: str, anna: Citizen) -> None:
    assert "Landlord: Mr Hume Asked, not signed yet" in anna.open(case)
    change(app, signs("David Hume"))
    shown = anna.open(case)
    for words in ("Landlord: Mr Hume Signed", "They signed as David Hume.", "Reply of the landlord", "Since when? May"):
        assert words in shown
    assert "Extend" not in [button.text for form in shown.forms for button in form.buttons]


def test_case_without_signers_says_nothing_of_signatures(app: Flask, citizen: Citizen, anna: Citizen) -> None:
    publish(app)
    listed = send(citizen, you={"rents": "no"}, home={"landlord": "", "landlord_email": ""})
    assert "Signatures" not in anna.open(listed.removesuffix("/signers").replace("/submissions/", "/hub/cases/"))


def test_staff_never_see_tokens_facts_or_codes(app: Flask, case: str, anna: Citizen) -> None:
    letter = next(letter for letter in letters(app) if letter.to == "hume@mail.example")
    token = letter.link.rpartition("/")[2]
    page = anna.open(case).text
    assert token not in page
    assert invitation(app).token_hash.hex() not in page
    codes = [line for line in letter.lines if len(line) == 8 and line.isalnum() and line.isupper()]
    assert codes
    assert not any(code in page for code in codes)


@pytest.mark.parametrize(
    ("days", "until"), [("7", "18 December 2026"), ("60", "9 February 2027")], ids=["fewest", "most"]
)
def test_extending_moves_the_last_day(case: str, anna: Citizen, days: str, until: str) -> None:
    anna.open(case)
    assert f"Time to sign until: {until}" in anna.press("Extend", days=days)


@pytest.mark.parametrize("days", ["", "6", "61", "-7", "seven", "7.5", "٧", "9" * 30])
def test_other_numbers_of_days_change_nothing(app: Flask, case: str, anna: Citizen, days: str) -> None:
    before = invitation(app).expires_at
    anna.open(case)
    refused = anna.press("Extend", days=days)
    assert (refused.status, refused.title[:6]) == (422, "Error:")
    assert "Enter a number of days from 7 to 60" in refused
    assert refused.links["Enter a number of days from 7 to 60"] == f"#days-{invitation(app).public_id}"
    assert invitation(app).expires_at == before


def test_staff_withdraw_an_invitation(app: Flask, case: str, anna: Citizen) -> None:
    anna.open(case)
    assert "Landlord: Mr Hume Withdrawn" in anna.press("Withdraw")
    assert invitation(app).state == State.WITHDRAWN


def test_page_from_before_a_signature_changes_nothing(app: Flask, case: str, anna: Citizen) -> None:
    anna.open(case)
    change(app, signs())
    refused = anna.press("Withdraw")
    assert refused.status == 409
    assert "The signature has changed since you opened this page. Nothing was changed." in refused
    assert "Landlord: Mr Hume Signed" in refused


def test_missing_signature_stands_in_the_work_list_until_staff_go_on(
    app: Flask, case: str, citizen: Citizen, anna: Citizen, clock: MovableClock
) -> None:
    other = send(citizen).split("/")[2]
    reference = case.rpartition("/")[2]
    change_of_first(app, reference)
    missing = anna.open("/hub?signature=missing")
    assert reference in missing.links
    assert other not in missing.links
    assert "Signature missing" in missing
    whole = anna.open("/hub")
    assert {reference, other} <= set(whole.links)
    assert "Signature missing: They will not sign this form" in anna.open(case)
    shown = anna.press("Go on without")
    assert "We go on without it." in shown
    assert "Go on without" not in [button.text for form in shown.forms for button in form.buttons]
    assert anna.open("/hub?signature=missing").links.get(reference) is None


def change_of_first(app: Flask, reference: str) -> None:
    """Let the landlord of this form say that something is wrong."""
    parts = app.extensions["portal"]
    own = select(Invitation).join(Submission, Submission.id == Invitation.submission_id)
    with app.test_request_context(), parts.database.writing() as db:
        found = db.scalars(own.where(Submission.reference == reference)).one()
        declines("The rent is 650.")(desk_at(db, now=parts.clock.now()), found)


def test_expired_signature_is_missing_and_can_be_extended(
    app: Flask, case: str, anna: Citizen, clock: MovableClock
) -> None:
    expire(app, clock)
    sign_in(anna, "anna@mail.example")
    assert case.rpartition("/")[2] in anna.open("/hub?signature=missing").links
    anna.open(case)
    anna.press("Extend", days="7")
    assert invitation(app).state == State.INVITED
    assert case.rpartition("/")[2] not in anna.open("/hub?signature=missing").links


def test_what_staff_do_is_recorded(app: Flask, case: str, anna: Citizen) -> None:
    anna.open(case)
    anna.press("Extend", days="8")
    anna.press("Withdraw")
    with app.extensions["portal"].database.reading() as db:
        events = db.scalars(select(AuditEvent).where(AuditEvent.action.startswith("signature_"))).all()
    assert [(each.action, each.details) for each in events] == [
        ("signature_extended", {"signer": "landlord", "days": 8}),
        ("signature_withdrawn", {"signer": "landlord"}),
    ]


def test_only_staff_change_signatures(app: Flask, case: str, citizen: Citizen) -> None:
    fields = {"csrf_token": citizen.open("/forms/room").value("csrf_token"), "_action": "withdraw", "_end": "1"}
    answer = citizen.post(f"{case}/signatures", fields | {"signer": invitation(app).public_id})
    assert answer.status_code in (303, 403, 404)
    assert invitation(app).state == State.INVITED


def certificate(browser: Citizen, case: str) -> tuple[int, str]:
    """Return status and words of the certificate, without the spaces at which long digests are broken."""
    answer = browser.client.get(f"{case}/signatures.pdf")
    pages = PdfReader(BytesIO(answer.data)).pages if answer.mimetype == "application/pdf" else ()
    return answer.status_code, " ".join(" ".join(page.extract_text() for page in pages).split())


def test_certificate_says_who_signed_what_by_which_check_with_every_digest(
    app: Flask, case: str, anna: Citizen
) -> None:
    change(app, signs("David Hume"))
    assert anna.open(case).links["Certificate (PDF)"] == f"{case}/signatures.pdf"
    status, words = certificate(anna, case)
    assert status == 200
    for expected in (
        "Certificate of signatures",
        case.rpartition("/")[2],
        "Mr Hume",
        "David Hume",
        "This is another name than the invited one.",
        "Typed an answer that the applicant had given in the form",
        "It does not prove that a person is who they say",
        "Everything is as it was signed.",
    ):
        assert expected in words
    with app.extensions["portal"].database.reading() as db:
        key, invited, events = (
            db.scalars(select(SigningKey)).one(),
            db.scalars(select(Invitation)).one(),
            list(db.scalars(select(SigningEvent).order_by(SigningEvent.number))),
        )
    joined = words.replace(" ", "")
    for digest in (key.public, invited.copy_hash, events[-1].signature, *(event.digest for event in events)):
        assert digest.hex() in joined


def test_certificate_names_what_was_changed(app: Flask, case: str, anna: Citizen) -> None:
    change(app, signs("David Hume"))
    with app.extensions["portal"].database.writing() as db:
        db.execute(update(Outcome).values(kind="declined"))
    assert "was changed" in certificate(anna, case)[1]


def test_certificate_is_for_staff_and_recorded_and_drawn_ten_times_a_minute(
    app: Flask, citizen: Citizen, case: str, anna: Citizen
) -> None:
    assert citizen.client.get(f"{case}/signatures.pdf").status_code == 302
    assert [certificate(anna, case)[0] for _ in range(11)] == [200] * 10 + [429]
    assert anna.client.get("/hub/cases/NO-CASE/signatures.pdf").status_code == 404
    with app.extensions["portal"].database.reading() as db:
        viewed = select(AuditEvent.subject).where(AuditEvent.action == "certificate_viewed")
        assert set(db.scalars(viewed)) == {case.rpartition("/")[2]}


def test_case_without_signers_has_no_certificate(app: Flask, citizen: Citizen, anna: Citizen) -> None:
    publish(app)
    listed = send(citizen, you={"rents": "no"}, home={"landlord": "", "landlord_email": ""})
    case = listed.removesuffix("/signers").replace("/submissions/", "/hub/cases/")
    assert certificate(anna, case)[0] == 404
