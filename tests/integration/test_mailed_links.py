"""Mailed links as mail programs leave them: with a slash behind, cut short, or gone but for their beginning."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.loan import begin, publish_loan
from tests.people import add_person
from tests.post import letters

DOES_NOT_WORK = "This link does not work"
DOORS = ("resume", "account/confirm", "account/password", "account/email", "account/email/objection")


def mailed(app: Flask, citizen: Citizen, door: str) -> str:
    """Return the path of a link of this kind, as it was mailed."""
    if door == "resume":
        publish_loan(app)
        begin(citizen)
        citizen.press("Save and come back later")
        citizen.press("Send link", email="zoe@mail.example")
    elif door == "account/password":
        add_person(app)
        citizen.open("/account/password")
        citizen.press("Send me a link", email="ada@mail.example")
    else:
        citizen.open("/account/register")
        citizen.press("Register", email="eva@mail.example", password="correct horse battery")
    link = letters(app)[-1].link
    assert link.startswith(f"/{door}/")
    return link


@pytest.mark.parametrize("door", ["resume", "account/password", "account/confirm"])
def test_link_with_a_slash_behind_it_works(app: Flask, citizen: Citizen, door: str) -> None:
    link = mailed(app, citizen, door)
    whole, slashed = citizen.open(link), Citizen(app).open(f"{link}/")
    assert (slashed.status, slashed.heading) == (200, whole.heading)


def test_link_with_a_slash_behind_it_lets_its_guest_in(app: Flask, citizen: Citizen) -> None:
    link = mailed(app, citizen, "resume")
    citizen.open(f"{link}/")
    assert citizen.press("Continue your form").path.startswith("/drafts/")


@pytest.mark.parametrize("door", ["resume", "account/password", "account/confirm"])
@pytest.mark.parametrize("left", [1, 20, 42])
def test_link_that_was_cut_short_says_what_to_do(app: Flask, citizen: Citizen, door: str, left: int) -> None:
    beginning, _slash, token = mailed(app, citizen, door).rpartition("/")
    page = Citizen(app).open(f"{beginning}/{token[:left]}")
    assert (page.status, page.heading) == (404, DOES_NOT_WORK)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rest", ["x", "x/", "%3Cx%3E"])
def test_every_door_of_a_mailed_link_names_a_link_that_does_not_work(citizen: Citizen, door: str, rest: str) -> None:
    page = citizen.open(f"/{door}/{rest}")
    assert (page.status, page.heading) == (404, DOES_NOT_WORK)
    assert ("/resume" in page.links.values()) is (door == "resume")


def test_link_of_which_only_the_beginning_is_left_asks_for_reference_and_code(citizen: Citizen) -> None:
    assert citizen.open("/resume/").heading == "Continue a saved form"
