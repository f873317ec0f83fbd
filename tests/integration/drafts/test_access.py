"""Who may open a draft, how one is started, and what the pages of a form that cannot be saved say."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.drafts.models import Draft
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.loan import YOU, fill, publish_loan, send, start
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters

PAGES = ("", "/you", "/tools", "/check", "/save")


def test_start_now_always_makes_another_draft(citizen: Citizen, draft: str) -> None:
    citizen.open("/forms/tool-loan")
    answer = citizen.send("Start now")
    assert answer.status_code == 303
    assert answer.location.startswith("/drafts/TL-")
    assert answer.location != draft


def test_the_start_page_lists_own_drafts_with_continue(app: Flask, citizen: Citizen, draft: str) -> None:
    page = citizen.open("/forms/tool-loan")
    assert page.links["Continue"] == draft
    assert "Continue" not in Citizen(app).open("/forms/tool-loan").links


@pytest.mark.parametrize(
    ("minutes", "left"),
    [(0, None), (5, 25), (19, 11), (25, None)],
    ids=["full time", "some has run", "just before the last third", "renewed by this page"],
)
def test_start_page_warns_of_too_little_time_only_if_some_of_it_has_run(
    citizen: Citizen, demo_forms: None, clock: MovableClock, minutes: int, left: int | None
) -> None:
    citizen.open("/forms/housing-support")
    citizen.press("Start now")
    clock.advance(minutes=minutes)
    page = citizen.open("/forms/housing-support")
    assert ("minutes left" in page) is (left is not None)
    if left:
        assert f"You have only {left} minutes left." in page
        citizen.press("Stay signed in")
        assert "minutes left" not in citizen.open("/forms/housing-support")


def test_an_unknown_form_is_not_found(citizen: Citizen) -> None:
    assert citizen.open("/forms/no-such-form").status == 404


def test_another_guest_finds_nothing_at_the_address_of_a_draft(app: Flask, draft: str) -> None:
    other = Citizen(app)
    start(other)
    assert {other.open(draft + page).status for page in PAGES} == {404}


def test_a_signed_in_stranger_finds_nothing(app: Flask, draft: str) -> None:
    add_person(app)
    stranger = Citizen(app)
    sign_in(stranger)
    assert {stranger.open(draft + page).status for page in PAGES} == {404}


def test_a_stranger_changes_nothing_with_a_token_of_their_own(app: Flask, citizen: Citizen, draft: str) -> None:
    stranger = Citizen(app)
    token = stranger.open(f"{start(stranger)}/you").value("csrf_token")
    data = {"csrf_token": token, "name": "Mallory", "_confirmed": "yes", "_end": "1"}
    assert stranger.client.post(f"{draft}/you", data=data).status_code == 404
    assert stranger.client.post(draft, data=data).status_code == 404
    assert citizen.open(f"{draft}/you").value("name") == ""


@pytest.mark.parametrize("reference", ["TL-2222-2222", "nothing", "%F0%9F%94%A8"])
def test_without_a_session_known_and_unknown_drafts_lead_to_sign_in(app: Flask, draft: str, reference: str) -> None:
    stranger = Citizen(app).client
    for address in (draft, f"/drafts/{reference}"):
        answer = stranger.get(address)
        assert answer.status_code == 302
        assert answer.location.startswith("/account/sign-in?next=%2Fdrafts%2F")


def test_an_account_form_sends_signed_out_people_to_sign_in_and_back(app: Flask, citizen: Citizen) -> None:
    publish_loan(app, access="account")
    add_person(app)
    assert "You need an account for this form." in citizen.open("/forms/tool-loan")
    answer = citizen.send("Start now")
    assert (answer.status_code, answer.location) == (303, "/account/sign-in?next=%2Fforms%2Ftool-loan")
    assert sign_in(citizen, address=answer.location).path == "/forms/tool-loan"
    assert citizen.press("Start now").path.startswith("/drafts/TL-")


def test_registering_for_an_account_form_leads_back_to_it(app: Flask, citizen: Citizen) -> None:
    publish_loan(app, access="account")
    citizen.open("/forms/tool-loan")
    citizen.press("Start now")
    citizen.follow("Register")
    citizen.press("Register", email="zoe@mail.example", password=PASSWORD)
    (link,) = (line for line in letters(app)[-1].lines if line.startswith("http"))
    elsewhere = Citizen(app)
    elsewhere.open(link.removeprefix("http://127.0.0.1:8000"))
    assert elsewhere.press("Confirm", password=PASSWORD).path == "/forms/tool-loan"


def test_link_that_confirms_an_address_never_leads_to_another_site(app: Flask, citizen: Citizen) -> None:
    citizen.open("/account/register?next=https://elsewhere.example/")
    citizen.press("Register", email="zoe@mail.example", password=PASSWORD)
    citizen.open(f"{letters(app)[-1].link}?next=//elsewhere.example/")
    assert citizen.press("Confirm", password=PASSWORD).path == "/account"


def test_a_guest_of_another_form_must_sign_in_for_an_account_form(app: Flask, citizen: Citizen, draft: str) -> None:
    publish_loan(app, access="account")
    citizen.open("/forms/tool-loan")
    assert citizen.send("Start now").location.startswith("/account/sign-in")


def test_a_draft_keeps_the_version_it_was_started_in(app: Flask, citizen: Citizen, draft: str) -> None:
    publish_loan(app, access="account")
    assert citizen.open(f"{draft}/you").status == 200


def test_a_guests_draft_shows_reference_and_return_code_on_task_list_and_save_page(
    citizen: Citizen, draft: str
) -> None:
    for page in (citizen.open(draft), citizen.open(f"{draft}/save")):
        assert draft.rpartition("/")[2] in page
        assert "Return code" in page


def test_an_accounts_draft_has_no_return_code(app: Flask, citizen: Citizen, row: Callable[[str], Draft]) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    assert row(draft).return_code is None
    assert "Return code" not in citizen.open(draft)
    assert "Return code" not in citizen.open(f"{draft}/save")


class TestFormThatCannotBeSaved:
    """`allow_save: false`, for a guest and for an account."""

    @pytest.fixture
    def unsaved(self, app: Flask, citizen: Citizen) -> str:
        publish_loan(app, allow_save=False)
        return start(citizen)

    def test_start_page_says_that_answers_are_lost(self, citizen: Citizen, unsaved: str) -> None:
        page = citizen.open("/forms/tool-loan")
        assert "your answers are lost" in page
        assert "Continue a saved form" not in page

    @pytest.mark.parametrize("page", PAGES)
    def test_no_page_offers_to_save_it_for_later(self, citizen: Citizen, unsaved: str, page: str) -> None:
        found = citizen.open(unsaved + page)
        assert "Save and come back later" not in found
        assert "Return code" not in found
        assert "We keep it until" not in found
        assert "Your answers are saved." not in found
        assert "We save your answers as you type" not in found

    def test_save_page_leads_back_to_the_task_list(self, citizen: Citizen, unsaved: str) -> None:
        assert citizen.client.get(f"{unsaved}/save").location == unsaved

    def test_a_forced_save_for_later_is_refused(self, citizen: Citizen, unsaved: str) -> None:
        token = citizen.open(f"{unsaved}/you").value("csrf_token")
        data = {"csrf_token": token, "_action": "save", "_end": "1"}
        assert citizen.client.post(f"{unsaved}/you", data=data).status_code == 404
        address = {"csrf_token": token, "email": "a@mail.example"}
        assert citizen.client.post(f"{unsaved}/save", data=address).status_code == 404

    def test_pages_after_the_end_say_that_nothing_was_kept(
        self, citizen: Citizen, unsaved: str, clock: MovableClock
    ) -> None:
        citizen.open(f"{unsaved}/you")
        clock.advance(minutes=31)
        late = citizen.press("Continue", **YOU)
        assert late.status == 403
        assert "your answers were not kept" in late
        assert "Your answers are safe" not in late
        assert "your answers were not kept" in citizen.open("/session/ended")

    def test_unsaved_form_can_be_sent(self, citizen: Citizen, unsaved: str) -> None:
        fill(citizen, unsaved)
        assert citizen.press("Send", declaration="yes").heading == "We have received your form"

    def test_account_keeps_the_draft(self, app: Flask, citizen: Citizen) -> None:
        publish_loan(app, allow_save=False)
        add_person(app)
        sign_in(citizen)
        citizen.open(f"{start(citizen)}/you")
        assert citizen.press("Save and come back later", name="Ada").heading == "Your form is saved"


def test_form_sent_by_a_guest_is_shown_to_that_guest_only(app: Flask, citizen: Citizen, draft: str) -> None:
    reference = send(citizen)
    assert citizen.open(f"/submissions/{reference}").status == 200
    other = Citizen(app)
    start(other)
    assert other.open(f"/submissions/{reference}").status == 404
