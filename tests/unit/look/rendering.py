"""Renders component macros as the application would, and reads the HTML back."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
VOID = {"input", "br", "img", "hr", "link", "meta"}
DRAWING = {"svg", "path", "circle", "rect", "text"}


def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(other_languages=[], csrf_token_if_any=lambda: "token")
    return env


def render(component: str, **arguments: Any) -> str:
    """The HTML of one component."""
    names = ", ".join(f"{name}={name}" for name in arguments)
    source = f'{{% from "components/{component}.html" import {component} %}}{{{{ {component}({names}) }}}}'
    return environment().from_string(source).render(arguments)


@dataclass
class Element:
    """One element with its attributes and the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    parents: list["Element"] = field(default_factory=list, repr=False)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, parents=list(self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1].tag == tag, f"</{tag}> where <{self.open[-1].tag}> is open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def elements(html: str) -> list[Element]:
    """Every element in order; fails where tags do not nest."""
    reader = _Reader()
    reader.feed(html)
    assert not reader.open, f"left open: {reader.open}"
    for element in reader.elements:
        element.text = " ".join(element.text.split())
    return reader.elements


def visible(html: str) -> list[Element]:
    """The elements without drawings."""
    return [element for element in elements(html) if element.tag not in DRAWING]
