"""No e-mail about any form goes to anybody but its account, a proved address, or the field that the form names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.outbox.definition import Mail, mail_of
from portal.outbox.models import Delivery
from portal.outbox.operations import SUBJECT
from portal.resume.reminders import send_reminders
from tests.any_form.filling import Journey, text_of
from tests.any_form.made import documents
from tests.any_form.test_made_forms import GIVEN
from tests.citizen import Citizen
from tests.people import add_person

HABITS = (*["no link"] * 4, *["unproved link"] * 2, "account", "link proved by its code", "link proved by opening it")
ASKED_FOR = ("resume_link", "guest_code")
"""Sent at somebody's press, to the address beside the button."""


@dataclass
class Story:
    """One journey through a form, whose person has an account or had the link mailed, or neither."""

    app: Flask
    journey: Journey
    habit: str
    address: str

    @property
    def reference(self) -> str:
        return self.journey.address.rpartition("/")[2]

    def begin(self) -> None:
        """Sign in whoever has an account."""
        if self.habit == "account":
            self.journey.citizen.hold("customer", person_id=add_person(self.app, self.address).id)

    def have_link_mailed(self) -> None:
        """Have the link mailed and prove the address, as the habit says."""
        if "link" not in self.habit or self.habit == "no link":
            return
        citizen = self.journey.citizen
        citizen.open(f"{self.journey.address}/save")
        citizen.press("Send link", email=self.address)
        text = self.mails()[-1][1].content
        if self.habit == "link proved by its code":
            code = re.findall(r"^([A-Z2-9]{5})$", text, re.MULTILINE)[0]
            citizen.press("Confirm the address", code=code)
        elif self.habit == "link proved by opening it":
            citizen.open(re.findall(r"^http://[^/]+(/resume/\S+)$", text, re.MULTILINE)[0])
            citizen.press("Continue your form")

    def expected(self, *, reminds: bool) -> str | None:
        """Work out, from the document and its visible answers, who may be written to."""
        if self.habit == "account" or "proved by" in self.habit:
            return self.address
        section_id, _, field_id = self._claimed.partition(".")
        named = self.journey.expected().get(section_id, {}).get(field_id) if self._claimed else None
        return named or (self.address if reminds and self.habit == "unproved link" else None)

    @property
    def _claimed(self) -> str:
        found: str = self.journey.document["form"].get("customer", {}).get("email", "")
        return found

    def mails(self) -> list[tuple[str, Mail]]:
        """Return what the portal has mailed about this form, each with the name of its message."""
        parts = self.app.extensions["portal"]
        with parts.database.reading() as db:
            rows = db.execute(
                select(Delivery.message, Delivery.public_id, Delivery.payload).order_by(Delivery.id)
            ).all()
        keyring = parts.configuration.keyring
        opened = [(row[0], mail_of(keyring.open(row[2], subject=SUBJECT, place=row[1]))) for row in rows]
        return [(message, mail) for message, mail in opened if self.reference in mail.content]


def change_status(staff: Citizen, reference: str) -> None:
    staff.open(f"/hub/cases/{reference}")
    staff.press("Save status", status="waiting")


def remind(app: Flask) -> None:
    """Let the days pass on which somebody is reminded."""
    parts = app.extensions["portal"]
    for days in (23, 28):
        with app.app_context(), parts.database.writing() as db:
            while send_reminders(db, now=parts.clock.now() + timedelta(days=days)):
                pass


@pytest.fixture
def staff(app: Flask) -> Citizen:
    """A member of staff, the same in every story."""
    browser = Citizen(app)
    browser.hold("hub", person_id=add_person(app, "mina@mail.example", "staff").id)
    return browser


@pytest.fixture
def numbers() -> Iterator[int]:
    """Numbers for stories, each of which has an e-mail address and a network of its own."""
    return count()


@settings(**GIVEN)
@given(document=documents(favoured=("email", "email", "name")), habit=st.sampled_from(HABITS), data=st.data())
def test_no_mail_about_any_form_goes_to_anybody_whom_it_only_mentions(
    app: Flask, staff: Citizen, numbers: Iterator[int], document: Any, habit: str, data: Any
) -> None:
    number = next(numbers)
    story = Story(app, Journey(app, document, data.draw), habit, f"p{number}@home.example")
    story.journey.citizen.client.environ_base["REMOTE_ADDR"] = f"10.{number // 250}.{number % 250}.1"
    story.begin()
    story.journey.start(text_of(document))
    story.journey.walk()
    story.have_link_mailed()
    is_sent = data.draw(st.integers(1, 4)) > 1 and story.journey.send() is not None
    if is_sent:
        change_status(staff, story.reference)
    else:
        remind(app)
    expected = story.expected(reminds=not is_sent)
    event(f"{'sent' if is_sent else 'reminded'}, {habit}, {'to somebody' if expected else 'to nobody'}")
    about = ("received", "status_changed") if is_sent else ("deletion_soon", "deletion_soon")
    mailed = [(message, mail.recipient) for message, mail in story.mails() if message not in ASKED_FOR]
    assert mailed == ([(message, expected) for message in about] if expected else [])
    asked = {mail.recipient for message, mail in story.mails() if message in ASKED_FOR}
    assert asked <= {story.address}
