"""Failed mail, and sending it again."""

import pytest
from sqlalchemy import select

from portal.audit import AuditEvent
from portal.db import Database
from portal.outbox.models import Delivery
from tests.conftest import MovableClock
from tests.integration.admin.conftest import SignedIn

OUTBOX = "/admin/self/outbox"


@pytest.fixture
def dead(database: Database, clock: MovableClock) -> list[str]:
    """Store two failed mails; return their names."""
    names = ["first", "second"]
    with database.writing() as db:
        for name in names:
            row = Delivery(public_id=name, kind="mail", message="resume_link", payload=b"sealed", attempts=9)
            row.created_at = row.due_at = row.failed_at = clock.now()
            row.last_error = "No such mailbox"
            db.add(row)
    return names


def waiting(database: Database) -> set[str]:
    with database.reading() as db:
        return set(db.scalars(select(Delivery.public_id).where(Delivery.failed_at.is_(None))))


def test_failed_mail_is_shown_with_its_reason_but_without_its_address(administrator: SignedIn, dead: list[str]) -> None:
    page = administrator.get(OUTBOX).text
    assert page.count("No such mailbox") == len(dead)
    assert "Resume link" in page


@pytest.mark.parametrize(("asked", "again"), [("first", {"first"}), ("all", {"first", "second"})])
@pytest.mark.usefixtures("dead")
def test_resending_one_or_all_failed_mails_is_recorded(
    administrator: SignedIn, database: Database, asked: str, again: set[str]
) -> None:
    answer = administrator.post({"csrf_token": administrator.form_token, "delivery": asked}, OUTBOX)
    assert answer.status_code == 303
    assert waiting(database) == again
    with database.reading() as db:
        assert "deliveries_sent_again" in set(db.scalars(select(AuditEvent.action)))


@pytest.mark.usefixtures("dead")
def test_unknown_mail_cannot_be_sent_again(administrator: SignedIn, database: Database) -> None:
    answer = administrator.post({"csrf_token": administrator.form_token, "delivery": "other"}, OUTBOX)
    assert answer.status_code == 422
    assert waiting(database) == set()
