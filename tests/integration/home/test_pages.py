"""The start page and the pages beside it: what they list, and that what they say is true."""

import re

import pytest
from flask.testing import FlaskClient

from portal.audit import Actor
from portal.db import Database
from portal.home.views import EXPLANATIONS
from portal.sessions.late_forms import REASONS
from portal.sessions.rules import EndReason
from portal.site_settings.definition import SettingValue
from portal.site_settings.operations import change_settings
from tests.conftest import START

pytestmark = pytest.mark.one_database
PAGES = ["/", "/privacy", "/cookies", "/accessibility", "/contact", "/help/sessions"]


def words_of(client: FlaskClient, path: str) -> str:
    page = client.get(path).text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def set_value(database: Database, **values: SettingValue) -> None:
    with database.writing() as db:
        change_settings(db, values, by=Actor(), now=START)


@pytest.mark.parametrize("path", PAGES)
def test_anybody_can_read_the_page(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert page.text.count("<h1") == 1
    assert re.search(r"<title>[^<]{3,} – Ashmere Council</title>", page.text)
    assert "%" not in re.sub(r"400 %|href=\"[^\"]*\"", "", page.text.split("<main")[1].split("</main")[0])


@pytest.mark.parametrize("path", PAGES)
def test_page_in_a_session_says_until_when_it_lasts(
    client: FlaskClient, path: str, guest_cookie: tuple[str, str]
) -> None:
    client.set_cookie(*guest_cookie)
    assert "This form stays open until 14:32" in words_of(client, path)


def test_help_explains_each_reason_for_closed_messages(client: FlaskClient, database: Database) -> None:
    set_value(database, messages_idle_minutes=90)
    words = words_of(client, "/help/sessions")
    assert 'id="messages"' in client.get("/help/sessions").text
    assert "for 1 hour 30 minutes. What you have written is saved." in words
    for reason in (
        "Your internet connection changed A sudden change",
        "Your browser is not keeping our cookie",
        "Signing out in one tab closes your messages in all of them",
        "Our staff closed your account or signed you out.",
    ):
        assert reason in words
    set_value(database, messages_network_rule="password", one_sign_in=True)
    words = words_of(client, "/help/sessions")
    assert "so we ask for your password again." in words
    assert "signing in somewhere else closes your messages here" in words
    set_value(database, messages_network_rule="log")
    assert "A sudden change can mean that somebody else is using your account, so" not in words_of(
        client, "/help/sessions"
    )


def test_cookies_page_says_how_long_messages_stay_open(client: FlaskClient, database: Database) -> None:
    set_value(database, messages_idle_minutes=45)
    words = words_of(client, "/cookies")
    assert " session_messages " in words
    assert "Messages are closed after 45 minutes unless" in words


def test_pages_say_how_long_somebody_has_to_sign(client: FlaskClient, database: Database) -> None:
    set_value(database, signing_idle_minutes=45)
    words = words_of(client, "/cookies")
    assert " session_signing " in words
    assert "Your time ends after 45 minutes unless" in words
    assert "to sign, you have 45 minutes from the moment" in words_of(client, "/help/sessions")


@pytest.mark.parametrize("path", PAGES)
def test_page_sets_no_cookie_for_people_without_a_session(client: FlaskClient, path: str) -> None:
    assert "Set-Cookie" not in client.get(path).headers


@pytest.mark.usefixtures("demo_forms")
def test_the_start_page_lists_every_form_with_its_summary(client: FlaskClient) -> None:
    page = client.get("/").text
    for slug, title in (
        ("housing-support", "Apply for housing support"),
        ("parking-permit", "Get a resident&#39;s parking permit"),
        ("report-a-problem", "Report a problem in your street"),
    ):
        assert f'<a href="/forms/{slug}">{title}</a>' in page
    assert "Park near your home for up to a year." in page


def test_start_page_says_when_no_form_is_published(client: FlaskClient) -> None:
    assert "No form is open at the moment." in words_of(client, "/")


@pytest.mark.parametrize(
    ("address", "name"),
    [("/resume", "Continue a saved form"), ("/account", "My Requests"), ("/account/sign-in", "Sign in")],
)
def test_start_page_leads_back_to_drafts(client: FlaskClient, address: str, name: str) -> None:
    assert f'href="{address}">{name}</a>' in client.get("/").text


@pytest.mark.usefixtures("demo_forms")
def test_privacy_page_says_for_each_form_how_long_a_draft_is_kept(client: FlaskClient) -> None:
    words = words_of(client, "/privacy")
    assert "Apply for housing support: 30 days" in words
    assert "parking permit: 14 days" in words
    assert "cannot be saved to come back to later: Report a problem in your street." in words


def test_cookies_page_names_them_as_this_installation_sends_them(client: FlaskClient) -> None:
    words = words_of(client, "/cookies")
    for name in ("session_customer", "session_hub", "visitor", "resume_code"):
        assert f" {name} " in words
    assert "signed out after 30 minutes unless" in words
    assert "signed out after 6 hours unless" in words


def test_contact_page_shows_the_current_support_contact(client: FlaskClient, database: Database) -> None:
    set_value(database, support_contact="help@ashmere.example <b>")
    assert "help@ashmere.example &lt;b&gt;" in client.get("/contact").text


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        pytest.param(30, ["You have 30 minutes", "In the last 10 minutes of", "In the first 20 minutes"], id="30"),
        pytest.param(
            90, ["You have 1 hour 30 minutes", "In the last 30 minutes", "In the first 1 hour these"], id="90"
        ),
        pytest.param(10, ["In the last 3 minutes 20 seconds of", "In the first 6 minutes 40 seconds these"], id="10"),
    ],
)
def test_help_states_the_session_lifetime_of_this_site(
    client: FlaskClient, database: Database, minutes: int, said: list[str]
) -> None:
    set_value(database, session_lifetime_minutes=minutes)
    words = words_of(client, "/help/sessions")
    assert not [sentence for sentence in said if sentence not in words]


@pytest.mark.parametrize(
    ("hours", "lifetime", "limit"),
    [
        pytest.param(20, 30, "20 hours after you signed in", id="setting"),
        pytest.param(1, 90, "3 hours after you signed in", id="never-under-twice-the-lifetime"),
        pytest.param(0, 30, None, id="off"),
    ],
)
def test_help_states_the_limit_that_cannot_be_extended(
    client: FlaskClient, database: Database, hours: int, lifetime: int, limit: str | None
) -> None:
    set_value(database, absolute_limit_hours=hours, session_lifetime_minutes=lifetime)
    words = words_of(client, "/help/sessions")
    assert ("One limit cannot be moved" in words) is (limit is not None)
    assert (limit or "") in words


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (False, "These do not give you more time: moving"),
        (True, "Going on to the next section of a form counts"),
    ],
)
def test_help_says_whether_continue_counts(
    client: FlaskClient, database: Database, counts: bool, sentence: str
) -> None:
    set_value(database, continue_counts=counts)
    assert sentence in words_of(client, "/help/sessions")


def test_help_explains_every_reason_for_an_end(client: FlaskClient) -> None:
    words = words_of(client, "/help/sessions")
    for reason in EndReason:
        for sentence in (REASONS[reason], EXPLANATIONS[reason].why, EXPLANATIONS[reason].what_to_do):
            assert str(sentence) in words


def test_page_never_uses_the_word_inactivity(client: FlaskClient) -> None:
    assert not re.search("inactiv|idle", words_of(client, "/help/sessions"))


OWN = {"/privacy": "privacy", "/cookies": "cookies", "/accessibility": "accessibility", "/contact": "contact"}


@pytest.mark.parametrize(("path", "name"), OWN.items())
def test_text_of_an_administrator_replaces_ours(client: FlaskClient, database: Database, path: str, name: str) -> None:
    before = words_of(client, path)
    set_value(database, **{f"{name}_text": "# Ours\n\nWe *say*:\n\n- one\n- [two](https://ashmere.example)"})
    page = client.get(path).text
    assert "<h2>Ours</h2>" in page
    assert page.count("<h1") == 1
    assert "<em>say</em>" in page
    assert 'href="https://ashmere.example"' in page
    assert words_of(client, path) != before


@pytest.mark.parametrize(
    "typed", ["<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](https://e.example/x)"]
)
def test_text_of_an_administrator_runs_and_loads_nothing(client: FlaskClient, database: Database, typed: str) -> None:
    set_value(database, privacy_text=typed)
    main = client.get("/privacy").text.split("<main")[1].split("</main")[0]
    assert not re.search(r"<(script|img)|href=.javascript", main)


def test_table_of_cookies_stays_whatever_text_is_above_it(client: FlaskClient, database: Database) -> None:
    set_value(database, cookies_text="We bake our own.")
    assert "We bake our own." in words_of(client, "/cookies")
    assert " session_customer " in words_of(client, "/cookies")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({}, "Preifatrwydd", id="neither-is-our-own-welsh"),
        pytest.param({"privacy_text": "Hello"}, '<div lang="en"><p class="govuk-body">Hello', id="english-is-marked"),
        pytest.param({"privacy_text": "Hello", "privacy_text_cy": "Helo"}, '<p class="govuk-body">Helo', id="welsh"),
    ],
)
def test_reader_of_welsh_gets_the_welsh_text_or_marked_english(
    client: FlaskClient, database: Database, values: dict[str, SettingValue], said: str
) -> None:
    set_value(database, **values)
    client.set_cookie("language", "cy")
    assert said in client.get("/privacy").text


def test_the_postal_address_is_shown_line_by_line(client: FlaskClient, database: Database) -> None:
    set_value(database, postal_address="1 High Street\n<Ashmere>")
    assert "<br>1 High Street<br>&lt;Ashmere&gt;</p>" in client.get("/contact").text


@pytest.mark.usefixtures("demo_forms")
def test_privacy_page_states_the_longest_time_that_drafts_are_kept(client: FlaskClient, database: Database) -> None:
    set_value(database, draft_most_days=20)
    words = words_of(client, "/privacy")
    assert "Apply for housing support: 20 days" in words
    assert "parking permit: 14 days" in words


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({}, "in for 6 hours. For 2 hours after that they can still send, once,", id="grace"),
        pytest.param({}, "shared or public computer you have 10 minutes.", id="shared"),
        pytest.param({"shared_computer_minutes": 7}, "shared or public computer you have 7 minutes.", id="shared-7"),
        pytest.param({"one_sign_in": True}, "When you sign in here, you are signed out", id="one-sign-in"),
        pytest.param({"customer_network_rule": "password"}, "we ask for your password again.", id="network-asks"),
        pytest.param({"customer_network_rule": "end"}, "connection changes, you are signed out.", id="network-ends"),
    ],
)
def test_help_states_the_rules_of_this_site_and_no_others(
    client: FlaskClient, database: Database, values: dict[str, SettingValue], said: str
) -> None:
    before = words_of(client, "/help/sessions")
    set_value(database, **values)
    assert said in words_of(client, "/help/sessions")
    assert (said in before) is (not values)


def test_help_in_welsh_has_the_figures_of_this_site(client: FlaskClient, database: Database) -> None:
    set_value(database, shared_computer_minutes=7)
    client.set_cookie("language", "cy")
    words = words_of(client, "/help/sessions")
    assert "Nid oes amser ychwanegol" in words
    assert "7 munud" in words
