"""Every door that gives a browser a session, and every way in which sessions end: what their races are made of."""

import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pyotp
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.accounts.address_change import object_to_change
from portal.accounts.factor_views import OFFER, submit_code, submit_set_up_first
from portal.accounts.models import MailedToken, Person
from portal.accounts.operations import change_role, delete_account, disable_account, issue_token, replace_password
from portal.accounts.profile_views import submit_password
from portal.accounts.queries import locked_person, mailed_token
from portal.accounts.rules import Purpose, person_subject
from portal.accounts.second_factors import NewCodes, new_secret, switch_on
from portal.accounts.security_views import submit_again
from portal.accounts.sign_in_steps import begin_pending
from portal.accounts.signed_in import SIGN_IN
from portal.accounts.views import submit_claim, submit_new_password, submit_sign_in
from portal.audit import Actor
from portal.db import Database
from portal.drafts.models import Draft
from portal.drafts.operations import start_draft
from portal.drafts.preview.views import start_now
from portal.drafts.sealing import RETURN_CODE, subject
from portal.form_definitions.versions.queries import current_version, definition_of
from portal.messages.guests import CODE_COOKIE as MESSAGES_CODE_COOKIE
from portal.messages.guests import use_code
from portal.messages.opening import submit_unlock
from portal.resume.coming_back import DEVICE_COOKIE
from portal.resume.operations import issue_code, issue_link
from portal.resume.queries import find_link, return_code_of
from portal.resume.views import CODE_COOKIE, redeem, use_return_code, use_typed_code
from portal.sessions.browser_sessions import cookie_name, policy_of
from portal.sessions.models import SessionRow
from portal.sessions.operations import Holder, OpenedFrom, end_all_sessions, end_session, end_sessions_of, open_session
from portal.sessions.policies import KINDS
from portal.sessions.queries import live_sessions
from portal.sessions.rules import EndReason
from portal.signing.landing import answer_landing
from portal.site_settings.operations import change_settings
from portal.tokens import masked, new_token
from tests import threads
from tests.citizen import Citizen
from tests.loan import publish_loan
from tests.people import PASSWORD, add_person
from tests.signatures import BORN, link_to, publish_flat, send_flat

HERE, ELSEWHERE = "192.0.2.1", "203.0.113.9"
NEW_PASSWORD = "another long password"
RULES: dict[str, str | bool] = {
    "customer_network_rule": "end",
    "hub_network_rule": "end",
    "second_factor_required": True,
}
DEVICE = new_token()
LOOPS = 3
FACTOR_CODES = NewCodes(plain=("AAAAA-AAAAA",), salt=bytes(16), hashes=(bytes(32),))


class Scene:
    """A portal with a form and a guest's draft, in which rounds happen; all networks are held to the rule *end*."""

    def __init__(self, app: Flask) -> None:
        self.app, self.parts = app, app.extensions["portal"]
        self.database: Database = self.parts.database
        self.keyring = self.parts.configuration.keyring
        self.numbers = count(1)
        publish_loan(app)
        publish_flat(app)
        add_person(app, "root@council.example", "administrator")
        with self.database.writing() as db:
            change_settings(db, RULES, by=Actor(), now=self.now)

    def new_draft(self) -> tuple[str, str, str]:
        """Start a guest's draft, as one may be come back to so many times; return reference, return code and link."""
        with self.database.writing() as db:
            reference, link = self.draft_with_link(db, Holder(guest_id=new_token()))
            draft_id, sealed = return_code_of(db, reference) or (0, b"")
        return reference, self.keyring.open(sealed, subject=subject(draft_id), place=RETURN_CODE).decode(), link

    @property
    def now(self) -> datetime:
        now: datetime = self.parts.clock.now()
        return now

    def draft_with_link(self, db: Session, holder: Holder) -> tuple[str, str]:
        """Start a draft; return its reference and the token of a link that was asked for in the browser `DEVICE`."""
        version = current_version(db, "tool-loan")
        assert version is not None
        form = definition_of(version)
        draft: Draft = start_draft(db, version, form, holder, rules=form.drafts, keyring=self.keyring, now=self.now)
        link = issue_link(db, draft, "zoe@mail.example", keyring=self.keyring, now=self.now, device=DEVICE)
        return draft.reference, link


class Round:
    """One person, signed in twice: `owner` is the session that they know of, `thief` a browser with a copied cookie."""

    def __init__(self, scene: Scene, role: str = "citizen") -> None:
        self.scene, self.role = scene, role
        self.email = f"ada{next(scene.numbers)}@mail.example"
        self.person_id = add_person(scene.app, self.email, role).id
        self.kind = "customer" if role == "citizen" else "hub"
        self.owner = self.hold(Citizen(scene.app, HERE), at=None)
        self.thief = Citizen(scene.app, HERE)
        self.copied = self.hold(self.thief, at=scene.now)
        self.cookie = self.cookie_of(self.thief)
        self.doubles: list[Citizen] = []
        self.token = masked(self.copied.csrf_secret, str(self.copied.id))
        if self.kind == "hub":  # pages for signed-out people do not know this session
            self.token = self.thief.open("/account/sign-in").value("csrf_token") or ""

    def hold(self, browser: Citizen, *, at: datetime | None, guest_id: str | None = None) -> SessionRow:
        """Give a browser a session of the person; return its row."""
        holder = Holder(person_id=self.person_id, guest_id=guest_id)
        with self.scene.app.test_request_context(), self.scene.database.writing() as db:
            token, row = open_session(
                db,
                self.kind,
                policy_of(self.kind),
                holder,
                now=self.scene.now,
                opened_from=OpenedFrom(network=HERE),
                authenticated_at=at,
            )
            browser.client.set_cookie(cookie_name(KINDS[self.kind].cookie), token)
        return row

    def cookie_of(self, browser: Citizen) -> str:
        with self.scene.app.test_request_context():
            found = browser.client.get_cookie(cookie_name(KINDS[self.kind].cookie))
        return found.value if found else ""

    def send(self, path: str, **fields: str) -> TestResponse:
        """Post a form in the thief's browser, with the token of the page that was open."""
        return self.thief.post(path, fields | {"csrf_token": self.token, "_end": "1"})

    def give(self, name: str, value: str) -> None:
        """Give the thief's browser another cookie of ours."""
        self.thief.client.set_cookie(name, value)

    def double(self, app: Flask | None = None) -> "Round":
        """The same person and session in one more browser, which has a copy of the cookie, at another server."""
        other = copy(self)
        other.thief = self.copies(self.cookie, app)
        if self.kind == "hub":
            other.token = other.thief.open("/account/sign-in").value("csrf_token") or ""
        self.doubles.append(other.thief)
        return other

    def copies(self, cookie: str, app: Flask | None = None) -> Citizen:
        """Another browser with a cookie of the session."""
        browser = Citizen(app or self.scene.app, HERE)
        with self.scene.app.test_request_context():
            browser.client.set_cookie(cookie_name(KINDS[self.kind].cookie), cookie)
        return browser

    def lives(self) -> list[int]:
        """The person's live sessions, but for the one that the owner knows of."""
        with self.scene.database.reading() as db:
            rows = live_sessions(db, now=self.scene.now, person_id=self.person_id)
            return [row.id for row in rows if row.id != self.owner.id]


Send = Callable[[], TestResponse]
Prepare = Callable[[Round], Send]


@contextmanager
def writing(at: Round) -> Iterator[Session]:
    """A transaction that may mail somebody."""
    with at.scene.app.test_request_context(), at.scene.database.writing() as db:
        yield db


def return_code(at: Round) -> Send:
    reference, code, _link = at.scene.new_draft()
    return lambda: at.send("/resume", reference=reference, return_code=code)


def link_press(at: Round) -> Send:
    at.give(DEVICE_COOKIE, DEVICE)
    _reference, _code, link = at.scene.new_draft()
    return lambda: at.send(f"/resume/{link}")


def mailed_code(at: Round) -> Send:
    parts, (_reference, _code, token) = at.scene.parts, at.scene.new_draft()
    with writing(at) as db:
        link = find_link(db, token)
        assert link is not None
        secret = parts.configuration.secret_key
        issued = issue_code(db, link, secret=secret, now=at.scene.now, may_share=False)
    at.give(CODE_COOKIE, issued.cookie)
    return lambda: at.send("/resume/code", code=issued.digits or "")


def code_for_messages(at: Round) -> Send:
    code = threads.code_for(at.scene.app, threads.begin(at.scene.app))
    at.give(MESSAGES_CODE_COOKIE, code.cookie)
    return lambda: at.send("/messages/code", code=code.digits)


def own_link(at: Round) -> Send:
    with writing(at) as db:
        _reference, link = at.scene.draft_with_link(db, Holder(person_id=at.person_id))
    return lambda: at.send(f"/resume/{link}", _action="keep")


def password_again(at: Round) -> Send:
    return lambda: at.send("/account/again", password=PASSWORD)


def password_change(at: Round) -> Send:
    return lambda: at.send("/account/password/change", old_password=PASSWORD, password=NEW_PASSWORD)


def sign_in(at: Round) -> Send:
    return lambda: at.send("/account/sign-in", email=at.email, password=PASSWORD)


def second_factor(at: Round) -> Send:
    secret = new_secret()
    with writing(at) as db:
        person = at_person(db, at)
        by, now = Actor(), at.scene.now
        switch_on(db, person, secret, 0, FACTOR_CODES, keyring=at.scene.keyring, by=by, now=now)
        at.give(SIGN_IN, begin_pending(db, at.person_id, now=now))
    return lambda: at.send("/account/second-factor", code=pyotp.TOTP(secret).at(at.scene.now))


def factor_set_up(at: Round) -> Send:
    secret = new_secret()
    sealed = at.scene.keyring.seal(secret.encode(), subject=person_subject(at.person_id), place=OFFER)
    offered, code = urlsafe_b64encode(sealed).decode(), pyotp.TOTP(secret).at(at.scene.now)
    with writing(at) as db:
        at.give(SIGN_IN, begin_pending(db, at.person_id, now=at.scene.now))
    return lambda: at.send("/account/second-factor/set-up", secret=offered, code=code)


def mailed_password(at: Round) -> Send:
    with writing(at) as db:
        token = issue_token(db, Purpose.SET_PASSWORD, at.email, now=at.scene.now, person_id=at.person_id)
    return lambda: at.send(f"/account/password/{token}", password=NEW_PASSWORD)


def form_start(at: Round) -> Send:
    return lambda: at.send("/forms/tool-loan")


def messages_press(at: Round) -> Send:
    return lambda: at.send("/messages/unlock")


def messages_password(at: Round) -> Send:
    with writing(at) as db:
        db.execute(update(SessionRow).where(SessionRow.id == at.copied.id).values(authenticated_at=None))
    return lambda: at.send("/messages/unlock", password=PASSWORD)


def signers_check(at: Round) -> Send:
    reference = send_flat(Citizen(at.scene.app, HERE))
    link = link_to(at.scene.app, reference)
    token = at.thief.open(link).value("csrf_token") or ""
    fact = {name.replace("__", "-"): value for name, value in BORN.items()}
    return lambda: at.thief.post(link, {**fact, "_action": "check", "csrf_token": token})


def claim(at: Round) -> Send:
    with writing(at) as db:
        db.execute(update(SessionRow).where(SessionRow.id == at.copied.id).values(guest_id=new_token()))
    return lambda: at.send("/account/claim", answer="yes")


def at_person(db: Session, at: Round) -> Person:
    person = locked_person(db, at.person_id)
    assert person is not None
    return person


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A door: `prepare` makes ready what is sent; `proves` where it proves a person with or without a session."""

    view: Callable[..., object]
    prepare: Prepare
    proves: bool = False
    role: str = "citizen"


OPENINGS: Mapping[str, Opening] = {
    "return code": Opening(view=use_return_code, prepare=return_code),
    "press on a link": Opening(view=redeem, prepare=link_press),
    "mailed code": Opening(view=use_typed_code, prepare=mailed_code),
    "mailed code for messages": Opening(view=use_code, prepare=code_for_messages),
    "press on the link to an own form": Opening(view=redeem, prepare=own_link),
    "password again": Opening(view=submit_again, prepare=password_again),
    "change of password": Opening(view=submit_password, prepare=password_change),
    "password": Opening(view=submit_sign_in, prepare=sign_in, proves=True),
    "second factor": Opening(view=submit_code, prepare=second_factor, proves=True),
    "second factor set up first": Opening(view=submit_set_up_first, prepare=factor_set_up, proves=True, role="staff"),
    "mailed link for a new password": Opening(view=submit_new_password, prepare=mailed_password, proves=True),
    "start of a form": Opening(view=start_now, prepare=form_start),
    "press that opens messages": Opening(view=submit_unlock, prepare=messages_press),
    "password that opens messages": Opening(view=submit_unlock, prepare=messages_password),
    "check on a link to sign": Opening(view=answer_landing, prepare=signers_check),
    "claim of a guest's form": Opening(view=submit_claim, prepare=claim),
}


def signed_out(at: Round) -> None:
    browser = at.copies(at.cookie)
    browser.post(f"/account/sign-out?kind={at.kind}", {"csrf_token": masked(at.copied.csrf_secret, str(at.copied.id))})


def one_ended(at: Round) -> None:
    with writing(at) as db:
        end_session(db, at.copied.id, EndReason.ENDED_BY_OWNER, now=at.scene.now)


def others_ended(at: Round) -> None:
    with writing(at) as db:
        at_person(db, at)
        end_sessions_of(db, at.person_id, EndReason.ENDED_BY_OWNER, now=at.scene.now, but=at.owner.id)


def all_ended(at: Round) -> None:
    with writing(at) as db:
        at_person(db, at)
        end_sessions_of(db, at.person_id, EndReason.STAFF, now=at.scene.now)


def everybody_ended(at: Round) -> None:
    with writing(at) as db:
        end_all_sessions(db, EndReason.STAFF, now=at.scene.now)


def command_run(at: Round) -> None:
    answer = at.scene.app.test_cli_runner().invoke(args=["sessions", "end", "--person", str(at.person_id)])
    assert answer.exit_code == 0


def password_replaced(at: Round) -> None:
    with writing(at) as db:
        replace_password(db, at_person(db, at), "changed", by=Actor(), now=at.scene.now, but=at.owner.id)


def password_reset(at: Round) -> None:
    with writing(at) as db:
        replace_password(db, at_person(db, at), "reset", by=Actor(), now=at.scene.now)


def account_closed(at: Round) -> None:
    with writing(at) as db:
        disable_account(db, at.person_id, by=Actor(), now=at.scene.now)


def account_deleted(at: Round) -> None:
    with writing(at) as db:
        delete_account(db, at_person(db, at), by=Actor(), now=at.scene.now)


def role_changed(at: Round) -> None:
    with writing(at) as db:
        change_role(db, at.person_id, "designer", by=Actor(), now=at.scene.now)


def objected(at: Round) -> None:
    with writing(at) as db:
        token = issue_token(db, Purpose.OBJECT, at.email, now=at.scene.now, person_id=at.person_id)
        db.flush()
        link: MailedToken | None = mailed_token(db, Purpose.OBJECT, token)
        assert link is not None
        to = "/account/password/{}".format
        object_to_change(db, at_person(db, at), link, password_link=to, by=Actor(), now=at.scene.now)


def signed_in_elsewhere(at: Round) -> None:
    with writing(at) as db:
        change_settings(db, {"one_sign_in": True}, by=Actor(), now=at.scene.now)
    browser = Citizen(at.scene.app, HERE)
    browser.open("/account/sign-in")
    browser.press("Sign in", email=at.email, password=PASSWORD)
    with writing(at) as db:
        newest = live_sessions(db, now=at.scene.now, person_id=at.person_id)
        at.owner = newest[0] if newest else at.owner
        change_settings(db, {"one_sign_in": False}, by=Actor(), now=at.scene.now)


def network_changed(at: Round) -> None:
    browser = at.copies(at.cookie_of(at.thief))
    browser.client.environ_base["REMOTE_ADDR"] = ELSEWHERE
    browser.get("/" if at.kind == "customer" else "/hub")


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A way of ending: `of` says what it ends, and `voids` that it makes earlier proofs of the person worthless."""

    end: Callable[[Round], None]
    of: str = "person"
    voids: bool = False


ENDINGS: Mapping[str, Ending] = {
    "sign-out": Ending(end=signed_out, of="session"),
    "end one": Ending(end=one_ended, of="session"),
    "change of network": Ending(end=network_changed, of="session"),
    "end all others": Ending(end=others_ended),
    "end all of a person": Ending(end=all_ended),
    "end everybody's": Ending(end=everybody_ended),
    "command": Ending(end=command_run),
    "one sign-in at a time": Ending(end=signed_in_elsewhere),
    "role changed": Ending(end=role_changed),
    "password changed": Ending(end=password_replaced, voids=True),
    "password reset": Ending(end=password_reset, voids=True),
    "account closed": Ending(end=account_closed, voids=True),
    "account deleted": Ending(end=account_deleted, voids=True),
    "objection": Ending(end=objected, voids=True),
}


def may_live(opening: Opening, ending: Ending, *, ended_first: bool) -> bool:
    """Whether somebody may be in afterwards: who proved anew what nobody had made void, after the end or beside it."""
    return opening.proves and not (ending.voids if ended_first else ending.of == "person")


def storm(scene: Scene, opening: Opening, ending: Ending, servers: tuple[Flask, ...]) -> list[int]:
    """Loop a door in a browser of each server while sessions end; return who is in, and should not be."""
    at = Round(scene, opening.role)
    sends = [opening.prepare(at.double(app)) for app in servers]
    start = threading.Barrier(len(sends) + 1)

    def loop(send: Send) -> None:
        start.wait(timeout=60)
        for _ in range(LOOPS):
            send()

    def end() -> None:
        start.wait(timeout=60)
        ending.end(at)

    with ThreadPoolExecutor(len(sends) + 1) as pool:
        for future in [pool.submit(end), *[pool.submit(loop, send) for send in sends]]:
            future.result(timeout=120)
    if opening.proves:
        return at.lives() if ending.voids else []
    for send in sends:
        send()
    return at.lives()


@dataclass
class Crossing:
    """Runs something in the middle of a request: after it has read its session, before its last transaction begins."""

    database: Database
    meanwhile: Callable[[], object]
    begun: int = field(default=0, init=False)

    @contextmanager
    def at(self, number: int) -> Iterator[None]:
        """Run `meanwhile` as this thread begins its transaction of this number; 0 only counts them."""
        thread, begin = threading.get_ident(), self.database.writing

        def writing() -> Any:
            if threading.get_ident() == thread:
                self.begun += 1
                if self.begun == number:
                    other = threading.Thread(target=self.meanwhile)
                    other.start()
                    other.join()
            return begin()

        vars(self.database)["writing"] = writing
        try:
            yield
        finally:
            del vars(self.database)["writing"]


def transactions_of(scene: Scene, opening: Opening) -> int:
    """How many transactions this door begins where nothing goes wrong."""
    send = opening.prepare(Round(scene, opening.role))
    crossing = Crossing(scene.database, meanwhile=lambda: None)
    with crossing.at(0):
        assert send().status_code == 303
    return crossing.begun


def crossed(scene: Scene, opening: Opening, ending: Ending, number: int) -> list[int]:
    """End sessions in the middle of a door's request, then try the door again; return who is in, and should not be."""
    at = Round(scene, opening.role)
    send = opening.prepare(at)
    failures: list[Exception] = []

    def end() -> None:
        try:
            ending.end(at)
        except Exception as failure:
            failures.append(failure)

    with Crossing(scene.database, meanwhile=end).at(number):
        send()
    for failure in failures:
        raise failure
    if may_live(opening, ending, ended_first=True):
        return []
    if not opening.proves:
        send()
    return at.lives()


def ended_after(scene: Scene, opening: Opening, ending: Ending) -> list[int]:
    """End what was there before a door's request, once that is answered; return who is in, and should not be."""
    at = Round(scene, opening.role)
    opening.prepare(at)()
    ending.end(at)
    return [] if may_live(opening, ending, ended_first=False) else at.lives()
