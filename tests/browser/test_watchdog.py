"""Lost responses, outages, sleep, wrong clocks: the page polls again, warns by what it knew, and hides answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from prometheus_client.parser import text_string_to_metric_families

from portal.audit import Actor
from portal.site_settings.operations import change_settings
from tests.browser.conftest import TO_WARNING_S, Console, PassTime, polled, warning
from tests.browser.probe import SECTION
from tests.browser.server import Server
from tests.browser.visitors import show_again

pytestmark = pytest.mark.browser
POLL = "/session/poll"
UNREACHABLE = "We cannot reach the service, so the time may be out of date"
HIDDEN = "We hide your answers until we can reach it"
DURING_OUTAGES = "503|htmx|ERR_|Failed to fetch"


@pytest.fixture
def outage(console: Console) -> Console:
    """Accept complaints of the browser about outages, which these tests cause."""
    console.expects(DURING_OUTAGES)
    return console


def test_an_untouched_page_polls_at_most_three_times_an_hour(
    context: BrowserContext, server: Server, pass_time: PassTime
) -> None:
    with server.app.app_context(), server.app.extensions["portal"].database.writing() as db:
        change_settings(db, {"session_lifetime_minutes": 60}, by=Actor(), now=server.clock.now())
    server.open_session(context)
    page = context.new_page()
    page.goto(SECTION)
    for _ in range(29):
        pass_time(120)
        polled(page)
    expect(warning(page)).to_be_visible()
    assert server.count(POLL) <= 3


@contextmanager
def lost_at_the_warning(page: Page, server: Server, pass_time: PassTime) -> Iterator[None]:
    """Open a page whose poll at the time of the warning gets no response, nor any other during the block."""
    page.goto(SECTION)
    with server.failing(POLL):
        pass_time(TO_WARNING_S)
        polled(page)
        yield


def test_a_lost_response_never_stops_the_polling(
    page: Page, server: Server, pass_time: PassTime, outage: Console
) -> None:
    with lost_at_the_warning(page, server, pass_time):
        pass
    pass_time(4)
    expect(warning(page)).to_be_visible()
    expect(page.get_by_text(UNREACHABLE)).to_be_hidden()


def test_the_next_poll_reports_lost_responses_and_they_are_counted(
    page: Page, server: Server, pass_time: PassTime, outage: Console
) -> None:
    with lost_at_the_warning(page, server, pass_time):
        for asked, seconds in ((2, 2), (3, 4)):
            pass_time(seconds)
            polled(page)
            assert server.count(POLL) == asked
    assert failures(server) == 0
    with page.expect_request(f"**{POLL}*") as asking:
        pass_time(8)
    expect(page.get_by_text(UNREACHABLE)).to_be_hidden()
    assert parse_qs(urlsplit(asking.value.url).query) == {"kind": ["customer"], "lost": ["3"]}
    assert failures(server) == 3
    with page.expect_request(f"**{POLL}*") as asking:
        show_again(page)
    polled(page)
    assert "lost" not in asking.value.url
    assert failures(server) == 3


def failures(server: Server) -> int:
    """Return how many lost responses the figures of `/metrics` show."""
    (family,) = text_string_to_metric_families(server.app.test_client().get("/metrics").text)
    return int(sum(each.value for each in family.samples if each.labels["event"] == "poll_failure"))


def test_the_page_warns_by_itself_in_an_outage_and_says_so_until_it_is_over(
    page: Page, server: Server, pass_time: PassTime, outage: Console
) -> None:
    page.goto(SECTION)
    with server.failing(POLL):
        pass_time(TO_WARNING_S)
        pass_time(3)
        expect(warning(page)).to_be_visible()
        expect(page.get_by_text(UNREACHABLE)).to_be_visible()
    pass_time(6)
    expect(page.get_by_text(UNREACHABLE)).to_be_hidden()
    expect(warning(page)).to_be_visible()


def test_the_page_polls_less_and_less_often_in_an_outage(
    page: Page, server: Server, pass_time: PassTime, outage: Console
) -> None:
    page.goto(SECTION)
    with server.failing(POLL):
        pass_time(TO_WARNING_S)
        for _ in range(126):
            pass_time(1)
            page.wait_for_timeout(0)
        polled(page)
    assert 6 <= server.count(POLL) <= 9


def test_a_page_offline_past_the_end_hides_answers_until_the_session_is_alive(
    page: Page, context: BrowserContext, server: Server, pass_time: PassTime, outage: Console
) -> None:
    page.goto(SECTION)
    page.get_by_label("Name of your landlord").fill("Calder Homes")
    page.get_by_label("Name of your landlord").focus()
    context.set_offline(True)
    pass_time(TO_WARNING_S + 5)
    expect(warning(page)).to_be_visible()
    expect(page.get_by_text(UNREACHABLE)).to_be_visible()
    pass_time(120)
    expect(page.get_by_text(HIDDEN)).to_be_visible()
    expect(page.get_by_label("Name of your landlord")).to_be_hidden()
    expect(warning(page)).to_be_hidden()
    server.give_time()
    context.set_offline(False)
    expect(page.get_by_label("Name of your landlord")).to_have_value("Calder Homes")
    expect(page.get_by_label("Name of your landlord")).to_be_focused()
    expect(page.get_by_text(HIDDEN)).to_be_hidden()


def test_a_page_offline_past_the_end_leads_to_the_end_page_if_it_is_over(
    page: Page, context: BrowserContext, pass_time: PassTime, outage: Console
) -> None:
    page.goto(SECTION)
    context.set_offline(True)
    pass_time(TO_WARNING_S + 130)
    expect(page.get_by_text(HIDDEN)).to_be_visible()
    context.set_offline(False)
    page.wait_for_url("**/session/ended")


def test_a_page_from_another_network_never_replaces_the_poller(
    page: Page, context: BrowserContext, pass_time: PassTime
) -> None:
    def hotel(route: Route) -> None:
        route.fulfill(status=200, body="<p>Welcome to our hotel. Please sign in.</p>")

    page.goto(SECTION)
    context.route(f"**{POLL}*", hotel)
    pass_time(TO_WARNING_S)
    expect(page.locator("#session-poll")).to_have_count(1)
    context.unroute(f"**{POLL}*")
    pass_time(4)
    expect(warning(page)).to_be_visible()
    expect(page.get_by_text("hotel")).to_have_count(0)


def test_a_page_polls_when_the_computer_wakes(page: Page, server: Server, context: BrowserContext) -> None:
    page.goto(SECTION)
    server.clock.advance(minutes=29)
    now = page.evaluate("Date.now()") / 1000
    context.clock.set_system_time(now + 29 * 60)
    context.clock.run_for(1000)
    expect(warning(page)).to_be_visible()


def test_a_page_polls_at_once_when_its_tab_is_shown_again(page: Page, server: Server) -> None:
    page.goto(SECTION)
    server.clock.advance(minutes=29)
    show_again(page)
    expect(warning(page)).to_be_visible()


@pytest.fixture
def wrong_clock(context: BrowserContext) -> None:
    context.clock.set_system_time(datetime(2001, 1, 1, tzinfo=UTC))


@pytest.mark.usefixtures("wrong_clock")
def test_a_wrong_clock_in_the_browser_changes_nothing(page: Page, pass_time: PassTime) -> None:
    page.goto(SECTION)
    expect(page.locator("[data-session-until]").first).to_have_text("14:32")
    pass_time(TO_WARNING_S - 2)
    polled(page)
    expect(warning(page)).to_be_hidden()
    pass_time(2)
    expect(warning(page)).to_be_visible()


def test_a_clock_put_forward_by_a_day_only_makes_the_page_poll(
    page: Page, server: Server, context: BrowserContext
) -> None:
    page.goto(SECTION)
    now = page.evaluate("Date.now()") / 1000
    with page.expect_response(f"**{POLL}*"):
        context.clock.set_system_time(now + 24 * 3600)
        context.clock.run_for(1000)
    context.clock.run_for(3000)
    expect(warning(page)).to_be_hidden()
    expect(page.get_by_label("Name of your landlord")).to_be_visible()
    assert page.url.endswith(SECTION)
