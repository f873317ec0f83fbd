"""Site settings over HTTP: who may change them, what is saved, what is refused, and what the page says."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal.db import Database
from portal.site_settings.definition import BY_NAME, SETTINGS, TABS
from portal.site_settings.queries import changes, current_settings
from tests.conftest import MovableClock
from tests.integration.admin.conftest import GENERAL, SignedIn, form_of

MINUTES = "session_lifetime_minutes"
MESSAGES = "/admin/self/site-settings/messages"
SIGNING = "/admin/self/site-settings/signing"
REFUSED = "Enter a whole number from 10 to 360"
SignIn = Callable[[str, str], SignedIn]


def in_force(database: Database) -> dict[str, object]:
    with database.reading() as db:
        return vars(current_settings(db))


def recorded(database: Database) -> list[str | None]:
    with database.reading() as db:
        return [event.subject for event in changes(db, [setting.name for setting in SETTINGS])]


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_administration_begins_with_the_general_settings(administrator: SignedIn) -> None:
    answer = administrator.get("/admin/self")
    assert (answer.status_code, answer.location) == (302, GENERAL)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows_its_settings_and_only_them(administrator: SignedIn, tab: str) -> None:
    page = administrator.get(f"/admin/self/site-settings/{tab}")
    shown = {name for name in form_of(page) if not name.startswith("_") and name != "csrf_token"}
    assert page.status_code == 200
    assert shown == {setting.name for setting in SETTINGS if setting.tab == tab}
    assert page.text.count("<h1") == 1


@pytest.mark.parametrize("path", ["/admin/self/site-settings/nothing", "/admin/self/site-settings/"])
def test_unknown_tab_is_not_found(administrator: SignedIn, path: str) -> None:
    assert administrator.get(path).status_code == 404
    assert administrator.post(form_of(administrator.get()), path).status_code == 404


@pytest.mark.parametrize("role", ["staff", "designer", "citizen", "field"])
@pytest.mark.parametrize("path", ["/admin/self", GENERAL])
def test_other_roles_cannot_open_the_settings(sign_in: SignIn, role: str, path: str) -> None:
    assert sign_in("other@example.org", role).get(path).status_code == 404


@pytest.mark.parametrize(("role", "status"), [("staff", 404), ("designer", 404), ("citizen", 403)])
def test_other_roles_cannot_change_the_settings(
    sign_in: SignIn, administrator: SignedIn, database: Database, role: str, status: int
) -> None:
    other = sign_in("other@example.org", role)
    values = form_of(administrator.get()) | {MINUTES: "90", "csrf_token": other.form_token}
    assert other.post(values).status_code == status
    assert in_force(database)[MINUTES] == 30


def test_signed_out_people_are_sent_to_sign_in(client: FlaskClient, administrator: SignedIn) -> None:
    answer = client.get(GENERAL)
    assert answer.status_code == 302
    assert "/account/sign-in" in answer.location


def test_lifetime_has_the_label_that_the_guide_names(administrator: SignedIn) -> None:
    page = administrator.get().text
    assert '<label class="govuk-label" for="session_lifetime_minutes">Session lifetime in minutes</label>' in page


@pytest.mark.parametrize("typed", ["10", "30", "59", "60", "360", " 45 "])
def test_a_good_value_is_saved(administrator: SignedIn, database: Database, typed: str) -> None:
    answer = administrator.save(**{MINUTES: typed})
    assert answer.status_code == 303
    page = administrator.get(answer.location)
    assert "Saved" in text_of(page.text)
    assert form_of(page)[MINUTES] == typed.strip()
    assert in_force(database)[MINUTES] == int(typed)


def test_a_page_that_was_only_opened_does_not_say_saved(administrator: SignedIn) -> None:
    assert "notice--success" not in administrator.get().text


@pytest.mark.parametrize("typed", ["9", "361", "", "   ", "12.5", "abc", "-30", "٣٠", str(10**20)])
def test_bad_value_shows_its_sentence_and_changes_nothing(
    administrator: SignedIn, database: Database, typed: str
) -> None:
    answer = administrator.save(**{MINUTES: typed, "site_name": "New name"})
    assert answer.status_code == 422
    assert f'href="#{MINUTES}">Session lifetime in minutes: {REFUSED}' in answer.text
    assert re.search(rf'id="{MINUTES}-error".*{REFUSED}', answer.text)
    assert "<title>Error: " in answer.text
    assert form_of(answer).get(MINUTES, "") == typed
    assert form_of(answer)["site_name"] == "New name"
    assert in_force(database)[MINUTES] == 30
    assert recorded(database) == []


def test_one_bad_value_holds_back_the_good_ones(administrator: SignedIn, database: Database) -> None:
    administrator.save(**{MINUTES: "90", "site_name": " "})
    assert in_force(database)[MINUTES] == 30


@pytest.mark.parametrize(("typed", "advised"), [("59", False), ("60", True), ("90", True)])
def test_advice_is_shown_after_saving_and_for_as_long_as_the_value_applies(
    administrator: SignedIn, typed: str, advised: bool
) -> None:
    saved = administrator.get(administrator.save(**{MINUTES: typed}).location)
    later = administrator.get()
    for page in (saved, later):
        words = text_of(page.text)
        assert (f"You can save {typed}. Under 60 is better practice." in words) is advised
        assert ("leaves somebody’s answers open for longer" in words) is advised


def test_advice_is_shown_beside_a_good_value_while_another_is_refused(administrator: SignedIn) -> None:
    page = administrator.save(**{MINUTES: "90", "site_name": ""})
    assert "You can save 90. Under 60 is better practice." in text_of(page.text)


def test_explanation_beside_the_settings_follows_the_saved_value(administrator: SignedIn) -> None:
    administrator.save(**{MINUTES: "90"})
    words = text_of(administrator.get().text)
    assert "Signed in for 90 minutes" in words
    assert "refresh or open a page after 60:00 get another 90 minutes" in words
    assert "Warning 88:00–90:00" in words
    assert "If you stay, you have until 15:32 ." in words
    assert "6 hours. Then 2 more hours to send a form that is already open. Set at installation." in words


def test_effect_of_the_settings_of_messages_stands_beside_them(administrator: SignedIn) -> None:
    typed = {"messages_idle_minutes": "90", "messages_reply_days": "3", "messages_emergency": "Call 999."}
    words = text_of(administrator.get(administrator.save(MESSAGES, **typed).location).text)
    assert "Your messages will be closed in 2 minutes. What you have written is saved." in words
    assert "If you stay, you have until 15:32 ." in words
    assert "Open for 90 minutes" in words
    assert "Activity renews 0:00–88:00 Warning 88:00–90:00" in words
    assert "We aim to reply within 3 working days. Call 999." in words


def test_effect_of_the_settings_of_signing_stands_beside_them(administrator: SignedIn) -> None:
    words = text_of(administrator.get(administrator.save(SIGNING, signing_idle_minutes="30").location).text)
    assert "Your time to sign ends in 2 minutes. What you have typed is saved." in words
    assert "If you stay, you have until 14:32 ." in words
    assert "Warning 28:00–30:00" in words


@pytest.mark.parametrize("typed", ["9", "61", "30.5", ""])
def test_time_to_sign_out_of_range_is_refused_beside_the_field(
    administrator: SignedIn, database: Database, typed: str
) -> None:
    answer = administrator.save(SIGNING, signing_idle_minutes=typed)
    assert answer.status_code == 422
    assert re.search('id="signing_idle_minutes-error".*Enter a whole number from 10 to 60', answer.text)
    assert form_of(answer).get("signing_idle_minutes", "") == typed
    assert in_force(database)["signing_idle_minutes"] == 15


@pytest.mark.parametrize("typed", ["4", "481", "30.5", ""])
def test_time_of_messages_out_of_range_is_refused_beside_the_field(
    administrator: SignedIn, database: Database, typed: str
) -> None:
    answer = administrator.save(MESSAGES, messages_idle_minutes=typed)
    assert answer.status_code == 422
    assert re.search('id="messages_idle_minutes-error".*Enter a whole number from 5 to 480', answer.text)
    assert form_of(answer).get("messages_idle_minutes", "") == typed
    assert in_force(database)["messages_idle_minutes"] == 60


def test_topic_with_a_wrong_address_is_refused_beside_the_field(administrator: SignedIn, database: Database) -> None:
    answer = administrator.save(MESSAGES, messages_topics="Housing; Housing team; nobody")
    assert answer.status_code == 422
    assert re.search('id="messages_topics-error".*Line 1: enter an e-mail address', answer.text)
    assert in_force(database)["messages_topics"] == BY_NAME["messages_topics"].default


def test_preview_cannot_be_operated(administrator: SignedIn) -> None:
    page = administrator.get().text
    preview = page[page.index('<div class="preview"') : page.index("How long it lasts")]
    assert 'inert aria-hidden="true"' in preview
    assert not re.search(r"<(button|a|input|dialog|form)\b", preview)


def test_the_history_says_who_changed_what_and_when(
    administrator: SignedIn, sign_in: SignIn, clock: MovableClock
) -> None:
    sign_in("omar@example.org", "administrator").save(**{MINUTES: "45"})
    clock.advance(hours=1)
    administrator.save(**{MINUTES: "90"})
    words = text_of(administrator.get().text)
    assert "Last changed 21 November by you" in words
    assert "21 November, 15:02 you Session lifetime in minutes 45 90" in words
    assert "21 November, 14:02 omar@example.org Session lifetime in minutes 30 45" in words


def test_change_from_an_earlier_year_shows_its_year(administrator: SignedIn, clock: MovableClock) -> None:
    administrator.save(**{MINUTES: "45"})
    clock.advance(days=60)
    again = SignedIn(administrator.client.application, "late@example.org", "administrator")
    assert "Last changed 21 November 2026 by mina@example.org" in text_of(again.get().text)


def test_clock_times_are_shown_in_the_saved_time_zone(administrator: SignedIn) -> None:
    administrator.save(time_zone="Asia/Kolkata")
    assert "Now 19:32." in administrator.get().text


def test_markup_in_a_site_name_is_shown_as_text(administrator: SignedIn) -> None:
    name = "<script>alert(1)</script> & “Co”"
    answer = administrator.save(site_name=name)
    page = administrator.get(answer.location)
    assert form_of(page)["site_name"] == name
    assert "<script>alert" not in page.text


def test_form_with_a_refused_token_comes_back_as_typed(administrator: SignedIn, database: Database) -> None:
    values = form_of(administrator.get()) | {MINUTES: "90", "csrf_token": "not ours"}
    answer = administrator.post(values)
    assert answer.status_code == 409
    assert "Nothing was changed." in answer.text
    assert in_force(database)[MINUTES] == 30
    assert administrator.post(form_of(answer)).status_code == 303
    assert in_force(database)[MINUTES] == 90


def test_two_administrators_with_the_page_open_keep_both_changes(
    administrator: SignedIn, sign_in: SignIn, database: Database
) -> None:
    other = sign_in("omar@example.org", "administrator")
    seen = form_of(other.get())
    administrator.save(site_name="New name")
    assert other.post(seen | {MINUTES: "45"}).status_code == 303
    assert (in_force(database)["site_name"], in_force(database)[MINUTES]) == ("New name", 45)


def test_correction_after_a_refusal_undoes_nobodys_change(
    administrator: SignedIn, sign_in: SignIn, database: Database
) -> None:
    other = sign_in("omar@example.org", "administrator")
    seen = form_of(other.get())
    administrator.save(site_name="New name")
    refused = other.post(seen | {MINUTES: "5"})
    other.post(form_of(refused) | {MINUTES: "45"})
    assert in_force(database)["site_name"] == "New name"


def test_a_form_that_arrives_cut_short_changes_nothing(administrator: SignedIn, database: Database) -> None:
    values = form_of(administrator.get()) | {MINUTES: "36"}
    del values["_end"]
    assert administrator.post(values).status_code == 400
    assert in_force(database)[MINUTES] == 30


def test_value_sent_twice_is_refused(administrator: SignedIn, database: Database) -> None:
    values = form_of(administrator.get()) | {MINUTES: ["45", "90"]}
    assert administrator.post(values).status_code == 400
    assert in_force(database)[MINUTES] == 30


def test_saving_unchanged_values_records_nothing(administrator: SignedIn, database: Database) -> None:
    assert administrator.save().status_code == 303
    assert recorded(database) == []


@pytest.mark.parametrize(("typed", "stored"), [("yes", True), ("no", False)])
def test_yes_or_no_setting_is_saved(administrator: SignedIn, database: Database, typed: str, stored: bool) -> None:
    administrator.save("/admin/self/site-settings/sessions", continue_counts=typed)
    assert in_force(database)["continue_counts"] is stored


def test_page_text_is_saved_and_shown_exactly_as_typed(administrator: SignedIn, database: Database) -> None:
    content = "/admin/self/site-settings/content"
    assert administrator.save(content, privacy_text="# Ours\r\n\r\nTwo <b>lines</b>").status_code == 303
    assert in_force(database)["privacy_text"] == "# Ours\n\nTwo <b>lines</b>"
    assert form_of(administrator.get(content))["privacy_text"] == "# Ours\r\n\r\nTwo <b>lines</b>"
    administrator.save(content, postal_address="1 High Street\r\nAshmere")
    assert recorded(database) == ["postal_address", "privacy_text"]


def test_a_page_text_that_is_too_long_is_refused(administrator: SignedIn, database: Database) -> None:
    answer = administrator.save("/admin/self/site-settings/content", privacy_text="x" * 10_001)
    assert answer.status_code == 422
    assert "Enter at most 10000 characters" in answer.text
    assert in_force(database)["privacy_text"] == ""


@pytest.mark.parametrize(("minutes", "status"), [("45", 303), ("7", 422)], ids=["valid", "sent back"])
def test_saving_settings_counts_in_the_last_third_whether_valid_or_not(
    administrator: SignedIn, clock: MovableClock, minutes: str, status: int
) -> None:
    values = form_of(administrator.get()) | {MINUTES: minutes}
    for seconds, remaining in ((4 * 3600, 2 * 3600), (1, 6 * 3600)):
        clock.advance(seconds=seconds)
        assert administrator.post(values).status_code == status
        assert f'data-remaining="{remaining}"' in administrator.get("/session/poll?kind=hub").text
