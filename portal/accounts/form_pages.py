"""A form's page shown again: with its errors, out of date, or with how long to wait. Saving and resuming use it too."""

from datetime import timedelta
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import Field

from portal.accounts.forms import AccountForm
from portal.accounts.signed_in import own_path
from portal.sessions.gate import token_refused
from portal.web.limits import Throttle, retry_after, use_first_try, wait_text
from portal.web.unit_of_work import now


def form_page(
    template: str, form: AccountForm, status: int = 200, *, wait: str | None = None, **values: Any
) -> tuple[str, int]:
    """Return a form's page, filled in again but for passwords; `template` is like `accounts/sign_in`."""
    page = render_template(f"{template}.html", form=form, wait=wait, status=status, own=own_path, **values)
    return page, status


def unusable_form_page(template: str, form: AccountForm, **values: Any) -> ResponseReturnValue | None:
    """Return the form again, where its page was out of date or it is not filled in right; None: it can be used."""
    if token_refused():
        return form_page(template, form, 409, **values)
    return None if form.validate() else form_page(template, form, 422, **values)


def refusal_page(template: str, form: AccountForm, field: Field, sentence: str, **values: Any) -> ResponseReturnValue:
    """Return the form again, with why the value of a field was not taken."""
    form.refuse(field, sentence)
    return form_page(template, form, 422, **values)


def too_many_tries_page(
    template: str, form: AccountForm, *throttles: Throttle, **values: Any
) -> ResponseReturnValue | None:
    """Use a try up at the first throttle that has one, or return the form with how long to wait.

    Call it before the write transaction begins.
    """
    _used, wait = use_first_try(throttles, now=now())
    return wait_page(template, form, wait, **values) if wait else None


def wait_page(
    template: str, form: AccountForm, wait: timedelta, field: Field | None = None, **values: Any
) -> ResponseReturnValue:
    """Return the form again, with how long to wait: above it, or beside a field where one is named."""
    if field is not None:
        form.refuse(field, _("Too many tries.") + " " + wait_text(wait))
    page, status = form_page(template, form, 429, wait=wait_text(wait), **values)
    return page, status, retry_after(wait)
