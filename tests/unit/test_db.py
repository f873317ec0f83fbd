"""SQLite's log starts anew although somebody always reads, its files are private, and no writer waits for itself."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from sqlalchemy import text

from portal.db import LOG_BYTES, LOG_STEP_BYTES, Database

MEGABYTE, READERS, A_READ_S = 2**20, 6, 0.06
WRITTEN, MOST_IN_A_ROW = 80, 40
A_WHILE = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT count(*) FROM n"
"""Some milliseconds, so that the others wait meanwhile."""
WRITES = f"""
import sys
from sqlalchemy import text
from portal.db import Database
database = Database(sys.argv[1])
for _ in range({WRITTEN}):
    with database.writing() as db:
        db.execute(text("INSERT INTO written (by) VALUES (:by)"), {{"by": sys.argv[2]}})
        db.execute(text('{A_WHILE}')).all()
"""
WAITS = """
import sys
from sqlalchemy import text
from portal.db import Database
with Database(sys.argv[1]).writing() as db:
    db.execute(text("DELETE FROM large"))
    print("writing", flush=True)
    sys.stdin.read()
"""
"""Programs that another process runs."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Yield a database with one large row."""
    database = Database(f"sqlite:///{tmp_path / 'portal.sqlite3'}")
    with database.writing() as db:
        db.execute(text("CREATE TABLE large (content BLOB)"))
        db.execute(text("INSERT INTO large VALUES (zeroblob(:size))"), {"size": MEGABYTE})
    yield database
    database.close()


def log_bytes(database: Database) -> int:
    return Path(f"{database.engine.url.database}-wal").stat().st_size


def write(database: Database, megabytes: int) -> int:
    """Write that much, a megabyte at a time; return how long the log was at most."""
    longest = 0
    for _ in range(megabytes):
        with database.writing() as db:
            db.execute(text("UPDATE large SET content = randomblob(:size)"), {"size": MEGABYTE})
        longest = max(longest, log_bytes(database))
    return longest


def read_on(database: Database, stop: threading.Event) -> None:
    """Read again and again, each time for long enough that others begin and write meanwhile."""
    while not stop.is_set():
        with database.reading() as db:
            db.execute(text("SELECT length(content) FROM large")).all()
            stop.wait(A_READ_S)


def test_log_stays_short_while_there_is_always_a_reader(database: Database) -> None:
    stop = threading.Event()
    readers = [threading.Thread(target=read_on, args=(database, stop)) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    longest = write(database, 50)
    stop.set()
    for reader in readers:
        reader.join()
    assert longest <= LOG_BYTES + 2 * LOG_STEP_BYTES


def test_reader_who_stays_keeps_nobody_out_and_the_log_is_emptied_later(database: Database) -> None:
    with database.reading() as first:
        first.execute(text("SELECT 1 FROM large")).all()
        writer = threading.Thread(target=write, args=(database, 17))
        writer.start()
        while writer.is_alive():
            with database.reading() as second:  # as limits do, within a request that reads already
                second.execute(text("SELECT 1 FROM large")).all()
        assert log_bytes(database) > LOG_BYTES
    write(database, 5)
    assert log_bytes(database) < LOG_STEP_BYTES * 2


def test_files_of_a_database_are_for_their_owner_alone(database: Database, tmp_path: Path) -> None:
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    Database(str(database.engine.url)).close()
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == dict.fromkeys(
        [f"portal.sqlite3{suffix}" for suffix in ("", "-wal", "-shm", "-next", "-turn")], "0o600"
    )


def test_thread_that_writes_is_told_so_and_never_waits_for_itself(database: Database) -> None:
    with database.writing(), pytest.raises(RuntimeError, match="writing already"), database.writing():
        pass
    assert write(database, 1)


def test_processes_that_write_to_one_file_take_turns(database: Database) -> None:
    with database.writing() as db:
        db.execute(text("CREATE TABLE written (number INTEGER PRIMARY KEY, by TEXT)"))
    others = [subprocess.Popen([sys.executable, "-c", WRITES, str(database.engine.url), name]) for name in "abc"]
    assert [other.wait() for other in others] == [0, 0, 0]
    with database.reading() as db:
        writers = "".join(db.execute(text("SELECT by FROM written ORDER BY number")).scalars())
    assert len(writers) == 3 * WRITTEN
    all_write = writers[max(map(writers.index, "abc")) : min(map(writers.rindex, "abc"))]
    assert max((len(list(run)) for _name, run in groupby(all_write)), default=WRITTEN) <= MOST_IN_A_ROW


def test_turn_of_a_process_that_dies_passes_on(database: Database) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, str(database.engine.url)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"writing\n"
        waiting = threading.Thread(target=write, args=(database, 1))
        waiting.start()
        assert waiting.is_alive()
        other.kill()
        waiting.join()
    with database.reading() as db:
        assert db.execute(text("SELECT count(*) FROM large")).scalar() == 1
