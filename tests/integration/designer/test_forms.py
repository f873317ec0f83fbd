"""What administrators see of forms: versions and their publishers, the impact on open drafts, differences, files."""

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from portal.designer.impact import Impact, impact, impact_lines
from portal.form_definitions.format.reading import read_json, read_yaml
from portal.form_definitions.versions.comparison import Effect
from portal.form_definitions.versions.operations import publish
from portal.form_definitions.versions.queries import versions_of
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.drafts.test_new_versions import FORM, NEW, RETYPED, WITHOUT_PET, WORDED
from tests.loan import start
from tests.people import add_person, sign_in


def text(form: str = FORM, you: str = "", policy: str = "ask") -> str:
    return form.format(policy=policy, you=you.format(), rest="")


@pytest.fixture
def administrator(app: Flask) -> Citizen:
    person = add_person(app, "priya@mail.example", "administrator")
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(text()), now=parts.clock.now(), by=person.id)
    browser = Citizen(app)
    sign_in(browser, "priya@mail.example")
    return browser


def publish_next(app: Flask, form: str) -> None:
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(form), now=parts.clock.now())


def begin(app: Flask, *, pet: str | None = "Cat", rest: bool = False) -> Citizen:
    """Start a draft as a new person; without a pet, answer nothing."""
    browser = Citizen(app)
    draft = start(browser, "club")
    browser.open(f"{draft}/you")
    if pet is not None:
        browser.press("Continue", name="Ada", pet=pet)
    if rest:
        browser.press("Continue", remark="Hello")
        browser.press("Send")
    return browser


def lines(page: Page) -> list[str]:
    """Return the sentences of the impact."""
    return re.findall(r"<li>([^<]+)</li>", page.text.partition("<h2>Open drafts on earlier versions</h2>")[2])


def test_every_form_is_listed_with_its_current_version(app: Flask, administrator: Citizen) -> None:
    begin(app)
    page = administrator.open("/admin/self/forms")
    assert page.title.startswith("Forms")
    cells = [re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", page.text, re.DOTALL)]
    assert [*cells[:2], cells[3], cells[5]] == ["Join the club", "1", "priya@mail.example", "1"]
    assert administrator.follow("Join the club").heading == "Join the club"


@pytest.mark.parametrize("role", ["staff", "citizen", "designer"])
def test_other_roles_cannot_open_the_form_pages(app: Flask, administrator: Citizen, role: str) -> None:
    add_person(app, "tom@mail.example", role)
    other = Citizen(app)
    sign_in(other, "tom@mail.example")
    for address in ("/admin/self/forms", "/admin/self/forms/club", "/admin/self/forms/club/1.yaml"):
        assert other.client.get(address).status_code != 200


@pytest.mark.parametrize("address", ["gone", "club/2.yaml", "club/1.xml", "club/99999999999999999999.json"])
def test_unknown_form_or_version_is_not_found(administrator: Citizen, address: str) -> None:
    assert administrator.open(f"/admin/self/forms/{address}").status == 404


def test_impact_counts_open_drafts_and_what_people_must_do(app: Flask, administrator: Citizen) -> None:
    for pet in ("Cat", "Dog", "", None):
        begin(app, pet=pet)
    begin(app, rest=True)
    assert lines(administrator.open("/admin/self/forms/club")) == ["No open draft is on an earlier version."]
    publish_next(app, text(WORDED, NEW))
    begin(app)
    assert lines(administrator.open("/admin/self/forms/club")) == [
        "3 open drafts are on earlier versions.",
        "People are asked when they come back.",
        "3 must answer one more question.",
        "2 must check an answer, as the wording has changed.",
    ]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (RETYPED, "1 must answer a question again."),
        (WITHOUT_PET, "1 will lose an answer that we no longer ask for."),
        (FORM.replace("title: The rest", "title: Rest"), "None of them changes."),
    ],
    ids=["type", "removed", "untouched"],
)
def test_each_effect_has_its_sentence(app: Flask, administrator: Citizen, form: str, says: str) -> None:
    begin(app)
    publish_next(app, text(form, policy="move"))
    found = lines(administrator.open("/admin/self/forms/club"))
    assert found[1:] == ["They move to the new one when they are opened next.", says]


def test_an_expired_draft_is_not_counted(app: Flask, administrator: Citizen, clock: MovableClock) -> None:
    begin(app)
    publish_next(app, text(WORDED))
    clock.advance(days=31)
    sign_in(administrator, "priya@mail.example")
    assert lines(administrator.open("/admin/self/forms/club")) == ["No open draft is on an earlier version."]


def test_impact_says_when_it_looked_at_only_some_drafts(app: Flask, administrator: Citizen) -> None:
    for _number in range(3):
        begin(app)
    publish_next(app, text(FORM, NEW))
    parts = app.extensions["portal"]
    now, keyring = parts.clock.now(), parts.configuration.keyring
    with app.app_context(), parts.database.reading() as db:
        found = impact(db, versions_of(db, "club"), keyring=keyring, now=now, today=now.date(), most=2)
        said = impact_lines(found)
    assert (found.open, found.looked_at, found.drafts[Effect.MUST_ANSWER]) == (3, 2, 2)
    assert "Counted below: the 2 that were changed last." in said


def test_impact_states_the_most_questions_that_a_draft_must_answer(app: Flask) -> None:
    found = Impact(policy="keep", open=5, looked_at=5, most_questions=3)
    found.drafts[Effect.MUST_ANSWER] = 4
    with app.app_context():
        assert impact_lines(found)[1:] == [
            "They stay on their version.",
            "4 must answer up to 3 more questions.",
        ]


def test_any_two_versions_are_compared(app: Flask, administrator: Citizen) -> None:
    publish_next(app, text(WORDED))
    publish_next(app, text(WORDED, NEW))
    administrator.open("/admin/self/forms/club")
    page = administrator.open("/admin/self/forms/club?older=3&newer=1")
    assert "From version 1 to version 3." in page
    table = page.text.partition("From version 1 to version 3.")[2].partition("<tbody>")[2]
    rows = [re.findall(r"<td[^>]*>([^<]+)</td>", row) for row in table.split("<tr>")[1:]]
    assert rows == [
        ["About you: Animal", "Wording changed", "check your answer"],
        ["About you: Age", "New question, required", "must be answered"],
    ]


@pytest.mark.parametrize("query", ["older=1&newer=1", "older=1&newer=9", "older=x", ""])
def test_page_compares_nothing_for_unusable_versions(app: Flask, administrator: Citizen, query: str) -> None:
    publish_next(app, text(WORDED))
    page = administrator.open(f"/admin/self/forms/club?{query}")
    assert page.status == 200
    assert "What changed" not in page


def test_a_version_is_downloaded_as_yaml_and_json(app: Flask, administrator: Citizen) -> None:
    publish_next(app, text(WORDED))
    digest = read_yaml(text()).digest
    yaml = administrator.client.get("/admin/self/forms/club/1.yaml")
    assert yaml.headers["Content-Disposition"] == 'attachment; filename="club-1.yaml"'
    assert read_yaml(yaml.text).digest == digest
    found = administrator.client.get("/admin/self/forms/club/1.json")
    assert json.loads(found.text)["form"]["title"] == "Join the club"
    assert read_json(found.text).digest == digest


def test_publish_command_states_the_impact_on_open_drafts(
    app: Flask, administrator: Citizen, runner: FlaskCliRunner, tmp_path
) -> None:
    begin(app)
    file = tmp_path / "club.yaml"
    file.write_text(text(FORM, NEW))
    result = runner.invoke(args=["forms", "publish", str(file)])
    assert result.output.splitlines() == [
        "club@2 is published at /forms/club",
        "  1 open draft is on an earlier version.",
        "  People are asked when they come back.",
        "  1 must answer one more question.",
    ]


def test_first_version_affects_nobody(app: Flask, runner: FlaskCliRunner, tmp_path) -> None:
    file = tmp_path / "club.yaml"
    file.write_text(text())
    result = runner.invoke(args=["forms", "publish", str(file)])
    assert result.output == "club@1 is published at /forms/club\n"


def test_all_versions_are_listed_with_their_hashes(app: Flask, administrator: Citizen, runner: FlaskCliRunner) -> None:
    publish_next(app, text(WORDED))
    found = [line.split("\t") for line in runner.invoke(args=["forms", "list", "--versions"]).output.splitlines()]
    assert [line[0] for line in found] == ["club@2", "club@1"]
    assert found[1][2:] == [read_yaml(text()).digest, "Join the club"]


def test_command_writes_the_schema(runner: FlaskCliRunner) -> None:
    assert json.loads(runner.invoke(args=["forms", "schema"]).output)["title"] == "Form definition"
