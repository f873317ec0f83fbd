"""The canary of the tests raises the alarm: one leak of each sort is found."""

import logging
from collections.abc import Callable

import pytest
from flask import Flask, abort, redirect, request
from flask.typing import ResponseReturnValue

from portal.mail import messages
from portal.web.declarations import Access, Activity, access, activity
from tests.canary import watched
from tests.citizen import Citizen
from tests.post import letters

pytestmark = pytest.mark.own_app
ANSWER, TOKEN, CODE = "Wilhelmina Quartermaine", "T" * 43, "482910"
Leak = Callable[[], ResponseReturnValue]


def log_it() -> ResponseReturnValue:
    logging.getLogger("portal.leak").info("said %s", request.form["name"])
    return "done"


LEAKS: dict[str, Leak] = {
    "answer in the log": log_it,
    "answer in the address": lambda: redirect(f"/?q={request.form['name']}", 303),
    "answer in a page that is no form": lambda: (f"We know nothing of {request.form['name']}", 404),
}


@pytest.fixture(autouse=True)
def canary() -> None:
    """Leave the canary to the tests of this module."""


def serve(app: Flask, leak: Leak) -> None:
    @access(Access.PUBLIC)
    @activity(Activity.NONE)
    def leaking(reference: str) -> ResponseReturnValue:
        return leak() if reference == "R" else abort(404)

    app.add_url_rule("/drafts/<reference>/leak", view_func=leaking, methods=["POST"])


def posted(app: Flask) -> None:
    citizen = Citizen(app)
    token = citizen.open("/resume").value("csrf_token")
    citizen.client.post("/drafts/R/leak", data={"csrf_token": token, "name": ANSWER})


@pytest.mark.parametrize("leak", LEAKS)
def test_leak_by_a_view_is_found(app: Flask, leak: str) -> None:
    serve(app, LEAKS[leak])
    heard = watched(app)
    next(heard)
    posted(app)
    with pytest.raises(AssertionError, match=leak):
        next(heard)


def test_view_without_a_leak_raises_no_alarm(app: Flask) -> None:
    serve(app, lambda: "done")
    heard = watched(app)
    next(heard)
    posted(app)
    assert list(heard) == []


@pytest.mark.parametrize(
    ("address", "cry"),
    [(f"/resume?next=/resume/{TOKEN}", "link in"), (f"/resume?code={CODE}", "mailed code in the address")],
    ids=["token", "code"],
)
def test_mailed_secret_in_another_address_is_found(app: Flask, address: str, cry: str) -> None:
    heard = watched(app)
    next(heard)
    parts = app.extensions["portal"]
    with app.test_request_context(), parts.database.writing() as db:
        link, now = f"http://127.0.0.1/resume/{TOKEN}", parts.clock.now()
        messages.set_password_link(db, to="a@mail.example", link=link, now=now)
        messages.guest_code(db, to="a@mail.example", code=CODE, now=now)
    assert len(letters(app)) == 2
    app.test_client().get(f"/resume/{TOKEN}")
    app.test_client().get(address)
    with pytest.raises(AssertionError, match=cry):
        next(heard)


def test_answer_in_a_file_is_found(app: Flask) -> None:
    serve(app, lambda: "done")
    heard = watched(app)
    next(heard)
    posted(app)
    (app.extensions["portal"].configuration.data_dir / "dump.txt").write_text(ANSWER)
    with pytest.raises(AssertionError, match="answer in a file"):
        next(heard)
