"""What the dearest request costs at each address that a stranger or a guest can call, and the most that it may cost.

`python -m tests.bench.costs` prints the table and what receipts of a longest answer cost, and then asks for `/healthz`
while the dearest public page, and each of the dear forms, is asked for eight times at once. A test holds what no
machine changes: that each address has a row, and statements, stored bytes, e-mails and password hashes.
"""

import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from random import Random
from time import thread_time
from typing import Any
from urllib.parse import urlencode

import click
from flask import Flask
from sqlalchemy import func, select, text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts import passwords
from portal.commands.run import PROJECT_ROOT
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.types.answers import LONG_TEXT
from portal.form_definitions.types.files import MEGABYTE
from portal.form_definitions.versions.operations import publish
from portal.messages.guests import CODE_COOKIE
from portal.outbox.models import Delivery
from portal.sessions.models import SessionRow
from portal.submissions.answers import AnsweredSection, AnswerRow, Block
from portal.submissions.receipt import Receipt
from portal.web.declarations import declaration_of
from portal.web.front import TURNS_ON_SQLITE
from tests import signatures, threads
from tests.bench.load import COUNT, Asked, apply
from tests.bench.requests import TYPED, data_folder, prepared_app
from tests.bench.server import PORTAL, running
from tests.citizen import Citizen, post
from tests.files import PDF
from tests.journeys import housing
from tests.post import letters
from tests.statements import heard

DEMO = PROJECT_ROOT / "portal" / "demo_forms" / "housing-support.yaml"
MESSAGES_PAGE, CODE_PAGE = "/messages", "/messages/code"
LARGE, MANY, EACH = 900_000, 1_900, 400
"""Bytes of one value, and a number of values with their bytes: a body of nearly the megabyte that anybody may send."""
FILES, FILE_MB = 5, 2
"""Files, and megabytes of each, that a question of the probed form takes: the dearest request brings them all."""
LONGEST = {
    "Latin": "abcdefghijklmnopqrstuvwxyzé",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Arabic with Latin and numbers": "ابتثجحخدذرزسشصضطظعغفقabc123",
    "Hindi": "कखगघचछजझटडतदनपबमयरलवशसहािीुेो",
    "Chinese": "".join(map(chr, range(0x4E00, 0x4E00 + 2000))),
    "emoji": "😀👧🎉🚀",
    "lines of one letter": "",
}
"""The letters of receipts that are drawn: of words in no language, so that nothing but the letters is known before."""
OF_THREAD = {"messages.write_in_thread", "messages.change_files"}
TAKE_FILES = {"drafts.save_section", "drafts.save_item", "drafts.change_files"} | OF_THREAD
HEALTH_SECONDS, MOST_HEALTH_MS = 10.0, 200
PROCESSOR_MS, MEMORY_MB = 500, 64
"""The most of any request: no page of a stranger may hold a processor for longer."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one request takes at most: statements, kB that stay in the database, e-mails, and passwords hashed."""

    sql: int
    kb: int = 0
    mails: int = 0
    hashes: int = 0

    def exceeds(self, most: "Cost") -> bool:
        """Return whether any of it is more than it may be."""
        return any(one > other for one, other in zip(astuple(self), astuple(most), strict=True))


def key_of(rule: Rule) -> str:
    """Return the method and the address of a rule, as the table names it."""
    return f"{'POST' if 'POST' in (rule.methods or ()) else 'GET'} {rule.rule}"


def open_rules(app: Flask) -> list[Rule]:
    """Return the addresses that ask for no person: those of strangers and guests."""
    rules = sorted(app.url_map.iter_rules(), key=key_of)
    return [rule for rule in rules if not declaration_of(app.view_functions[rule.endpoint]).door.person]


ACTIONS = {"signers": "change"}
SIGN_PAGE, FACT = "/sign", {"fact__day": "9", "fact__month": "5", "fact__year": "1988"}
"""The dearest button of a page, by the end of its address; of all others it is Continue."""


class Prober:
    """A guest with a filled form, a sent one and messages, who asks for everything that a guest may ask for."""

    def __init__(self, app: Flask) -> None:
        self.app, self._database = app, app.extensions["portal"].database
        self._files = app.extensions["portal"].configuration.storage_dir
        self._guest = Citizen(app)
        self._draft, to_send, sent = (self._filled() for _ in range(3))
        self._guest.open(f"{sent}/check")
        self._guest.press("Send", declaration="yes")
        self._guest.open(f"{self._draft}/save")
        self._guest.press("Send link", email="zoe@mail.example")
        self._references = {"/drafts/<reference>/check": to_send, "/submissions": sent}
        self._values = {
            "reference": self._draft.rpartition("/")[2],
            "section_id": "about_you",
            "item_id": self._item_of(self._draft),
            "slug": "housing-support",
            "token": letters(app)[-1].link.rpartition("/")[2],
            "file_id": "a" * 32,
        }
        self._thread = self._thread_with_reply()
        self._digits = ""
        self._message_link = threads.link_to(app, threads.begin(app))
        with self._database.reading() as db:
            self._guest_id = db.scalars(select(SessionRow.guest_id).order_by(SessionRow.id.desc())).first()
        self._sign_link = signatures.mailed(app, sent.rpartition("/")[2]).token
        self._signer = Citizen(app)
        signatures.pass_check(self._signer, f"{SIGN_PAGE}/{self._sign_link}", **FACT)
        self._signer.press("Continue")
        self._signer.press("Continue", **housing.LANDLORD)

    def _filled(self) -> str:
        draft = housing.start(self._guest)
        housing.fill(self._guest, draft, landlord_email="landlord@mail.example")
        return draft

    def _thread_with_reply(self) -> str:
        reference = threads.begin(self.app)
        threads.reply(self.app, reference, is_visible=True)
        return reference

    def _item_of(self, draft: str) -> str:
        links = self._guest.open(f"{draft}/household").links.values()
        return next(link.rpartition("/")[2] for link in links if link.startswith(f"{draft}/household/"))

    def requests(self, rule: Rule) -> Iterator[Callable[[], TestResponse]]:
        """Yield the requests of this address that could be dear: as it is, very many values, one long value, files.

        The first makes a value short that an earlier address made long, so that all of a long one is stored anew.
        """
        path = self.path_of(rule)
        if "POST" not in (rule.methods or ()):
            if path.startswith((MESSAGES_PAGE, SIGN_PAGE)):
                self._come_back(path)
            yield lambda: self._guest.client.get(path)
            return
        for large in (self._usual, self._many, self._long):
            self._come_back(path)
            served = self._served(path)
            yield partial(self._send, path, {**served, **large(served)})
        if path == CODE_PAGE:
            self._come_back(path)
            yield partial(self._send, path, {**self._served(path), "_action": "again"})
        if rule.endpoint in OF_THREAD:
            self._thread = self._thread_with_reply()
            self._come_back(path)
            yield self._upload_to_thread(rule)
        elif rule.endpoint in TAKE_FILES:
            self._come_back()
            yield self._upload(rule)

    def _served(self, path: str) -> dict[str, str]:
        """Return what the largest form of a page sends, or of a section's page if nothing is shown at this address."""
        of_section = path.replace("/autosave", "").removesuffix("/files").removesuffix("/read")
        for address in (path, of_section, f"{self._draft}/about_you"):
            page = self._guest.open(address)
            forms = [form for form in page.forms if "csrf_token" in form.names]
            if page.status == 200 and forms:
                form = max(forms, key=lambda each: (each.action in (None, "", path), len(each.names)))
                typed = {name: "x" for name in sorted(form.names) if not name.startswith("_") and name != "csrf_token"}
                own = {each.name: each.value for each in form.controls if each.value}
                changed = _first_of(typed).partition("-")[0]
                action = (
                    "send"
                    if path.startswith(f"{MESSAGES_PAGE}/MS-")
                    else ACTIONS.get(path.rpartition("/")[2], "continue")
                )
                return typed | own | {"_action": action, "_changed": changed, "_end": "1"}
        return {}

    def _usual(self, served: dict[str, str]) -> dict[str, str]:
        short = {_first_of(served): "x"}
        addressed: dict[str, str] = {name: "eve@mail.example" for name in ("email", "new_email") if name in served}
        known = {"password": "a long password", "code": self._digits}
        return short | addressed | {name: value for name, value in known.items() if value and name in served}

    def _long(self, served: dict[str, str]) -> dict[str, str]:
        return {_first_of(served): "x" * LARGE}

    def _many(self, served: dict[str, str]) -> dict[str, str]:
        return {f"f{number}": "x" * EACH for number in range(MANY)}

    def _come_back(self, path: str = "") -> None:
        """Give the guest a new browser with new sessions: what was asked for last may have ended them."""
        self._guest = Citizen(self.app)
        self._guest.hold("customer", guest_id=self._guest_id)
        if path == CODE_PAGE:
            self._bring_code()
        elif path.startswith(SIGN_PAGE) and self._sign_link not in path and path != SIGN_PAGE:
            self._guest = self._signer
            if self._guest.get(SIGN_PAGE).status_code == 200 and "mail_code" in self._guest.open(SIGN_PAGE).text:
                signatures.pass_check(self._guest, f"{SIGN_PAGE}/{self._sign_link}", **FACT)
        elif path.startswith(MESSAGES_PAGE) and "/open/" not in path:
            self._guest.hold("messages", guest_id=threads.guest_of(self.app, self._thread))

    def _bring_code(self) -> None:
        """Give the browser what it has after the press on a mailed link to messages."""
        code = threads.code_for(self.app, self._thread)
        self._guest.client.set_cookie(CODE_COOKIE, code.cookie)
        self._digits = code.digits

    def _send(self, path: str, data: Mapping[str, Any]) -> TestResponse:
        headers = {"HX-Request": "true"} if "/autosave" in path else {}
        return post(self._guest.client, path, data=data, headers=headers)

    def _upload(self, rule: Rule) -> Callable[[], TestResponse]:
        """Return the request that brings as many and as large files as the form takes, to a draft that has none."""
        section = "household/aaaaaaaa" if "<item_id>" in rule.rule else "evidence"
        page = f"{housing.start(self._guest)}/{section}"
        served, field = self._served(page), "photo" if "<item_id>" in rule.rule else "income_proof"
        files = [(BytesIO(PDF.ljust(FILE_MB * MEGABYTE)), f"{number}.pdf") for number in range(FILES)]
        own = {name: value for name, value in served.items() if name.startswith("_") or name == "csrf_token"}
        data = {**own, field: files, "_changed": field}
        path = page.replace(f"/{section}", f"/autosave/{section}/files") if rule.rule.endswith("/files") else page
        return partial(self._send, path, data)

    def _upload_to_thread(self, rule: Rule) -> Callable[[], TestResponse]:
        """Return the request that brings as many files as a message takes, each as large as those of the form."""
        path = self.path_of(rule)
        files = [(BytesIO(PDF.ljust(FILE_MB * MEGABYTE)), f"{number}.pdf") for number in range(FILES)]
        return partial(self._send, path, {**self._served(path), "files": files, "text": "x" * LARGE})

    def path_of(self, rule: Rule) -> str:
        """Return the address with real values in it."""
        drafts = (draft for start, draft in self._references.items() if rule.rule.startswith(start))
        is_thread = rule.rule.startswith(MESSAGES_PAGE)
        reference = self._thread if is_thread else next(drafts, self._draft).rpartition("/")[2]
        section = "household" if "<item_id>" in rule.rule else "about_you"
        is_sign = rule.rule.startswith(SIGN_PAGE)
        token = {"token": self._message_link if is_thread else self._sign_link} if is_thread or is_sign else {}
        values = self._values | token | {"reference": reference, "section_id": section}
        built = rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)
        assert built is not None, rule
        return built[1]

    def cost_of(self, rule: Rule) -> Cost:
        """Return the most that the requests of an address take, each by itself."""
        costs = [self._cost(request) for request in self.requests(rule)]
        return Cost(**{each.name: max(getattr(cost, each.name) for cost in costs) for each in fields(Cost)})

    def _cost(self, request: Callable[[], TestResponse]) -> Cost:
        kb, mails = self._stored_kb(), self._mails()
        with heard(self._database) as statements, _hashes_counted() as hashed:
            request().close()
        stored, mailed = self._stored_kb() - kb, self._mails() - mails
        return Cost(sql=len(statements.asked), kb=max(stored, 0), mails=mailed, hashes=hashed())

    def _stored_kb(self) -> int:
        with self._database.reading() as db:
            count, free, size = (
                db.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "freelist_count", "page_size")
            )
        stored = sum(file.stat().st_size for file in self._files.rglob("*") if file.is_file())
        return int(((count - free) * size + stored) / 1000)

    def _mails(self) -> int:
        with self._database.reading() as db:
            return db.scalar(select(func.count()).select_from(Delivery)) or 0

    def machine_cost(self, rule: Rule) -> tuple[float, float]:
        """Return the processor time in ms and the peak of memory in MB of the dearest request of an address."""
        worst_ms = worst_mb = 0.0
        for request in self.requests(rule):
            worst_ms = max(worst_ms, _processor_ms(partial(_answered, request)))
        for request in self.requests(rule):
            tracemalloc.start()
            request().close()
            worst_mb = max(worst_mb, tracemalloc.get_traced_memory()[1] / 1e6)
            tracemalloc.stop()
        return worst_ms, worst_mb


def _first_of(served: Mapping[str, str]) -> str:
    """Return the first input that somebody can type in."""
    return next((name for name in served if not name.startswith("_") and name not in ("csrf_token", "files")), "story")


@contextmanager
def _hashes_counted() -> Iterator[Callable[[], int]]:
    """Count how often somebody takes a turn at hashing a password."""
    turns, counted = passwords._hashing, _CountedTurns()
    passwords._hashing = counted  # type: ignore[assignment]
    try:
        yield lambda: counted.number
    finally:
        passwords._hashing = turns


class _CountedTurns:
    number = 0

    def __enter__(self) -> None:
        self.number += 1

    def __exit__(self, *_failure: object) -> None:
        return


def prepared(data_dir: str) -> Flask:
    """Return the portal with the form that is asked for."""
    app = prepared_app({"DATA_DIR": data_dir})
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(_with_photo(DEMO.read_text(encoding="utf-8"))), now=parts.clock.now())
    return app


def _with_photo(form: str) -> str:
    """Return the demo form with smaller files, and a question for files in its list."""
    smaller = re.sub(r"max: \d, max_mb: \d+", f"max: {FILES}, max_mb: {FILE_MB}", form)
    limits = f"{{max: {FILES}, max_mb: {FILE_MB}, types: [pdf]}}"
    photo = f"      - {{id: photo, type: file, label: Photo, files: {limits}}}\n"
    return smaller.replace("      - {id: works,", f"{photo}      - {{id: works,")


COSTS = {
    "GET /": Cost(sql=6, kb=8),
    "GET /accessibility": Cost(sql=4, kb=8),
    "GET /account/check-mail": Cost(sql=4, kb=8),
    "GET /account/confirm": Cost(sql=5, kb=8),
    "GET /account/confirm/<mailed:token>": Cost(sql=5, kb=8),
    "GET /account/deleted": Cost(sql=4, kb=8),
    "GET /account/email/<mailed:token>": Cost(sql=5, kb=8),
    "GET /account/email/objection/<mailed:token>": Cost(sql=5, kb=8),
    "GET /account/password": Cost(sql=4, kb=8),
    "GET /account/password/<mailed:token>": Cost(sql=5, kb=8),
    "GET /account/register": Cost(sql=4, kb=8),
    "GET /account/second-factor": Cost(sql=4, kb=8),
    "GET /account/second-factor/set-up": Cost(sql=4, kb=8),
    "GET /account/sign-in": Cost(sql=4, kb=8),
    "GET /contact": Cost(sql=4, kb=8),
    "GET /cookies": Cost(sql=4, kb=8),
    "GET /drafts/<reference>": Cost(sql=9, kb=8),
    "GET /drafts/<reference>/<section_id>": Cost(sql=6, kb=8),
    "GET /drafts/<reference>/<section_id>/<item_id>": Cost(sql=6, kb=8),
    "GET /drafts/<reference>/check": Cost(sql=9, kb=8),
    "GET /drafts/<reference>/save": Cost(sql=22, kb=8),
    "GET /drafts/<reference>/save/delivery": Cost(sql=13, kb=8),
    "GET /files/<reference>/<file_id>": Cost(sql=6, kb=8),
    "GET /forms/<slug>": Cost(sql=6, kb=8),
    "GET /forms/<slug>/blank": Cost(sql=5, kb=8),
    "GET /forms/<slug>/prepare": Cost(sql=5, kb=8),
    "GET /forms/<slug>/rehearsal": Cost(sql=5, kb=8),
    "GET /forms/<slug>/rehearsal/<section_id>": Cost(sql=5, kb=8),
    "GET /healthz": Cost(sql=3, kb=8),
    "GET /help/sessions": Cost(sql=4, kb=8),
    "GET /messages": Cost(sql=6, kb=8),
    "GET /messages/<reference>": Cost(sql=9, kb=8),
    "GET /messages/<reference>/files/<file_id>": Cost(sql=6, kb=8),
    "GET /messages/code": Cost(sql=4, kb=8),
    "GET /messages/open": Cost(sql=4, kb=8),
    "GET /messages/open/<mailed:token>": Cost(sql=4, kb=8),
    "GET /metrics": Cost(sql=4, kb=8),
    "GET /privacy": Cost(sql=5, kb=8),
    "GET /readyz": Cost(sql=4, kb=8),
    "GET /resume": Cost(sql=4, kb=8),
    "GET /resume/<mailed:token>": Cost(sql=7, kb=8),
    "GET /resume/code": Cost(sql=4, kb=8),
    "GET /session/ended": Cost(sql=4, kb=8),
    "GET /session/poll": Cost(sql=4, kb=8),
    "GET /sign": Cost(sql=4, kb=8),
    "GET /sign/<mailed:token>": Cost(sql=6, kb=8),
    "GET /sign/back": Cost(sql=4, kb=8),
    "GET /sign/confirm": Cost(sql=8, kb=8),
    "GET /sign/decline": Cost(sql=6, kb=8),
    "GET /sign/done": Cost(sql=6, kb=8),
    "GET /sign/done/copy.pdf": Cost(sql=6, kb=8),
    "GET /sign/files/<file_id>": Cost(sql=6, kb=8),
    "GET /sign/questions": Cost(sql=8, kb=8),
    "GET /submissions/<reference>": Cost(sql=5, kb=8),
    "GET /submissions/<reference>/receipt.pdf": Cost(sql=11, kb=8),
    "GET /submissions/<reference>/signers": Cost(sql=6, kb=8),
    "POST /account/confirm/<mailed:token>": Cost(sql=5, kb=16),
    "POST /account/email/<mailed:token>": Cost(sql=5, kb=16),
    "POST /account/email/objection/<mailed:token>": Cost(sql=5, kb=16),
    "POST /account/password": Cost(sql=17, kb=16),
    "POST /account/password/<mailed:token>": Cost(sql=5, kb=16),
    "POST /account/register": Cost(sql=14, kb=16, mails=1, hashes=1),
    "POST /account/second-factor": Cost(sql=4, kb=16),
    "POST /account/second-factor/set-up": Cost(sql=4, kb=16),
    "POST /account/sign-in": Cost(sql=13, kb=16, hashes=1),
    "POST /account/sign-out": Cost(sql=18, kb=16),
    "POST /drafts/<reference>": Cost(sql=5, kb=16),
    "POST /drafts/<reference>/<section_id>": Cost(sql=40, kb=10_100),
    "POST /drafts/<reference>/<section_id>/<item_id>": Cost(sql=40, kb=10_100),
    "POST /drafts/<reference>/autosave/<section_id>": Cost(sql=8, kb=1000),
    "POST /drafts/<reference>/autosave/<section_id>/<item_id>": Cost(sql=8, kb=1000),
    "POST /drafts/<reference>/autosave/<section_id>/<item_id>/files": Cost(sql=34, kb=10_100),
    "POST /drafts/<reference>/autosave/<section_id>/files": Cost(sql=34, kb=10_100),
    "POST /drafts/<reference>/check": Cost(sql=9, kb=16),
    "POST /drafts/<reference>/save": Cost(sql=22, kb=16, mails=1),
    "POST /drafts/<reference>/save/leave": Cost(sql=25, kb=16),
    "POST /drafts/<reference>/save/longer": Cost(sql=7, kb=16),
    "POST /drafts/<reference>/save/proof": Cost(sql=24, kb=16),
    "POST /forms/<slug>": Cost(sql=14, kb=16),
    "POST /forms/<slug>/rehearsal/<section_id>": Cost(sql=5, kb=16),
    "POST /language": Cost(sql=4, kb=16),
    "POST /messages/<reference>": Cost(sql=48, kb=11_000),
    "POST /messages/<reference>/autosave": Cost(sql=9, kb=1000),
    "POST /messages/<reference>/autosave/files": Cost(sql=40, kb=10_100),
    "POST /messages/<reference>/read": Cost(sql=10, kb=16),
    "POST /messages/code": Cost(sql=22, kb=16, mails=1),
    "POST /messages/open/<mailed:token>": Cost(sql=12, kb=16, mails=1),
    "POST /resume": Cost(sql=12, kb=16),
    "POST /resume/<mailed:token>": Cost(sql=14, kb=16, mails=1),
    "POST /resume/code": Cost(sql=4, kb=16),
    "POST /resume/link": Cost(sql=4, kb=16),
    "POST /session/extend": Cost(sql=5, kb=16),
    "POST /sign": Cost(sql=11, kb=8),
    "POST /sign/<mailed:token>": Cost(sql=6, kb=8),
    "POST /sign/confirm": Cost(sql=11, kb=8),
    "POST /sign/confirm/autosave": Cost(sql=9, kb=8),
    "POST /sign/continue": Cost(sql=4, kb=8),
    "POST /sign/decline": Cost(sql=8, kb=8),
    "POST /sign/questions": Cost(sql=12, kb=971),
    "POST /sign/questions/autosave": Cost(sql=10, kb=971),
    "POST /sign/quit": Cost(sql=8, kb=8),
    "POST /submissions/<reference>/signers": Cost(sql=38, kb=16, mails=2),
}
"""A new address is measured with `python -m tests.bench.costs`; its row is a little above what that prints."""


def measure(data_dir: str) -> bool:
    """Print the table, and how `/healthz` answers beside the dearest public page; return whether all limits hold."""
    app = prepared(data_dir)
    prober, holds, dearest = Prober(app), True, (0.0, "/")
    dear = dear_forms(app)
    click.echo(f"\n{'the dearest request of each address':<62}  SQL    kB mails hashes  CPU ms    MB")
    for rule in open_rules(app):
        cost, (ms, mb) = prober.cost_of(rule), prober.machine_cost(rule)
        is_within = not cost.exceeds(COSTS[key_of(rule)]) and ms <= PROCESSOR_MS and mb <= MEMORY_MB
        holds = holds and is_within
        if key_of(rule).startswith("GET") and not declaration_of(app.view_functions[rule.endpoint]).door.session:
            dearest = max(dearest, (ms, prober.path_of(rule)))
        counts = f"{cost.sql:>5}{cost.kb:>6}{cost.mails:>6}{cost.hashes:>7}"
        click.echo(f"{key_of(rule):<62}{counts}{ms:>8.0f}{mb:>6.1f}{'' if is_within else '   NOT within its limits'}")
    app.extensions["portal"].database.close()
    holds = _receipts_within(app) and holds
    return _healthy_beside({dearest[1]: Asked(path=dearest[1]), **dear}, data_dir) and holds


def _receipts_within(app: Flask) -> bool:
    """Print what it costs to draw the longest answer to one question; return whether no script costs too much."""
    from portal.submissions.receipt_pdf import drawn

    click.echo(f"\n{f'receipts of one answer of {LONG_TEXT} letters':<62}  CPU ms")
    dice, worst = Random(1), 0.0  # noqa: S311 - the same words each time
    for script, alphabet in LONGEST.items():
        words = ("".join(dice.choices(alphabet, k=dice.randint(2, 9))) for _ in range(LONG_TEXT)) if alphabet else ()
        receipt = _receipt_of(" ".join(words)[:LONG_TEXT] or "ж\n" * (LONG_TEXT // 2))
        with app.test_request_context():
            ms = min(_processor_ms(partial(drawn, receipt)) for _ in range(3))
        worst = max(worst, ms)
        click.echo(f"{script:<62}{ms:>8.0f}{'' if ms <= PROCESSOR_MS else '   NOT within its limit'}")
    return worst <= PROCESSOR_MS


def _receipt_of(answer: str) -> Receipt:
    rows = [AnswerRow(key="Question", value_lines=answer.split("\n"), actions=[])]
    section = AnsweredSection(id="a", title="Answers", blocks=[Block(name=None, rows=rows)])
    words = {name: name for name in ("site_name", "support_contact", "title", "reference", "received")}
    return Receipt(language="en", received_at=datetime.now(UTC), sections=(section,), **words)


def _answered(request: Callable[[], TestResponse]) -> None:
    request().close()


def _processor_ms(work: Callable[[], object]) -> float:
    began = thread_time()
    work()
    return (thread_time() - began) * 1000


def dear_forms(app: Flask) -> dict[str, Asked]:
    """Return what a stranger can post that costs much, each time from another network, so that no limit ends it.

    A late form is nearly as large as the portal reads, and half of it is kept.
    """
    word = f"{COUNT}@mail.example"
    found = {
        "sign in": _posted(app, "/account/sign-in", "Sign in", 422, email=word, password="a long password"),
        "register": _posted(app, "/account/register", "Register", 303, email=word, password="a long password"),
        "return code": _posted(app, "/resume", "Continue your form", 422, reference=COUNT, return_code="ABCDABCD"),
        "start": _posted(app, "/forms/housing-support", "Start now", 303),
    }
    citizen, database = Citizen(app), app.extensions["portal"].database
    draft = housing.start(citizen)
    late = _posted(
        app, f"{draft}/about_you", "Continue", 403, citizen, full_name="x" * (LARGE // 2), f="x" * (LARGE // 2)
    )
    with database.writing() as db:
        session = db.scalars(select(SessionRow).order_by(SessionRow.id.desc()).limit(1)).one()
        session.expires_at = app.extensions["portal"].clock.now() - timedelta(minutes=1)
    return found | {"late form": late}


def _posted(app: Flask, path: str, button: str, status: int, citizen: Citizen | None = None, **typed: str) -> Asked:
    """Return what a browser posts that fills in the form around a button and presses it."""
    browser = citizen or Citizen(app)
    form, pressed = browser.open(path).form_with(button)
    values = {control.name: control.value for control in form.controls} | typed
    end = {"_end": values.pop("_end", "1")}
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in browser.client._cookies.values())
    return Asked(
        path=form.action or path,
        method="POST",
        status=status,
        body=urlencode({**values, **({pressed.name: pressed.value} if pressed.name else {}), **end}),
        headers=TYPED | {"Cookie": cookies},
        is_from_everywhere=True,
    )


def _healthy_beside(dear: Mapping[str, Asked], data_dir: str) -> bool:
    """Print how `/healthz` answers beside each of the dear requests; return whether it is fast enough beside all."""
    slowest = 0.0
    with (
        running(PORTAL, "/healthz", DATA_DIR=data_dir, TRUSTED_PROXIES="1") as server,
        ProcessPoolExecutor(1) as aside,
    ):
        click.echo(
            f"\n/healthz, {TURNS_ON_SQLITE} dear requests at once beside it: aim 99 % within {MOST_HEALTH_MS} ms"
        )
        for name, asked in dear.items():
            load = aside.submit(apply, [asked] * TURNS_ON_SQLITE, HEALTH_SECONDS + 2, server.port)
            health = apply([Asked(path="/healthz")], HEALTH_SECONDS, server.port, pause_s=0.02)
            rate, slowest = load.result().rate, max(slowest, health.p99_ms)
            verdict = "met" if health.p99_ms <= MOST_HEALTH_MS else "NOT met"
            click.echo(f"{name:<62}{health.p99_ms:>8.0f} ms {rate:>8.0f} a second   {verdict}")
    return slowest <= MOST_HEALTH_MS


def main() -> None:
    """Measure in a folder of its own; exit with 1 where a limit does not hold."""
    with data_folder("costs") as data_dir:
        sys.exit(0 if measure(data_dir) else 1)


if __name__ == "__main__":
    main()
