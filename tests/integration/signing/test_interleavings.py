"""Whatever happens in whatever order, a signature has one outcome, by a live link, of which somebody is told.

A plain model of the rules says beforehand what each step must do. `FORMS_TRIED` says how many forms are tried.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import Database
from portal.outbox.definition import mail_of
from portal.outbox.models import Delivery
from portal.outbox.operations import SUBJECT
from portal.signing.definition import Choice, OutcomeKind
from portal.signing.models import Invitation, Outcome
from portal.signing.operations import (
    CopyChangedError,
    NotAllowedError,
    TooManyAddressesError,
    change_address,
    check_passed,
    decline,
    extend,
    go_on_without,
    send_again,
    sign,
    withdraw,
    withdraw_open,
)
from portal.signing.queries import all_invitations_of, events_of, invitation_of_token
from portal.signing.rules import chain_breaks
from portal.signing.sealing import link_of
from portal.signing.telling import Desk
from portal.signing.upkeep import expire_invitations, note_refused_invitations, send_signing_reminders
from portal.signing.verifying import breaks_of
from portal.submissions.models import Submission
from tests.conftest import START, Prepared
from tests.signers import ZOE, at_desk, publish_reference, send_reference, submission_of

pytestmark = pytest.mark.both_databases
TRIED = int(os.environ.get("FORMS_TRIED", "12"))
STEPS = 14
DAYS = {"landlord": 30, "employer": 20, "bank": 10}
AFTER = {"landlord": (), "employer": (), "bank": ("landlord", "employer")}
OUTCOME_SUBJECTS = ("Signed: ", "Not signed: ", "Something is wrong", "Sent to the wrong person")


@dataclass(kw_only=True)
class Asked:
    """What the model knows of one invitation."""

    token: str
    signer: str
    state: str
    end: datetime | None = None
    address: str = ""
    is_current: bool = True
    is_checked: bool = False


@dataclass(kw_only=True)
class World:
    """One sent form, the model of its invitations, and the steps that were taken, to be shown when one fails."""

    app: Flask
    reference: str
    chance: random.Random
    now: datetime = START
    asked: dict[int, Asked] = field(default_factory=dict)
    outcomes: dict[int, tuple[str, datetime, bytes]] = field(default_factory=dict)
    last_mail: int = 0
    steps: list[str] = field(default_factory=list)

    def alive(self, each: Asked) -> bool:
        """Whether a link leads to the form now."""
        return each.state == "open" and each.end is not None and self.now < each.end

    def likely(self) -> list[int]:
        """Return the invitations of which one is chosen: mostly one that is alive, so that something happens."""
        alive = [key for key, each in self.asked.items() if self.alive(each)]
        return alive if alive and self.chance.random() < 0.7 else list(self.asked)

    def over(self, each: Asked) -> bool:
        return each.state == "open" and each.end is not None and self.now >= each.end

    def learn(self, desk: Desk, submission: Submission) -> None:
        """Let the model know new invitations, which are those that it expects."""
        for row in all_invitations_of(desk.db, submission):
            if row.id not in self.asked:
                token = link_of(desk.keyring, self.reference, row).token
                self.asked[row.id] = Asked(token=token, signer=row.signer_id, state="waiting")
                if all(not self.stands(before) for before in AFTER[row.signer_id]):
                    self.open(self.asked[row.id])

    def stands(self, signer: str) -> bool:
        """Whether a signer has neither signed nor been withdrawn, so that those after them wait."""
        return any(
            each.is_current and each.signer == signer and each.state not in ("signed", "withdrawn")
            for each in self.asked.values()
        )

    def open(self, each: Asked) -> None:
        each.state, each.end = "open", self.now + timedelta(days=DAYS[each.signer])

    def release(self) -> None:
        """Ask those who have nobody to wait for any more."""
        for each in self.asked.values():
            if each.is_current and each.state == "waiting" and not any(map(self.stands, AFTER[each.signer])):
                self.open(each)

    def stop_after(self, signer: str) -> None:
        for each in self.asked.values():
            if each.is_current and each.state == "waiting" and signer in AFTER[each.signer]:
                each.state = "withdrawn"


Step = Callable[[World, Desk, Invitation, Asked], None]


def expects(world: World, is_allowed: bool, act: Callable[[], object]) -> bool:
    """Do something; it must succeed where the model allows it, and be refused where it does not."""
    try:
        act()
        was_allowed = True
    except (NotAllowedError, CopyChangedError, TooManyAddressesError):
        was_allowed = False
    assert was_allowed is is_allowed, f"after {world.steps}"
    return was_allowed


def check(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    guest = f"{world.chance.randrange(3)} {row.public_id}"
    if expects(world, world.alive(each), lambda: check_passed(desk, row, guest)):
        each.is_checked = True


def put_name(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    is_stale = world.chance.random() < 0.2
    shown = "0" * 64 if is_stale else row.copy_hash.hex()
    may = each.state == "signed" or (world.alive(each) and each.is_checked and not is_stale)
    if expects(world, may, lambda: sign(desk, row, typed_name="Name", copy_hash=shown, answers={})):
        each.state = "signed"
        world.release()


def turn_down(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    choice = world.chance.choice(list(Choice))
    may = each.state == "declined" or (world.alive(each) and each.is_checked)
    if expects(world, may, lambda: decline(desk, row, kind=OutcomeKind.DECLINED, reason="No", choice=choice)):
        if each.state != "declined":
            world.stop_after(each.signer)
        each.state = "declined"


def not_me(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    may = each.state == "not_me" or world.alive(each)
    if expects(world, may, lambda: decline(desk, row, kind=OutcomeKind.NOT_ME)):
        each.state = "not_me"


def move(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    tried = sum(other.signer == each.signer for other in world.asked.values())
    may = each.is_current and each.state in ("open", "waiting", "not_me") and tried < 5
    if expects(world, may, lambda: change_address(desk, row, f"n{world.chance.randrange(10**6)}@mail.example")):
        was_waiting = each.state == "waiting"
        each.is_current = False
        each.state = each.state if each.state == "not_me" else "withdrawn"
        (new,) = (
            one
            for one in all_invitations_of(desk.db, submission_of(desk, world.reference))
            if one.id not in world.asked
        )
        world.asked[new.id] = Asked(
            token=link_of(desk.keyring, world.reference, new).token, signer=each.signer, state="waiting"
        )
        if not was_waiting:
            world.open(world.asked[new.id])


def take_back(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    if expects(world, each.state in ("open", "waiting"), lambda: withdraw(desk, row)):
        each.state = "withdrawn"
        world.release()


def give_time(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    days = world.chance.randint(7, 60)
    if expects(world, each.state == "open", lambda: extend(desk, row, days)):
        assert each.end is not None
        each.is_checked = each.is_checked and world.alive(each)
        each.end = max(each.end, world.now) + timedelta(days=days)


def mail_again(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    if expects(world, each.state == "open", lambda: send_again(desk, row)) and world.over(each):
        each.is_checked = False
        world.open(each)


def wait(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    """Let time pass, up to the very end of an invitation, with or without the worker."""
    ends = [one.end for one in world.asked.values() if one.end and one.end > world.now]
    to_end = world.chance.choice(ends) if ends and world.chance.random() < 0.3 else None
    world.now = to_end or world.now + timedelta(hours=world.chance.randint(1, 400))


def sweep(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    for work in (send_signing_reminders, expire_invitations, note_refused_invitations):
        while work(desk.db, now=world.now):
            pass


def refuse_mail(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    delivery = desk.db.scalar(select(Delivery).where(Delivery.public_id == row.delivery))
    if delivery:
        delivery.last_failure, delivery.failed_at = "refused", world.now


def go_on(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    go_on_without(desk, submission_of(desk, world.reference))


def correct(world: World, desk: Desk, row: Invitation, each: Asked) -> None:
    """Another form takes the place of this one, which happens to few."""
    if world.chance.random() < 0.1:
        withdraw_open(desk, submission_of(desk, world.reference))
        for one in world.asked.values():
            if one.is_current and one.state in ("open", "waiting"):
                one.state = "withdrawn"


STEPS_TO_TAKE: tuple[Step, ...] = (
    *(check, check, check, check, put_name, put_name, put_name, put_name, put_name, turn_down, not_me, move),
    *(take_back, give_time, mail_again, wait, wait, sweep, refuse_mail, go_on, correct),
)


def mails_since(world: World, desk: Desk) -> list[tuple[str, str]]:
    """Return recipient and subject of the mails about this form that were enqueued since the last call."""
    desk.db.flush()
    rows = desk.db.scalars(select(Delivery).where(Delivery.id > world.last_mail).order_by(Delivery.id)).all()
    world.last_mail = max((row.id for row in rows), default=world.last_mail)
    opened = (mail_of(desk.keyring.open(row.payload or b"", subject=SUBJECT, place=row.public_id)) for row in rows)
    return [(mail.recipient, subject_of(mail.content)) for mail in opened if world.reference in mail.content]


def subject_of(content: str) -> str:
    """Return the subject of a mail, all of whose headers are ASCII; reading it as mail programs do takes long."""
    (line,) = (line for line in content.splitlines() if line.startswith("Subject: "))
    return line.removeprefix("Subject: ")


def assert_invariants(world: World, desk: Desk, before: dict[int, bool]) -> None:
    """Check what never may be, whatever the step was; `before` says which links were alive."""
    submission = submission_of(desk, world.reference)
    told = [to for to, subject in mails_since(world, desk) if subject.startswith(OUTCOME_SUBJECTS)]
    of_form = select(Outcome).join(Invitation).where(Invitation.submission_id == submission.id)
    found = {row.invitation_id: (row.kind, row.at, row.sealed) for row in desk.db.scalars(of_form)}
    number = desk.db.scalar(select(func.count()).select_from(of_form.subquery()))
    assert number == len(found), f"two outcomes after {world.steps}"
    assert {key: found.get(key) for key in world.outcomes} == world.outcomes, f"undone after {world.steps}"
    new = found.keys() - world.outcomes.keys()
    assert all(before.get(key, False) for key in new), f"by a dead link after {world.steps}"
    assert told.count(ZOE) == len(new), f"told of after {world.steps}"
    world.outcomes = found
    states = {row.id: row.state for row in all_invitations_of(desk.db, submission)}
    assert {key: states[key] for key in found} == {key: kind for key, (kind, _at, _sealed) in found.items()}
    assert list(chain_breaks(world.reference, events_of(desk.db, submission))) == [], world.steps


def run(app: Flask, seed: int) -> int:
    """Let one form live through random steps; return how many outcomes it has."""
    world = World(app=app, reference=send_reference(app), chance=random.Random(seed))  # noqa: S311 - no secret
    with at_desk(app) as desk:
        world.learn(desk, submission_of(desk, world.reference))
        mails_since(world, desk)
    for _ in range(STEPS):
        step = world.chance.choice(STEPS_TO_TAKE)
        number = world.chance.choice(world.likely())
        world.steps.append(f"{step.__name__} {world.asked[number].signer} {number} (seed {seed})")
        before = {key: world.alive(each) for key, each in world.asked.items()}
        with at_desk(app) as plain:
            desk = replace(plain, now=world.now)
            row = invitation_of_token(desk.db, world.asked[number].token)
            assert row is not None
            assert row.id == number
            step(world, desk, row, world.asked[number])
            assert_invariants(world, desk, before)
    with at_desk(app) as desk:
        submission = submission_of(desk, world.reference)
        assert list(breaks_of(desk, submission)) == [], world.steps
        withdraw_open(replace(desk, now=world.now), submission)
    return len(world.outcomes)


def test_no_order_of_events_gives_two_outcomes_or_one_by_a_dead_link_or_one_that_nobody_is_told_of(
    app: Flask, database: Database, prepared: Prepared
) -> None:
    prepared(lambda: publish_reference(app))
    assert sum(run(app, seed) for seed in range(TRIED)) > TRIED // 2
