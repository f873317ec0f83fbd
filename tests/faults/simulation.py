"""One run on one database: a real portal, a street of citizens, a saboteur, and the figures."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from portal.accounts.operations import create_account
from portal.accounts.passwords import hash_password
from portal.accounts.rules import parse_email_address
from portal.audit import Actor
from portal.clock import SystemClock
from portal.db import Database
from portal.drafts.models import Draft
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from portal.sessions.models import SessionRow
from portal.submissions.models import Submission
from tests.faults.citizens import Citizen
from tests.faults.oracle import Fault
from tests.faults.saboteur import Saboteur
from tests.people import PASSWORD
from tests.smoke.conftest import RunningPortal, eventually

NEIGHBOURS = 8


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large a run is; it ends when both numbers are reached, or when its time is over."""

    citizens: int
    kills: int
    at_once: int
    seconds: float
    seed: int
    pauses: tuple[float, float]


@dataclass
class Figures:
    """The figures of one run; every fault must be 0."""

    faults: Counter[Fault] = field(default_factory=Counter)
    stories: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Return whether nothing broke."""
        return not any(self.faults.values())


class Run:
    """The street: what citizens need of it, and the threads that they live in."""

    def __init__(self, portal: RunningPortal, database: Database, saboteur: Saboteur, plan: Plan) -> None:
        self.port, self._database, self._saboteur, self._plan = portal.port, database, saboteur, plan
        self.citizens: list[Citizen] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def pause(self, seconds: float, /) -> object:
        return threading.Event().wait(seconds)

    def instant(self) -> float:
        return time.monotonic()

    def killed_between(self, start: float, end: float) -> bool:
        return self._saboteur.killed_between(start, end)

    def end_session(self, number: int) -> None:
        """Set the deadline of this session to a second ago."""
        now = SystemClock().now()
        live = update(SessionRow).where(SessionRow.id == number, SessionRow.expires_at > now)
        with self._database.writing() as db:
            db.execute(live.values(expires_at=now - timedelta(seconds=1)))

    def live(self) -> None:
        """Live all days of all citizens, some at once."""
        threads = [threading.Thread(target=self._one_after_the_other, daemon=True) for _ in range(self._plan.at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one_after_the_other(self) -> None:
        while citizen := self._next():
            citizen.live()

    def _next(self) -> Citizen | None:
        with self._lock:
            is_over = time.monotonic() - self._began > self._plan.seconds
            is_enough = len(self.citizens) >= self._plan.citizens and self._saboteur.is_done
            if is_over or is_enough or len(self.citizens) >= 4 * self._plan.citizens:
                return None
            self.citizens.append(Citizen(len(self.citizens) + 1, self, self._plan.seed))
            return self.citizens[-1]


def simulate(folder: Path, plan: Plan, database_url: str | None = None) -> Figures:
    """Start the portal on a database, let the citizens live, and judge."""
    environ = {"DATABASE_URL": database_url, "WORKERS": "2"} if database_url else {}
    portal = RunningPortal(folder, environ)
    database = None
    try:
        if not eventually(portal.answers):
            raise TimeoutError(portal.printed())
        database = Database(database_url or f"sqlite:///{folder / 'portal.sqlite3'}")
        _settle_in(database, plan)
        began = time.monotonic()
        with Saboteur(portal, plan.kills, plan.seed, pauses=plan.pauses) as saboteur:
            run = Run(portal, database, saboteur, plan)
            run.live()
        figures = _judge(run, database, len(saboteur.kills))
        figures.seconds = time.monotonic() - began
        return figures
    finally:
        portal.kill()
        if database:
            database.close()


def _settle_in(database: Database, plan: Plan) -> None:
    """Publish the form, and create an account for every second citizen and for some neighbours."""
    now, hashed = SystemClock().now(), hash_password(PASSWORD)
    form = Path(__file__).with_name("form.yaml").read_text(encoding="utf-8")
    names = [f"neighbour{number}" for number in range(NEIGHBOURS)]
    names += [f"citizen{number}" for number in range(2, 4 * plan.citizens + 1, 2)]
    with database.writing() as db:
        publish(db, read_yaml(form), now=now)
    for name in names:
        with database.writing() as db:
            address = parse_email_address(f"{name}@mail.example")
            create_account(db, address, "citizen", password_hash=hashed, by=Actor(), now=now)


def _judge(run: Run, database: Database, kills: int) -> Figures:
    figures = Figures()
    for citizen in run.citizens:
        _judge_rows(citizen, database)
        oracle = citizen.oracle
        for leak in citizen.seen.leaks:
            oracle.fault(Fault.LEAK, leak)
        figures.faults.update(kind for kind, _ in oracle.faults)
        if oracle.faults:
            figures.stories.append("\n".join([f"=== citizen {citizen.number}, seed {run._plan.seed}", *oracle.history]))
        figures.counts.update(
            {
                "requests": citizen.seen.requests,
                "acknowledged": oracle.acknowledged,
                "before cuts": oracle.before_cuts,
                "parked": oracle.parked,
                "conflicts": oracle.conflicts,
                "receipts": bool(citizen.receipt),
                "errors 5xx": sum(citizen.seen.failures.values()),
            }
        )
    figures.counts.update({"citizens": len(run.citizens), "kills": kills})
    return figures


def _judge_rows(citizen: Citizen, database: Database) -> None:
    """Check the receipts against the table itself."""
    drafts = select(Draft.id).where(Draft.reference == citizen.reference)
    with database.reading() as db:
        rows = db.scalar(select(func.count()).where(Submission.draft_id.in_(drafts))) or 0
    if rows > 1:
        citizen.oracle.fault(Fault.TWICE, f"{rows} submissions of {citizen.reference}")
    if citizen.receipt and not rows:
        citizen.oracle.fault(Fault.RECEIPT, f"{citizen.receipt} has no row")


def table(figures: dict[str, Figures]) -> str:
    """Return the figures side by side, one column a database."""
    lines = [f"{'':<52}" + "".join(f"{name:>12}" for name in figures)]
    for kind in Fault:
        lines.append(f"{kind.value:<52}" + "".join(f"{each.faults[kind]:>12}" for each in figures.values()))
    for name in sorted({key for each in figures.values() for key in each.counts}):
        lines.append(f"{name:<52}" + "".join(f"{each.counts[name]:>12}" for each in figures.values()))
    return "\n".join([*lines, f"{'seconds':<52}" + "".join(f"{each.seconds:>12.0f}" for each in figures.values())])
