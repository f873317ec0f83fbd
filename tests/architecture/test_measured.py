"""What `make bench` asks for is answered as it expects; its times decide no test."""

from pathlib import Path

from tests.bench.bare import bare_app
from tests.bench.load import Asked
from tests.bench.requests import AUTOSAVE, CONTINUE, POLL, Direct, guest_asks, prepared_app, statements


def test_every_measured_request_is_answered_and_every_save_stores_something_new(tmp_path: Path) -> None:
    app = prepared_app({"DATA_DIR": str(tmp_path)})
    asked = {name: Direct(app, each) for name, each in guest_asks(app).items()}
    made = {name: statements(app, request) for name, request in asked.items()}
    app.extensions["portal"].database.close()
    assert made[POLL] == 1
    assert min(made[CONTINUE], made[AUTOSAVE]) >= 4, "a save that changes nothing writes less"


def test_the_bare_view_reads_its_row(tmp_path: Path) -> None:
    assert Direct(bare_app(str(tmp_path)), Asked(path="/")).send()[1] == b"Person 4710"
