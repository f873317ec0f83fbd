"""A canary in every test with an application: what people typed or received must appear only in its proper place.

It notes what is posted and what cookies, e-mails and pages contain: answers, addresses, passwords, codes, tokens. When
the test is over it looks for them in the logs (as a server writes them), in the addresses of requests and redirects, in
pages that are not forms, in e-mails to others, and in the files of the installation.
"""

import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from http.cookies import SimpleCookie
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from flask import Flask

from portal.web import logs

LONGEST_BODY = 200_000
SHORTEST = 8
"""Shorter values are common words, which appear in pages and e-mails anyway; so do the values of options."""
OPTION = re.compile(r"[a-z0-9_]+")
DRAFT = re.compile(r"/drafts/[^/]+/(?!save)")
MAILED_LINK = re.compile(r"https?://[^/\s]+(/(?:resume|sign|account(?:/[a-z-]+)+)/)([A-Za-z0-9_-]{43})")
MAILED_CODE = re.compile(r"^(\d{6}|[2-9A-Z]{5}|[2-9A-Z]{8})$", re.MULTILINE)
WHO_ASKS = re.compile(r"Who asks you: [^\n<]*")
SECRET_INPUTS = {
    "password": "password",
    "old_password": "password",
    "secret": "offered secret",
    "return_code": "return code",
    "csrf_token": "form token",
}
NO_FORM = frozenset({400, 403, 404, 405, 413, 500, 503})
"""Responses that show nothing of what was sent."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Canary:
    """What was typed and received in one test, and where it was seen."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.addresses: list[str] = []
        self.shown: list[str] = []

    def copy(self) -> "Canary":
        """Return another that has noted the same."""
        other = Canary()
        other.note(self)
        return other

    def note(self, other: "Canary") -> None:
        """Note all that another has noted."""
        self.secrets |= other.secrets
        self.addresses += other.addresses
        self.shown += other.shown

    def watch(self, app: Flask) -> None:
        """Wrap the application."""
        inner: Wsgi = app.wsgi_app
        app.wsgi_app = lambda environ, start: self._pass(inner, environ, start)  # type: ignore[method-assign,assignment]

    def _pass(self, inner: Wsgi, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        posted = self._note_posted(environ)
        self.addresses.append(unquote(f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"))
        answered: list[str] = []

        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            answered.append(status[:3])
            self._note_headers(headers)
            return start(status, headers, *more)

        chunks = inner(environ, begin)
        return self._seen(chunks, posted) if posted and int(answered[0]) in NO_FORM else chunks

    def _seen(self, chunks: Iterable[bytes], posted: list[str]) -> list[bytes]:
        whole = list(chunks)
        close = getattr(chunks, "close", None)
        if close:
            close()
        page = b"".join(whole).decode("utf-8", "replace")
        self.shown += [value for value in posted if value in page]
        return whole

    def _note_posted(self, environ: dict[str, Any]) -> list[str]:
        """Note what a form posts, by kind; return the answers in it."""
        given = environ.get("CONTENT_LENGTH") or "0"
        length = int(given) if given.isascii() and given.isdigit() else LONGEST_BODY + 1
        is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if environ["REQUEST_METHOD"] != "POST" or not is_form or length > LONGEST_BODY:
            return []
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = BytesIO(body)
        pairs = parse_qsl(body.decode("latin-1"), encoding="utf-8", errors="replace")
        for name, value in pairs:
            stood_open = any(value in address for address in self.addresses)
            if name in SECRET_INPUTS and len(value) >= SHORTEST and not stood_open:
                self.secrets[value] = SECRET_INPUTS[name]
        answers = [value for name, value in pairs if DRAFT.match(environ["PATH_INFO"]) and _is_answer(name, value)]
        self.secrets |= dict.fromkeys(answers, "answer")
        return answers

    def _note_headers(self, headers: list[tuple[str, str]]) -> None:
        for name, value in headers:
            if name in ("Location", "HX-Redirect"):
                self.addresses.append(unquote(value))
            if name == "Set-Cookie":
                tokens = [morsel.value for morsel in SimpleCookie(value).values()]
                self.secrets |= {token: "cookie" for token in tokens if len(token) > SHORTEST}

    def hits(self, log: str, mails: list[str], files: list[bytes], known_words: str) -> list[str]:
        """Return every place where a secret appears that must not hold it."""
        answers = [value for value, kind in self.secrets.items() if kind == "answer" and value not in known_words]
        links = {token: prefix for mail in mails for prefix, token in MAILED_LINK.findall(mail)}
        codes = {code for mail in mails for code in MAILED_CODE.findall(mail)}
        typed = {value: kind for value, kind in self.secrets.items() if value not in known_words}
        found = [f"{kind} in the log" for value, kind in typed.items() if value in log]
        for mail in mails:
            found += [f"{kind} in a mail" for value, kind in typed.items() if value in _foreign(mail, value)]
        found += [f"mailed link in the log: {token}" for token in links if token in log]
        found += [f"mailed code in the log: {code}" for code in codes if _word(code, log)]
        for at in self.addresses:
            found += [f"{kind} in the address {at}" for value, kind in typed.items() if value in at]
            found += [f"mailed code in the address {at}" for code in codes if _word(code, at)]
            found += [f"link in {at}" for token, prefix in links.items() if _strays(at, token, prefix)]
        found += ["answer in a page that is no form" for value in self.shown if value not in known_words]
        stored = [value.encode() for value in answers if "@" not in value]
        return found + ["answer in a file" for value in stored if any(value in content for content in files)]


def _is_answer(name: str, value: str) -> bool:
    is_ours = name.startswith("_") or name == "csrf_token"
    return not is_ours and len(value) >= SHORTEST and not OPTION.fullmatch(value)


def _foreign(mail: str, value: str) -> str:
    """Return what of an e-mail may not hold this value; people read their own address, and who asks them."""
    return "" if "@" in value and f"To: {value}" in mail else WHO_ASKS.sub("", mail)


def _word(code: str, text: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){code}(?![A-Za-z0-9])", text) is not None


def _strays(address: str, token: str, prefix: str) -> bool:
    """Return whether a link's token appears outside the link's own path."""
    path, _, query = address.partition("?")
    return token in query or (token in path and not path.startswith(prefix))


def watched(app: Flask) -> Iterator[Canary]:
    """Watch one application until the test is over, then fail if anything leaked."""
    canary, stream, root = Canary(), StringIO(), logging.getLogger()
    canary.watch(app)
    before, level = root.handlers[:], root.level
    logs.configure(stream)
    logging.captureWarnings(False)
    mine = root.handlers[0]
    mine.addFilter(lambda record: record.name != "werkzeug")  # the server of browser tests
    root.handlers[:] = [*before, mine]
    yield canary
    root.removeHandler(mine)
    root.setLevel(level)
    folder = app.extensions["portal"].configuration.data_dir
    mails = [path.read_text("utf-8", "replace") for path in folder.glob("mail/*.eml")]
    hits = canary.hits(stream.getvalue(), mails, list(_files(app)), _words_of_forms(app))
    assert not hits, "; ".join(sorted(set(hits)))


def _files(app: Flask) -> Iterator[bytes]:
    """Yield every file of the installation except its e-mails, and those of an SQLite database."""
    configuration = app.extensions["portal"].configuration
    database = Path(configuration.database_url.removeprefix("sqlite:///"))
    kept = database.parent.glob(f"{database.name}*") if configuration.is_sqlite else ()
    for path in (*configuration.data_dir.rglob("*"), *kept):
        if path.is_file() and path.suffix != ".eml":
            yield path.read_bytes()


PUBLIC_WORDS = """SELECT document FROM form_versions
UNION ALL SELECT line_1 || char(10) || line_2 || char(10) || town || char(10) || postcode FROM gazetteer_addresses"""


def _words_of_forms(app: Flask) -> str:
    """Return the words of published forms and of the address register: an answer that repeats them reveals nothing."""
    url = app.extensions["portal"].configuration.database_url
    if not url.startswith("sqlite:///"):
        return ""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return "\n".join(row[0] for row in connection.execute(PUBLIC_WORDS))
    finally:
        connection.close()
