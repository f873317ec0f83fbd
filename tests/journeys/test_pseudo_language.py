"""In a made-up language that puts every text in brackets, no word of a citizen's page is outside them."""

import io
import re
from functools import cache
from typing import Any

import pytest
import yaml
from babel.messages.mofile import write_mo
from flask import Flask

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.applications import Equipment
from tests.catalogues import read_catalogue
from tests.citizen import Citizen, Page
from tests.conftest import DEMO_FORMS, MovableClock
from tests.html import Element
from tests.people import PASSWORD, add_person
from tests.post import letters

pytestmark = pytest.mark.one_database

OPEN, CLOSE = "⟦", "⟧"
BRACKETED = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
SPOKEN = frozenset({"alt", "aria-label", "placeholder", "title"})
NOT_OURS = re.compile(
    r"Ashmere Council|Cymraeg|English|[\w.]+@[\w.]+|https?://\S+|127\.0\.0\.1:8000\S*|[A-Z]{2}-[0-9A-Z]{4}-[0-9A-Z]{4}"
    r"|[0-9A-Z]{4} [0-9A-Z]{4}|Tachwedd|Rhagfyr|[a-z]+_[a-z_]+|visitor|epoch|language|left|device|PDF|QR|Saesneg"
    r"|typed words|Chromium|Linux|werkzeug\S*"
)
"""Names (of cookies, too), addresses, references, months as CLDR has them, and what the person typed."""


def bracketed(node: Any) -> Any:
    """Return the document of a form with each of its Welsh texts in brackets."""
    if isinstance(node, dict):
        return {key: f"{OPEN}{value}{CLOSE}" if key == "cy" else bracketed(value) for key, value in node.items()}
    return [bracketed(value) for value in node] if isinstance(node, list) else node


@pytest.fixture(scope="session")
def made_up_welsh(tmp_path_factory: pytest.TempPathFactory) -> Equipment:
    """Return a function that loads an application with a catalogue of made-up Welsh."""
    catalogue = read_catalogue("cy")
    for message in catalogue:
        if isinstance(message.id, tuple):
            message.string = tuple(f"{OPEN}{message.id[1]}{CLOSE}" for _form in range(catalogue.num_plurals))
        elif message.id:
            message.string = f"{OPEN}{message.id}{CLOSE}"
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    languages = tmp_path_factory.mktemp("languages")
    folder = languages / "cy" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.mo").write_bytes(compiled.getvalue())

    def speak(app: Flask) -> None:
        app.extensions["babel"].translation_directories = [str(languages)]

    return speak


@pytest.fixture
def equipment(made_up_welsh: Equipment) -> Equipment:
    return made_up_welsh


@cache
def bracketed_form(name: str) -> FormDefinition:
    document = bracketed(yaml.safe_load((DEMO_FORMS / f"{name}.yaml").read_text()))
    return read_yaml(yaml.safe_dump(document, allow_unicode=True))


@pytest.fixture
def app(app: Flask) -> Flask:
    """The application with the two forms that have a Welsh version."""
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        for name in ("parking-permit", "report-a-problem"):
            publish(db, bracketed_form(name), now=parts.clock.now())
    return app


@pytest.fixture
def citizen(citizen: Citizen) -> Citizen:
    citizen.client.set_cookie("language", "cy")
    return citizen


def spoken(element: Element) -> list[str]:
    """Return the texts of attributes that are read aloud or shown by scripts."""
    sentences = [name for name, value in element.attributes.items() if name.startswith("data-") and " " in value]
    shown = [name for name in sentences if not element.get(name).startswith("{")]
    return [value for name, value in element.attributes.items() if name in SPOKEN or name in shown]


def bare_words(text: str) -> str:
    """Return the words outside all brackets that are no names."""
    while BRACKETED.search(text):
        text = BRACKETED.sub("", text)
    return " ".join(NOT_OURS.sub("", text).split())


def words_of(page: Page) -> str:
    """Return all that a page says; brackets opened in one element may close in a later one."""
    said: list[str] = []
    is_skipped = False
    for node in page.nodes:
        if isinstance(node, Element):
            said += spoken(node)
            is_skipped = node.tag in ("script", "style")
        elif not is_skipped:
            said.append(node)
        else:
            is_skipped = False
    return "\n".join(said)


def expect_translated(page: Page) -> None:
    left = bare_words(words_of(page))
    assert not re.search(r"[^\W\d_]{2,}", left), f"{page.path} ({page.status}): {left}"


PUBLIC = (
    "/", "/privacy", "/cookies", "/accessibility", "/contact", "/help/sessions", "/resume", "/account/sign-in",
    "/account/register", "/account/password", "/session/ended", "/nowhere", "/resume/unknown", "/resume/code",
    "/forms/report-a-problem", "/forms/parking-permit", "/forms/parking-permit/prepare", "/forms/parking-permit/blank",
    "/forms/report-a-problem/rehearsal", "/account/check-mail", "/account/deleted", "/account/confirm/unknown",
    "/account/email/unknown", "/account/email/objection/unknown", "/account/password/unknown",
)  # fmt: skip
OF_ACCOUNT = (
    "/account", "/account/security", "/account/name", "/account/email", "/account/password/change", "/account/delete",
    "/account/security/second-factor", "/account/security/end-others", "/account/again", "/forms/parking-permit",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_pages_have_no_untranslated_text(citizen: Citizen, address: str) -> None:
    expect_translated(citizen.open(address))


def press(citizen: Citizen, button: str, **values: Any) -> Page:
    page = citizen.press(f"{OPEN}{button}{CLOSE}", **values)
    expect_translated(page)
    return page


def test_refused_forms_have_no_untranslated_text(citizen: Citizen) -> None:
    for address, button in (
        ("/account/sign-in", "Sign in"),
        ("/account/register", "Register"),
        ("/account/password", "Send me a link"),
        ("/resume", "Continue your form"),
    ):
        citizen.open(address)
        assert press(citizen, button).status == 422


def test_guests_form_has_no_untranslated_text(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    citizen.open("/forms/report-a-problem")
    draft = press(citizen, "Start now").path
    expect_translated(citizen.open(f"{draft}/problem"))
    press(citizen, "Continue")
    press(citizen, "Continue", kind="light", where="typed words", danger="yes")
    citizen.open(f"{draft}/problem")
    press(citizen, "Continue", danger="no")
    press(citizen, "Continue", wants_news="yes")
    press(citizen, "Continue", wants_news="yes", email="ann@mail.example")
    press(citizen, "Send")
    assert citizen.page.path.startswith("/submissions/")
    expect_translated(citizen.open(draft))
    citizen.open("/forms/report-a-problem")
    press(citizen, "Start now")
    press(citizen, "Delete this draft")
    expect_translated(citizen.open(citizen.page.path))
    citizen.open("/forms/report-a-problem")
    press(citizen, "Start now")
    section = citizen.open(f"{citizen.page.path}/problem").path
    clock.advance(minutes=31)
    press(citizen, "Continue")
    expect_translated(citizen.open(section))


def test_account_pages_have_no_untranslated_text(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    citizen.open("/account/sign-in")
    press(citizen, "Sign in", email="ada@mail.example", password=PASSWORD)
    citizen.open("/forms/parking-permit")
    draft = press(citizen, "Start now").path
    expect_translated(citizen.open(f"{draft}/you"))
    press(citizen, "Save and come back later", full_name="typed words")
    citizen.open(f"{draft}/vehicle")
    press(citizen, f"Add a {OPEN}cerbyd{CLOSE}")
    press(citizen, "Continue", registration="typed words are too long", fuel="petrol", co2="900")
    press(citizen, "Continue", registration="12 34", fuel="petrol", co2="90")
    expect_translated(citizen.open(f"{draft}/check"))
    press(citizen, "Send")
    for address in (*OF_ACCOUNT, draft):
        expect_translated(citizen.open(address))


def test_mails_have_no_untranslated_text(app: Flask, citizen: Citizen) -> None:
    citizen.open("/account/register")
    press(citizen, "Register", email="ann@mail.example", password=PASSWORD)
    citizen.open("/account/password")
    press(citizen, "Send me a link", email="ann@mail.example")
    sent = letters(app)
    assert sent
    for letter in sent:
        left = bare_words("\n".join([letter.subject, *letter.lines]))
        assert not re.search(r"[^\W\d_]{2,}", left), left
