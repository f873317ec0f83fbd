"""A form of sixty sections with twenty questions each, beside one of three: what may grow, and what must not."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import yaml
from flask import Flask

from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.bench.requests import data_folder, prepared_app
from tests.citizen import Citizen, Values

SHORT, LONG = 3, 60
TYPES = ("text", "name", "number", "money", "date", "yes_no", "choice", "choices", "long_text", "email") * 2
TYPED: dict[str, Values] = {
    "text": "Some words",
    "name": "Zoë Łukasz",
    "number": "12",
    "money": "650.00",
    "yes_no": "yes",
    "choice": "b",
    "choices": ["a", "c"],
    "long_text": "Some words\nin two lines",
    "email": "zoe@mail.example",
}
DATE = {"day": "3", "month": "4", "year": "1990"}
ROUNDS, TIMES, WARM = 5, 10, 3


@dataclass(frozen=True, kw_only=True)
class Filled:
    """One form with every question answered: the address of its draft, and the processor time to fill it, in ms."""

    citizen: Citizen
    draft: str
    answers: int
    read_and_published_ms: float
    first_page_ms: float

    def cost_ms(self, page: str) -> float:
        """Return the processor time to open a page of the draft, in ms: the best of some rounds."""
        address = f"{self.draft}/{page}"
        for _ in range(WARM):
            assert self.citizen.client.get(address).status_code == 200
        return min(_ms(lambda: self._open(address)) for _ in range(ROUNDS)) / TIMES

    def _open(self, address: str) -> None:
        for _ in range(TIMES):
            self.citizen.client.get(address)


def _ms(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return (time.process_time() - before) * 1000


def _section(number: int) -> dict[str, Any]:
    """Return twenty questions; one of them, and the section itself, depend on earlier sections."""
    fields = [_field(f"f{at}", kind) for at, kind in enumerate(TYPES)]
    found: dict[str, Any] = {"id": f"s{number}", "title": f"Section {number}", "fields": fields}
    if number:
        fields[3]["when"] = {"field": f"s{number - 1}.f5", "is": "true"}
        found["when"] = {"field": "s0.f5", "is": "true"}
    return found


def _field(field_id: str, kind: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"id": field_id, "type": kind, "label": f"Question {field_id}", "required": "true"}
    options = [{"value": value, "label": f"Option {value}"} for value in "abcd"]
    return asked | ({"options": options} if kind in ("choice", "choices") else {})


def _text(name: str, sections: int) -> str:
    made = [_section(number) for number in range(sections)]
    return yaml.safe_dump({"format": "1", "form": {"id": name, "title": name}, "sections": made})


def filled(app: Flask, name: str, sections: int) -> Filled:
    """Publish a form of `sections` sections, open it for the first time, and fill all of it through its pages."""
    text, citizen = _text(name, sections), Citizen(app)
    published_ms = _ms(lambda: _publish(app, text))
    citizen.open(f"/forms/{name}")
    draft = citizen.press("Start now").path
    first_page_ms = _ms(lambda: citizen.open(f"{draft}/s0"))
    values = {f"f{at}": TYPED[kind] for at, kind in enumerate(TYPES) if kind in TYPED}
    dates = [f"f{at}" for at, kind in enumerate(TYPES) if kind == "date"]
    values |= {f"{field_id}-{part}": value for field_id in dates for part, value in DATE.items()}
    while not citizen.page.path.endswith("/check"):
        assert citizen.page.status == 200, citizen.page.words
        citizen.press("Continue", **values)
    return Filled(
        citizen=citizen,
        draft=draft,
        answers=sections * len(TYPES),
        read_and_published_ms=published_ms,
        first_page_ms=first_page_ms,
    )


def _publish(app: Flask, text: str) -> None:
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(text), now=parts.clock.now())


def measure(data_dir: str) -> None:
    """Measure and print it, on a database of its own."""
    app = prepared_app({"DATA_DIR": data_dir})
    click.echo("\nA form of 60 sections with 20 questions each:")
    for name, value, most, unit in aims(app):
        click.echo(f"{name:<28}{value:>8.2f} {unit:<8}aim {most:g}: {'met' if value <= most else 'NOT met'}")
    app.extensions["portal"].database.close()


def aims(app: Flask) -> Iterator[tuple[str, float, float, str]]:
    """Return the aims for a long form: the name, the value measured, the most it may be, and the unit."""
    short, long = filled(app, "short", SHORT), filled(app, "long", LONG)
    yield "publish 1 200 questions", long.read_and_published_ms, 1000, "ms CPU"
    yield "first page of that form", long.first_page_ms, 300, "ms CPU"
    yield "section, long : short form", long.cost_ms("s1") / short.cost_ms("s1"), 1.3, "times"
    yield "check page, 100 answers", long.cost_ms("check") / long.answers * 100, 10, "ms CPU"
    sent_ms = _ms(lambda: long.citizen.press("Send"))
    assert long.citizen.page.path.startswith("/submissions/")
    yield "send 1 200 answers", sent_ms, 1000, "ms CPU"
    yield "receipt of 1 200 answers", _ms(lambda: _receipt(long.citizen)), 1000, "ms CPU"


def _receipt(citizen: Citizen) -> None:
    answer = citizen.client.get(f"{citizen.page.path}/receipt.pdf")
    assert answer.data.startswith(b"%PDF")


def main() -> None:
    """Measure in a folder of its own."""
    with data_folder("long") as data_dir:
        measure(data_dir)


if __name__ == "__main__":
    main()
