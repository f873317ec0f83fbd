"""Send sends what the check page showed: whatever has changed since is shown first, marked, and declared anew."""

from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.submissions.check_page import Moved, as_input
from tests.citizen import Citizen, File, Page
from tests.conftest import MovableClock, Prepared
from tests.integration.submissions.test_check_marks import marks
from tests.loan import SAW, add, fill, filled, publish_loan, publish_yaml, start
from tests.people import add_person, sign_in

FILES = """
format: 1
form: {id: proofs, title: Proofs, declaration: All true.}
sections:
  - id: papers
    title: Papers
    fields:
      - {id: kind, type: text, label: Kind, required: true}
      - {id: proof, type: file, label: Proof, files: {max: 3, max_mb: 1, types: [txt]}}
"""
SENT = "We have received your form"
MOVED = "Something has changed since you opened this page."


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    return prepared(lambda: filled(app, citizen, news="yes", topic="Lathes"), citizen)


def type_into(tab: Citizen, draft: str, section: str, **typed: str) -> None:
    """Let a page save itself while its person types."""
    tab.open(f"{draft}/{section}")
    names = {name: tab.page.value(name) or "" for name in ("csrf_token", "_revision", "_page", "_version")}
    data = names | typed | {"_changed": ",".join(typed), "_sequence": "1", "_end": "1"}
    assert tab.client.post(f"{draft}/autosave/{section}", data=data, headers={"HX-Request": "true"}).status_code == 200


def change(tab: Citizen, draft: str) -> None:
    tab.open(f"{draft}/remarks")
    tab.press("Continue", remark="Bye")


def clear(tab: Citizen, draft: str) -> None:
    tab.open(f"{draft}/remarks")
    tab.press("Continue", remark="")


def hide(tab: Citizen, draft: str) -> None:
    tab.open(f"{draft}/you")
    tab.press("Continue", news="no")


def add_item(tab: Citizen, draft: str) -> None:
    add(tab, draft, **SAW | {"power": "no"})


def remove_item(tab: Citizen, draft: str) -> None:
    add_item(tab, draft)
    tab.open(f"{draft}/tools")
    tab.press("Remove Drill")


def change_item(tab: Citizen, draft: str) -> None:
    tab.open(f"{draft}/tools")
    tab.follow("Change Drill")
    tab.press("Continue", what="Plane")


def autosave(tab: Citizen, draft: str) -> None:
    type_into(tab, draft, "remarks", remark="Half a sen")


MOVES: dict[str, tuple[Callable[[Citizen, str], None], dict[str, str], tuple[str, ...]]] = {
    "changed": (change, {"Remark": "changed"}, ()),
    "cleared": (clear, {}, ("Remarks: Remark",)),
    "hidden by another answer": (hide, {"News": "changed"}, ("About you: Topic",)),
    "an item added": (add_item, {"What": "changed", "Power": "changed"}, ()),
    "an item removed": (remove_item, {"What": "changed", "Power": "changed"}, ("Tools",)),
    "an item changed": (change_item, {"What": "changed"}, ()),
    "typed and saved by itself": (autosave, {"Remark": "changed"}, ()),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_send_shows_what_has_changed_and_sends_it_only_when_pressed_again(
    citizen: Citizen, draft: str, move: tuple[Callable[[Citizen, str], None], dict[str, str], tuple[str, ...]]
) -> None:
    citizen.open(f"{draft}/check")
    make, marked, gone = move
    make(citizen.tab(), draft)
    page = citizen.press("Send", declaration="yes")
    assert (page.status, page.heading) == (409, "Check your answers")
    assert MOVED in page
    assert marked.items() <= marks(page).items()
    assert all(text in page for text in gone)
    assert page.value("declaration") is None
    assert citizen.press("Send", declaration="yes").status in (200, 422)  # an added item is to be confirmed first


def test_send_is_not_held_up_where_nothing_has_changed(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/check")
    tab = citizen.tab()
    tab.open(f"{draft}/remarks")
    tab.press("Continue")  # confirms the same answers once more
    assert citizen.press("Send", declaration="yes").heading == SENT


def test_an_answer_changed_and_changed_back_does_not_hold_up_send(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/check")
    change(citizen.tab(), draft)
    tab = citizen.tab()
    tab.open(f"{draft}/remarks")
    tab.press("Continue", remark="Thanks")
    assert citizen.press("Send", declaration="yes").heading == SENT


def test_a_page_that_does_not_say_what_it_showed_is_shown_again(citizen: Citizen, draft: str) -> None:
    form, _ = citizen.open(f"{draft}/check").form_with("Send")
    known = {each.name: each.value for each in form.controls if each.name != "_shown"}
    answer = citizen.post(f"{draft}/check", known | {"declaration": "yes"})
    assert answer.status_code == 409
    citizen.page = Page(f"{draft}/check", answer)
    assert citizen.page.value("declaration") is None
    assert citizen.press("Send", declaration="yes").heading == SENT


@pytest.mark.parametrize("shown", ["", "nonsense", "a:b c:d", "you//name", "::: ///", "\u0130/ş/q:1"])
def test_what_a_page_claims_to_have_shown_is_never_a_fault(citizen: Citizen, draft: str, shown: str) -> None:
    citizen.open(f"{draft}/check")
    assert citizen.send("Send", declaration="yes", _shown=shown).status_code == 409


LATE = {
    "nothing had come late before": (),
    "another tab's words had come late": (1,),
    "other words of the same tab had come late": (0,),
}


@pytest.mark.parametrize("before", LATE.values(), ids=LATE)
def test_send_does_not_forget_answers_that_came_late_after_its_page_was_opened(
    app: Flask, citizen: Citizen, clock: MovableClock, before: tuple[int, ...]
) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    fill(citizen, draft)
    tabs = [citizen.tab() for _ in range(2)]
    for tab in tabs:
        tab.open(f"{draft}/remarks")
    clock.advance(minutes=31)
    for number in before:
        type_late(tabs[number], "Came late")
    device = Citizen(app)
    sign_in(device)
    device.open(f"{draft}/check")
    type_late(tabs[0], "Came later still")
    page = device.press("Send", declaration="yes")
    assert (page.status, page.value("declaration")) == (409, None)
    assert "Some of what you typed is not in these answers." in page
    assert "Remarks" in page.links
    assert device.press("Send", declaration="yes").heading == SENT


def type_late(tab: Citizen, remark: str) -> None:
    page = tab.page
    assert tab.press("Continue", remark=remark).status == 403
    tab.page = page


def test_a_file_added_or_removed_meanwhile_is_shown_first(app: Flask, citizen: Citizen) -> None:
    publish_yaml(app, FILES)
    draft = start(citizen, "proofs")
    citizen.open(f"{draft}/papers")
    citizen.press("Continue", kind="letter")
    for button, chosen, marked in (
        ("Continue", {"proof": File("letter.txt", b"Dear all")}, {"Proof": "changed"}),
        ("Remove letter.txt", {}, {}),
    ):
        citizen.open(f"{draft}/check")
        tab = citizen.tab()
        tab.open(f"{draft}/papers")
        tab.press(button, **chosen)
        page = citizen.press("Send", declaration="yes")
        assert (page.status, marks(page)) == (409, marked)
    assert "Papers: Proof" in page


NAMES = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}/[a-z0-9]{0,8}/[a-z_]{0,8}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
)


@given(NAMES, NAMES)
def test_a_page_has_moved_exactly_if_something_it_showed_is_no_longer_so(
    before: dict[str, str], now: dict[str, str]
) -> None:
    moved = Moved.since(as_input(before), now)
    assert (moved is None) == (before == now)
    if moved:
        assert moved.changed == {name for name in now if before.get(name) != now[name]}
        assert set(moved.gone) == before.keys() - now.keys()
