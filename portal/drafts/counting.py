"""Close sessions that have run out, and count each one with the form that was being filled in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.drafts.models import Draft, DraftGuest
from portal.form_definitions.versions.models import FormVersion
from portal.sessions.operations import ClosedSession, close_expired
from portal.web.app_state import app_state
from portal.web.counters import Counted, Event, write_numbers

FormPlace = tuple[str, str]
NOWHERE: FormPlace = ("", "")
Last = Mapping[object, tuple[datetime, FormPlace]]
ChangeQuery = Select[Any, datetime, str, str | None]


def close_and_count(db: Session, *, now: datetime) -> int:
    """Close one batch of sessions that have run out, count them in the same transaction, and return how many."""
    closed = close_expired(db, now=now)
    if closed:
        write_numbers(db, app_state().database, Counter(_counted(closed, *_last_places(db, closed))))
    return len(closed)


def _counted(closed: Sequence[ClosedSession], by_person: Last, by_guest: Last) -> list[Counted]:
    return [_counted_end(each, by_person.get(each.person_id) or by_guest.get(each.guest_id)) for each in closed]


def _counted_end(closed: ClosedSession, last: tuple[datetime, FormPlace] | None) -> Counted:
    """Return the count of one ended session.

    Its form and section are those of the last change, if that was made in this session or after it.
    """
    form, section = last[1] if last and last[0] >= closed.started_at else NOWHERE
    return Counted(event=Event.ENDED.value, kind=closed.kind, form=form, section=section, day=closed.ended_at.date())


def _last_places(db: Session, closed: Sequence[ClosedSession]) -> tuple[Last, Last]:
    """Return where each person and each guest last changed a draft since the first of these sessions began."""
    since = min(each.started_at for each in closed)
    people = {each.person_id for each in closed if each.person_id is not None}
    guests = {each.guest_id for each in closed if each.guest_id is not None}
    by_person = _changes(Draft.person_id, since).where(Draft.person_id.in_(people))
    by_guest = _changes(DraftGuest.guest_id, since).join(DraftGuest).where(DraftGuest.guest_id.in_(guests))
    return _read(db, by_person if people else None), _read(db, by_guest if guests else None)


def _changes(holder: "ColumnElement[Any] | InstrumentedAttribute[Any]", since: datetime) -> ChangeQuery:
    """Select the changes that count, oldest first, so that each holder's last change is read last."""
    columns = select(holder, Draft.changed_at, FormVersion.form_id, Draft.last_section_id).select_from(Draft)
    is_open = (Draft.sent_at.is_(None), Draft.deleted_at.is_(None))
    return columns.join(FormVersion).where(*is_open, Draft.changed_at >= since).order_by(Draft.changed_at, Draft.id)


def _read(db: Session, query: ChangeQuery | None) -> Last:
    rows = db.execute(query).all() if query is not None else ()
    return {holder: (changed_at, (form, section or "")) for holder, changed_at, form, section in rows}
