"""One plain page for each status that we answer with; nothing of the fault is shown."""

import logging
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, InternalServerError

from portal.web.addresses import START_PAGE, is_htmx
from portal.web.languages import language

RETRY_AFTER_S = "5"
DATABASE_ERRORS = (DBAPIError, PoolTimeoutError)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ErrorPage:
    """What people read; one sentence says what happened, the next what to do."""

    title: LazyString
    what_to_do: LazyString


PAGES = {
    400: ErrorPage(
        _("We could not read that"),
        _("What you sent was damaged or incomplete when it reached us. Nothing was changed. Go back and try again."),
    ),
    403: ErrorPage(
        _("You cannot do that here"), _("Nothing was changed. Go back, load the page again and try once more.")
    ),
    404: ErrorPage(_("Page not found"), _("Check the address, or go to the start page.")),
    405: ErrorPage(_("That does not work here"), _("Open the page from a link or a button of this site.")),
    409: ErrorPage(
        _("This page was out of date"), _("Nothing was changed. Go back, load the page again and try once more.")
    ),
    410: ErrorPage(_("This is no longer here"), _("It was deleted or has expired.")),
    413: ErrorPage(
        _("That was too large"),
        _("Nothing was changed. Shorten what you typed, or choose smaller files, and try again."),
    ),
    422: ErrorPage(_("We could not take that"), _("Nothing was changed. Go back and check what you typed.")),
    429: ErrorPage(_("Too many tries"), _("Please wait a little and try again. Nothing was lost.")),
    500: ErrorPage(
        _("Something went wrong"),
        _("It is our fault, not yours. What you saved before is safe. Please try again in a few minutes."),
    ),
    503: ErrorPage(
        _("We will be back in a moment"),
        _("The portal is not available right now. What you saved before is safe. Please try again in a minute."),
    ),
}


def error_page(status: int, headers: dict[str, str] | None = None) -> Response:
    """The page of a status; to htmx one plain sentence, which never replaces part of a form by a whole page."""
    g.answer_status = status
    page = PAGES.get(status, PAGES[500 if status >= 500 else 400])
    if is_htmx():
        return make_response(str(page.title), status, headers or {})
    link = (_("Start page"), START_PAGE) if page is PAGES[404] else None
    text = render_template("errors/error.html", title=page.title, paragraphs=[page.what_to_do], link=link)
    return make_response(text, status, headers or {})


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return error_page(error.code or 500, kept)


def _database_away(error: BaseException) -> Response:
    logger.error("The database did not answer at %s", request.endpoint, exc_info=error)
    return _bare_page(503, {"Retry-After": RETRY_AFTER_S})


def _unexpected(error: BaseException) -> Response:
    logger.error("Unexpected failure at %s", request.endpoint, exc_info=error)
    return _bare_page(500, {})


def _crashed(error: InternalServerError) -> Response:
    """What Flask makes of a failure outside a view: in making an error page, or in finishing an answer."""
    original = error.original_exception or error
    return (_database_away if isinstance(original, DATABASE_ERRORS) else _unexpected)(original)


def _bare_page(status: int, headers: dict[str, str]) -> Response:
    """A page that needs no database: a layout, and the context of pages, would ask for the session and fail again."""
    g.request_failed = True
    page = PAGES[status]
    if is_htmx():
        return make_response(str(page.title), status, headers)
    template = current_app.jinja_env.get_template("errors/bare.html")
    text = template.render(language=language(), title=page.title, paragraphs=[page.what_to_do])
    return make_response(text, status, headers)


def init_app(app: Flask) -> None:
    """Answer every failure with its page."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(InternalServerError, _crashed)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, _database_away)
    app.register_error_handler(Exception, _unexpected)
