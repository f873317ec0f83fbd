"""Opening, replacing, renewing and ending sessions: each change is one `UPDATE … WHERE` that no dead session passes.

Only a proof of who somebody is makes a row that lives. A session that is made of another one is the same row under
another token, so whoever ends the one has ended the other, whichever of two transactions comes first.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, Update, and_, bindparam, case, exists, not_, or_, select, update
from sqlalchemy.orm import Session

from portal.db import SWEEP_BATCH, delete_batch, rows_changed
from portal.sessions.models import NOT_ENDED, SessionRow
from portal.sessions.policies import GRACE, KINDS, SIGN_IN_KINDS
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EXPLAINED_FOR, QUIET_TIME, EndReason, Policy, first_deadline, replaced, shortened
from portal.tokens import new_token, token_hash

_UPDATE = update(SessionRow).execution_options(synchronize_session=False)
_TABLE = cast("Table", SessionRow.__table__)
_LEAVE_QUIET_PATH = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("of_id"), _TABLE.c.ended_at.is_(None), _TABLE.c.expires_at > bindparam("at"))
    .values(quiet_path=bindparam("path"), quiet_until=bindparam("until"))
)
"""Built once: every Continue runs it."""
_GOES_ON = frozenset({EndReason.REPLACED, EndReason.SIGNED_OUT_ELSEWHERE})
"""Ends of a session whose person signs in anew: whoever does ends what stands within it, or keeps it."""
CLOSED_AFTER = timedelta(minutes=5)
"""Longer than any request takes: one that arrived in time may still renew its session."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose session it is: a signed-in person, a guest, or a person who began as a guest."""

    person_id: int | None = None
    guest_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class OpenedFrom:
    """Where a session begins: the browser's device and network, the language chosen in it, whether others use it.

    `language` is None where nobody chose one, `device` names its families.
    """

    device: str | None = None
    network: str | None = None
    language: str | None = None
    is_shared: bool = False


def open_session(
    db: Session,
    kind: str,
    policy: Policy,
    holder: Holder,
    *,
    now: datetime,
    opened_from: OpenedFrom = OpenedFrom(),
    csrf_secret: str | None = None,
    authenticated_at: datetime | None = None,
    sole_slot: str | None = None,
    token: str | None = None,
) -> tuple[str, SessionRow]:
    """Begin a session with the full time; return the cookie's token, which is stored nowhere, and the row.

    `csrf_secret` of a session that this one replaces keeps pages in its other tabs working. `authenticated_at` is when
    its person last proved who they are, `sole_slot` what one live session at a time may hold. `token` is one that can
    be made again, for a second answer to the same person.
    """
    token = token or new_token()
    row = SessionRow(
        kind=kind,
        token_hash=token_hash(token),
        csrf_secret=csrf_secret or new_token(),
        person_id=holder.person_id,
        guest_id=holder.guest_id,
        idle_timeout_s=int(policy.idle_timeout.total_seconds()),
        started_at=now,
        expires_at=first_deadline(policy, now),
        absolute_end_at=policy.absolute_end(now),
        authenticated_at=authenticated_at,
        sole_slot=sole_slot,
        **asdict(opened_from),
    )
    db.add(row)
    db.flush()
    return token, row


@dataclass(frozen=True, kw_only=True)
class Proved:
    """What a session gains when its person proves again who they are: without it, it inherits what it had."""

    authenticated_at: datetime
    network: str


def replace_session(
    db: Session,
    old: FoundSession,
    policy: Policy,
    *,
    now: datetime,
    guest_id: str | None,
    is_shared: bool,
    proved: Proved | None = None,
) -> str | None:
    """Go on with a session of the same holder under a new token, with the full time; return the token.

    None where the session no longer lives. A person's is gone, too, if another request has replaced it, unless the
    person has `proved` who they are: then whoever has the other token is out. Without a proof the absolute end, the
    time of the last proof, the network and the place of the only sign-in stay. A row that never lives keeps the old
    token for a day, so that its end can be explained.
    """
    token, statement = new_token(), _live(old.id, now)
    if old.person_id and proved is None:
        statement = statement.where(SessionRow.token_hash == old.token_hash)
    times = old.times if proved is None else replace(old.times, absolute_end_at=policy.absolute_end(now))
    deadline = replaced(times, policy, now, is_shortened=is_shared and not old.is_shared)
    gained = asdict(proved) | {"absolute_end_at": times.absolute_end_at} if proved else {}
    values = {"token_hash": token_hash(token), "guest_id": guest_id, "is_shared": is_shared, "started_at": now}
    if rows_changed(db, statement.values(values | gained | _moved_to(deadline, policy))) != 1:
        return None
    _explain_token(db, old, now=now)
    return token


def _explain_token(db: Session, old: FoundSession, *, now: datetime) -> None:
    """Keep the token that was replaced, unless an earlier replacement has kept it, in a row that never lives."""
    if db.scalar(select(exists().where(SessionRow.token_hash == old.token_hash))):
        return
    row = SessionRow(
        kind=old.kind,
        token_hash=old.token_hash,
        csrf_secret=old.csrf_secret,
        person_id=old.person_id,
        guest_id=old.guest_id,
        idle_timeout_s=int(old.times.idle_timeout.total_seconds()),
        started_at=old.started_at,
        expires_at=old.times.expires_at,
        ended_at=now,
        end_reason=EndReason.REPLACED.value,
        authenticated_at=old.authenticated_at,
        language=old.language,
        is_shared=old.is_shared,
    )
    db.add(row)
    db.flush()


def move_deadline(db: Session, session_id: int, deadline: datetime, policy: Policy, *, now: datetime) -> bool:
    """Renew a session that still lives, never backwards; return whether it did."""
    statement = _live(session_id, now).where(SessionRow.expires_at < deadline)
    return rows_changed(db, statement.values(_moved_to(deadline, policy))) == 1


def shorten_sessions(db: Session, kind: str, policy: Policy, *, now: datetime, is_shared: bool) -> int:
    """Apply a shorter lifetime to the live sessions of a kind that have more time left; return how many.

    `is_shared` says of which computers: those that others use have a clock of their own.
    """
    deadline = shortened(policy, now)
    statement = _UPDATE.where(
        SessionRow.kind == kind,
        SessionRow.is_shared.is_(is_shared),
        SessionRow.ended_at.is_(None),
        SessionRow.expires_at > deadline,
    )
    return rows_changed(db, statement.values(_moved_to(deadline, policy)))


def revive_session(db: Session, session_id: int, deadline: datetime, policy: Policy, *, now: datetime) -> bool:
    """Renew a session in grace, for a form that was accepted; of several at once one does."""
    statement = _UPDATE.where(
        SessionRow.id == session_id,
        SessionRow.ended_at.is_(None),
        SessionRow.expires_at <= now,
        SessionRow.expires_at > now - policy.grace,
    )
    return rows_changed(db, statement.values(_moved_to(deadline, policy))) == 1


def leave_quiet_path(db: Session, session_id: int, path: str, *, now: datetime) -> bool:
    """Remember the page that a Continue leads to, so that loading it is not activity."""
    values = {"of_id": session_id, "at": now, "path": path, "until": now + QUIET_TIME}
    return db.connection().execute(_LEAVE_QUIET_PATH, values).rowcount == 1


def store_language(db: Session, session_id: int, language: str, *, now: datetime) -> bool:
    """Remember the language of a session that still lives."""
    return rows_changed(db, _live(session_id, now).values(language=language)) == 1


def follow_network(db: Session, session_id: int, network: str, *, now: datetime) -> bool:
    """Remember the network that a session's requests come from now; return whether it was another one."""
    return rows_changed(db, _live(session_id, now).where(SessionRow.network != network).values(network=network)) == 1


def end_session(db: Session, session_id: int, reason: EndReason, *, now: datetime) -> bool:
    """End one session that still lives, or from which an open form might still be sent.

    What was opened on the strength of it ends as well, in whatever browser, unless the same person goes on here.
    """
    ended = {"ended_at": now, "end_reason": reason.value}
    statement = _UPDATE.where(SessionRow.id == session_id, _is_not_over(now))
    if rows_changed(db, statement.values(ended)) != 1:
        return False
    if reason not in _GOES_ON:
        places = [place_within(name, session_id) for name, kind in KINDS.items() if kind.within]
        db.execute(_UPDATE.where(SessionRow.sole_slot.in_(places), _is_not_over(now)).values(ended))
    return True


def place_within(kind: str, session_id: int) -> str:
    """Return the place of the one live session of a kind that may stand within this one."""
    return f"{kind} {session_id}"


def move_within(db: Session, kind: str, session_id: int, *, around: int) -> None:
    """Let a session that goes on stand within another one, `around`, as if it had been opened there."""
    db.execute(_UPDATE.where(SessionRow.id == session_id).values(sole_slot=place_within(kind, around)))


def end_made_of(db: Session, replaced: FoundSession, reason: EndReason, *, now: datetime) -> bool:
    """End what goes on under another token than this one, which was replaced.

    Not if its person has proved who they are since: then it is no longer what this token was for.
    """
    person_id, guest_id = replaced.person_id, replaced.guest_id
    made = select(SessionRow.id).where(
        SessionRow.person_id == person_id if person_id else SessionRow.guest_id == guest_id,
        SessionRow.csrf_secret == replaced.csrf_secret,
        SessionRow.authenticated_at.is_not_distinct_from(replaced.authenticated_at),
        _is_not_over(now),
    )
    found = db.scalars(made.with_for_update()).all()
    return sum(end_session(db, session_id, reason, now=now) for session_id in found) > 0


def hold_session(db: Session, found: FoundSession, *, now: datetime) -> bool:
    """Keep a session as it is until the transaction ends; return whether it still lives under the same token.

    For what opens another session on the strength of this one: whoever ends the one waits, and ends the other too.
    """
    same = (SessionRow.id == found.id, SessionRow.token_hash == found.token_hash)
    lives = (SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
    return db.scalar(select(SessionRow.id).where(*same, *lives).with_for_update()) is not None


def free_place(db: Session, slot: str, *, now: datetime) -> None:
    """End the session that holds a place which one live session at a time may hold, and free the place."""
    holder = _UPDATE.where(SessionRow.sole_slot == slot)
    db.execute(holder.where(_is_not_over(now)).values(ended_at=now, end_reason=EndReason.REPLACED.value))
    db.execute(holder.values(sole_slot=None))


def end_sessions_of(
    db: Session, person_id: int, reason: EndReason, *, now: datetime, but: int | Collection[int] | None = None
) -> int:
    """End all sessions of a person, some excepted where given; return how many."""
    spared = [but] if isinstance(but, int) else list(but or ())
    return _end_all(db, _UPDATE.where(SessionRow.person_id == person_id, SessionRow.id.not_in(spared)), reason, now=now)


def end_all_sessions(db: Session, reason: EndReason, *, now: datetime) -> int:
    """End everybody's sessions of every kind, guests included; return how many."""
    return _end_all(db, _UPDATE, reason, now=now)


def _end_all(db: Session, statement: Update, reason: EndReason, *, now: datetime) -> int:
    """End what a statement finds, until it finds nothing more; return how many.

    A statement that waited for another transaction does not see the session that was opened in it on the strength of
    one that it has ended; the next one does.
    """
    ended, statement = 0, statement.where(_is_not_over(now)).values(ended_at=now, end_reason=reason.value)
    while more := rows_changed(db, statement):
        ended += more
    return ended


def end_sign_ins_of(
    db: Session,
    person_id: int,
    slot: str,
    *,
    now: datetime,
    but: int | None = None,
    beside: Collection[int] = (),
) -> None:
    """End a person's other sessions of the kinds that a sign-in opens, where only one at a time is allowed.

    So do those that stand within them, but for those `beside` the one that goes on or opens. The place of the only
    sign-in is free then, or taken by the one session that was spared.
    """
    others = select(SessionRow.id).where(
        SessionRow.person_id == person_id,
        SessionRow.kind.in_(SIGN_IN_KINDS),
        SessionRow.id.not_in([*beside, but or 0]),
    )
    for session_id in db.scalars(others.order_by(SessionRow.id)).all():
        end_session(db, session_id, EndReason.SIGNED_OUT_ELSEWHERE, now=now)
    db.execute(_UPDATE.where(SessionRow.sole_slot == slot).values(sole_slot=None))
    if but:
        db.execute(_live(but, now).values(sole_slot=slot))


def forget_guest(db: Session, session_id: int, *, now: datetime) -> bool:
    """Cut the tie between a signed-in person's session and the guest that it began as."""
    return rows_changed(db, _live(session_id, now).values(guest_id=None)) == 1


@dataclass(frozen=True, kw_only=True)
class ClosedSession:
    """A session whose time ran out, without what its cookie or forms know."""

    kind: str
    person_id: int | None
    guest_id: str | None
    started_at: datetime
    ended_at: datetime


def close_expired(db: Session, *, now: datetime) -> list[ClosedSession]:
    """Write into one batch of sessions that ran out that they did, each once; their ends are explained as before.

    A session in the grace of its kind stays open until that is over.
    """
    at = now - CLOSED_AFTER
    over = (NOT_ENDED, SessionRow.expires_at <= at, not_(_has_time(at)))
    batch = select(SessionRow.id).where(*over).order_by(SessionRow.expires_at).limit(SWEEP_BATCH)
    is_at_limit = SessionRow.expires_at == SessionRow.absolute_end_at
    reason = case((is_at_limit, EndReason.ABSOLUTE_LIMIT.value), else_=EndReason.IDLE.value)
    statement = (
        _UPDATE.where(SessionRow.id.in_(batch.scalar_subquery()), *over)
        .values(ended_at=SessionRow.expires_at, end_reason=reason)
        .returning(
            SessionRow.kind, SessionRow.person_id, SessionRow.guest_id, SessionRow.started_at, SessionRow.expires_at
        )
    )
    rows = db.execute(statement)
    return [
        ClosedSession(kind=kind, person_id=person_id, guest_id=guest_id, started_at=started_at, ended_at=ended_at)
        for kind, person_id, guest_id, started_at, ended_at in rows
    ]


def sweep_sessions(db: Session, *, now: datetime) -> int:
    """Delete one batch of sessions whose end no longer needs explaining; return how many."""
    return delete_batch(db, SessionRow, SessionRow.expires_at < now - EXPLAINED_FOR - timedelta(days=1))


def _moved_to(deadline: datetime, policy: Policy) -> dict[str, Any]:
    return {"expires_at": deadline, "idle_timeout_s": int(policy.idle_timeout.total_seconds())}


def _live(session_id: int, now: datetime) -> Update:
    return _UPDATE.where(SessionRow.id == session_id, SessionRow.ended_at.is_(None), SessionRow.expires_at > now)


def _is_not_over(now: datetime) -> ColumnElement[bool]:
    """Sessions that live or are in the grace of their kind."""
    return and_(SessionRow.ended_at.is_(None), _has_time(now))


def _has_time(now: datetime) -> ColumnElement[bool]:
    in_grace = (and_(SessionRow.kind == kind, SessionRow.expires_at > now - grace) for kind, grace in GRACE.items())
    return or_(SessionRow.expires_at > now, *in_grace)
