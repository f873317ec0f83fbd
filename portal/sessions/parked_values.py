"""Parked values in the database: encrypted, bound to one tab's page and one person, for a day."""

import json
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, Exists, Select, delete, exists, select
from sqlalchemy.orm import Session

from portal.db import Database, delete_batch
from portal.keyring import Keyring
from portal.sessions.late_forms import LateForm, Parked
from portal.sessions.models import ParkedValues
from portal.sessions.queries import FoundSession

KEPT_FOR = timedelta(hours=24)


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
) -> Parked:
    """Keep a late form for a day; what the same tab sent before is laid under it.

    The caller has seen that the session's holder may open the page. A guest who came back is a new guest each time, so
    what a guest parked goes on with whoever works on the page now, as it opens for them.
    """
    row = _locked(db, database, page, tab, now)
    whole = form.over(_parked_before(keyring, row, found, now))
    row.person_id, row.guest_id = found.person_id, found.guest_id
    row.sealed = keyring.seal(_plain(whole), subject=_subject(page), place=_place(row))
    row.parked_at, row.expires_at = now, now + KEPT_FOR
    return Parked(page=page, tab=tab, form=whole, parked_at=now, expires_at=row.expires_at)


def work_of(page: str) -> str:
    """The whole that a page belongs to: `/drafts/R` of `/drafts/R/rent`."""
    return "/".join(page.split("/")[:3])


def _locked(db: Session, database: Database, page: str, tab: str, now: datetime) -> ParkedValues:
    """The row of a tab, made if need be with nothing in it; two late forms that make it at once end up with one."""
    nothing = {"sealed": b"", "parked_at": now, "expires_at": now}
    database.insert_or_ignore(db, ParkedValues, page=page, tab=tab, work=work_of(page), **nothing)
    return db.scalars(_rows(page, tab).with_for_update()).one()


def _rows(page: str, tab: str) -> Select[ParkedValues]:
    return select(ParkedValues).where(ParkedValues.page == page, ParkedValues.tab == tab)


def _parked_before(keyring: Keyring, row: ParkedValues, found: FoundSession, now: datetime) -> LateForm | None:
    if row.expires_at <= now or row.person_id not in (None, found.person_id):
        return None
    return _opened(keyring, row).form


def parked_on(db: Session, keyring: Keyring, page: str, *, now: datetime, person_id: int | None) -> list[Parked]:
    """What is parked of a page, the latest first; the caller may open the page.

    A person's values open for that person alone.
    """
    query = select(ParkedValues).where(ParkedValues.page == page, ParkedValues.expires_at > now)
    rows = db.scalars(query.order_by(ParkedValues.parked_at.desc(), ParkedValues.id.desc()))
    return [_opened(keyring, row) for row in rows if row.person_id in (None, person_id)]


def has_parked(work: BindParameter[str], *, now: BindParameter[datetime]) -> Exists:
    """The condition that something of a whole is parked, for queries that ask this beside other things."""
    return exists().where(ParkedValues.work == work, ParkedValues.expires_at > now)


def parked_pages(db: Session, work: str, *, now: datetime) -> list[str]:
    """The pages of a whole that have something parked, the latest first."""
    query = select(ParkedValues.page).where(ParkedValues.work == work, ParkedValues.expires_at > now)
    pages = db.scalars(query.order_by(ParkedValues.parked_at.desc(), ParkedValues.id.desc()))
    return list(dict.fromkeys(pages))


def keep_parked(db: Session, keyring: Keyring, parked: Parked, form: LateForm | None) -> None:
    """Keep this much of a parked form: the rest is saved. None lets go of all of it."""
    row = db.scalars(_rows(parked.page, parked.tab)).one()
    if form is None:
        db.delete(row)
    else:
        row.sealed = keyring.seal(_plain(form), subject=_subject(row.page), place=_place(row))


def forget_parked_of(db: Session, work: str) -> None:
    """Remove all that was parked of a whole."""
    db.execute(delete(ParkedValues).where(ParkedValues.work == work))


def sweep_parked(db: Session, *, now: datetime) -> int:
    """Delete one batch of values whose day is over; gives how many."""
    return delete_batch(db, ParkedValues, ParkedValues.expires_at <= now)


def _opened(keyring: Keyring, row: ParkedValues) -> Parked:
    fields, pairs, seen = json.loads(keyring.open(row.sealed, subject=_subject(row.page), place=_place(row)))
    form = LateForm(
        fields=None if fields is None else frozenset(fields),
        pairs=tuple((name, value) for name, value in pairs),
        seen=tuple((name, value) for name, value in seen),
    )
    return Parked(page=row.page, tab=row.tab, form=form, parked_at=row.parked_at, expires_at=row.expires_at)


def _plain(form: LateForm) -> bytes:
    fields = None if form.fields is None else sorted(form.fields)
    return json.dumps([fields, form.pairs, form.seen], ensure_ascii=False).encode()


def _subject(page: str) -> str:
    return f"parked:{page}"


def _place(row: ParkedValues) -> str:
    return f"person {row.person_id} guest {row.guest_id}"
