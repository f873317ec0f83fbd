"""A guest's six digits by mail, and a reference with return code: guesses are slowed down, codes stay valid."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import AuditEvent
from portal.db import Database
from portal.drafts.models import Draft
from portal.resume.coming_back import opening_throttle
from portal.resume.models import ResumeCode, ResumeLink
from portal.sessions.models import SessionRow
from portal.web.limits import take_all
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved, return_code
from tests.loan import YOU, fill, publish_yaml, start
from tests.post import letters

Sessions = Callable[[], list[SessionRow]]


@pytest.fixture
def asked(app: Flask, other: Citizen, guests: Saved) -> str:
    """Return the code mailed to another browser, which now shows the page that asks for it."""
    other.open(guests.link)
    answer = other.send("Continue your form")
    assert (answer.status_code, answer.location) == (303, "/resume/code")
    other.open("/resume/code")
    return letters(app)[-1].code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_the_code_goes_to_the_address_of_the_link(app: Flask, asked: str) -> None:
    letter = letters(app)[-1]
    assert (letter.to, letter.subject) == ("zoe@mail.example", "Your code")


def test_the_right_code_leads_to_the_first_unfinished_section_with_all_answers(
    other: Citizen, guests: Saved, asked: str, clock: MovableClock, sessions: Sessions
) -> None:
    answer = other.send("Continue", code=asked)
    assert (answer.status_code, answer.location) == (303, f"{guests.address}/tools")
    assert (sessions()[-1].expires_at - clock.now()).total_seconds() == 30 * 60
    assert other.open(f"{guests.address}/you").value("name") == YOU["name"]


def test_a_code_may_be_typed_with_spaces(other: Citizen, guests: Saved, asked: str) -> None:
    assert other.press("Continue", code=f" {asked[:3]} {asked[3:]} ").path == f"{guests.address}/tools"


@pytest.mark.parametrize("typed", ["", "12", "not a code", "٣٣٣٣٣٣", "1" * 5000])
def test_wrong_code_is_refused_beside_its_input(other: Citizen, asked: str, typed: str) -> None:
    page = other.press("Continue", code=typed)
    assert (page.status, page.path) == (422, "/resume/code")
    assert page.title.startswith("Error:")


def test_sixth_try_waits_and_the_code_stays_valid(
    other: Citizen, guests: Saved, asked: str, clock: MovableClock
) -> None:
    assert [other.press("Continue", code=wrong(asked)).status for _ in range(5)] == [422] * 5
    page = other.press("Continue", code=asked)
    assert page.status == 429
    assert int(page.headers["Retry-After"]) > 0
    clock.advance(seconds=int(page.headers["Retry-After"]))
    assert other.press("Continue", code=asked).path == f"{guests.address}/tools"


def test_whoever_must_wait_before_coming_back_keeps_the_code(
    app: Flask, other: Citizen, guests: Saved, asked: str, clock: MovableClock, database: Database
) -> None:
    with database.reading() as db, app.test_request_context():
        draft = db.scalars(select(Draft)).one()
        assert take_all(opening_throttle(draft)[:1], now=clock.now(), number=30) is None
    page = other.press("Continue", code=asked)
    assert (page.status, page.headers["Retry-After"]) == (429, "60")
    with database.reading() as db:
        assert db.scalars(select(ResumeCode.used_at)).all() == [None]
        assert db.scalars(select(AuditEvent).where(AuditEvent.action == "link_used")).all() == []
    clock.advance(minutes=1)
    other.open("/resume/code")
    assert other.press("Continue", code=asked).path == f"{guests.address}/tools"


def test_whoever_must_wait_before_coming_back_has_proved_and_used_nothing(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, database: Database
) -> None:
    with database.reading() as db, app.test_request_context():
        draft = db.scalars(select(Draft)).one()
        assert take_all(opening_throttle(draft)[:1], now=clock.now(), number=30) is None
    citizen.open(guests.link)
    assert citizen.press("Continue your form").status == 429
    citizen.open("/resume")
    assert citizen.press("Continue your form", reference=guests.reference, return_code=guests.code).status == 429
    with database.reading() as db:
        assert db.scalars(select(ResumeLink.proved_at)).all() == [None]
        used = AuditEvent.action.in_(("link_used", "return_code_used"))
        assert db.scalars(select(AuditEvent).where(used)).all() == []


def test_code_ends_after_ten_minutes_and_a_new_one_can_be_requested(
    app: Flask, other: Citizen, guests: Saved, asked: str, clock: MovableClock
) -> None:
    clock.advance(minutes=10)
    page = other.press("Continue", code=asked)
    assert page.status == 422
    assert "This code has expired" in page
    other.press("Send a new code")
    newer = letters(app)[-1].code
    assert other.press("Continue", code=newer).path == f"{guests.address}/tools"


def test_code_works_in_its_last_second(other: Citizen, guests: Saved, asked: str, clock: MovableClock) -> None:
    clock.advance(minutes=9, seconds=59)
    assert other.press("Continue", code=asked).path == f"{guests.address}/tools"


def test_new_code_has_its_own_tries(app: Flask, other: Citizen, guests: Saved, asked: str) -> None:
    for _ in range(5):
        other.press("Continue", code=wrong(asked))
    other.press("Send a new code")
    newer = letters(app)[-1].code
    assert other.press("Continue", code=newer).path == f"{guests.address}/tools"


def test_a_code_opens_nothing_in_another_browser(app: Flask, asked: str, guests: Saved) -> None:
    thief = Citizen(app)
    assert thief.open("/resume/code").path == "/resume"
    token = thief.page.value("csrf_token")
    answer = thief.client.post("/resume/code", data={"csrf_token": token, "code": asked})
    assert (answer.status_code, answer.location) == (303, "/resume")


def test_a_code_works_once(other: Citizen, asked: str) -> None:
    first = other.send("Continue", code=asked)
    assert first.status_code == 303
    assert other.client.post("/resume/code", data={"code": asked}).status_code != 200


def test_mailed_codes_are_limited(app: Flask, other: Citizen, guests: Saved) -> None:
    other.open(guests.link)
    assert [other.send("Continue your form").status_code for _ in range(7)] == [303] * 7
    assert len(letters(app)) == 1 + 1
    other.open("/resume/code")
    for _ in range(7):
        other.send("Send a new code")
    assert len(letters(app)) == 1 + 5


def test_link_pressed_again_within_five_minutes_mails_no_second_code(
    app: Flask, other: Citizen, guests: Saved, asked: str, clock: MovableClock
) -> None:
    late = Citizen(app)
    clock.advance(minutes=4, seconds=59)
    late.open(guests.link)
    late.press("Continue your form")
    assert len(letters(app)) == 2
    assert late.press("Continue", code=asked).path == f"{guests.address}/tools"
    clock.advance(seconds=1)
    later = Citizen(app)
    later.open(guests.link)
    later.press("Continue your form")
    assert len(letters(app)) == 3


def test_a_double_click_on_the_right_code_lets_in_twice(app: Flask, other: Citizen, guests: Saved, asked: str) -> None:
    double = Citizen(app)
    for cookie in ("resume_code", "visitor"):
        found = other.client.get_cookie(cookie)
        assert found is not None
        double.client.set_cookie(cookie, found.value)
    double.open("/resume/code")
    assert other.send("Continue", code=asked).location == f"{guests.address}/tools"
    assert double.send("Continue", code=asked).location == f"{guests.address}/tools"


def test_a_forged_token_mails_no_code(app: Flask, citizen: Citizen, guests: Saved) -> None:
    citizen.client.delete_cookie("resume_device")
    citizen.open(guests.link)
    citizen.press("Continue your form")
    sent = len(letters(app))
    answer = citizen.client.post("/resume/code", data={"csrf_token": "forged", "_action": "again"})
    assert answer.status_code == 409
    assert len(letters(app)) == sent


SPELLINGS = [
    pytest.param(str, str, id="as given"),
    pytest.param(str.lower, str.lower, id="in small letters"),
    pytest.param(lambda text: text.replace("-", ""), lambda text: text.replace(" ", ""), id="run together"),
    pytest.param(lambda text: f"  {text.replace('-', ' ')} ", lambda text: f"  {' '.join(text)} ", id="with spaces"),
    pytest.param(lambda text: text.replace("-", "–"), lambda text: text.replace(" ", "-"), id="with dashes"),
]


@pytest.mark.parametrize(("spell_reference", "spell_code"), SPELLINGS)
def test_reference_and_return_code_work_however_they_are_written(
    other: Citizen, guests: Saved, spell_reference: Callable[[str], str], spell_code: Callable[[str], str]
) -> None:
    other.open("/resume")
    typed = {"reference": spell_reference(guests.reference), "return_code": spell_code(guests.code)}
    answer = other.send("Continue your form", **typed)
    assert (answer.status_code, answer.location) == (303, f"{guests.address}/tools")
    assert other.open(f"{guests.address}/you").value("name") == YOU["name"]


@pytest.mark.parametrize(
    ("reference", "code"),
    [("", ""), ("TL-2222-2222", "known"), ("known", "2222 2222"), ("known", ""), ("x" * 5000, "y" * 5000), ("ß", "ﬁ")],
)
def test_wrong_pair_opens_nothing_and_does_not_say_which_part_is_wrong(
    other: Citizen, guests: Saved, reference: str, code: str, sessions: Sessions
) -> None:
    before = len(sessions())
    other.open("/resume")
    typed = {
        "reference": guests.reference if reference == "known" else reference,
        "return_code": guests.code if code == "known" else code,
    }
    page = other.press("Continue your form", **typed)
    assert (page.status, page.path) == (422, "/resume")
    assert page.title.startswith("Error:")
    assert len(sessions()) == before


def test_unknown_reference_is_answered_like_a_wrong_code(app: Flask, guests: Saved) -> None:
    def answer(reference: str) -> str:
        browser = Citizen(app)
        browser.open("/resume")
        browser.press("Continue your form", reference=reference, return_code="2222 2222")
        return browser.page.words.replace(reference, "")

    assert answer(guests.reference) == answer("TL-2222-2222")


def test_guessing_return_codes_is_slowed_down_but_the_owner_gets_in(
    other: Citizen, guests: Saved, clock: MovableClock
) -> None:
    other.open("/resume")
    statuses = [
        other.press("Continue your form", reference=guests.reference, return_code="2222 2222").status for _ in range(12)
    ]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    clock.advance(minutes=1)
    assert other.press("Continue your form", reference=guests.reference, return_code=guests.code).status == 200


def finish(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    citizen.press("Send", declaration="yes")


def delete(citizen: Citizen, draft: str) -> None:
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")


@pytest.mark.parametrize(
    ("end", "words"),
    [(finish, "This form has already been sent"), (delete, "This form was deleted")],
    ids=["sent", "deleted"],
)
def test_reference_and_code_of_a_finished_form_say_how_it_ended(
    citizen: Citizen, other: Citizen, guests: Saved, end: Callable[[Citizen, str], None], words: str
) -> None:
    end(citizen, guests.address)
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.status == 410
    assert words in page


def test_reference_and_code_of_an_expired_form_say_so(other: Citizen, guests: Saved, clock: MovableClock) -> None:
    clock.advance(days=20)
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.status == 410
    assert "This form has expired" in page
    assert "11 December 2026" in page


def test_coming_back_as_the_same_guest_keeps_other_tabs(
    app: Flask, citizen: Citizen, guests: Saved, sessions: Sessions
) -> None:
    tab = citizen.tab()
    tab.open(f"{guests.address}/remarks")
    citizen.open("/resume")
    citizen.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert [row.end_reason for row in sessions()] == [None, "replaced"]
    assert tab.press("Continue", remark="From the other tab").path == f"{guests.address}/check"


def test_next_guest_in_this_browser_gets_none_of_the_former_guests_drafts(
    app: Flask, citizen: Citizen, guests: Saved
) -> None:
    shared = Citizen(app)
    first = start(shared)
    shared.open("/resume")
    shared.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert shared.page.path == f"{guests.address}/tools"
    assert shared.open(first).status == 404


def test_page_of_the_former_guest_is_not_accepted_from_the_next(app: Flask, citizen: Citizen, guests: Saved) -> None:
    shared = Citizen(app)
    first = start(shared)
    tab = shared.tab()
    tab.open(f"{first}/you")
    shared.open("/resume")
    shared.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert tab.send("Continue", **YOU).status_code in (403, 404, 409)


def test_reference_of_a_form_with_a_digit_in_its_name_is_read(app: Flask, citizen: Citizen, other: Citizen) -> None:
    publish_yaml(app, NAMED_BY_YEAR)
    draft = start(citizen, "permit-2026")
    reference, code = draft.rpartition("/")[2], return_code(citizen, draft)
    other.open("/resume")
    page = other.press("Continue your form", reference=reference.lower().replace("-", " "), return_code=code)
    assert page.path == f"{draft}/a"


NAMED_BY_YEAR = """
format: 1
form: {id: permit_2026, title: Permit}
sections:
  - {id: a, title: A, fields: [{id: q, type: text, label: Q}]}
"""
