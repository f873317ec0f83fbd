"""A form of an account's page shown again: with its errors, out of date, or with how long to wait."""

from datetime import timedelta
from math import ceil
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from wtforms import Field

from portal.accounts.forms import AccountForm
from portal.accounts.signed_in import own_path
from portal.accounts.throttles import Throttle, use_try
from portal.sessions.gate import token_refused
from portal.web.unit_of_work import now

_MINUTE = timedelta(minutes=1)


def form_page(
    template: str, form: AccountForm, status: int = 200, *, wait: str | None = None, **values: Any
) -> tuple[str, int]:
    """A form's page, filled in again but for passwords."""
    page = render_template(f"accounts/{template}.html", form=form, wait=wait, status=status, own=own_path, **values)
    return page, status


def unusable(template: str, form: AccountForm, **values: Any) -> ResponseReturnValue | None:
    """The form again, where its page was out of date or it is not filled in right; None: its values can be used."""
    if token_refused():
        return form_page(template, form, 409, **values)
    return None if form.validate() else form_page(template, form, 422, **values)


def too_many(template: str, form: AccountForm, throttle: Throttle, **values: Any) -> ResponseReturnValue | None:
    """Use a try up, or show the form again with how long to wait; call it before the write transaction begins."""
    wait = use_try(throttle, now=now())
    return slow_down(template, form, wait, **values) if wait else None


def slow_down(template: str, form: AccountForm, wait: timedelta, **values: Any) -> ResponseReturnValue:
    """The form again, with how long to wait."""
    page, status = form_page(template, form, 429, wait=wait_text(wait), **values)
    return page, status, retry_after(wait)


def refuse(template: str, form: AccountForm, field: Field, sentence: str, **values: Any) -> ResponseReturnValue:
    """The form again, with why the value of a field was not taken."""
    form.refuse(field, sentence)
    return form_page(template, form, 422, **values)


def wait_text(wait: timedelta) -> str:
    """How long to wait, in words."""
    minutes = ceil(wait / _MINUTE)
    return str(ngettext("Wait a minute and try again.", "Wait %(num)s minutes and try again.", minutes))


def retry_after(wait: timedelta) -> dict[str, str]:
    """How long to wait, for programs."""
    return {"Retry-After": str(ceil(wait.total_seconds()))}
