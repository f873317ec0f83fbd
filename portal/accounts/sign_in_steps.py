"""The steps of signing in: mailed links, a right password that waits for its code, and where people go then."""

from datetime import datetime, timedelta

from flask import abort, current_app, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.accounts.models import MailedToken, PendingSignIn, Person
from portal.accounts.queries import mailed_token
from portal.accounts.rules import LinkState, Purpose, Role, link_state, must_have_factor, opens
from portal.accounts.second_factors import factor_of
from portal.accounts.signed_in import SIGN_IN, sign_in_person
from portal.db import delete_batch, rows_changed
from portal.sessions.browser_sessions import keep_cookie, kept_token
from portal.site_settings.current import settings
from portal.tokens import new_token, token_hash
from portal.web.addresses import local_path, public_url
from portal.web.app_state import app_state
from portal.web.declarations import Door, declaration_of
from portal.web.unit_of_work import db, now, reading

LIFETIME = timedelta(minutes=10)


def begin_pending(db: Session, person_id: int, *, now: datetime, is_mailed: bool = False) -> str:
    """Note that a browser knows the person's password; return the token that it is to show with the code."""
    token = new_token()
    expires_at = now + LIFETIME
    db.add(PendingSignIn(token_hash=token_hash(token), person_id=person_id, expires_at=expires_at, is_mailed=is_mailed))
    return token


def pending_sign_in(db: Session, token: str, *, now: datetime) -> PendingSignIn | None:
    """The step of the browser that shows this token, in which the password was typed a short while ago."""
    step = PendingSignIn.token_hash == token_hash(token)
    return db.scalars(select(PendingSignIn).where(step, PendingSignIn.expires_at > now)).one_or_none()


def end_pending(db: Session, token: str) -> bool:
    """End a browser's step; return whether there was one, so that of two requests at once only one goes on."""
    return rows_changed(db, delete(PendingSignIn).where(PendingSignIn.token_hash == token_hash(token))) == 1


def end_pending_of(db: Session, person_id: int) -> None:
    """End the steps of a person in all browsers."""
    db.execute(delete(PendingSignIn).where(PendingSignIn.person_id == person_id))


def sweep_pending(db: Session, *, now: datetime) -> int:
    """Delete one batch of steps that nobody finished in time; return how many."""
    return delete_batch(db, PendingSignIn, PendingSignIn.expires_at < now)


def open_link(purpose: Purpose, token: str) -> MailedToken:
    """The link that was followed; one that is unknown, used or expired is answered here."""
    link = mailed_token(reading(), purpose, token)
    if link is None:
        abort(make_response(link_over(None)))
    state = link_state(link.expires_at, link.used_at, now())
    if state is not LinkState.OPEN:
        abort(make_response(link_over(state)))
    return link


def link_over(state: LinkState | None) -> tuple[str, int]:
    """The page of a link that was used, has expired or is none of ours (None), and what to do instead."""
    page = render_template("accounts/link_over.html", is_used=state is LinkState.USED, is_unknown=state is None)
    return page, 404 if state is None else 410


def continue_sign_in(person: Person, then: str | None, *, is_mailed: bool = False) -> ResponseReturnValue:
    """Go on with somebody whose password was right, or who set one by a mailed link: to the second factor, else in.

    No session is open before the code was right. Who must have a second factor and has none sets one up first.
    """
    if has_all_steps(person):
        return sign_in_and_go_on(person, then)
    has_factor = factor_of(db(), person.id) is not None
    end_pending(db(), kept_token(SIGN_IN))
    keep_cookie(SIGN_IN, begin_pending(db(), person.id, now=now(), is_mailed=is_mailed))
    step = "factors.ask_code" if has_factor else "factors.set_up_first"
    return redirect(url_for(step, next=then or None), 303)


def has_all_steps(person: Person) -> bool:
    """Whether a password is all that the person needs to sign in: there is no second factor to ask for or set up."""
    return factor_of(db(), person.id) is None and not must_have_factor(person.role_row, settings())


def sign_in_and_go_on(person: Person, then: str | None) -> ResponseReturnValue:
    """Sign somebody in and send them on: to what they wanted if their role opens it, else home."""
    target = page_after_sign_in(then, person.role_row)
    if sign_in_person(person):
        target = url_for("accounts.claim", next=target)
    return redirect(target, 303)


def page_after_sign_in(then: str | None, role: Role) -> str:
    """Where a person of this role goes after signing in: a page of the portal that they may open."""
    target = local_path(then, role.home)
    door = door_behind(target)
    return target if door is None or opens(door, role, within=kind_around(door)) else role.home


def kind_around(door: Door) -> str | None:
    """The kind within whose session that of a door stands; None for most."""
    kind = app_state().policies.get(door.kind or "")
    return kind.within if kind else None


def door_behind(path: str) -> Door | None:
    """The door of the page at a path, or None where a feature has no page yet."""
    adapter = current_app.url_map.bind("")
    if not adapter.test(path.partition("?")[0], method="GET"):
        return None
    endpoint, _values = adapter.match(path.partition("?")[0], method="GET")
    return declaration_of(current_app.view_functions[endpoint]).door


def mailed_link(endpoint: str, token: str | None = None, *, then: str = "") -> str:
    """The full address of a page for a mail, and where it leads `then`; commands, without a request, mail links too."""
    values = {name: value for name, value in (("token", token), ("next", then)) if value}
    return public_url(current_app.url_map.bind("").build(endpoint, values))
