"""What is done to one invitation at the same moment has one outcome, one set of mails and one chain."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import Database
from portal.signing.definition import OutcomeKind
from portal.signing.models import Outcome, SigningKey
from portal.signing.operations import NotAllowedError, change_address, check_passed, decline, extend, sign, withdraw
from portal.signing.queries import invitation_of_token
from portal.signing.sealing import link_of
from portal.signing.telling import Desk
from portal.signing.verifying import breaks_of
from tests.conftest import Prepared
from tests.signers import ZOE, at_desk, invited, mailbox, publish_reference, send_reference, submission_of

pytestmark = pytest.mark.both_databases
Act = Callable[[Desk, str], object]


@pytest.fixture
def published(app: Flask, prepared: Prepared) -> None:
    prepared(lambda: publish_reference(app))


def together(app: Flask, token: str, acts: list[Act]) -> Counter[str]:
    """Do all at the same moment, each in a transaction of its own; return how often which result came."""
    start = threading.Barrier(len(acts))

    def do(act: Act) -> str:
        start.wait(timeout=60)
        try:
            with at_desk(app) as desk:
                act(desk, token)
        except NotAllowedError:
            return "refused"
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(do, acts))


def signs(desk: Desk, token: str) -> None:
    invitation = invitation_of_token(desk.db, token)
    assert invitation
    sign(desk, invitation, typed_name="Len Ord", copy_hash=invitation.copy_hash.hex(), answers={})


def declines(desk: Desk, token: str) -> None:
    decline(desk, invitation_of_token(desk.db, token), kind=OutcomeKind.DECLINED, reason="No")


def is_somebody_else(desk: Desk, token: str) -> None:
    decline(desk, invitation_of_token(desk.db, token), kind=OutcomeKind.NOT_ME)


def moves(desk: Desk, token: str) -> None:
    change_address(desk, invitation_of_token(desk.db, token), "new@mail.example")


def takes_back(desk: Desk, token: str) -> None:
    withdraw(desk, invitation_of_token(desk.db, token))


def extends(desk: Desk, token: str) -> None:
    extend(desk, invitation_of_token(desk.db, token), 10)


def checked(app: Flask) -> tuple[str, str]:
    """Return a form's reference, and the token of its landlord, who has passed the check."""
    reference = send_reference(app)
    with at_desk(app) as desk:
        invitation = invited(desk, reference)
        check_passed(desk, invitation, "guest")
        return reference, link_of(desk.keyring, reference, invitation).token


def test_twenty_signs_at_the_same_moment_are_one_outcome_and_one_set_of_mails(
    app: Flask, database: Database, published: None
) -> None:
    reference, token = checked(app)
    assert together(app, token, [signs] * 20) == {"done": 20}
    with at_desk(app) as desk:
        assert desk.db.scalar(select(func.count()).select_from(Outcome)) == 1
        told = Counter(mailbox(desk))
        assert told[ZOE, "Signed: Ask for a reference"] == 1
        assert told["len@mail.example", "You have signed: Ask for a reference"] == 1
        assert list(breaks_of(desk, submission_of(desk, reference))) == []


@pytest.mark.parametrize("other", [declines, is_somebody_else, moves, takes_back, extends])
def test_a_signature_and_what_comes_at_the_same_moment_have_one_outcome_that_is_told(
    app: Flask, database: Database, published: None, other: Act
) -> None:
    reference, token = checked(app)
    found = together(app, token, [signs, other] * 4)
    assert found["done"] >= 1
    with at_desk(app) as desk:
        outcomes = desk.db.scalars(select(Outcome)).all()
        assert len(outcomes) <= 1
        told = [to for to, subject in mailbox(desk) if to == ZOE]
        assert len(told) == len(outcomes)
        assert list(breaks_of(desk, submission_of(desk, reference))) == []


def test_the_key_that_is_made_twice_at_the_same_moment_is_one(app: Flask, database: Database, published: None) -> None:
    start = threading.Barrier(4)

    def send(_number: int) -> str:
        start.wait(timeout=60)
        return send_reference(app)

    with ThreadPoolExecutor(4) as pool:
        references = list(pool.map(send, range(4)))
    with at_desk(app) as desk:
        assert desk.db.scalar(select(func.count()).select_from(SigningKey)) == 1
        for reference in references:
            assert list(breaks_of(desk, submission_of(desk, reference))) == []
