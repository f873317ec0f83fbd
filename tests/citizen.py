"""A citizen without script: opens pages, fills the forms as served (hidden inputs included), presses buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.sessions.browser_sessions import cookie_name, policy_of
from portal.sessions.models import SessionRow
from portal.sessions.operations import Holder, open_session
from portal.sessions.policies import KINDS
from tests.html import Element, nodes

CHOICES = ("checkbox", "radio")


@dataclass(frozen=True)
class File:
    """A file that somebody chooses."""

    name: str
    content: bytes


Values = str | File | Sequence[str] | Sequence[File]


@dataclass
class Control:
    name: str
    value: str


@dataclass
class Button:
    text: str
    name: str | None
    value: str


@dataclass
class Form:
    """One form of a page with what it would send."""

    action: str | None
    method: str
    id: str = ""
    controls: list[Control] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    is_multipart: bool = False

    @classmethod
    def of(cls, element: Element) -> Form:
        return cls(element.attributes.get("action"), element.get("method", "get"), element.get("id"))

    def take(self, element: Element) -> None:
        """Add an element inside the form; of radios, boxes and options only a chosen one."""
        name, kind = element.get("name"), element.get("type", "text")
        if name:
            self.names.add(name)
        if kind == "file":
            self.is_multipart = True
        elif element.tag == "input" and name and kind != "submit" and _is_chosen(element):
            self.controls.append(Control(name, element.get("value", "on" if kind in CHOICES else "")))
        select = element.inside("select") if element.tag == "option" and "selected" in element.attributes else None
        if select:
            self.controls.append(Control(select.get("name"), element.get("value")))
        if element.tag == "textarea":
            self.controls.append(Control(name, element.text))


def _is_chosen(element: Element) -> bool:
    return element.get("type") not in CHOICES or "checked" in element.attributes


class Response(Protocol):
    """What a page is read from: a response of Werkzeug's test client, or one that looks like it."""

    @property
    def status_code(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def headers(self) -> Any: ...


class Page:
    """How a browser without script reads a response, parsed on demand; `address` is `path` with its query."""

    def __init__(self, path: str, response: Response) -> None:
        self.address = path
        self.path = urlsplit(path).path
        self.status = response.status_code
        self.text = response.text
        self.headers = response.headers

    def __contains__(self, words: str) -> bool:
        return " ".join(words.split()) in self.words

    @cached_property
    def nodes(self) -> list[Element | str]:
        return nodes(self.text)

    @cached_property
    def elements(self) -> list[Element]:
        return [node for node in self.nodes if isinstance(node, Element)]

    @cached_property
    def words(self) -> str:
        """Return all the text of the page, on one line."""
        return " ".join("".join(node for node in self.nodes if isinstance(node, str)).split())

    @property
    def title(self) -> str:
        return self._last("title")

    @property
    def heading(self) -> str:
        return self._last("h1")

    def _last(self, tag: str) -> str:
        return next((element.text for element in reversed(self.elements) if element.tag == tag), "")

    @cached_property
    def links(self) -> dict[str, str]:
        """Return where each link leads, by its text; of several with one text, the first."""
        found: dict[str, str] = {}
        for element in self.elements:
            if element.tag == "a" and "href" in element.attributes:
                found.setdefault(element.text, element.get("href"))
        return found

    @cached_property
    def forms(self) -> list[Form]:
        forms = {id(element): Form.of(element) for element in self.elements if element.tag == "form"}
        for element in self.elements:
            around = element.inside("form")
            if around:
                forms[id(around)].take(element)
            if element.tag == "button" and element.get("type", "submit") == "submit":
                self._take_button(element, list(forms.values()), forms.get(id(around)))
        return list(forms.values())

    def _take_button(self, element: Element, forms: list[Form], around: Form | None) -> None:
        """Add a button to the form that it names, else to the one around it."""
        named = element.get("form")
        form = next(form for form in forms if form.id == named) if named else around
        if form:
            form.buttons.append(Button(element.text, element.attributes.get("name"), element.get("value")))

    def form_with(self, button: str) -> tuple[Form, Button]:
        """Return the form that has a button of this accessible name; forms in `main` come before the header's."""
        for form in self.forms:
            for each in form.buttons:
                if each.text == button:
                    return form, each
        raise AssertionError(f"no button “{button}” on {self.path}: {[b.text for f in self.forms for b in f.buttons]}")

    @property
    def add_button(self) -> str:
        """Return the words of the button that adds an item to a list: the first, or another."""
        return next(each.text for form in self.forms for each in form.buttons if each.text.startswith("Add a"))

    def value(self, name: str) -> str | None:
        """Return what an input shows or has chosen."""
        return next((c.value for form in self.forms for c in form.controls if c.name == name), None)


def _sent(value: str | File) -> str | tuple[BytesIO, str]:
    return (BytesIO(value.content), value.name) if isinstance(value, File) else value


def post(client: FlaskClient, address: str, **request: Any) -> TestResponse:
    """Send a form and close its body: Werkzeug's client puts a large one into a temporary file and forgets it."""
    response = client.post(address, **request)
    response.request.environ["wsgi.input"].close()
    return response


class Citizen:
    """One browser without script, at one network address."""

    def __init__(self, app: Flask, address: str = "127.0.0.1") -> None:
        self.app = app
        self.client = app.test_client()
        self.page: Page
        self.client.environ_base["REMOTE_ADDR"] = address

    def get(self, path: str, **request: Any) -> TestResponse:
        """Request an address without following where it leads."""
        return self.client.get(path, **request)

    def post(self, path: str, fields: Mapping[str, Any], **request: Any) -> TestResponse:
        """Post any fields."""
        return self.client.post(path, data=fields, **request)

    def tab(self) -> Citizen:
        """Return another tab of this browser, or another device: to the server they are the same."""
        other = Citizen(self.app)
        other.client = self.client
        return other

    def hold(self, kind: str, **holder: Any) -> SessionRow:
        """Open a new session of this kind, as signing in or Start now does; return its row."""
        parts = self.app.extensions["portal"]
        with self.app.test_request_context(), parts.database.writing() as db:
            token, row = open_session(db, kind, policy_of(kind), Holder(**holder), now=parts.clock.now())
            self.client.set_cookie(cookie_name(KINDS[kind].cookie), token)
        return row

    def open(self, address: str, **headers: str) -> Page:
        """Open an address and follow where it leads."""
        path = address.partition("#")[0]
        path = urlsplit(path).path + (f"?{urlsplit(path).query}" if urlsplit(path).query else "")
        response = self.get(path, headers=headers)
        for _ in range(5):
            if response.status_code not in (302, 303):
                break
            path = response.location
            response = self.get(path)
        self.page = Page(path, response)
        return self.page

    def follow(self, link: str) -> Page:
        """Follow a link by its text."""
        return self.open(self.page.links[link])

    def send(self, button: str, **values: Values) -> TestResponse:
        """Fill the form around a button and press it, without following where it leads."""
        form, pressed = self.page.form_with(button)
        filled = {name.replace("__", "-"): value for name, value in values.items()}
        missing = set(filled) - form.names
        assert not missing, f"no input {missing} on {self.page.path}"
        kept = [(control.name, control.value) for control in form.controls if control.name not in filled]
        end = [pair for pair in kept if pair[0] == "_end"]
        pairs: list[tuple[str, str | tuple[BytesIO, str]]] = [pair for pair in kept if pair[0] != "_end"]
        for name, value in filled.items():
            pairs += [(name, _sent(each)) for each in ([value] if isinstance(value, str | File) else value)]
        pairs += end + ([(pressed.name, pressed.value)] if pressed.name else [])
        data: dict[str, list[str | tuple[BytesIO, str]]] = {}
        for name, sent in pairs:
            data.setdefault(name, []).append(sent)
        kind = "multipart/form-data" if form.is_multipart else None
        address = form.action or self.page.address
        return post(self.client, address, data=data, content_type=kind)

    def press(self, button: str, **values: Values) -> Page:
        """Fill the form around a button, press it and follow where it leads; `born__day` names born-day."""
        response = self.send(button, **values)
        if response.status_code in (302, 303):
            return self.open(response.location)
        form, _ = self.page.form_with(button)
        self.page = Page(form.action or self.page.address, response)
        return self.page
