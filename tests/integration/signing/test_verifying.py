"""`flask signing verify` finds what was changed behind the portal's back, down to one byte, and names it."""

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from portal.db import Database
from portal.form_definitions.types.files import FileEntry
from portal.signing.definition import OutcomeKind
from portal.signing.models import Invitation, Outcome, SigningEvent, SigningKey
from portal.signing.operations import check_passed, decline, sign
from portal.signing.rules import canonical, event_digest
from portal.storage.adapters import open_storage
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.operations import Content, Upload, claim_upload, new_name, stage
from portal.storage.sealed_files import SealedSpool
from portal.submissions.models import Submission
from tests.conftest import Prepared
from tests.signers import at_desk, draft_of, invited, publish_reference, send_draft, send_reference, submission_of

pytestmark = pytest.mark.both_databases
SLIP = b"%PDF-1.7 a pay slip" * 5000
BYTES = int(os.environ.get("FORMS_TRIED", "100"))


@pytest.fixture
def reference(app: Flask, prepared: Prepared) -> str:
    """The reference of a form with a file, which the landlord has signed and the employer declined."""
    prepared(lambda: publish_reference(app))
    with at_desk(app) as desk:
        draft = draft_of(desk)
        entry = add_slip(app, desk.db, f"draft:{draft.id}")
        reference = send_draft(desk, draft, proof={"slip": [entry.stored()]}).reference
        landlord, employer = invited(desk, reference), invited(desk, reference, "employer")
        check_passed(desk, landlord, "guest-1")
        sign(desk, landlord, typed_name="Len Ord", copy_hash=landlord.copy_hash.hex(), answers={"since": "2019"})
        check_passed(desk, employer, "guest-2")
        decline(desk, employer, kind=OutcomeKind.DECLINED, reason="She does not work here")
    return reference


def add_slip(app: Flask, db: Session, work: str) -> FileEntry:
    """Store a file as an upload does, for a draft."""
    parts = app.extensions["portal"]
    spool = SealedSpool(limit=len(SLIP), folder=parts.configuration.data_dir)
    spool.write(SLIP)
    spool.seek(0)
    entry = FileEntry(id=new_name(), name="slip.pdf", kind="pdf", size=len(SLIP))
    content = Content(key=spool.key, name=entry.name, kind=entry.kind, field_id="slip")
    upload = Upload(field_id="slip", entry=entry, content=content, scan=Scan.CLEAN)
    now = parts.clock.now()
    stage(db, [upload], now=now)
    open_storage(parts.configuration).put(entry.id, spool.sealed())
    assert claim_upload(db, upload, work=work, place="proof/", keyring=parts.configuration.keyring, now=now)
    spool.close()
    return entry


def verify(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["signing", "verify", *arguments])
    return result.exit_code, result.output


def test_what_nobody_changed_holds(app: Flask, reference: str) -> None:
    assert verify(app) == (0, "1 forms verified, 0 breaks found.\n")
    assert verify(app, reference.lower()) == (0, "1 forms verified, 0 breaks found.\n")


def test_a_reference_that_nobody_has_is_said(app: Flask, reference: str) -> None:
    assert verify(app, "XX-1") == (1, "Error: There is no sent form with the reference XX-1.\n")


def test_the_key_that_certificates_name_is_printed(app: Flask, database: Database) -> None:
    command = ["signing", "key"]
    result = app.test_cli_runner().invoke(args=command)
    assert (result.exit_code, result.output) == (1, "Error: There is no key yet: nobody was asked to sign anything.\n")
    publish_reference(app)
    send_reference(app)
    with database.reading() as db:
        public = db.scalars(select(SigningKey.public)).one()
    assert app.test_cli_runner().invoke(args=command).output == f"{public.hex()} since 2026-11-21 14:02 UTC\n"


Spoil = Callable[[Session], Any]


def of_last(db: Session, *columns: Any) -> Any:
    return db.scalars(select(*columns).order_by(SigningEvent.number.desc()).limit(1)).one()


def cut_chain(db: Session) -> None:
    """Delete the last event, as if the employer had not declined, and all that came of it."""
    db.execute(delete(SigningEvent).where(SigningEvent.id == of_last(db, SigningEvent.id)))


SPOILS: dict[str, tuple[Spoil, str]] = {
    "the last event is gone": (cut_chain, "the last event has no signature"),
    "an event in the middle is gone": (
        lambda db: db.execute(delete(SigningEvent).where(SigningEvent.number == 3)),
        "event 3 is missing",
    ),
    "all events are gone": (lambda db: db.execute(delete(SigningEvent)), "has no events"),
    "an outcome is gone": (lambda db: db.execute(delete(Outcome).where(Outcome.kind == "signed")), "is missing"),
    "a refusal became a signature": (
        lambda db: db.execute(update(Outcome).where(Outcome.kind == "declined").values(kind="signed")),
        "was changed",
    ),
    "an outcome was given to another": (
        lambda db: db.execute(
            update(Outcome)
            .where(Outcome.kind == "signed")
            .values(invitation_id=db.scalar(select(Invitation.id).where(Invitation.signer_id == "bank")))
        ),
        "is missing",
    ),
    "another state": (
        lambda db: db.execute(update(Invitation).where(Invitation.signer_id == "bank").values(state="invited")),
        "not in the state",
    ),
    "another address": (
        lambda db: db.execute(
            update(Invitation)
            .where(Invitation.signer_id == "bank")
            .values(address=select(Invitation.address).where(Invitation.signer_id == "landlord").scalar_subquery())
        ),
        "cannot be read",
    ),
    "an invitation is gone": (
        lambda db: db.execute(delete(Invitation).where(Invitation.signer_id == "bank")),
        "is missing",
    ),
    "the key is gone": (lambda db: db.execute(delete(SigningKey)), "key that signed its events is missing"),
    "the file is gone": (lambda db: db.execute(delete(StoredFile)), "was changed or is missing"),
}


@pytest.mark.parametrize(("spoil", "words"), SPOILS.values(), ids=SPOILS)
def test_what_is_missing_or_replaced_is_named(
    app: Flask, database: Database, reference: str, spoil: Spoil, words: str
) -> None:
    with database.writing() as db:
        spoil(db)
    code, output = verify(app)
    assert code == 1
    assert any(line.startswith(f"{reference}: ") and words in line for line in output.splitlines()), output


def test_a_forged_event_with_a_right_digest_lacks_the_signature(app: Flask, reference: str) -> None:
    """Whoever can compute a digest, but has not the key, cannot end the chain."""
    with at_desk(app) as desk:
        submission = submission_of(desk, reference)
        last = desk.db.scalars(select(SigningEvent).order_by(SigningEvent.number.desc()).limit(1)).one()
        last.details = canonical({"state": "declined"}).decode()
        last.digest = event_digest(
            submission.reference,
            number=last.number,
            at=last.at,
            name=last.name,
            details=last.details,
            previous=last.previous,
        )
    assert "the signature of the last event" in verify(app)[1]


TEXTS = {SigningEvent.name, SigningEvent.details, Outcome.kind}
INSTANTS = {SigningEvent.at, Outcome.at}
COLUMNS: tuple[Any, ...] = (
    SigningEvent.at,
    SigningEvent.name,
    SigningEvent.details,
    SigningEvent.previous,
    SigningEvent.digest,
    SigningEvent.signature,
    Outcome.kind,
    Outcome.at,
    Outcome.sealed,
    Outcome.copy_hash,
    Outcome.statement_hash,
    Submission.sealed,
    StoredFile.sealed,
)
"""What answers, events, outcomes and files are stored in, besides the content of files on the disk."""


def change_byte(app: Flask, db: Session, chance: random.Random) -> tuple[str, Callable[[Session], Any]]:
    """Change one random byte of anything that was signed; return what, and what puts it back."""
    if chance.randrange(len(COLUMNS) + 3) >= len(COLUMNS):
        return change_file(app, db, chance)
    column = chance.choice(COLUMNS)
    table, key = column.class_, column.key
    rows = db.execute(select(table.id, column).where(column.is_not(None)).order_by(table.id)).all()
    number, value = chance.choice(rows)
    if column in INSTANTS:
        changed: Any = value + timedelta(microseconds=chance.choice([1, 256, 65536]))
    else:
        plain = bytearray(value.encode() if isinstance(value, str) else value)
        at = chance.randrange(len(plain))
        plain[at] ^= 1 << chance.randrange(5 if isinstance(value, str) else 8)
        changed = plain.decode() if isinstance(value, str) else bytes(plain)
    db.execute(update(table).where(table.id == number).values({key: changed}))
    return f"{table.__tablename__}.{key}", lambda db: db.execute(
        update(table).where(table.id == number).values({key: value})
    )


def change_file(app: Flask, db: Session, chance: random.Random) -> tuple[str, Callable[[Session], Any]]:
    storage = open_storage(app.extensions["portal"].configuration)
    name = db.scalars(select(StoredFile.name)).one()
    with storage.open(name) as file:
        whole = file.read()
    changed = bytearray(whole)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    storage.delete(name)
    storage.put(name, [bytes(changed)])

    def put_back(_db: Session) -> None:
        storage.delete(name)
        storage.put(name, [whole])

    return "content of the file", put_back


def test_one_changed_byte_is_found_wherever_it_is(app: Flask, database: Database, reference: str) -> None:
    chance = random.Random(15)  # noqa: S311 - which byte is changed is no secret
    missed, kinds = list[str](), set[str]()
    for _ in range(max(BYTES, 100)):
        with database.writing() as db:
            where, put_back = change_byte(app, db, chance)
        kinds.add(where)
        code, output = verify(app)
        if code != 1 or not output.startswith(f"{reference}: "):
            missed.append(f"{where}: {output}")
        with database.writing() as db:
            put_back(db)
    assert missed == []
    assert len(kinds) == len(COLUMNS) + 1
    assert verify(app)[0] == 0


@pytest.mark.parametrize("written", ["2026-11-21x14:02:00.000000", "2026-11-21 14:02:00.00000!"])
@pytest.mark.parametrize("table", ["signing_events", "signing_outcomes"])
def test_an_instant_that_is_spelled_otherwise_is_named(
    app: Flask, database: Database, reference: str, table: str, written: str
) -> None:
    """SQLite keeps instants as texts, and some are read that the portal never writes; PostgreSQL keeps numbers."""
    if database.engine.dialect.name == "postgresql":
        written = "2026-11-21 14:02:00.000001+00"
    with database.writing() as db:
        db.execute(text(f"UPDATE {table} SET at = '{written}' WHERE id = 1"))
    code, output = verify(app)
    assert (code, output.startswith(f"{reference}: ")) == (1, True)
