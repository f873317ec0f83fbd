"""What is remembered of an account: the devices on which its person has signed in, and how it was before a change.

Devices are told apart by a cookie, of which a hash for each person is stored. They serve two things only. A sign-in
from a device that is not among them is told to the person by mail, and strangers who guess use up the tries of
strangers, never those of a device that its owner has used ("device cookies", OWASP).

How an account was serves objections: whoever reads the mail of the former address gets the account back as it was.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.accounts.models import FormerAccount, KnownDevice, Person, RecoveryCode, SecondFactor
from portal.db import delete_batch
from portal.tokens import token_hash

FORGOTTEN_AFTER = timedelta(days=180)
OBJECTION_LIFETIME = timedelta(days=7)
"""How long an address may object to a change; as long before the change was asked for, others are undone with it."""
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


def remember_account(db: Session, person: Person, *, now: datetime, is_minor: bool = False) -> None:
    """Keep how an account is, just before it changes.

    A minor change is one that only matters as the first of several: where the account was remembered under the same
    address within the time for objecting, it is not remembered again.
    """
    if is_minor and former_account(db, person.id, person.email_key, since=now - OBJECTION_LIFETIME):
        return
    db.flush()
    factor = db.scalars(select(SecondFactor).where(SecondFactor.person_id == person.id)).one_or_none()
    state: dict[str, Any] = {
        "name": person.name,
        "factor": _written_factor(factor) if factor else None,
        "codes": [[code.code_hash.hex(), _written(code.used_at)] for code in _codes_of(db, person.id)],
        "devices": [
            [each.token_hash.hex(), each.device, _written(each.first_seen_at), _written(each.last_seen_at)]
            for each in devices_of(db, person.id)
        ],
    }
    db.add(FormerAccount(person_id=person.id, made_at=now, email=person.email, state=state))


def former_account(db: Session, person_id: int, email_key: str, *, since: datetime) -> FormerAccount | None:
    """How an account was before the first change since an instant that was made while it had this address."""
    return next(
        (each for each in _former_accounts(db, person_id) if each.made_at >= since and each.email.lower() == email_key),
        None,
    )


def restore_account(db: Session, person: Person, former: FormerAccount) -> None:
    """Give an account its name, second factor, recovery codes and devices of before; the address is the caller's.

    Codes that were used since stay used. Devices that were new in the days before the first change may be those of
    whoever made it, and are strangers again. What is remembered of later changes is forgotten.
    """
    known = _former_accounts(db, person.id)
    remember_account(db, person, now=former.made_at)  # how it is now, for the codes that were used until now
    db.flush()
    states = [each.state for each in _former_accounts(db, person.id)]
    db.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    db.execute(delete(SecondFactor).where(SecondFactor.person_id == person.id))
    forget_devices_of(db, person.id)
    person.name = former.state["name"]
    if former.state["factor"]:
        db.add(_read_factor(person.id, former.state["factor"], states))
    used = {code: used_at for state in states for code, used_at in state["codes"] if used_at}
    db.add_all(
        RecoveryCode(person_id=person.id, code_hash=bytes.fromhex(code), used_at=_read(used.get(code)))
        for code, _used_at in former.state["codes"]
    )
    for token, device, first, last in former.state["devices"]:
        seen = KnownDevice(person_id=person.id, token_hash=bytes.fromhex(token), device=device)
        seen.first_seen_at, seen.last_seen_at = datetime.fromisoformat(first), datetime.fromisoformat(last)
        if seen.first_seen_at < former.made_at - OBJECTION_LIFETIME:
            db.add(seen)
    older = [each.id for each in known if each.id < former.id]
    db.execute(delete(FormerAccount).where(FormerAccount.person_id == person.id, FormerAccount.id.not_in(older)))


def forget_former_of(db: Session, person_id: int) -> None:
    """Forget how a person's account was."""
    db.execute(delete(FormerAccount).where(FormerAccount.person_id == person_id))


def sweep_former_accounts(db: Session, *, now: datetime) -> int:
    """Forget one batch of states to which nobody can go back any more; return how many."""
    return delete_batch(db, FormerAccount, FormerAccount.made_at < now - 2 * OBJECTION_LIFETIME)


def _former_accounts(db: Session, person_id: int) -> Sequence[FormerAccount]:
    query = select(FormerAccount).where(FormerAccount.person_id == person_id)
    return db.scalars(query.order_by(FormerAccount.id)).all()


def _codes_of(db: Session, person_id: int) -> Sequence[RecoveryCode]:
    return db.scalars(select(RecoveryCode).where(RecoveryCode.person_id == person_id).order_by(RecoveryCode.id)).all()


def _written_factor(factor: SecondFactor) -> dict[str, Any]:
    """A second factor as JSON: its secret stays sealed as it is, and its codes are not shown again."""
    return {
        "sealed_secret": b64encode(factor.sealed_secret).decode(),
        "last_step": factor.last_step,
        "set_up_at": _written(factor.set_up_at),
        "codes_salt": factor.codes_salt.hex(),
    }


def _read_factor(person_id: int, kept: dict[str, Any], states: Sequence[dict[str, Any]]) -> SecondFactor:
    """A second factor as it was, but for the steps that codes were used of since, whichever app they came from."""
    factor = SecondFactor(person_id=person_id, sealed_secret=b64decode(kept["sealed_secret"]))
    factor.last_step = max(state["factor"]["last_step"] for state in states if state["factor"])
    factor.set_up_at = datetime.fromisoformat(kept["set_up_at"])
    factor.codes_salt = bytes.fromhex(kept["codes_salt"])
    return factor


def _written(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _read(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
