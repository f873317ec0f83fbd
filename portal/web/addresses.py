"""Addresses: where a request came from, where people may be sent next, and how they are told."""

from urllib.parse import unquote, urlencode, urlsplit

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter, PathConverter

from portal.audit import Actor
from portal.tokens import clean_token
from portal.web.app_state import app_state
from portal.web.networks import network_of

START_PAGE = "/"
SIGN_IN_PAGE = "/account/sign-in"
AGAIN_PAGE = "/account/again"
"""Where a person types the password again."""
SECURITY_PAGE = "/account/security"
LONGEST_NUMBER = 18
"""Digits of a number that every database can compare with the number of a row."""


class StoredNumber(IntegerConverter):
    """`<int:…>` in an address: no longer than a stored number, else there is no such address."""

    regex = f"[0-9]{{1,{LONGEST_NUMBER}}}"


class MailedToken(PathConverter):
    """The token of a mailed link, in an address that a mail program may have broken or lengthened."""

    regex = r"[^/][\s\S]*?"

    def to_python(self, value: str) -> str:
        """Return the token as it was mailed; another one or an empty one if it is not whole."""
        return clean_token(value)


def sign_in_page(then: str | None) -> str:
    """Where people sign in, to go on to `then` afterwards."""
    return f"{SIGN_IN_PAGE}?{urlencode({'next': then})}" if then else SIGN_IN_PAGE


def local_path(target: str | None, default: str) -> str:
    """`target` where it is a path of this portal that a browser can open, else `default`.

    A path must match the URL map; anything with a scheme, a host or a backslash is somebody else's idea. An address
    that only takes forms is no page, though a page of another name may match it.
    """
    if (
        not target
        or not target.startswith("/")
        or target.startswith("//")
        or "\\" in target
        or not target.isprintable()
    ):
        return default
    path = urlsplit(target).path
    return target if _stays(path) and _is_page(path) else default


def _stays(path: str) -> bool:
    """Whether a path means the same to a browser, which leaves out `..`, also written `%2e%2e`, and may read `//`."""
    *folders, last = unquote(path).split("/")[1:]
    return not {"", ".", ".."}.intersection(folders) and last not in (".", "..")


def page_of(path: str) -> str:
    """The page at a path or, where that only takes forms, the one above it: the save page of `…/save/proof`.

    An address ends in the name of what it takes, so that name goes with all behind it: `/drafts/R/autosave/you` is a
    form of `/drafts/R`.
    """
    while path and not _is_page(path):
        named = (_rule_of(path, "POST") or path).split("/")
        last = max(place for place, part in enumerate(named) if "<" not in part)
        path = "/".join(path.split("/")[:last])
    return path or START_PAGE


def _is_page(path: str) -> bool:
    """Whether a path is a page, and not only where a form goes.

    `/drafts/R/save/proof` takes forms alone, yet it matches the page `/drafts/<reference>/<section_id>/<item_id>`: then
    another rule takes the forms than shows the page. A rule that names its whole address, such as `/sign/done`, is that
    of a page all the same, though `/sign/<token>` would take its forms.
    """
    shows, takes = (_rule_of(path, method) for method in ("GET", "POST"))
    return shows is not None and (takes in (None, shows) or "<" not in shows)


def _rule_of(path: str, method: str) -> str | None:
    try:
        rule, _values = current_app.url_map.bind("").match(path, method=method, return_rule=True)
    except HTTPException:
        return None
    return rule.rule


def public_url(path: str) -> str:
    """A full address for a mail, built from configuration alone."""
    return app_state().configuration.base_url + path


def qr_picture(address: str) -> str:
    """Return an address as a QR picture: an SVG that needs no style, in the ink of the page, on a white ground."""
    import segno

    modules = segno.make(address, error="m")
    return str(modules.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"))


def is_htmx() -> bool:
    """Whether the request comes from htmx (or our script in its place) and wants a fragment."""
    return request.headers.get("HX-Request") == "true"


def htmx_redirect(location: str, status: int) -> Response:
    """Tell the page to go elsewhere: a plain redirect would land inside a fragment."""
    return Response(status=status, headers={"HX-Redirect": location})


def remote_network(ranges: str = "") -> str:
    """The network this request came from; `ranges` lists networks that count as one."""
    return network_of(request.remote_addr, ranges)


def actor(person_id: int | None = None) -> Actor:
    """Who acts in this request, for the audit log."""
    return Actor(person_id=person_id, address=remote_network())
