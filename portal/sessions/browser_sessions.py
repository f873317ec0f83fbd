"""The sessions that a browser's cookies name: found, opened, closed, and the language that goes with them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from flask import (
    Request,
    Response,
    after_this_request,
    g,
    has_request_context,
    redirect,
    request,
    session,
    url_for,
)
from flask.sessions import SessionMixin
from itsdangerous import BadSignature, Signer
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from portal.audit import record
from portal.errors import UndecryptableError
from portal.sessions.operations import (
    Holder,
    OpenedFrom,
    Proved,
    end_made_of,
    end_session,
    follow_network,
    move_within,
    open_session,
    replace_session,
    shorten_sessions,
    store_language,
)
from portal.sessions.queries import FoundSession, find_session, session_by_id
from portal.sessions.rules import EndReason, NetworkRule, Policy, in_grace
from portal.site_settings.current import settings, use_settings
from portal.tokens import TOKEN, masked, new_token, proves
from portal.web.addresses import actor
from portal.web.app_state import app_state, called_view
from portal.web.declarations import BY_PERSON, BY_QUERY, CUSTOMER, HUB, PERSONAL_KINDS
from portal.web.languages import COOKIE, DEFAULT, LANGUAGES, known, speak_from_now
from portal.web.networks import network_of
from portal.web.unit_of_work import at_once, db, is_safe, now, reading

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What a browser says, and its name; others say the names of those below them, too."""
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)
VISITOR_COOKIE = "visitor"
EPOCH_COOKIE = "epoch"
SHARED_COOKIE = "shared_computer"
SHARED, SHARED_OFFERED = "shared", "_shared_offered"
EPOCH_LENGTH = 12
ENDED = "ended session"
LEFT_COOKIE = "left"
"""Shows a guest who has just signed out the way back, once."""
CLEARED, ALL_CLEARED = '"cache"', '"cache", "cookies"'
"""What a browser is told to forget: cookies only on a shared computer, as that ends the other kinds of session, too.

Never its storage: we keep nothing there, and it would be that of every other service at this address.
"""


def cookie_name(name: str) -> str:
    """A cookie's name in this installation: browsers hold `__Host-` cookies to HTTPS, this host and all paths."""
    return f"__Host-{name}" if app_state().configuration.is_https else name


def send_cookie(response: Response, name: str, value: str | None, max_age: timedelta | None = None) -> None:
    """Give the browser a cookie of ours, or take it away (None); deleting sets the same flags as setting.

    Without `max_age` the browser forgets it when it is closed.
    """
    flags: dict[str, Any] = {
        "httponly": True,
        "samesite": "Lax",
        "secure": app_state().configuration.is_https,
        "path": "/",
    }
    if value is None:
        response.delete_cookie(cookie_name(name), **flags)
    else:
        response.set_cookie(cookie_name(name), value, max_age=max_age, **flags)


def keep_cookie(name: str, value: str | None, max_age: timedelta | None = None) -> None:
    """Give the browser a cookie of ours with this request's answer, or take it away (None)."""

    @after_this_request
    def send(response: Response) -> Response:
        send_cookie(response, name, value, max_age)
        return response


def kept_token(name: str) -> str:
    """Return the token that this browser keeps in a cookie of ours; empty where it keeps none."""
    value = request.cookies.get(cookie_name(name), "")
    return value if TOKEN.fullmatch(value) else ""


def device_of(user_agent: str) -> str | None:
    """The families of browser and system, like `Firefox/Windows`; a part that is not known is empty."""
    family, system = (next((name for sign, name in table if sign in user_agent), "") for table in (BROWSERS, SYSTEMS))
    return f"{family}/{system}" if family or system else None


class BrowserSessions(SessionMixin, MutableMapping[str, Any]):
    """What `flask.session` is here: the sessions that this browser's cookies name, read at first use.

    As a mapping it shows Flask-Login the signed-in person, and nothing else can be stored in it.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._found: dict[str, FoundSession | None] = {}
        self._cookies: dict[str, str | None] = {}
        self._forgiven: str | None = None
        self._withheld: set[str] = set()
        self.is_admitted = False
        self._new_visitor: str | None = None
        self._epoch: str | None = None

    @cached_property
    def kind(self) -> str:
        """The kind of session that the called view works in; an unknown one in `?kind=` is refused by the gate."""
        view = called_view()
        if view is None or view.door.kind is None:
            return CUSTOMER
        if view.door.kind == BY_PERSON and "kind" not in self._request.args:
            return self._kind_of_person()
        return (asked_kind() or CUSTOMER) if view.door.kind in (BY_QUERY, BY_PERSON) else view.door.kind

    def _kind_of_person(self) -> str:
        """The kind in which a person is signed in, else was until lately, the customer's first."""
        for find in (self.live, self.find):
            for kind in PERSONAL_KINDS:
                if (found := find(kind)) and found.person_id:
                    return kind
        return CUSTOMER

    def find(self, kind: str | None = None) -> FoundSession | None:
        """Return the session of a kind (by default the view's), live or ended in the last 24 hours.

        At most one query a kind and request. Wherever a session is found, it is asked whether its network is still the
        same.
        """
        kind = kind or self.kind
        if kind not in self._found:
            token = self._request.cookies.get(cookie_name(app_state().policies[kind].cookie))
            found = None
            if token:
                with app_state().database.looking() as connection:
                    found = find_session(connection, kind, token, now=now())
            self._found[kind] = found
            if found:
                use_settings(found.settings)
                network = network_of(self._request.remote_addr, found.settings.known_networks)
                if found.network not in (None, network):
                    self._apply_network_rule(found, network)
        return self._found[kind]

    def live(self, kind: str | None = None) -> FoundSession | None:
        """Return the session of a kind (by default the view's), if it lived when the request arrived.

        One that waits for the password, because its network changed, is none.
        """
        found = self.find(kind)
        if found is None or found.kind in self._withheld:
            return None
        if found.times.alive(now()):
            return found
        return self.in_grace(kind) if found.kind == self._forgiven else None

    def in_grace(self, kind: str | None = None) -> FoundSession | None:
        """Return the session of a kind, if a form that was open in it may still be sent and nothing else."""
        held = self.held(kind)
        is_in_grace = held is not None and in_grace(held.times, policy_of(held.kind), now())
        return held if held and is_in_grace and held.kind not in self._withheld else None

    def held(self, kind: str | None = None) -> FoundSession | None:
        """Return the session of a kind that this browser can end: live, in grace, or waiting for the password."""
        found = self.find(kind)
        lives = found is not None and (found.times.alive(now()) or in_grace(found.times, policy_of(found.kind), now()))
        return found if lives else None

    def withheld(self, kind: str | None = None) -> FoundSession | None:
        """Return the session of a kind (by default the view's) that waits for the password: its network changed."""
        found = self.find(kind)
        return found if found and found.kind in self._withheld and found.times.alive(now()) else None

    def admit(self) -> None:
        """Take the session that waits for the password as live, on the page that asks for it.

        `is_admitted` remembers it: until the password was right, nothing renews the session or says whose it is.
        """
        self._withheld.discard(self.kind)
        self.is_admitted = True

    def _apply_network_rule(self, found: FoundSession, network: str) -> None:
        """Do what the network rule says about a session that comes from another network than before."""
        if self.held(found.kind) is None:
            return
        rule = app_state().policies[found.kind].network_rule(found.settings)
        if rule is NetworkRule.PASSWORD and found.person_id:
            self._withheld.add(found.kind)
            return
        by, subject = actor(found.person_id), f"session {found.id}"
        with at_once() as own:
            if rule is not NetworkRule.LOG:
                end_session(own, found.id, EndReason.NETWORK, now=now())
                record(own, "session_ended_by_network", by=by, now=now(), subject=subject)
                self._found[found.kind] = found.ended(EndReason.NETWORK, now())
            elif follow_network(own, found.id, network, now=now()):
                record(own, "network_changed", by=by, now=now(), subject=subject)

    def end(self, kind: str, reason: EndReason) -> FoundSession | None:
        """End what this browser holds, in the request's transaction; return it as it was, None where nothing lived.

        Where its cookie was replaced and the browser does not have the new one, what was made of it ends all the same.
        """
        held, found = self.held(kind), self.find(kind)
        if held is None and found and found.reason is EndReason.REPLACED:
            end_made_of(db(), found, reason, now=now())
        if held is None or not end_session(db(), held.id, reason, now=now()):
            return None
        self._found[kind] = held.ended(reason, now())
        return held

    def end_within(
        self, kind: str, reason: EndReason, *, unless: Callable[[FoundSession], bool] = lambda _found: False
    ) -> None:
        """End what stands within a kind and take its cookie away; what `unless` is true of goes on."""
        for name in kinds_within(kind):
            found = self.find(name)
            if found and not unless(found):
                self.end(name, reason)
                self.close(name)

    def end_at_once(self, found: FoundSession, reason: EndReason) -> FoundSession:
        """End a session whatever becomes of the request; return it as it is then."""
        with at_once() as own:
            end_session(own, found.id, reason, now=now())
        ended = self._found[found.kind] = found.ended(reason, now())
        return ended

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
        token: str | None = None,
    ) -> int:
        """Open a session for somebody who has just proved a right to it; what this browser held of the kind ends.

        So does what stands within it and is somebody else's, or waits for the password; what goes on stands within the
        new one. The session opens in the request's transaction, in which the proof is judged, and the browser gets its
        cookie. Return the session's id.
        """
        self.end(kind, EndReason.REPLACED)
        self.end_within(kind, EndReason.REPLACED, unless=lambda found: self._goes_on(found, holder))
        is_shared = app_state().policies[kind].is_short_on_shared and self.is_shared
        opened_from = OpenedFrom(
            device=device_of(self._request.headers.get("User-Agent", "")),
            network=network_of(self._request.remote_addr, settings().known_networks),
            language=self.language,
            is_shared=is_shared,
        )
        token, row = open_session(
            db(),
            kind,
            policy_of(kind, is_shared=is_shared),
            holder,
            now=now(),
            opened_from=opened_from,
            csrf_secret=csrf_secret,
            authenticated_at=authenticated_at,
            sole_slot=sole_slot,
            token=token,
        )
        self._cookies[kind] = token
        for name in kinds_within(kind):
            beside = self.held(name)
            if beside and beside.person_id:
                move_within(db(), name, beside.id, around=row.id)
        return row.id

    def give(self, kind: str, token: str) -> None:
        """Give this browser the cookie that another answer to it has brought, too."""
        self._cookies[kind] = token

    def _goes_on(self, found: FoundSession, holder: Holder) -> bool:
        """Whether a session goes on beside the one of this holder: it is of the same person, or both are guests'."""
        return found.person_id == holder.person_id and found.kind not in self._withheld

    def replace(self, live: FoundSession, *, guest_id: str | None, proved: Proved | None = None) -> bool:
        """Go on in a live session under a new token; return False where it has ended or was replaced meanwhile."""
        is_shared = app_state().policies[live.kind].is_short_on_shared and self.is_shared
        policy = policy_of(live.kind, is_shared=is_shared)
        token = replace_session(db(), live, policy, now=now(), guest_id=guest_id, is_shared=is_shared, proved=proved)
        if token:
            self._cookies[live.kind] = token
        return token is not None

    @cached_property
    def is_shared(self) -> bool:
        """Whether others use this computer, as the page that sent this form asked, or an earlier one here."""
        form = self._request.form
        return SHARED in form if SHARED_OFFERED in form else self._was_shared

    @property
    def _was_shared(self) -> bool:
        return cookie_name(SHARED_COOKIE) in self._request.cookies

    @property
    def language(self) -> str | None:
        """The language chosen in this request, in this session or else in this browser; None where nobody chose.

        An ended session's is the last to be asked: its page speaks as the person did, until they choose again.
        """
        found = None if g.get("request_failed") else self.find()
        stored = found.language if found else None
        cookie = self._request.cookies.get(cookie_name(COOKIE))
        speaks = found is not None and (found.times.alive(now()) or found.times.ended_at == now())
        by_age = (stored, cookie) if speaks else (cookie, stored)
        return next((code for code in (g.get("chosen_language"), *by_age) if code in LANGUAGES), None)

    def close(self, kind: str) -> None:
        """Take the cookie of a kind from the browser that sent it.

        A form on somebody else's site comes without our cookies (SameSite) and must not take them away either.
        """
        if cookie_name(app_state().policies[kind].cookie) in self._request.cookies:
            self._cookies[kind] = None

    def token(self, kind: str | None = None) -> str:
        """A form token for the page that is being made: of the live session of a kind, else of this visitor."""
        live = self.live(kind)
        if live:
            return masked(live.csrf_secret, str(live.id))
        secret = self.visitor or self._new_visitor or new_token()
        self._new_visitor = None if self.visitor else secret
        return masked(secret)

    def token_if_any(self, kind: str | None = None) -> str:
        """A form token where this browser has, or gets with this page, what it proves; else none, and no cookie."""
        return self.token(kind) if self.live(kind) or self.visitor or self._new_visitor else ""

    def report_end(self) -> None:
        """Say in this answer that a session has ended.

        Browsers keep pages for Back, even some with `no-store`; they drop them when a cookie of theirs changes.
        """
        self._epoch = new_token()[:EPOCH_LENGTH]

    def proves(self, token: str | None, *, signed_out: bool) -> bool:
        """Whether a form's token was made for the live session; on forms for signed-out people also for the visitor."""
        found = self.find() if signed_out else self.live()
        secrets = (found.csrf_secret if found else None, self.visitor if signed_out else None)
        return any(proves(token, secret) for secret in secrets)

    @cached_property
    def visitor(self) -> str | None:
        """The secret of the signed double-submit cookie, or None where the browser sent none that is ours."""
        try:
            return visitor_signer().unsign(self._request.cookies.get(cookie_name(VISITOR_COOKIE), "")).decode()
        except BadSignature:
            return None

    @property
    def cookies(self) -> dict[str, str | None]:
        """The cookies that this request sets (a value) or takes away (None)."""
        cookies = {app_state().policies[kind].cookie: token for kind, token in self._cookies.items()}
        if SHARED_OFFERED in self._request.form and self.is_shared != self._was_shared:
            cookies[SHARED_COOKIE] = "1" if self.is_shared else None
        if self._new_visitor:
            cookies[VISITOR_COOKIE] = visitor_signer().sign(self._new_visitor).decode()
        if self._epoch:
            cookies[EPOCH_COOKIE] = self._epoch
        return cookies

    @property
    def _values(self) -> dict[str, Any]:
        live = self.live()
        return {"_user_id": str(live.person_id)} if live and live.person_id else {}

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


def browser() -> BrowserSessions:
    """Return the sessions of the browser that sent this request."""
    return cast("BrowserSessions", session)


def is_shared_computer() -> bool:
    """Whether others use the computer of this request."""
    return browser().is_shared


def form_token() -> str | None:
    """Return the token that came with this form."""
    return request.form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER)


def asked_kind() -> str | None:
    """The kind of session that `?kind=` names, or None where browsers have no session of that name."""
    name = request.args.get("kind", CUSTOMER)
    kind = app_state().policies.get(name)
    return name if kind and kind.in_browser else None


def kinds_within(kind: str) -> tuple[str, ...]:
    """Return the kinds whose sessions stand within one of this kind."""
    return tuple(name for name, each in app_state().policies.items() if each.within == kind)


def kinds_beside(kind: str) -> tuple[str, ...]:
    """Return the kinds whose sessions one sign-out ends together with one of this kind, itself included."""
    around = app_state().policies[kind].within or kind
    return (around, *kinds_within(around))


def policy_of(kind: str, *, is_shared: bool = False) -> Policy:
    """Return the policy of a kind under the settings in force, with a shorter clock on a shared computer."""
    policy = app_state().policies[kind].policy(settings())
    return replace(policy, idle_timeout=min(policy.idle_timeout, settings().shared_lifetime)) if is_shared else policy


def apply_lifetime_now(db: Session) -> int:
    """Shorten the live sessions of citizens to the lifetime in force, each page with its warning; return how many."""
    changed = 0
    for is_shared in (False, True):
        policy = policy_of(CUSTOMER, is_shared=is_shared)
        changed += shorten_sessions(db, CUSTOMER, policy, now=now(), is_shared=is_shared)
    return changed


def visitor_signer() -> Signer:
    """Return what signs the double-submit cookie."""
    return Signer(app_state().configuration.secret_key, salt="visitor")


def language_of_request() -> str:
    """What the person chose, else the default; staff pages and commands speak the default.

    The page of a failure asks the browser's cookie alone: whose session it is, only the database knows.
    """
    is_for_citizens = has_request_context() and (g.get("request_failed") or browser().kind != HUB)
    return (browser().language if is_for_citizens else None) or DEFAULT


def prefer_language(code: str) -> None:
    """Speak the language of what is being opened, such as a link from a Welsh mail, unless the person has chosen one.

    Looking at a page leaves nothing behind; from the first button on it is remembered.
    """
    if browser().language is None and code != DEFAULT:
        (speak_from_now if is_safe() else change_language)(code)


def change_language(asked: str | None) -> None:
    """Speak another language from now on, here and on the pages to come; one that we do not speak changes nothing.

    The cookie is given even where there is a session: the page after its end speaks the same language.
    """
    code = known(asked)
    if code is None:
        return
    held = [live for kind in kinds_beside(browser().kind) if (live := browser().live(kind))]
    if held:
        with at_once() as own:
            for live in held:
                store_language(own, live.id, code, now=now())
    keep_cookie(COOKIE, code)
    speak_from_now(code)


def leave(*, is_told: bool = False) -> Response:
    """End this browser's session of the view's kind; where there is none any more, the answer is the same.

    What stands within it ends as well, and where the view's kind stands within another, that one ends with it. A guest
    with answers reads on the next page how to come back, unless they know it (`is_told`). Where the time of a guest ran
    out before, the browser keeps what explains that, and with it the way back.
    """
    kind = app_state().policies[browser().kind].within or browser().kind
    held, beside = browser().held(kind), [found for name in kinds_within(kind) if (found := browser().held(name))]
    if held and held.guest_id and held.person_id:  # they signed in over a guest's form, and never said whose it is
        app_state().hooks.left_behind(held)
    ended = browser().end(kind, EndReason.SIGNED_OUT) or next(iter(beside), None)
    browser().end_within(kind, EndReason.SIGNED_OUT)
    if ended:
        record(db(), "signed_out", by=actor(ended.person_id), now=now(), kind=ended.kind)
    found = browser().find(kind)
    guest = found if found and found.guest_id and found.person_id is None else None
    is_guest_beside = ended is not None and ended.kind != kind and ended.person_id is None
    left = _left_by(guest) if guest else "done" if is_guest_beside else None
    then = url_for(
        "sessions.ended",
        reason=EndReason.SIGNED_OUT.value,
        guest=left,
        kind=None if kind == CUSTOMER else kind,
    )
    is_shared = any(each.is_shared for each in (held, *beside) if each)
    if guest and left == "saved" and not is_told:
        if guest.reason is not EndReason.SIGNED_OUT:
            return forget_pages(redirect(then, 303))
        keep_cookie(LEFT_COOKIE, sealed_session(guest))
        is_shared = False  # the next page still needs a cookie, and clears them all
    return forget_session(kind, then, ALL_CLEARED if is_shared else CLEARED)


def _left_by(guest: FoundSession) -> str:
    """Return what a guest who signs out leaves behind: answers `saved` or `lost`, a `new` form, or nothing (`done`)."""
    hooks = app_state().hooks
    if hooks.way_back(guest):
        return "saved"
    kept = hooks.kept_work(guest, None)
    return "done" if kept is None else "new" if kept.is_saved else "lost"


def sealed_session(found: FoundSession) -> str:
    """Return what proves that a page was made for the holder of this session, which has ended."""
    sealed = app_state().configuration.keyring.seal(str(found.id).encode(), subject=ENDED, place=LEFT_COOKIE)
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def opened_session(sealed: str) -> FoundSession | None:
    """Return the session that `sealed_session` named, as long as its end is explained; None where it was not us."""
    try:
        raw = urlsafe_b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4))
        plain = app_state().configuration.keyring.open(raw, subject=ENDED, place=LEFT_COOKIE)
    except (UndecryptableError, UnicodeError, ValueError):
        return None
    found = session_by_id(reading().connection(), int(plain), now=now())
    if found:
        use_settings(found.settings)
    return found


def forget_session(kind: str, then: str, cleared: str = CLEARED) -> Response:
    """Go on without a session that has ended: its cookie goes, and what the browser kept of its pages.

    The cookies of what stands within it go, too.
    """
    for name in (kind, *kinds_within(kind)):
        browser().close(name)
    return forget_pages(redirect(then, 303), cleared)


def forget_pages(answer: BaseResponse, cleared: str = CLEARED) -> Response:
    """Let the browser forget the pages that it kept."""
    browser().report_end()
    answer.headers["Clear-Site-Data"] = cleared
    return Response(answer.response, answer.status, answer.headers)
