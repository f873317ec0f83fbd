"""A database as it is after years: rows by the thousand, made inside the database, and what sweeps then find to do.

What is sealed is noise of the usual length, so pages that open it need real rows beside these.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.db import Database
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.operations import publish

FORMS, PARTS = 12, 5
"""Forms that people fill in, and parts of a draft."""
FIRST, FIRST_DUE, ROOM = 10_000_000, 500_000_000, 100_000
"""Where the numbers of generated rows begin. SQLite numbers a new row after the highest, so there is room behind each
call for rows that the portal makes before the next."""
AT_ONCE = 100_000
FORM = "format: 1\nform: {{id: grown_{number}, title: Form {number}, access: anyone, allow_save: true}}\nsections:\n"
SECTION = "  - {{id: s{number}, title: Section {number}, fields: [{{id: name, type: text, label: Name}}]}}\n"


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a kind of database writes what differs between them."""

    numbers: str
    instant: str
    noise: str
    key: str
    unlimited: str
    tidy: str

    def at(self, minutes: str) -> str:
        """Return the instant so many minutes after `:now`."""
        return self.instant.format(minutes=minutes)

    def sealed(self, length: int) -> str:
        """Return noise of this length."""
        return self.noise.format(length=length)


DIALECTS: Mapping[str, Dialect] = {
    "sqlite": Dialect(
        numbers="(WITH n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT * FROM n)",
        instant="strftime('%Y-%m-%d %H:%M:%f000', :now, ({minutes}) || ' minutes')",
        noise="randomblob({length})",
        key="randomblob(32)",
        unlimited="PRAGMA cache_size = -500000",
        tidy="ANALYZE",
    ),
    "postgresql": Dialect(
        numbers="generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS numbers(i)",
        instant="CAST(:now AS timestamptz) + ({minutes}) * interval '1 minute'",
        noise="decode(repeat(md5(CAST(i AS text)), {length} / 16), 'hex')",
        key="decode(md5(CAST(random() AS text)) || md5(CAST(random() AS text)), 'hex')",
        unlimited="SET statement_timeout = 0",
        tidy="VACUUM ANALYZE",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one table: an expression for each column; `times` rows for each number `i` for which `where` holds.

    `j` counts the rows of one number from 1.
    """

    table: str
    columns: Mapping[str, str]
    where: str = "true"
    times: int = 1

    def statement(self, dialect: Dialect) -> str:
        """Return the statement that inserts them for all numbers from `:first` to `:last`."""
        each = " UNION ALL ".join(f"SELECT {number} AS j" for number in range(1, self.times + 1))
        names, values = ", ".join(self.columns), ", ".join(self.columns.values())
        found = f"SELECT {values} FROM {dialect.numbers}, ({each}) AS each WHERE {self.where}"
        return f"INSERT INTO {self.table} ({names}) {found}"


Rowsets = tuple[Rows, ...]
Place = dict[str, int]
ID = f"({FIRST} + i)"
PERSON = f"({FIRST} + i - i % 5 + 2)"
STAFF = f"({FIRST} + 2 + 5 * ((i / 20) % 40))"
GUEST = "'grown-' || i"
LIVE, SENT, OVER, OF_PERSON = "i % 10 < 3", "i % 10 BETWEEN 3 AND 6", "i % 10 > 6", "i % 10 BETWEEN 2 AND 6"
IS_OPEN = "i % 20 = 3"
THREADS, OF_CASE, OF_TOPIC, OF_GUEST = "i % 5 IN (0, 3)", "i % 10 = 3", "i % 10 = 8", "i % 5 = 0"
"""Messages about a case and about a topic, of people, and those of guests."""
WAITS = "i % 20 = 3"
AGO, LONG_AGO = "-(i % 40000)", "-(i % 400000)"
"""Minutes back: four weeks, and nine months."""
OPEN_CASES = f"""INSERT INTO open_cases (form_id, sent_on, number)
SELECT form_id, date(sent_at), count(*) FROM cases
WHERE closed_at IS NULL AND submission_id BETWEEN {FIRST} + :first AND {FIRST} + :last
GROUP BY form_id, date(sent_at)
ON CONFLICT (form_id, sent_on) DO UPDATE SET number = open_cases.number + excluded.number"""
WAITING_THREADS = f"""INSERT INTO waiting_threads (due_on, number)
SELECT due_on, count(*) FROM threads
WHERE waits_for = 'us' AND id BETWEEN {FIRST} + :first AND {FIRST} + :last
GROUP BY due_on
ON CONFLICT (due_on) DO UPDATE SET number = waiting_threads.number + excluded.number"""


def fill(database: Database, rows: int, *, now: datetime, since: int = 0) -> None:
    """Add what `rows` drafts leave behind, or those after the first `since`; both are multiples of 200."""
    with _apart(database) as own:
        with own.writing() as db:
            for number in range(0 if since else FORMS):
                publish(db, read_yaml(FORM.format(number=number) + _sections()), now=now)
        first, last = (number + (ROOM if since else 0) for number in (since + 1, rows))
        for begin in range(first, last + 1, AT_ONCE):
            place = {"first": begin, "last": min(last, begin + AT_ONCE - 1)}
            with own.writing() as db:
                _insert(own, db, _standing, place, now)
                db.execute(text(OPEN_CASES), place)
                db.execute(text(WAITING_THREADS), place)


def add_due(database: Database, rows: int, *, now: datetime, calls: int = 0) -> None:
    """Add work for each sweep, half of these rows at least, after as many `calls` before."""
    first = FIRST_DUE + calls * ROOM
    with _apart(database) as own, own.writing() as db:
        _insert(own, db, _due, {"first": first, "last": first + rows - 1}, now)


@contextmanager
def _apart(database: Database) -> Iterator[Database]:
    """Yield the same database by connections of its own, with no limit of time and much memory; then let it look at it.

    PostgreSQL does so by itself after a while. SQLite does not, and must find its ways by its indexes alone as well.
    """
    own = Database(database.engine.url.render_as_string(hide_password=False))
    yield own
    with own.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (dialect_of(own).unlimited, dialect_of(own).tidy):
            connection.exec_driver_sql(statement)
    own.close()


def dialect_of(database: Database) -> Dialect:
    """Return how this database writes what differs."""
    return DIALECTS[database.engine.dialect.name]


def _sections() -> str:
    return "".join(SECTION.format(number=number) for number in range(1, PARTS + 1))


def _insert(
    database: Database, db: Session, rows: Callable[[Dialect, str], Rowsets], place: Place, now: datetime
) -> None:
    dialect = dialect_of(database)
    versions = select(func.min(FormVersion.id)).where(FormVersion.form_id.startswith("grown_"))
    db.execute(text(dialect.unlimited))
    for each in rows(dialect, f"({db.scalar(versions)} + i % {FORMS})"):
        db.execute(text(each.statement(dialect)), place | {"now": f"{now:%Y-%m-%d %H:%M:%S}+00:00"})


def _standing(dialect: Dialect, version: str) -> Rowsets:
    """Return what is there and needs no more work; three drafts of ten are live, four sent, three over."""
    at, sealed, key = dialect.at, dialect.sealed, dialect.key
    expires = (
        f"CASE WHEN {LIVE} THEN {at(f'43200 {AGO}')} WHEN {SENT} THEN {at(f'43200 {LONG_AGO}')} ELSE {at(LONG_AGO)} END"
    )
    is_over = f"(({SENT} AND i % 400000 > 43200) OR {OVER})"
    return (
        _people(dialect, "i % 5 = 2"),
        Rows(
            table="drafts",
            columns=_draft(dialect, version)
            | {
                "person_id": f"CASE WHEN {OF_PERSON} THEN {PERSON} END",
                "expires_at": expires,
                "remind_at": f"CASE WHEN {LIVE} THEN {at('1440 + i % 20000')} END",
                "sent_at": f"CASE WHEN {SENT} THEN {at(LONG_AGO)} END",
                "deleted_at": f"CASE WHEN i % 10 = 9 THEN {at(LONG_AGO)} END",
                "swept_at": f"CASE WHEN {is_over} THEN {at('-1')} END",
            },
        ),
        _parts(dialect, LIVE),
        Rows(
            table="draft_guests",
            columns={"draft_id": ID, "guest_id": GUEST, "is_former": "false", "number": "1"},
            where="i % 10 < 2 OR i % 10 > 6",
        ),
        _links(dialect, sealed(64), "i % 10 = 0"),
        _links(dialect, sealed(0), "i % 10 = 7"),
        _codes(dialect, "5", "i % 100 = 0"),
        _submission(dialect, version, PERSON, SENT),
        Rows(
            table="cases",
            columns={
                "submission_id": ID,
                "form_id": f"'grown_' || (i % {FORMS})",
                "status": f"CASE WHEN NOT ({IS_OPEN}) THEN 'closed' WHEN i % 100 = 3 THEN 'waiting' ELSE 'new' END",
                "assignee_id": f"CASE WHEN i % 80 <> 3 THEN {STAFF} END",
                "sent_at": at(LONG_AGO),
                "status_at": at(LONG_AGO),
                "closed_at": f"CASE WHEN NOT ({IS_OPEN}) THEN {at('-1')} END",
                "customer": sealed(96),
            },
            where=SENT,
        ),
        Rows(
            table="case_events",
            columns={
                "submission_id": ID,
                "at": at(LONG_AGO),
                "person_id": STAFF,
                "kind": "CASE j WHEN 1 THEN 'note' ELSE 'status' END",
                "value": "CASE j WHEN 2 THEN 'closed' END",
                "sealed": f"CASE j WHEN 1 THEN {sealed(160)} END",
            },
            where=SENT,
            times=2,
        ),
        Rows(table="case_keys", columns={"key": key, "submission_id": ID}, where=SENT, times=3),
        Rows(
            table="invitations",
            columns=_invitation(dialect)
            | {
                "state": "CASE i % 100 WHEN 4 THEN 'invited' WHEN 14 THEN 'expired' ELSE 'signed' END",
                "expires_at": at("14400 + i % 20000"),
                "remind_at": f"CASE i % 100 WHEN 4 THEN {at('1440 + i % 20000')} END",
            },
            where="i % 10 = 4",
        ),
        *_threads(dialect),
        _sessions(dialect, at("-60"), at("5 + i % 25"), "i % 10 = 0"),
        _sessions(dialect, at("-2860"), at("-1 - i % 2800"), "i % 10 > 0", ended_at=at("-1 - i % 2800")),
        _parked(dialect, at("600"), "i % 50 = 0"),
        Rows(
            table="stored_files",
            columns={
                "name": "'grown-' || i",
                "work": f"CASE WHEN {LIVE} THEN 'draft:' || {ID} ELSE 'submission:GN-' || i END",
                "place": "'s1/'",
                "sealed": sealed(160),
                "size": "100000",
                "stored_at": at(AGO),
                "scan": "'clean'",
            },
            where="i % 5 = 0",
        ),
        _mail(dialect, {"sent_at": at(AGO)}, "i % 500 > 1"),
        _mail(dialect, {"failed_at": at(AGO), "payload": sealed(1600)}, "i % 500 = 1"),
        Rows(
            table="audit_events",
            columns={
                "at": at(LONG_AGO),
                "action": "'signed_in'",
                "person_id": PERSON,
                "subject": f"'person:' || {PERSON}",
                "details": "'{}'",
            },
        ),
        Rows(table="limits", columns={"key": key, "used_until": at("5")}, where="i % 5 = 0"),
        _tokens(dialect, "100", "i % 10 = 2"),
        _devices(dialect, AGO, "i % 5 = 2"),
    )


def _due(dialect: Dialect, version: str) -> Rowsets:
    """Return what each sweep finds: half of the drafts are over, and of the others their people are reminded."""
    at, sealed = dialect.at, dialect.sealed
    return (
        _people(dialect, "true"),
        Rows(
            table="drafts",
            columns=_draft(dialect, version)
            | {
                "person_id": f"CASE WHEN i % 2 = 1 THEN {ID} END",
                "expires_at": f"CASE i % 2 WHEN 1 THEN {at('7200')} ELSE {at('-1')} END",
                "remind_at": f"CASE i % 2 WHEN 1 THEN {at('-1')} END",
            },
        ),
        _parts(dialect, "true"),
        _links(dialect, sealed(64), "true"),
        _codes(dialect, "-1", "true"),
        Rows(
            table="threads",
            columns=_thread(dialect)
            | {
                "person_id": ID,
                "changed_at": f"CASE i % 2 WHEN 1 THEN {at('-1')} ELSE {at('-600000')} END",
                "remind_at": f"CASE i % 2 WHEN 1 THEN {at('-1')} END",
            },
        ),
        *_signatures(dialect, version),
        _thread_codes(dialect, "-1", "true"),
        _message_drafts(dialect, "NULL", f"'person:' || {ID}", "-600000", "i % 2 = 0"),
        _sessions(dialect, at("-100"), at("-60"), "i % 2 = 1"),
        _sessions(dialect, at("-9000"), at("-8000"), "i % 2 = 0", ended_at=at("-8000")),
        _parked(dialect, at("-1"), "true"),
        _mail(dialect, {"sent_at": at("-50000")}, "i % 2 = 1"),
        _mail(dialect, {"failed_at": at("-50000")}, "i % 2 = 0"),
        Rows(table="limits", columns={"key": dialect.key, "used_until": at("-1")}),
        _tokens(dialect, "-100000", "true"),
        _devices(dialect, "-300000", "true"),
        Rows(table="pending_sign_ins", columns={"token_hash": dialect.key, "person_id": ID, "expires_at": at("-1")}),
        Rows(
            table="former_accounts",
            columns={"person_id": ID, "made_at": at("-100000"), "email": "'grown@mail.example'", "state": "'{}'"},
        ),
        Rows(
            table="second_factors",
            columns={
                "person_id": ID,
                "sealed_secret": sealed(64),
                "last_step": "0",
                "set_up_at": at("-60"),
                "codes_salt": sealed(16),
                "sealed_codes": sealed(160),
                "codes_shown_until": at("-1"),
            },
        ),
    )


def _signatures(dialect: Dialect, version: str) -> Rowsets:
    """Return invitations to sign: of three, one is over, one is to be reminded of, and the mail of one was lost."""
    at = dialect.at
    case = {
        "submission_id": ID,
        "customer": dialect.sealed(96),
        "form_id": f"'grown_' || (i % {FORMS})",
        "status": "'new'",
        "sent_at": at(AGO),
    }
    return (
        _submission(dialect, version, "NULL", "true"),
        Rows(
            table="cases", columns=case | {"status_at": at(AGO), "closed_at": at("-1"), "customer": dialect.sealed(96)}
        ),
        Rows(
            table="invitations",
            columns=_invitation(dialect)
            | {
                "state": "'invited'",
                "expires_at": f"CASE i % 3 WHEN 0 THEN {at('-1')} ELSE {at('14400')} END",
                "remind_at": f"CASE i % 3 WHEN 1 THEN {at('-1')} END",
                "delivery": "CASE i % 3 WHEN 2 THEN 'lost-' || i END",
            },
        ),
    )


def _submission(dialect: Dialect, version: str, person: str, where: str) -> Rows:
    columns = {"id": ID, "reference": "'GN-' || i", "draft_id": ID, "idempotency_key": "'GN-' || i"}
    of_whom = {"form_version_id": version, "person_id": person}
    content = {"sealed": dialect.sealed(1600), "sent_at": dialect.at(LONG_AGO)}
    return Rows(table="submissions", columns=columns | of_whom | content, where=where)


def _invitation(dialect: Dialect) -> dict[str, str]:
    sealed, key = dialect.sealed, dialect.key
    return {
        "id": ID,
        "public_id": "'grown-' || i",
        "submission_id": ID,
        "signer_id": "'landlord'",
        "token_hash": key,
        "code_hash": key,
        "link": sealed(160),
        "name": sealed(64),
        "address": sealed(64),
        "language": "'en'",
        '"check"': "'fact'",
        "copy_hash": key,
        "shares_mailbox": "false",
        "issued_at": dialect.at("-1440"),
    }


def _people(dialect: Dialect, where: str) -> Rows:
    address, long_ago = "'grown-' || i || '@mail.example'", dialect.at("-500000")
    columns = {"id": ID, "email": address, "email_key": address, "name": "'Zoe ' || i"}
    role = "CASE WHEN i <= 200 THEN 'staff' ELSE 'citizen' END"
    return Rows(
        table="people", columns=columns | {"role": role, "verified_at": long_ago, "created_at": long_ago}, where=where
    )


def _draft(dialect: Dialect, version: str) -> dict[str, str]:
    return {
        "id": ID,
        "reference": "'GN-' || i",
        "form_version_id": version,
        "last_section_id": "'s1'",
        "started_at": dialect.at(f"-60 {AGO}"),
        "changed_at": dialect.at(AGO),
        "answered_at": dialect.at(AGO),
        "edits": "3",
    }


def _parts(dialect: Dialect, where: str) -> Rows:
    columns = {"draft_id": ID, "section_id": "'s' || j", "item_id": "''", "revision": "3", "is_confirmed": "true"}
    sealed = {"sealed": dialect.sealed(320), "changed_at": dialect.at(AGO)}
    return Rows(table="draft_parts", columns=columns | sealed, where=where, times=PARTS)


def _links(dialect: Dialect, address: str, where: str) -> Rows:
    columns = {"id": ID, "token_hash": dialect.key, "draft_id": ID, "address": address, "issued_at": dialect.at(AGO)}
    return Rows(table="resume_links", columns=columns | {"delivery": "'grown-' || i"}, where=where)


def _codes(dialect: Dialect, minutes: str, where: str) -> Rows:
    times = {"mailed_at": dialect.at("-60"), "expires_at": dialect.at(minutes)}
    columns = {"token_hash": dialect.key, "link_id": ID, "code_hash": dialect.key}
    return Rows(table="resume_codes", columns=columns | times, where=where)


def _threads(dialect: Dialect) -> Rowsets:
    """Return messages: one thread for each two drafts, with a message of either side; some wait for a reply."""
    at, sealed, key = dialect.at, dialect.sealed, dialect.key
    person, staff = f"'person:' || {PERSON}", f"'person:' || {STAFF}"
    message = f"(2 * {ID} + j)"
    return (
        Rows(
            table="threads",
            columns=_thread(dialect)
            | {
                "submission_id": f"CASE WHEN {OF_CASE} THEN {ID} END",
                "person_id": f"CASE WHEN NOT ({OF_GUEST}) THEN {PERSON} END",
                "address": f"CASE WHEN {OF_GUEST} THEN {sealed(64)} END",
                "waits_for": f"CASE WHEN {WAITS} THEN 'us' WHEN i % 20 = 8 THEN 'you' ELSE '' END",
                "assignee_id": f"CASE WHEN i % 80 <> 3 THEN {STAFF} END",
                "changed_at": at(AGO),
                "closed_at": f"CASE WHEN i % 20 > 8 THEN {at('-1')} END",
                "due_on": f"CASE WHEN {WAITS} THEN date({at('1440 * (i % 60 - 40)')}) ELSE date('9999-12-31') END",
                "remind_at": f"CASE WHEN i % 20 = 8 THEN {at('1440')} END",
            },
            where=THREADS,
        ),
        Rows(
            table="messages",
            columns={
                "id": message,
                "thread_id": ID,
                "number": "j",
                "author_kind": "CASE j WHEN 1 THEN 'customer' ELSE 'staff' END",
                "author_id": f"CASE j WHEN 1 THEN {PERSON} ELSE {STAFF} END",
                "author_name": "CASE j WHEN 2 THEN 'Zoe' END",
                "sealed": sealed(480),
                "key": "'grown-' || i || '-' || j",
                "sent_at": at(AGO),
                "visible_at": at(AGO),
            },
            where=THREADS,
            times=2,
        ),
        Rows(
            table="readings",
            columns={
                "message_id": message,
                "reader": f"CASE j WHEN 1 THEN {staff} ELSE {person} END",
                "first_read_at": at(AGO),
                "downloads": "0",
            },
            where=f"{THREADS} AND (j = 1 OR i % 20 <> 8)",
            times=2,
        ),
        _message_drafts(dialect, ID, person, AGO, WAITS),
        _message_drafts(dialect, "NULL", person, AGO, "i % 20 = 8"),
        Rows(
            table="thread_notes",
            columns={
                "thread_id": ID,
                "author_id": STAFF,
                "author_name": "'Zoe'",
                "key": "'grown-' || i",
                "sealed": sealed(160),
                "written_at": at(AGO),
            },
            where=WAITS,
        ),
        Rows(table="thread_keys", columns={"key": key, "thread_id": ID}, where=THREADS, times=3),
        Rows(table="thread_guests", columns={"guest_id": GUEST, "thread_id": ID}, where=OF_GUEST),
        Rows(table="thread_links", columns={"token_hash": key, "thread_id": ID, "issued_at": at(AGO)}, where=OF_GUEST),
        _thread_codes(dialect, "5", "i % 100 = 0"),
    )


def _thread(dialect: Dialect) -> dict[str, str]:
    return {
        "id": ID,
        "reference": "'GN-' || i",
        "topic": "'Housing'",
        "subject": dialect.sealed(64),
        "language": "'en'",
        "waits_for": "''",
        "is_confidential": "false",
        "begun_at": dialect.at(f"-60 {AGO}"),
        "due_on": "date('9999-12-31')",
        "last_number": "2",
    }


def _message_drafts(dialect: Dialect, thread: str, holder: str, minutes: str, where: str) -> Rows:
    saved = {"revision": "1", "page_id": "''", "sequence": "1", "sealed": dialect.sealed(160)}
    times = {"begun_at": dialect.at(minutes), "changed_at": dialect.at(minutes)}
    return Rows(table="message_drafts", columns={"thread_id": thread, "holder": holder} | saved | times, where=where)


def _thread_codes(dialect: Dialect, minutes: str, where: str) -> Rows:
    times = {"mailed_at": dialect.at("-60"), "expires_at": dialect.at(minutes)}
    columns = {"token_hash": dialect.key, "thread_id": ID, "code_hash": dialect.key}
    return Rows(table="thread_codes", columns=columns | times, where=where)


def _sessions(dialect: Dialect, started: str, expires: str, where: str, *, ended_at: str = "NULL") -> Rows:
    columns = {
        "kind": "'customer'",
        "token_hash": dialect.key,
        "csrf_secret": GUEST,
        "person_id": f"CASE WHEN i % 10 = 2 AND i < {FIRST_DUE} THEN {PERSON} END",
        "guest_id": f"CASE WHEN i % 10 <> 2 THEN {GUEST} END",
        "idle_timeout_s": "1800",
        "started_at": started,
        "expires_at": expires,
    }
    if ended_at != "NULL":
        columns |= {"ended_at": ended_at, "end_reason": "'signed_out'"}
    return Rows(table="sessions", columns=columns, where=where)


def _parked(dialect: Dialect, expires: str, where: str) -> Rows:
    columns = {"work": "'/drafts/GN-' || i", "page": "'/drafts/GN-' || i || '/s1'", "tab": "'tab'", "guest_id": GUEST}
    sealed = {"sealed": dialect.sealed(320), "parked_at": dialect.at("-60"), "expires_at": expires}
    return Rows(table="parked_values", columns=columns | sealed, where=where)


def _mail(dialect: Dialect, outcome: Mapping[str, str], where: str) -> Rows:
    columns = {"public_id": "'grown-' || i", "kind": "'mail'", "message": "'resume_link'", "attempts": "1"}
    times = {"created_at": dialect.at(AGO), "due_at": dialect.at(AGO)}
    return Rows(table="outbox", columns=columns | times | dict(outcome), where=where)


def _tokens(dialect: Dialect, minutes: str, where: str) -> Rows:
    columns = {"purpose": "'set_password'", "token_hash": dialect.key, "email": "'grown@mail.example'"}
    return Rows(
        table="mailed_tokens", columns=columns | {"person_id": ID, "expires_at": dialect.at(minutes)}, where=where
    )


def _devices(dialect: Dialect, minutes: str, where: str) -> Rows:
    seen = {"first_seen_at": dialect.at(f"-60 + {minutes}"), "last_seen_at": dialect.at(minutes)}
    return Rows(table="known_devices", columns={"person_id": ID, "token_hash": dialect.key} | seen, where=where)
