"""Tests run on both kinds of database unless no database can change their result; the exceptions are listed here.

`make test` runs on PostgreSQL what may differ there, `make test ALL=1` the first case of every test, since the others
differ in what is typed or pressed, and `make faults` every case.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
MARK, BOTH = "one_database", "both_databases"
REASONS = {
    "any_form/test_made_forms.py": "what a form asks, keeps and sends, whatever its questions",
    "any_form/test_signers.py": "whom a form asks to sign, whatever its questions",
    "integration/attacks/test_addresses.py": "hosts, proxies and addresses that lead away",
    "integration/attacks/test_script.py": "how typed texts are shown",
    "integration/drafts/test_conditions.py": "what a page asks by its own answers",
    "integration/drafts/test_mistakes.py": "what a page asks by its own answers, and those of earlier pages",
    "integration/drafts/test_preparing.py": "pages that store nothing",
    "integration/home/test_pages.py": "wording of public pages",
    "integration/mail/test_messages.py": "wording and headers of mails",
    "integration/messages/test_notes_stay_inside.py::test_no_answer_to_somebody_outside_holds_a_note": "page texts",
    "integration/sessions/test_languages.py": "the language of pages",
    "integration/storage/test_bad_files.py": "files that are refused for what they hold",
    "integration/submissions/test_check.py": "how the check page shows answers",
    "integration/submissions/test_directions.py": "how answers are shown",
    "integration/submissions/test_receipt.py": "how a receipt prints answers",
    "integration/test_bad_input.py::test_bad_amount_causes_no_server_error": "read as text",
    "integration/test_bad_input.py::test_bad_date_is_refused_and_kept_as_typed": "read as text",
    "integration/test_bad_input.py::test_a_faulty_body_is_refused_and_changes_nothing": "refused before the view",
    "integration/test_bad_input.py::test_malformed_content_length_causes_no_server_error": "refused before the view",
    "integration/test_bad_input.py::test_safe_request_never_reads_a_form": "refused before the view",
    "integration/test_bad_input.py::test_unknown_method_is_refused_as_such": "refused before the view",
    "integration/test_bad_input.py::test_what_a_parser_cannot_read_is_a_plain_400_everywhere": "refused early",
    "integration/test_needed_inputs.py": "what inputs say of themselves",
    "integration/web/test_logs.py": "what a request writes into the log",
    "journeys/test_everything.py": "sentences of every type of field",
    "journeys/test_pseudo_language.py": "wording of pages and mails",
}
SETS_A_SCENE = {"publish", "change_settings", "create_account", "open_session", "Holder"}
"""Operations that such a module may call: each is tested on both kinds elsewhere."""
ABOUT_DATABASES = re.compile(r"threading|portal\.migrations|portal\..*\.(queries|upkeep|delivery|counters)")
FIXTURES = {"db", "statements", "copy_case", "records", "deeds", "newest_session", "runner"}
SUBJECTS = re.compile(r"_(races?|at_once|locks?|sweeps?|swept|migrat\w+|counted|export\w*)(_|$)")

RACES = re.compile(r"_(races?|at_once|at_the_same_moment|on_its_way|that_waits?|sweeps?|swept|migrat\w+)(_|$)")


@cache
def _trees() -> dict[str, ast.Module]:
    paths = sorted(TESTS.rglob("test_*.py"))
    return {str(path.relative_to(TESTS)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def _is_marked(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr == MARK for each in ast.walk(node))


def _tests(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@cache
def _marked() -> dict[str, tuple[ast.Module, list[ast.FunctionDef]]]:
    """Return the marked modules and tests, each with the tests that it covers."""
    found: dict[str, tuple[ast.Module, list[ast.FunctionDef]]] = {}
    for path, tree in _trees().items():
        if any(isinstance(node, ast.Assign) and _is_marked(node) for node in tree.body):
            found[path] = (tree, _tests(tree))
        alone = [test for test in _tests(tree) if any(map(_is_marked, test.decorator_list))]
        found |= {f"{path}::{test.name}": (ast.Module([], []), [test]) for test in alone}
    return found


def _imports(tree: ast.Module) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(name.name, "") for name in node.names]
        if isinstance(node, ast.ImportFrom):
            found += [(node.module or "", name.name) for name in node.names]
    return found


def test_every_test_on_one_database_has_a_reviewed_reason() -> None:
    assert sorted(_marked()) == sorted(REASONS)


@pytest.mark.parametrize("name", REASONS)
def test_tests_on_one_database_touch_no_query_operation_race_sweep_or_migration(name: str) -> None:
    tree, tests = _marked()[name]
    imports = _imports(tree)
    operations = {what for module, what in imports if re.fullmatch(r"portal\..*\.operations", module)}
    asked = {argument.arg for test in tests for argument in test.args.args}
    assert [module for module, what in imports if ABOUT_DATABASES.search(f"{module}.{what}")] == []
    assert operations <= SETS_A_SCENE
    assert not asked & FIXTURES
    assert [test.name for test in tests if SUBJECTS.search(test.name)] == []


def test_races_sweeps_and_migrations_run_on_both_databases_in_every_run() -> None:
    named = {f"{path}::{test.name}": test for path, tree in _trees().items() for test in _tests(tree)}
    modules = {path for path, tree in _trees().items() if any(BOTH in ast.unparse(node) for node in _marks(tree))}
    wanted = {name for name in named if name.startswith("integration/") and RACES.search(name)}
    alone = {name for name in wanted if BOTH in " ".join(map(ast.unparse, named[name].decorator_list))}
    assert {name for name in wanted - alone if name.partition("::")[0] not in modules} == set()


def _marks(tree: ast.Module) -> list[ast.Assign]:
    return [node for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node.targets[0])]
