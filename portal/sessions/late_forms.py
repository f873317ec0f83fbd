"""What is left when a session ends: the work that was kept, and forms that arrived too late, parked for a day."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from flask import request
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from sqlalchemy import BindParameter, ColumnElement, Exists, Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.db import Database, delete_batch, rows_changed
from portal.keyring import Keyring
from portal.sessions.activity import count_at
from portal.sessions.browser_sessions import form_token
from portal.sessions.models import ParkedValues
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.storage.operations import claim_upload, hand_over_late_files, late_work
from portal.storage.uploads import receive
from portal.tokens import proves
from portal.web.app_state import app_state
from portal.web.counters import Event
from portal.web.strict_input import END_MARKER
from portal.web.unit_of_work import db, now, stop_reading

Pairs = tuple[tuple[str, str], ...]
KEPT_FOR = timedelta(hours=24)
SEEN_INPUTS = ("_revision", "_page", "_sequence")
SEEN_LENGTH = 64
SHOWN = "_parked"
TAB_LENGTH = 16
OF_GUEST = "guest "
TABS_A_PAGE = 5
"""Late forms of one page and holder: as many tabs of it as somebody may have forgotten."""
FORM_BYTES, HOLDER_BYTES = 2**19, 2**23
"""What is kept of one late form, and of all those of one holder. A whole page of answers has a few thousand bytes."""


@dataclass(frozen=True, kw_only=True)
class KeptWork:
    """The form that was open: `place` names the section, `path` leads back to it.

    `is_saved` is False where the form cannot be saved and its answers end with the session.
    """

    form_title: str
    reference: str
    saved_at: str
    saved_time: str
    place: str | None
    path: str
    is_saved: bool
    is_guest: bool


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """What the page after the end offers a guest who has left answers behind.

    `proof` shows that the page was made for this guest. `masked` is where a link can be mailed, in a form that tells
    nobody else; None where no address was answered. `is_sent` says that the link was mailed since the end.
    `is_private` says that the guest has just signed out and reads this: only then `email` is the address, and `slips`
    are what they copy by hand.
    """

    proof: str
    masked: str | None
    is_sent: bool
    keep_until: str
    is_private: bool
    email: str
    slips: Sequence[object]


REASONS: Mapping[EndReason, LazyString] = MappingProxyType(
    {
        EndReason.IDLE: _("You were signed out because your time ran out."),
        EndReason.ABSOLUTE_LIMIT: _("You had been signed in for as long as we allow."),
        EndReason.SIGNED_OUT: _("You have signed out."),
        EndReason.SIGNED_OUT_ELSEWHERE: _("You signed in somewhere else. You can be signed in at one place at a time."),
        EndReason.REPLACED: _("You signed in again, or opened a saved form, in this browser."),
        EndReason.NETWORK: _(
            "Your internet connection changed, so we closed your messages to keep them private. Your draft is saved."
        ),
        EndReason.STAFF: _("Our staff signed you out."),
        EndReason.PASSWORD_CHANGED: _("Your password was changed."),
        EndReason.COOKIES_BLOCKED: _(
            "Your browser is not keeping the cookie we need, so we cannot keep you signed in."
        ),
        EndReason.ENDED_BY_OWNER: _("You signed out here from another device or browser."),
        EndReason.OBJECTED: _("Somebody stopped a change of your e-mail address."),
        EndReason.ACCOUNT_DELETED: _("Your account was deleted."),
        EndReason.TAKEN_BACK: _("The link that you used was stopped, because it went to a wrong e-mail address."),
    }
)


@dataclass(frozen=True, kw_only=True)
class LateForm:
    """The values of a form that arrived too late.

    `fields` are the fields they speak for (None: all of the page); `pairs` what was posted for them, by input name.
    `seen` is what the page itself knew of the stored values, as it was served.
    """

    fields: frozenset[str] | None
    pairs: Pairs
    seen: Pairs

    @property
    def size(self) -> int:
        """How many bytes it says, names included."""
        return sum(len(name.encode()) + len(value.encode()) for name, value in self.pairs)

    def over(self, earlier: "LateForm | None") -> "LateForm":
        """These values laid over those that the same page had sent before."""
        if earlier is None or self.fields is None:
            return self
        fields = None if earlier.fields is None else earlier.fields | self.fields
        return replace(self, fields=fields, pairs=_without(earlier.pairs, self.fields) + self.pairs)

    def without(self, saved: frozenset[str], *, of: frozenset[str], seen: Pairs) -> "LateForm | None":
        """What is left once some fields, `of` all that the page has, are saved by a page that shows these values.

        `seen` is what that page knows of the stored values now. None where nothing is left.
        """
        left = (of if self.fields is None else self.fields) - saved
        return replace(self, fields=left, pairs=_without(self.pairs, saved), seen=seen) if left else None


def _without(pairs: Pairs, fields: frozenset[str]) -> Pairs:
    return tuple(pair for pair in pairs if field_of(pair[0]) not in fields)


def field_of(name: str) -> str:
    """The field that an input belongs to: `born-day` belongs to `born`."""
    return name.partition("-")[0]


@dataclass(frozen=True, kw_only=True)
class Parked:
    """A late form as it is kept: of which page, since when, until when.

    `tab` names the opened page that sent it: two tabs of one page are two late forms, and neither replaces the other.
    """

    page: str
    tab: str
    form: LateForm
    parked_at: datetime
    expires_at: datetime
    gave_way: bool = False
    """Whether older late forms of its holder were deleted, to make room for this one."""


@dataclass(frozen=True, kw_only=True)
class ParkablePage:
    """A page that late values may wait for: its address, and the fields that it has or had."""

    address: str
    fields: frozenset[str]


def park(
    db: Session,
    database: Database,
    keyring: Keyring,
    found: FoundSession,
    page: str,
    tab: str,
    form: LateForm,
    *,
    now: datetime,
) -> Parked | None:
    """Keep a late form for a day; what the same tab sent before is laid under it. None if it is too large for a form.

    The caller has seen that the session's holder may open the page. A guest who came back is a new guest each time, so
    what a guest parked goes on with whoever works on the page now, as it opens for them.
    """
    if form.size > FORM_BYTES:
        return None
    nothing = {"sealed": b"", "parked_at": now, "expires_at": now}
    database.insert_or_ignore(db, ParkedValues, page=page, tab=tab, work=work_of(page), **nothing)
    row = db.scalars(_row_of_tab(page, tab).with_for_update()).one()  # two late forms at once end up with one row
    is_own = row.expires_at > now and row.person_id in (None, found.person_id)
    whole = form.over(_open_parked(keyring, row).form if is_own else None)
    if whole.size > FORM_BYTES:
        return None
    row.person_id, row.guest_id = found.person_id, found.guest_id
    _seal(keyring, row, whole)
    row.parked_at, row.expires_at = now, now + KEPT_FOR
    row.gave_way = _make_room(db, row) or (row.gave_way and is_own)
    return Parked(page=page, tab=tab, form=whole, parked_at=now, expires_at=row.expires_at, gave_way=row.gave_way)


def _make_room(db: Session, newest: ParkedValues) -> bool:
    """Delete the oldest late forms of a holder that are too many; return whether there were any.

    A guest who came back is another guest, so theirs are also those that guests left in the same work.
    """
    db.flush()
    theirs = ParkedValues.person_id == newest.person_id
    if newest.person_id is None:
        of_guest = or_(ParkedValues.guest_id == newest.guest_id, ParkedValues.work == newest.work)
        theirs = and_(ParkedValues.person_id.is_(None), of_guest)
    columns = (ParkedValues.id, ParkedValues.page, func.length(ParkedValues.sealed))
    latest_first = (ParkedValues.id != newest.id, ParkedValues.parked_at.desc(), ParkedValues.id.desc())
    tabs, size, over = Counter[str](), 0, list[int]()
    for row_id, page, length in db.execute(select(*columns).where(theirs).order_by(*latest_first)):
        tabs[page], size = tabs[page] + 1, size + length
        if tabs[page] > TABS_A_PAGE or size > HOLDER_BYTES:
            over.append(row_id)
    return rows_changed(db, delete(ParkedValues).where(ParkedValues.id.in_(sorted(over)))) > 0 if over else False


def work_of(page: str) -> str:
    """The whole that a page belongs to: `/drafts/R` of `/drafts/R/rent`."""
    return "/".join(page.split("/")[:3])


def _row_of_tab(page: str, tab: str) -> Select[ParkedValues]:
    return select(ParkedValues).where(ParkedValues.page == page, ParkedValues.tab == tab)


def parked_on(db: Session, keyring: Keyring, page: str, *, now: datetime, person_id: int | None) -> list[Parked]:
    """What is parked of a page, the latest first; the caller may open the page.

    A person's values open for that person alone.
    """
    theirs = or_(ParkedValues.person_id.is_(None), ParkedValues.person_id == person_id)  # others may have such a page
    query = select(ParkedValues).where(ParkedValues.page == page, ParkedValues.expires_at > now, theirs)
    rows = db.scalars(query.order_by(ParkedValues.parked_at.desc(), ParkedValues.id.desc()))
    return [_open_parked(keyring, row) for row in rows]


def has_parked(work: ColumnElement[str], *, now: BindParameter[datetime]) -> Exists:
    """The condition that something of a whole is parked, for queries that ask this beside other things."""
    return exists().where(ParkedValues.work == work, ParkedValues.expires_at > now)


def parked_pages(db: Session, work: str, *, now: datetime) -> list[str]:
    """The pages of a whole that have something parked, the latest first."""
    query = select(ParkedValues.page).where(ParkedValues.work == work, ParkedValues.expires_at > now)
    pages = db.scalars(query.order_by(ParkedValues.parked_at.desc(), ParkedValues.id.desc()))
    return list(dict.fromkeys(pages))


def keep_parked(db: Session, keyring: Keyring, parked: Parked, form: LateForm) -> None:
    """Keep this much of a parked form: the rest is saved. One that has given way meanwhile stays away."""
    row = db.scalars(_row_of_tab(parked.page, parked.tab)).one_or_none()
    if row:
        _seal(keyring, row, form)


def forget_parked(db: Session, parked: Parked) -> None:
    """Delete a parked form: all of it is saved or discarded."""
    db.execute(delete(ParkedValues).where(ParkedValues.page == parked.page, ParkedValues.tab == parked.tab))


def forget_parked_of(db: Session, work: str, guests: Collection[str] | None = None) -> None:
    """Remove what was parked of a whole: all of it, or what these guests sent."""
    parked = delete(ParkedValues).where(ParkedValues.work == work)
    db.execute(parked if guests is None else parked.where(ParkedValues.guest_id.in_(guests)))


def hand_over_late(db: Session, keyring: Keyring, from_id: int, to_id: int) -> None:
    """Keep for one person what another sent late, files included; the caller hands the works over as well."""
    theirs = select(ParkedValues).where(ParkedValues.person_id == from_id).order_by(ParkedValues.id)
    for row in db.scalars(theirs.with_for_update()).all():
        form = _open_parked(keyring, row).form
        row.person_id = to_id
        _seal(keyring, row, form)
    hand_over_late_files(db, late_place(from_id), to=late_place(to_id), keyring=keyring)


def sweep_parked(db: Session, *, now: datetime) -> int:
    """Delete one batch of values whose day is over; return how many."""
    return delete_batch(db, ParkedValues, ParkedValues.expires_at <= now)


def _open_parked(keyring: Keyring, row: ParkedValues) -> Parked:
    fields, pairs, seen = json.loads(keyring.open(row.sealed, **_bound_to(row)))
    form = LateForm(
        fields=None if fields is None else frozenset(fields),
        pairs=tuple((name, value) for name, value in pairs),
        seen=tuple((name, value) for name, value in seen),
    )
    return Parked(
        page=row.page,
        tab=row.tab,
        form=form,
        parked_at=row.parked_at,
        expires_at=row.expires_at,
        gave_way=row.gave_way,
    )


def _seal(keyring: Keyring, row: ParkedValues, form: LateForm) -> None:
    fields = None if form.fields is None else sorted(form.fields)
    plain = json.dumps([fields, form.pairs, form.seen], ensure_ascii=False).encode()
    row.sealed = keyring.seal(plain, **_bound_to(row))


def _bound_to(row: ParkedValues) -> dict[str, str]:
    """What the keyring binds a row's values to: they open as this page's and this holder's alone."""
    return {"subject": f"parked:{row.page}", "place": f"person {row.person_id} guest {row.guest_id}"}


def park_late_form(found: FoundSession) -> Parked | None:
    """Keep what this request sent, if it is a whole form page of the session `found` that has ended.

    Nothing is kept without the session's own token, after an explicit sign-out, or where the form is not saved.
    """
    is_whole = END_MARKER in request.form
    if found.reason is EndReason.SIGNED_OUT or not is_whole or not proves(form_token(), found.csrf_secret):
        return None
    parkable = app_state().hooks.parkable_page(found, request.path)
    if parkable is None:
        return None
    page, uploads, keyring = parkable.address, receive().uploads, app_state().configuration.keyring
    if not _may_still_park(found):
        return None
    # A page that showed parked values goes on with them: its values are those of the tab that sent them first.
    tab = (request.form.get(SHOWN) or request.form.get("_page", ""))[:TAB_LENGTH]
    parked = park(db(), app_state().database, keyring, found, page, tab, _sent_form(parkable.fields), now=now())
    if parked is None:
        return None
    place, until = late_place(found.person_id, found.guest_id), now() + KEPT_FOR
    for upload in uploads:
        claim_upload(db(), upload, work=late_work(page), place=place, keyring=keyring, now=now(), until=until)
    if not found.times.alive(now()):
        count_at(found, Event.PARKED, page)
    return parked


def _may_still_park(found: FoundSession) -> bool:
    """Look again in the write transaction: a body arrives slowly, and what it is for may be somebody else's by now."""
    db()
    stop_reading()
    return app_state().hooks.parkable_page(found, request.path) is not None


def late_place(person_id: int | None = None, guest_id: str | None = None) -> str:
    """Whom late files are bound to: a person, or the guest who sent them."""
    return f"person {person_id}" if person_id else f"{OF_GUEST}{guest_id}"


def may_take_late(place: str, person_id: int | None) -> bool:
    """Whether whoever may open a form may take a late file of this place: a guest's, or one of this person."""
    return place.startswith(OF_GUEST) or place in ("person None", f"person {person_id}")


def _sent_form(known: frozenset[str]) -> LateForm:
    """What the form says for the fields of its page; an autosave speaks only for those that it names."""
    named, sent = request.form.get("_changed"), request.form.items(multi=True)
    return LateForm(
        fields=None if named is None else known.intersection(named.split(",")),
        pairs=tuple((name, value) for name, value in sent if field_of(name) in known),
        seen=tuple((name, request.form[name][:SEEN_LENGTH]) for name in SEEN_INPUTS if name in request.form),
    )
