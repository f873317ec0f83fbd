"""The pages of rules name tests that exist, and only named functions open, replace or end a session."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from portal.accounts.views import submit_confirm
from tests.doors import OPENINGS

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE, OF_MESSAGES, OF_SIGNING = (
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("session-rules.md", "messages.md", "signing.md")
)
CHAPTERS = ["Kinds", "Arithmetic", "What counts", "The end", "Grace"]
CHAPTERS += ["Several sessions, several people, one computer", "Networks"]
ROW = re.compile(r"^\| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rules() -> list[tuple[str, str]]:
    return [(rule, shown_by) for rule, shown_by in ROW.findall(PAGE) if rule not in ("rule", "---")]


def test_every_chapter_of_the_rules_is_there() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == CHAPTERS


def test_every_rule_names_a_test() -> None:
    assert len(rules()) > 40
    assert [rule for rule, shown_by in rules() if not TEST.search(shown_by)] == []


def test_every_test_that_the_table_names_exists() -> None:
    rows = [*rules(), *ROW.findall(OF_MESSAGES), *ROW.findall(OF_SIGNING)]
    named = [found for _rule, shown_by in rows for found in TEST.findall(shown_by)]
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert missing == []


SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
OPENERS = {
    "accounts/signed_in.sign_in_person",
    "drafts/open_draft.holder_or_new_guest",
    "messages/guests._let_in",
    "messages/opening._open",
    "resume/coming_back.come_back",
    "signing/landing._let_in",
}
REPLACERS = {"accounts/signed_in.prove_again", "resume/coming_back.come_back"}
ENDERS = {
    "accounts/address_change.object_to_change",
    "accounts/operations.change_role",
    "accounts/operations.forget_person",
    "accounts/operations.disable_account",
    "accounts/operations.replace_password",
    "accounts/security_views.end_one",
    "accounts/security_views.end_others",
    "accounts/signed_in._sole_slot",
    "accounts/signed_in.guard_person",
    "accounts/signed_in.sign_in_person",
    "admin/people_views._end_all",
    "admin/people_views._end_one",
    "admin/people_views.end_everybody",
    "messages/guests._hand_over",
    "resume/operations._end_sessions_of_guests",
    "resume/views.end_session_here",
    "sessions/browser_sessions._apply_network_rule",
    "sessions/browser_sessions.leave",
    "sessions/commands._end_many",
    "sessions/commands.end_sessions",
    "signing/applicant_views._here",
    "signing/landing._hand_over",
}
"""Who may open a session, go on in one under another token, and end one; a new name needs a row in both tables."""
OF_THE_TABLE = "sessions/browser_sessions.", "sessions/operations."
ENDING_CALLS = {"end_session", "end_sessions_of", "end_all_sessions", "end_sign_ins_of", "end_at_once"}
NO_SESSION_BEFORE: set[Callable[..., object]] = {submit_confirm}
"""Doors to an account that is made in the same transaction: nobody could have ended a session of it."""


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions of the portal, as `accounts/signed_in.sign_in_person`."""
    for path in sorted((ROOT / "portal").rglob("*.py")):
        module = path.relative_to(ROOT / "portal").with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{module}.{node.name}", node


@cache
def calls() -> dict[str, set[str]]:
    """What each function calls; what it calls of a browser's sessions is written as `browser().open`."""
    return {
        name: {_called(call) for call in ast.walk(node) if isinstance(call, ast.Call)} for name, node in functions()
    }


def _called(call: ast.Call) -> str:
    if not isinstance(call.func, ast.Attribute):
        return call.func.id if isinstance(call.func, ast.Name) else ""
    return f"browser().{call.func.attr}" if ast.unparse(call.func.value) == "browser()" else call.func.attr


def callers_of(*names: str) -> set[str]:
    return {caller for caller, called in calls().items() if called & set(names)}


def test_only_named_functions_open_replace_or_end_a_session() -> None:
    inside = {f"{OF_THE_TABLE[0]}{name}" for name in ("open", "replace", "end", "end_within", "end_at_once")}
    assert callers_of("browser().open", "open_session") - {f"{OF_THE_TABLE[0]}open"} == OPENERS
    assert callers_of("browser().replace", "replace_session") - {f"{OF_THE_TABLE[0]}replace"} == REPLACERS
    ending = callers_of("browser().end", "browser().end_within", "browser().end_at_once", *ENDING_CALLS)
    assert {name for name in ending - inside if not name.startswith(OF_THE_TABLE[1])} == ENDERS


def test_state_machine_of_sessions_names_every_function_that_opens_replaces_or_ends_one() -> None:
    named = set(re.findall(r"`([\w/]+\.\w+)`", SECURITY))
    assert named >= OPENERS | REPLACERS | ENDERS


def test_races_know_every_view_that_opens_or_replaces_a_session() -> None:
    reaching = {name.rpartition(".")[2] for name in OPENERS | REPLACERS}
    while True:
        more = {name.rpartition(".")[2] for name in callers_of(*reaching)} | reaching
        if more == reaching:
            break
        reaching = more
    by = {name: {ast.unparse(each).partition(".")[0] for each in node.decorator_list} for name, node in functions()}
    views = {name.rpartition(".")[2] for name, decorators in by.items() if "blueprint" in decorators}
    raced = {opening.view for opening in OPENINGS.values()} | NO_SESSION_BEFORE
    assert reaching & views <= {view.__name__ for view in raced}
