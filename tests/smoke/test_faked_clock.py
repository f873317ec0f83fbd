"""The whole server on a faked system clock, the monotonic one included, as acceptance tests run it."""

import os
from pathlib import Path

import pytest

from tests.smoke.conftest import Start, eventually

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
)


@pytest.fixture
def library() -> str:
    found = next((path for path in LIBRARIES if Path(path).exists()), None)
    if found is None:
        pytest.skip("libfaketime is not installed: apt-get install faketime")
    return found


def test_the_server_follows_a_faked_clock(start: Start, library: str, tmp_path: Path) -> None:
    told = tmp_path / "clock"
    set_clock(told, "@2031-05-01 12:00:00")
    portal = start(
        LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=str(told), FAKETIME_NO_CACHE="1", TZ="UTC", FAKETIME_DISABLE_SHM="1"
    )
    assert portal.status("/contact") in (200, 404)
    assert eventually(lambda: '"timestamp": "2031-05-01T12:' in portal.printed())
    set_clock(told, "@2031-05-03 12:00:00")
    assert portal.status("/contact") in (200, 404)
    assert eventually(lambda: '"timestamp": "2031-05-03T12:' in portal.printed())
    assert portal.answers()


def set_clock(file: Path, instant: str) -> None:
    aside = file.with_suffix(".new")
    aside.write_text(f"{instant}\n")
    os.replace(aside, file)
