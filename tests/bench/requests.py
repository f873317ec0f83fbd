"""The requests that are measured: guests in a form with fourteen questions, as their browsers send them."""

from pathlib import Path
from time import thread_time
from urllib.parse import urlencode

from flask import Flask
from werkzeug.test import TestResponse

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.bench.load import COUNT, Asked
from tests.citizen import Citizen
from tests.statements import heard

POLL, SECTION, CONTINUE, AUTOSAVE, SIGN_IN = "poll", "section page", "Continue", "autosave", "sign-in page"
BATCHES, BATCH = 25, 20
SCRIPT = {"HX-Request": "true"}
TYPED = {"Content-Type": "application/x-www-form-urlencoded"}
DATES = {"born__day": "9", "born__month": "5", "born__year": "1988", "started__day": "1", "started__month": "2"}
ADDRESS = {"address__line_1": "Flat 6, 18 Weir Lane", "address__town": "Ashmere", "address__postcode": "AS4 2LN"}
PERSON = {"full_name": "Zoë Łukasz", "email": "zoe@mail.example", "phone": "01632 960 114", "number": "HS-1234"}
MONEY = {"tenure": "rent", "rent": "650", "incomes": ["wages", "benefits"], "hours": "30", "savings": "1,200"}
REST = {"works": "yes", "started__year": "2020", "story": COUNT}
FORM = Path(__file__).with_name("form.yaml")


def prepared_app(environ: dict[str, str], form: Path = FORM) -> Flask:
    """Return the portal on a new database with the form published; a server with this environment sees the same."""
    app = create_app(read_configuration(environ))
    parts = app.extensions["portal"]
    migrations.upgrade(parts.database)
    with parts.database.writing() as db:
        publish(db, read_yaml(form.read_text(encoding="utf-8")), now=parts.clock.now())
    return app


def guest_asks(app: Flask) -> dict[str, Asked]:
    """Return every measured request of a new guest who has filled the long section of their own draft once."""
    citizen = Citizen(app)
    citizen.open("/forms/bench-form")
    draft = citizen.press("Start now").path
    citizen.open(f"{draft}/details")
    citizen.press("Continue", **PERSON, **DATES, **ADDRESS, **MONEY, **REST)
    form, _button = citizen.open(f"{draft}/details").form_with("Continue")
    controls = {control.name: control for control in form.controls}
    if "_sequence" in controls:
        controls["_sequence"].value = COUNT
    pairs = [(control.name, control.value) for control in form.controls if control.name != "_end"]
    token = citizen.client.get_cookie("session_customer")
    return _asks(draft, pairs, {"Cookie": f"session_customer={token.value if token else ''}"})


def _asks(draft: str, page: list[tuple[str, str]], own: dict[str, str]) -> dict[str, Asked]:
    """Return the requests; `page` is what the page's inputs hold: the script sends our own and those that changed."""
    changed = [pair for pair in page if pair[0].startswith("_") or pair[0] in ("csrf_token", "story")]
    autosaved = urlencode([*changed, ("_changed", "story"), ("_end", "1")])
    continued = urlencode([*page, ("_action", "continue"), ("_end", "1")])
    typed, script = own | TYPED, own | TYPED | SCRIPT
    return {
        POLL: Asked(path="/session/poll?kind=customer", headers=own | SCRIPT),
        SECTION: Asked(path=f"{draft}/details", headers=own),
        CONTINUE: Asked(path=f"{draft}/details", method="POST", headers=typed, body=continued, status=303),
        AUTOSAVE: Asked(path=f"{draft}/autosave/details", method="POST", headers=script, body=autosaved),
        SIGN_IN: Asked(path="/account/sign-in"),
    }


def send(app: Flask, asked: Asked) -> TestResponse:
    """Send the request in this process, without a server."""
    client = app.test_client(use_cookies=False)
    return client.open(asked.path, method=asked.method, headers=asked.headers, data=asked.next_body())


def thread_ms(app: Flask, asked: Asked) -> float:
    """Return the processor time of one request in one thread of this process, in ms, with nothing beside it.

    The least of many batches, so that other programs on the machine count little; the first ones warm it up.
    """
    return min(_batch_ms(app, asked) for _ in range(BATCHES))


def _batch_ms(app: Flask, asked: Asked) -> float:
    before = thread_time()
    for _ in range(BATCH):
        send(app, asked)
    return (thread_time() - before) * 1000 / BATCH


def statements(app: Flask, asked: Asked) -> int:
    """Return how many SQL statements the second request of its kind takes, without those around transactions."""
    send(app, asked)
    with heard(app.extensions["portal"].database) as statements:
        send(app, asked)
    return len(statements.asked)
