"""The requests that are measured: guests in a form with fourteen questions, as their browsers send them."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from math import inf
from pathlib import Path
from time import thread_time
from urllib.parse import urlencode

from flask import Flask
from werkzeug.test import create_environ

from portal import migrations
from portal.app import create_app
from portal.commands.run import PROJECT_ROOT
from portal.config import read_configuration
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.bench.load import COUNT, Asked
from tests.citizen import Citizen
from tests.statements import heard

POLL, SECTION, CONTINUE, AUTOSAVE, SIGN_IN = "poll", "section page", "Continue", "autosave", "sign-in page"
BATCHES, BATCH = 40, 20
SCRIPT = {"HX-Request": "true"}
TYPED = {"Content-Type": "application/x-www-form-urlencoded"}
DATES = {"born__day": "9", "born__month": "5", "born__year": "1988", "started__day": "1", "started__month": "2"}
ADDRESS = {"address__line_1": "Flat 6, 18 Weir Lane", "address__town": "Ashmere", "address__postcode": "AS4 2LN"}
PERSON = {"full_name": "Zoë Łukasz", "email": "zoe@mail.example", "phone": "01632 960 114", "number": "HS-1234"}
MONEY = {"tenure": "rent", "rent": "650", "incomes": ["wages", "benefits"], "hours": "30", "savings": "1,200"}
REST = {"works": "yes", "started__year": "2020", "story": COUNT}
FORM = Path(__file__).with_name("form.yaml")


@contextmanager
def data_folder(name: str) -> Iterator[str]:
    """Yield a folder beside the portal's own data, not in /tmp: that may be memory, where a durable commit is free."""
    (PROJECT_ROOT / "instance").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=PROJECT_ROOT / "instance") as data_dir:
        yield data_dir


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


class Direct:
    """A request that goes straight into an application, without a server or a test client."""

    def __init__(self, app: Flask, asked: Asked) -> None:
        self._app, self._asked = app.wsgi_app, asked
        self._environ = create_environ(asked.path, method=asked.method, headers=asked.headers)

    def send(self) -> tuple[float, bytes]:
        """Return the processor time that this thread took for the answer, in ms, and its body.

        Raises `ValueError` if it has another status.
        """
        body, statuses = self._asked.next_body().encode(), list[str]()
        environ = self._environ | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        before = thread_time()
        answer = self._app(environ, lambda status, *_rest: statuses.append(status))
        content = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        took = (thread_time() - before) * 1000
        if not statuses[-1].startswith(str(self._asked.status)):
            raise ValueError(f"{self._asked.path}: {statuses[-1]}: {content[:300]!r}")
        return took, content


def thread_ms(requests: Mapping[str, Direct]) -> dict[str, float]:
    """Return the processor time of each request in this one thread, in ms, with nothing beside it.

    The least of many batches, in turns, so that other programs on the machine count little and count for all alike; the
    first ones warm it up.
    """
    least = dict.fromkeys(requests, inf)
    for _ in range(BATCHES):
        for name, request in requests.items():
            least[name] = min(least[name], sum(request.send()[0] for _ in range(BATCH)) / BATCH)
    return least


def statements(app: Flask, request: Direct) -> int:
    """Return how many SQL statements the second request of its kind takes, without those around transactions."""
    request.send()
    with heard(app.extensions["portal"].database) as statements:
        request.send()
    return len(statements.asked)
