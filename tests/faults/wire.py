"""A browser as far as the server sees it: cookies, kept connections, and a network that fails on purpose."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from threading import Thread
from urllib.parse import urlencode

HOST, TIMEOUT_S = "127.0.0.1", 30
REDIRECTS = (301, 302, 303)
Pairs = list[tuple[str, str]]


class Network(Enum):
    """What happens to one request and its response.

    UNHEARD is a network that falls silent after the request; ABORTED a browser that hangs up, upon which the server
    may drop what it has not begun.
    """

    GOOD = "good"
    UNSENT = "unsent"
    CUT = "cut"
    UNHEARD = "unheard"
    ABORTED = "aborted"
    OVERHEARD = "overheard"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; status 0 if nothing did. `heard` is false if the citizen's browser never got it.

    `arrived` is false only where the request surely never reached the server whole.
    """

    path: str
    status: int = 0
    text: str = ""
    location: str = ""
    heard: bool = True
    arrived: bool = True

    @property
    def is_lost(self) -> bool:
        """Return whether nobody, the oracle included, knows what the server did."""
        return self.status == 0 or self.status >= 500


@dataclass
class Seen:
    """What all browsers of a run have seen, for the table; each citizen has one of their own."""

    requests: int = 0
    failures: dict[int, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)


MARK = re.compile(r"zq(\d+)x\d+z")


class Browser:
    """One browser of a citizen: a cookie jar and a connection; `viewer` is the person whose marks it may show."""

    def __init__(self, port: int, seen: Seen, viewer: int) -> None:
        self.viewer = viewer
        self._port, self._seen = port, seen
        self._cookies: dict[str, str] = {}
        self._connection: HTTPConnection | None = None
        self._silent: list[HTTPConnection] = []

    def get(self, path: str, network: Network = Network.GOOD) -> Answer:
        """Open a page and follow where it leads."""
        answer = self._ask("GET", path, None, {}, network)
        for _ in range(5):
            if answer.status not in REDIRECTS:
                break
            answer = self._ask("GET", answer.location, None, {}, Network.GOOD)
        return answer

    def post(self, path: str, pairs: Iterable[tuple[str, str]], network: Network = Network.GOOD) -> Answer:
        """Send a form, without following where it leads."""
        return self._ask("POST", path, urlencode(list(pairs)).encode(), {}, network)

    def script(self, path: str, pairs: Iterable[tuple[str, str]], network: Network = Network.GOOD) -> Answer:
        """Send as the page's script does."""
        return self._ask("POST", path, urlencode(list(pairs)).encode(), {"HX-Request": "true"}, network)

    def twice(self, path: str, pairs: Pairs) -> list[Answer]:
        """Send one form twice at the same time, each over a connection of its own."""
        tabs = [Browser(self._port, self._seen, self.viewer) for _ in range(2)]
        answers: list[Answer] = []
        for tab in tabs:
            tab._cookies = self._cookies
        threads = [Thread(target=lambda tab=tab: answers.append(tab.post(path, pairs))) for tab in tabs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for tab in tabs:
            tab.close()
        return answers

    def close(self) -> None:
        """Close the connection, whatever is on it."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def end(self) -> None:
        """Close everything."""
        self.close()
        for connection in self._silent:
            connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, extra: dict[str, str], network: Network) -> Answer:
        if network is Network.UNSENT:
            return Answer(path=path, heard=False, arrived=False)
        self._seen.requests += 1
        headers = extra | {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            return self._exchange(method, path, body, headers, network)
        except ConnectionRefusedError:
            self.close()
            return Answer(path=path, arrived=False)
        except (OSError, HTTPException):
            self.close()
            return Answer(path=path)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], network: Network
    ) -> Answer:
        connection = self._connection = self._connection or HTTPConnection(HOST, self._port, timeout=TIMEOUT_S)
        if network is Network.CUT:
            return self._send_half(connection, path, body or b"", headers)
        connection.request(method, path, body, headers)
        if network in (Network.UNHEARD, Network.ABORTED):
            self._leave(connection, is_silent=network is Network.UNHEARD)
            return Answer(path=path, heard=False)
        response = connection.getresponse()
        text = response.read().decode()
        answer = Answer(
            path=path,
            status=response.status,
            text=text,
            location=response.headers.get("Location") or response.headers.get("HX-Redirect") or "",
            heard=network is not Network.OVERHEARD,
        )
        if response.will_close:
            self.close()
        if answer.heard:
            self._keep(response.headers.get_all("Set-Cookie") or [])
            self._look(answer)
        return answer

    def _send_half(self, connection: HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection.putrequest("POST", path)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders(body[: len(body) // 2])
        self.close()
        return Answer(path=path, heard=False, arrived=False)

    def _leave(self, connection: HTTPConnection, *, is_silent: bool) -> None:
        """Leave the connection open with nobody listening, or hang up."""
        if is_silent:
            self._silent.append(connection)
            self._connection = None
        else:
            self.close()

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self._cookies[name] = morsel.value
                else:
                    self._cookies.pop(name, None)

    def _look(self, answer: Answer) -> None:
        """Check whether a response shows what somebody else typed."""
        if answer.status >= 500:
            self._seen.failures[answer.status] = self._seen.failures.get(answer.status, 0) + 1
        others = {found for found in MARK.findall(answer.text) if int(found) != self.viewer}
        if others:
            self._seen.leaks.append(f"{answer.path} showed to {self.viewer} what {sorted(others)} typed")


def until(claim: Callable[[], bool], pause: Callable[[float], object], tries: int) -> bool:
    """Try with back-off until it works; return whether it did."""
    for number in range(tries):
        if claim():
            return True
        pause(min(0.1 * 2**number, 1.0))
    return False
