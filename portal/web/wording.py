"""Words in templates: a request has one language, looked up once, where Flask-Babel looks again at every word."""

from babel.support import NullTranslations
from flask import Flask, g
from flask_babel import get_translations


def _catalogue() -> NullTranslations:
    found: NullTranslations | None = g.get("catalogue")
    if found is None:
        found = g.catalogue = get_translations()
    return found


def _one(message: str) -> str:
    return _catalogue().ugettext(message)


def _by_number(singular: str, plural: str, number: int) -> str:
    return _catalogue().ungettext(singular, plural, number)


def forget_catalogue() -> None:
    """Look the words up again: the language of this request has changed."""
    g.pop("catalogue", None)


def init_app(app: Flask) -> None:
    """Give templates `_`, `gettext` and `ngettext`; Flask-Babel is there already."""
    words = app.jinja_env
    words.install_gettext_callables(_one, _by_number, newstyle=True)  # type: ignore[attr-defined]
    words.globals["_"] = words.globals["gettext"]
