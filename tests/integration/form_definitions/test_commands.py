"""`flask forms`: what the commands print, and that a faulty file publishes nothing."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

import portal
from portal.designer.commands import forms
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.queries import current_version

DEMO_FORMS = sorted((Path(portal.__file__).parent / "demo_forms").glob("*.yaml"))


@pytest.fixture
def run(app: Flask, runner: FlaskCliRunner):
    app.cli.add_command(forms)
    return lambda *words: runner.invoke(args=["forms", *map(str, words)])


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    file = tmp_path / "faulty.yaml"
    file.write_text("format: 1\nform: {id: f, titel: F}\nsections: []\n")
    return file


def test_check_reports_ok_for_every_good_file(run):
    result = run("check", *DEMO_FORMS)
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if not line.startswith("  ")] == [
        f"{file}: OK" for file in DEMO_FORMS
    ]


def test_check_reads_every_condition_back_as_a_sentence(run):
    output = run("check", *DEMO_FORMS).output
    assert "sections[0].fields[6].when: about_you.can_text is shown if your telephone number is answered." in output
    assert "sections[2].when: rent is shown if how you live at the moment is " in output
    assert "the form ends at " in output
    assert " must be answered if " in output


def test_check_names_every_fault_and_exits_with_one(run, faulty):
    result = run("check", faulty, DEMO_FORMS[0])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{faulty}: form.titel: This key is not known. Did you mean title?",
        f"{faulty}: form.title: This is missing.",
        f"{faulty}: sections: A form needs at least one section.",
    ]


def test_check_reports_a_file_that_is_not_utf_8(run, tmp_path):
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"title: Zo\xeb")
    assert "not UTF-8" in run("check", file).output


def test_publish_makes_versions_and_says_where_they_are(run):
    assert "parking_permit@1 is published at /forms/parking-permit" in run("publish", *DEMO_FORMS).output
    assert "parking_permit@1" in run("publish", *DEMO_FORMS).output


def test_publish_publishes_nothing_if_one_file_is_faulty(run, faulty, app):
    assert run("publish", DEMO_FORMS[0], faulty).exit_code == 1
    with app.extensions["portal"].database.reading() as db:
        assert current_version(db, "housing-support") is None


def test_list_shows_the_current_versions(run):
    run("publish", *DEMO_FORMS)
    lines = run("list").output.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["housing_support@1", "parking_permit@1", "report_a_problem@1"]
    assert lines[1].endswith("2026-11-21 14:02Z\tGet a resident's parking permit")


@pytest.mark.parametrize("file", DEMO_FORMS, ids=lambda file: file.stem)
def test_an_export_reads_back_to_the_same_canonical_form(run, file):
    run("publish", file)
    original = read_yaml(file.read_text())
    assert read_yaml(run("export", original.id).output).digest == original.digest
    assert read_yaml(run("export", f"{original.id}@1").output).digest == original.digest


@pytest.mark.parametrize("name", ["gone", "gone@1", "gone@x", "gone@99999999999"])
def test_unknown_form_cannot_be_exported(run, name):
    assert run("export", name).exit_code == 1


@pytest.mark.parametrize("command", ["check", "publish"])
@pytest.mark.parametrize(
    ("customer", "warned"),
    [
        ("", [0, 1]),
        (", customer: {name: s.n}", [0, 1]),
        (", customer: {email: s.a}", []),
    ],
    ids=["says nothing", "names no address", "names the address"],
)
def test_an_e_mail_question_of_nobody_is_warned_of(run, tmp_path: Path, command: str, customer: str, warned) -> None:
    file = tmp_path / "form.yaml"
    fields = "{id: a, type: email, label: A}, {id: b, type: email, label: B}, {id: n, type: name, label: N}"
    file.write_text(
        f"format: 1\nform: {{id: f, title: F{customer}}}\nsections: [{{id: s, title: S, fields: [{fields}]}}]\n"
    )
    result = run(command, file)
    assert result.exit_code == 0
    found = [line.split(": ")[2] for line in result.stderr.splitlines() if ": customer: " in line]
    assert found == [f"sections[0].fields[{number}]" for number in warned]


@pytest.mark.parametrize("command", ["check", "publish"])
def test_untranslated_texts_are_listed_and_do_not_stop_a_form(run, tmp_path: Path, command: str) -> None:
    file = tmp_path / "form.yaml"
    file.write_text(
        "format: 1\n"
        "form: {id: f, title: {en: F, cy: Ff}, languages: [en, cy]}\n"
        "sections: [{id: s, title: {en: S, cy: A}, fields: [{id: q, type: text, label: Only English}]}]\n"
    )
    result = run(command, file)
    assert result.exit_code == 0
    missing = "sections[0].fields[0].label: There is no text in cy; people read it in en."
    assert f"{file}: to translate: {missing}" in result.stderr.splitlines()
    assert missing not in result.stdout
