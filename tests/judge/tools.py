"""The judges: how each program is started, how long it may take, and what it says it has found."""

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

MODULES = (
    "cookieflags",
    "crlf",
    "csp",
    "exec",
    "file",
    "http_headers",
    "permanentxss",
    "redirect",
    "sql",
    "ssrf",
    "xss",
)
"""What Wapiti looks for: each module finds a hole of its own in the planted application."""

DEPTH, LINKS_OF_PAGE, PAGES_OF_FOLDER = 6, 60, 40
CRAWL_S, MODULE_S = 25, 12
"""How long Wapiti may look for pages, and how long each module may attack them."""

STUCK_S = 600
"""After this a program counts as broken."""

LEAST_SEVERITY = 60
"""The CSP evaluator calls its most serious findings 10, remarks 60, and praise 100."""

EVALUATE = """
const { CspEvaluator } = require("csp_evaluator/dist/evaluator.js");
const { CspParser } = require("csp_evaluator/dist/parser.js");
const found = new CspEvaluator(new CspParser(process.argv[1]).csp).evaluate();
console.log(JSON.stringify(found.map((each) => [each.severity, `${each.directive}: ${each.description}`])));
"""
INJECTABLE = re.compile(r"^Parameter: (.+)$", re.MULTILINE)
OTHER_HOLE = re.compile(r"heuristic \((?:XSS|FI)\) test shows that (.+)$", re.MULTILINE)
CLEARED = "do not appear to be injectable"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a judge said: its findings, and the pages that it visited with status 200."""

    findings: tuple[str, ...]
    pages: frozenset[str] = frozenset()


class BrokenJudgeError(Exception):
    """A program did not finish, so nothing is known."""


class Judges:
    """The programs of one environment."""

    def __init__(self, environment: Path) -> None:
        self._environment = environment.resolve()

    def _run(self, name: str, *words: str, folder: str | None = None) -> str:
        command = [str(self._environment / "bin" / name), *words]
        try:
            done = subprocess.run(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=STUCK_S, check=False
            )
        except subprocess.TimeoutExpired as reason:
            raise BrokenJudgeError(f"{name} did not finish within {STUCK_S} s") from reason
        return done.stdout.decode(errors="replace")

    def wapiti(
        self, address: str, *, endpoint: str, cookie: str = "", starts: Iterable[str] = (), spared: Iterable[str] = ()
    ) -> Said:
        """Let Wapiti crawl and attack everything below an address, but what is spared; `endpoint` notes SSRF."""
        with TemporaryDirectory(prefix="wapiti-") as folder:
            report = Path(folder) / "report.json"
            options = {
                "--url": f"{address}/",
                "--module": ",".join(MODULES),
                "--depth": str(DEPTH),
                "--max-links-per-page": str(LINKS_OF_PAGE),
                "--max-files-per-dir": str(PAGES_OF_FOLDER),
                "--max-scan-time": str(CRAWL_S),
                "--max-attack-time": str(MODULE_S),
                "--tasks": "4",
                "--endpoint": f"{endpoint}/",
                "--store-session": folder,
                "--store-config": folder,
                "--format": "json",
                "--output": str(report),
                "--detailed-report": "1",
                "--verbose": "0",
            }
            words = [word for option in options.items() for word in option]
            words += [word for path in starts for word in ("--start", address + path)]
            words += [word for path in spared for word in ("--exclude", address + path)]
            words += ["--cookie-value", cookie] if cookie else []
            printed = self._run("wapiti", *words, "--no-bugreport", folder=folder)
            if not report.exists():
                raise BrokenJudgeError(f"wapiti wrote no report: {printed[-500:]}")
            return _read_report(json.loads(report.read_text(encoding="utf-8")))

    def sqlmap(self, address: str, *, cookie: str = "", body: str = "", names: Sequence[str] = ()) -> Said:
        """Let sqlmap try every marked part of an address (`*`), or these names in it or in the body."""
        with TemporaryDirectory(prefix="sqlmap-") as folder:
            words = ["--url", address, "--batch", "--flush-session", "--output-dir", folder, "--disable-coloring"]
            words += ["--dbms", "SQLite", "--technique", "BEUS"]
            words += ["--skip-waf", "--ignore-code", "*", "--timeout", "15", "--retries", "1"]
            words += ["--cookie", cookie] if cookie else []
            words += ["--data", body] if body else []
            words += ["-p", ",".join(names)] if names else []
            printed = self._run("sqlmap", *words, folder=folder)
        found = [f"SQL injection: {each}" for each in INJECTABLE.findall(printed)] + OTHER_HOLE.findall(printed)
        if not found and CLEARED not in printed:
            raise BrokenJudgeError(f"sqlmap has not judged {address}: {printed[-500:]}")
        return Said(findings=tuple(found))

    def evaluate(self, policy: str) -> Said:
        """Let Google's CSP evaluator judge a policy."""
        printed = self._run("node", "-e", EVALUATE, policy, folder=str(self._environment))
        try:
            found = json.loads(printed)
        except json.JSONDecodeError as reason:
            raise BrokenJudgeError(f"node: {printed[-500:]}") from reason
        return Said(findings=tuple(words for severity, words in found if severity < LEAST_SEVERITY))

    def bandit(self, folder: Path) -> Said:
        """Let bandit read the Python below a folder."""
        printed = self._run("bandit", "--recursive", str(folder), "--format", "json", "--quiet")
        try:
            report = json.loads(printed)
        except json.JSONDecodeError as reason:
            raise BrokenJudgeError(f"bandit: {printed[-500:]}") from reason
        if report["errors"]:
            raise BrokenJudgeError(f"bandit could not read {report['errors']}")
        files = frozenset(name for name in report["metrics"] if name != "_totals")
        return Said(findings=tuple(_found_by_bandit(each, folder) for each in report["results"]), pages=files)


def _found_by_bandit(each: dict[str, str], folder: Path) -> str:
    place = Path(each["filename"]).relative_to(folder)
    return f"{each['test_id']} {place}:{each['line_number']} {each['issue_text']}"


def _read_report(report: dict[str, Any]) -> Said:
    """Read what Wapiti wrote: holes, and requests that failed or took too long."""
    findings = {
        f"{each['module']}: {each['method']} {each['path'].partition('?')[0]} {each['parameter'] or ''} {each['info']}"
        for kind in ("vulnerabilities", "anomalies")
        for found in report[kind].values()
        for each in found
    }
    pages = [each["request"] for each in report["infos"]["crawled_pages"]]
    seen = (urlsplit(page["url"]).path for page in pages if page["status_code"] == 200)
    return Said(findings=tuple(sorted(findings)), pages=frozenset(seen))


def policy_of(address: str, cookie: str) -> tuple[int, str]:
    """Return the status and the content policy of a page."""
    request = Request(address, headers={"Cookie": cookie})  # noqa: S310
    try:
        with urlopen(request, timeout=15) as answer:  # noqa: S310
            return answer.status, answer.headers.get("Content-Security-Policy", "")
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers.get("Content-Security-Policy", "")
