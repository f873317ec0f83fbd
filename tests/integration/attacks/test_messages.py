"""Other people's messages, and what no page of messages sends: nothing is shown, nothing changes, nothing breaks."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from portal.audit import AuditEvent
from portal.db import Base, Database
from portal.messages.guests import CODE_COOKIE
from portal.messages.sealing import message_place
from portal.sessions.browser_sessions import cookie_name
from portal.sessions.models import SessionRow
from portal.storage.models import StoredFile
from portal.storage.operations import rekey_file
from portal.web.declarations import MESSAGES, declaration_of
from portal.web.strict_input import MAX_BODY
from tests import threads
from tests.citizen import Citizen, File, Page
from tests.conftest import MovableClock, Prepared
from tests.files import PDF
from tests.people import add_person, sign_in

NOT_CHANGED = {"audit_events", "counters", "limits", "sessions"}
"""Tables in which a request may leave a trace of itself."""
WORDS = ("private words", "my draft", "Proof of my rent", "sent.pdf", "draft.pdf")
HTMX = {"HX-Request": "true"}
FORGED = ["0", "-1", "1", "2", "99", "9" * 18, "9" * 19, "9" * 5000, "1e3", "١", "x", "", "1 OR 1=1", "\x00", "💥"]


class Victim:
    """Ada, who has a thread with a file of hers and one of ours, and a draft with a file."""

    def __init__(self, app: Flask, browser: Citizen) -> None:
        self.browser = browser
        ada = add_person(app)
        sign_in(browser)
        browser.hold(MESSAGES, person_id=ada.id)
        self.thread = f"/messages/{threads.begin(app, ada, text='private words')}"
        browser.open(self.thread)
        browser.press("Send", text="private words too", files=[File("sent.pdf", PDF), File("ours.pdf", PDF)])
        browser.open(self.thread)
        browser.press("Save and come back later", text="my draft", files=File("draft.pdf", PDF))
        reply = threads.reply(app, self.thread.rpartition("/")[2], "private words of staff", is_visible=True)
        page = browser.open(self.thread)
        self.files = [page.links["sent.pdf"], page.links["draft.pdf"], page.links["ours.pdf"]]
        with threads.at_desk(app) as desk:
            ours = desk.db.scalars(select(StoredFile).where(StoredFile.name == file_id(self.files[2]))).one()
            rekey_file(desk.db, ours, work=ours.work, place=message_place(reply.number), keyring=desk.keyring)


def file_id(address: str) -> str:
    return address.rpartition("/")[2]


@pytest.fixture
def victim(app: Flask, citizen: Citizen, prepared: Prepared) -> Victim:
    return prepared(lambda: Victim(app, citizen), citizen)


def all_rows(database: Database, but: set[str] = NOT_CHANGED) -> dict[str, list[Any]]:
    """Return every row of every table, but for those that each request may change."""
    with database.reading() as db:
        return {
            table.name: sorted(map(repr, db.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
            if table.name not in but
        }


def stranger(app: Flask, _database: Database) -> Citizen:
    return Citizen(app)


def person(app: Flask, _database: Database) -> Citizen:
    eve = Citizen(app)
    sign_in(eve, add_person(app, "eve@mail.example").email)
    return eve


def reader(app: Flask, database: Database) -> Citizen:
    eve = person(app, database)
    eve.press("Messages")
    return eve


def guest(app: Flask, _database: Database) -> Citizen:
    eve = Citizen(app)
    eve.hold(MESSAGES, guest_id=threads.guest_of(app, threads.begin(app, email="eve@mail.example")))
    return eve


def staff(app: Flask, _database: Database) -> Citizen:
    mina = Citizen(app)
    sign_in(mina, add_person(app, "mina@mail.example", "administrator").email)
    return mina


def token_of(thief: Citizen) -> str:
    """Return a form token that is right for the messages session of a browser, where it has one."""
    page = thief.open("/messages")
    return page.value("csrf_token") or ""


@pytest.mark.parametrize("thief", [stranger, person, reader, guest, staff])
def test_nobody_else_sees_or_changes_a_thread(
    app: Flask, victim: Victim, database: Database, thief: Callable[[Flask, Database], Citizen]
) -> None:
    eve = thief(app, database)
    token = token_of(eve)
    known = (404,) if thief in (reader, guest) else (404, 302)
    before = all_rows(database)
    pages = [victim.thread, victim.thread.lower(), f"{victim.thread}/", *victim.files]
    for page in [*pages, f"/messages/new/files/{file_id(victim.files[1])}"]:
        answer = eve.client.get(page)
        assert answer.status_code in (*known, 302), page
        assert not [word for word in WORDS if word in answer.text], page
    form = {"csrf_token": token, "text": "Mallory", "_action": "send", "_changed": "text", "number": "9", "_end": "1"}
    for address in ("", "/autosave", "/autosave/files", "/read"):
        for late in ({}, {"_seen": "9", "_revision": "1", "_key": "x"}, {"_action": "new"}):
            fields = form | late | {"files": (BytesIO(PDF), "eve.pdf")}
            headers = HTMX if "autosave" in address else {}
            answer = eve.client.post(f"{victim.thread}{address}", data=fields, headers=headers)
            answer.request.environ["wsgi.input"].close()
            assert answer.status_code in (401, 403, 404), (address, answer.status_code)
            assert not [word for word in WORDS if word in answer.text], address
    assert all_rows(database) == before


def test_strangers_cannot_tell_a_thread_that_exists_from_one_that_does_not(
    app: Flask, victim: Victim, database: Database
) -> None:
    for thief in (stranger, reader, guest):
        eve = thief(app, database)
        theirs, missing = (eve.client.get(address) for address in (victim.thread, "/messages/MS-2222-2222"))
        assert theirs.status_code == missing.status_code
        assert (theirs.location or "").replace(victim.thread[-12:], "") == (missing.location or "").replace(
            "MS-2222-2222", ""
        )


def test_guest_begins_no_thread_and_takes_no_words_to_a_new_one(app: Flask, database: Database) -> None:
    eve = guest(app, database)
    own = next(link for link in eve.open("/messages").links.values() if link.startswith("/messages/MS-"))
    token, before = eve.open(own).value("csrf_token") or "", all_rows(database)
    for address in ("/messages/new", "/messages/new/autosave", "/messages/new/autosave/files"):
        headers = HTMX if "autosave" in address else {}
        fields = {"csrf_token": token, "text": "x", "subject": "x", "topic": "Housing", "_changed": "text"}
        answer = eve.client.post(address, data=fields | {"_action": "send", "_end": "1"}, headers=headers)
        assert answer.status_code in (401, 403, 404), address
    assert all_rows(database) == before
    answer = eve.post(own, {"csrf_token": token, "text": "x", "_action": "new", "_end": "1"})
    assert answer.status_code == 409
    assert eve.get("/messages/new").location.startswith("/account/sign-in")


def own_form(page: Page) -> dict[str, str]:
    form, _button = page.form_with("Send")
    return {each.name: each.value for each in form.controls if each.name != "files"}


@pytest.mark.parametrize("value", FORGED)
@pytest.mark.parametrize("name", ["number", "_seen", "_key", "_revision", "_sequence", "_page"])
def test_forged_number_breaks_nothing(victim: Victim, database: Database, name: str, value: str) -> None:
    ada = victim.browser
    form = own_form(ada.open(victim.thread)) | {name: value}
    for address, action in (("/read", ""), ("/autosave", ""), ("", "save"), ("", "send")):
        headers = HTMX if address == "/autosave" else {}
        fields = form | {"_action": action, "_changed": "text", "text": "typed here", "_end": "1"}
        answer = ada.post(f"{victim.thread}{address}", fields, headers=headers)
        assert answer.status_code < 500, (address, action, answer.status_code)
    with database.reading() as db:
        assert db.scalar(select(Base.metadata.tables["threads"].c.last_number)) in (3, 4)


@pytest.mark.parametrize("value", FORGED)
def test_forged_page_of_the_list_breaks_nothing(app: Flask, victim: Victim, value: str) -> None:
    other = threads.begin(app, email="eve@mail.example")
    ada = victim.browser
    for before in (value, other, victim.thread.rpartition("/")[2]):
        assert ada.client.get("/messages", query_string={"before": before}).status_code == 200
        assert ada.client.get("/messages/new", query_string={"case": before}).status_code == 200


def test_number_beyond_the_last_message_reads_what_is_there_and_nothing_that_is_not_shown(
    app: Flask, victim: Victim, database: Database, clock: MovableClock
) -> None:
    ada = victim.browser
    threads.reply(app, victim.thread.rpartition("/")[2], "not visible yet")
    token = ada.open(victim.thread).value("csrf_token") or ""
    assert ada.post(f"{victim.thread}/read", {"csrf_token": token, "number": "9" * 9, "_end": "1"}).status_code == 303
    clock.advance(seconds=30)
    assert "1 new" in ada.open("/messages")


def test_long_text_is_kept_and_never_sent(victim: Victim, database: Database) -> None:
    ada = victim.browser
    form = own_form(ada.open(victim.thread))
    fields = form | {"text": "x" * 900_000, "_action": "send", "_changed": "text", "_end": "1"}
    answer = ada.post(victim.thread, fields)
    assert answer.status_code == 422
    assert ada.open(victim.thread).value("text") == "x" * 900_000
    for fields in ({"text": "a" * MAX_BODY}, {f"f{number}": "x" for number in range(5000)}):
        assert ada.post(victim.thread, form | fields | {"_end": "1"}).status_code == 413
        assert ada.post(f"{victim.thread}/autosave", form | fields | {"_end": "1"}, headers=HTMX).status_code == 413


def test_codes_open_only_what_they_were_mailed_for(app: Flask, database: Database) -> None:
    hers, his = threads.begin(app, email="zoe@mail.example"), threads.begin(app, email="eve@mail.example")
    code, other = threads.code_for(app, hers), threads.code_for(app, his)
    eve = with_code(app, other)
    if code.digits != other.digits:
        assert eve.press("Continue", code=code.digits).status == 422
    assert eve.press("Continue", code=other.digits).path == f"/messages/{his}"
    assert eve.get(f"/messages/{hers}").status_code == 404


def with_code(app: Flask, code: threads.Code, address: str = "127.0.0.1") -> Citizen:
    """Return a browser that has what the press on a mailed link leaves, on the page that asks for the code."""
    browser = Citizen(app, address)
    with app.test_request_context():
        browser.client.set_cookie(cookie_name(CODE_COOKIE), code.cookie)
    browser.open("/messages/code")
    return browser


def test_tries_at_a_code_are_counted_across_networks(app: Flask, clock: MovableClock) -> None:
    thread = threads.begin(app)
    code = threads.code_for(app, thread)
    wrong = "000000" if code.digits != "000000" else "111111"
    tabs = [with_code(app, code, f"198.51.100.{number}") for number in range(1, 7)]
    assert [tab.press("Continue", code=wrong).status for tab in tabs] == [422] * 5 + [429]
    for minute in range(2):
        page = tabs[minute].press("Continue", code=code.digits)
        assert page.status == 429
        assert "Wait" in page
        clock.advance(seconds=80)
    clock.advance(seconds=20)
    assert tabs[0].press("Continue", code=wrong).status == 422
    assert tabs[1].press("Continue", code=code.digits).status == 429
    clock.advance(minutes=3)
    assert tabs[2].press("Continue", code=code.digits).path == f"/messages/{thread}"


def test_browsers_that_share_a_code_share_its_tries_in_the_end(app: Flask) -> None:
    """Whoever has the link can press it in as many browsers as they like: the thread counts their tries, too."""
    thread = threads.begin(app)
    link = threads.link_to(app, thread)
    statuses = []
    for number in range(14):
        browser = Citizen(app, f"198.51.100.{number}")
        browser.open(f"/messages/open/{link}")
        browser.press("Open messages")
        statuses += [browser.press("Continue", code=f"{number:05}{each}").status for each in range(4)]
    assert statuses.count(422) <= 50
    assert statuses[-1] == 429


def _gets(app: Flask, values: dict[str, str]) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            named = {name: values.get(name, "1") for name in rule.arguments} | dict(rule.defaults or {})
            built = rule.build(named, append_unknown=False)
            assert built is not None, rule
            yield rule, built[1]


def test_no_safe_request_changes_more_than_a_session(app: Flask, victim: Victim, database: Database) -> None:
    hers = threads.begin(app)
    threads.reply(app, hers, is_visible=True)
    visitor = Citizen(app)
    visitor.hold(MESSAGES, guest_id=threads.guest_of(app, hers))
    before = all_rows(database, {"sessions", "counters", "limits"})
    for browser, reference in ((victim.browser, victim.thread[-12:]), (visitor, hers), (Citizen(app), hers)):
        values = {
            "reference": reference,
            "token": threads.link_to(app, hers),
            "file_id": file_id(victim.files[0]),
            "section_id": "you",
            "item_id": "abcd2345",
        }
        before = all_rows(database, {"sessions", "counters", "limits"})
        for rule, path in _gets(app, values):
            if rule.rule.startswith("/admin/") or path.startswith("/static"):
                continue
            for method in ("HEAD", "GET", "HEAD"):
                browser.client.open(path, method=method).close()
            assert all_rows(database, {"sessions", "counters", "limits"}) == before, path
    assert before["readings"] == []
    with database.reading() as db:
        assert db.scalars(select(AuditEvent).where(AuditEvent.action.startswith("message"))).all() != []


def test_file_is_counted_when_it_is_downloaded_and_not_when_its_headers_are_asked_for(
    app: Flask, victim: Victim, database: Database
) -> None:
    ada = victim.browser
    for address in victim.files:
        ada.client.head(address).close()
    assert all_rows(database)["readings"] == []
    ada.client.get(victim.files[0]).close()
    assert all_rows(database)["readings"] == []
    ada.client.get(victim.files[2]).close()
    assert len(all_rows(database)["readings"]) == 1


def test_doors_of_messages_need_their_kind_of_session(app: Flask) -> None:
    """Whatever begins with the address of messages is opened in a session of messages, but for the ways in."""
    doors = {
        rule.rule: declaration_of(app.view_functions[rule.endpoint]).door
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/messages")
    }
    others = {address for address, door in doors.items() if not (door.kind == MESSAGES and door.session)}
    assert others == {"/messages/unlock", "/messages/code", "/messages/open", "/messages/open/<mailed:token>"}


def test_opening_messages_again_and_again_leaves_one_session(app: Flask, database: Database) -> None:
    ada = Citizen(app)
    sign_in(ada, add_person(app).email)
    for _ in range(3):
        ada.client.delete_cookie("session_messages")
        ada.open("/account")
        ada.press("Messages")
    with database.reading() as db:
        rows = db.scalars(select(SessionRow).where(SessionRow.kind == MESSAGES)).all()
        assert len([row for row in rows if row.ended_at is None]) == 1


def test_rows_of_sessions_are_limited_for_those_who_are_right(
    app: Flask, database: Database, clock: MovableClock
) -> None:
    ada = Citizen(app)
    sign_in(ada, add_person(app).email)
    statuses = []
    for _ in range(62):
        ada.client.delete_cookie("session_messages")
        ada.open("/account")
        statuses.append(ada.press("Messages").status)
    assert statuses == [200] * 60 + [429] * 2
    clock.advance(minutes=1)
    ada.open("/account")
    assert ada.press("Messages").status == 200


def test_a_code_that_is_taken_again_opens_no_more_than_thirty_sessions(app: Flask, database: Database) -> None:
    code = threads.code_for(app, threads.begin(app))
    statuses = [with_code(app, code).press("Continue", code=code.digits).status for _ in range(31)]
    assert statuses == [200] * 30 + [429]
