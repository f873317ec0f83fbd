"""The items of a repeat: added, changed, removed, and never mixed up."""

from collections.abc import Callable

from portal.drafts.models import DraftPart
from tests.citizen import Citizen
from tests.loan import DRILL, SAW, add, states

Parts = Callable[[str], dict[str, DraftPart]]


def hammer(number: int) -> dict[str, str]:
    return {"what": f"Hammer {number}", "power": "no"}


def items(found: dict[str, DraftPart]) -> list[str]:
    return [place for place in found if place.startswith("tools/")]


def test_add_creates_no_item_until_it_is_saved(citizen: Citizen, draft: str, parts: Parts) -> None:
    citizen.open(f"{draft}/tools")
    answer = citizen.send("Add a tool")
    assert answer.status_code == 303
    address, _, item = answer.location.rpartition("/")
    assert (address, len(item)) == (f"{draft}/tools", 8)
    assert citizen.open(answer.location).status == 200
    assert parts(draft) == {}
    answer = citizen.send("Continue", **DRILL)
    assert (answer.status_code, answer.location) == (303, f"{draft}/tools")
    assert items(parts(draft)) == [f"tools/{item}"]


def test_button_to_add_says_whether_it_is_the_first(citizen: Citizen, draft: str) -> None:
    page = citizen.open(f"{draft}/tools")
    assert page.add_button == "Add a tool"
    assert "Nothing is listed yet." in page
    assert "If there is nothing to add" not in page  # at least one is asked for
    add(citizen, draft, **DRILL)
    assert citizen.open(f"{draft}/tools").add_button == "Add another tool"


def test_empty_item_is_not_created(citizen: Citizen, draft: str, parts: Parts) -> None:
    citizen.open(f"{draft}/tools")
    citizen.press("Add a tool")
    assert citizen.press("Continue").status == 422
    citizen.press("Back")
    assert citizen.page.path == f"{draft}/tools"
    assert parts(draft) == {}


def test_two_presses_of_add_lead_to_different_items(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/tools")
    assert citizen.send("Add a tool").location != citizen.send("Add a tool").location


def test_items_are_listed_by_label_in_the_order_they_were_added(citizen: Citizen, draft: str) -> None:
    for number in (1, 2, 3):
        add(citizen, draft, **hammer(number))
    words = citizen.open(f"{draft}/tools").words
    assert words.index("Hammer 1") < words.index("Hammer 2") < words.index("Hammer 3")
    assert {"Change Hammer 1", "Change Hammer 2", "Change Hammer 3"} <= set(citizen.page.links)


def test_changing_an_item_shows_its_answers_and_keeps_the_other_items(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, **DRILL)
    add(citizen, draft, **SAW)
    page = citizen.follow("Change Saw")
    assert (page.heading, page.value("volts")) == ("Saw", "230")
    citizen.press("Continue", what="Jigsaw")
    assert {"Change Drill", "Change Jigsaw"} <= set(citizen.page.links)
    assert "Change Saw" not in citizen.page.links


def test_removing_the_second_of_three_items_keeps_the_others(citizen: Citizen, draft: str) -> None:
    addresses = [add(citizen, draft, **hammer(number)) for number in (1, 2, 3)]
    answer = citizen.send("Remove Hammer 2")
    assert (answer.status_code, answer.location) == (303, f"{draft}/tools")
    assert citizen.open(addresses[0]).value("what") == "Hammer 1"
    assert citizen.open(addresses[2]).value("what") == "Hammer 3"
    assert citizen.open(addresses[1]).value("what") == ""
    assert "Change Hammer 2" not in citizen.open(f"{draft}/tools").links


def test_answers_for_an_item_removed_elsewhere_can_be_kept_or_dropped(citizen: Citizen, draft: str) -> None:
    address = add(citizen, draft, **hammer(1))
    tab = citizen.open(address)
    citizen.open(f"{draft}/tools")
    citizen.press("Remove Hammer 1")
    citizen.page = tab
    page = citizen.press("Continue", what="Mallet")
    assert page.status == 409
    assert "While you had this page open, its answers were removed somewhere else." in page
    assert "saved somewhere else" not in page
    assert citizen.press("Keep all of mine").value("what") == "Mallet"
    assert "Change Mallet" in citizen.open(f"{draft}/tools").links


def test_continue_below_the_minimum_says_how_many_items_are_missing(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/tools")
    page = citizen.press("Continue")
    assert (page.status, page.path) == (422, f"{draft}/tools")
    assert page.title.startswith("Error:")
    assert "Add at least one tool" in page


def test_continue_with_an_item_that_lacks_an_answer_names_it(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/tools")
    citizen.press("Add a tool")
    citizen.press("Save and come back later", what="Rake")
    citizen.open(f"{draft}/tools")
    page = citizen.press("Continue")
    assert page.status == 422
    assert "Change “Rake”: something is missing or wrong" in page


def test_full_list_offers_no_add_and_refuses_a_forced_one(citizen: Citizen, draft: str, parts: Parts) -> None:
    citizen.open(f"{draft}/tools")
    spare = citizen.send("Add a tool").location
    for number in (1, 2, 3):
        add(citizen, draft, **hammer(number))
    page = citizen.open(f"{draft}/tools")
    assert "Add another" not in page
    token = page.value("csrf_token")
    forced = {"csrf_token": token, "_action": "add", "_end": "1"}
    assert citizen.client.post(f"{draft}/tools", data=forced).status_code == 422
    assert citizen.client.get(spare).status_code == 404
    assert len(items(parts(draft))) == 3


def test_item_typed_while_the_list_filled_up_comes_back_and_fits_later(
    citizen: Citizen, draft: str, parts: Parts
) -> None:
    citizen.open(f"{draft}/tools")
    spare = citizen.send("Add a tool").location
    page = citizen.open(spare)
    for number in (1, 2, 3):
        add(citizen, draft, **hammer(number))
    citizen.page = page
    page = citizen.press("Continue", **SAW)
    assert (page.status, page.path, page.value("what")) == (422, spare, SAW["what"])
    assert "You cannot add any more." in page
    assert len(items(parts(draft))) == 3
    assert citizen.send("Back", **SAW).location == f"{draft}/tools"
    citizen.open(f"{draft}/tools")
    citizen.press("Remove Hammer 2")
    citizen.page = page
    assert citizen.send("Continue", **SAW).status_code == 303
    assert "Change Saw" in citizen.open(f"{draft}/tools").links


def test_back_from_an_item_without_room_first_says_that_nothing_of_it_is_saved(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/tools")
    spare = citizen.send("Add a tool").location
    page = citizen.open(spare)
    for number in (1, 2, 3):
        add(citizen, draft, **hammer(number))
    citizen.page = page
    assert citizen.send("Back").location == f"{draft}/tools", "nothing was typed"
    page = citizen.press("Back", what="Rake")
    assert (page.status, page.value("what")) == (422, "Rake")
    assert "Nothing on this page is saved" in page
    assert citizen.send("Back").location == f"{draft}/tools"


def test_adding_an_item_after_the_list_was_finished_keeps_it_complete(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, **DRILL)
    citizen.press("Continue")
    add(citizen, draft, **SAW)
    assert states(citizen.open(draft))["Tools"] == "complete"


def test_an_item_of_another_draft_is_not_found_in_this_one(citizen: Citizen, draft: str) -> None:
    saw = add(citizen, draft, **SAW)
    citizen.open("/forms/tool-loan")
    other = citizen.press("Start now").path
    page = citizen.open(f"{other}/tools/{saw.rpartition('/')[2]}")
    assert page.value("volts") in (None, "")
