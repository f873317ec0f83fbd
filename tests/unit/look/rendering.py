"""Render component macros as the application would, and read the HTML back."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tests.html import Element
from tests.html import elements as read

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
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
    env.globals.update(other_languages=[], unread_messages=lambda: 0, csrf_token_if_any=lambda kind=None: "token")
    return env


def render(component: str, **arguments: Any) -> str:
    """Return the HTML of one component."""
    names = ", ".join(f"{name}={name}" for name in arguments)
    source = f'{{% from "components/{component}.html" import {component} %}}{{{{ {component}({names}) }}}}'
    return environment().from_string(source).render(arguments)


def elements(html: str) -> list[Element]:
    """Return every element in order; fail on tags that do not nest."""
    return read(html, is_strict=True)


def visible(html: str) -> list[Element]:
    """Return the elements without drawings."""
    return [element for element in elements(html) if element.tag not in DRAWING]
