"""A citizen without script: opens pages, fills the forms as served (hidden inputs included), presses buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID = frozenset({"input", "meta", "link", "br", "hr", "img", "path", "circle", "rect", "use"})


@dataclass(frozen=True)
class File:
    """A file that somebody chooses."""

    name: str
    content: bytes


Values = str | File | list[str] | list[File]


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


class Page(HTMLParser):
    """What a browser without script makes of an answer; `address` is `path` with its query."""

    def __init__(self, path: str, response: TestResponse) -> None:
        super().__init__()
        self.address = path
        self.path = urlsplit(path).path
        self.status = response.status_code
        self.text = response.text
        self.headers = response.headers
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.title = self.heading = ""
        self._open: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self._select: str | None = None
        self._outside: list[tuple[str, Button]] = []
        self.feed(response.text)
        for form_id, button in self._outside:
            next(form for form in self.forms if form.id == form_id).buttons.append(button)

    def __contains__(self, words: str) -> bool:
        return " ".join(words.split()) in self.words

    @property
    def words(self) -> str:
        """All the text of the page, on one line."""
        return " ".join("".join(self._words).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag not in VOID:
            self._open.append((tag, {**found, "__at": str(len(self._words))}))
        if tag == "form":
            self.forms.append(Form(found.get("action"), found.get("method", "get"), found.get("id", "")))
        if self.forms and self._inside("form"):
            self._take(tag, found)

    def _take(self, tag: str, found: dict[str, str]) -> None:
        form = self.forms[-1]
        name = found.get("name", "")
        if tag == "select":
            self._select = name
        if name:
            form.names.add(name)
        kind = found.get("type", "text")
        ticked = kind not in ("checkbox", "radio") or "checked" in found
        if kind == "file":
            form.is_multipart = True
        elif tag == "input" and name and kind != "submit" and ticked:
            form.controls.append(Control(name, found.get("value", "on" if kind in ("checkbox", "radio") else "")))
        if tag == "option" and self._select and "selected" in found:
            form.controls.append(Control(self._select, found.get("value", "")))

    def _inside(self, tag: str) -> bool:
        return any(name == tag for name, _ in self._open)

    def handle_endtag(self, tag: str) -> None:
        while self._inside(tag):
            name, found = self._open.pop()
            if name == tag:
                self._close(tag, found, " ".join("".join(self._words[int(found["__at"]) :]).split()))
                return

    def _close(self, tag: str, found: dict[str, str], text: str) -> None:
        if tag == "a" and "href" in found:
            self.links.setdefault(text, found["href"])
        if tag == "button" and found.get("type", "submit") == "submit":
            self._take_button(found, Button(text, found.get("name"), found.get("value", "")))
        if tag == "textarea" and self._inside("form"):
            self.forms[-1].controls.append(Control(found["name"], text))
        if tag == "title":
            self.title = text
        if tag == "h1":
            self.heading = text

    def _take_button(self, found: dict[str, str], button: Button) -> None:
        """A button belongs to the form that it names, else to the one it stands in."""
        if "form" in found:
            self._outside.append((found["form"], button))
        elif self._inside("form"):
            self.forms[-1].buttons.append(button)

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def form_with(self, button: str) -> tuple[Form, Button]:
        """The form that holds a button of this accessible name; forms in `main` go before the header's."""
        for form in self.forms:
            for each in form.buttons:
                if each.text == button:
                    return form, each
        raise AssertionError(f"no button “{button}” on {self.path}: {[b.text for f in self.forms for b in f.buttons]}")

    def value(self, name: str) -> str | None:
        """What an input shows or has chosen."""
        return next((c.value for form in self.forms for c in form.controls if c.name == name), None)


def _sent(value: str | File) -> str | tuple[BytesIO, str]:
    return (BytesIO(value.content), value.name) if isinstance(value, File) else value


def post(client: FlaskClient, address: str, **request: Any) -> TestResponse:
    """Send a form; Werkzeug's client puts a large body into a temporary file and forgets it."""
    response = client.post(address, **request)
    response.request.environ["wsgi.input"].close()
    return response


class Citizen:
    """One browser without script."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.page: Page

    def open(self, address: str, **headers: str) -> Page:
        """Open an address and follow where it leads."""
        path = address.partition("#")[0]
        path = urlsplit(path).path + (f"?{urlsplit(path).query}" if urlsplit(path).query else "")
        response = self.client.get(path, headers=headers)
        for _ in range(5):
            if response.status_code not in (302, 303):
                break
            path = response.location
            response = self.client.get(path)
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
        pairs = [(control.name, control.value) for control in form.controls if control.name not in filled]
        end = [pair for pair in pairs if pair[0] == "_end"]
        pairs = [pair for pair in pairs if pair[0] != "_end"]
        for name, value in filled.items():
            pairs += [(name, _sent(each)) for each in ([value] if isinstance(value, str | File) else value)]
        pairs += end + ([(pressed.name, pressed.value)] if pressed.name else [])
        data: dict[str, list[str | tuple[BytesIO, str]]] = {}
        for name, value in pairs:
            data.setdefault(name, []).append(value)
        kind = "multipart/form-data" if form.is_multipart else None
        return post(self.client, form.action or self.page.address, data=data, content_type=kind)

    def press(self, button: str, **values: Values) -> Page:
        """Fill the form around a button, press it and follow where it leads; `born__day` names born-day."""
        response = self.send(button, **values)
        if response.status_code in (302, 303):
            return self.open(response.location)
        form, _ = self.page.form_with(button)
        self.page = Page(form.action or self.page.address, response)
        return self.page
