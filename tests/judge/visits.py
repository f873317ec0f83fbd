"""Who visits the portal for the judges: a browser of each role, with forms begun and sent, and their cookies."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask
from sqlalchemy import delete
from werkzeug.datastructures import MultiDict

from portal import migrations
from portal.app import create_app
from portal.commands.database import PEOPLE, load_demo
from portal.config import read_configuration
from portal.web.limits import UsedUp
from tests.citizen import Citizen, File
from tests.files import PDF
from tests.journeys import housing

NOBODY, GUEST = "nobody", "guest"
ROLES = (NOBODY, GUEST, "citizen", "staff", "field", "administrator")
FREE_EVERY_S = 0.3


def prepared_app(data_dir: str) -> Flask:
    """Return the portal on a new database with the demo; a server with this folder sees the same."""
    app = create_app(read_configuration({"DATA_DIR": data_dir}))
    parts = app.extensions["portal"]
    migrations.upgrade(parts.database)
    load_demo(parts.database, parts.configuration, now=parts.clock.now())
    app.request_class = noting(app.request_class)
    return app


@dataclass
class Visits:
    """One browser of each role, and what the addresses of the portal are filled with."""

    browsers: dict[str, Citizen]
    values: dict[str, str]

    def cookie(self, role: str) -> str:
        """Return the header that makes another program this browser."""
        cookies = self.browsers[role].client._cookies or {}
        return "; ".join(f"{cookie.decoded_key}={cookie.value}" for cookie in cookies.values())


def visits(app: Flask) -> Visits:
    """Sign everybody in; a guest and the citizen have begun a form, and the citizen has sent another with a file."""
    browsers = {role: Citizen(app) for role in ROLES}
    for person in PEOPLE:
        browser = browsers[person.role]
        browser.open("/account/sign-in")
        browser.press("Sign in", email=person.email, password=person.password)
    browsers[NOBODY].open("/account/sign-in")
    guests = housing.begin_with_home(browsers[GUEST])
    citizen = browsers["citizen"]
    sent = housing.start(citizen)
    housing.fill(citizen, sent)
    citizen.open(f"{sent}/evidence")
    citizen.press("Continue", income_proof=[File("payslip.pdf", PDF)])
    citizen.open(f"{sent}/check")
    file_id = next(link for link in citizen.page.links.values() if link.startswith("/files/")).split("/")[-1]
    citizen.press("Send", declaration="yes")
    draft = housing.begin_with_home(citizen)
    places = {"draft": draft, "sent": sent, "guests": guests}
    values = {name: address.split("/")[-1] for name, address in places.items()} | {"file_id": file_id}
    return Visits(browsers, values)


class _Noted(MultiDict[str, str]):
    """The values of an address, which note the names that a view asks for."""

    names: set[str]

    def get(self, key: Any, *rest: Any, **more: Any) -> Any:
        """Return a value, and note its name."""
        self.names.add(key)
        return super().get(key, *rest, **more)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)


NAMES: set[str] = set()
"""What the views that were called since this was emptied have read from their address."""


def noting(request_class: type[Any]) -> type[Any]:
    """Return the class of requests with values that note what is read of them."""

    class Request(request_class):  # type: ignore[misc]
        @cached_property
        def args(self) -> _Noted:
            noted = _Noted(super().args)
            noted.names = NAMES
            return noted

    return Request


@contextmanager
def without_limits(app: Flask) -> Iterator[None]:
    """Keep the limits on guessing empty meanwhile: a judge who is told to wait has judged nothing."""
    database, done = app.extensions["portal"].database, threading.Event()

    def free() -> None:
        while not done.wait(FREE_EVERY_S):
            with database.writing() as db:
                db.execute(delete(UsedUp))

    thread = threading.Thread(target=free, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
