"""Many cases, each a copy of one that was sent."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.submissions.customers import Customer, keys_of, seal_customer
from portal.submissions.models import Case, Submission
from portal.submissions.operations import count_open, seal_answers, sent_answers


def copy_cases(app: Flask, reference: str, copies: int, *, prefix: str = "TL-0000", **values: object) -> list[str]:
    """Add copies of the case with this reference, each sent a second after the one before; return their references."""
    names = [f"{prefix}-{number:04}" for number in range(copies)]
    with app.extensions["portal"].database.writing() as db:
        first = db.scalars(select(Submission).where(Submission.reference == reference)).one()
        for number, name in enumerate(names):
            copy_case(app, db, first, name, number, **values)
    return names


def copy_case(app: Flask, db: Session, first: Submission, name: str, number: int, **values: object) -> None:
    """Add one more case: the same answers, another customer; `values` are of the case's row."""
    configuration = app.extensions["portal"].configuration
    keyring, secret = configuration.keyring, configuration.secret_key
    old, answers = db.get_one(Draft, first.draft_id), sent_answers(keyring, first)
    times = {"started_at": old.started_at, "changed_at": old.changed_at, "expires_at": old.expires_at}
    draft = Draft(reference=name, version=old.version, **times)
    db.add(draft)
    db.flush()
    later = first.sent_at + timedelta(seconds=number + 1)
    customer = Customer(name=f"Copy Number{number:04}", emails=(f"copy{number}@mail.example",))
    chosen = {"form_id": old.version.form_id, "status": "new", "sent_at": later, "status_at": later, **values}
    submission = Submission(
        reference=name,
        draft_id=draft.id,
        idempotency_key=name,
        version=old.version,
        sealed=seal_answers(keyring, name, answers),
        sent_at=later,
        case=Case(**chosen, customer=seal_customer(keyring, name, customer)),
    )
    db.add(submission)
    db.flush()
    if submission.case.closed_at is None:
        count_open(db, submission.case, 1)
    db.add_all(keys_of(customer, secret=secret, submission_id=submission.id))
