"""Addresses: where a request came from, and where people may be sent next."""

from urllib.parse import urlencode, urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException

from portal.audit import Actor
from portal.web.app_state import app_state
from portal.web.networks import UNKNOWN, network_of

START_PAGE = "/"
SIGN_IN_PAGE = "/account/sign-in"
AGAIN_PAGE = "/account/again"
"""Where a person types the password again."""
SECURITY_PAGE = "/account/security"


def sign_in_page(then: str | None) -> str:
    """Where people sign in, to go on to `then` afterwards."""
    return f"{SIGN_IN_PAGE}?{urlencode({'next': then})}" if then else SIGN_IN_PAGE


def local_path(target: str | None, default: str) -> str:
    """`target` where it is a path of this portal that a browser can open, else `default`.

    A path must match the URL map; anything with a scheme, a host or a backslash is somebody else's idea.
    """
    if (
        not target
        or not target.startswith("/")
        or target.startswith("//")
        or "\\" in target
        or not target.isprintable()
    ):
        return default
    try:
        current_app.url_map.bind("").match(urlsplit(target).path, method="GET")
    except HTTPException:
        return default
    return target


def public_url(path: str) -> str:
    """A full address for a mail, built from configuration alone."""
    return app_state().configuration.base_url + path


def remote_network(ranges: str = "") -> str:
    """The network this request came from; `ranges` lists networks that count as one."""
    return network_of(request.remote_addr or UNKNOWN, ranges)


def actor(person_id: int | None = None) -> Actor:
    """Who acts in this request, for the audit log."""
    return Actor(person_id=person_id, address=remote_network())
