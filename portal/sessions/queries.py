"""Finding a session by its cookie: one indexed read that brings the settings along."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select
from sqlalchemy.orm import Session

from portal.sessions.models import SessionRow
from portal.sessions.rules import EXPLAINED_FOR, EndReason, Times, end_reason
from portal.site_settings.definition import Settings
from portal.site_settings.queries import settings_document
from portal.site_settings.rules import snapshot_of
from portal.tokens import token_hash


@dataclass(frozen=True, kw_only=True)
class FoundSession:
    """A session as one request sees it, with the settings in force."""

    id: int
    kind: str
    token_hash: bytes
    csrf_secret: str
    person_id: int | None
    guest_id: str | None
    started_at: datetime
    times: Times
    stored_reason: str | None
    quiet_path: str | None
    quiet_until: datetime | None
    authenticated_at: datetime | None
    network: str | None
    language: str | None
    is_shared: bool
    settings: Settings

    @property
    def ended_at(self) -> datetime:
        """When it ended or will end."""
        return self.times.ended_at or self.times.expires_at

    @property
    def reason(self) -> EndReason:
        """Why it ended, or would."""
        return EndReason(self.stored_reason) if self.stored_reason else end_reason(self.times)

    def ended(self, reason: EndReason, at: datetime) -> "FoundSession":
        """This session as it is once somebody has ended it."""
        return replace(self, times=replace(self.times, ended_at=at), stored_reason=reason.value)


_TABLE = SessionRow.__table__
_COLUMNS = select(*_TABLE.c, settings_document.label("settings"))
_EXPLAINED = _COLUMNS.where(func.coalesce(_TABLE.c.ended_at, _TABLE.c.expires_at) > bindparam("ended_after"))
_BY_TOKEN = _EXPLAINED.where(_TABLE.c.token_hash == bindparam("hash"), _TABLE.c.kind == bindparam("session_kind"))
_BY_ID = _EXPLAINED.where(_TABLE.c.id == bindparam("session_id"))
_AT_PLACE = _EXPLAINED.where(_TABLE.c.sole_slot == bindparam("place"))
"""Made once and asked without the ORM: every request asks one of them, and a poll asks nothing else."""


def find_session(connection: Connection, kind: str, token: str, *, now: datetime) -> FoundSession | None:
    """Return the session of this kind that a cookie's token names, live or ended so lately that we explain its end."""
    return _find(connection, _BY_TOKEN, now, hash=token_hash(token), session_kind=kind)


def session_by_id(connection: Connection, session_id: int, *, now: datetime) -> FoundSession | None:
    """Return the session with this id, live or ended so lately that we explain its end."""
    return _find(connection, _BY_ID, now, session_id=session_id)


def session_at_place(connection: Connection, place: str, *, now: datetime) -> FoundSession | None:
    """Return the session that took a place last which one at a time may hold, live or ended as lately."""
    return _find(connection, _AT_PLACE, now, place=place)


def _find(
    connection: Connection, statement: Select[Any], now: datetime, **values: str | int | bytes
) -> FoundSession | None:
    row = connection.execute(statement, {"ended_after": now - EXPLAINED_FOR, **values}).one_or_none()
    if row is None:
        return None
    return FoundSession(
        id=row.id,
        kind=row.kind,
        token_hash=row.token_hash,
        csrf_secret=row.csrf_secret,
        person_id=row.person_id,
        guest_id=row.guest_id,
        started_at=row.started_at,
        times=Times(
            expires_at=row.expires_at,
            idle_timeout=timedelta(seconds=row.idle_timeout_s),
            absolute_end_at=row.absolute_end_at,
            ended_at=row.ended_at,
        ),
        stored_reason=row.end_reason,
        quiet_path=row.quiet_path,
        quiet_until=row.quiet_until,
        authenticated_at=row.authenticated_at,
        network=row.network,
        language=row.language,
        is_shared=row.is_shared,
        settings=snapshot_of(row.settings),
    )


def has_signed_out_since(db: Session, found: FoundSession) -> bool:
    """Whether the holder of this session has pressed Sign out anywhere since it began."""
    same = _TABLE.c.person_id == found.person_id if found.person_id else _TABLE.c.guest_id == found.guest_id
    signed_out = _TABLE.c.end_reason == EndReason.SIGNED_OUT.value
    return db.scalar(select(exists().where(same, signed_out, _TABLE.c.ended_at >= found.started_at))) or False


def live_deadline(db: Session, session_id: int, *, now: datetime) -> datetime | None:
    """The deadline of a session as it is now, or None where it does not live."""
    return db.scalar(
        select(SessionRow.expires_at).where(
            SessionRow.id == session_id, SessionRow.ended_at.is_(None), SessionRow.expires_at > now
        )
    )


def live_sessions(db: Session, *, now: datetime, person_id: int | None = None) -> Sequence[SessionRow]:
    """The sessions that live at `now`, newest first; of one person where given."""
    query = select(SessionRow).where(SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
    if person_id is not None:
        query = query.where(SessionRow.person_id == person_id)
    return db.scalars(query.order_by(SessionRow.id.desc())).all()
