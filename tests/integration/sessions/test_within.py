"""Messages stand within the customer’s session: what renews each of the two, and where a request without one leads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from flask import Flask, Response
from sqlalchemy import select

from portal.audit import Actor
from portal.db import Database
from portal.sessions.models import SessionRow
from portal.site_settings.operations import change_settings
from portal.tokens import masked
from portal.web.addresses import remote_network
from portal.web.declarations import Access, Activity, access, activity
from tests.applications import Equipment
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.sessions.conftest import add_probes
from tests.statements import Statements

TEN = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PROBES = {
    "page": ("GET", Access.MESSAGES, Activity.NAVIGATE, 200),
    "account": ("GET", Access.MESSAGES_PERSON, Activity.NAVIGATE, 200),
    "send": ("POST", Access.MESSAGES, Activity.SUBMIT, 303),
    "autosave": ("POST", Access.MESSAGES, Activity.AUTOSAVE, 200),
    "read": ("POST", Access.MESSAGES, Activity.NONE, 200),
}
PAGE = "/probe/messages/page"
HOME, CAFE = "198.51.100.7", "203.0.113.9"


def add_message_probes(app: Flask) -> None:
    """Add a view of messages for each sort of request."""
    add_probes(app)
    for name, (method, door, meaning, status) in PROBES.items():
        view = _probe(door, meaning, status)
        app.add_url_rule(f"/probe/messages/{name}", f"probe.messages_{name}", view, methods=[method])


def _probe(door: Access, meaning: Activity, status: int) -> Callable[[], Response]:
    @access(door)
    @activity(meaning)
    def view() -> Response:
        return Response("through", status=status, headers={"Location": PAGE} if status == 303 else {})

    return view


@pytest.fixture
def equipment() -> Equipment:
    return add_message_probes


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(TEN)


class Reader(Citizen):
    """A browser of a person who has both sessions, opened at the same instant."""

    def __init__(self, app: Flask, person_id: int) -> None:
        super().__init__(app, HOME)
        self.person_id = person_id
        self.rows: dict[str, SessionRow] = {}
        self.database: Database = app.extensions["portal"].database
        for kind in ("customer", "messages"):
            self.hold(kind, person_id=person_id)

    def hold(self, kind: str, **holder: int | str) -> SessionRow:
        self.rows[kind] = super().hold(kind, **holder)
        return self.rows[kind]

    def stored(self, kind: str) -> SessionRow:
        with self.database.reading() as db:
            return db.scalars(select(SessionRow).where(SessionRow.id == self.rows[kind].id)).one()

    @property
    def ends(self) -> tuple[str, str]:
        """Return until when customer and messages session last."""
        customer, messages = (self.stored(kind).expires_at for kind in ("customer", "messages"))
        return f"{customer:%H:%M:%S}", f"{messages:%H:%M:%S}"

    def send_probe(self, name: str) -> int:
        row = self.rows["messages"]
        return self.post(f"/probe/messages/{name}", {"csrf_token": masked(row.csrf_secret, str(row.id))}).status_code


@pytest.fixture
def reader(app: Flask, person: Callable[[str], int]) -> Reader:
    return Reader(app, person("citizen"))


@pytest.fixture
def set_rule(database: Database, clock: MovableClock) -> Callable[..., None]:
    def change(**values: int | str) -> None:
        with database.writing() as db:
            change_settings(db, values, by=Actor(), now=clock.now())

    return change


def state(reader: Citizen, kind: str = "messages") -> str:
    return Page("", reader.get(f"/session/poll?kind={kind}")).elements[0].get("data-state")


@pytest.mark.both_databases
def test_a_click_gives_messages_the_full_time_at_once(reader: Reader, clock: MovableClock) -> None:
    clock.set(TEN + timedelta(minutes=1))
    assert reader.get(PAGE).text == "through"
    assert reader.ends == ("10:30:00", "11:01:00")
    ends = TEN + timedelta(minutes=61)
    for before, expected in ((121, "active"), (120, "warning"), (1, "warning"), (0, "ended")):
        clock.set(ends - before * SECOND)
        assert state(reader) == expected
    assert reader.get(PAGE).location == "/session/ended?kind=messages"


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("after", "ends"),
    [
        (timedelta(minutes=19), ("10:30:00", "11:19:00")),
        (timedelta(minutes=20), ("10:30:00", "11:20:00")),
        (timedelta(minutes=20, seconds=1), ("10:50:01", "11:20:01")),
        (timedelta(minutes=21), ("10:51:00", "11:21:00")),
    ],
)
@pytest.mark.parametrize("by", ["loading", "sending"])
def test_a_click_in_messages_renews_the_customer_session_by_that_ones_own_rule(
    reader: Reader, clock: MovableClock, after: timedelta, ends: tuple[str, str], by: str
) -> None:
    clock.set(TEN + after)
    assert (reader.get(PAGE).status_code if by == "loading" else reader.send_probe("send")) in (200, 303)
    assert reader.ends == ends


@pytest.mark.parametrize("by", ["loading", "sending"])
def test_both_sessions_are_renewed_in_one_transaction(
    reader: Reader, clock: MovableClock, statements: Statements, by: str
) -> None:
    clock.advance(minutes=25)
    statements.forget()
    _answer = reader.get(PAGE).status_code if by == "loading" else reader.send_probe("send")
    assert [write.split()[1] for write in statements.writes] == ["sessions", "sessions"]
    assert statements.commits == 1


@pytest.mark.parametrize("name", ["autosave", "read"])
def test_what_a_page_of_messages_sends_by_itself_renews_neither_session(
    reader: Reader, clock: MovableClock, name: str
) -> None:
    clock.advance(minutes=25)
    assert reader.send_probe(name) == 200
    state(reader)
    assert reader.ends == ("10:30:00", "11:00:00")


def test_a_click_in_messages_renews_nobody_elses_customer_session(
    reader: Reader, person: Callable[[str], int], clock: MovableClock
) -> None:
    reader.hold("customer", person_id=person("field"))
    clock.advance(minutes=25)
    assert reader.get(PAGE).status_code == 200
    assert reader.ends == ("10:30:00", "11:25:00")


def test_a_click_outside_messages_does_not_renew_them(reader: Reader, clock: MovableClock) -> None:
    clock.advance(minutes=25)
    reader.get("/")
    assert reader.ends == ("10:55:00", "11:00:00")


def test_messages_end_without_the_customer_session_and_the_customer_session_without_messages(
    reader: Reader, clock: MovableClock
) -> None:
    clock.advance(minutes=30)
    assert state(reader, "customer") == "ended"
    assert reader.get(PAGE).text == "through"
    reader.hold("customer", person_id=reader.person_id)
    clock.advance(minutes=25)
    assert reader.get("/account").status_code == 200
    clock.advance(minutes=35)
    assert state(reader) == "ended"
    assert reader.stored("customer").ended_at is None


def test_a_shorter_time_of_messages_applies_at_the_next_renewal(
    reader: Reader, clock: MovableClock, set_rule: Callable[..., None]
) -> None:
    set_rule(messages_idle_minutes=5)
    clock.advance(minutes=30)
    reader.get(PAGE)
    assert reader.stored("messages").expires_at == TEN + timedelta(minutes=60)
    clock.set(TEN + timedelta(minutes=58))
    reader.get(PAGE)
    assert reader.stored("messages").expires_at == TEN + timedelta(minutes=63)


def wanted(path: str = PAGE) -> str:
    return f"/messages/unlock?next={quote(path, safe='')}"


def test_page_of_messages_without_a_session_leads_to_where_they_are_opened(reader: Reader) -> None:
    reader.client.delete_cookie("session_messages")
    answer = reader.get(f"{PAGE}?a=1")
    assert (answer.status_code, answer.location) == (302, wanted(f"{PAGE}?a=1"))
    script = reader.get(PAGE, headers={"HX-Request": "true"})
    assert (script.status_code, script.headers["HX-Redirect"], script.text) == (401, wanted(), "")
    assert reader.send_probe("send") == 403


def test_page_of_messages_leads_to_sign_in_without_a_person(reader: Reader, app: Flask) -> None:
    sign_in = f"/account/sign-in?next={quote(PAGE, safe='')}"
    stranger = Citizen(app)
    assert stranger.get(PAGE).location == sign_in
    stranger.hold("customer", guest_id="guest")
    assert stranger.get(PAGE).location == sign_in
    reader.client.delete_cookie("session_customer")
    reader.client.delete_cookie("session_messages")
    assert reader.get(PAGE).location == sign_in


def test_messages_that_have_ended_are_explained_for_a_day(reader: Reader, clock: MovableClock) -> None:
    clock.advance(minutes=60)
    reader.hold("customer", person_id=reader.person_id)
    assert reader.get(PAGE).location == "/session/ended?kind=messages"
    clock.advance(hours=24)
    reader.hold("customer", person_id=reader.person_id)
    assert reader.get(PAGE).location == wanted()


def test_pages_of_messages_do_not_exist_for_staff_unless_they_are_signed_in_as_a_customer_too(
    app: Flask, person: Callable[[str], int], reader: Reader
) -> None:
    staff = Citizen(app)
    staff.hold("hub", person_id=person("staff"))
    assert staff.get(PAGE).status_code == 404
    staff.hold("customer", person_id=reader.person_id)
    assert staff.get(PAGE).location == wanted()


def test_guest_in_messages_signs_in_for_what_needs_an_account(app: Flask) -> None:
    guest = Citizen(app)
    guest.hold("messages", guest_id="guest")
    assert guest.get(PAGE).text == "through"
    assert guest.get("/probe/messages/account").location == "/account/sign-in?next=%2Fprobe%2Fmessages%2Faccount"


def test_person_with_messages_alone_is_asked_to_sign_in_elsewhere(reader: Reader) -> None:
    reader.client.delete_cookie("session_customer")
    assert reader.get("/account").location == "/account/sign-in?next=%2Faccount"


def move(reader: Citizen, to: str) -> None:
    reader.client.environ_base["REMOTE_ADDR"] = to


def come_from(reader: Reader, network: str) -> None:
    """Note the network of both sessions, as opening them over HTTP does."""
    with reader.database.writing() as db:
        for row in reader.rows.values():
            db.get_one(SessionRow, row.id).network = network


@pytest.mark.both_databases
def test_messages_end_on_another_network_and_the_customer_session_goes_on(reader: Reader) -> None:
    come_from(reader, HOME)
    move(reader, CAFE)
    assert reader.get(PAGE).location == "/session/ended?kind=messages"
    assert (reader.stored("messages").end_reason, reader.stored("customer").ended_at) == ("network", None)
    assert reader.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("opened", "address", "known", "stays"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2::ffff", "", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", "", False),
        (HOME, "198.51.100.8", "198.51.100.0/24", True),
        (HOME, "198.51.100.8", "", False),
    ],
    ids=["same-64", "other-64", "listed", "ipv4"],
)
def test_messages_stay_open_within_one_network_only(
    app: Flask,
    person: Callable[[str], int],
    set_rule: Callable[..., None],
    opened: str,
    address: str,
    known: str,
    stays: bool,
) -> None:
    set_rule(known_networks=known)
    reader = Reader(app, person("citizen"))
    with app.test_request_context(environ_base={"REMOTE_ADDR": opened}):
        come_from(reader, remote_network(known))
    move(reader, address)
    assert (reader.get(PAGE).status_code == 200) is stays


def test_network_rule_that_asks_for_the_password_asks_where_messages_are_opened(
    reader: Reader, set_rule: Callable[..., None]
) -> None:
    set_rule(messages_network_rule="password")
    come_from(reader, HOME)
    move(reader, CAFE)
    assert reader.get(PAGE).location == wanted()
    script = reader.get("/session/poll?kind=messages", headers={"HX-Request": "true", "HX-Current-URL": PAGE})
    assert (script.status_code, script.headers["HX-Redirect"]) == (401, wanted())
    answer = Page("", reader.post("/probe/messages/send", {"_end": "1"}))
    assert answer.status == 403
    assert answer.links["Enter your password"].startswith("/messages/unlock?next=")
    assert reader.ends == ("10:30:00", "11:00:00")
    move(reader, HOME)
    assert reader.get(PAGE).text == "through"


def test_messages_waiting_for_the_password_lead_to_sign_in_after_the_customer_session(
    reader: Reader, set_rule: Callable[..., None], clock: MovableClock
) -> None:
    set_rule(messages_network_rule="password")
    come_from(reader, HOME)
    move(reader, CAFE)
    clock.advance(minutes=31)
    assert reader.get(PAGE).location == f"/account/sign-in?next={quote(wanted(), safe='')}"


def test_page_after_messages_shows_the_person_and_polls_the_customer_session(
    reader: Reader, clock: MovableClock
) -> None:
    clock.advance(minutes=25)
    reader.get("/")
    clock.advance(minutes=10)
    reader.get("/")
    clock.set(TEN + timedelta(minutes=54))
    reader.get("/")
    clock.set(TEN + timedelta(minutes=61))
    page = reader.open("/session/ended?kind=messages")
    assert "citizen@mail.example" in page
    assert "My Requests" in page.links
    assert "Signed in until 11:24" in page
    assert 'hx-get="/session/poll?kind=customer"' in page.text
    form, _button = page.form_with("Stay signed in")
    assert form.action == "/session/extend?kind=customer"
    assert reader.send("Stay signed in").status_code == 303
    assert reader.stored("customer").expires_at == TEN + timedelta(minutes=91)
    assert page.form_with("Sign out")[0].action == "/account/sign-out?kind=customer"


def test_a_page_after_messages_renews_nothing(reader: Reader, clock: MovableClock) -> None:
    clock.advance(minutes=60)
    row = reader.hold("customer", person_id=reader.person_id)
    clock.advance(minutes=25)
    assert reader.get("/session/ended?kind=messages").status_code == 200
    assert reader.stored("customer").expires_at == row.expires_at
