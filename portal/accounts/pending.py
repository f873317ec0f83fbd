"""Between a right password and a right code: a row that is good for that one step; no session is open yet."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.accounts.models import PendingSignIn
from portal.db import delete_batch, rows_changed
from portal.tokens import new_token, token_hash

LIFETIME = timedelta(minutes=10)


def begin_pending(db: Session, person_id: int, *, now: datetime) -> str:
    """Note that a browser knows the person's password; gives the token that it is to show with the code."""
    token = new_token()
    db.add(PendingSignIn(token_hash=token_hash(token), person_id=person_id, expires_at=now + LIFETIME))
    return token


def pending_person_id(db: Session, token: str, *, now: datetime) -> int | None:
    """Whose password was typed by the browser that shows this token, a short while ago."""
    step = PendingSignIn.token_hash == token_hash(token)
    return db.scalar(select(PendingSignIn.person_id).where(step, PendingSignIn.expires_at > now))


def end_pending(db: Session, token: str) -> bool:
    """End a browser's step; tells whether there was one, so that of two requests at once only one goes on."""
    return rows_changed(db, delete(PendingSignIn).where(PendingSignIn.token_hash == token_hash(token))) == 1


def end_pending_of(db: Session, person_id: int) -> None:
    """End the steps of a person in all browsers."""
    db.execute(delete(PendingSignIn).where(PendingSignIn.person_id == person_id))


def sweep_pending(db: Session, *, now: datetime) -> int:
    """Delete one batch of steps that nobody finished in time; gives how many."""
    return delete_batch(db, PendingSignIn, PendingSignIn.expires_at < now)
