"""The file of integrations as its author writes it, checked for shape; what is wrong is one sentence with its place."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from portal.integrations.definition import ADDRESS_PARTS

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,4000}")
SECRET_PREFIX = "INTEGRATION_"  # noqa: S105 - how secrets are named, not one
OWN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"}
)
"""Headers that the request itself decides about."""
_BRACES = re.compile(r"\{[a-z][a-z0-9_]*\}")


def _refuse(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("portal", sentence)


def _matching(pattern: re.Pattern[str], sentence: str) -> Callable[[str], str]:
    def judge(value: str) -> str:
        if not pattern.fullmatch(value):
            raise _refuse(sentence)
        return value

    return judge


def _address(value: str) -> str:
    """Inputs may stand in the path alone: who is asked is never an input."""
    bare = _BRACES.sub("x", value)
    try:
        parts = urlsplit(bare)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in ("http", "https") or not bare.isascii() or re.search(r"[\s\\]", bare):
        raise _refuse("This must be a whole address, like https://api.example.org/search.")
    if parts.username is not None or parts.password is not None:
        raise _refuse("An address holds no user and no password; use a header with a secret.")
    start, slash, path = value.partition("://")[2].partition("/")
    if re.search(r"[{}]", start) or re.search(r"[{}#]", _BRACES.sub("", slash + path)) or "{" in path.partition("?")[2]:
        raise _refuse("Inputs in braces stand in the path only, like https://api.example.org/postcodes/{postcode}.")
    return value


def _network(value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        raise _refuse("This must be a network, like 10.20.0.0/16.") from None


def _path(value: str) -> tuple[str, ...]:
    return tuple(value.split(".")) if value else ()


def _paths(value: Any) -> list[tuple[str, ...]]:
    written = value if isinstance(value, list) else [value]
    if not written or not all(isinstance(each, str) and each for each in written):
        raise _refuse("This must be a path, like address.line_1, or a list of such.")
    return [_path(each) for each in written]


def _value(value: Any) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    if isinstance(value, str) and value:
        return _path(value)
    is_address = isinstance(value, dict) and all(isinstance(each, str) and each for each in value.values())
    if not is_address or not value or not set(value) <= set(ADDRESS_PARTS):
        raise _refuse(f"This must be a path, or a mapping of {', '.join(ADDRESS_PARTS)} to paths.")
    return {part: _path(each) for part, each in value.items()}


Name = Annotated[
    str, AfterValidator(_matching(NAME, "A name begins with a-z and holds only a-z, 0-9 and _, at most 64 of them."))
]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Network = Annotated[Any, BeforeValidator(_network)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretDocument(_Part):
    """A header's value that stands in the environment."""

    secret: Annotated[
        str,
        AfterValidator(
            _matching(
                re.compile(SECRET_PREFIX + "[A-Z0-9_]{1,80}"),
                f"This must be the name of a variable that begins with {SECRET_PREFIX}.",
            )
        ),
    ]
    prefix: Annotated[str, AfterValidator(_matching(HEADER_VALUE, "This must be printable ASCII."))] = ""


def _header(value: Any) -> SecretDocument | str:
    if isinstance(value, dict):
        return SecretDocument.model_validate(value)
    if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
        raise _refuse("This must be printable ASCII, or {secret: INTEGRATION_…}.")
    return value


def _header_name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name) or name.lower() in OWN_HEADERS:
        raise _refuse("This is no header that you may set.")
    return name


class ServiceDocument(_Part):
    """One service."""

    kind: Literal["http_json"]
    address: Annotated[str, AfterValidator(_address)]
    method: Literal["GET", "POST"] = "GET"
    query: dict[Text, Name] = {}
    body: dict[Text, Name] = {}
    headers: dict[Annotated[str, AfterValidator(_header_name)], Annotated[Any, BeforeValidator(_header)]] = {}
    results: Annotated[Any, BeforeValidator(lambda value: _path(str(value)))] = ()
    label: Annotated[Any, BeforeValidator(_paths)]
    values: Annotated[dict[Name, Annotated[Any, BeforeValidator(_value)]], Field(min_length=1)]
    none_when: list[Annotated[int, Field(ge=400, le=499)]] = []
    allow_networks: list[Network] = []
    authorities: str | None = None
    deadline_seconds: Annotated[float, Field(ge=0.5, le=8)] = 4
    max_kb: Annotated[int, Field(ge=1, le=4096)] = 256
    cache_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300


class FileDocument(_Part):
    """The whole file."""

    format: Literal["1"]
    integrations: dict[Name, ServiceDocument]


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, with its place: `integrations.companies.address: This must be …`."""
    fault = error.errors(include_url=False, include_input=False, include_context=True)[0]
    place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    return f"{place}: {_SENTENCES.get(fault['type'], fault['msg'])}" if place else str(fault["msg"])


_SENTENCES = {
    "missing": "This is missing.",
    "extra_forbidden": "This key is not known.",
    "string_type": "This must be a text.",
    "list_type": "This must be a list.",
    "dict_type": "This must be a mapping of keys to values.",
    "model_type": "This must be a mapping of keys to values.",
    "int_parsing": "This must be a whole number.",
    "float_parsing": "This must be a number.",
}
