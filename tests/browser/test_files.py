"""Files in a real browser: chosen or dropped, sent at once, removed; by keyboard, at 320 px, and without script."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import FilePayload, Locator, Page, expect

from portal.config import Configuration
from tests.browser.conftest import Console
from tests.browser.inspection import WIDE, Inspector
from tests.browser.server import Server
from tests.browser.visitors import Enter, button, press
from tests.files import PDF, picture
from tests.integration.storage.conftest import publish_evidence
from tests.people import PASSWORD, add_person

pytestmark = pytest.mark.browser
PAYSLIP: FilePayload = {"name": "payslip.pdf", "mimeType": "application/pdf", "buffer": PDF}
PHOTO: FilePayload = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": picture()}
LIE: FilePayload = {"name": "page.pdf", "mimeType": "application/pdf", "buffer": b"<html></html>"}
DROP = """([zone, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
}"""


def start(page: Page, app: Flask) -> None:
    """Open the page for papers in a new draft."""
    publish_evidence(app)
    page.goto("/forms/evidence")
    button(page, "Start now").click()
    page.get_by_role("link", name="Your papers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your papers")
    page.wait_for_load_state()  # a file chosen before the script listens waits for Continue, as without script


@pytest.fixture
def page(enter: Enter, console: Console, app: Flask) -> Page:
    console.expects("status of (401|409|410|413|422|503)|ERR_")
    page = enter(viewport=WIDE, reduced_motion="reduce")
    start(page, app)
    return page


@pytest.fixture
def kept(configuration: Configuration) -> Callable[[], int]:
    """Return a function that counts the files in storage."""
    return lambda: sum(path.is_file() for path in configuration.storage_dir.rglob("*"))


@pytest.fixture
def look(page: Page, server: Server) -> Iterator[Inspector]:
    inspector = Inspector(page, server)
    yield inspector
    assert inspector.faults == []


def proof(page: Page) -> Locator:
    return page.get_by_label("Proof", exact=True)


def question(page: Page, field: str = "proof") -> Locator:
    return page.locator(f"[data-field={field}]")


def status(page: Page) -> Locator:
    return page.locator("form [role=status].govuk-visually-hidden").last


@pytest.mark.two_browsers
def test_a_chosen_file_is_uploaded_at_once_and_announced(page: Page, kept: Callable[[], int]) -> None:
    proof(page).set_input_files([PAYSLIP, PHOTO])
    expect(question(page).get_by_role("link", name="payslip.pdf")).to_be_visible()
    expect(question(page).get_by_role("link", name="photo.jpg")).to_be_visible()
    expect(status(page)).to_have_text("payslip.pdf, photo.jpg added")
    expect(page.locator("[data-saved-status]")).to_have_text("Saved 14:02")
    assert kept() == 2
    press(page, story="My rent")
    expect(page.get_by_role("heading", level=1)).to_have_text("People")


def test_the_focus_stays_in_the_list_of_files_while_files_are_added(page: Page) -> None:
    for file in (PAYSLIP, PHOTO):
        proof(page).focus()
        proof(page).set_input_files([file])
        expect(question(page).locator(":focus")).to_contain_text(str(file["name"]))


def test_an_upload_does_not_take_the_focus_from_an_answer(page: Page, server: Server) -> None:
    address = page.url.removeprefix(server.base_url).replace("/papers", "/autosave/papers/files")
    with server.holding(address):
        proof(page).set_input_files([PAYSLIP])
        server.wait_for(address, 1)
        page.get_by_label("What is this about?").focus()
    expect(question(page).get_by_role("link", name="payslip.pdf")).to_be_visible()
    expect(page.get_by_label("What is this about?")).to_be_focused()


def test_a_file_added_after_the_form_was_deleted_is_said_not_to_be_received(page: Page, server: Server) -> None:
    draft = page.url.removesuffix("/papers")
    other = page.context.new_page()
    other.goto(draft)
    for _ in range(2):
        other.get_by_role("button", name="Delete this draft").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("This form is no longer here")
    proof(page).set_input_files([PAYSLIP])
    expect(question(page)).to_contain_text("Files cannot be added or removed any more.")


def test_a_guests_upload_goes_on_after_signing_in_in_another_tab(page: Page, app: Flask) -> None:
    add_person(app)
    other = page.context.new_page()
    other.goto("/account/sign-in")
    press(other, "Sign in", email="ada@mail.example", password=PASSWORD)
    press(other, "Yes")
    other.wait_for_url("**/account")
    proof(page).set_input_files([PAYSLIP])
    expect(question(page).get_by_role("link", name="payslip.pdf")).to_be_visible()


def test_a_file_can_be_dropped(page: Page) -> None:
    zone = question(page).locator("[data-drop]")
    expect(zone).to_contain_text("or drop files here")
    page.evaluate(DROP, [zone.element_handle(), "dropped.pdf", base64.b64encode(PDF).decode()])
    expect(question(page).get_by_role("link", name="dropped.pdf")).to_be_visible()


def test_a_file_dropped_beside_its_question_never_replaces_the_page(page: Page) -> None:
    heading = page.get_by_role("heading", level=1)
    address = page.url
    page.evaluate(DROP, [heading.element_handle(), "dropped.pdf", base64.b64encode(PDF).decode()])
    assert page.url == address
    expect(question(page).locator("[data-file]")).to_have_count(0)


def test_a_refused_file_shows_an_error_at_its_question_and_typed_text_stays(page: Page) -> None:
    page.get_by_label("What is this about?").fill("Typed")
    proof(page).set_input_files([LIE])
    sentence = "“page.pdf” was not added: it is not a real PDF file"
    expect(question(page).locator(".govuk-error-message")).to_contain_text(sentence)
    expect(status(page)).to_contain_text(sentence)
    expect(proof(page)).to_be_focused()
    expect(page.get_by_label("What is this about?")).to_have_value("Typed")
    proof(page).set_input_files([PAYSLIP])
    expect(question(page).locator(".govuk-error-message")).to_have_count(0)


def test_a_file_that_is_too_large_is_never_uploaded(page: Page, server: Server) -> None:
    large: FilePayload = {**PAYSLIP, "buffer": bytes(1_000_001)}
    proof(page).set_input_files([large])
    expect(question(page).locator(".govuk-error-message")).to_contain_text("it must be 1 MB or smaller")
    assert not [path for method, path, _form in server.received if method == "POST" and path.endswith("/files")]


def test_remove_leads_to_undo_and_undo_back_to_remove(page: Page) -> None:
    proof(page).set_input_files([PAYSLIP, PHOTO])
    page.get_by_role("button", name="Remove payslip.pdf").click()
    expect(status(page)).to_have_text("You removed payslip.pdf.")
    expect(question(page).locator("[data-file]")).to_have_count(1)
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(undo).to_have_accessible_description("You removed payslip.pdf.")
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("payslip.pdf added")
    expect(question(page).locator("[data-file]")).to_have_count(2)
    expect(page.get_by_role("button", name="Remove payslip.pdf")).to_be_focused()


def test_removing_an_item_puts_the_focus_on_undo_and_undo_puts_it_on_the_item(page: Page, look: Inspector) -> None:
    page.goto(page.url.replace("/papers", "/people"))
    button(page, "Add a person").click()
    page.get_by_label("Name", exact=True).fill("Zofia")
    button(page, "Continue").click()
    page.get_by_role("button", name="Remove Zofia").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(undo).to_have_accessible_description("You removed Zofia.")
    look.look("removed item", is_main=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="Zofia")).to_be_focused()


def test_enter_in_a_text_input_continues_and_removes_no_file(page: Page) -> None:
    proof(page).set_input_files([PAYSLIP])
    expect(question(page).locator("[data-file]")).to_have_count(1)
    page.get_by_label("What is this about?").fill("My rent")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    page.go_back()
    expect(question(page).locator("[data-file]")).to_have_count(1)


def test_a_question_that_depends_on_files_shows_when_there_are_some(page: Page) -> None:
    expect(question(page, "why")).to_be_hidden()
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
    page.get_by_label("Notes (optional)", exact=True).set_input_files([notes])
    expect(question(page, "why")).to_be_visible()
    page.get_by_role("button", name="Remove notes.txt").click()
    expect(question(page, "why")).to_be_hidden()


@pytest.mark.two_browsers
def test_a_file_chosen_offline_stays_chosen_and_is_sent_with_the_page(page: Page, kept: Callable[[], int]) -> None:
    page.get_by_label("What is this about?").fill("My rent")
    page.route("**/files", lambda route: route.abort())
    proof(page).set_input_files([PAYSLIP])
    expect(question(page).locator(".govuk-error-message")).to_contain_text("Not added: no connection")
    assert kept() == 0
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    assert kept() == 1


@pytest.mark.two_browsers
def test_continue_waits_for_uploads_to_finish(page: Page, server: Server, kept: Callable[[], int]) -> None:
    page.get_by_label("What is this about?").fill("My rent")
    path = page.evaluate("document.querySelector('form[data-files-address]').dataset.filesAddress")
    with server.holding(path):
        proof(page).set_input_files([PAYSLIP])
        expect(page.get_by_role("progressbar")).to_be_visible()
        button(page, "Continue").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your papers")
    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    assert kept() == 1


def test_files_can_be_added_and_removed_by_keyboard_alone(page: Page) -> None:
    # A slow browser opens the chooser before it knows that a test waits for it, so tell it at once.
    page.on("filechooser", lambda _chooser: None)
    page.get_by_label("What is this about?").focus()
    page.keyboard.press("Tab")
    expect(proof(page)).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([PAYSLIP])
    expect(page.get_by_role("button", name="Remove payslip.pdf")).to_be_visible()
    page.get_by_label("What is this about?").focus()
    page.keyboard.press("Tab")
    expect(question(page).get_by_role("link", name="payslip.pdf")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Remove payslip.pdf")).to_be_focused()


@pytest.mark.two_browsers
def test_an_upload_after_the_end_leads_to_the_end_page_and_keeps_the_file(
    page: Page, server: Server, kept: Callable[[], int]
) -> None:
    server.clock.advance(minutes=40)
    proof(page).set_input_files([PAYSLIP])
    page.wait_for_url(re.compile("/session/ended"))
    assert kept() == 1


def test_the_page_passes_inspection_with_files_and_with_errors(page: Page, look: Inspector) -> None:
    look.look("empty", is_main=True)
    proof(page).set_input_files([PAYSLIP, PHOTO])
    expect(question(page).locator("[data-file]")).to_have_count(2)
    look.look("with files", is_main=True)
    page.get_by_role("button", name="Remove photo.jpg").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    look.look("with a removed file", is_main=True)
    proof(page).set_input_files([LIE])
    expect(question(page).locator(".govuk-error-message")).to_be_visible()
    look.look("with an error", is_main=True)
    press(page)
    expect(page.locator("[data-error-summary]")).to_be_visible()
    look.look("with a summary", is_main=True)
    press(page, story="My rent")
    page.goto(re.sub("/people$", "/check", page.url))
    look.look("check")


@pytest.fixture
def plain(enter: Enter, console: Console, app: Flask) -> Page:
    """Open the page in a browser without script."""
    console.expects("status of 422")
    page = enter(java_script_enabled=False, viewport={"width": 320, "height": 640})
    start(page, app)
    return page


def test_files_are_sent_with_the_page_without_script(plain: Page, kept: Callable[[], int]) -> None:
    expect(plain.get_by_text("or drop files here").first).to_be_hidden()
    proof(plain).set_input_files([PAYSLIP, LIE])
    press(plain)
    expect(plain.get_by_role("link", name="payslip.pdf")).to_be_visible()
    expect(plain.locator("[data-error-summary]")).to_contain_text("“page.pdf” was not added")
    press(plain, "Remove payslip.pdf", story="Typed before removing")
    expect(plain.get_by_label("What is this about?")).to_have_value("Typed before removing")
    expect(plain.locator("[data-file]")).to_have_count(0)
    address = plain.url
    proof(plain).set_input_files([PHOTO])
    press(plain, "Save and come back later")
    expect(plain.get_by_role("heading", level=1)).not_to_have_text("Your papers")
    plain.goto(address)
    expect(plain.get_by_role("link", name="photo.jpg")).to_be_visible()


def test_a_download_has_the_name_of_the_file(page: Page, tmp_path: Path) -> None:
    named: FilePayload = {**PAYSLIP, "name": "Lohn März.pdf"}
    proof(page).set_input_files([named])
    with page.expect_download() as download:
        question(page).get_by_role("link", name="Lohn März.pdf").click()
    assert download.value.suggested_filename == "Lohn März.pdf"
    download.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == PDF
