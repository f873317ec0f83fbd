"""The responses that several pages of accounts share: a form shown again, how long to wait, somebody signed in."""

from datetime import timedelta
from math import ceil
from typing import Any

from flask import current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from wtforms import Field

from portal.accounts.cookies import give_sign_in, sign_in_token
from portal.accounts.forms import AccountForm
from portal.accounts.interface import own_path, sign_in_person
from portal.accounts.models import Person
from portal.accounts.pending import begin_pending, end_pending
from portal.accounts.rules import Role, must_have_factor, opens
from portal.accounts.second_factors import factor_of
from portal.accounts.throttles import Throttle, use_try
from portal.sessions.gate import token_refused
from portal.site_settings.interface import settings
from portal.web.addresses import local_path, public_url
from portal.web.declarations import Door, door_of
from portal.web.unit_of_work import db, now

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


def welcome(person: Person, then: str | None) -> ResponseReturnValue:
    """Go on with somebody whose password was right, or who set a new one: to the second factor, else in.

    No session is open before the code was right. Who must have a second factor and has none sets one up first.
    """
    has_factor = factor_of(db(), person.id) is not None
    if not has_factor and not must_have_factor(person.role_row, settings()):
        return let_in(person, then)
    end_pending(db(), sign_in_token())
    give_sign_in(begin_pending(db(), person.id, now=now()))
    step = "factors.ask_code" if has_factor else "factors.set_up_first"
    return redirect(url_for(step, next=then or None), 303)


def let_in(person: Person, then: str | None) -> ResponseReturnValue:
    """Sign somebody in and send them on: to what they wanted if their role opens it, else home."""
    target = way_on(then, person.role_row)
    if sign_in_person(person):
        target = url_for("accounts.claim", next=target)
    return redirect(target, 303)


def way_on(then: str | None, role: Role) -> str:
    """Where a person of this role goes after signing in: a page of the portal that they may open."""
    target = local_path(then, role.home)
    door = door_behind(target)
    return target if door is None or opens(door, role) else role.home


def door_behind(path: str) -> Door | None:
    """The door of the page at a path, or None where a feature has no page yet."""
    adapter = current_app.url_map.bind("")
    if not adapter.test(path.partition("?")[0], method="GET"):
        return None
    endpoint, _values = adapter.match(path.partition("?")[0], method="GET")
    return door_of(current_app.view_functions[endpoint])


def mailed_link(endpoint: str, token: str | None = None, *, then: str = "") -> str:
    """The full address of a page for a mail, and where it leads `then`; commands, without a request, mail links too."""
    values = {name: value for name, value in (("token", token), ("next", then)) if value}
    return public_url(current_app.url_map.bind("").build(endpoint, values))
