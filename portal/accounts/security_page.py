"""What the security page shows: where somebody is signed in, on which devices they were, and what happened lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.accounts.known_devices import devices_of
from portal.accounts.models import KnownDevice, Person
from portal.accounts.queries import deeds_of
from portal.accounts.wording import DEEDS, KINDS, device_words
from portal.audit import AuditEvent
from portal.sessions.models import SessionRow
from portal.sessions.queries import live_sessions
from portal.site_settings.times import day_text, local_day, moment_text

LATELY = timedelta(days=30)
MOST_DEEDS = 20


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """One session of a person: where, what for, since when, and the activity that was noted last."""

    id: int
    device: str
    kind: str
    since: str
    active: str
    is_this: bool


@dataclass(frozen=True, kw_only=True)
class DeviceLine:
    """One remembered device of a person."""

    id: int
    device: str
    since: str
    seen: str


@dataclass(frozen=True, kw_only=True)
class DeedLine:
    """One thing that happened to an account: when, what, and on which device where that is known."""

    at: str
    what: str
    device: str | None


def session_lines(db: Session, person: Person, this: int, *, now: datetime) -> list[SessionLine]:
    """The person's live sessions of every kind, the newest first."""
    return [_session_line(row, this) for row in live_sessions(db, now=now, person_id=person.id)]


def session_line(db: Session, person: Person, session_id: int, *, now: datetime) -> SessionLine | None:
    """One of the person's live sessions."""
    rows = live_sessions(db, now=now, person_id=person.id)
    return next((_session_line(row, 0) for row in rows if row.id == session_id), None)


def _session_line(row: SessionRow, this: int) -> SessionLine:
    """A session is written to only when it is renewed, so its last known activity is the one that set the deadline."""
    renewed_at = max(row.started_at, row.expires_at - timedelta(seconds=row.idle_timeout_s))
    return SessionLine(
        id=row.id,
        device=device_words(row.device),
        kind=str(KINDS[row.kind]),
        since=moment_text(row.started_at),
        active=moment_text(renewed_at),
        is_this=row.id == this,
    )


def device_lines(db: Session, person: Person) -> list[DeviceLine]:
    """The devices on which the person has signed in, the last one first."""
    return [_device_line(device) for device in devices_of(db, person.id)]


def _device_line(device: KnownDevice) -> DeviceLine:
    return DeviceLine(
        id=device.id,
        device=device_words(device.device),
        since=day_text(local_day(device.first_seen_at)),
        seen=moment_text(device.last_seen_at),
    )


def deed_lines(db: Session, person: Person, *, now: datetime) -> list[DeedLine]:
    """What happened to the person's account in the last thirty days, the newest first."""
    deeds = deeds_of(db, person.id, DEEDS, since=now - LATELY, limit=MOST_DEEDS)
    return [_deed_line(event) for event in deeds]


def _deed_line(event: AuditEvent) -> DeedLine:
    device = event.details.get("device")
    return DeedLine(
        at=moment_text(event.at),
        what=str(DEEDS[event.action]),
        device=device_words(device) if device else None,
    )
