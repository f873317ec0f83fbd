"""A link went to a wrong address, and its reader came in: taking the address back undoes all that they could do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, select

from portal.audit import AuditEvent
from portal.db import Database
from portal.drafts.models import Draft, DraftGuest
from portal.drafts.queries import grants_of
from portal.resume.models import ResumeLink
from portal.resume.operations import may_take_back
from portal.resume.queries import last_link
from portal.sessions.models import ParkedValues, SessionRow
from portal.storage.models import StoredFile
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved, return_code
from tests.integration.resume.test_addresses import proof
from tests.loan import YOU, fill
from tests.people import add_person, sign_in
from tests.post import letters
from tests.statements import sent_between

WORKS, WRONG = "The address works.", "The address is wrong"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody who reads the mail of zoe@mail.example, to which the link of `guests` went, and has come in by it."""

    citizen: Citizen
    other_address_link: str
    """A link that they had sent to themselves elsewhere."""


def come_in(citizen: Citizen, link: str) -> Citizen:
    """Come in by a link and the code that its address gets."""
    citizen.open(link)
    citizen.press("Continue your form")
    citizen.press("Continue", code=letters(citizen.app)[-1].code)
    return citizen


def come_back(citizen: Citizen, reference: str, code: str) -> Page:
    citizen.open("/resume")
    return citizen.press("Continue your form", reference=reference, return_code=code)


@pytest.fixture
def reader(app: Flask, guests: Saved) -> Reader:
    citizen = come_in(Citizen(app), guests.link)
    citizen.open(f"{guests.address}/save")
    citizen.press("Send link", email="mallory@mail.example")
    return Reader(citizen=citizen, other_address_link=letters(app)[-1].link)


def take_back(citizen: Citizen, guests: Saved, button: str = WRONG) -> Page:
    citizen.open(f"{guests.address}/save")
    return citizen.press(button)


def test_code_that_a_reader_types_proves_nothing_to_the_owner(app: Flask, citizen: Citizen, guests: Saved) -> None:
    come_in(Citizen(app), guests.link)
    page = citizen.open(f"{guests.address}/save")
    assert WORKS not in page
    assert page.form_with("Confirm the address")


def test_nothing_that_a_reader_does_proves_an_address_to_the_owner(
    app: Flask, citizen: Citizen, guests: Saved, reader: Reader
) -> None:
    mallorys, code = reader.citizen, proof(app)
    mallorys.open(f"{guests.address}/save")
    mallorys.press("Confirm the address", code=code)
    mallorys.open(reader.other_address_link)
    mallorys.press("Continue your form")
    assert WORKS in mallorys.open(f"{guests.address}/save")
    mallorys.press("Send link", email="zoe@mail.example")
    mallorys.open(letters(app)[-1].link)
    mallorys.press("Continue your form")
    page = citizen.open(f"{guests.address}/save")
    assert WORKS not in page
    fill(citizen, guests.address)
    citizen.press("Send", declaration="yes")
    assert "We have received your form" not in {letter.subject.partition(":")[0] for letter in letters(app)}


def test_reader_cannot_confirm_the_address_with_the_characters_of_the_owners_mail(
    app: Flask, citizen: Citizen, guests: Saved
) -> None:
    characters = proof(app)
    mallorys = come_in(Citizen(app), guests.link)
    data = {"code": characters, "csrf_token": mallorys.open(f"{guests.address}/save").value("csrf_token")}
    mallorys.client.post(f"{guests.address}/save/proof", data=data)
    assert WORKS not in citizen.open(f"{guests.address}/save")


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_taking_an_address_back_undoes_what_its_reader_could_do(
    app: Flask, citizen: Citizen, guests: Saved, reader: Reader, *, is_confirmed: bool
) -> None:
    if is_confirmed:
        citizen.open(guests.link)
        citizen.press("Continue your form")
        assert f"zoe@mail.example {WRONG[-8:]}" in citizen.open(f"{guests.address}/save")
    by_slip = Citizen(app)
    come_back(by_slip, guests.reference, guests.code)
    by_passed_link = come_in(Citizen(app), reader.other_address_link)
    known = Citizen(app)
    known.client = reader.citizen.client
    asking = Citizen(app)
    asking.open(guests.link)
    asking.press("Continue your form")
    code = letters(app)[-1].code

    page = take_back(citizen, guests, "zoe@mail.example is wrong")
    new = return_code(citizen, guests.address)
    assert "We have stopped the link to that address. Your return code is new." in page
    assert new in page
    assert new.replace(" ", "") != guests.code.replace(" ", "")
    assert "zoe@mail.example" not in citizen.open(f"{guests.address}/save")
    assert "mallory@mail.example" not in citizen.page

    for each in (reader.citizen, by_slip, by_passed_link):
        assert each.open(f"{guests.address}/you").path == "/session/ended"
        assert "Wilhelmina" not in each.page.text
    assert "The link that you used was stopped, because it went to a wrong e-mail address." in reader.citizen.page
    assert {known.open(link).status for link in (guests.link, reader.other_address_link)} == {404}
    assert come_back(known, guests.reference, guests.code).status == 422
    assert asking.send("Continue", code=code).location == "/resume"
    assert citizen.open(f"{guests.address}/you").value("name") == YOU["name"]
    assert come_back(Citizen(app), guests.reference, new).path == f"{guests.address}/tools"


def test_taking_an_address_back_is_written_down(
    citizen: Citizen, guests: Saved, reader: Reader, database: Database
) -> None:
    take_back(citizen, guests, "zoe@mail.example is wrong")
    with database.reading() as db:
        subjects = db.scalars(select(AuditEvent.subject).where(AuditEvent.action == "link_taken_back")).all()
    assert subjects == [guests.reference]


def test_ways_in_by_another_address_or_before_the_reader_go_on(app: Flask, citizen: Citizen, guests: Saved) -> None:
    by_slip = Citizen(app)
    come_back(by_slip, guests.reference, guests.code)
    citizen.open(f"{guests.address}/save")
    citizen.press("Send link", email="home@mail.example")
    right = letters(app)[-1].link
    at_home = come_in(Citizen(app), right)
    mallorys = come_in(Citizen(app), guests.link)
    assert "zoe@mail.example" not in take_back(citizen, guests, "zoe@mail.example is wrong")
    assert [each.open(f"{guests.address}/you").status for each in (citizen, by_slip, at_home)] == [200] * 3
    assert come_in(Citizen(app), right).page.path == f"{guests.address}/tools"
    assert mallorys.open(guests.address).path == "/session/ended"


def test_address_can_be_taken_back_from_a_browser_that_came_back_by_return_code(
    app: Flask, guests: Saved, reader: Reader
) -> None:
    owners = Citizen(app)
    come_back(owners, guests.reference, guests.code)
    assert "Your return code is new." in take_back(owners, guests, "zoe@mail.example is wrong")
    assert owners.open(f"{guests.address}/you").status == 200
    assert reader.citizen.open(guests.address).path == "/session/ended"


def test_reader_cannot_take_back_the_address_by_which_they_came(
    citizen: Citizen, guests: Saved, reader: Reader
) -> None:
    page = reader.citizen.open(f"{guests.address}/save")
    assert "zoe@mail.example" not in page
    data = {"_action": "wrong", "csrf_token": page.value("csrf_token")}
    for link in ("1", "0"):
        reader.citizen.client.post(f"{guests.address}/save/proof", data=data | {"_link": link})
    assert citizen.open(guests.address).status == 200
    assert "zoe@mail.example" in citizen.open(f"{guests.address}/save")


def test_nobody_may_take_back_an_address_who_does_not_hold_the_form(
    app: Flask, citizen: Citizen, guests: Saved, reader: Reader, database: Database
) -> None:
    """Whoever lost the form while their page was on its way is nobody's reader any more, and holds nothing."""
    take_back(citizen, guests, "zoe@mail.example is wrong")
    citizen.press("Send link", email="home@mail.example")
    with database.reading() as db, app.app_context():
        lost = db.scalars(select(SessionRow.guest_id).where(SessionRow.end_reason == "taken_back")).one()
        owners = db.scalars(select(DraftGuest.guest_id)).one()
        link = last_link(db, db.scalars(select(Draft.id)).one())
        assert link
        grants = grants_of(db, link.draft_id)
        assert [may_take_back(link, grants, guest_id) for guest_id in (owners, lost, None)] == [True, False, False]


def test_person_who_came_in_by_the_link_loses_the_form_and_stays_signed_in(
    app: Flask, citizen: Citizen, guests: Saved
) -> None:
    add_person(app, "bea@mail.example")
    beas = Citizen(app)
    sign_in(beas, "bea@mail.example")
    asked = come_in(beas, guests.link).page
    assert asked.heading == "Add this form to your account?"
    take_back(citizen, guests)
    assert beas.press("Yes").status == 404
    assert beas.open("/account").path == "/account"
    assert guests.reference not in beas.page
    assert citizen.open(guests.address).status == 200


def test_what_a_reader_sent_late_is_gone_once_the_address_is_taken_back(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, database: Database
) -> None:
    mallorys = come_in(Citizen(app), guests.link)
    pages = [mallorys.open(f"{guests.address}/remarks"), mallorys.open(f"{guests.address}/you")]
    clock.advance(minutes=31)
    mallorys.page = pages[0]
    assert mallorys.press("Continue", remark="Planted before").status == 403
    come_back(citizen, guests.reference, guests.code)
    take_back(citizen, guests)
    mallorys.page = pages[1]
    assert mallorys.press("Continue", name="Planted after").status == 403
    assert "Planted" not in citizen.open(f"{guests.address}/remarks").text + citizen.open(f"{guests.address}/you").text
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).all() == []
        assert db.scalars(select(StoredFile)).all() == []


@pytest.mark.parametrize("is_typed_again", [False, True])
def test_no_mail_goes_by_itself_to_an_address_that_was_taken_back(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, *, is_typed_again: bool
) -> None:
    citizen.open(f"{guests.address}/you")
    citizen.press("Continue", email="zoe@mail.example")
    take_back(citizen, guests)
    if is_typed_again:
        citizen.press("Send link", email="Zoe@mail.example")
    before = len(letters(app))
    stranger = Citizen(app)
    stranger.open("/resume")
    stranger.press("Send link", email="zoe@mail.example")
    fill(citizen, guests.address, email="zoe@mail.example")
    citizen.press("Send", declaration="yes")
    assert len(letters(app)) - before == (2 if is_typed_again else 0)


@contextmanager
def once_it_has_read(database: Database, words: str, deed: Callable[[], Any]) -> Iterator[list[str]]:
    """Do something to its end, in another thread, as soon as a request has read what these words of SQL name."""
    done: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement and not done:
            done.append(statement)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(deed).result(timeout=30)

    event.listen(database.engine, "after_cursor_execute", listen)
    yield done
    event.remove(database.engine, "after_cursor_execute", listen)


def type_code(reader: Citizen, guests: Saved, clock: MovableClock) -> Callable[[], object]:
    reader.open(guests.link)
    reader.press("Continue your form")
    code = letters(reader.app)[-1].code
    return lambda: reader.send("Continue", code=code)


def type_return_code(reader: Citizen, guests: Saved, clock: MovableClock) -> Callable[[], object]:
    reader.open("/resume")
    return lambda: reader.send("Continue your form", reference=guests.reference, return_code=guests.code)


def save(reader: Citizen, guests: Saved, clock: MovableClock) -> Callable[[], object]:
    come_in(reader, guests.link).open(f"{guests.address}/remarks")
    return lambda: reader.send("Continue", remark="Planted")


def save_late(reader: Citizen, guests: Saved, clock: MovableClock) -> Callable[[], object]:
    come_in(reader, guests.link).open(f"{guests.address}/remarks")
    clock.advance(minutes=31)
    return lambda: reader.send("Continue", remark="Planted")


def ask_for_a_link_after_sign_out(reader: Citizen, guests: Saved, clock: MovableClock) -> Callable[[], object]:
    come_in(reader, guests.link)
    reader.press("Sign out")
    return lambda: reader.press("Send link", email="mallory@mail.example")


def ask_for_a_link_after_the_end(reader: Citizen, guests: Saved, clock: MovableClock) -> Callable[[], object]:
    come_in(reader, guests.link).open(guests.address)
    clock.advance(minutes=31)
    reader.open("/session/ended")
    return lambda: reader.press("E-mail a link to z•••@mail.example")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("deed", "read"),
    [
        (type_code, "FROM resume_codes"),
        (type_return_code, "drafts.return_code"),
        (save, "FROM sessions"),
        (save_late, "FROM draft_guests"),
        (ask_for_a_link_after_sign_out, "FROM limits"),
        (ask_for_a_link_after_the_end, "FROM limits"),
    ],
    ids=["code", "return code", "save", "late save", "link after sign-out", "link after the end"],
)
def test_request_of_a_reader_that_is_on_its_way_comes_too_late(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, database: Database, deed: Any, read: str
) -> None:
    """The address is taken back between what the reader's request reads and what it writes."""
    mallorys = Citizen(app)
    send = deed(mallorys, guests, clock)
    come_back(citizen, guests.reference, guests.code)
    citizen.open(f"{guests.address}/save")
    with once_it_has_read(database, read, lambda: citizen.press(WRONG)) as done:
        send()
    assert done
    assert "Your return code is new." in citizen.page
    assert mallorys.open(guests.address).path != guests.address
    assert "Planted" not in citizen.open(f"{guests.address}/remarks").text
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).all() == []
        assert db.scalars(select(ResumeLink).where(ResumeLink.taken_back.is_(None))).all() == []


def test_browser_whose_guest_has_lost_the_form_is_asked_for_a_code(reader: Reader, database: Database) -> None:
    with database.writing() as db:
        db.execute(delete(DraftGuest).where(DraftGuest.through.is_not(None)))
    reader.citizen.open(reader.other_address_link)
    assert reader.citizen.press("Continue your form").path == "/resume/code"


@pytest.mark.both_databases
@pytest.mark.parametrize("deed", [save, save_late], ids=["save", "late save"])
def test_request_of_a_reader_that_waits_while_the_address_is_taken_back_comes_too_late(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, database: Database, deed: Any
) -> None:
    """The reader's request asks for the form's lock before the taking back is committed."""
    mallorys = Citizen(app)
    send = deed(mallorys, guests, clock)
    come_back(citizen, guests.reference, guests.code)
    citizen.open(f"{guests.address}/save")
    with sent_between(database, "^DELETE FROM parked_values", send) as sent:
        citizen.press(WRONG)
        sent[0].result(timeout=30)
    assert "Your return code is new." in citizen.page
    assert "Planted" not in citizen.open(f"{guests.address}/remarks").text
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).all() == []


def ask_for_lost_links(guests: Saved, citizen: Citizen, clock: MovableClock) -> Callable[[], object]:
    stranger = Citizen(citizen.app)
    stranger.open("/resume")
    return lambda: stranger.press("Send link", email="zoe@mail.example")


def send_link_again(guests: Saved, citizen: Citizen, clock: MovableClock) -> Callable[[], object]:
    """As one of the staff, from the page of the draft."""
    add_person(citizen.app, "mina@mail.example", "staff")
    minas = Citizen(citizen.app)
    sign_in(minas, "mina@mail.example", "/account/sign-in?next=/hub")
    minas.open(f"/hub/drafts/{guests.reference}")
    return lambda: minas.press("Send the link again")


def ask_after_the_end(guests: Saved, citizen: Citizen, clock: MovableClock) -> Callable[[], object]:
    """As the owner, in another browser, whose time has run out."""
    owners = Citizen(citizen.app)
    come_back(owners, guests.reference, guests.code)
    clock.advance(minutes=31)
    owners.open("/session/ended")
    come_back(citizen, guests.reference, guests.code)
    return lambda: owners.press("E-mail a link to z•••@mail.example")


@pytest.mark.both_databases
@pytest.mark.parametrize("deed", [ask_for_lost_links, send_link_again, ask_after_the_end])
def test_no_link_goes_to_an_address_that_is_taken_back_at_this_moment(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, database: Database, deed: Any
) -> None:
    citizen.open(f"{guests.address}/you")
    citizen.press("Continue", email="zoe@mail.example")
    send = deed(guests, citizen, clock)
    citizen.open(f"{guests.address}/save")
    before = len(letters(app))
    with sent_between(database, "^UPDATE resume_links", send) as sent:
        citizen.press(WRONG)
        sent[0].result(timeout=30)
    assert "Your return code is new." in citizen.page
    assert len(letters(app)) == before
    with database.reading() as db:
        assert db.scalars(select(ResumeLink).where(ResumeLink.taken_back.is_(None))).all() == []
