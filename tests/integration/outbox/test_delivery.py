"""Mail is stored with its cause, leased to one deliverer, tried again, and never lost."""

import threading
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy.orm import Session

from portal.config import Configuration
from portal.db import Database
from portal.outbox.definition import LEASE, MAIL, DeliveryFailure, Mail
from portal.outbox.delivery import Round
from portal.outbox.operations import (
    KEPT,
    cancel,
    enqueue,
    forget_delivered,
    lease_next,
    mark_failed,
    mark_sent,
    new_public_id,
    send_again,
)
from portal.outbox.queries import backlog, dead_letters
from portal.tokens import new_token
from tests.conftest import MovableClock
from tests.integration.outbox.conftest import MAIL_TO_ANN, MailServerOnLoopback, Outbox

pytestmark = pytest.mark.both_databases


def test_rolled_back_transaction_sends_no_mail(
    database: Database, configuration: Configuration, clock: MovableClock, outbox: Outbox
) -> None:
    class CauseFailedError(Exception):
        pass

    def cause(db: Session) -> None:
        payload, ring = MAIL_TO_ANN.payload(), configuration.keyring
        enqueue(db, ring, public_id=new_public_id(), kind=MAIL, message="m", payload=payload, now=clock.now())
        db.flush()
        raise CauseFailedError

    with pytest.raises(CauseFailedError), database.writing() as db:
        cause(db)
    assert outbox.rows() == []


def test_waiting_mail_cannot_be_read_without_the_key(outbox: Outbox) -> None:
    secret = new_token()
    outbox.put(Mail(sender="a@b.example", recipient="ann@example.org", content=secret))
    stored = outbox.row().payload or b""
    assert secret.encode() not in stored
    assert b"ann@example.org" not in stored


def test_a_mail_becomes_one_file_whose_name_sorts_by_time(outbox: Outbox, clock: MovableClock) -> None:
    first = outbox.put()
    clock.advance(seconds=1)
    second = outbox.put()
    assert outbox.deliverer("file:").deliver_due() == Round(sent=2)
    names = sorted(path.name for path in outbox.folder.iterdir())
    assert names == [f"20261121T140200.000000Z-{first}.eml", f"20261121T140201.000000Z-{second}.eml"]
    assert (outbox.folder / names[0]).read_text() == MAIL_TO_ANN.content


def test_sent_mail_is_not_sent_again_and_its_content_is_deleted(outbox: Outbox, clock: MovableClock) -> None:
    outbox.put()
    deliverer = outbox.deliverer("file:")
    deliverer.deliver_due()
    row = outbox.row()
    assert (row.sent_at, row.payload, row.attempts) == (clock.now(), None, 1)
    clock.advance(days=1)
    assert deliverer.deliver_due() == Round()


def put_for_later(outbox: Outbox, database: Database, configuration: Configuration, clock: MovableClock) -> str:
    """Enqueue an e-mail that is due in thirty seconds; return its id."""
    public_id, payload, due_at = new_public_id(), MAIL_TO_ANN.payload(), clock.now() + timedelta(seconds=30)
    with database.writing() as db:
        enqueue(
            db,
            configuration.keyring,
            public_id=public_id,
            kind=MAIL,
            message="m",
            payload=payload,
            now=clock.now(),
            due_at=due_at,
        )
    return public_id


def test_mail_for_later_is_not_tried_before(
    outbox: Outbox, database: Database, configuration: Configuration, clock: MovableClock
) -> None:
    put_for_later(outbox, database, configuration, clock)
    assert outbox.row().created_at == clock.now()
    clock.advance(seconds=29)
    assert outbox.deliverer("file:").deliver_due() == Round()
    clock.advance(seconds=1)
    assert outbox.deliverer("file:").deliver_due() == Round(sent=1)


def test_mail_is_taken_back_until_it_is_tried(
    outbox: Outbox, database: Database, configuration: Configuration, clock: MovableClock
) -> None:
    first, second = (put_for_later(outbox, database, configuration, clock) for _ in range(2))
    with database.writing() as db:
        assert cancel(db, first)
        assert not cancel(db, first)
    assert [row.public_id for row in outbox.rows()] == [second]
    clock.advance(seconds=30)
    with database.writing() as db:
        assert lease_next(db, now=clock.now())
        assert not cancel(db, second)
    clock.advance(seconds=LEASE.total_seconds())
    assert outbox.deliverer("file:").deliver_due() == Round(sent=1)
    with database.writing() as db:
        assert not cancel(db, second)


def test_mail_leased_by_a_dead_deliverer_is_sent_by_another(
    outbox: Outbox, database: Database, clock: MovableClock
) -> None:
    outbox.put()
    with database.writing() as db:
        assert lease_next(db, now=clock.now()) is not None
    other = outbox.deliverer("file:")
    clock.advance(seconds=59)
    assert other.deliver_due() == Round()
    clock.advance(seconds=1)
    assert other.deliver_due() == Round(sent=1)


def test_a_mail_sent_but_not_marked_keeps_its_message_id_and_its_file(
    outbox: Outbox, database: Database, clock: MovableClock, server: MailServerOnLoopback
) -> None:
    """The crash that cannot be ruled out: between the server's OK and our commit."""
    outbox.put()
    with database.writing() as db:
        leased = lease_next(db, now=clock.now())
    deliverer = outbox.deliverer(server.url)
    assert leased is not None
    assert deliverer._send(leased) is None
    clock.advance(seconds=LEASE.total_seconds())
    assert deliverer.deliver_due() == Round(sent=1)
    first, second = (message_from_bytes(taken.original_content or b"") for taken in server.mailbox.taken)
    assert first["Message-ID"] == second["Message-ID"]


def test_late_failure_does_not_undo_the_next_delivery(outbox: Outbox, database: Database, clock: MovableClock) -> None:
    outbox.put()
    with database.writing() as db:
        slow = lease_next(db, now=clock.now())
    clock.advance(seconds=LEASE.total_seconds())
    with database.writing() as db:
        quick = lease_next(db, now=clock.now())
    assert slow is not None
    assert quick is not None
    with database.writing() as db:
        mark_failed(db, slow, DeliveryFailure.LATER, "late", now=clock.now())
    assert outbox.row().last_error is None
    with database.writing() as db:
        mark_sent(db, quick, now=clock.now())
        mark_failed(db, slow, DeliveryFailure.LATER, "later still", now=clock.now())
    assert outbox.row().sent_at == clock.now()


def test_deliverers_side_by_side_send_each_mail_once(outbox: Outbox, server: MailServerOnLoopback) -> None:
    mails = [Mail(sender="a@b.example", recipient=f"p{n}@example.org", content=f"{n}\n") for n in range(20)]
    for mail in mails:
        outbox.put(mail)
    together = threading.Barrier(4)

    def deliver() -> None:
        together.wait()
        outbox.deliverer(server.url).deliver_due()

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken.rcpt_tos[0] for taken in server.mailbox.taken) == Counter(mail.recipient for mail in mails)


def test_unreachable_server_ends_the_round_and_mail_goes_out_on_its_return(
    outbox: Outbox, clock: MovableClock, server: MailServerOnLoopback
) -> None:
    for _ in range(3):
        outbox.put()
    server.stop()
    deliverer = outbox.deliverer(server.url)
    assert deliverer.deliver_due() == Round(failed=1, away=True)
    assert [row.attempts for row in outbox.rows()] == [1, 0, 0]
    for _ in range(24 * 12):
        clock.advance(minutes=5)
        deliverer.deliver_due()
    server.start()
    clock.advance(minutes=10)
    assert deliverer.deliver_due() == Round(sent=3)
    assert len(server.mailbox.taken) == 3


def test_a_refused_mail_does_not_hold_up_the_next(outbox: Outbox, server: MailServerOnLoopback) -> None:
    server.mailbox.to_recipient = "550 no such person"
    outbox.put()
    outbox.put()
    assert outbox.deliverer(server.url).deliver_due() == Round(failed=2)


def test_mail_refused_all_day_is_marked_failed_and_can_be_sent_again(
    outbox: Outbox, database: Database, clock: MovableClock, server: MailServerOnLoopback
) -> None:
    public_id = outbox.put()
    server.mailbox.to_content = "554 no"
    deliverer = outbox.deliverer(server.url)
    for _ in range(24):
        deliverer.deliver_due()
        clock.advance(hours=1)
    with database.reading() as db:
        assert [letter.public_id for letter in dead_letters(db)] == [public_id]
        assert backlog(db).given_up == 1
    server.mailbox.to_content = "250 OK"
    assert deliverer.deliver_due() == Round()
    with database.writing() as db:
        assert send_again(db, public_id, now=clock.now())
    assert deliverer.deliver_due() == Round(sent=1)
    assert outbox.row().failed_at is None


def test_mail_that_no_key_opens_is_refused_and_others_go_out(
    outbox: Outbox, database: Database, configuration: Configuration, clock: MovableClock
) -> None:
    with database.writing() as db:
        moved = enqueue(
            db, configuration.keyring, public_id="moved", kind=MAIL, message="m", payload=b"{}", now=clock.now()
        )
        moved.public_id = "elsewhere"
    outbox.put()
    assert outbox.deliverer("file:").deliver_due() == Round(sent=1, failed=1)
    assert "ANSWER_KEYS" in (outbox.rows()[0].last_error or "")


def test_unwritable_folder_loses_no_mail(outbox: Outbox, clock: MovableClock) -> None:
    outbox.put()
    outbox.folder.write_text("in the way")
    deliverer = outbox.deliverer("file:")
    assert deliverer.deliver_due() == Round(failed=1, away=True)
    outbox.folder.unlink()
    clock.advance(seconds=5)
    assert deliverer.deliver_due() == Round(sent=1)


def test_mail_sent_long_ago_is_deleted_and_waiting_mail_is_kept(
    outbox: Outbox, database: Database, clock: MovableClock
) -> None:
    outbox.put()
    outbox.deliverer("file:").deliver_due()
    waiting = outbox.put()
    clock.advance(days=KEPT.days + 1)
    with database.writing() as db:
        assert forget_delivered(db, now=clock.now()) == 1
    assert outbox.row().public_id == waiting


def test_bytes_on_the_wire_are_the_mail_with_its_umlauts_and_lone_dots(
    outbox: Outbox, server: MailServerOnLoopback
) -> None:
    outbox.put()
    outbox.deliverer(server.url).deliver_due()
    (taken,) = server.mailbox.taken
    content = taken.original_content or b""
    assert content == MAIL_TO_ANN.content.replace("\n", "\r\n").encode()
    assert message_from_bytes(content, policy=policy.default)["Subject"] == "Hi"
