"""Look-ups: our own address register, and other services, which an installation declares in a file."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from portal.config import Configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.form_definitions.format.source import FaultyDefinitionError, yaml_tree
from portal.form_definitions.types.answers import ADDRESS_KEYS
from portal.integrations.definition import Adapter, Call, Care, Found, LookupFailedError, LookupFailure, Output
from portal.integrations.models import GazetteerAddress
from portal.integrations.outbound import IPNetwork, Limits, SafeClient, ServiceAnswer
from portal.integrations.queries import addresses_at
from portal.integrations.rules import ResultMapping, filled_address, placeholders

REGISTER_NAME = "address_register"
HTTP_JSON = "http_json"
SIGNS_OF_TROUBLE = frozenset({401, 403, 407, 408, 429})
"""The 4xx that are about us or the service, not about this one request."""
SERVICE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,4000}")
SECRET_PREFIX = "INTEGRATION_"  # noqa: S105 - how secrets are named, not one
RESERVED_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"}
)
"""Headers that a request sets itself."""
_BRACES = re.compile(r"\{[a-z][a-z0-9_]*\}")


class AddressRegister:
    """The table that `integrations load-addresses` fills."""

    name = REGISTER_NAME
    kind = REGISTER_NAME
    address = GazetteerAddress.__tablename__
    inputs = ("postcode",)
    outputs = MappingProxyType({"address": Output.ADDRESS, **dict.fromkeys(ADDRESS_KEYS, Output.TEXT)})
    care = Care()

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, inputs: Mapping[str, str]) -> Sequence[Found]:
        """Return the addresses of a postcode, each as a whole and in its parts."""
        with self._database.reading() as db:
            return [_found_address(row) for row in addresses_at(db, inputs["postcode"])]


def _found_address(row: GazetteerAddress) -> Found:
    parts = {"line_1": row.line_1, "line_2": row.line_2, "town": row.town, "postcode": row.postcode}
    return Found(label=", ".join(filter(None, parts.values())), values={"address": parts, **parts})


@dataclass(frozen=True, kw_only=True)
class HttpJson:
    """A declared service that answers JSON.

    `query` and `body` map the service's names to our inputs. `none_when` are the statuses that mean "nothing found".
    """

    name: str
    address: str
    method: str
    query: Mapping[str, str]
    body: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    none_when: frozenset[int]
    mapping: ResultMapping
    inputs: tuple[str, ...]
    outputs: Mapping[str, Output]
    care: Care
    client: SafeClient
    kind: str = HTTP_JSON

    def find(self, inputs: Mapping[str, str]) -> Sequence[Found]:
        """Ask the service and return the results in its answer; raise `LookupFailedError` where there is none."""
        answer = self.client.fetch(self.call(inputs))
        if answer.status in self.none_when:
            return []
        return self.mapping.found(_json_of(answer))

    def call(self, inputs: Mapping[str, str]) -> Call:
        """Return the request for these inputs; raise `LookupFailedError` where an input cannot be sent."""
        query = urlencode({name: inputs[each] for name, each in self.query.items()})
        url = filled_address(self.address, inputs)
        body = json.dumps({name: inputs[each] for name, each in self.body.items()}).encode() if self.body else None
        kind = {"Content-Type": "application/json"} if body else {}
        return Call(
            method=self.method,
            url=f"{url}{'&' if '?' in url else '?'}{query}" if query else url,
            headers={"Accept": "application/json", **kind, **self.headers},
            body=body,
        )


def _json_of(answer: ServiceAnswer) -> Any:
    if answer.status != 200:
        is_refusal = 400 <= answer.status < 500 and answer.status not in SIGNS_OF_TROUBLE
        raise LookupFailedError(LookupFailure.REFUSED if is_refusal else LookupFailure.STATUS)
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as reason:
        raise LookupFailedError(LookupFailure.NOT_UNDERSTOOD) from reason


def _refuse(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("portal", sentence)


def _matching(pattern: re.Pattern[str], sentence: str) -> Callable[[str], str]:
    def judge(value: str) -> str:
        if not pattern.fullmatch(value):
            raise _refuse(sentence)
        return value

    return judge


def _service_address(value: str) -> str:
    """Check an address: inputs are allowed in its path only, never in its host."""
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


def _network(value: Any) -> IPNetwork:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        raise _refuse("This must be a network, like 10.20.0.0/16.") from None


def _path(value: str) -> tuple[str, ...]:
    return tuple(value.split(".")) if value else ()


def _label_paths(value: Any) -> list[tuple[str, ...]]:
    written = value if isinstance(value, list) else [value]
    if not written or not all(isinstance(each, str) and each for each in written):
        raise _refuse("This must be a path, like address.line_1, or a list of such.")
    return [_path(each) for each in written]


def _value_path(value: Any) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    if isinstance(value, str) and value:
        return _path(value)
    is_address = isinstance(value, dict) and all(isinstance(each, str) and each for each in value.values())
    if not is_address or not value or not set(value) <= set(ADDRESS_KEYS):
        raise _refuse(f"This must be a path, or a mapping of {', '.join(ADDRESS_KEYS)} to paths.")
    return {part: _path(each) for part, each in value.items()}


Name = Annotated[
    str,
    AfterValidator(
        _matching(SERVICE_NAME, "A name begins with a-z and holds only a-z, 0-9 and _, at most 64 of them.")
    ),
]


ParameterName = Annotated[str, Field(min_length=1, max_length=200)]


AllowedNetwork = Annotated[Any, BeforeValidator(_network)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretDocument(_Document):
    """A header's value that is read from the environment."""

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
    if not HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
        raise _refuse("This is no header that you may set.")
    return name


class ServiceDocument(_Document):
    """One service of the file."""

    kind: Literal["http_json"]
    address: Annotated[str, AfterValidator(_service_address)]
    method: Literal["GET", "POST"] = "GET"
    query: dict[ParameterName, Name] = {}
    body: dict[ParameterName, Name] = {}
    headers: dict[Annotated[str, AfterValidator(_header_name)], Annotated[Any, BeforeValidator(_checked_header)]] = {}
    results: Annotated[Any, BeforeValidator(lambda value: _path(str(value)))] = ()
    label: Annotated[Any, BeforeValidator(_label_paths)]
    values: Annotated[dict[Name, Annotated[Any, BeforeValidator(_value_path)]], Field(min_length=1)]
    none_when: list[Annotated[int, Field(ge=400, le=499)]] = []
    allow_networks: list[AllowedNetwork] = []
    authorities: str | None = None
    deadline_seconds: Annotated[float, Field(ge=0.5, le=8)] = 4
    max_kb: Annotated[int, Field(ge=1, le=4096)] = 256
    cache_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300


class FileDocument(_Document):
    """The whole file."""

    format: Literal["1"]
    integrations: dict[Name, ServiceDocument]


def first_fault(error: ValidationError) -> str:
    """Return the first fault with its place: `integrations.companies.address: This must be …`."""
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
    """Return all integrations of this installation by name: our own register, and those that its file declares.

    Raises `ConfigurationError` with one sentence that names the file and the place.
    """
    register = AddressRegister(database)
    return {register.name: register, **_declared(configuration)}


def check_integrations(configuration: Configuration) -> None:
    """Raise `ConfigurationError` where the file of integrations has a fault."""
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
    return {name: _declared_service(name, each, configuration, file) for name, each in document.integrations.items()}


def _declared_service(name: str, service: ServiceDocument, configuration: Configuration, file: Path) -> Adapter:
    place = f"{file}, integrations.{name}"
    _refuse_contradictions(service, configuration, place)
    return HttpJson(
        name=name,
        address=service.address,
        method=service.method,
        query=service.query,
        body=service.body,
        headers={
            header: _header(value, configuration.integration_secrets, f"{place}.headers.{header}")
            for header, value in service.headers.items()
        },
        none_when=frozenset(service.none_when),
        mapping=ResultMapping(results=service.results, label=tuple(service.label), values=service.values),
        inputs=_inputs(service),
        outputs={
            name: Output.ADDRESS if isinstance(path, Mapping) else Output.TEXT for name, path in service.values.items()
        },
        care=Care(is_outside=True, cache_s=service.cache_seconds),
        client=SafeClient(
            Limits(
                allowed=tuple(service.allow_networks),
                deadline_s=service.deadline_seconds,
                max_bytes=service.max_kb * 1024,
                authorities=service.authorities,
            )
        ),
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
