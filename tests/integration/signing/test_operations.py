"""What becomes of invitations, below the pages: states, mails, reminders, the end, and one outcome for ever."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from portal.outbox.definition import DeliveryFailure
from portal.outbox.models import Delivery
from portal.outbox.operations import lease_next, mark_failed, mark_sent
from portal.signing.definition import Choice, OutcomeKind, State
from portal.signing.models import Correction, Invitation, Outcome, SigningGuest
from portal.signing.operations import (
    CopyChangedError,
    NotAllowedError,
    TooManyAddressesError,
    ask_for_new_link,
    change_address,
    check_passed,
    decline,
    extend,
    go_on_without,
    is_right_fact,
    note_tries_used_up,
    send_again,
    sign,
    withdraw,
)
from portal.signing.queries import (
    ASKED_NUMBER,
    SIGNED_NUMBER,
    all_invitations_of,
    events_of,
    invitation_of_code,
    invitation_of_token,
    invitations_of,
    outcome_of,
    with_missing_signatures,
)
from portal.signing.rules import chain_breaks, normalised_fact
from portal.signing.sealing import link_of, name_of, open_said
from portal.signing.telling import Desk
from portal.signing.upkeep import expire_invitations, note_refused_invitations, send_signing_reminders
from portal.submissions.models import Submission
from tests.conftest import MovableClock, Prepared
from tests.people import add_person
from tests.signers import (
    BANK,
    EMPLOYER,
    LANDLORD,
    ZOE,
    at_desk,
    draft_of,
    invited,
    letters_in,
    mailbox,
    publish_reference,
    send_draft,
    send_reference,
    submission_of,
)

pytestmark = pytest.mark.both_databases
MAY = datetime.fromisoformat("2027-05-01T09:00:00+00:00")


@pytest.fixture
def reference(app: Flask, prepared: Prepared, clock: MovableClock) -> str:
    """The reference of a sent form: landlord and employer are invited, the bank waits for both."""
    prepared(lambda: publish_reference(app))
    return send_reference(app)


def pass_check(desk: Desk, invitation: Invitation, guest: str = "guest") -> bool:
    return check_passed(desk, invitation, f"{guest} {invitation.public_id}"[:64])


def sign_as(desk: Desk, invitation: Invitation, name: str = "Len Ord", **answers: Any) -> Outcome:
    pass_check(desk, invitation)
    return sign(desk, invitation, typed_name=name, copy_hash=invitation.copy_hash.hex(), answers=answers)


def states(desk: Desk, reference: str) -> dict[str, str]:
    return {each.signer_id: each.state for each in invitations_of(desk.db, submission_of(desk, reference).id)}


def new_mails(desk: Desk, *before: tuple[str, str]) -> list[tuple[str, str]]:
    return mailbox(desk)[len(before) :]


def names_of_events(desk: Desk, reference: str) -> list[str]:
    return [event.name for event in events_of(desk.db, submission_of(desk, reference))]


def assert_chain_holds(desk: Desk, reference: str) -> None:
    assert list(chain_breaks(reference, events_of(desk.db, submission_of(desk, reference)))) == []


def test_send_invites_who_is_asked_and_lets_the_others_wait(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        assert states(desk, reference) == {"landlord": "invited", "employer": "invited", "bank": "waiting"}
        assert mailbox(desk) == [
            (LANDLORD, "Please sign: Ask for a reference"),
            (EMPLOYER, "Please sign: Ask for a reference"),
        ]
        assert names_of_events(desk, reference) == ["sent", "invited", "invited", "waiting"]
        assert_chain_holds(desk, reference)


def test_a_hidden_signer_is_no_signer(app: Flask, reference: str) -> None:
    other = send_reference(app, you={"with_bank": False})
    with at_desk(app) as desk:
        assert states(desk, other) == {"landlord": "invited", "employer": "invited"}


def test_the_mail_names_who_asks_for_what_as_whom_until_when_and_no_answer(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        letter = letters_in(desk)[0]
        link = link_of(desk.keyring, reference, invited(desk, reference))
        text = "\n".join(letter.lines)
    assert letter.link == f"/sign/{link.token}"
    assert {reference, link.code} <= set(letter.lines)
    for words in ("Zoë Łukasz", "Ask for a reference", "Landlord", "21 December 2026 at 14:02"):
        assert words in text
    for answer in ("1988", "Baker", "LS1", "Len Ord"):
        assert answer not in text


def test_link_and_code_lead_to_the_invitation_however_they_are_typed(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        wanted = invited(desk, reference)
        link = link_of(desk.keyring, reference, wanted)
        typed = f" {link.code[:4].lower()}-{link.code[4:]}"
        assert invitation_of_token(desk.db, link.token) is wanted
        assert invitation_of_code(desk.db, reference.lower().replace("-", " "), typed) is wanted
        assert invitation_of_code(desk.db, reference, "22222222") is None
        assert invitation_of_token(desk.db, "x" * 43) is None


def test_the_fact_is_compared_by_a_keyed_hash(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        assert is_right_fact(desk, landlord, normalised_fact("1988-05-09", "date"))
        assert not is_right_fact(desk, landlord, normalised_fact("1988-05-08", "date"))
        assert not is_right_fact(desk, landlord, "")
        bank = invited(desk, reference, "bank")
        assert is_right_fact(desk, bank, normalised_fact(" ls14ap ", "text"))


def test_used_up_tries_are_told_to_the_applicant_once_a_day(app: Flask, clock: MovableClock, reference: str) -> None:
    with at_desk(app) as desk:
        before = mailbox(desk)
        assert note_tries_used_up(desk, invited(desk, reference))
        assert not note_tries_used_up(desk, invited(desk, reference))
        assert new_mails(desk, *before) == [(ZOE, "Somebody could not open your form: Ask for a reference")]
    clock.advance(days=1)
    with at_desk(app) as desk:
        assert note_tries_used_up(desk, invited(desk, reference))


def test_two_checks_two_hundred_milliseconds_apart_are_one_event(
    app: Flask, clock: MovableClock, reference: str
) -> None:
    with at_desk(app) as desk:
        assert pass_check(desk, invited(desk, reference))
    clock.advance(milliseconds=200)
    with at_desk(app) as desk:
        assert not pass_check(desk, invited(desk, reference))
        assert names_of_events(desk, reference).count("checked") == 1
        assert desk.db.scalar(select(func.count()).select_from(SigningGuest)) == 1
    clock.advance(seconds=30)
    with at_desk(app) as desk:
        assert pass_check(desk, invited(desk, reference), "other")
        assert names_of_events(desk, reference).count("checked") == 2


def test_a_signature_is_told_to_all_and_asks_the_next(app: Flask, reference: str) -> None:
    person = add_person(app, "staff@mail.example", "staff")
    with at_desk(app) as desk:
        submission_of(desk, reference).case.assignee_id = person.id
        before = mailbox(desk)
        sign_as(desk, invited(desk, reference))
        first = new_mails(desk, *before)
        assert first == [
            (ZOE, "Signed: Ask for a reference"),
            ("staff@mail.example", "Signed: Ask for a reference"),
            (LANDLORD, "You have signed: Ask for a reference"),
        ]
        sign_as(desk, invited(desk, reference, "employer"), "Eve Ploy")
        assert new_mails(desk, *before, *first) == [
            (ZOE, "Signed: Ask for a reference"),
            (LANDLORD, "Signed: Ask for a reference"),
            ("staff@mail.example", "Signed: Ask for a reference"),
            (EMPLOYER, "You have signed: Ask for a reference"),
            (BANK, "Please sign: Ask for a reference"),
        ]
        assert states(desk, reference)["bank"] == "invited"
        assert_chain_holds(desk, reference)


def test_what_is_signed_is_kept_with_the_name_as_it_was_typed(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        outcome = sign_as(desk, landlord, "  L. Ord", since="2019")
        said = open_said(desk.keyring, reference, landlord, outcome)
        assert (said.name, said.answers, said.language) == ("  L. Ord", {"since": "2019"}, "en")
        assert name_of(desk.keyring, reference, landlord) == "Len Ord"
        (event,) = (each for each in events_of(desk.db, submission_of(desk, reference)) if each.name == "signed")
        assert '"name_differs":true' in event.details


def test_sign_pressed_again_is_the_same_outcome_and_no_mail(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        outcome, mails = sign_as(desk, landlord), mailbox(desk)
        again = sign(desk, landlord, typed_name="Other", copy_hash=landlord.copy_hash.hex(), answers={})
        assert again is outcome
        assert mailbox(desk) == mails


def test_a_decline_after_a_signature_is_refused(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        sign_as(desk, landlord)
        for kind in (OutcomeKind.DECLINED, OutcomeKind.NOT_ME):
            with pytest.raises(NotAllowedError) as refused:
                decline(desk, landlord, kind=kind, reason="No")
            assert refused.value.state is State.SIGNED


def test_a_copy_that_the_page_did_not_show_is_not_signed(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        pass_check(desk, landlord)
        for shown in ("", "é", invited(desk, reference, "employer").copy_hash.hex()):
            with pytest.raises(CopyChangedError):
                sign(desk, landlord, typed_name="Len Ord", copy_hash=shown, answers={})
        assert outcome_of(desk.db, landlord) is None


def test_nobody_signs_without_a_check(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        with pytest.raises(NotAllowedError):
            sign(desk, landlord, typed_name="Len Ord", copy_hash=landlord.copy_hash.hex(), answers={})
        with pytest.raises(NotAllowedError):
            decline(desk, landlord, kind=OutcomeKind.DECLINED)


@pytest.mark.parametrize(
    ("choice", "subject"),
    [(Choice.WRONG, "Something is wrong in your form"), (Choice.REFUSE, "Not signed")],
    ids=["wrong", "refuse"],
)
def test_a_decline_tells_the_applicant_and_stops_those_after(
    app: Flask, reference: str, choice: Choice, subject: str
) -> None:
    with at_desk(app) as desk:
        landlord, before = invited(desk, reference), mailbox(desk)
        pass_check(desk, landlord)
        outcome = decline(desk, landlord, kind=OutcomeKind.DECLINED, reason="The rent is 700", choice=choice)
        assert open_said(desk.keyring, reference, landlord, outcome).reason == "The rent is 700"
        assert new_mails(desk, *before) == [
            (ZOE, f"{subject}: Ask for a reference"),
            (LANDLORD, "You have not signed: Ask for a reference"),
        ]
        assert all("700" not in line for letter in letters_in(desk) for line in letter.lines)
        assert states(desk, reference) == {"landlord": "declined", "employer": "invited", "bank": "withdrawn"}
        assert_chain_holds(desk, reference)


def test_who_is_not_the_signer_needs_no_check_and_stops_nobody(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        before = mailbox(desk)
        decline(desk, invited(desk, reference), kind=OutcomeKind.NOT_ME)
        assert new_mails(desk, *before) == [(ZOE, "Sent to the wrong person: Ask for a reference")]
        assert states(desk, reference) == {"landlord": "not_me", "employer": "invited", "bank": "waiting"}


def test_another_address_makes_another_link_and_kills_the_old_one(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        old, before = invited(desk, reference), mailbox(desk)
        token = link_of(desk.keyring, reference, old).token
        pass_check(desk, old)
        new = change_address(desk, old, "new@mail.example")
        assert new_mails(desk, *before) == [
            (LANDLORD, "You no longer need to sign: Ask for a reference"),
            ("new@mail.example", "Please sign: Ask for a reference"),
        ]
        assert invitation_of_token(desk.db, token) is old
        assert (old.state, new.state) == ("withdrawn", "invited")
        assert is_right_fact(desk, new, normalised_fact("1988-05-09", "date"))
        assert desk.db.scalar(select(func.count()).select_from(SigningGuest)) == 0
        with pytest.raises(NotAllowedError):
            sign(desk, old, typed_name="Len Ord", copy_hash=old.copy_hash.hex(), answers={})
        assert_chain_holds(desk, reference)


def test_five_addresses_are_tried_and_no_more(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        for number in range(4):
            change_address(desk, invited(desk, reference), f"new{number}@mail.example")
        with pytest.raises(TooManyAddressesError):
            change_address(desk, invited(desk, reference), "new4@mail.example")
        assert len(all_invitations_of(desk.db, submission_of(desk, reference))) == 3 + 4


def test_an_address_can_be_changed_after_the_wrong_person_got_the_mail(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        old = invited(desk, reference)
        decline(desk, old, kind=OutcomeKind.NOT_ME)
        before = mailbox(desk)
        new = change_address(desk, old, "new@mail.example")
        assert new_mails(desk, *before) == [("new@mail.example", "Please sign: Ask for a reference")]
        assert (old.state, new.state) == ("not_me", "invited")


def test_nobody_is_invited_elsewhere_after_an_answer(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        sign_as(desk, landlord)
        with pytest.raises(NotAllowedError):
            change_address(desk, landlord, "new@mail.example")


def test_withdrawing_tells_the_signer_and_asks_those_who_waited(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        sign_as(desk, invited(desk, reference))
        before = mailbox(desk)
        withdraw(desk, invited(desk, reference, "employer"))
        assert new_mails(desk, *before) == [
            (EMPLOYER, "You no longer need to sign: Ask for a reference"),
            (BANK, "Please sign: Ask for a reference"),
        ]
        with pytest.raises(NotAllowedError):
            withdraw(desk, invited(desk, reference))


def test_a_corrected_form_withdraws_the_old_invitations_and_carries_no_signature(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        sign_as(desk, invited(desk, reference))
        draft = draft_of(desk)
        desk.db.add(Correction(draft_id=draft.id, submission_id=submission_of(desk, reference).id))
        desk.db.flush()
        corrected = send_draft(desk, draft).reference
        assert states(desk, reference) == {"landlord": "signed", "employer": "withdrawn", "bank": "withdrawn"}
        assert states(desk, corrected) == {"landlord": "invited", "employer": "invited", "bank": "waiting"}
        for each in (reference, corrected):
            assert_chain_holds(desk, each)


def deliver(app: Flask, failure: DeliveryFailure | None) -> None:
    """Bring the oldest mail that is due to its end."""
    with at_desk(app) as desk:
        leased = lease_next(desk.db, now=desk.now)
        assert leased
        if failure:
            mark_failed(desk.db, leased, failure, "No such address", now=desk.now)
        else:
            mark_sent(desk.db, leased, now=desk.now)


def test_a_refused_mail_makes_an_invitation_undelivered_and_tells_the_applicant(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        assert note_refused_invitations(desk.db, now=desk.now) == 0
    deliver(app, DeliveryFailure.REFUSED)
    deliver(app, None)
    with at_desk(app) as desk:
        assert [note_refused_invitations(desk.db, now=desk.now) for _ in range(3)] == [1, 1, 0]
        assert states(desk, reference) == {"landlord": "undelivered", "employer": "invited", "bank": "waiting"}
        assert mailbox(desk)[-1] == (ZOE, "We could not send our e-mail: Ask for a reference")
        assert with_missing_signatures(desk.db, [submission_of(desk, reference).id])
        assert pass_check(desk, invited(desk, reference))  # the link may have come another way
        assert not with_missing_signatures(desk.db, [submission_of(desk, reference).id])


def test_a_mail_that_is_tried_later_again_is_waited_for(app: Flask, reference: str) -> None:
    deliver(app, DeliveryFailure.AWAY)
    with at_desk(app) as desk:
        assert note_refused_invitations(desk.db, now=desk.now) == 0
        assert states(desk, reference)["landlord"] == "invited"


def test_sending_again_repeats_the_link_and_gives_no_more_time(app: Flask, clock: MovableClock, reference: str) -> None:
    clock.advance(days=1)
    with at_desk(app) as desk:
        landlord = invited(desk, reference)
        end, link = landlord.expires_at, letters_in(desk)[0].link
        send_again(desk, landlord)
        assert letters_in(desk)[-1].link == link
        assert landlord.expires_at == end
        with pytest.raises(NotAllowedError):
            send_again(desk, invited(desk, reference, "bank"))


def at(app: Flask, clock: MovableClock, when: str) -> None:
    clock.advance(seconds=(datetime.fromisoformat(f"2027-{when}+00:00") - clock.now()).total_seconds())


def sweep(app: Flask) -> list[tuple[str, str]]:
    """Remind and expire as the worker does; return the mails that this made."""
    with at_desk(app) as desk:
        before = mailbox(desk)
        for each in (send_signing_reminders, expire_invitations):
            while each(desk.db, now=desk.now):
                pass
        return new_mails(desk, *before)


@pytest.fixture
def in_may(app: Flask, prepared: Prepared, clock: MovableClock) -> str:
    """The reference of a form with one signer, who was invited on 1 May at nine."""
    prepared(lambda: publish_reference(app))
    at(app, clock, "05-01T09:00:00")
    reference = send_reference(app, you={"with_bank": False})
    with at_desk(app) as desk:
        withdraw(desk, invited(desk, reference, "employer"))
    return reference


def test_reminders_and_end_of_an_invitation_of_thirty_days(app: Flask, clock: MovableClock, in_may: str) -> None:
    reminder = (LANDLORD, "Please sign: Ask for a reference")
    for when, mails in (
        ("05-24T08:59:59", []),
        ("05-24T09:00:00", [reminder]),
        ("05-29T08:59:59", []),
        ("05-29T09:00:00", [reminder]),
        ("05-31T08:59:59", []),
    ):
        at(app, clock, when)
        assert sweep(app) == mails, when
    with at_desk(app) as desk:
        assert pass_check(desk, invited(desk, in_may))
    at(app, clock, "05-31T09:00:00")
    with at_desk(app) as desk, pytest.raises(NotAllowedError) as refused:
        sign(desk, invited(desk, in_may), typed_name="Len Ord", copy_hash="", answers={})
    assert refused.value.state is State.EXPIRED
    assert sweep(app) == [
        (ZOE, "Not signed in time: Ask for a reference"),
        (LANDLORD, "Not signed in time: Ask for a reference"),
    ]
    with at_desk(app) as desk:
        assert states(desk, in_may)["landlord"] == "expired"
        assert with_missing_signatures(desk.db, [submission_of(desk, in_may).id])
        assert_chain_holds(desk, in_may)


def test_extended_by_ten_days_on_the_thirtieth_it_ends_on_the_tenth(
    app: Flask, clock: MovableClock, in_may: str
) -> None:
    at(app, clock, "05-30T12:00:00")
    sweep(app)
    with at_desk(app) as desk:
        landlord = invited(desk, in_may)
        extend(desk, landlord, 10)
        assert landlord.expires_at == MAY + timedelta(days=40)
        assert "10 June 2027 at 10:00" in "\n".join(letters_in(desk)[-1].lines)
        for days in (6, 61):
            with pytest.raises(ValueError, match="7 to 60 days"):
                extend(desk, landlord, days)
    at(app, clock, "06-03T09:00:00")
    assert sweep(app) == [(LANDLORD, "Please sign: Ask for a reference")]
    at(app, clock, "06-10T08:59:59")
    with at_desk(app) as desk:
        sign_as(desk, invited(desk, in_may))


def test_what_is_over_is_extended_from_now_or_sent_again_for_its_days(
    app: Flask, clock: MovableClock, in_may: str
) -> None:
    at(app, clock, "06-05T12:00:00")
    sweep(app)
    with at_desk(app) as desk:
        landlord = invited(desk, in_may)
        before = mailbox(desk)
        ask_for_new_link(desk, landlord)
        ask_for_new_link(desk, landlord)
        assert new_mails(desk, *before) == [(ZOE, "Somebody asks for a new link: Ask for a reference")]
        extend(desk, landlord, 7)
        assert (landlord.state, landlord.expires_at) == ("invited", desk.now + timedelta(days=7))
        with pytest.raises(NotAllowedError):
            ask_for_new_link(desk, landlord)
    at(app, clock, "06-12T12:00:00")  # over again, and nobody has swept yet
    with at_desk(app) as desk:
        landlord = invited(desk, in_may)
        send_again(desk, landlord)
        assert (landlord.state, landlord.expires_at) == ("invited", desk.now + timedelta(days=30))
        assert_chain_holds(desk, in_may)


def test_staff_go_on_without_a_missing_signature(app: Flask, clock: MovableClock, in_may: str) -> None:
    at(app, clock, "06-01T09:00:00")
    sweep(app)
    with at_desk(app) as desk:
        submission = submission_of(desk, in_may)
        assert with_missing_signatures(desk.db, [submission.id]) == {submission.id}
        go_on_without(desk, submission)
        desk.db.flush()
        assert with_missing_signatures(desk.db, [submission.id]) == frozenset()
        assert names_of_events(desk, in_may)[-1] == "waived"
        assert states(desk, in_may)["landlord"] == "expired"


def test_how_many_have_signed_is_a_column(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        sign_as(desk, invited(desk, reference))
        withdraw(desk, invited(desk, reference, "employer"))
        desk.db.flush()
        assert desk.db.execute(select(ASKED_NUMBER, SIGNED_NUMBER).select_from(Submission)).one() == (2, 1)


def test_the_same_mailbox_is_noted(app: Flask, reference: str) -> None:
    other = send_reference(app, others={"landlord_email": ZOE.upper()})
    with at_desk(app) as desk:
        assert invited(desk, other).shares_mailbox
        assert not invited(desk, reference).shares_mailbox


def test_everything_goes_with_the_form(app: Flask, reference: str) -> None:
    with at_desk(app) as desk:
        sign_as(desk, invited(desk, reference))
        submission = submission_of(desk, reference)
        desk.db.flush()
        desk.db.execute(delete(Submission).where(Submission.id == submission.id))
        for table in (Invitation, Outcome, SigningGuest):
            assert desk.db.scalar(select(func.count()).select_from(table)) == 0
        assert desk.db.scalar(select(func.count()).select_from(Delivery)) > 0
