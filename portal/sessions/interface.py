"""Flask's session interface on our own table: cookies in, cookies out, and renewal once the status is known."""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SessionInterface, SessionMixin
from itsdangerous import BadSignature, Signer
from sqlalchemy.orm import Session

from portal.audit import record
from portal.sessions.cookies import cookie_name, send_cookie
from portal.sessions.devices import device_of
from portal.sessions.operations import (
    Holder,
    Place,
    leave_quiet_path,
    move_deadline,
    open_session,
    revive_session,
    shorten_sessions,
)
from portal.sessions.policies import Kind
from portal.sessions.queries import FoundSession, find_session, live_deadline
from portal.sessions.rules import Contact, Policy, Times, counts, extended, in_grace, renewed, revived
from portal.site_settings.interface import bring, settings
from portal.tokens import new_token
from portal.web import languages
from portal.web.addresses import actor, remote_network
from portal.web.csrf import masked, proves
from portal.web.declarations import BY_PERSON, BY_QUERY, CUSTOMER, PERSONAL_KINDS, Activity, activity_of, door_of
from portal.web.portal import portal
from portal.web.unit_of_work import db, is_safe, now, reading

VISITOR_COOKIE = "visitor"
EPOCH_COOKIE = "epoch"
SHARED_COOKIE = "shared_computer"
SHARED, SHARED_OFFERED = "shared", "_shared_offered"
EPOCH_LENGTH = 12
NAMED_BUTTONS = ("_lookup", "_fill")
SUBJECT_LENGTH = 128
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Moz")


class Visit(SessionMixin, MutableMapping[str, Any]):
    """What `flask.session` is here: the sessions that this browser's cookies name, read at first use.

    As a mapping it shows Flask-Login the signed-in person, and nothing else can be stored in it.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._found: dict[str, FoundSession | None] = {}
        self._cookies: dict[str, str | None] = {}
        self._forgiven: str | None = None
        self._new_visitor: str | None = None
        self._epoch: str | None = None

    @cached_property
    def kind(self) -> str:
        """The kind of session that the called view works in; an unknown one in `?kind=` is refused by the gate."""
        door = door_of(current_app.view_functions[self._request.endpoint]) if self._request.endpoint else None
        if door is None or door.kind is None:
            return CUSTOMER
        if door.kind == BY_PERSON and "kind" not in self._request.args:
            return self._kind_of_person()
        return (asked_kind() or CUSTOMER) if door.kind in (BY_QUERY, BY_PERSON) else door.kind

    def _kind_of_person(self) -> str:
        """The kind in which a person is signed in, else was until lately, the customer's first."""
        for find in (self.live_of, self.find):
            for kind in PERSONAL_KINDS:
                if (found := find(kind)) and found.person_id:
                    return kind
        return CUSTOMER

    @property
    def found(self) -> FoundSession | None:
        """The session of this view's kind, live or ended in the last 24 hours."""
        return self.find(self.kind)

    @property
    def live(self) -> FoundSession | None:
        """The session of this view's kind, if it lived when the request arrived."""
        return self.live_of(self.kind)

    def find(self, kind: str) -> FoundSession | None:
        """The session of any kind, live or recently ended, at most one query a kind."""
        if kind not in self._found:
            self._found[kind] = self._looked_up(kind)
        return self._found[kind]

    def _looked_up(self, kind: str) -> FoundSession | None:
        token = self._request.cookies.get(cookie_name(kind_of(kind).cookie))
        found = find_session(reading(), kind, token) if token else None
        if found:
            bring(found.settings)
        return found if found and found.is_explained(now()) else None

    def live_of(self, kind: str) -> FoundSession | None:
        """The session of any kind, if it lived when the request arrived."""
        found = self.find(kind)
        return found if found and (kind == self._forgiven or found.times.alive(now())) else None

    def in_grace_of(self, kind: str) -> FoundSession | None:
        """The session of any kind, if a form that was open in it may still be sent and nothing else."""
        found = self.find(kind)
        return found if found and in_grace(found.times, policy_of(kind), now()) else None

    def note_ended(self, ended: FoundSession) -> None:
        """Take a session as ended for the rest of this request, which has just ended it."""
        self._found[ended.kind] = ended

    def forgive(self) -> None:
        """Take the session in grace as live, for the one form that this request brings."""
        self._forgiven = self.kind

    def open(
        self,
        kind: str,
        holder: Holder,
        *,
        csrf_secret: str | None = None,
        sole_slot: str | None = None,
        authenticated_at: datetime | None = None,
    ) -> int:
        """Open a session in the request's transaction and give the browser its cookie; gives the session's id."""
        is_shared = kind == CUSTOMER and self.is_shared
        token, row = open_session(
            db(),
            kind,
            _policy(kind, is_shared=is_shared),
            holder,
            now=now(),
            place=self._place(is_shared=is_shared),
            csrf_secret=csrf_secret,
            authenticated_at=authenticated_at,
            sole_slot=sole_slot,
        )
        self._cookies[kind] = token
        return row.id

    def _place(self, *, is_shared: bool) -> Place:
        return Place(
            device=device_of(self._request.headers.get("User-Agent", "")),
            network=remote_network(settings().known_networks),
            language=self.language,
            is_shared=is_shared,
        )

    @cached_property
    def is_shared(self) -> bool:
        """Whether others use this computer, as the page that sent this form asked, or an earlier one here."""
        form = self._request.form
        return SHARED in form if SHARED_OFFERED in form else cookie_name(SHARED_COOKIE) in self._request.cookies

    @property
    def _shared_cookie(self) -> dict[str, str | None]:
        """What the next pages of this browser are to know of the choice, until it is closed."""
        is_known = cookie_name(SHARED_COOKIE) in self._request.cookies
        return {} if self.is_shared == is_known else {SHARED_COOKIE: "1" if self.is_shared else None}

    @property
    def language(self) -> str | None:
        """The language chosen in this request, in this session or else in this browser; None where nobody chose.

        An ended session's is the last to be asked: its page speaks as the person did, until they choose again.
        """
        found = None if g.get("request_failed") else self.found
        stored = found.language if found else None
        cookie = self._request.cookies.get(cookie_name(languages.COOKIE))
        by_age = (stored, cookie) if found and found.times.alive(now()) else (cookie, stored)
        return next(filter(languages.known, (g.get("chosen_language"), *by_age)), None)

    def close(self, kind: str) -> None:
        """Take the cookie of a kind from the browser that sent it.

        A form on somebody else's site comes without our cookies (SameSite) and must not take them away either.
        """
        if cookie_name(kind_of(kind).cookie) in self._request.cookies:
            self._cookies[kind] = None

    def token(self) -> str:
        """A form token for the page that is being made: of the live session, else of this visitor."""
        return masked(self.live.csrf_secret, str(self.live.id)) if self.live else masked(self._visitor_secret())

    def token_if_any(self) -> str:
        """A form token where this browser has, or gets with this page, what it proves; else none, and no cookie."""
        return self.token() if self.live or self.visitor or self._new_visitor else ""

    def report_end(self) -> None:
        """Say in this answer that a session has ended.

        Browsers keep pages for Back, even some with `no-store`; they drop them when a cookie of theirs changes.
        """
        self._epoch = new_token()[:EPOCH_LENGTH]

    def proves(self, token: str | None, *, signed_out: bool) -> bool:
        """Whether a form's token was made for the live session; on forms for signed-out people also for the visitor."""
        secrets = [self.live.csrf_secret] if self.live else []
        if signed_out:
            secrets += [self.found.csrf_secret] if self.found else []
            secrets += [self.visitor] if self.visitor else []
        return any(proves(token, secret) for secret in secrets)

    @cached_property
    def visitor(self) -> str | None:
        """The secret of the signed double-submit cookie, or None where the browser sent none that is ours."""
        try:
            return signer().unsign(self._request.cookies.get(cookie_name(VISITOR_COOKIE), "")).decode()
        except BadSignature:
            return None

    def _visitor_secret(self) -> str:
        self._new_visitor = self._new_visitor or (None if self.visitor else new_token())
        return self.visitor or self._new_visitor or ""

    @property
    def cookies(self) -> dict[str, str | None]:
        """The cookies that this request sets (a value) or takes away (None)."""
        cookies = {kind_of(kind).cookie: token for kind, token in self._cookies.items()} | self._shared_cookie
        visitor = {VISITOR_COOKIE: signer().sign(self._new_visitor).decode()} if self._new_visitor else {}
        return cookies | visitor | ({EPOCH_COOKIE: self._epoch} if self._epoch else {})

    @property
    def _values(self) -> dict[str, Any]:
        return {"_user_id": str(self.live.person_id)} if self.live and self.live.person_id else {}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("Nothing is stored in the session: answers live in drafts, people in accounts.")

    def __delitem__(self, key: str) -> None:
        raise TypeError("Nothing is stored in the session.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class TableSessionInterface(SessionInterface):
    """Opens a lazy `Visit` and, when the answer is known, renews the session and sends cookies that changed."""

    def open_session(self, app: Flask, request: Request) -> Visit:
        """The visit; no query before somebody asks."""
        return Visit(request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Renew if the request counted; a request that changes nothing writes and sends nothing."""
        visit = cast("Visit", session)
        for name, value in visit.cookies.items():
            send_cookie(response, name, value)
        if not g.get("request_failed") and (is_safe() or response.status_code >= 500):
            with ExitStack() as own:
                _note_activity(visit, response, lambda: own.enter_context(portal().database.writing()))


def visit() -> Visit:
    """The visit of this request, typed."""
    return cast("Visit", session)


def kind_of(name: str) -> Kind:
    """The row of a kind."""
    kind: Kind = portal().policies[name]
    return kind


def asked_kind() -> str | None:
    """The kind of session that `?kind=` names, or None where browsers have no session of that name."""
    name = request.args.get("kind", CUSTOMER)
    kind: Kind | None = portal().policies.get(name)
    return name if kind and kind.in_browser else None


def policy_of(kind: str) -> Policy:
    """The policy of a kind under the settings in force."""
    return kind_of(kind).policy(settings())


def policy_for(found: FoundSession) -> Policy:
    """The policy of one session: that of its kind, with a shorter clock on a shared computer."""
    return _policy(found.kind, is_shared=found.is_shared)


def _policy(kind: str, *, is_shared: bool) -> Policy:
    policy = policy_of(kind)
    return replace(policy, idle_timeout=min(policy.idle_timeout, settings().shared_lifetime)) if is_shared else policy


def apply_lifetime_now(db: Session) -> int:
    """Shorten the live sessions of citizens to the lifetime in force, each with its warning ahead; gives how many."""
    policies = {is_shared: _policy(CUSTOMER, is_shared=is_shared) for is_shared in (False, True)}
    return sum(
        shorten_sessions(db, CUSTOMER, policy, now=now(), is_shared=is_shared) for is_shared, policy in policies.items()
    )


def signer() -> Signer:
    """Signs the double-submit cookie."""
    return Signer(portal().configuration.secret_key, salt="visitor")


def pressed_activity() -> Activity:
    """What this request means for the session, by its view and the button pressed."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return Activity.NONE
    declared = activity_of(view)
    return declared.pressed(pressed_button())


def pressed_button() -> str | None:
    """The word of the button that sent this form: `_action` says it, or its own name where its value says for what."""
    named = (name.removeprefix("_") for name in NAMED_BUTTONS if name in request.form)
    return request.form.get("_action") or next(named, None)


def expected_times(found: FoundSession, status: int) -> Times:
    """The session's times as they will be after this request, if it is answered with `status`."""
    times = found.times
    if not _counts(found, status):
        return times
    policy = policy_for(found)
    deadline = (renewed if times.alive(now()) else revived)(times, policy, now())
    if deadline == times.expires_at:
        return times
    return Times(expires_at=deadline, idle_timeout=policy.idle_timeout, absolute_end_at=times.absolute_end_at)


def extend(found: FoundSession) -> datetime | None:
    """Give a live session the full time from now; gives its deadline, or None where it ended in the meantime."""
    policy = policy_for(found)
    deadline = extended(found.times, policy, now())
    if move_deadline(db(), found.id, deadline, policy, now=now()):
        return deadline
    return live_deadline(db(), found.id, now=now())


def _counts(found: FoundSession, status: int) -> bool:
    contact = Contact(
        activity=pressed_activity(),
        method=request.method,
        status=status,
        is_prefetch=any("prefetch" in request.headers.get(name, "") for name in PREFETCH_HEADERS),
        is_quiet=request.method == "GET" and found.is_quiet(request.path, now()),
    )
    return counts(contact, continue_counts=found.settings.continue_counts)


def note_posted(response: Response) -> Response:
    """Write what a form means for the session together with what the form changed: one commit for both."""
    if not is_safe() and response.status_code < 500:
        _note_activity(visit(), response, db)
    return response


def _note_activity(visit: Visit, response: Response, begin: Callable[[], Session]) -> None:
    """Renew the session, or remember where a Continue led; `begin` gives the transaction, only where there is need."""
    found = visit.live if _has_session() and not visit.cookies else None
    if found is None:
        return
    times = expected_times(found, response.status_code)
    if times != found.times and found.times.alive(now()):
        move_deadline(begin(), found.id, times.expires_at, policy_for(found), now=now())
    elif times != found.times:
        _accept_in_grace(begin(), found, times.expires_at)
    elif response.status_code == 303 and pressed_activity() is Activity.CONTINUE_SECTION:
        leave_quiet_path(begin(), found.id, urlsplit(response.location or "").path, now=now())


def _accept_in_grace(db: Session, found: FoundSession, deadline: datetime) -> None:
    """A form that was open at the deadline was accepted: the session goes on, and it is written down why."""
    revive_session(db, found.id, deadline, policy_of(found.kind), now=now())
    record(db, "accepted_in_grace", by=actor(found.person_id), now=now(), subject=request.path[:SUBJECT_LENGTH])


def _has_session() -> bool:
    """Whether the view that was called knows sessions at all."""
    view = current_app.view_functions.get(request.endpoint or "")
    return view is not None and door_of(view).kind is not None


def answer_status() -> int:
    """The status that this request is expected to get; an error page names its own."""
    return cast("int", g.get("answer_status", 200))
