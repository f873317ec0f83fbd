"""Declared services: the documents that describe them, checked with named faults."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from portal.config import Configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.form_definitions.format.source import FaultyDefinitionError, yaml_tree
from portal.integrations.adapters import AddressRegister, HttpJson
from portal.integrations.definition import ADDRESS_PARTS, Adapter, Care, Output
from portal.integrations.outbound import Limits, SafeClient
from portal.integrations.rules import ResultMapping, placeholders

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


def _checked_header(value: Any) -> SecretDocument | str:
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
    headers: dict[Annotated[str, AfterValidator(_header_name)], Annotated[Any, BeforeValidator(_checked_header)]] = {}
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


def read_adapters(configuration: Configuration, database: Database) -> dict[str, Adapter]:
    """All integrations of this installation by name: the register of ours, and those that its file declares.

    Raises `ConfigurationError` with one sentence that names the file and the place.
    """
    register = AddressRegister(database)
    return {register.name: register, **_declared(configuration)}


def check_integrations(configuration: Configuration) -> None:
    """Raise `ConfigurationError` where the file of integrations is not as it must be."""
    _declared(configuration)


def _declared(configuration: Configuration) -> dict[str, Adapter]:
    file = configuration.integrations_file
    if file is None:
        return {}
    try:
        document = FileDocument.model_validate(yaml_tree(file.read_bytes().decode()))
    except OSError as reason:
        raise ConfigurationError(f"INTEGRATIONS_FILE: {file} cannot be read: {reason.strerror}.") from reason
    except (UnicodeDecodeError, FaultyDefinitionError) as reason:
        raise ConfigurationError(f"{file} is not YAML that we can read: {str(reason).splitlines()[0]}") from reason
    except ValidationError as reason:
        raise ConfigurationError(f"{file}, {first_fault(reason)}") from None  # its text would quote the file
    return {name: _adapter(name, each, configuration, file) for name, each in document.integrations.items()}


def _adapter(name: str, service: ServiceDocument, configuration: Configuration, file: Path) -> Adapter:
    place = f"{file}, integrations.{name}"
    _refuse_contradictions(service, configuration, place)
    return HttpJson(
        name=name,
        address=service.address,
        method=service.method,
        query=service.query,
        body=service.body,
        headers=_headers(service, configuration.integration_secrets, place),
        none_when=frozenset(service.none_when),
        mapping=ResultMapping(results=service.results, label=tuple(service.label), values=service.values),
        inputs=_inputs(service),
        outputs={name: _output(path) for name, path in service.values.items()},
        care=Care(is_outside=True, cache_s=service.cache_seconds),
        client=SafeClient(_limits(service)),
    )


def _refuse_contradictions(service: ServiceDocument, configuration: Configuration, place: str) -> None:
    if configuration.environment == "production" and urlsplit(service.address).scheme != "https":
        raise ConfigurationError(f"{place}.address: This must begin with https:// in production.")
    if service.body and service.method != "POST":
        raise ConfigurationError(f"{place}.body: Only a POST has a body.")
    if not _inputs(service):
        raise ConfigurationError(f"{place}: An integration needs an input, in its address, query or body.")
    if service.authorities and not Path(service.authorities).is_file():
        raise ConfigurationError(f"{place}.authorities: There is no file {service.authorities}.")


def _headers(service: ServiceDocument, secrets: Mapping[str, str], place: str) -> dict[str, str]:
    return {name: _header(value, secrets, f"{place}.headers.{name}") for name, value in service.headers.items()}


def _header(value: SecretDocument | str, secrets: Mapping[str, str], place: str) -> str:
    if isinstance(value, str):
        return value
    secret = secrets.get(value.secret, "")
    if not secret or not secret.isascii() or not secret.isprintable():
        raise ConfigurationError(f"{place}: {value.secret} is not set in the environment, or no printable ASCII.")
    return value.prefix + secret


def _inputs(service: ServiceDocument) -> tuple[str, ...]:
    named = (*placeholders(service.address), *service.query.values(), *service.body.values())
    return tuple(dict.fromkeys(named))


def _output(path: object) -> Output:
    return Output.ADDRESS if isinstance(path, Mapping) else Output.TEXT


def _limits(service: ServiceDocument) -> Limits:
    return Limits(
        allowed=tuple(service.allow_networks),
        deadline_s=service.deadline_seconds,
        max_bytes=service.max_kb * 1024,
        authorities=service.authorities,
    )
