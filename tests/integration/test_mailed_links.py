"""Mailed links as mail programs leave them: with a slash behind, cut short, or gone but for their beginning."""

import pytest
from flask import Flask

from tests import threads
from tests.citizen import Citizen
from tests.loan import begin, publish_loan
from tests.people import add_person, sign_in
from tests.post import letters

DOES_NOT_WORK = "This link does not work"
DOORS = ("resume", "messages/open", "account/confirm", "account/password", "account/email", "account/email/objection")


def mailed(app: Flask, citizen: Citizen, door: str) -> str:
    """Return the path of a link of this kind, as it was mailed."""
    if door == "resume":
        publish_loan(app)
        begin(citizen)
        citizen.press("Save and come back later")
        citizen.press("Send link", email="zoe@mail.example")
    elif door == "messages/open":
        threads.reply(app, threads.begin(app), is_visible=True)
    elif door == "account/password":
        add_person(app)
        citizen.open("/account/password")
        citizen.press("Send me a link", email="ada@mail.example")
    elif door.startswith("account/email"):
        add_person(app)
        sign_in(citizen)
        citizen.open("/account/email")
        citizen.press("Send me a link", email="eva@mail.example")
    else:
        citizen.open("/account/register")
        citizen.press("Register", email="eva@mail.example", password="correct horse battery")
    app.extensions["portal"].clock.advance(seconds=30)
    (link,) = {letter.link for letter in letters(app) if letter.link.rpartition("/")[0] == f"/{door}"}
    return link


BEHIND = ["/", "/.", "/%20", "/%3E", "/%0A/", ".", ")", "%C2%A0", "%E2%80%9D", "=3D", "&amp;", "_", "*", "/x?y=1"]
WITHIN = ["%0A", "%20", "=%0D%0A", "%E2%80%8B", "/", "%C2%AD"]


@pytest.mark.parametrize("door", DOORS)
def test_link_works_whatever_stands_behind_it_or_breaks_it(app: Flask, citizen: Citizen, door: str) -> None:
    """Mail programs take the end of a sentence for a part of the link, and break long lines."""
    link = mailed(app, citizen, door)
    heading = citizen.open(link).heading
    spoilt = [link + rest for rest in BEHIND] + [f"{link[:-20]}{odd}{link[-20:]}" for odd in WITHIN]
    for address in spoilt:
        page = Citizen(app).open(address)
        assert (page.status, page.heading) == (200, heading), address


def test_link_with_a_slash_behind_it_lets_its_guest_in(app: Flask, citizen: Citizen) -> None:
    link = mailed(app, citizen, "resume")
    citizen.open(f"{link}/")
    assert citizen.press("Continue your form").path.startswith("/drafts/")


def test_link_with_a_line_break_in_it_asks_for_the_code(app: Flask, citizen: Citizen) -> None:
    link = mailed(app, citizen, "messages/open")
    citizen.open(f"{link[:-20]}=%0D%0A{link[-20:]}.")
    assert citizen.press("Open messages").path == "/messages/code"
    assert citizen.press("Continue", code=letters(app)[-1].code).path.startswith("/messages/MS-")


@pytest.mark.parametrize("door", ["resume", "messages/open", "account/password", "account/confirm"])
@pytest.mark.parametrize("left", [1, 20, 42])
def test_link_that_was_cut_short_says_what_to_do(app: Flask, citizen: Citizen, door: str, left: int) -> None:
    beginning, _slash, token = mailed(app, citizen, door).rpartition("/")
    page = Citizen(app).open(f"{beginning}/{token[:left]}")
    assert (page.status, page.heading) == (404, DOES_NOT_WORK)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rest", ["x", "x/", "%3Cx%3E", "x/y", "%20"])
def test_every_door_of_a_mailed_link_names_a_link_that_does_not_work(citizen: Citizen, door: str, rest: str) -> None:
    page = citizen.open(f"/{door}/{rest}")
    assert (page.status, page.heading) == (404, DOES_NOT_WORK)
    assert ("/resume" in page.links.values()) is (door == "resume")


BEGINNINGS = {
    "resume": "Continue a saved form",
    "messages/open": DOES_NOT_WORK,
    "account/password": "Set a new password",
    "account/confirm": DOES_NOT_WORK,
    "account/email/objection": DOES_NOT_WORK,
}
"""What helps where nothing is left of a link but its beginning; behind it comes a slash, or not even that."""


@pytest.mark.parametrize(("door", "heading"), BEGINNINGS.items())
def test_link_of_which_only_the_beginning_is_left_leads_to_what_helps(
    citizen: Citizen, door: str, heading: str
) -> None:
    assert [citizen.open(f"/{door}{end}").heading for end in ("", "/")] == [heading, heading]


def test_form_behind_the_beginning_of_a_link_is_sent(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    citizen.open("/account/password/")
    citizen.press("Send me a link", email="ada@mail.example")
    assert [letter.to for letter in letters(app)] == ["ada@mail.example"]
