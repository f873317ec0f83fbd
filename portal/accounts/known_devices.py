"""Devices on which a person has signed in before: told apart by a cookie, of which a hash for each person is stored.

They serve two things only. A sign-in from a device that is not among them is told to the person by mail, and strangers
who guess use up the tries of strangers, never those of a device that its owner has used ("device cookies", OWASP).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.accounts.models import KnownDevice
from portal.db import delete_batch
from portal.tokens import token_hash

FORGOTTEN_AFTER = timedelta(days=180)
MOST = 20
"""So many devices of a person are remembered, those that were used last."""


def find_device(db: Session, person_id: int, token: str) -> KnownDevice | None:
    """The device with this token, if the person has signed in on it before and it was not forgotten."""
    known = KnownDevice.token_hash == _hash(person_id, token)
    return db.scalars(select(KnownDevice).where(KnownDevice.person_id == person_id, known)).one_or_none()


def devices_of(db: Session, person_id: int) -> Sequence[KnownDevice]:
    """The devices on which a person has signed in, the last one first."""
    query = select(KnownDevice).where(KnownDevice.person_id == person_id)
    return db.scalars(query.order_by(KnownDevice.last_seen_at.desc(), KnownDevice.id.desc())).all()


def remember_device(db: Session, person_id: int, token: str, name: str | None, *, now: datetime) -> bool:
    """Note that a person has signed in on a device (`name`: its families); return whether it is another than before.

    Somebody's very first sign-in is from no other device, as there is none yet.
    """
    before, known = devices_of(db, person_id), find_device(db, person_id, token)
    is_new = known is None
    known = known or KnownDevice(person_id=person_id, token_hash=_hash(person_id, token), first_seen_at=now)
    known.device, known.last_seen_at = name, now
    db.add(known)
    for oldest in before[MOST - 1 :] if is_new else ():
        db.delete(oldest)
    return is_new and bool(before)


def forget_device(db: Session, person_id: int, device_id: int) -> bool:
    """Take one of a person's devices for a stranger's from now on; return whether there was such a one."""
    found = [device for device in devices_of(db, person_id) if device.id == device_id]
    for device in found:
        db.delete(device)
    return bool(found)


def forget_devices_of(db: Session, person_id: int) -> None:
    """Take all devices of a person for strangers' from now on."""
    db.execute(delete(KnownDevice).where(KnownDevice.person_id == person_id))


def sweep_devices(db: Session, *, now: datetime) -> int:
    """Forget one batch of devices whose cookie has run out; return how many."""
    return delete_batch(db, KnownDevice, KnownDevice.last_seen_at < now - FORGOTTEN_AFTER)


def _hash(person_id: int, token: str) -> bytes:
    return token_hash(f"{person_id} {token}")
