"""Reading people, the audit log and the history of settings, with the names of those who acted."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.admin.rules import AuditFilter
from portal.audit import AuditEvent
from portal.sessions.models import SessionRow
from portal.site_settings.queries import changes
from portal.web.counters import CounterRow


def named_changes(db: Session, names: Collection[str]) -> list[tuple[AuditEvent, str | None]]:
    """Return the latest changes of these settings, newest first, each with who made it (None: not known)."""
    events = changes(db, names)
    people = _shown_names(db, events)
    return [(event, people.get(event.person_id or 0)) for event in events]


def _shown_names(db: Session, events: Sequence[AuditEvent]) -> Mapping[int, str]:
    ids = {event.person_id for event in events if event.person_id}
    people = db.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id)) if ids else ()
    return {person.id: person.shown_name for person in people}


def audit_events(
    db: Session, chosen: AuditFilter, zone: ZoneInfo, *, limit: int
) -> list[tuple[AuditEvent, str | None]]:
    """Return the newest events of a filter, each with the name of who acted (None: not known)."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    events = db.scalars(query.where(*_event_conditions(chosen, zone))).all()
    people = _shown_names(db, events)
    return [(event, people.get(event.person_id or 0)) for event in events]


def _event_conditions(chosen: AuditFilter, zone: ZoneInfo) -> list[ColumnElement[bool]]:
    since, until = chosen.period(zone)
    conditions = (
        AuditEvent.action == chosen.action if chosen.action else None,
        AuditEvent.person_id == chosen.person_id if chosen.person else None,
        AuditEvent.subject == chosen.subject if chosen.subject else None,
        AuditEvent.at >= since if since else None,
        AuditEvent.at < until if until else None,
        AuditEvent.id < chosen.before_id if chosen.before else None,
    )
    return [condition for condition in conditions if condition is not None]


def audit_actions(db: Session) -> Sequence[str]:
    """Return every action in the audit log, in alphabetical order."""
    return db.scalars(select(AuditEvent.action).distinct().order_by(AuditEvent.action)).all()


def people_at_work(db: Session) -> Sequence[Person]:
    """Return everybody with another role than citizen, except deleted accounts, ordered by role and name."""
    query = select(Person).where(Person.role != "citizen", Person.deleted_at.is_(None))
    return db.scalars(query.order_by(Person.role, Person.name, Person.email)).all()


def unsettled_people(db: Session) -> Sequence[Person]:
    """Return everybody whose account an objection closed that could not be carried out, the oldest first."""
    query = select(Person).where(Person.unsettled_at.is_not(None), Person.disabled_at.is_not(None))
    return db.scalars(query.order_by(Person.unsettled_at, Person.id)).all()


def live_session_counts(db: Session, people: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """Return the number of live sessions of each of these people; those without one are missing."""
    query = (
        select(SessionRow.person_id, func.count())
        .where(SessionRow.person_id.in_(people), SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
        .group_by(SessionRow.person_id)
    )
    return {person_id or 0: number for person_id, number in db.execute(query)}


def count_live_sessions(db: Session, *, now: datetime) -> int:
    """Return the number of live sessions, of people and guests."""
    live = (SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
    return db.scalar(select(func.count()).select_from(SessionRow).where(*live)) or 0


def counted_since(db: Session, day: date, *, kind: str) -> list[tuple[str, str, str, int]]:
    """Return event, form, section and number of what was counted in one kind of session since a day in UTC."""
    columns = (CounterRow.event, CounterRow.form, CounterRow.section)
    query = select(*columns, func.sum(CounterRow.number)).where(CounterRow.day >= day, CounterRow.kind == kind)
    rows = db.execute(query.group_by(*columns))
    return [(event, form, section, int(number)) for event, form, section, number in rows]
