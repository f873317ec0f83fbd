"""Form tokens: which are accepted, and that a refused form changes nothing and comes back filled in."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import Database
from portal.drafts.models import Draft, DraftPart
from portal.sessions.models import SessionRow
from portal.submissions.models import Submission
from portal.tokens import masked
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock, Prepared
from tests.integration.sessions.conftest import Browser
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")


@pytest.fixture
def draft(citizen: Citizen, prepared: Prepared) -> str:
    return prepared(lambda: housing.start(citizen), citizen)


@pytest.fixture
def foreign(open_browser: Callable[..., Browser]) -> str:
    """A good token of another person's live session."""
    return open_browser(guest_id="somebody else").token


@pytest.fixture
def tokens(foreign: str) -> dict[str, str]:
    return {
        "missing": "",
        "forged": "f" * 80,
        "of another session": foreign,
        "cut": foreign[:20],
        "not ASCII": "ü" * 80,
    }


def _stored(database: Database) -> tuple[int, int, int]:
    with database.reading() as db:
        tables = (DraftPart, Submission, Draft)
        first, second, third = (db.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
    return first, second, third


def test_section_with_a_foreign_token_comes_back_filled_in_and_unsaved(
    citizen: Citizen, draft: str, tokens: dict[str, str], database: Database
) -> None:
    for name, token in tokens.items():
        citizen.open(f"{draft}/about_you")
        answer = citizen.send("Continue", **housing.ABOUT_YOU, csrf_token=token)
        page = Page(f"{draft}/about_you", answer)
        assert answer.status_code == 409, name
        assert page.value("full_name") == "Zoë Łukasz", name
        assert page.value("born-year") == "1988", name
        assert _stored(database) == (0, 0, 1), name
        citizen.page = page
    assert citizen.press("Continue").path == f"{draft}/home"


@pytest.mark.parametrize("button", ["Back", "Save and come back later", "Save and stay signed in"])
def test_no_button_of_a_section_works_with_a_foreign_token(
    citizen: Citizen, draft: str, foreign: str, database: Database, button: str
) -> None:
    citizen.open(f"{draft}/about_you")
    assert citizen.send(button, full_name="Zoë", csrf_token=foreign).status_code == 409
    assert _stored(database) == (0, 0, 1)


@pytest.mark.parametrize(
    ("page", "button", "values"),
    [
        ("/household", "Add a person", {}),
        ("/household", "Continue", {}),
        ("/household/abcd2345", "Continue", {"full_name": "Joel"}),
        ("/save", "Send link", {"email": "zoe@mail.example"}),
        ("/check", "Send", {}),
        ("", "Delete this draft", {}),
    ],
)
def test_no_other_form_of_a_draft_works_with_a_foreign_token(
    citizen: Citizen, draft: str, foreign: str, database: Database, page: str, button: str, values: dict[str, str]
) -> None:
    citizen.open(draft + page)
    assert citizen.send(button, **values, csrf_token=foreign).status_code == 409
    assert _stored(database) == (0, 0, 1)


def test_a_full_form_is_not_sent_with_a_foreign_token(
    citizen: Citizen, draft: str, foreign: str, database: Database
) -> None:
    housing.fill(citizen, draft)
    assert citizen.send("Send", declaration="yes", csrf_token=foreign).status_code == 409
    assert _stored(database)[1] == 0
    assert citizen.send("Send", declaration="yes").status_code == 303


def test_an_autosave_with_a_foreign_token_stores_nothing(
    citizen: Citizen, draft: str, foreign: str, database: Database
) -> None:
    data = {"csrf_token": foreign, "full_name": "Zoë", "_changed": "full_name", "_end": "1"}
    address = f"{draft}/autosave/about_you"
    assert citizen.client.post(address, data=data, headers={"HX-Request": "true"}).status_code == 409
    assert _stored(database) == (0, 0, 1)


def test_a_token_may_come_in_a_header(citizen: Citizen, draft: str, newest_session: Callable[[], SessionRow]) -> None:
    headers = {"HX-Request": "true", "X-CSRF-Token": masked(newest_session().csrf_secret)}
    data = {"full_name": "Zoë", "_changed": "full_name", "_end": "1"}
    assert citizen.client.post(f"{draft}/autosave/about_you", data=data, headers=headers).status_code == 200


def test_the_token_of_a_signed_out_visitor_opens_no_private_form(citizen: Citizen, draft: str, app: Flask) -> None:
    """The visitor's token is in the same browser: it was issued before the session began."""
    visitor = Citizen(app)
    token = visitor.open("/resume").value("csrf_token")
    cookie = visitor.client.get_cookie("visitor")
    assert cookie is not None
    citizen.client.set_cookie("visitor", cookie.value)
    citizen.open(f"{draft}/about_you")
    assert citizen.send("Continue", csrf_token=token or "").status_code == 409


def test_a_visitors_token_needs_the_visitors_own_cookie(app: Flask) -> None:
    token = Citizen(app).open("/resume").value("csrf_token")
    for cookie in (None, "", "forged", f"{'x' * 43}.{'y' * 27}"):
        client = app.test_client()
        if cookie is not None:
            client.set_cookie("visitor", cookie)
        answer = client.post("/resume", data={"csrf_token": token, "reference": "x", "return_code": "y"})
        assert answer.status_code == 403
        assert "Your browser is not keeping the cookie we need" in answer.text


def test_two_pages_never_have_the_same_token(citizen: Citizen, draft: str) -> None:
    tokens = {citizen.open(f"{draft}/about_you").value("csrf_token") for _ in range(3)}
    assert len(tokens) == 3


def test_a_token_has_no_time_limit_of_its_own(citizen: Citizen, draft: str, clock: MovableClock) -> None:
    opened = citizen.open(f"{draft}/about_you")
    for _ in range(20):
        clock.advance(minutes=25)
        citizen.client.get(draft)
    citizen.page = opened
    assert citizen.press("Continue", **housing.ABOUT_YOU).path == f"{draft}/home"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost.evil.example", "http://evil.example/localhost", "http://["],
)
def test_a_good_token_from_a_page_of_another_site_is_refused(
    citizen: Citizen, draft: str, database: Database, origin: str
) -> None:
    token = citizen.open(f"{draft}/about_you").value("csrf_token")
    data = {"csrf_token": token, "full_name": "Zoë", "_end": "1"}
    answer = citizen.client.post(f"{draft}/about_you", data=data, headers={"Origin": origin})
    assert answer.status_code == 409
    assert _stored(database) == (0, 0, 1)


def test_good_token_from_our_own_page_is_accepted(citizen: Citizen, draft: str) -> None:
    token = citizen.open(f"{draft}/about_you").value("csrf_token")
    data = {"csrf_token": token, "full_name": "Zoë", "_action": "back", "_end": "1"}
    answer = citizen.client.post(f"{draft}/about_you", data=data, headers={"Origin": "http://localhost"})
    assert answer.status_code == 303


@pytest.mark.parametrize("origin", [None, "https://evil.example"], ids=["no-origin", "evil"])
def test_form_of_another_site_cannot_remove_a_cookie(app: Flask, origin: str | None) -> None:
    """The browser sends no cookie with it (SameSite=Lax), but would obey a header that deletes it."""
    headers = {"Origin": origin} if origin else {}
    for kind in ("customer", "hub"):
        answer = app.test_client().post(f"/account/sign-out?kind={kind}", headers=headers)
        assert not any(cookie.startswith("session_") for cookie in answer.headers.getlist("Set-Cookie"))
        assert answer.status_code == (403 if origin else 303)
