"""Configuration: read once from the environment and frozen; if it is wrong, the start fails with a plain sentence."""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from portal.errors import ConfigurationError
from portal.keyring import Keyring, new_key, parse_keyring

Environment = Literal["development", "production"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DATABASE_SCHEMES = ("sqlite", "postgresql")
MAIL_SCHEMES = ("file", "smtp", "smtps")
STORAGE_SCHEMES = ("file",)
SECRET_LENGTH = 32
INTEGRATION_SECRETS = "INTEGRATION_"
"""Start of the names of the variables that integrations may send to other services; none of them is our own secret."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that an installation decides outside the database."""

    environment: Environment
    data_dir: Path
    database_url: str
    secret_key: str
    keyring: Keyring
    base_url: str
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    mail_url: str
    storage_url: str
    clamav_url: str | None = None
    integrations_file: Path | None = None
    integration_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    metrics_token: str | None = field(default=None, repr=False)

    @cached_property
    def is_https(self) -> bool:
        """Whether browsers reach us over HTTPS, so that cookies are Secure and have the `__Host-` prefix."""
        return self.base_url.startswith("https://")

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, served by one process with a writer lock, and not PostgreSQL."""
        return self.database_url.startswith("sqlite")

    @property
    def mail_dir(self) -> Path:
        """The folder in which `MAIL_URL=file:` stores one `.eml` file for each message."""
        return self.data_dir / "mail"

    @property
    def storage_dir(self) -> Path:
        """The folder in which `STORAGE_URL=file:` stores uploads; `file:/path` names another one."""
        return Path(urlsplit(self.storage_url).path or self.data_dir / "files").absolute()


def read_configuration(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read and check the whole environment.

    Raise `ConfigurationError` with one sentence that names the variable and says what it must be.
    """
    environment = _environment(environ)
    data_dir = _data_dir(environ)
    base_url = _base_url(environ, environment)
    return Configuration(
        environment=environment,
        data_dir=data_dir,
        database_url=_database_url(environ, data_dir),
        secret_key=_secret_key(environ, environment, data_dir),
        keyring=_keyring(environ, environment, data_dir),
        base_url=base_url,
        trusted_hosts=_trusted_hosts(environ, base_url),
        trusted_proxies=_trusted_proxies(environ),
        mail_url=_scheme(environ, "MAIL_URL", "file:", MAIL_SCHEMES),
        storage_url=_scheme(environ, "STORAGE_URL", "file:", STORAGE_SCHEMES),
        clamav_url=environ.get("CLAMAV_URL") or None,
        integrations_file=_integrations_file(environ, data_dir),
        integration_secrets={name: value for name, value in environ.items() if name.startswith(INTEGRATION_SECRETS)},
        metrics_token=_metrics_token(environ),
    )


def _environment(environ: Mapping[str, str]) -> Environment:
    value = environ.get("ENVIRONMENT", "development")
    if value == "development":
        return "development"
    if value == "production":
        return "production"
    raise ConfigurationError(f"ENVIRONMENT is “{value}”; it must be development or production.")


def _data_dir(environ: Mapping[str, str]) -> Path:
    path = Path(environ.get("DATA_DIR") or "instance").absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as reason:
        raise ConfigurationError(f"DATA_DIR: the folder {path} cannot be made: {reason.strerror}.") from reason
    if not os.access(path, os.W_OK):
        raise ConfigurationError(f"DATA_DIR: the folder {path} cannot be written to.")
    return path


def _scheme(environ: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(name) or default
    try:
        parts = urlsplit(value)
        known = parts.scheme in allowed and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise ConfigurationError(f"{name} must begin with {' or '.join(f'{scheme}:' for scheme in allowed)}.")
    return value


def _database_url(environ: Mapping[str, str], data_dir: Path) -> str:
    return _scheme(environ, "DATABASE_URL", f"sqlite:///{data_dir / 'portal.sqlite3'}", DATABASE_SCHEMES)


def _secret_key(environ: Mapping[str, str], environment: Environment, data_dir: Path) -> str:
    secret = environ.get("SECRET_KEY") or _kept_secret(data_dir / "secret-key", environment, "SECRET_KEY")
    if len(secret) < SECRET_LENGTH:
        raise ConfigurationError(f"SECRET_KEY has {len(secret)} characters; it must have at least {SECRET_LENGTH}.")
    return secret


def _keyring(environ: Mapping[str, str], environment: Environment, data_dir: Path) -> Keyring:
    text = environ.get("ANSWER_KEYS") or _kept_secret(data_dir / "answer-keys", environment, "ANSWER_KEYS")
    return parse_keyring(text)


def _kept_secret(path: Path, environment: Environment, name: str) -> str:
    """Return a secret; development makes it once in a file of mode 0600, production must name one."""
    if environment == "production":
        raise ConfigurationError(f"{name} is not set; production needs it in the environment.")
    if not path.exists():
        _create_secret(path, f"k1:{new_key()}" if name == "ANSWER_KEYS" else secrets.token_urlsafe(48))
    return path.read_text().strip()


def _create_secret(path: Path, secret: str) -> None:
    """Write a temporary file and link it into place, so that another process never reads half a key."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)
    with suppress(FileExistsError):
        path.hardlink_to(aside)
    aside.unlink()


def _base_url(environ: Mapping[str, str], environment: Environment) -> str:
    url = (environ.get("BASE_URL") or f"http://127.0.0.1:{environ.get('PORT') or '8000'}").rstrip("/")
    parts = _split_url(url)
    if parts is None:
        raise ConfigurationError("BASE_URL must be the address people use, like https://portal.example.org.")
    if environment == "production" and parts[0] == "http" and parts[1] not in LOOPBACK:
        raise ConfigurationError("BASE_URL must begin with https:// in production; plain HTTP is for loopback only.")
    return url


def _split_url(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    bare = has_port and not (parts.path or parts.query or parts.fragment)
    return (parts.scheme, parts.hostname) if bare and parts.hostname and parts.scheme in ("http", "https") else None


def _trusted_hosts(environ: Mapping[str, str], base_url: str) -> tuple[str, ...]:
    """Return the names that we answer to; an IPv6 address without its brackets."""
    given = tuple(filter(None, (host.strip().strip("[]") for host in environ.get("TRUSTED_HOSTS", "").split(","))))
    return given or tuple(dict.fromkeys((urlsplit(base_url).hostname or "", *LOOPBACK)))


def _trusted_proxies(environ: Mapping[str, str]) -> int:
    value = environ.get("TRUSTED_PROXIES") or "0"
    if not (value.isascii() and value.isdigit() and int(value) <= 10):
        raise ConfigurationError("TRUSTED_PROXIES must be how many proxies stand before the portal, from 0 to 10.")
    return int(value)


def _integrations_file(environ: Mapping[str, str], data_dir: Path) -> Path | None:
    """Return the file that declares look-ups of other services; without one there is only our own address register."""
    given = environ.get("INTEGRATIONS_FILE")
    path = Path(given or data_dir / "integrations.yaml").absolute()
    if given and not path.is_file():
        raise ConfigurationError(f"INTEGRATIONS_FILE: there is no file {path}.")
    return path if path.is_file() else None


def _metrics_token(environ: Mapping[str, str]) -> str | None:
    """Return the token for monitors on other machines; it is sent in a header, so it is ASCII without spaces."""
    token = environ.get("METRICS_TOKEN") or None
    if token and not (len(token) >= SECRET_LENGTH and token.isascii() and token.isprintable() and " " not in token):
        raise ConfigurationError(
            f"METRICS_TOKEN must have at least {SECRET_LENGTH} letters, digits or signs and no spaces."
        )
    return token


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
