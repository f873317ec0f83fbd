"""`make judge`: let Wapiti, sqlmap, a CSP evaluator and bandit look for holes, in a quarter of an hour at most.

Each first finds the holes of a planted application. Exits with 1 if one misses a planted hole, misses a page that it
should have visited, does not finish, or finds something in the portal that is not in the list of what is accepted.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from portal.commands.run import PROJECT_ROOT
from tests.bench.server import PORTAL, running
from tests.judge.accepted import ACCEPTED, is_accepted
from tests.judge.planted import SOURCE, WEAK_POLICY, planted
from tests.judge.questions import NOT_SHOWN, Question, questions
from tests.judge.questions import SPARED as SPARED_FORMS
from tests.judge.tools import MODULES, BrokenJudgeError, Judges, Said, policy_of
from tests.judge.visits import GUEST, NOBODY, ROLES, Visits, prepared_app, visits, without_limits

WAPITI, SQLMAP, EVALUATOR, BANDIT = "wapiti", "sqlmap", "csp_evaluator", "bandit"
AT_ONCE = 2

SPARED = {
    "/account/sign-out*": "ends the judge's own session",
    "/account/security/end*": "ends sessions",
    "/account/delete*": "deletes the judge's own account",
    "/admin/self/people/*": "ends sessions, closes accounts and changes roles",
    "/admin/self/site-settings/*/undo*": "takes back what others have set",
    "*/save/leave*": "ends the judge's own session",
}
"""Addresses that Wapiti leaves alone, and why."""

PUBLIC = ("/", "/forms/housing-support", "/account/sign-in", "/resume")
VISITED = {
    NOBODY: PUBLIC,
    GUEST: ("/drafts/{guests}/save", "/drafts/{guests}/home", "/drafts/{guests}"),
    "citizen": ("/", "/account", "/drafts/{draft}", "/drafts/{draft}/home", "/submissions/{sent}"),
    "staff": ("/hub", "/hub/cases/{sent}", "/hub/customers"),
    "field": PUBLIC[:2],
    "administrator": ("/hub", "/admin/self/people", "/admin/self/audit", "/admin/self/outbox", "/admin/self/forms"),
}
"""Pages that Wapiti must have seen with status 200, by role; it begins at each of them."""

POLICIES = (
    (NOBODY, "/", 200),
    ("citizen", "/drafts/{draft}/home", 200),
    ("staff", "/hub", 200),
    ("administrator", "/admin/self/audit", 200),
    ("citizen", "/files/{sent}/{file_id}", 200),
    (NOBODY, "/no-such-page", 404),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: `missed` is what a judge should have found or visited and has not."""

    tool: str
    where: str
    seen: str
    missed: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Return what makes the run fail."""
        return [f"missed {each}" for each in self.missed] + [
            each for each in self.findings if not is_accepted(self.tool, each)
        ]

    def line(self) -> str:
        """Return the line."""
        accepted = len(self.findings) + len(self.missed) - len(self.faults)
        return f"{self.tool:<15}{self.where:<15}{self.seen:<34}{len(self.faults):>9}{accepted:>10}"


def heard(tool: str, where: str, judge: Callable[[], Row]) -> Row:
    """Return what a judge says; one that breaks down has missed everything."""
    try:
        return judge()
    except BrokenJudgeError as reason:
        return Row(tool=tool, where=where, seen="broken", missed=(str(reason),))


def on_planted(judges: Judges, address: str) -> list[Callable[[], Row]]:
    """Return how each judge looks at the planted holes; there a finding is no fault, and none found is one."""

    def row(tool: str, said: Said, wanted: Iterable[str]) -> Row:
        holes = {each.partition(":")[0].partition(" ")[0] for each in said.findings}
        missed = tuple(sorted(set(wanted) - holes))
        return Row(tool=tool, where="planted", seen=f"found: {'NO' if missed else 'yes'}", missed=missed)

    def bandit() -> Row:
        with TemporaryDirectory() as folder:
            (Path(folder) / "planted.py").write_text(SOURCE, encoding="utf-8")
            return row(BANDIT, judges.bandit(Path(folder)), ["B602"])

    return [
        partial(heard, WAPITI, "planted", lambda: row(WAPITI, judges.wapiti(address, endpoint=address), MODULES)),
        partial(heard, SQLMAP, "planted", lambda: row(SQLMAP, judges.sqlmap(f"{address}/rows?number=1"), ["SQL"])),
        partial(heard, EVALUATOR, "planted", lambda: row(EVALUATOR, judges.evaluate(WEAK_POLICY), ["script-src"])),
        partial(heard, BANDIT, "planted", bandit),
    ]


def crawled(judges: Judges, address: str, endpoint: str, role: str, seen: Visits) -> Row:
    """Let Wapiti crawl and attack as one role."""
    wanted = [path.format(**seen.values) for path in VISITED[role]]
    cookie = "" if role == NOBODY else seen.cookie(role)  # so the portal gives the stranger one, which is judged, too
    said = judges.wapiti(address, endpoint=endpoint, cookie=cookie, starts=wanted, spared=SPARED)
    missed = [path for path in wanted if path not in said.pages]
    if policy_of(address + wanted[-1], cookie)[0] != 200:
        missed.append(f"the end of its session: {wanted[-1]} is no longer shown")
    return Row(tool=WAPITI, where=role, seen=f"{len(said.pages)} pages", missed=tuple(missed), findings=said.findings)


def tried(judges: Judges, address: str, question: Question, seen: Visits) -> Row:
    """Let sqlmap try one address or form."""
    said = judges.sqlmap(
        address + question.address, cookie=seen.cookie(question.role), body=question.body, names=question.names
    )
    findings = tuple(f"{question.endpoint} {each}" for each in said.findings)
    return Row(tool=SQLMAP, where=question.role, seen="", findings=findings)


def summed(rows: list[Row], asked: list[Question]) -> list[Row]:
    """Return one row for each role from those of sqlmap."""
    totals = []
    for role in ROLES:
        own = [row for row in rows if row.where == role]
        inputs = sum(question.address.count("*") + len(question.names) for question in asked if question.role == role)
        missed = tuple(each for row in own for each in row.missed)
        findings = tuple(each for row in own for each in row.findings)
        seen = f"{len(own)} requests, {inputs} inputs"
        totals.append(Row(tool=SQLMAP, where=role, seen=seen, missed=missed, findings=findings))
    return totals


def policies(judges: Judges, address: str, seen: Visits) -> list[Row]:
    """Let the evaluator judge the policy of each kind of page."""
    rows = []
    for role, path, wanted in POLICIES:
        status, policy = policy_of(address + path.format(**seen.values), seen.cookie(role))
        missed = () if status == wanted and policy else (f"{path}: status {status}, policy “{policy}”",)
        said = judges.evaluate(policy) if policy else Said(findings=())
        kind = path.format(draft="…", sent="…", file_id="…")
        rows.append(Row(tool=EVALUATOR, where=role, seen=kind, missed=missed, findings=said.findings))
    return rows


def on_portal(judges: Judges, endpoint: str, data_dir: str) -> list[Row]:
    """Let all judges look at a portal that runs on this folder."""
    app = prepared_app(data_dir)
    for_crawl, for_questions = visits(app), visits(app)
    asked, unreached = questions(app, for_questions)
    with running(PORTAL, "/healthz", DATA_DIR=data_dir) as server, ThreadPoolExecutor(AT_ONCE) as pool:
        address = f"http://127.0.0.1:{server.port}"
        rows = policies(judges, address, for_crawl)
        with without_limits(app):
            crawls = [
                pool.submit(heard, WAPITI, role, partial(crawled, judges, address, endpoint, role, for_crawl))
                for role in ROLES
            ]
            tries: list[Future[Row]] = [
                pool.submit(heard, SQLMAP, each.role, partial(tried, judges, address, each, for_questions))
                for each in asked
            ]
            rows = [*(each.result() for each in crawls), *summed([each.result() for each in tries], asked), *rows]
    missed = tuple(f"the form of {endpoint}: no page shows it" for endpoint in sorted(unreached))
    rows.append(Row(tool=SQLMAP, where="all pages", seen=f"{len(asked)} requests", missed=missed))
    app.extensions["portal"].database.close()
    said = judges.bandit(PROJECT_ROOT / "portal")
    return [*rows, Row(tool=BANDIT, where="portal/", seen=f"{len(said.pages)} files", findings=said.findings)]


def main() -> None:
    """Let them judge, print the table, and exit with 1 if there is a fault."""
    judges = Judges(Path(sys.argv[1]))
    with planted() as address, TemporaryDirectory(prefix="judge-") as data_dir:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            rows = list(pool.map(lambda judge: judge(), on_planted(judges, address)))
        rows += on_portal(judges, address, data_dir)
    _print(rows)
    sys.exit(any(row.faults for row in rows))


def _print(rows: list[Row]) -> None:
    click.echo(f"{'tool':<15}{'where':<15}{'seen':<34}{'findings':>9}{'accepted':>10}")
    for row in rows:
        click.echo(row.line())
    for row in rows:
        for fault, number in Counter(row.faults).items():
            click.echo(f"\n{row.tool}, {row.where}: {fault}" + (f" (× {number})" if number > 1 else ""))
    click.echo("\nAccepted:")
    for each in ACCEPTED:
        click.echo(f"  {each.tool}: {each.words} – {each.reason}")
    click.echo("Left alone:")
    for address, reason in {**SPARED, **SPARED_FORMS, **NOT_SHOWN}.items():
        click.echo(f"  {address} – {reason}")


if __name__ == "__main__":
    main()
