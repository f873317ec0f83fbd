"""A throw-away application with the holes that each judge must find, so that its silence about the portal counts.

It answers on loopback only, and only while the judges look at it. What could hurt the machine is an imitation: the
"shell" starts no program, and files are read from one made-up table.
"""

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from posixpath import normpath
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

WEAK_POLICY = "default-src *; script-src 'self' 'unsafe-inline'; object-src *"
SOURCE = "import subprocess\n\n\ndef run(typed):\n    subprocess.call(typed, shell=True)\n"
"""What bandit must find."""

ADDRESSES = ("/greet?name=Ada", "/rows?number=1", "/go?to=/", "/file?name=notes", "/ping?host=a", "/load?address=a")
PAGES = "".join(f'<p><a href="{address}">{address}</a></p>' for address in (*ADDRESSES, "/header?language=en", "/book"))
PASSWORDS = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
FILES = {"/notes": "Nothing of note.", "/etc/passwd": PASSWORDS}

TORN = {"/go": ("302 Found", "Location", "to"), "/header": ("200 OK", "Content-Language", "language")}
"""Addresses that put a typed value into a header as it is: the status, the header, and the parameter."""

app = Flask("planted")
app.logger.disabled = True
_book: list[str] = []
_calls: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {}


@app.get("/")
def start() -> ResponseReturnValue:
    """Link every hole; the cookie and the policy are two more."""
    return page(PAGES), {"Content-Security-Policy": WEAK_POLICY, "Set-Cookie": "planted=1; Path=/"}


def page(body: str) -> str:
    """Return a page with this body."""
    return f"<!doctype html><html><head><title>Planted</title></head><body>{body}</body></html>"


@app.get("/greet")
def greet() -> str:
    """Reflect a script."""
    return page(f"Hello {request.args.get('name', '')}")


@app.get("/rows")
def rows() -> ResponseReturnValue:
    """Put what was typed into a statement."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript("CREATE TABLE people (number INTEGER, name TEXT); INSERT INTO people VALUES (1, 'Ada')")
        statement = f"SELECT name FROM people WHERE number = {request.args.get('number', '0')}"
        try:
            return page(", ".join(str(name) for (name,) in database.execute(statement)))
        except sqlite3.Error as reason:
            return page(f"sqlite3.OperationalError: {reason}"), 500


@app.get("/file")
def file() -> str:
    """Read any file; of those that the imitation has."""
    name = normpath("/" + request.args.get("name", "").lstrip("/"))
    return page(f"<pre>{FILES.get(name, '')}</pre>")


@app.get("/ping")
def ping() -> str:
    """Imitate a shell that runs what follows a separator."""
    commands = re.split(r"[;|&\n`$()]+", request.args.get("host", ""))
    return page("PATH=/usr/bin\nPWD=/\n" if "env" in commands else "pinged")


@app.get("/load")
def load() -> str:
    """Fetch an address that somebody typed, as far as this machine."""
    address = request.args.get("address", "")
    if urlsplit(address).hostname == "127.0.0.1":
        with suppress(OSError), urlopen(address, timeout=5) as answer:  # noqa: S310
            answer.read()
    return page("loaded")


@app.route("/book", methods=["GET", "POST"])
def book() -> str:
    """Keep a script, and show it to the next reader."""
    if request.method == "POST":
        _book.append(request.form.get("entry", ""))
    form = '<form method="post" action="/book"><input name="entry" value="hello"><button>Write</button></form>'
    return page(form + "".join(f"<p>{entry}</p>" for entry in _book))


@app.get("/ssrf/<session>/<number>/<parameter>/")
def called(session: str, number: str, parameter: str) -> str:
    """Note that a server was made to call here: no hole, but where Wapiti's own server would listen."""
    call = {"url": request.url, "date": "", "ip": request.remote_addr, "method": request.method, "size": 0}
    _calls.setdefault(session, {}).setdefault(number, {}).setdefault(parameter, []).append(call)
    return ""


@app.get("/get_ssrf.php")
def calls() -> ResponseReturnValue:
    """Tell Wapiti which of its addresses were called."""
    return jsonify(_calls.get(request.args.get("session_id", ""), {}))


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request; headers are torn, and lead anywhere, below Flask, which would refuse it."""
    if environ["PATH_INFO"] not in TORN:
        return app.wsgi_app(environ, start_response)
    status, header, parameter = TORN[environ["PATH_INFO"]]
    typed = parse_qs(environ["QUERY_STRING"]).get(parameter, [""])[0].encode().decode("latin-1")
    start_response(status, [("Content-Type", "text/html"), (header, typed)])
    return [page("Elsewhere").encode()]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Write nothing down."""


@contextmanager
def planted() -> Iterator[str]:
    """Serve it until the end of the block; yield its address."""
    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
