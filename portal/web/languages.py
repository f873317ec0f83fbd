"""The languages of the portal, the one that this request speaks, and the words of its pages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import flask_babel
from babel import Locale, UnknownLocaleError
from babel.support import NullTranslations
from flask import Flask, g
from flask_babel import get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

DEFAULT = "en"


class _Words(dict[str, Markup]):
    """The texts of templates in one language, each looked up once. They are ours, so what looks like HTML is HTML."""

    def __init__(self, catalogue: NullTranslations) -> None:
        self._catalogue = catalogue

    def __missing__(self, message: str) -> Markup:
        text = self[message] = Markup(self._catalogue.ugettext(message))  # noqa: S704
        return text


_WORDS = WeakKeyDictionary[NullTranslations, _Words]()


@pass_eval_context
def _one(here: EvalContext, message: str, /, **values: Any) -> str:
    """Return a text of a template; a per cent sign is always written twice.

    What is put into it is escaped, unless the template is no HTML.
    """
    words: _Words | None = g.get("words")
    if words is None:
        catalogue = get_translations()
        words = g.words = _WORDS.get(catalogue) or _WORDS.setdefault(catalogue, _Words(catalogue))
    text = words[message] if here.autoescape else str(words[message])
    return text % values if values or "%" in text else text


@pass_eval_context
def _by_number(here: EvalContext, singular: str, plural: str, number: int, /, **values: Any) -> str:
    text: str = get_translations().ungettext(singular, plural, number)
    return (Markup(text) if here.autoescape else text) % {"num": number, **values}  # noqa: S704


def forget_words() -> None:
    """Look for the words again: the language of this request has changed."""
    g.pop("words", None)


def init_app(app: Flask) -> None:
    """Give templates `_`, `gettext` and `ngettext`; Flask-Babel is there already."""
    app.jinja_env.globals.update(_=_one, gettext=_one, ngettext=_by_number)


BUTTON = "_language"
"""The input of a form that is kept, and then shown again in another language."""


COOKIE = "language"


LANGUAGES: Mapping[str, str] = MappingProxyType({DEFAULT: "English", "cy": "Cymraeg"})
"""Each language by its code, in its own name; a catalogue for each but the default is in `portal/translations`."""


@dataclass(frozen=True, kw_only=True)
class OtherLanguage:
    """A language that a page offers; `then` is where the person is, to be read again in it."""

    code: str
    name: str
    then: str


def known(code: str | None) -> str | None:
    """The code of one of our languages, or None: cookies and forms say what they like."""
    return code if code in LANGUAGES else None


def language() -> str:
    """The language of this request."""
    locale = flask_babel.get_locale()
    return str(locale.language) if locale else DEFAULT


def name_of(code: str) -> str:
    """What this request's language calls a language; its code where it has no word for it."""
    try:
        return str(Locale.parse(code).get_language_name(language()) or code)
    except (UnknownLocaleError, ValueError):
        return code


def other_languages(then: str) -> list[OtherLanguage]:
    """The languages that this page is not in."""
    return [OtherLanguage(code=code, name=name, then=then) for code, name in LANGUAGES.items() if code != language()]


def speak_from_now(code: str) -> None:
    """Go on in another language in this very request."""
    g.chosen_language = code
    flask_babel.refresh()  # type: ignore[no-untyped-call]
    forget_words()


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Another language for what is made inside, such as a mail to somebody who reads Welsh; None: the default."""
    forget_words()
    try:
        with flask_babel.force_locale(known(code) or DEFAULT):
            yield
    finally:
        forget_words()
