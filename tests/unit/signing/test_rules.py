"""Rules of signatures: who is asked, facts, copies, chains and instants, each as a table."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.rules import Shown, shown
from portal.signing.definition import ANSWERED, LIVE, MAY_BECOME, State
from portal.signing.rules import (
    BEGINNING,
    ChainedEvent,
    all_after,
    canonical,
    chain_breaks,
    copy_of,
    details_of,
    differs,
    event_digest,
    expiry,
    extended,
    hash_of_copy,
    is_next,
    is_same_check,
    may_become,
    may_tell_again,
    next_reminder,
    normalised_fact,
    signer_faults,
    signers_of,
    state_at,
)
from tests.loan import definition_of
from tests.signers import ANSWERS, FORM, ZOE

NOW = datetime(2027, 5, 1, 9, tzinfo=UTC)
W, I, C, S, D, X, N, E, U = (  # noqa: E741 - a table of one letter a state
    State.WITHDRAWN,
    State.INVITED,
    State.CHECKED,
    State.SIGNED,
    State.DECLINED,
    State.WAITING,
    State.NOT_ME,
    State.EXPIRED,
    State.UNDELIVERED,
)


def form() -> FormDefinition:
    return definition_of(FORM)


def shows(**changes: dict[str, Any]) -> Shown:
    answers = {section: given | changes.get(section, {}) for section, given in ANSWERS.items()}
    return shown(form(), answers, date(2027, 5, 1))


@pytest.mark.parametrize(
    ("value", "field_type", "wanted"),
    [
        ("1988-05-09", "date", "1988-05-09"),
        ("LS1 4AP", "text", "ls14ap"),
        (" ls14ap ", "text", "ls14ap"),
        ("Zoë  O'Neil-Łukasz", "name", "zoeoneillukasz"),
        ("zoe oneil lukasz", "name", "zoeoneillukasz"),
        ("STRASSE", "text", "strasse"),
        ("Straße", "text", "strasse"),
        ("Ærø", "name", "aero"),
        ("Ł\u00f3d\u017a", "text", "lodz"),
        ("Ło\u0301dz\u0301", "text", "lodz"),
        ("Αθήνα", "text", "αθηνα"),
        ("123.50", "money", "123.50"),
        ("  ", "text", ""),
        ("--", "name", ""),
        ("", "date", ""),
        (None, "text", ""),
        (True, "text", ""),
    ],
)
def test_facts_that_people_type_alike_are_alike(value: object, field_type: str, wanted: str) -> None:
    assert normalised_fact(value, field_type) == wanted


@pytest.mark.parametrize(
    ("typed", "invited", "is_other"),
    [("len ord", "Len Ord", False), ("Lén  Ord", "Len Ord", False), ("L. Ord", "Len Ord", True)],
)
def test_another_name_is_one_with_other_letters(typed: str, invited: str, is_other: bool) -> None:
    assert differs(typed, invited) is is_other


def test_who_is_asked_with_what_and_in_which_state() -> None:
    asked = {each.signer.id: each for each in signers_of(form(), shows())}
    assert {name: (each.name, each.email, each.fact, each.state) for name, each in asked.items()} == {
        "landlord": ("Len Ord", "len@mail.example", "1988-05-09", I),
        "employer": ("Eve Ploy", "eve@mail.example", "", I),
        "bank": ("Ben Ank", "ben@mail.example", "ls14ap", X),
    }


def test_a_signer_whose_condition_does_not_hold_is_none() -> None:
    assert [each.signer.id for each in signers_of(form(), shows(you={"with_bank": False}))] == ["landlord", "employer"]


@pytest.mark.parametrize(
    ("changes", "applicant", "wanted"),
    [
        ({}, [], []),
        ({"others": {"landlord": ""}}, [], [("landlord", "others", "name")]),
        ({"others": {"landlord_email": ""}}, [], [("landlord", "others", "email")]),
        ({"you": {"born": ""}}, [], [("landlord", "you", "fact")]),
        ({"you": {"postcode": "--"}}, [], [("bank", "you", "fact")]),
        ({"others": {"employer_email": ZOE.upper()}}, [ZOE], [("employer", "others", "mailbox")]),
        ({"others": {"landlord_email": ZOE}}, [ZOE], []),
    ],
    ids=["nothing", "name", "address", "fact", "empty fact", "code to the applicant", "fact in one mailbox"],
)
def test_what_keeps_a_form_from_being_sent(
    changes: dict[str, dict[str, Any]], applicant: list[str], wanted: list[tuple[str, str, str]]
) -> None:
    found = signer_faults(signers_of(form(), shows(**changes)), applicant)
    assert [(fault.signer.id, fault.section_id, fault.what) for fault in found] == wanted


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ({"landlord": S, "employer": S}, True),
        ({"landlord": S, "employer": I}, False),
        ({"landlord": S, "employer": W}, True),
        ({"landlord": D, "employer": S}, False),
        ({"landlord": E, "employer": S}, False),
        ({"landlord": S}, True),
    ],
)
def test_who_waits_is_asked_when_all_before_have_signed_or_need_not(states: dict[str, State], wanted: bool) -> None:
    bank = form().signers[2]
    assert is_next(bank, states) is wanted


def test_those_after_somebody_are_found_along_the_whole_order() -> None:
    bank, other = form().signers[2], replace(form().signers[2], id="other", after=("bank",))
    assert all_after((*form().signers, other), "landlord") == {bank.id, "other"}
    assert all_after(form().signers, "bank") == frozenset()


ALLOWED = {
    X: {I, W},
    I: {I, U, C, N, W, E},
    U: {I, C, N, W, E},
    C: {C, S, D, N, W, E},
    E: {I, W},
    S: set(),
    D: set(),
    N: set(),
    W: set(),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("other", State)
def test_which_state_may_become_which(state: State, other: State) -> None:
    assert may_become(state, other) is (other in ALLOWED[state])


def test_an_answer_is_for_ever_and_only_a_live_link_is_answered() -> None:
    assert all(not MAY_BECOME[state] for state in ANSWERED | {W})
    assert {state for state in State if MAY_BECOME[state] & ANSWERED} <= LIVE


@pytest.mark.parametrize(
    ("state", "left", "wanted"),
    [(I, 1, I), (I, 0, E), (C, 0, E), (U, -5, E), (S, -5, S), (W, -5, W), (X, -5, X), (E, 5, E)],
)
def test_a_live_invitation_is_over_at_its_very_end(state: State, left: int, wanted: State) -> None:
    assert state_at(state, NOW + timedelta(seconds=left), NOW) is wanted


def test_who_waits_has_no_end() -> None:
    assert state_at(X, None, NOW) is X


def test_invited_on_the_first_of_may_reminders_and_end() -> None:
    end = expiry(NOW, 30)
    assert end == datetime(2027, 5, 31, 9, tzinfo=UTC)
    first = next_reminder(end, NOW)
    assert first == datetime(2027, 5, 24, 9, tzinfo=UTC)
    second = next_reminder(end, first)
    assert second == datetime(2027, 5, 29, 9, tzinfo=UTC)
    assert next_reminder(end, second) is None
    assert extended(end, datetime(2027, 5, 30, tzinfo=UTC), 10) == datetime(2027, 6, 10, 9, tzinfo=UTC)
    assert extended(end, datetime(2027, 6, 2, tzinfo=UTC), 10) == datetime(2027, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(("days", "wanted"), [(1, None), (2, None), (3, 1), (7, 5), (8, 1), (30, 23)])
def test_a_reminder_lies_between_the_invitation_and_its_end(days: int, wanted: int | None) -> None:
    assert next_reminder(expiry(NOW, days), NOW) == (NOW + timedelta(days=wanted) if wanted else None)


@pytest.mark.parametrize(("ago", "wanted"), [(None, False), (0, True), (29.999, True), (30, False)])
def test_the_same_answer_for_thirty_seconds(ago: float | None, wanted: bool) -> None:
    checked_at = None if ago is None else NOW - timedelta(seconds=ago)
    assert is_same_check(checked_at, NOW) is wanted


@pytest.mark.parametrize(("hours", "wanted"), [(None, True), (23.99, False), (24, True)])
def test_the_applicant_is_told_once_a_day(hours: float | None, wanted: bool) -> None:
    assert may_tell_again(None if hours is None else NOW - timedelta(hours=hours), NOW) is wanted


def copy(**changes: Any) -> bytes:
    answers = {"you": {"name": "Zoë"}, "jobs": {"a": {"what": "Baker"}, "b": {"what": "Smith"}}} | changes.pop(
        "answers", {}
    )
    values = {"version": 1, "reference": "RE-1", "answers": answers, "digests": {"f1": "00"}} | changes
    return hash_of_copy(copy_of(form(), form().signers[0], **values))


FILE = {"id": "f1", "name": "slip.pdf", "kind": "pdf", "size": "9"}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"reference": "RE-2"},
        {"answers": {"you": {"name": "Zoe"}}},
        {"answers": {"jobs": {"b": {"what": "Smith"}, "a": {"what": "Baker"}}}},
        {"answers": {"proof": {"slip": [FILE]}}},
    ],
    ids=["version", "reference", "answer", "order of items", "file"],
)
def test_a_copy_has_another_hash_where_anything_is_different(changes: dict[str, Any]) -> None:
    assert copy(**changes) != copy()


def test_a_copy_has_only_what_is_shown_in_an_order_of_its_own() -> None:
    assert copy(answers={"others": {"landlord": "Len"}}) == copy()
    assert copy(answers={"you": {"b": "1", "a": "2"}}) == copy(answers={"you": {"a": "2", "b": "1"}})
    with_file = {"answers": {"proof": {"slip": [FILE]}}}
    assert copy(**with_file) != copy(**with_file, digests={"f1": "01"})


def test_canonical_json_has_one_spelling() -> None:
    assert canonical({"b": ["ł", 1], "a": None}) == '{"a":null,"b":["ł",1]}'.encode()


def chain(length: int = 3) -> list[ChainedEvent]:
    events, previous = list[ChainedEvent](), BEGINNING
    for number in range(1, length + 1):
        values = {"number": number, "at": NOW, "name": "checked", "details": f'{{"n":{number}}}', "previous": previous}
        previous = event_digest("RE-1", **values)  # type: ignore[arg-type]
        signature = b"signed" if number == length else None
        events.append(ChainedEvent(**values, digest=previous, signature=signature))  # type: ignore[arg-type]
    return events


def test_a_whole_chain_holds() -> None:
    assert list(chain_breaks("RE-1", chain())) == []
    assert details_of(chain()[1]) == {"n": 2}


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda events: events[:-1], "the last event has no signature"),
        (lambda events: [events[0], events[2]], "event 2 is missing"),
        (lambda events: events[1:], "event 1 is missing"),
        (lambda events: [events[0], replace(events[1], details="{}"), events[2]], "event 2 was changed"),
        (lambda events: [events[0], replace(events[1], name="signed"), events[2]], "event 2 was changed"),
        (lambda events: [replace(events[0], at=NOW + timedelta(microseconds=1)), *events[1:]], "event 1 was changed"),
        (lambda events: [events[0], replace(events[1], previous=BEGINNING), events[2]], "event 2 does not follow"),
        (lambda events: [replace(events[0], signature=b"x"), *events[1:]], "an event before the last one"),
        (lambda events: [], "the last event has no signature"),
    ],
    ids=["cut", "middle gone", "first gone", "details", "name", "instant", "order", "old signature", "nothing"],
)
def test_a_chain_breaks_where_it_was_changed(spoil: Any, wanted: str) -> None:
    assert any(found.startswith(wanted) for found in chain_breaks("RE-1", spoil(chain())))


def test_a_chain_of_another_form_does_not_hold() -> None:
    assert "event 1 was changed" in list(chain_breaks("RE-2", chain()))
