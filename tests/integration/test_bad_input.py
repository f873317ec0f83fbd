"""Bad input of every sort: a plain answer below 500, and never a changed draft."""

import time
from collections.abc import Callable
from itertools import product
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.db import Database
from portal.drafts.models import DraftPart
from portal.web.strict_input import MAX_BODY
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock, Prepared
from tests.journeys import housing
from tests.people import add_person, sign_in

pytestmark = pytest.mark.usefixtures("demo_forms")
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=cut"
HTMX = {"HX-Request": "true"}
Stored = list[tuple[str, str, int, bytes]]


@pytest.fixture
def draft(citizen: Citizen, prepared: Prepared) -> str:
    """A form with its first section filled and one person listed."""

    def walk() -> str:
        draft = housing.begin(citizen)
        citizen.open(f"{draft}/household")
        citizen.press("Add a person")
        citizen.press("Continue", **housing.PERSON)
        return draft

    return prepared(walk, citizen)


@pytest.fixture
def stored(database: Database, draft: str) -> Callable[[], Stored]:
    def read() -> Stored:
        with database.reading() as db:
            rows = db.scalars(select(DraftPart).order_by(DraftPart.id)).all()
        return [(row.section_id, row.item_id, row.revision, row.sealed) for row in rows]

    return read


def _token(citizen: Citizen, draft: str) -> str:
    return citizen.open(f"{draft}/about_you").value("csrf_token") or ""


def _part(name: str, value: bytes, end: bytes = b"\r\n") -> bytes:
    return b'--cut\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + end


def _urlencoded(rest: bytes) -> Callable[[str], tuple[bytes, str]]:
    return lambda token: (b"csrf_token=" + token.encode() + b"&" + rest, URLENCODED)


def _multipart(rest: bytes) -> Callable[[str], tuple[bytes, str]]:
    return lambda token: (_part("csrf_token", token.encode()) + rest, MULTIPART)


BODIES: dict[str, tuple[Callable[[str], tuple[bytes, str]], int]] = {
    "a raw byte that is not UTF-8": (_urlencoded(b"full_name=\xff&_end=1"), 400),
    "an escaped byte that is not UTF-8": (_urlencoded(b"full_name=%ff&_end=1"), 400),
    "a lone surrogate": (_urlencoded(b"full_name=%ED%A0%80&_end=1"), 400),
    "an overlong slash": (_urlencoded(b"full_name=%c0%af&_end=1"), 400),
    "a name that is not UTF-8": (_urlencoded(b"full_name=&%ff=1&_end=1"), 400),
    "NUL in a name": (_urlencoded(b"full_name=&a%00=1&_end=1"), 400),
    "no end marker": (_urlencoded(b"full_name="), 400),
    "cut in the end marker": (_urlencoded(b"full_name=&_en"), 400),
    "cut in a value": (_urlencoded(b"full_name=Zo"), 400),
    "cut in an escape": (_urlencoded(b"full_name=Zo%C"), 400),
    "an answer twice": (_urlencoded(b"full_name=a&full_name=b&_end=1"), 400),
    "a button twice": (_urlencoded(b"full_name=&_action=back&_action=save&_end=1"), 400),
    "the end marker twice": (_urlencoded(b"full_name=&_end=1&_end=1"), 400),
    "multipart cut in a value": (_multipart(_part("full_name", b"Zo", b"")), 400),
    "multipart without its last boundary": (_multipart(_part("full_name", b"") + _part("_end", b"1")), 400),
    "multipart that is not UTF-8": (_multipart(_part("full_name", b"\xff") + _part("_end", b"1") + b"--cut--"), 400),
    "multipart without the end marker": (_multipart(_part("full_name", b"") + b"--cut--"), 400),
    "multipart with a lone surrogate": (
        _multipart(_part("full_name", b"\xed\xa0\xbd") + _part("_end", b"1") + b"--cut--"),
        400,
    ),
    "multipart in another encoding": (
        _multipart(_part("full_name", "Zoë".encode("latin-1")) + _part("_end", b"1") + b"--cut--"),
        400,
    ),
    "multipart with a part that has no name": (
        _multipart(_part("_end", b"1") + b"--cut\r\nContent-Disposition: form-data\r\n\r\nx\r\n--cut--"),
        400,
    ),
    "multipart without a boundary": (lambda token: (b"--cut--", "multipart/form-data"), 400),
    "multipart with a boundary of other letters": (lambda token: (b"--cut--", "multipart/form-data; boundary=ü"), 400),
    "a million letters and more": (_urlencoded(b"_end=1&full_name=" + b"a" * MAX_BODY), 413),
    "a multipart body too large": (_multipart(_part("full_name", b"a" * MAX_BODY) + b"--cut--"), 413),
    "too many fields": (_urlencoded(b"&".join(b"f%d=" % n for n in range(2001))), 413),
    "too many parts": (_multipart(b"".join(_part(f"f{n}", b"") for n in range(2001)) + b"--cut--"), 413),
    "JSON": (lambda token: (b'{"full_name": ""}', "application/json"), 400),
    "nothing": (lambda token: (b"", URLENCODED), 400),
}


@pytest.mark.one_database
@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES.keys())
def test_a_faulty_body_is_refused_and_changes_nothing(
    citizen: Citizen,
    draft: str,
    stored: Callable[[], Stored],
    body: Callable[[str], tuple[bytes, str]],
    status: int,
) -> None:
    token, before = _token(citizen, draft), stored()
    data, kind = body(token)
    (item,) = {item_id for _section, item_id, *_rest in before if item_id}
    for address in ("about_you", "household", f"household/{item}"):
        answer = citizen.client.post(f"{draft}/{address}", data=data, content_type=kind)
        assert answer.status_code == status, address
        assert "<h1" in answer.text, address
    for address in ("autosave/about_you", f"autosave/household/{item}"):
        headers = {"HX-Request": "true", "X-CSRF-Token": token}
        answer = citizen.client.post(f"{draft}/{address}", data=data, content_type=kind, headers=headers)
        assert answer.status_code == status, address
        assert "<" not in answer.text, address
    assert stored() == before


def test_a_body_that_ends_before_its_length_is_refused(
    citizen: Citizen, draft: str, stored: Callable[[], Stored]
) -> None:
    before = stored()
    data = urlencode({"csrf_token": _token(citizen, draft), "full_name": "", "_end": "1"}).encode()
    answer = citizen.client.post(
        f"{draft}/about_you",
        data=data,
        content_type=URLENCODED,
        environ_overrides={"CONTENT_LENGTH": str(len(data) + 9)},
    )
    assert answer.status_code == 400
    assert stored() == before


@pytest.mark.one_database
@pytest.mark.parametrize("length", ["-1", "abc", "1e3", ""], ids=repr)
def test_malformed_content_length_causes_no_server_error(citizen: Citizen, draft: str, length: str) -> None:
    answer = citizen.client.post(f"{draft}/about_you", data=b"", environ_overrides={"CONTENT_LENGTH": length})
    assert 400 <= answer.status_code < 500


def test_body_of_a_hundred_thousand_fields_is_refused_quickly(
    citizen: Citizen, draft: str, stored: Callable[[], Stored]
) -> None:
    before = stored()
    body = b"&".join(b"f%05d=" % number for number in range(100_000))
    assert len(body) < MAX_BODY
    started = time.process_time()
    answer = citizen.client.post(f"{draft}/about_you", data=body, content_type=URLENCODED)
    used = time.process_time() - started
    assert answer.status_code == 413
    assert used < 0.25
    assert stored() == before


def _page_with(citizen: Citizen, field: str) -> str:
    """Begin the form that asks this question; return the address of its page."""
    form, section = TEXT_FIELDS[field]
    citizen.open(f"/forms/{form}")
    return f"{citizen.press('Start now').path}/{section}"


TEXT_FIELDS = {
    "full_name": ("housing-support", "about_you"),
    "where": ("report-a-problem", "problem"),
    "details": ("report-a-problem", "problem"),
}
"""One line in a page without files; one line and several in a page with them, which is sent as multipart."""
TYPED = ["The lamp \ufffd is broken", "\ufffd", "half an emoji: \ufffd\ufffd\ufffd", "€ 𝕏 👩‍👩‍👧"]


@pytest.mark.parametrize("text", TYPED, ids=ascii)
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_any_character_may_be_typed(citizen: Citizen, field: str, text: str) -> None:
    """Browsers send U+FFFD for half an emoji, and people paste it from broken documents."""
    page = _page_with(citizen, field)
    citizen.open(page)
    assert citizen.press("Continue", **{field: text}).status == 422
    assert citizen.open(page).value(field) == text


@pytest.mark.parametrize("button", ["Continue", "Back", "Save and come back later"])
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_nul_is_dropped_from_an_answer_and_the_rest_is_saved(citizen: Citizen, field: str, button: str) -> None:
    """Chromium pastes NUL into inputs and sends it."""
    page = _page_with(citizen, field)
    if button.startswith("Save") and field != "full_name":  # a form that is not saved
        button = "Save and stay signed in"
    citizen.open(page)
    assert citizen.press(button, **{field: "\0Zo\0ë\0"}).status in (200, 422)
    assert citizen.open(page).value(field) == "Zoë"


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_nul_is_dropped_from_an_autosave(citizen: Citizen, field: str) -> None:
    page = _page_with(citizen, field)
    form, _button = citizen.open(page).form_with("Continue")
    data = {control.name: control.value for control in form.controls} | {field: "a\0b", "_changed": field, "_end": "1"}
    draft, section = page.rsplit("/", 1)
    answer = citizen.client.post(f"{draft}/autosave/{section}", data=data, headers=HTMX)
    assert answer.status_code == 200
    assert citizen.open(page).value(field) == "ab"


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_late_form_with_odd_characters_is_parked(app: Flask, citizen: Citizen, clock: MovableClock, field: str) -> None:
    add_person(app)
    sign_in(citizen)
    page = _page_with(citizen, field)
    citizen.open(page)
    clock.advance(minutes=31)
    assert citizen.press("Continue", **{field: "Zo\0fia \ufffd"}).status == 403
    sign_in(citizen, address="/account/sign-in?next=" + page)
    assert citizen.page.value(field) == "Zofia \ufffd"
    assert "We kept what you typed" in citizen.page


def test_nul_is_dropped_from_forms_of_staff_and_of_accounts(app: Flask, citizen: Citizen) -> None:
    add_person(app, "mina@mail.example", "administrator")
    assert sign_in(citizen, "mi\0na@mail.example").path.startswith("/admin/self")
    citizen.open("/hub")
    assert citizen.press("Show", find="a\0b").value("find") == "ab"
    citizen.open("/admin/self/site-settings/general")
    assert "Saved" in citizen.press("Save settings", session_lifetime_minutes="4\0" + "5", support_contact="A\0B")
    page = citizen.open("/admin/self/site-settings/general")
    assert [page.value(name) for name in ("session_lifetime_minutes", "support_contact")] == ["45", "AB"]


UNREADABLE = {"without a boundary": "multipart/form-data", "of nothing": MULTIPART}


def _addresses(app: Flask, draft: str) -> list[str]:
    """Every address of the portal; what it names exists where that is easy to arrange."""
    known = {"slug": "housing-support", "section_id": "about_you", "tab": "general"}
    known["reference"] = draft.rpartition("/")[2]
    urls = app.url_map.bind("localhost")
    return [
        urls.build(rule.endpoint, {name: known.get(name, 1 if "int" in rule.rule else "x") for name in rule.arguments})
        for rule in app.url_map.iter_rules()
    ]


@pytest.fixture
def everywhere(app: Flask, citizen: Citizen, draft: str) -> list[str]:
    """Let the browser hold a guest's session and an administrator's; return every address."""
    add_person(app, "mina@mail.example", "administrator")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    cookie = staff.client.get_cookie("session_hub")
    assert cookie
    citizen.client.set_cookie(cookie.key, cookie.value)
    return _addresses(app, draft)


@pytest.mark.one_database
@pytest.mark.parametrize("kind", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_safe_request_never_reads_a_form(
    citizen: Citizen, everywhere: list[str], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    for address in everywhere:
        plain = citizen.client.get(address)
        claimed = citizen.client.get(address, environ_overrides={"CONTENT_TYPE": kind})
        assert claimed.status_code == plain.status_code < 500, address
        assert claimed.headers["Content-Security-Policy"], address
    for method, address in product(("HEAD", "OPTIONS", "PUT", "DELETE"), everywhere[::3]):
        answer = citizen.client.open(address, method=method, environ_overrides={"CONTENT_TYPE": kind})
        assert answer.status_code < 500, (method, address)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.one_database
@pytest.mark.parametrize("kind", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_a_parser_cannot_read_is_a_plain_400_everywhere(
    citizen: Citizen, everywhere: list[str], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    for address in [*everywhere, "/no/such/page"]:
        answer = citizen.client.post(address, data=b"--cut\r\n", content_type=kind)
        assert answer.status_code == 400, address
        assert answer.headers["Content-Security-Policy"], address
        assert "We could not read that" in answer.text, address
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.one_database
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "GET\x00"], ids=repr)
def test_unknown_method_is_refused_as_such(citizen: Citizen, draft: str, method: str) -> None:
    for address in ("/", draft, f"{draft}/about_you", "/account/sign-in", "/session/extend", "/no/such/page"):
        status = citizen.client.open(address, method=method).status_code
        assert status == (404 if address == "/no/such/page" else 405), address


def test_address_answers_only_its_own_method(citizen: Citizen, draft: str) -> None:
    for address in ("/session/extend", "/account/sign-out", f"{draft}/autosave/about_you"):
        assert citizen.client.get(address).status_code == (404 if "autosave" in address else 405)
    for address in ("/", "/session/poll", "/account"):
        assert citizen.client.post(address).status_code == 405


WEIRD = {
    "NUL": "%00",
    "NUL behind": "HS-2222-3333%00",
    "line break": "a%0d%0aSet-Cookie:%20a=b",
    "not UTF-8": "%ff%fe",
    "surrogate": "%ED%A0%80",
    "letters that grow": "ßŉǰ",
    "right to left": "\u202eabc",
    "emoji": "💣",
    "very long": "a" * 10_000,
    "quotes": "'\";--",
    "pattern": "%25_%25",
    "dots": "..%2f..%2fetc%2fpasswd",
    "script": "<script>alert(1)</script>",
    "template": "{{7*7}}${7*7}",
    "space": "%20",
}


def _weird_addresses(draft: str, odd: str) -> list[str]:
    return [
        f"/{odd}",
        f"/forms/{odd}",
        f"/drafts/{odd}",
        f"/drafts/{odd}/about_you",
        f"{draft}/{odd}",
        f"{draft}/household/{odd}",
        f"{draft}/about_you/{odd}",
        f"/submissions/{odd}",
        f"/resume/{odd}",
        f"/account/confirm/{odd}",
        f"/account/password/{odd}",
    ]


@pytest.mark.parametrize("odd", WEIRD.values(), ids=WEIRD.keys())
def test_a_weird_address_is_not_found(citizen: Citizen, draft: str, stored: Callable[[], Stored], odd: str) -> None:
    before = stored()
    for address in _weird_addresses(draft, odd):
        answer = citizen.client.get(address)
        assert answer.status_code == 404, address
        assert "<script>alert" not in answer.text, address
        assert "Set-Cookie" not in answer.headers, address
    token = _token(citizen, draft)
    for address in _weird_addresses(draft, odd)[3:7]:
        answer = citizen.client.post(address, data={"csrf_token": token, "full_name": "", "_end": "1"})
        assert answer.status_code == 404, address
    assert stored() == before


QUERIES = ["kind={}", "next={}", "before={}", "from={}", "sent={}", "reason={}", "saved={}", "tab={}", "{}={}"]


@pytest.mark.parametrize(
    "odd",
    ["%00", "%ff%fe", "%0d%0aA:%20b", "<script>alert(1)</script>", "'\";--", "1" + "0" * 30, "-1", "9" * 5000, "١٢"],
)
def test_weird_query_causes_no_server_error(citizen: Citizen, draft: str, odd: str) -> None:
    for query in QUERIES:
        for address in ("/session/ended", "/session/poll", "/account/sign-in", f"{draft}/home", f"{draft}/save"):
            asked = f"{address}?{query.replace('{}', odd)}"
            answer = citizen.client.get(asked)
            assert answer.status_code in (200, 302, 404), asked
            assert "<script>alert" not in answer.text, asked


PAGES = ["1" + "0" * 30, "9" * 19, "9223372036854775808", "-1", "0", "", "x", "1.5", "%00", "1;drop", "9" * 5000, "١"]


def test_any_page_number_in_the_hub_causes_no_error(app: Flask) -> None:
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    for before in PAGES:
        assert staff.client.get(f"/hub?before={before}").status_code == 200, before


BAD_DATES = {
    "no such day": ("31", "2", "2000"),
    "no such month": ("1", "13", "2000"),
    "zeros": ("0", "0", "0"),
    "negative": ("-1", "-1", "-1"),
    "year zero": ("1", "1", "0000"),
    "year 10000": ("1", "1", "10000"),
    "enormous": ("9" * 400, "9" * 400, "9" * 400),
    "future": ("1", "1", "9999"),
    "far past": ("1", "1", "0001"),
    "letters": ("a", "b", "c"),
    "other digits": ("١", "٢", "١٩٩٩"),
    "fullwidth": ("１", "２", "１９９９"),
    "superscript": ("²", "²", "²²²²"),
    "fraction": ("1.5", "1", "2000"),
    "exponent": ("1e1", "1", "2000"),
    "part missing": ("1", "", "2000"),
    "markup": ("<b>", "&amp;", '"'),
}


@pytest.mark.one_database
@pytest.mark.parametrize("date", BAD_DATES.values(), ids=BAD_DATES.keys())
def test_bad_date_is_refused_and_kept_as_typed(
    citizen: Citizen, draft: str, stored: Callable[[], Stored], date: tuple[str, str, str]
) -> None:
    others = [row for row in stored() if row[0] != "about_you"]
    citizen.open(f"{draft}/about_you")
    day, month, year = date
    page = Page("", citizen.send("Continue", born__day=day, born__month=month, born__year=year))
    assert page.status == 422
    assert "There is a problem" in page
    reread = citizen.open(f"{draft}/about_you")
    assert [reread.value(f"born-{part}") for part in ("day", "month", "year")] == [day, month, year]
    assert reread.value("full_name") == "Zoë Łukasz"
    assert [row for row in stored() if row[0] != "about_you"] == others


@pytest.mark.one_database
@pytest.mark.parametrize(
    "amount", ["1e400", "NaN", "Infinity", "9" * 400, "-0", "1,2,3", "0x10", "١", "1.234", "--1", "1" + "0" * 16]
)
def test_bad_amount_causes_no_server_error(citizen: Citizen, draft: str, amount: str) -> None:
    citizen.open(f"{draft}/home")
    citizen.press("Continue", **housing.HOME)
    answer = citizen.send("Continue", **(housing.RENT | {"amount": amount}))
    assert answer.status_code == 422
    assert citizen.open(f"{draft}/rent").value("amount") == amount


@pytest.mark.parametrize(
    ("field", "value"),
    [("tenure", "castle"), ("tenure", "' OR 1=1"), ("tenure", "a" * 100_000), ("address__line_1", "a" * 100_000)],
    ids=["unknown option", "quotes", "long option", "long line"],
)
def test_value_that_the_page_cannot_send_is_refused_as_a_mistake(
    citizen: Citizen, draft: str, field: str, value: str
) -> None:
    citizen.open(f"{draft}/home")
    assert citizen.send("Continue", **(housing.HOME | {field: value})).status_code == 422


def test_fields_that_the_page_does_not_have_are_ignored(
    citizen: Citizen, draft: str, stored: Callable[[], Stored]
) -> None:
    before = stored()
    form, _button = citizen.open(f"{draft}/about_you").form_with("Continue")
    values = {control.name: control.value for control in form.controls}
    extra = {
        "person_id": "1",
        "sent_at": "2026-01-01",
        "revision": "99",
        "_revision": "-1",
        "about_you.phone": "1",
        "_changed": "*",
    }
    answer = citizen.client.post(f"{draft}/about_you", data=values | extra | {"_end": "1"})
    assert answer.status_code == 303
    assert [row[:3] for row in stored()] == [row[:3] for row in before]


def test_autosave_of_unknown_fields_keeps_all_answers(
    citizen: Citizen, draft: str, stored: Callable[[], Stored]
) -> None:
    token, before = _token(citizen, draft), stored()
    for changed in ("", ",", "nothing", "full_name.x", "*", "a," * 5000, "<script>"):
        data = {"csrf_token": token, "full_name": "", "_changed": changed, "_end": "1"}
        answer = citizen.client.post(f"{draft}/autosave/about_you", data=data, headers=HTMX)
        assert answer.status_code == 200, changed[:20]
    assert stored() == before


def test_autosave_without_its_field_empties_nothing(citizen: Citizen, draft: str, stored: Callable[[], Stored]) -> None:
    token, before = _token(citizen, draft), stored()
    data = {"csrf_token": token, "_changed": "full_name,born,email", "_end": "1"}
    assert citizen.client.post(f"{draft}/autosave/about_you", data=data, headers=HTMX).status_code == 200
    assert stored() == before


@pytest.mark.parametrize(
    "address", ["/account/sign-in", "/account/register", "/account/password", "/resume", "/resume/code"]
)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"email": "a" * 100_000, "password": "b" * 100_000, "reference": "c" * 100_000, "return_code": "d" * 100_000},
        {"email": "a@b\r\nBcc: c@d", "password": "\u202e", "reference": "💣", "return_code": "ßß", "code": "١٢٣٤٥٦"},
        {"email": ["a", "b"], "password": ["a", "b"], "reference": ["a", "b"], "return_code": ["a", "b"]},
    ],
    ids=["nothing", "long", "odd", "twice"],
)
def test_public_forms_refuse_bad_input(citizen: Citizen, address: str, values: dict[str, str | list[str]]) -> None:
    token = citizen.open("/resume").value("csrf_token")
    answer: TestResponse = citizen.client.post(address, data={"csrf_token": token, **values})
    assert answer.status_code in (400, 422) or (address == "/resume/code" and answer.status_code == 303)


@pytest.mark.parametrize("pasted", [" {} ", "<{}>", "{}\n", "({}).", "{}%0d%0a", "“{}”"], ids=repr)
def test_unknown_link_is_not_found_however_it_is_pasted(citizen: Citizen, pasted: str) -> None:
    assert citizen.client.get(f"/resume/{quote(pasted.format('x' * 43))}").status_code == 404
