"""No link goes to a wrong address unnoticed: a code proves it, a refusal is shown, a mistake can be cancelled."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.db import Database
from portal.outbox.delivery import Deliverer
from portal.outbox.models import Delivery
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.outbox.conftest import MailServerOnLoopback
from tests.integration.outbox.conftest import server as server
from tests.integration.resume.conftest import Saved
from tests.loan import begin, publish_loan, start
from tests.people import add_person, sign_in
from tests.post import letters


def proof(app: Flask, at: int = -1) -> str:
    """Return the code that came with a link."""
    (found,) = (line for line in letters(app)[at].lines if re.fullmatch(r"[A-Z2-9]{5}", line))
    return found


@pytest.fixture
def saving(app: Flask, citizen: Citizen, guests: Saved) -> Saved:
    """A guest on the save page, who has just been mailed the link."""
    citizen.open(f"{guests.address}/save?sent=1")
    return guests


def test_code_in_the_mail_proves_the_address(app: Flask, citizen: Citizen, saving: Saved) -> None:
    code = proof(app)
    page = citizen.press("Confirm the address", code=f" {code[:2].lower()} {code[2:]} ")
    assert (page.status, page.path) == (200, f"{saving.address}/save")
    assert "The address works." in page
    assert "code" not in {name for form in page.forms for name in form.names}


@pytest.mark.parametrize("typed", ["", "22222", "x" * 5000, "ﬁﬁﬁﬁﬁ"])
def test_wrong_code_proves_no_address(app: Flask, citizen: Citizen, saving: Saved, typed: str) -> None:
    page = citizen.press("Confirm the address", code=typed)
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert "The address works." not in page


def test_guessing_the_code_is_slowed_down_and_the_right_code_works_later(
    app: Flask, citizen: Citizen, saving: Saved, clock: MovableClock
) -> None:
    assert [citizen.press("Confirm the address", code="22222").status for _ in range(6)] == [422] * 5 + [429]
    clock.advance(minutes=1)
    assert "The address works." in citizen.press("Confirm the address", code=proof(app))


def test_proved_address_is_not_asked_about_again(app: Flask, citizen: Citizen, saving: Saved) -> None:
    citizen.press("Confirm the address", code=proof(app))
    page = citizen.press("Send link", email="zoe@mail.example")
    assert "The address works." in page
    assert not [line for line in letters(app)[-1].lines if re.fullmatch(r"[A-Z2-9]{5}", line)]
    page = citizen.press("Send link", email="zoe@home.example")
    assert "The address works." not in page
    assert proof(app)


def test_code_that_lets_a_guest_in_also_proves_the_address(app: Flask, other: Citizen, guests: Saved) -> None:
    other.open(guests.link)
    other.press("Continue your form")
    other.press("Continue", code=letters(app)[-1].code)
    assert "The address works." in other.open(f"{guests.address}/save")


def test_code_that_proves_an_address_lets_nobody_in(app: Flask, other: Citizen, guests: Saved) -> None:
    other.open(guests.link)
    other.press("Continue your form")
    assert other.press("Continue", code=proof(app, 0)).status == 422


def test_link_to_a_wrong_address_can_be_cancelled_and_others_still_work(
    app: Flask, citizen: Citizen, other: Citizen, saving: Saved
) -> None:
    citizen.press("Send link", email="zo@mail.example")
    wrong = letters(app)[-1].link
    page = citizen.press("The address is wrong", code="")
    assert "zo@mail.example" not in page
    assert other.open(wrong).status == 404
    assert other.open(saving.link).status == 200


def test_stranger_can_neither_prove_nor_cancel_an_address(app: Flask, saving: Saved) -> None:
    publish_loan(app)
    stranger = Citizen(app)
    token = start_token(stranger)
    for data in ({"code": proof(app)}, {"_action": "wrong"}):
        answer = stranger.client.post(f"{saving.address}/save/proof", data=data | {"csrf_token": token})
        assert answer.status_code == 404
    assert stranger.open(saving.link).status == 200


def start_token(stranger: Citizen) -> str:
    stranger.open(f"{start(stranger)}/you")
    return stranger.page.value("csrf_token") or ""


@pytest.fixture
def refusing(app: Flask, server: MailServerOnLoopback) -> Deliverer:
    """A mail server that knows no such recipient."""
    server.mailbox.to_recipient = "550 no such user"
    parts = app.extensions["portal"]
    configuration = replace(parts.configuration, mail_url=f"smtp://127.0.0.1:{server.port}")
    return Deliverer(parts.database, configuration, parts.clock)


def test_refused_mail_is_shown_until_another_is_sent(
    app: Flask, citizen: Citizen, saving: Saved, refusing: Deliverer, server: MailServerOnLoopback
) -> None:
    page = citizen.press("Send link", email="zoo@mail.example")
    assert "The link is on its way to zoo@mail.example." in page
    refusing.deliver_due()
    page = citizen.open(f"{saving.address}/save")
    assert "We could not deliver our e-mail to zoo@mail.example." in page
    assert "We have sent the link." not in page
    assert "We could not deliver our e-mail with the link." in citizen.open(saving.address)
    server.mailbox.to_recipient = "250 OK"
    citizen.open(f"{saving.address}/save")
    citizen.press("Send link", email="zoe@mail.example")
    refusing.deliver_due()
    assert "We have sent the link." in citizen.open(f"{saving.address}/save")
    assert "refused" not in citizen.open(saving.address)


def test_a_refused_mail_is_shown_in_my_requests(app: Flask, citizen: Citizen, refusing: Deliverer) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = begin(citizen)
    assert "refused" not in citizen.open("/account")
    citizen.open(f"{draft}/remarks")
    citizen.press("Save and come back later")
    refusing.deliver_due()
    words = "We could not deliver our e-mail to you."
    assert words in citizen.open("/account")
    assert words in citizen.open(f"{draft}/save")


def test_delivery_status_reaches_the_page_and_renews_nothing(
    citizen: Citizen, saving: Saved, refusing: Deliverer, clock: MovableClock, database: Database
) -> None:
    citizen.press("Send link", email="zoo@mail.example")
    clock.advance(minutes=25)
    before = citizen.client.get("/session/poll").text
    fragment = citizen.client.get(f"{saving.address}/save/delivery?asked=1", headers={"HX-Request": "true"}).text
    assert "The link is on its way" in fragment
    assert "asked=2" in fragment
    assert citizen.client.get("/session/poll").text == before
    refusing.deliver_due()
    assert "could not deliver" in citizen.client.get(f"{saving.address}/save/delivery?asked=5").text


def test_mail_that_fails_for_days_counts_as_refused(
    citizen: Citizen, saving: Saved, database: Database, clock: MovableClock
) -> None:
    with database.writing() as db:
        newest = db.scalars(select(Delivery.id).order_by(Delivery.id.desc()).limit(1)).one()
        db.execute(update(Delivery).where(Delivery.id == newest).values(sent_at=None, failed_at=clock.now()))
    assert "could not deliver" in citizen.open(f"{saving.address}/save")


def test_slip_has_a_picture_of_the_address(citizen: Citizen, saving: Saved) -> None:
    assert "<svg" in citizen.page.text.partition('class="slip__picture"')[2].partition("</div>")[0]


def test_links_mailed_to_one_address_by_many_drafts_are_limited(app: Flask, citizen: Citizen, saving: Saved) -> None:
    statuses = []
    for _ in range(12):
        draft = start(citizen)
        citizen.open(f"{draft}/save")
        statuses.append(citizen.press("Send link", email="zoe@mail.example").status)
    assert statuses.count(429) == 3
