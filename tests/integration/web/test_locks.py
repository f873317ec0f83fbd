"""Two requests at once that lock the same rows wait for each other, and neither is broken off.

On PostgreSQL two transactions that lock the same rows in another order wait for each other for ever, until the database
breaks one off; on SQLite the second waits before its first statement.
"""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.db import Database
from tests import threads
from tests.citizen import Citizen, Page
from tests.loan import YOU, publish_loan, start
from tests.people import PASSWORD, add_person, sign_in
from tests.statements import sent_between

ADA, NEW_PASSWORD = "ada@mail.example", "staple battery horse"
Pressed = Callable[[], Page]
Deed = Callable[[Citizen, Citizen], Pressed]
"""What a customer does in one browser, or a member of staff in another."""


def other_tab(citizen: Citizen, address: str) -> Citizen:
    """Return another tab of the same browser, in which a page is open."""
    tab = Citizen(citizen.app)
    tab.client = citizen.client
    tab.open(address)
    return tab


def claims(citizen: Citizen, draft: str) -> Pressed:
    """Sign in over the guest's form, and say that it is one's own."""
    sign_in(citizen, ADA)
    assert citizen.page.form_with("Yes")
    return lambda: citizen.press("Yes")


def leaves(citizen: Citizen, draft: str) -> Pressed:
    """Sign in over the guest's form, and say that it is somebody else's."""
    sign_in(citizen, ADA)
    return lambda: citizen.press("No")


def signs_out(citizen: Citizen, draft: str) -> Pressed:
    """Sign in over the guest's form, and never say whose it is."""
    sign_in(citizen, ADA)
    return lambda: citizen.press("Sign out")


def hands_over(citizen: Citizen, draft: str) -> Pressed:
    citizen.open("/resume")
    return lambda: citizen.press("Hand over")


def deletes(citizen: Citizen, draft: str) -> Pressed:
    """Delete the account to which the form was added."""
    sign_in(citizen, ADA)
    citizen.press("Yes")
    citizen.open("/account/delete")
    return lambda: citizen.press("Delete my account")


@pytest.mark.both_databases
@pytest.mark.parametrize("deed", [claims, leaves, signs_out, hands_over, deletes])
def test_continue_in_another_tab_and_what_ends_its_session_do_not_break_each_other_off(
    app: Flask, citizen: Citizen, database: Database, deed: Callable[[Citizen, str], Pressed]
) -> None:
    publish_loan(app)
    add_person(app, ADA)
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU, email=ADA)
    press = deed(citizen, draft)
    tab = other_tab(citizen, f"{draft}/remarks")
    first_lock = r"FROM drafts.*FOR UPDATE|^UPDATE (sessions|drafts)|^DELETE FROM draft_parts"
    with sent_between(database, f"(?s){first_lock}", lambda: tab.press("Continue", remark="Typed here")) as sent:
        page = press()
    assert page.status < 500
    assert sent[0].result(timeout=30).status < 500


@pytest.mark.both_databases
def test_two_pages_that_ask_for_the_password_do_not_break_each_other_off(
    app: Flask, citizen: Citizen, database: Database
) -> None:
    add_person(app, ADA)
    sign_in(citizen, ADA)
    citizen.open("/account/again")
    tab, typed = other_tab(citizen, "/account/password/change"), {"old_password": PASSWORD, "password": NEW_PASSWORD}
    with sent_between(
        database, "(?s)FROM people.*FOR UPDATE|^UPDATE sessions", lambda: tab.press("Save password", **typed)
    ) as sent:
        page = citizen.press("Continue", password=PASSWORD)
    assert page.status < 500
    assert sent[0].result(timeout=30).status < 500


# Messages


def sends(ada: Citizen, _mina: Citizen) -> Pressed:
    return lambda: ada.press("Send", text="It is enclosed.")


def sends_in_another_tab(ada: Citizen, _mina: Citizen) -> Pressed:
    tab = other_tab(ada, ada.page.path)
    return lambda: tab.press("Send", text="Another thing.")


def says_that_it_is_read(ada: Citizen, _mina: Citizen) -> Pressed:
    tab = other_tab(ada, ada.page.path)
    return lambda: tab.press("I have read this")


def saves_by_itself(ada: Citizen, _mina: Citizen) -> Pressed:
    form, _button = ada.page.form_with("Send")
    own = {each.name: each.value for each in form.controls if each.name.startswith("_") or each.name == "csrf_token"}
    typed, address = own | {"text": "Another", "_changed": "text", "_end": "1"}, f"{ada.page.path}/autosave"
    return lambda: Page(address, ada.post(address, typed, headers={"HX-Request": "true"}))


def replies(_ada: Citizen, mina: Citizen) -> Pressed:
    return lambda: mina.press("Send", text="Thank you.")


def closes(_ada: Citizen, mina: Citizen) -> Pressed:
    return lambda: mina.press("Close thread")


def takes_back(_ada: Citizen, mina: Citizen) -> Pressed:
    page = mina.press("Send", text="Thank you.")
    press = {"csrf_token": page.value("csrf_token") or "", "_action": "take_back", "number": "3", "_end": "1"}
    return lambda: Page(page.path, mina.post(page.path, press))


def takes_back_with_a_reason(_ada: Citizen, mina: Citizen) -> Pressed:
    return lambda: mina.press("Take back", reason="it named the wrong month.")


@pytest.mark.both_databases
@pytest.mark.parametrize("beside", [sends_in_another_tab, says_that_it_is_read, saves_by_itself, replies, closes])
@pytest.mark.parametrize("deed", [sends, takes_back, takes_back_with_a_reason])
def test_two_changes_of_a_thread_do_not_break_each_other_off(
    app: Flask, citizen: Citizen, database: Database, deed: Deed, beside: Deed
) -> None:
    ada, mina = add_person(app, ADA), Citizen(app)
    reference = threads.begin(app, ada)
    threads.reply(app, reference, is_visible=True)
    sign_in(citizen, ADA)
    citizen.hold("messages", person_id=ada.id)
    sign_in(mina, add_person(app, "mina@mail.example", "staff").email)
    citizen.open(f"/messages/{reference}")
    mina.open(f"/hub/messages/{reference}")
    first_lock = r"FROM threads.*FOR UPDATE|^INSERT INTO message_drafts|^UPDATE (threads|messages)"
    first, second = deed(citizen, mina), beside(citizen, other_tab(mina, mina.page.path))
    with sent_between(database, f"(?s){first_lock}", second) as sent:
        page = first()
    assert page.status < 500
    assert sent[0].result(timeout=30).status < 500
