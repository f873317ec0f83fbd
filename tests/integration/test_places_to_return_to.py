"""An address that only takes forms never becomes a place to return to, after any form and in any language."""

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.web.addresses import local_path, page_of
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.loan import DRILL, add, begin, publish_loan
from tests.people import add_person, sign_in

VALUES = {"section_id": "you", "item_id": "abcd2345", "token": "x" * 43, "slug": "tool-loan", "tab": "general"}


def form_addresses(app: Flask, reference: str) -> Iterator[str]:
    """Yield every address that takes forms and shows no page of its own rule."""
    shown = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.rule not in shown:
            names = rule.arguments | set(rule.defaults or {})
            values = {name: VALUES.get(name, "1") for name in names} | {"reference": reference}
            built = rule.build(values | dict(rule.defaults or {}), append_unknown=False)
            assert built is not None, rule
            yield built[1]


def test_no_address_that_only_takes_forms_is_a_place_to_return_to(app: Flask) -> None:
    with app.test_request_context():
        places = {path: (local_path(path, ""), page_of(path)) for path in form_addresses(app, "TL-2222-3333")}
    assert len(places) > 10
    assert {path for path, (place, _page) in places.items() if place} == set()
    assert {path for path, (_place, page) in places.items() if page == path} == set()


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    """A person's draft with an answered section and a tool in the list."""
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = begin(citizen)
    add(citizen, draft, **DRILL)
    citizen.open(f"{draft}/save")
    return draft


def test_person_who_sends_a_form_too_late_returns_to_a_page_from_every_address(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock
) -> None:
    token = citizen.page.value("csrf_token")
    addresses = [path for path in form_addresses(app, draft.rpartition("/")[2]) if path.startswith(f"{draft}/")]
    assert {f"{draft}/save/proof", f"{draft}/save/longer", f"{draft}/save/leave"} < set(addresses)
    clock.advance(minutes=31)
    notices = {address: Page(address, citizen.post(address, {"csrf_token": token})) for address in addresses}
    for target in {notice.links["Sign in and continue"] for notice in notices.values()}:
        assert sign_in(Citizen(app), address=target).status == 200, target


@pytest.mark.parametrize("code", ["ZZZZZ", ""])
def test_wrong_code_and_then_another_language_stays_on_the_save_page(app: Flask, citizen: Citizen, code: str) -> None:
    publish_loan(app)
    draft = begin(citizen)
    citizen.open(f"{draft}/save")
    citizen.press("Send link", email="zoe@mail.example")
    assert citizen.press("Confirm the address", code=code).status == 422
    page = citizen.press("Cymraeg")
    assert (page.status, page.path) == (200, f"{draft}/save")


def test_box_not_ticked_and_then_another_language_stays_on_the_save_page(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    citizen.open("/forms/tool-loan")
    draft = citizen.press("Start now", shared="yes").path
    citizen.open(f"{draft}/save")
    assert citizen.press("Clear this computer").status == 422
    assert citizen.press("Cymraeg").path == f"{draft}/save"
