"""The second factor: codes of an app (TOTP, RFC 6238), each taken once, and recovery codes."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import urandom

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from portal.accounts.models import Person, RecoveryCode, SecondFactor
from portal.accounts.passwords import hash_code
from portal.accounts.remembered import remember_account
from portal.accounts.rules import person_subject
from portal.audit import Actor, record
from portal.db import SWEEP_BATCH, rows_changed
from portal.keyring import Keyring
from portal.mail import messages
from portal.mail.messages import Notice
from portal.tokens import clean_code, readable_code

STEP_S = 30
APP_DIGITS = 6
DRIFT_STEPS = 1
"""How far a telephone's clock may be off: one step either way, as RFC 6238 section 5.2 advises at most."""
GROUP = 4
CODES = 10
HALF = 5
SALT_BYTES = 16
SHOWN_FOR = timedelta(minutes=30)
SECRET, PLAIN_CODES = "second factor", "recovery codes"


def new_secret() -> str:
    """A secret for an app: 160 random bits in base 32."""
    import pyotp

    return pyotp.random_base32()


def matching_step(secret: str, digits: str, *, after: int, now: datetime) -> int | None:
    """The step whose code was typed, if it lies after the one that was used last; else None."""
    import pyotp

    if len(digits) != APP_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    codes, current = pyotp.HOTP(secret, digits=APP_DIGITS), int(now.timestamp()) // STEP_S
    steps = range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)
    matching = [step for step in steps if hmac.compare_digest(codes.at(step), digits) and step > after]
    return matching[0] if matching else None


def app_address(secret: str, *, account: str, site: str) -> str:
    """What the picture says to an app: its secret, whose it is, and for which site."""
    import pyotp

    return pyotp.TOTP(secret, digits=APP_DIGITS, interval=STEP_S).provisioning_uri(name=account, issuer_name=site)


def spelled(secret: str) -> str:
    """A secret for typing: in groups of four."""
    return " ".join(secret[at : at + GROUP] for at in range(0, len(secret), GROUP))


@dataclass(frozen=True, kw_only=True)
class NewCodes:
    """Fresh recovery codes: as their owner keeps them, and as we do."""

    plain: tuple[str, ...]
    salt: bytes
    hashes: tuple[bytes, ...]


def new_codes() -> NewCodes:
    """Ten codes of 47 bits each; hashing them takes some 0.2 s, so call it outside any write transaction."""
    plain = tuple(f"{readable_code(HALF)}-{readable_code(HALF)}" for _ in range(CODES))
    salt = urandom(SALT_BYTES)
    return NewCodes(plain=plain, salt=salt, hashes=tuple(hash_code(clean_code(code), salt) for code in plain))


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was typed rightly: the code of a step of the app, or one recovery code."""

    step: int | None = None
    recovery_code_id: int | None = None


def factor_of(db: Session, person_id: int) -> SecondFactor | None:
    """A person's second factor, or None where signing in takes the password alone."""
    return db.scalars(select(SecondFactor).where(SecondFactor.person_id == person_id)).one_or_none()


def codes_left(db: Session, person_id: int) -> int:
    """How many recovery codes still work."""
    unused = select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return db.scalar(unused) or 0


def shown_codes(factor: SecondFactor, keyring: Keyring, *, now: datetime) -> Sequence[str]:
    """The new recovery codes that their owner has not said to have kept; none after half an hour."""
    if factor.sealed_codes is None or factor.codes_shown_until is None or now >= factor.codes_shown_until:
        return ()
    return (
        keyring.open(factor.sealed_codes, subject=person_subject(factor.person_id), place=PLAIN_CODES).decode().split()
    )


def proof_of(db: Session, person_id: int, typed: str, keyring: Keyring, *, now: datetime) -> Proof | None:
    """Whether what was typed proves the second factor; reads only, and hashes once where it may be a recovery code."""
    factor, code = factor_of(db, person_id), clean_code(typed)
    if factor is None:
        return None
    if len(code) == APP_DIGITS:
        secret = keyring.open(factor.sealed_secret, subject=person_subject(person_id), place=SECRET).decode()
        step = matching_step(secret, code, after=factor.last_step, now=now)
        return None if step is None else Proof(step=step)
    unused = select(RecoveryCode.id).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    found = db.scalar(unused.where(RecoveryCode.code_hash == hash_code(code, factor.codes_salt)))
    return Proof(recovery_code_id=found) if found else None


def use_proof(db: Session, person: Person, proof: Proof, *, by: Actor, now: datetime) -> bool:
    """Use a code up; of two requests that bring the same one, only one succeeds."""
    if proof.step is not None:
        later = update(SecondFactor).where(SecondFactor.person_id == person.id, SecondFactor.last_step < proof.step)
        return rows_changed(db, later.values(last_step=proof.step)) == 1
    unused = update(RecoveryCode).where(RecoveryCode.id == proof.recovery_code_id, RecoveryCode.used_at.is_(None))
    if not rows_changed(db, unused.values(used_at=now)):
        return False
    record(db, "recovery_code_used", by=by, now=now, subject=person_subject(person.id))
    messages.security_notice(db, Notice.RECOVERY_CODE_USED, to=person.email, now=now)
    return True


def switch_on(
    db: Session, person: Person, secret: str, step: int, codes: NewCodes, *, keyring: Keyring, by: Actor, now: datetime
) -> None:
    """Ask for a code at each sign-in from now on; `step` is that of the code that proved the app."""
    remember_account(db, person, now=now)
    _delete_factor(db, person.id)
    sealed = keyring.seal(secret.encode(), subject=person_subject(person.id), place=SECRET)
    factor = SecondFactor(person_id=person.id, sealed_secret=sealed, last_step=step)
    factor.set_up_at, factor.codes_salt = now, codes.salt
    db.add(factor)
    db.flush()
    _store_codes(db, person.id, codes, keyring=keyring, now=now)
    record(db, "second_factor_on", by=by, now=now, subject=person_subject(person.id))
    messages.security_notice(db, Notice.SECOND_FACTOR_ON, to=person.email, now=now)


def renew_codes(db: Session, person: Person, codes: NewCodes, *, keyring: Keyring, by: Actor, now: datetime) -> None:
    """Put new recovery codes in the place of the old ones."""
    remember_account(db, person, now=now)
    _store_codes(db, person.id, codes, keyring=keyring, now=now)
    record(db, "recovery_codes_renewed", by=by, now=now, subject=person_subject(person.id))
    messages.security_notice(db, Notice.RECOVERY_CODES_RENEWED, to=person.email, now=now)


def _store_codes(db: Session, person_id: int, codes: NewCodes, *, keyring: Keyring, now: datetime) -> None:
    db.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    db.add_all(RecoveryCode(person_id=person_id, code_hash=each) for each in codes.hashes)
    plain = keyring.seal(" ".join(codes.plain).encode(), subject=person_subject(person_id), place=PLAIN_CODES)
    stored = update(SecondFactor).where(SecondFactor.person_id == person_id)
    db.execute(stored.values(codes_salt=codes.salt, sealed_codes=plain, codes_shown_until=now + SHOWN_FOR))


def note_codes_kept(db: Session, person_id: int) -> None:
    """Forget the recovery codes as their owner reads them: from now on we hold their hashes alone."""
    stored = update(SecondFactor).where(SecondFactor.person_id == person_id)
    db.execute(stored.values(sealed_codes=None, codes_shown_until=None))


def switch_off(db: Session, person: Person, *, by: Actor, now: datetime, notice: Notice) -> bool:
    """Ask for the password alone from now on; return whether a code was asked for until now."""
    if factor_of(db, person.id) is None:
        return False
    remember_account(db, person, now=now)
    _delete_factor(db, person.id)
    record(db, notice.value, by=by, now=now, subject=person_subject(person.id))
    messages.security_notice(db, notice, to=person.email, now=now)
    return True


def remove_factor(db: Session, person_id: int) -> None:
    """Take a second factor away without a word."""
    _delete_factor(db, person_id)


def forget_shown_codes(db: Session, *, now: datetime) -> int:
    """Forget one batch of recovery codes as their owners read them, once they need no longer be shown; return it."""
    over = SecondFactor.codes_shown_until < now
    batch = select(SecondFactor.person_id).where(over).limit(SWEEP_BATCH)
    codes = update(SecondFactor).where(SecondFactor.person_id.in_(batch.scalar_subquery()), over)
    return rows_changed(db, codes.values(sealed_codes=None, codes_shown_until=None))


def _delete_factor(db: Session, person_id: int) -> bool:
    db.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    return rows_changed(db, delete(SecondFactor).where(SecondFactor.person_id == person_id)) == 1
