"""Sending: once whatever is pressed, never past a newer message, and nothing lost on the way."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import Database
from portal.messages import views
from portal.messages.models import Message, MessageDraft, Thread
from portal.messages.operations import close_thread
from portal.web.limits import use_try
from tests.citizen import Citizen, File
from tests.conftest import MovableClock
from tests.files import PDF
from tests.integration.messages.conftest import Reply, row_of, seen_soon, texts, write
from tests.threads import at_desk, stored

AUTOSAVE = {"HX-Request": "true"}


def hidden(citizen: Citizen) -> dict[str, str]:
    """Return the hidden inputs of the form that sends a message, as served."""
    form, _button = citizen.page.form_with("Send")
    return {control.name: control.value for control in form.controls}


def numbers(database: Database, model: type = Message) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b"])
def test_empty_message_is_not_sent(ada: Citizen, thread: str, database: Database, text: str) -> None:
    ada.open(thread)
    page = ada.press("Send", text=text)
    assert page.status == 422
    assert "Write your message" in page
    assert numbers(database) == 1


def test_text_of_5001_characters_is_kept_and_not_sent(ada: Citizen, thread: str, database: Database) -> None:
    ada.open(thread)
    page = ada.press("Send", text="é" * 5001)
    assert page.status == 422
    assert "Your message must be 5,000 characters or fewer" in page
    assert page.value("text") == "é" * 5001
    assert ada.open(thread).value("text") == "é" * 5001
    assert ada.press("Send", text="x" * 100_000).value("text") == "x" * 100_000
    assert ada.press("Send", text="é" * 5000).status == 200
    assert numbers(database) == 2


def test_topic_that_is_not_offered_is_refused_and_the_text_kept(ada: Citizen, database: Database) -> None:
    ada.open("/messages/new")
    for topic in ("Taxes", "case:HS-2222-2222", ""):
        page = ada.press("Send", topic=topic, subject="My tax", text="Too much")
        assert page.status == 422
        assert "Choose what your message is about" in page
        assert page.value("text") == "Too much"
    assert numbers(database, Thread) == 0


def test_new_message_needs_a_subject(ada: Citizen) -> None:
    assert "Enter a subject" in write(ada, topic="Housing", subject=" ", text="Hello")
    assert "The subject must be 150 characters or fewer" in ada.press("Send", subject="x" * 151)
    assert ada.press("Send", subject="x" * 150).heading == "x" * 150


def test_message_about_a_case_names_it(ada: Citizen, case: str, database: Database) -> None:
    page = write(ada, topic=f"case:{case}", subject="My form", text="When?")
    assert case in page
    assert row_of(database, page.path).submission_id is not None


def test_case_of_somebody_else_is_no_topic(app: Flask, ada: Citizen, case: str) -> None:
    from tests.people import add_person

    eve = Citizen(app)
    eve.hold("messages", person_id=add_person(app, "eve@mail.example").id)
    page = write(eve, topic=f"case:{case}", subject="Her form", text="When?")
    assert page.status == 422
    assert "Choose what your message is about" in page


def test_pressing_send_twice_makes_one_message(ada: Citizen, thread: str, database: Database) -> None:
    ada.open(thread)
    first = ada.send("Send", text="Here it is")
    second = ada.send("Send", text="Here it is")
    assert (first.status_code, second.status_code) == (303, 303)
    assert numbers(database) == 2


def test_two_tabs_with_one_draft_make_one_message(ada: Citizen, thread: str, database: Database) -> None:
    other = ada.tab()
    ada.open(thread)
    other.open(thread)
    assert ada.press("Send", text="Here it is").status == 200
    assert other.press("Send", text="Here it is").status == 200
    assert numbers(database) == 2


def test_other_words_from_a_second_tab_are_not_lost_and_not_sent_unseen(
    ada: Citizen, thread: str, database: Database
) -> None:
    other = ada.tab()
    ada.open(thread)
    other.open(thread)
    ada.press("Send", text="Here it is")
    page = other.press("Send", text="One thing more")
    assert page.status == 409
    assert "There is a newer message. We have not sent yours." in page
    assert page.links["See why, and what to do"] == "#not-sent"
    assert "Here it is" in texts(page)
    assert page.value("text") == "One thing more"
    assert other.press("Send anyway").status == 200
    assert texts(other.open(thread)) == ["What do you need?", "Here it is", "One thing more"]


def test_message_that_the_page_had_not_shown_stops_send(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    ada.open(thread)
    reply(thread, "We have it already.")
    seen_soon(clock)
    page = ada.press("Send", text="Here it is")
    assert page.status == 409
    assert "We have it already." in texts(page)
    assert page.value("text") == "Here it is"
    assert ada.press("Keep as draft").path == "/messages"
    assert ada.open(thread).value("text") == "Here it is"
    assert numbers(database) == 2


def test_reply_that_is_not_visible_yet_stops_nothing(ada: Citizen, thread: str, reply: Reply) -> None:
    ada.open(thread)
    reply(thread)
    assert ada.press("Send", text="Here it is").status == 200


def test_reply_that_became_visible_before_ones_own_last_message_stops_send(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    """She wrote while it was not visible yet, so its number is lower than that of her message, which the page shows."""
    reply(thread)
    ada.open(thread)
    ada.press("Send", text="One thing more")
    assert texts(ada.page) == ["What do you need?", "One thing more"]
    assert ada.press("Send", text="And another").status == 200
    seen_soon(clock)
    page = ada.press("Send", text="And a last one")
    assert page.status == 409
    assert texts(page) == ["What do you need?", "A rent statement, please.", "One thing more", "And another"]
    assert ada.press("Send anyway").status == 200
    assert numbers(database) == 5


@pytest.mark.both_databases
def test_nobody_fills_our_mailboxes_with_messages(
    app: Flask, ada: Citizen, thread: str, database: Database, clock: MovableClock
) -> None:
    limit = views.SENT.burst
    with app.test_request_context():
        use_try([(views.SENT, "person:1")], now=clock.now(), number=limit - 1)
    for address in ("/messages/new", thread):
        ada.open(address)
        words = {"text": "Hello?"} if address == thread else {"topic": "Housing", "subject": "Hello", "text": "Hello?"}
        page = ada.press("Send", **words)
        assert page.status == 429
        assert page.headers["Retry-After"] == "300"
        assert "Wait 5 minutes and try again." in page
        assert page.value("text") == "Hello?"
    assert numbers(database) == 1
    assert ada.open(thread).value("text") == "Hello?"
    clock.advance(minutes=5)
    ada.open(thread)
    assert ada.press("Send").status == 200


@pytest.mark.both_databases
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "reply"])
def test_twenty_parallel_sends_make_one_message(
    app: Flask, ada: Citizen, thread: str, database: Database, is_new: bool
) -> None:
    ada.open("/messages/new" if is_new else thread)
    fields = {**hidden(ada), "_action": "send", "text": "Here it is"}
    if is_new:
        fields |= {"topic": "Housing", "subject": "Another thing"}
    cookies = [ada.client.get_cookie(name) for name in ("session_customer", "session_messages")]
    together = threading.Barrier(20)

    def press(_number: int) -> int:
        client = app.test_client()
        for cookie in cookies:
            if cookie:
                client.set_cookie(cookie.key, cookie.value)
        together.wait()
        return client.post(ada.page.path, data=fields).status_code

    before = numbers(database), numbers(database, Thread)
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(press, range(20)))
    assert set(statuses) == {303}
    assert (numbers(database), numbers(database, Thread)) == (before[0] + 1, before[1] + is_new)
    assert numbers(database, MessageDraft) == 0


def test_page_of_an_older_session_shows_the_text_again(ada: Citizen, thread: str, database: Database) -> None:
    ada.open(thread)
    page = ada.press("Send", text="Here it is", csrf_token="f" * 80)
    assert page.status == 409
    assert "This page was out of date." in page
    assert page.value("text") == "Here it is"
    assert numbers(database) == 1
    assert ada.press("Send").status == 200
    assert numbers(database) == 2


def test_text_that_was_changed_in_another_tab_is_shown_beside_ones_own(
    ada: Citizen, thread: str, clock: MovableClock
) -> None:
    other = ada.tab()
    ada.open(thread)
    other.open(thread)
    other.press("Save and come back later", text="From the other tab")
    page = ada.press("Save and come back later", text="From this tab")
    assert page.status == 409
    assert "From the other tab" in page
    assert page.value("text") == "From this tab"
    assert ada.press("Keep as draft").path == "/messages"
    assert ada.open(thread).value("text") == "From this tab"


def test_autosave_keeps_what_is_typed_and_is_no_activity(
    ada: Citizen, thread: str, clock: MovableClock, database: Database
) -> None:
    ada.open(thread)
    clock.advance(minutes=59)
    answer = ada.post(
        f"{thread}/autosave", {**hidden(ada), "text": "Here", "_changed": "text", "_sequence": "1"}, headers=AUTOSAVE
    )
    assert answer.status_code == 200
    assert 'data-revision="1"' in answer.text
    clock.advance(minutes=1)
    assert ada.get(thread).location == "/session/ended?kind=messages"


def test_autosave_of_a_page_that_another_has_overtaken_is_refused(ada: Citizen, thread: str) -> None:
    other = ada.tab()
    ada.open(thread)
    other.open(thread)
    other.press("Save and come back later", text="From the other tab")
    typed = {**hidden(ada), "text": "From this tab", "_changed": "text", "_sequence": "1"}
    assert ada.post(f"{thread}/autosave", typed, headers=AUTOSAVE).status_code == 409
    assert ada.open(thread).value("text") == "From the other tab"


def test_autosave_that_arrives_late_does_not_undo_a_newer_one(ada: Citizen, thread: str) -> None:
    ada.open(thread)
    typed = {**hidden(ada), "_changed": "text"}
    for sequence, text in (("2", "Here it is"), ("1", "Here")):
        answer = ada.post(f"{thread}/autosave", {**typed, "text": text, "_sequence": sequence}, headers=AUTOSAVE)
        assert answer.status_code == 200
    assert ada.open(thread).value("text") == "Here it is"


def test_new_message_is_autosaved_field_by_field(ada: Citizen) -> None:
    ada.open("/messages/new")
    typed = hidden(ada)
    for number, (name, value) in enumerate({"subject": "My rent", "topic": "Housing", "text": "Hello"}.items(), 1):
        sent = {**typed, name: value, "_changed": name, "_sequence": str(number)}
        assert ada.post("/messages/new/autosave", sent, headers=AUTOSAVE).status_code == 200
    page = ada.open("/messages/new")
    assert [page.value(name) for name in ("subject", "topic", "text")] == ["My rent", "Housing", "Hello"]


def test_files_are_sent_with_the_message(ada: Citizen, thread: str) -> None:
    ada.open(thread)
    page = ada.press("Send", text="Here it is", files=File("rent.pdf", PDF))
    assert page.status == 200
    with ada.get(page.links["rent.pdf"]) as answer:
        assert answer.data == PDF


def test_file_of_a_wrong_type_is_named_and_the_rest_kept(ada: Citizen, thread: str, database: Database) -> None:
    ada.open(thread)
    files = [File("rent.pdf", PDF), File("virus.exe", b"MZ" + b"x" * 100)]
    page = ada.press("Send", text="Here it is", files=files)
    assert page.status == 422
    assert "“virus.exe” was not added: it must be PDF, JPG or PNG" in page
    assert "rent.pdf" in page.links
    assert page.value("text") == "Here it is"
    assert ada.press("Send without it").status == 200
    assert "rent.pdf" in ada.page.links
    assert numbers(database) == 2


def test_sixth_file_is_refused(ada: Citizen, thread: str) -> None:
    ada.open(thread)
    files = [File(f"{number}.pdf", PDF) for number in range(6)]
    page = ada.press("Send", text="Here they are", files=files)
    assert page.status == 422
    assert "“5.pdf” was not added: you can add only 5" in page
    assert "4.pdf" in page.links


def test_removed_file_is_not_sent_and_can_be_brought_back(ada: Citizen, thread: str) -> None:
    ada.open(thread)
    ada.press("Save and come back later", text="Here", files=File("rent.pdf", PDF))
    ada.open(thread)
    page = ada.press("Remove rent.pdf")
    assert "You removed rent.pdf." in page
    assert page.value("text") == "Here"
    ada.press("Undo")
    page = ada.press("Send")
    assert "rent.pdf" in page.links


def test_script_adds_and_removes_files_without_leaving_the_page(ada: Citizen, thread: str) -> None:
    from io import BytesIO

    ada.open(thread)
    served = {name: value for name, value in hidden(ada).items() if name in ("csrf_token", "_page", "_sequence")}
    sent = {**served, "_changed": "files", "files": (BytesIO(PDF), "rent.pdf"), "_end": "1"}
    answer = ada.post(f"{thread}/autosave/files", sent, headers=AUTOSAVE, content_type="multipart/form-data")
    assert answer.status_code == 200
    assert "rent.pdf" in answer.text
    assert 'data-saved="14:02"' in answer.text
    assert "rent.pdf" in ada.open(thread).links


def test_closed_thread_takes_no_reply_and_carries_the_words_to_a_new_message(
    ada: Citizen, thread: str, database: Database, app: Flask
) -> None:
    ada.open(thread)
    close(app, database, thread)
    page = ada.press("Send", text="Here it is", files=File("rent.pdf", PDF))
    assert page.status == 409
    assert "We closed this conversation on" in page
    assert "Here it is" in page
    page = ada.press("Write a new message")
    assert page.path == "/messages/new"
    assert page.value("text") == "Here it is"
    assert page.value("subject") == "Proof of my rent"
    assert page.value("topic") == "Housing"
    assert "rent.pdf" in page.links
    assert texts(ada.press("Send")) == ["Here it is"]


def close(app: Flask, database: Database, thread: str) -> None:
    from portal.messages.operations import close_thread, desk_at
    from portal.messages.queries import thread_by_reference
    from portal.site_settings.queries import current_settings

    with app.test_request_context(), database.writing() as db:
        found = thread_by_reference(db, thread.rpartition("/")[2], locked=True)
        assert found is not None
        close_thread(desk_at(db, current_settings(db), now=app.extensions["portal"].clock.now()), found)


@pytest.mark.both_databases
def test_files_of_two_drafts_that_come_together_are_sent_while_there_is_room(
    app: Flask, ada: Citizen, thread: str
) -> None:
    ada.open("/messages/new")
    ada.press("Save and come back later", files=[File(f"new-{number}.pdf", PDF) for number in range(3)])
    ada.open(thread)
    ada.press("Save and come back later", text="Here", files=[File(f"reply-{number}.pdf", PDF) for number in range(3)])
    with at_desk(app) as desk:
        close_thread(desk, stored(desk, thread.rpartition("/")[2]))
    ada.open(thread)
    assert ada.press("Write a new message").path == "/messages/new"
    page = ada.press("Send")
    assert page.status == 422
    assert "was not added: you can add only 5" in page
    page = ada.press("Send without it")
    assert page.path.startswith("/messages/MS-")
    assert sum("/files/" in address for address in page.links.values()) == 5


def test_page_of_a_closed_thread_has_no_text_area(ada: Citizen, thread: str, database: Database, app: Flask) -> None:
    close(app, database, thread)
    page = ada.open(thread)
    assert page.value("text") is None
    assert "Write a new message" in page.links


def test_page_says_who_reads_by_when_and_what_to_do_in_an_emergency_before_the_text(ada: Citizen, thread: str) -> None:
    page = ada.open(thread)
    before = page.text.partition("<textarea")[0]
    before = " ".join(re.sub("<[^>]+>", "", before).split())
    assert "They aim to reply by 27 November 2026." in before
    assert "Messages stay open until 15:02" in before
    assert "In an emergency, call 999." in before


def test_emergency_line_of_the_portal_is_read_in_welsh(ada: Citizen, thread: str) -> None:
    ada.open(thread)
    ada.press("Cymraeg")
    assert "Mewn argyfwng, ffoniwch 999. Peidiwch ag ysgrifennu yma." in ada.open(thread)
