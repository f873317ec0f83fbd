"""The receipt: every answer as it was sent, on paper, for its sender and for staff, and for nobody else."""

import re
import sys
from datetime import UTC, datetime
from io import BytesIO
from types import FrameType

import pytest
from flask import Flask
from pypdf import PdfReader
from pypdf.generic import BooleanObject, Destination, DictionaryObject, TextStringObject
from werkzeug.test import TestResponse

from portal.form_definitions.format.reading import read_yaml
from portal.submissions import receipt as receipts
from portal.submissions.answers import AnsweredSection, AnswerRow, Block
from portal.submissions.downloads import RECEIPTS
from portal.submissions.receipt_pdf import drawn
from tests.citizen import Citizen
from tests.conftest import MovableClock, Prepared
from tests.integration.web.test_logs import written
from tests.loan import FORM, add, fill, publish_loan, publish_yaml, start
from tests.people import add_person, sign_in

pytestmark = pytest.mark.one_database
NAMES = {
    "Latin": "Zoë Łukasz Őrsi-Šimůnek",
    "Welsh": "Siân Ŵyn Ŷnys",
    "Cyrillic and Greek": "Жук Αθήνα",
    "Vietnamese": "Nguyễn Thị Ánh",
    "Hebrew": "Cohen שלום",
    "Arabic": "Khan مرحبا",
    "Urdu": "Khan ٹپہ",
    "Chinese": "王小明 陳大文",
    "Japanese": "さくら 山田",
    "Korean": "김민준",
    "Hindi": "अर्जुन शर्मा",
    "Gujarati": "કિરણ પટેલ",
    "Punjabi": "ਸਿੰਘ ਕੌਰ",
    "Tamil": "கோவிந்தன்",
    "Thai": "สมชาย",
    "Amharic": "ሰላም",
    "emoji": "Ada 😀 👧",
}
NOT_PRINTED = {
    "hieroglyphs": "Ada 𓀀",
    "an empty place of Unicode": "Ada \u0378",
    "private letters": "Ada \uf022",
    "nonsense": "{nb} \u200b\u202e",
}


COSTS = {
    "Latin": ("wörter ohne Ende ", 10),
    "Arabic": ("مرحبا بالعالم كيف الحال ", 25),
    "Arabic with numbers": ("مرحبا 123 كيف abc ", 35),
    "Hindi": ("अर्जुन शर्मा हिन्दी ", 20),
    "Chinese": ("王小明陳大文", 25),
    "emoji": ("😀 👧 ", 40),
    "short lines": ("a\n", 70),
    "short lines in Russian": ("ж\n", 90),
}
"""Words, and the most functions that one more of their letters may call: a multiple of them is half a second."""


@pytest.fixture
def sent(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    def walk() -> str:
        publish_loan(app)
        return send(citizen)

    return prepared(walk, citizen)


def send(citizen: Citizen, **you: str) -> str:
    """Fill and send the loan; return the address of the confirmation."""
    draft = start(citizen)
    fill(citizen, draft, **you)
    return citizen.press("Send", declaration="yes").path


def receipt(citizen: Citizen, address: str) -> tuple[TestResponse, PdfReader]:
    answer = citizen.client.get(f"{address}/receipt.pdf")
    assert answer.status_code == 200, answer.text
    return answer, PdfReader(BytesIO(answer.data))


def words(reader: PdfReader) -> str:
    """Return the text; a mark that is drawn as a part of its letter has no letter of its own."""
    text = " ".join(page.extract_text() for page in reader.pages)
    return " ".join(re.sub(r"[\x00-\x08\x0b-\x1f]", "", text).split())


def test_receipt_has_every_answer_with_reference_version_and_time(citizen: Citizen, sent: str) -> None:
    answer, reader = receipt(citizen, sent)
    text = words(reader)
    for expected in (
        "We have received your form",
        "Borrow a tool",
        sent.rpartition("/")[2],
        "21 November 2026 at 14:02",
        "Name Wilhelmina Quartermaine",
        "Born 3 April 1990",
        "News No",
        "Drill What Drill Power No",
        "Remark Thanks",
        "Page 1 of 1",
    ):
        assert expected in text
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/pdf", "no-store")
    assert answer.headers["Content-Disposition"] == f'inline; filename="{sent.rpartition("/")[2]}.pdf"'


def test_receipt_declares_its_title_and_language(citizen: Citizen, sent: str) -> None:
    _answer, reader = receipt(citizen, sent)
    viewer = reader.root_object["/ViewerPreferences"]
    assert reader.metadata
    assert reader.metadata.title == f"We have received your form: {sent.rpartition('/')[2]}"
    assert reader.metadata.creation_date == datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
    assert reader.root_object["/Lang"] == TextStringObject("en")
    assert isinstance(viewer, DictionaryObject)
    assert viewer["/DisplayDocTitle"] == BooleanObject(True)
    assert [isinstance(each, Destination) and each.title for each in reader.outline] == [
        "About you",
        "Tools",
        "Remarks",
    ]


def test_time_is_in_the_time_zone_of_the_site(app: Flask, citizen: Citizen, clock: MovableClock, sent: str) -> None:
    app.test_cli_runner().invoke(args=["settings", "set", "time_zone", "Asia/Tokyo"])
    assert "21 November 2026 at 23:02" in words(receipt(citizen, sent)[1])


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_are_printed_as_their_owners_write_them(app: Flask, citizen: Citizen, name: str) -> None:
    publish_loan(app)
    text = words(receipt(citizen, send(citizen, name=name))[1])
    assert [word for word in name.split() if word not in text] == []
    assert "cannot print" not in text


@pytest.mark.parametrize("name", ["שלום עולם", "محمد سلام"], ids=["Hebrew", "Arabic"])
def test_a_name_written_from_the_right_begins_there(app: Flask, citizen: Citizen, name: str) -> None:
    publish_loan(app)
    places: list[tuple[str, float]] = []
    page = receipt(citizen, send(citizen, name=name))[1].pages[0]
    page.extract_text(visitor_text=lambda text, _outer, at, *_font: places.append((text, at[4])))
    middle = float(page.mediabox.width) * 0.75
    of_name = [(letter, at) for text, at in places for letter in text if letter in name.replace(" ", "")]
    assert {letter for letter, _ in of_name} == set(name) - {" "}
    assert min(at for _, at in of_name) > middle


def test_a_name_typed_in_pieces_is_printed_whole(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    assert "Ŵyn" in words(receipt(citizen, send(citizen, name="W\u0302yn"))[1])


@pytest.mark.parametrize("name", NOT_PRINTED.values(), ids=NOT_PRINTED)
def test_receipt_is_printed_even_with_letters_that_no_font_has(app: Flask, citizen: Citizen, name: str) -> None:
    publish_loan(app)
    text = words(receipt(citizen, send(citizen, name=name))[1])
    assert [word for word in name.split() if word.isascii()] == [
        word for word in name.split() if word.isascii() and word in text
    ]
    assert ("We cannot print some of the characters" in text) is ("nb" not in name)


@pytest.mark.parametrize("name", [*NAMES.values(), *NOT_PRINTED.values()], ids=[*NAMES, *NOT_PRINTED])
def test_a_receipt_logs_its_request_and_nothing_of_the_answers(app: Flask, citizen: Citizen, name: str) -> None:
    publish_loan(app)
    address = send(citizen, name=name)
    with written() as lines:
        receipt(citizen, address)
    assert [(line["logger"], line["route"]) for line in lines] == [
        ("portal.access", "/submissions/<reference>/receipt.pdf")
    ]


def test_long_answers_continue_on_further_pages(app: Flask, citizen: Citizen) -> None:
    publish_yaml(app, FORM.format(access="anyone", allow_save="true").replace("max: 3", "max: 60"))
    draft = start(citizen)
    fill(citizen, draft)
    for number in range(40):
        add(citizen, draft, what=f"Saw {number}", power="no")
    citizen.press("Continue")
    story = "\n".join(f"line {number} " + "and so on " * 20 for number in range(90))
    citizen.open(f"{draft}/remarks")
    citizen.press("Continue", remark=story)
    _answer, reader = receipt(citizen, citizen.press("Send", declaration="yes").path)
    text, pages = words(reader), len(reader.pages)
    assert pages > 5
    assert f"Page {pages} of {pages}" in reader.pages[-1].extract_text()
    assert all(f"What Saw {number}" in text for number in range(40))
    assert all(f"line {number} and" in text for number in range(90))


def test_the_receipt_keeps_the_words_of_its_own_version(app: Flask, citizen: Citizen, sent: str) -> None:
    later = FORM.format(access="anyone", allow_save="true").replace("label: Name,", "label: Surname,")
    assert read_yaml(later).sections[0].fields[0].label.in_("en") == "Surname"
    publish_yaml(app, later)
    assert "Name Wilhelmina" in words(receipt(citizen, sent)[1])


def test_the_receipt_is_linked_from_the_confirmation_and_from_my_requests(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    publish_loan(app)
    sign_in(citizen)
    sent = send(citizen)
    assert citizen.page.links["Receipt (PDF)"] == f"{sent}/receipt.pdf"
    assert citizen.open("/account").links["Receipt (PDF)"] == f"{sent}/receipt.pdf"


def test_nobody_else_can_open_the_receipt(app: Flask, citizen: Citizen, sent: str) -> None:
    stranger, neighbour = Citizen(app), Citizen(app)
    assert stranger.client.get(f"{sent}/receipt.pdf").status_code == 302
    add_person(app)
    sign_in(neighbour)
    assert neighbour.client.get(f"{sent}/receipt.pdf").status_code == 404
    assert citizen.client.get("/submissions/TL-2222-3333/receipt.pdf").status_code == 404


def test_staff_get_the_same_receipt_from_the_case(app: Flask, citizen: Citizen, sent: str) -> None:
    reference = sent.rpartition("/")[2]
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    address = staff.open(f"/hub/cases/{reference}").links["Receipt (PDF)"]
    assert words(receipt(staff, address.removesuffix("/receipt.pdf"))[1]) == words(receipt(citizen, sent)[1])
    assert citizen.client.get(address).status_code in (302, 404)


def test_receipts_can_be_drawn_a_few_times_and_then_after_a_wait(citizen: Citizen, sent: str) -> None:
    answers = [citizen.client.get(f"{sent}/receipt.pdf") for _ in range(RECEIPTS.burst + 1)]
    assert [answer.status_code for answer in answers] == [200] * RECEIPTS.burst + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def receipt_with(*lines: str) -> receipts.Receipt:
    rows = [AnswerRow(key="Question", value_lines=[line], actions=[]) for line in lines]
    section = AnsweredSection(id="a", title="Answers", blocks=[Block(name=None, rows=rows)])
    at = datetime(2026, 11, 21, tzinfo=UTC)
    words = {name: name for name in ("site_name", "support_contact", "title", "reference", "received")}
    return receipts.Receipt(language="en", received_at=at, sections=(section,), **words)


@pytest.mark.parametrize("sign", ["😀", "…", "😀."], ids=["emoji", "dots", "both"])
def test_answers_that_are_a_long_run_of_signs_are_printed(app: Flask, sign: str) -> None:
    with app.test_request_context():
        pages = PdfReader(BytesIO(drawn(receipt_with("👧" + sign * 1500, "مرحبا" + sign * 1500)))).pages
    assert sum(page.extract_text().count(sign[0]) for page in pages) == 3000


def calls_of(text: str) -> int:
    """Return how many functions drawing a text calls."""
    calls = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    drawn(receipt_with(text))
    sys.setprofile(note)
    try:
        drawn(receipt_with(text))
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(("words", "most"), COSTS.values(), ids=COSTS)
def test_each_letter_of_a_receipt_takes_few_steps(app: Flask, words: str, most: int) -> None:
    short, long = (words * (number // len(words)) for number in (600, 1200))
    with app.test_request_context():
        assert calls_of(long) - calls_of(short) < most * (len(long) - len(short))


def test_a_long_receipt_uses_up_more_tries(citizen: Citizen, sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [receipt_with(line * 1000).tries for line in ("a" * 30, "é" * 450, "مرحبا" * 24, "\n" * 36)] == [1, 3, 7, 3]
    monkeypatch.setattr(receipts, "LETTERS", 1)
    assert [citizen.client.get(f"{sent}/receipt.pdf").status_code for _ in range(2)] == [200, 429]
