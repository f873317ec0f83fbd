"""The responses that several pages of accounts share: a form shown again, too many tries, somebody signed in."""

from datetime import timedelta
from math import ceil

from flask import current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from portal.accounts.forms import AccountForm
from portal.accounts.interface import sign_in_person
from portal.accounts.models import Person
from portal.accounts.rules import Role, opens
from portal.web.addresses import local_path, public_url
from portal.web.declarations import Door, door_of

_MINUTE = timedelta(minutes=1)


def form_page(template: str, form: AccountForm, status: int = 200) -> ResponseReturnValue:
    """A form's page, filled in again but for passwords."""
    return render_template(f"accounts/{template}.html", form=form, wait=None, status=status), status


def too_many(template: str, form: AccountForm, wait: timedelta) -> ResponseReturnValue:
    """The form again, with how long to wait."""
    minutes = ceil(wait / _MINUTE)
    text = ngettext("Wait a minute and try again.", "Wait %(num)s minutes and try again.", minutes)
    page = render_template(f"accounts/{template}.html", form=form, wait=text, status=429)
    return page, 429, {"Retry-After": str(ceil(wait.total_seconds()))}


def welcome(person: Person, then: str | None) -> ResponseReturnValue:
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


def mailed_link(endpoint: str, token: str | None = None) -> str:
    """The full address of a page for a mail; commands, which have no request, mail links too."""
    values = {"token": token} if token else {}
    return public_url(current_app.url_map.bind("").build(endpoint, values))
