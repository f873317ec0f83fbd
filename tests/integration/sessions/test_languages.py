"""A person's language: chosen with one press, kept in the session or a cookie, used on every page and in every mail."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft
from portal.sessions.models import SessionRow
from portal.web.languages import LANGUAGES
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.people import add_person, sign_in
from tests.post import letters

pytestmark = [pytest.mark.one_database, pytest.mark.usefixtures("demo_forms")]
PROBLEM = "/forms/report-a-problem"
HOUSING = "/forms/housing-support"
WELSH, ENGLISH = '<html lang="cy">', '<html lang="en">'


def language_in_session(app: Flask) -> list[str | None]:
    with app.extensions["portal"].database.reading() as db:
        return list(db.scalars(select(SessionRow.language).order_by(SessionRow.id)))


def test_first_visit_is_in_the_default_language_whatever_the_browser_prefers(citizen: Citizen) -> None:
    page = citizen.open("/", **{"Accept-Language": "cy"})
    assert ENGLISH in page.text
    assert citizen.client.get_cookie("language") is None


def test_visitor_stays_on_the_same_page_in_the_chosen_language(citizen: Citizen) -> None:
    citizen.open("/account/sign-in?next=/account")
    page = citizen.press("Cymraeg")
    assert (page.path, page.heading, page.value("next")) == ("/account/sign-in", "Mewngofnodi", "/account")
    assert WELSH in page.text
    assert WELSH in citizen.open("/").text, "and on the next page"
    assert ENGLISH in citizen.press("English").text


def test_choosing_a_language_sets_a_visitor_no_other_cookie(citizen: Citizen) -> None:
    citizen.open("/contact")
    answer = citizen.send("Cymraeg")
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert re.fullmatch(r"language=cy; HttpOnly; Path=/; SameSite=Lax", cookie)


def test_a_session_remembers_the_language_without_the_cookie(app: Flask, citizen: Citizen) -> None:
    citizen.open(PROBLEM)
    citizen.press("Start now")
    citizen.press("Cymraeg")
    assert language_in_session(app) == ["cy"]
    citizen.client.delete_cookie("language")
    assert WELSH in citizen.open("/").text


def test_language_is_kept_through_signing_in_and_out(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    citizen.open("/account/sign-in")
    citizen.press("Cymraeg")
    page = citizen.press("Mewngofnodi", email="ada@mail.example", password="correct horse battery")
    assert (page.path, page.heading) == ("/account", "Fy Ngheisiadau")
    assert language_in_session(app) == ["cy"]
    page = citizen.press("Allgofnodi")
    assert (page.path, WELSH in page.text) == ("/session/ended", True)
    assert page.heading == "Rydych wedi allgofnodi"


def test_late_form_is_answered_in_the_persons_language(citizen: Citizen, clock: MovableClock) -> None:
    citizen.open(HOUSING)
    citizen.press("Start now")
    draft = citizen.page.path
    citizen.press("Cymraeg")
    citizen.open(f"{draft}/about_you")
    citizen.client.delete_cookie("language")
    clock.advance(minutes=31)
    page = citizen.press("Parhau")
    assert (page.status, page.heading) == (403, "Nid ydym wedi derbyn eich ffurflen.")
    assert citizen.open(f"{draft}/about_you").heading.startswith("Cawsoch eich allgofnodi am 14:32")


def test_a_language_chosen_after_the_end_wins_over_the_ended_session(citizen: Citizen, clock: MovableClock) -> None:
    citizen.open(PROBLEM)
    citizen.press("Start now")
    citizen.press("Cymraeg")
    clock.advance(minutes=31)
    citizen.open(citizen.page.path)
    assert ENGLISH in citizen.press("English").text


@pytest.mark.parametrize("asked", ["", "de", "../en", "cy" * 40], ids=["empty", "unknown", "path", "long"])
def test_unknown_language_changes_nothing(citizen: Citizen, asked: str) -> None:
    answer = citizen.client.post("/language", data={"language": asked, "then": "/contact"})
    assert (answer.status_code, answer.location) == (303, "/contact")
    assert not answer.headers.getlist("Set-Cookie")
    citizen.client.set_cookie("language", asked)
    assert ENGLISH in citizen.open("/").text


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/nowhere", "/account/sign-out", ""])
def test_language_switch_never_leads_to_another_site(citizen: Citizen, then: str) -> None:
    assert citizen.client.post("/language", data={"language": "cy", "then": then}).location == "/"


def test_language_switch_in_a_live_session_needs_the_pages_token(citizen: Citizen, app: Flask) -> None:
    citizen.open(PROBLEM)
    citizen.press("Start now")
    assert citizen.client.post("/language", data={"language": "cy"}).status_code == 409
    assert language_in_session(app) == [None]


def test_choosing_a_language_does_not_count_as_activity(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    citizen.open(PROBLEM)
    citizen.press("Start now")
    clock.advance(minutes=25)
    answer = citizen.send("Cymraeg")
    assert answer.status_code == 303
    with app.extensions["portal"].database.reading() as db:
        [row] = db.scalars(select(SessionRow)).all()
    assert (row.expires_at - clock.now()).total_seconds() == 5 * 60


def test_staff_pages_stay_in_the_default_language(app: Flask, citizen: Citizen) -> None:
    add_person(app, "tom@mail.example", role="staff")
    sign_in(citizen, "tom@mail.example")
    citizen.client.set_cookie("language", "cy")
    page = citizen.open("/hub")
    assert ENGLISH in page.text
    assert "Cymraeg" not in page
    assert WELSH in citizen.open("/contact").text, "public pages are for everybody"


def test_page_without_the_database_is_in_the_language_of_the_cookie(app: Flask, citizen: Citizen) -> None:
    citizen.client.set_cookie("language", "cy")
    citizen.client.set_cookie("session_customer", "anything")
    app.extensions["portal"].database.close()
    app.extensions["portal"].database = Database("sqlite:////nowhere/portal.sqlite3")
    page = citizen.client.get("/")
    assert (page.status_code, WELSH in page.text) == (503, True)
    assert "Byddwn yn ôl mewn eiliad" in page.text


# A half-filled section


def begin_section(citizen: Citizen, address: str = PROBLEM, section: str = "problem") -> str:
    citizen.open(address)
    citizen.press("Start now")
    citizen.open(f"{citizen.page.path}/{section}")
    return citizen.page.path


def test_section_comes_back_in_the_other_language_with_typed_text(citizen: Citizen) -> None:
    section = begin_section(citizen)
    page = citizen.press("Cymraeg", where="Mill Street 4", details="x " * 300)
    assert (page.path, page.heading) == (section, "Y broblem")
    assert page.value("where") == "Mill Street 4"
    assert (page.value("details") or "").split() == ["x"] * 300, "too long, and kept as typed"
    assert page.value("kind") is None
    assert "Twll yn y ffordd neu balmant wedi torri" in page
    page = citizen.press("English", where="Mill Street 5")
    assert (page.heading, page.value("where")) == ("The problem", "Mill Street 5")


def test_a_section_opened_from_the_check_page_still_leads_back_there(citizen: Citizen) -> None:
    section = begin_section(citizen)
    citizen.open(f"{section}?from=check")
    assert citizen.press("Cymraeg").address == f"{section}?from=check"


def test_switching_language_on_a_section_does_not_count_as_activity(
    app: Flask, citizen: Citizen, clock: MovableClock
) -> None:
    begin_section(citizen)
    clock.advance(minutes=25)
    citizen.press("Cymraeg", where="here")
    with app.extensions["portal"].database.reading() as db:
        [row] = db.scalars(select(SessionRow)).all()
    assert (row.expires_at - clock.now()).total_seconds() == 5 * 60


def test_an_unknown_language_on_a_section_keeps_what_was_typed(citizen: Citizen) -> None:
    section = begin_section(citizen)
    hidden = {each.name: each.value for form in citizen.page.forms for each in form.controls if each.name[0] in "_c"}
    citizen.client.post(section, data={**hidden, "where": "here", "_language": "de"})
    page = citizen.open(section)
    assert (page.value("where"), ENGLISH in page.text) == ("here", True)


def test_conflict_stays_side_by_side_in_the_other_language(app: Flask, citizen: Citizen) -> None:
    section = begin_section(citizen)
    stale = citizen.page
    citizen.open(section)
    citizen.press("Save and stay signed in", where="from the first page")
    citizen.page = stale
    page = citizen.press("Cymraeg", where="from the second page")
    assert (page.status, page.heading) == (409, "Newidiwyd yr adran hon mewn dau le: dewiswch beth i’w gadw")
    page = citizen.press("English")
    assert (page.status, page.heading) == (409, "This section was changed in two places: choose what to keep")
    assert "from the first page" in page
    assert "from the second page" in page
    assert citizen.open(section).value("where") == "from the first page"


def test_errors_and_labels_are_in_the_language_of_the_page(citizen: Citizen) -> None:
    begin_section(citizen)
    citizen.press("Cymraeg")
    page = citizen.press("Parhau", where="")
    assert page.status == 422
    assert page.title.startswith("Gwall: Y broblem")
    assert "Rhowch ble mae'r broblem" in page
    assert "Mae problem" in page


def test_the_check_page_and_the_stop_page_are_in_the_language_of_the_page(citizen: Citizen) -> None:
    section = begin_section(citizen)
    citizen.press("Cymraeg")
    page = citizen.press("Parhau", kind="light", where="here", danger="yes")
    assert (page.status, page.heading) == (200, "Ffoniwch ni nawr")
    citizen.open(section)
    citizen.press("Parhau", danger="no")
    page = citizen.open(f"{section.rpartition('/')[0]}/check")
    assert page.heading == "Gwiriwch eich atebion"
    assert "Golau stryd" in page
    assert ">Na</dd>" in page.text


def test_staff_read_a_form_sent_in_welsh_in_its_first_language(app: Flask, citizen: Citizen) -> None:
    section = begin_section(citizen)
    citizen.press("Cymraeg")
    citizen.press("Parhau", kind="light", where="Mill Street", danger="no")
    citizen.press("Parhau", wants_news="no")
    page = citizen.press("Anfon")
    assert page.heading == "Rydym wedi derbyn eich ffurflen"
    assert "Golau stryd" in page
    add_person(app, "tom@mail.example", role="staff")
    staff = Citizen(app)
    sign_in(staff, "tom@mail.example")
    case = staff.open(f"/hub/cases/{section.split('/')[2]}")
    assert "Street light" in case
    assert "Golau stryd" not in case


# Texts that are not translated


def test_untranslated_texts_are_marked_with_their_language(citizen: Citizen) -> None:
    citizen.client.set_cookie("language", "cy")
    page = citizen.open(HOUSING)
    assert "Nid yw’r ffurflen hon wedi’i chyfieithu. Iaith ei chwestiynau: Saesneg." in page
    assert '<h1><span lang="en">Apply for housing support</span></h1>' in page.text
    assert page.title.startswith("Apply for housing support"), "a title holds no markup"
    begin = citizen.press("Dechrau nawr")
    page = citizen.open(f"{begin.path}/about_you")
    assert re.search(r'<label [^>]*><span lang="en">', page.text)
    assert "<title>" in page.text
    assert "<span" not in page.text.partition("</title>")[0]


def test_translated_texts_have_no_language_mark(citizen: Citizen) -> None:
    citizen.client.set_cookie("language", "cy")
    begin_section_page = citizen.open(PROBLEM)
    assert '<span lang="en">' not in begin_section_page.text
    assert "Nid yw’r ffurflen hon wedi’i chyfieithu" not in begin_section_page


# Mail


def test_a_link_is_mailed_in_the_language_of_the_page(app: Flask, citizen: Citizen) -> None:
    begin_section(citizen, HOUSING, "about_you")
    citizen.press("Cymraeg", full_name="Ann")
    citizen.press("Cadw a dod yn ôl yn nes ymlaen")
    citizen.press("Anfon dolen", email="ann@mail.example")
    [letter] = letters(app)
    assert letter.subject == "Parhau â’ch ffurflen: Apply for housing support"
    assert any("Mae’r ddolen yn gweithio tan 21 Rhagfyr 2026." in line for line in letter.lines)
    with app.extensions["portal"].database.reading() as db:
        assert list(db.scalars(select(Draft.language))) == ["cy"]


def test_a_link_in_a_welsh_mail_leads_to_welsh_pages_on_any_device(app: Flask, citizen: Citizen) -> None:
    begin_section(citizen, HOUSING, "about_you")
    citizen.press("Cymraeg", full_name="Ann")
    citizen.press("Cadw a dod yn ôl yn nes ymlaen")
    citizen.press("Anfon dolen", email="ann@mail.example")
    [letter] = letters(app)
    elsewhere = Citizen(app)
    landing = elsewhere.open(letter.link)
    assert (landing.heading, WELSH in landing.text) == ("Parhau â’ch ffurflen", True)
    assert elsewhere.client.get_cookie("language") is None, "looking leaves nothing behind"
    assert elsewhere.press("Parhau â’ch ffurflen").path == "/resume/code"
    assert WELSH in elsewhere.page.text
    assert letters(app)[-1].subject == "Eich cod"
    chosen = Citizen(app)
    chosen.client.set_cookie("language", "en")
    assert ENGLISH in chosen.open(letter.link).text, "unless somebody has chosen"


def test_a_draft_remembers_the_language_it_was_last_worked_on_in(app: Flask, citizen: Citizen) -> None:
    begin_section(citizen)
    citizen.press("Cymraeg", where="here")
    citizen.press("English", where="there")
    with app.extensions["portal"].database.reading() as db:
        assert list(db.scalars(select(Draft.language))) == ["en"]


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_is_offered_in_its_own_name_on_pages_in_the_others(citizen: Citizen, code: str) -> None:
    citizen.client.set_cookie("language", code)
    page = citizen.open("/contact")
    offered = {button.text for form in page.forms for button in form.buttons if form.id == "language-form"}
    assert offered == {name for other, name in LANGUAGES.items() if other != code}
