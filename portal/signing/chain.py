"""The chain of events of a form with signers: its key, a new event at its end, and what each event says of rows."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import Database
from portal.keyring import Keyring
from portal.signing.definition import Event
from portal.signing.models import Invitation, Outcome, SigningEvent, SigningKey
from portal.signing.rules import BEGINNING, ChainedEvent, canonical, event_digest, instant_text
from portal.submissions.models import Submission

THE_KEY = 1
_KEY_SUBJECT, _KEY_PLACE = "signing key", "private"


def key_of(db: Session, database: Database, keyring: Keyring, *, now: datetime) -> Ed25519PrivateKey:
    """Return the key that signs chains, made at the first use; of two that are made at once one is kept."""
    row = db.get(SigningKey, THE_KEY)
    if row is None:
        made = Ed25519PrivateKey.generate()
        database.insert_or_ignore(
            db,
            SigningKey,
            id=THE_KEY,
            sealed=keyring.seal(made.private_bytes_raw(), subject=_KEY_SUBJECT, place=_KEY_PLACE),
            public=made.public_key().public_bytes_raw(),
            made_at=now,
        )
        row = db.scalars(select(SigningKey).where(SigningKey.id == THE_KEY)).one()
    return opened_key(keyring, row)


def opened_key(keyring: Keyring, row: SigningKey) -> Ed25519PrivateKey:
    """Decrypt the key that signs chains."""
    return Ed25519PrivateKey.from_private_bytes(keyring.open(row.sealed, subject=_KEY_SUBJECT, place=_KEY_PLACE))


def add_event(
    db: Session,
    submission: Submission,
    name: Event,
    details: Mapping[str, object],
    *,
    key: Ed25519PrivateKey,
    now: datetime,
) -> None:
    """Add an event to the chain of a sent form, which is locked, and sign its new end instead of the old one."""
    chain = select(SigningEvent).where(SigningEvent.submission_id == submission.id)
    last = db.scalars(chain.order_by(SigningEvent.number.desc()).limit(1)).first()
    number, previous = (last.number + 1, last.digest) if last else (1, BEGINNING)
    text = canonical(details).decode()
    digest = event_digest(submission.reference, number=number, at=now, name=name.value, details=text, previous=previous)
    if last:
        last.signature = None
    added = SigningEvent(
        submission_id=submission.id,
        number=number,
        at=now,
        name=name.value,
        details=text,
        previous=previous,
        digest=digest,
        signature=key.sign(_signed_end(submission.reference, number, digest)),
    )
    db.add(added)
    db.flush()


def _signed_end(reference: str, number: int, digest: bytes) -> bytes:
    return canonical({"reference": reference, "number": number, "digest": digest.hex()})


def is_signed(reference: str, last: ChainedEvent, public: Ed25519PublicKey) -> bool:
    """Return whether the end of a chain has the signature of this key."""
    try:
        public.verify(last.signature or b"", _signed_end(reference, last.number, last.digest))
    except InvalidSignature:
        return False
    return True


def invitation_details(invitation: Invitation) -> dict[str, object]:
    """Return what the chain says of a new invitation; the digest stands for name, address and fact, which it hides."""
    who = hashlib.sha256(b"\0".join((invitation.name, invitation.address, invitation.fact_hash or b"")))
    return {
        "invitation": invitation.public_id,
        "signer": invitation.signer_id,
        "check": invitation.check,
        "shares_mailbox": invitation.shares_mailbox,
        "copy": invitation.copy_hash.hex(),
        "who": who.hexdigest(),
    }


def outcome_digest(outcome: Outcome) -> str:
    """Return the SHA-256, in hex, by which the chain holds an outcome."""
    said = {
        "kind": outcome.kind,
        "at": instant_text(outcome.at),
        "copy": outcome.copy_hash.hex(),
        "statement": outcome.statement_hash.hex(),
        "sealed": hashlib.sha256(outcome.sealed).hexdigest(),
    }
    return hashlib.sha256(canonical(said)).hexdigest()
