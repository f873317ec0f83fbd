"""From the file of integrations to adapters, or one sentence why the portal does not start."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from portal.config import Configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.form_definitions.faults import FaultyDefinitionError
from portal.form_definitions.source import yaml_tree
from portal.integrations.address_register import AddressRegister
from portal.integrations.definition import Adapter, Care, Output
from portal.integrations.document import FileDocument, SecretDocument, ServiceDocument, first_fault
from portal.integrations.http_json import HttpJson
from portal.integrations.outbound import Limits, SafeClient
from portal.integrations.rules import ResultMapping, placeholders


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
