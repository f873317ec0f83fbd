"""Every message is complete: addressed, with its link or code on a line of its own, in text and in HTML."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.audit import Actor
from portal.commands.worker import deliver_once
from portal.db import Database
from portal.mail import messages
from portal.mail.messages import SIGNATURE_WORDINGS, WORDINGS, Notice, SignatureNews
from portal.site_settings.operations import change_settings
from tests.conftest import START

pytestmark = pytest.mark.one_database
ANN = "ann@example.org"
LINK = "http://127.0.0.1:8000/resume/" + "aB3-_" * 30
TITLE = "Bins & “bulky” waste: Łódź"
AT = datetime(2026, 7, 3, 22, 30, tzinfo=UTC)

Send = Callable[[Session], object]
SENDS: dict[str, tuple[Callable[..., object], dict[str, Any], str, str]] = {
    "resume_link": (
        messages.resume_link,
        {"title": TITLE, "link": LINK, "reference": "K7M-4XQ", "keep_until": date(2026, 12, 21)},
        f"Continue your form: {TITLE}",
        LINK,
    ),
    "guest_code": (messages.guest_code, {"code": "012345"}, "Your code", "012345"),
    "received": (
        messages.received,
        {"title": TITLE, "reference": "K7M-4XQ", "sent_at": AT},
        "We have received your form: K7M-4XQ",
        "K7M-4XQ",
    ),
    "begun_for_you": (
        messages.begun_for_you,
        {"title": TITLE, "link": LINK, "reference": "K7M-4XQ", "who": "Tom", "keep_until": date(2026, 12, 21)},
        f"Continue your form: {TITLE}",
        LINK,
    ),
    "status_changed": (
        messages.status_changed,
        {"title": TITLE, "reference": "K7M-4XQ", "status": "Closed", "explanation": "We have finished."},
        "News about your form: K7M-4XQ",
        "K7M-4XQ",
    ),
    "status_changed_with_message": (
        messages.status_changed,
        {"title": TITLE, "reference": "K7M-4XQ", "status": "Closed", "explanation": "Finished.", "link": LINK},
        "News about your form: K7M-4XQ",
        LINK,
    ),
    "please_sign": (
        messages.please_sign,
        {
            "title": TITLE,
            "who": "Zoë Łukasz",
            "role": "Landlord",
            "link": LINK,
            "reference": "K7M-4XQ",
            "code": "B7CD9FGH",
            "until": AT,
        },
        f"Please sign: {TITLE}",
        LINK,
    ),
    **{
        f"signature_{news.value}": (
            partial(messages.signature_news, news=news),
            {"title": TITLE, "role": "Landlord", "reference": "K7M-4XQ", "link": LINK},
            str(SIGNATURE_WORDINGS[news].subject) % {"title": TITLE},
            "K7M-4XQ",
        )
        for news in SignatureNews
    },
    "confirm_address": (messages.confirm_address, {"link": LINK}, "Confirm your e-mail address", LINK),
    "already_registered": (messages.already_registered, {"link": LINK}, "Confirm your e-mail address", LINK),
    "set_password": (messages.set_password_link, {"link": LINK}, "Set a new password", LINK),
    "confirm_new_address": (messages.confirm_new_address, {"link": LINK}, "Confirm your e-mail address", LINK),
    "address_change": (
        messages.address_change,
        {"link": LINK, "is_done": False, "until": date(2026, 11, 28)},
        "Somebody asked to change your e-mail address",
        LINK,
    ),
    "address_changed": (
        messages.address_change,
        {"link": LINK, "is_done": True, "until": date(2026, 11, 28)},
        "Your e-mail address was changed",
        LINK,
    ),
    **{
        notice.value: (
            partial(messages.security_notice, notice=notice),
            {"device": "Firefox on Linux"},
            str(WORDINGS[notice].subject),
            f"http://127.0.0.1:8000{WORDINGS[notice].page}" if WORDINGS[notice].page else "Where: Firefox on Linux",
        )
        for notice in Notice
    },
}


@pytest.fixture(params=SENDS, ids=str)
def message(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def delivered(app: Flask, send: Send) -> tuple[bytes, EmailMessage]:
    """Return the file that a message became, and the message that Python's own reader finds in it."""
    parts = app.extensions["portal"]
    with app.app_context():
        with parts.database.writing() as db:
            send(db)
        assert deliver_once().sent == 1
    (path,) = parts.configuration.mail_dir.iterdir()
    read = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return path.read_bytes(), read


def sender(message: str, to: str = ANN) -> Send:
    function, values, _subject, _line = SENDS[message]
    return partial(function, to=to, now=START, **values)


def text_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_headers_name_sender_recipient_and_subject(app: Flask, message: str) -> None:
    _, mail = delivered(app, sender(message))
    assert mail["From"] == "Ashmere Council <no-reply@127.0.0.1>"
    assert mail["To"] == ANN
    assert mail["Subject"] == SENDS[message][2]
    assert mail["Date"].datetime == START
    assert mail["Message-ID"].endswith("@127.0.0.1>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.defects == []


def test_the_link_or_code_has_a_line_of_its_own_in_the_file_and_in_both_parts(app: Flask, message: str) -> None:
    raw, mail = delivered(app, sender(message))
    line = SENDS[message][3]
    assert raw.decode().splitlines().count(line) == 2
    assert mail.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        assert line in text_of(mail, kind).splitlines()


def test_text_part_is_as_written_and_html_part_is_escaped(app: Flask) -> None:
    _, mail = delivered(app, sender("resume_link"))
    assert TITLE in text_of(mail, "plain")
    assert "Bins &amp; “bulky” waste: Łódź" in text_of(mail, "html")
    assert "21 December 2026" in text_of(mail, "plain")


def test_clock_times_are_those_of_the_site(app: Flask) -> None:
    _, mail = delivered(app, sender("received"))
    assert "3 July 2026 at 23:30" in text_of(mail, "plain")


def test_mail_ends_with_the_name_and_contact_of_the_site(app: Flask, database: Database) -> None:
    values = {"site_name": "Cyngor Llŷn, Tŷ 1", "support_contact": "ask@llyn.example"}
    with database.writing() as db:
        change_settings(db, values, by=Actor(), now=START)
    _, mail = delivered(app, sender("guest_code"))
    assert mail["From"].addresses[0].display_name == "Cyngor Llŷn, Tŷ 1"
    assert text_of(mail, "plain").endswith("Cyngor Llŷn, Tŷ 1\nask@llyn.example\n")


@pytest.mark.parametrize("to", ["ann@example.org, bob@example.org", "ann@example.org\nBcc: bob@example.org", "Ann", ""])
def test_anything_but_exactly_one_address_is_refused(app: Flask, to: str) -> None:
    with app.app_context(), app.extensions["portal"].database.writing() as db, pytest.raises(ValueError):  # noqa: PT011
        sender("guest_code", to)(db)


def test_a_title_of_several_lines_cannot_add_a_header(app: Flask) -> None:
    values = SENDS["resume_link"][1] | {"title": "Bins\r\nBcc: bob@example.org"}
    _, mail = delivered(app, partial(messages.resume_link, to=ANN, now=START, **values))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Continue your form: Bins Bcc: bob@example.org"


def test_address_with_an_umlaut_is_written_unchanged_in_its_header(app: Flask) -> None:
    raw, _mail = delivered(app, sender("guest_code", "jürgen@example.org"))
    assert "To: jürgen@example.org" in raw.decode().splitlines()
