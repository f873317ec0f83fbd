"""What administrators see of integrations, and the commands that fill and list them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from portal.audit import AuditEvent
from portal.db import Database
from portal.integrations.queries import addresses_at, count_addresses
from tests.citizen import Citizen
from tests.conftest import DEMO_FORMS
from tests.integration.integrations.conftest import FORM
from tests.people import add_person, sign_in
from tests.services import Service, say

PAGE = "/admin/self/integrations"


@pytest.fixture
def administrator(app: Flask) -> Citizen:
    add_person(app, "mina@mail.example", "administrator")
    browser = Citizen(app)
    sign_in(browser, "mina@mail.example")
    return browser


@pytest.fixture
def load(runner: FlaskCliRunner, tmp_path: Path) -> Callable[[str], tuple[int, str]]:
    """Return a function that loads a register and returns exit code and output."""

    def run(content: str) -> tuple[int, str]:
        file = tmp_path / "addresses.csv"
        file.write_text(content)
        result = runner.invoke(args=["integrations", "load-addresses", str(file)])
        return result.exit_code, result.output

    return run


def test_page_shows_address_use_and_state_of_each_integration(
    administrator: Citizen, draft: str, service: Service
) -> None:
    page = administrator.open(PAGE)
    for words in ("Our own register, 14 addresses", "companies", service.url("/search"), "Working"):
        assert words in page
    assert "Rent an allotment: “Search” in “Your firm”" in page
    assert "There is no integration named gone." in page
    assert "k-1234" not in page.text


def test_trial_asks_the_service_anew_shows_its_values_and_is_recorded(
    administrator: Citizen, draft: str, database: Database
) -> None:
    administrator.open(PAGE)
    form = next(form for form in administrator.page.forms if "companies-name" in form.names)
    values = {control.name: control.value for control in form.controls} | {"companies-name": "Weir"}
    answer = administrator.client.post(PAGE, data=values)
    assert answer.status_code == 200
    assert "Weir &amp; Sons, Ashmere" in answer.text
    assert "address: Unit 1, 2 Mill Street, Ashmere" in answer.text
    with database.reading() as db:
        event = db.scalars(select(AuditEvent).where(AuditEvent.action == "integration_tried")).one()
    assert (event.subject, event.details) == ("companies", {})


def test_a_trial_says_what_is_missing_and_what_failed(administrator: Citizen, draft: str, service: Service) -> None:
    administrator.open(PAGE)
    page = administrator.press("Try", address_register__postcode="")
    assert (page.status, page.title.startswith("Error")) == (422, True)
    assert page.value("address_register-postcode") == ""
    service.answers["/search"] = say(b"<html>")
    form = next(form for form in page.forms if "companies-name" in form.names)
    values = {control.name: control.value for control in form.controls} | {"companies-name": "Weir"}
    text = administrator.client.post(PAGE, data=values).text
    assert "Its answer is not as declared" in text
    assert "1, last 21 November, 14:02: Its answer is not as declared" in " ".join(text.split())


def test_paused_service_is_shown_as_such_and_a_trial_resumes_it(
    administrator: Citizen, draft: str, service: Service
) -> None:
    service.answers["/search"] = say({}, 503)
    administrator.open(PAGE)
    form = next(form for form in administrator.page.forms if "companies-name" in form.names)
    values = {control.name: control.value for control in form.controls} | {"companies-name": "Weir"}
    for _ in range(3):
        administrator.client.post(PAGE, data=values)
    assert "Paused until 14:02 after failures" in administrator.open(PAGE)
    service.answers["/search"] = say({"items": []})
    administrator.client.post(PAGE, data=values)
    assert "Paused" not in administrator.open(PAGE)


@pytest.mark.parametrize("values", [{"integration": "gone"}, {}], ids=["unknown", "none"])
def test_trial_of_an_unknown_integration_is_refused(administrator: Citizen, values: dict[str, str]) -> None:
    administrator.open(PAGE)
    token = administrator.page.value("csrf_token") or ""
    answer = administrator.client.post(PAGE, data=values | {"csrf_token": token, "_end": "1"})
    assert answer.status_code == 400


def test_loading_a_register_replaces_the_old_one(load: Callable[[str], tuple[int, str]], database: Database) -> None:
    for street in ("Old Row", "New Row"):
        code, output = load(f"line_1,town,postcode\n1 {street},Ashmere,AS1 1AA\n")
        assert (code, output) == (0, "Addresses in the register: 1.\n")
    with database.reading() as db:
        assert [row.line_1 for row in addresses_at(db, "as1 1aa")] == ["1 New Row"]


def test_a_faulty_file_changes_nothing_and_names_its_lines(
    load: Callable[[str], tuple[int, str]], database: Database
) -> None:
    load("line_1,town,postcode\n1 Mill Street,Ashmere,AS1 1AA\n")
    code, output = load("line_1,town,postcode\n2 Mill Street,Ashmere,AS1 1AA\n,Ashmere,AS1 1AA\n")
    assert code == 1
    assert "addresses.csv, line 3: line_1 is empty" in output
    assert "Nothing was changed." in output
    with database.reading() as db:
        assert [row.line_1 for row in addresses_at(db, "AS11AA")] == ["1 Mill Street"]


def test_thousands_of_addresses_load_in_one_transaction(
    load: Callable[[str], tuple[int, str]], database: Database
) -> None:
    rows = "".join(f"{n} Long Road,Ashmere,AS{n % 9} {n % 7}AA\n" for n in range(20_000))
    assert load("line_1,town,postcode\n" + rows) == (0, "Addresses in the register: 20000.\n")
    with database.reading() as db:
        assert count_addresses(db) == 20_000


def test_list_command_shows_what_forms_may_name(runner: FlaskCliRunner) -> None:
    output = runner.invoke(args=["integrations", "list"]).output
    assert "needs postcode\toffers address, line_1, line_2, town, postcode" in output
    assert "companies\thttp_json\thttp://" in output
    assert "k-1234" not in output


def test_publishing_warns_of_an_unknown_integration_and_goes_ahead(runner: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "allotment.yaml"
    file.write_text(FORM)
    for command in ("check", "publish"):
        result = runner.invoke(args=["forms", command, str(file)])
        assert result.exit_code == 0
        wanted = "look-up: sections[1].fields[4].integration: This portal has no integration named gone."
        assert result.stderr.splitlines() == [f"{file}: {wanted}"]


def test_demo_fills_an_empty_register_and_keeps_a_real_one(
    runner: FlaskCliRunner, load: Callable[[str], tuple[int, str]], database: Database
) -> None:
    assert runner.invoke(args=["demo", "load"]).exit_code == 0
    with database.reading() as db:
        assert count_addresses(db) == len((DEMO_FORMS / "addresses.csv").read_text().splitlines()) - 1
    load("line_1,town,postcode\n1 Mill Street,Ashmere,AS1 1AA\n")
    runner.invoke(args=["demo", "load"])
    with database.reading() as db:
        assert count_addresses(db) == 1
