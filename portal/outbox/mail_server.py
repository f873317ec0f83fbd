"""`MAIL_URL` read: which adapter takes the mail, and how to reach the server."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from portal.errors import ConfigurationError

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server as configuration names it; `scheme` is smtp or smtps."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    starttls: bool


def read_mail_server(url: str) -> MailServer | None:
    """The server of `smtp://user:password@host:port?starttls=1` or `smtps://…`; None for `file:`.

    Raises `ConfigurationError` with a sentence where the address names no server or something unknown.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return None
    options = parse_qs(parts.query, keep_blank_values=True)
    if not parts.hostname or parts.path not in ("", "/") or not _known(options):
        raise ConfigurationError("MAIL_URL must look like smtp://user:password@host:587?starttls=1, or be file:.")
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
        starttls=options.get("starttls") == ["1"],
    )


def _known(options: dict[str, list[str]]) -> bool:
    return options in ({}, {"starttls": ["0"]}, {"starttls": ["1"]})
