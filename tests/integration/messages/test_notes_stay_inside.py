"""Notes of staff stay inside: they are on one page of the hub and in nothing else that leaves the portal.

A canary is in every note. It is looked for in what each address answers to a customer, a guest, a stranger and staff,
in e-mails, exports, logs, and in what is stored in the clear.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Person
from portal.db import Base, Database
from portal.messages.models import Message, MessageDraft, Note, Reading, Thread
from portal.messages.telling import send_message_reminders
from portal.sessions.policies import KINDS
from portal.tokens import masked
from portal.web.declarations import CUSTOMER, HUB, MESSAGES, declaration_of
from tests import threads
from tests.citizen import Citizen, File
from tests.conftest import MovableClock
from tests.files import PDF
from tests.loan import publish_loan, send, start
from tests.people import add_person, sign_in
from tests.post import letters

CANARY = "Canary4711"
NOTE = f"{CANARY} says: do not trust the landlord"
NOTES_PAGE = "/hub/messages/<reference>/notes"
FORM = {
    "text": "A reply",
    "subject": "Heating",
    "topic": "Housing",
    "find": "landlord",
    "format": "csv",
    "number": "3",
    "reason": "it was wrong",
    "note": "Another note",
    "name": "Ada",
    "email": "ada@mail.example",
    "code": "000000",
    "language": "cy",
    "_changed": "text",
    "_page": "p1",
    "_key": "k1",
    "_seen": "99",
    "_end": "1",
}
ACTIONS = ("", "send", "save", "new", "assign", "take_back", "close")
NEVER = {"sessions.extend_session", "static"}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who asks for everything: the sessions that they hold, by kind, opened anew where one has ended."""

    app: Flask
    holds: dict[str, dict[str, object]]

    def browser(self, kind: str | None) -> tuple[Citizen, str]:
        """Return a browser with all of them, and a form token for the session of a kind."""
        browser, token = Citizen(self.app), ""
        rows = {name: browser.hold(name, **holder) for name, holder in self.holds.items()}
        row = rows.get(kind or "") or next(iter(rows.values()), None)
        if row:
            token = masked(row.csrf_secret, str(row.id))
        else:
            token = browser.open("/account/sign-in").value("csrf_token") or ""
        return browser, token


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Two threads with notes, and what their addresses are made of."""

    app: Flask
    ada: Person
    root: Person
    own: str
    guests: str
    case: str
    draft: str
    files: tuple[str, ...]
    link: str

    def values(self) -> Iterator[dict[str, str]]:
        """Yield what stands in addresses."""
        same = {"token": self.link, "section_id": "you", "item_id": "abcd2345", "slug": "tool-loan", "tab": "messages"}
        for reference in (self.own, self.guests, self.case, self.draft):
            for file in self.files:
                yield same | {"reference": reference, "file_id": file}

    def visitors(self) -> dict[str, Visitor]:
        """Return who asks from outside."""
        guest_id = threads.guest_of(self.app, self.guests)
        return {
            "customer": Visitor(
                app=self.app, holds={CUSTOMER: {"person_id": self.ada.id}, MESSAGES: {"person_id": self.ada.id}}
            ),
            "guest": Visitor(app=self.app, holds={CUSTOMER: {"guest_id": guest_id}, MESSAGES: {"guest_id": guest_id}}),
            "stranger": Visitor(app=self.app, holds={}),
        }


@pytest.fixture
def scene(app: Flask, citizen: Citizen, clock: MovableClock) -> Scene:
    publish_loan(app)
    ada, root = add_person(app), add_person(app, "root@council.example", "administrator")
    sign_in(citizen)
    draft = start(citizen).rpartition("/")[2]
    case = send(citizen, news="yes", topic="Lathes", email="ada@mail.example")
    citizen.hold(MESSAGES, person_id=ada.id)
    citizen.open("/messages/new")
    citizen.press("Send", topic=f"case:{case}", subject="My form", text="When?", files=File("rent.pdf", PDF))
    own, file = citizen.page.path.rpartition("/")[2], citizen.page.links["rent.pdf"].rpartition("/")[2]
    guests = threads.begin(app)
    for reference in (own, guests):
        threads.note(app, reference, NOTE)
        threads.reply(app, reference)
    write_by_hand(app, own)
    clock.advance(seconds=30)
    link = threads.link_to(app, guests)
    return Scene(app=app, ada=ada, root=root, own=own, guests=guests, case=case, draft=draft, files=(file,), link=link)


def write_by_hand(app: Flask, reference: str) -> None:
    """Write a note as staff do, and one that is refused, so that the page shows it again."""
    staff = Citizen(app)
    sign_in(staff, "root@council.example")
    staff.open(f"/hub/messages/{reference}/notes")
    assert CANARY in staff.press("Add note", note=f"{NOTE}, either")
    assert staff.press("Add note", note=NOTE + "x" * 4000).status == 422


def addresses(scene: Scene) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield the rule, the method, the address and the kind of session of everything that can be asked for."""
    for rule in scene.app.url_map.iter_rules():
        if rule.endpoint in NEVER:
            continue
        kind = declaration_of(scene.app.view_functions[rule.endpoint]).door.kind
        for path in dict.fromkeys(_built(rule, values) for values in scene.values()):
            method = "POST" if "POST" in (rule.methods or ()) else "GET"
            yield rule.rule, method, path, kind if kind in KINDS else CUSTOMER


def _built(rule: object, values: dict[str, str]) -> str:
    named = {name: values.get(name, "1") for name in rule.arguments} | dict(rule.defaults or {})  # type: ignore[attr-defined]
    built = rule.build(named, append_unknown=False)  # type: ignore[attr-defined]
    assert built is not None, rule
    return str(built[1])


def leaks(visitor: Visitor, scene: Scene) -> set[str]:
    """Return the rules whose answers hold the canary."""
    found = set()
    for rule, method, path, kind in addresses(scene):
        headers = {"HX-Request": "true"} if "/autosave" in rule or "/poll" in rule else {}
        for action in ACTIONS if method == "POST" and "/messages/" in rule else ("",):
            browser, token = visitor.browser(kind)
            form = FORM | {"csrf_token": token, "_action": action} if method == "POST" else None
            answer = browser.client.open(path, method=method, data=form, headers=headers)
            if CANARY.encode() in answer.data or CANARY in str(answer.headers):
                found.add(rule)
            answer.close()
    return found


@pytest.mark.one_database
@pytest.mark.parametrize("who", ["customer", "guest", "stranger"])
def test_no_answer_to_somebody_outside_holds_a_note(scene: Scene, who: str, caplog: pytest.LogCaptureFixture) -> None:
    assert leaks(scene.visitors()[who], scene) == set()
    assert CANARY not in caplog.text


def test_staff_read_notes_on_their_own_page_and_in_no_export(scene: Scene) -> None:
    """Their own page shows that a leak would be found."""
    staff = Visitor(app=scene.app, holds={HUB: {"person_id": scene.root.id}})
    assert leaks(staff, scene) == {NOTES_PAGE}


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_exports_of_cases_and_of_the_audit_log_hold_no_note(scene: Scene, ending: str) -> None:
    staff = Citizen(scene.app)
    sign_in(staff, "root@council.example")
    for page, told in (("/hub", scene.case), ("/admin/self/audit", scene.own)):
        token = staff.open(page).value("csrf_token") or ""
        path = "/hub/export" if page == "/hub" else page
        with staff.post(path, {"csrf_token": token, "format": ending, "status": "all", "_end": "1"}) as answer:
            assert answer.status_code == 200
            assert told.encode() in answer.data
            assert CANARY.encode() not in answer.data


def test_no_e_mail_holds_a_note(app: Flask, scene: Scene, clock: MovableClock) -> None:
    clock.advance(days=4)
    with threads.at_desk(app) as desk:
        while send_message_reminders(desk.db, now=desk.now):
            desk.db.flush()
    found = [f"{letter.subject} {letter.lines}" for letter in letters(app)]
    assert len(found) >= 4
    assert not [letter for letter in found if CANARY in letter]


def test_notes_are_stored_encrypted_and_stand_in_no_other_table(app: Flask, scene: Scene, database: Database) -> None:
    with database.reading() as db:
        rows = {table.name: map(repr, db.execute(select(table))) for table in Base.metadata.sorted_tables}
        assert {name for name, found in rows.items() if any(CANARY in row for row in found)} == set()
    folder = app.extensions["portal"].configuration.data_dir
    stored = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not [content for content in stored if CANARY.encode() in content]


def test_nothing_leads_from_a_thread_or_a_message_to_a_note() -> None:
    """A page for customers is built by queries that cannot name the table."""
    for model in (Thread, Message, MessageDraft, Reading, Note):
        assert list(model.__mapper__.relationships) == []
