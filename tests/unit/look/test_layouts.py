"""What every page has for every visitor: a way past the header, a way out, one main part, the end of the session."""

from types import SimpleNamespace
from typing import Any

import pytest

from portal.sessions.activity import SessionClock
from tests.unit.look.rendering import Element, elements, environment

CLOCK = SessionClock(kind="customer", state="active", remaining=600, next=480, until="14:47", stay_until="15:30",
                     can_extend=True, answers_lost=False)  # fmt: skip
PERSON = SimpleNamespace(name="Ruth Okafor", is_guest=False, kind="customer", role="citizen")
GUEST = SimpleNamespace(name="", is_guest=True, kind="customer", role=None)
STAFF = SimpleNamespace(name="Ana Whitfield", is_guest=False, kind="hub", role="staff")
VIEWERS = {"signed out": (None, None), "guest": (GUEST, CLOCK), "person": (PERSON, CLOCK), "staff": (STAFF, CLOCK)}
BAND = SimpleNamespace(title="Apply", position="Section 1 of 2", rows=[SimpleNamespace(state="current")],
                       all_sections_href="/drafts/x", saved="14:02", saved_state=None)  # fmt: skip
LAYOUTS = ["page", "form", "staff"]


def page(layout: str = "page", viewer: str = "person", aside: str = "", **more: Any) -> list[Element]:
    env = environment()
    env.globals["asset"] = lambda path: f"/static/{path}"
    who, clock = VIEWERS[viewer]
    context: dict[str, Any] = {
        "site": SimpleNamespace(name="Ashmere Council", support_contact="01632 960 114", address="Mill Street"),
        "viewer": who,
        "clock": clock,
        "band": BAND,
        "csrf_token": lambda kind=None: "token",
        "current_path": "/here",
    }
    source = f'{{% extends "layouts/{layout}.html" %}}{{% block title %}}T{{% endblock %}}' + (
        f"{{% block main %}}<h1>T</h1>{{% endblock %}}{{% block aside %}}{aside}{{% endblock %}}"
    )
    return elements(env.from_string(source).render(context | more))


def _texts(found: list[Element], tag: str) -> list[str]:
    return [element.text for element in found if element.tag == tag]


every_page = pytest.mark.parametrize(
    ("layout", "viewer"), [(layout, viewer) for layout in LAYOUTS for viewer in VIEWERS]
)


@every_page
def test_a_page_has_a_language_a_title_one_heading_and_one_main_part(layout: str, viewer: str) -> None:
    found = page(layout, viewer)
    assert next(element for element in found if element.tag == "html").attributes["lang"] == "en"
    assert _texts(found, "title") == ["T – Ashmere Council"]
    assert _texts(found, "h1") == ["T"]
    assert len(_texts(found, "main")) == 1


@every_page
def test_the_first_link_leads_past_the_header(layout: str, viewer: str) -> None:
    found = page(layout, viewer)
    first = next(element for element in found if element.tag == "a")
    [main] = [element for element in found if element.tag == "main"]
    assert first.attributes["href"] == "#" + main.attributes["id"]


@every_page
def test_signing_out_is_a_form_with_a_token_wherever_somebody_is_signed_in(layout: str, viewer: str) -> None:
    found = page(layout, viewer)
    forms = [element for element in found if element.attributes.get("action", "").startswith("/account/sign-out")]
    assert [form.attributes["method"] for form in forms] == ([] if viewer == "signed out" else ["post"])
    tokens = [element for element in found if element.attributes.get("name") == "csrf_token"]
    assert all(any(form in token.parents for token in tokens) for form in forms)


@pytest.mark.parametrize(
    ("viewer", "shown"), [("signed out", "Sign in"), ("guest", "Guest"), ("person", "Ruth Okafor")]
)
def test_the_header_says_who_is_signed_in(viewer: str, shown: str) -> None:
    [header] = _texts(page(viewer=viewer), "header")
    assert shown in header


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_page_shows_the_end_of_the_session(layout: str) -> None:
    assert "Signed in until 14:47" in _texts(page(layout), "body")[0]


def test_a_page_offers_to_stay_signed_in_without_script_and_comes_back() -> None:
    [form] = [element for element in page() if element.tag == "form" and "no-js-only" in element.classes]
    assert form.attributes["action"] == "/session/extend?kind=customer"
    assert [e.attributes["value"] for e in page() if e.attributes.get("name") == "next"] == ["/here"]


def test_the_header_names_another_language_in_its_own_words_if_there_is_one() -> None:
    welsh = SimpleNamespace(name="Cymraeg", code="cy", then="/here?from=check")
    assert "Cymraeg" in _texts(page(other_languages=[welsh]), "header")[0]
    assert "Cymraeg" not in _texts(page(other_languages=[]), "body")[0]


def test_the_language_buttons_send_one_form_that_leads_back() -> None:
    found = page(other_languages=[SimpleNamespace(name="Cymraeg", code="cy", then="/here?from=check")])
    [form] = [element for element in found if element.attributes.get("id") == "language-form"]
    assert form.attributes["action"] == "/language?kind=customer"
    assert "/here?from=check" in [each.attributes.get("value") for each in found if form in each.parents]
    buttons = [each for each in found if each.tag == "button" and each.attributes.get("lang") == "cy"]
    assert [each.attributes.get("form", "") for each in buttons] == ["language-form", ""]


def test_a_page_has_no_empty_aside() -> None:
    assert not _texts(page(), "aside")
    assert _texts(page(aside="Help"), "aside") == ["Help"]


@pytest.mark.parametrize("link", [None, ("Go on", "/")], ids=["no link", "link"])
def test_an_error_page_says_what_happened(link: tuple[str, str] | None) -> None:
    env = environment()
    env.globals["asset"] = lambda path: f"/static/{path}"
    html = env.get_template("errors/error.html").render(
        title="Not found", paragraphs=["One", "Two"], link=link, viewer=None, clock=None,
        site=SimpleNamespace(name="Ashmere", support_contact="", address=""), current_path="/",
    )  # fmt: skip
    [main] = [element for element in elements(html) if element.tag == "main"]
    assert main.text == "Not found One Two" + (" Go on" if link else "")
