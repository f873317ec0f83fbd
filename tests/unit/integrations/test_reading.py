"""The file of integrations: read into adapters, or refused with one sentence why the portal does not start."""

from pathlib import Path

import pytest

from portal.config import Configuration, read_configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.integrations.adapters import HttpJson, read_adapters

GOOD = """
format: 1
integrations:
  companies:
    kind: http_json
    address: https://api.example.org/v1/{area}/companies?part=name
    query: {q: name}
    headers: {Accept-Language: en, Authorization: {secret: INTEGRATION_KEY, prefix: "Bearer "}}
    results: items
    label: [title, address.postal_code]
    values: {name: title, address: {line_1: address.line_1, postcode: address.postal_code}}
    none_when: [404]
"""
SECRET = "s3cret-value"


def configuration(folder: Path, text: str, **environ: str) -> Configuration:
    (folder / "integrations.yaml").write_text(text)
    return read_configuration({"DATA_DIR": str(folder), "INTEGRATION_KEY": SECRET, **environ})


def refusal(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_adapters(configuration(folder, text, **environ), Database(f"sqlite:///{folder}/none.sqlite3"))
    return str(refused.value)


def companies(folder: Path, text: str = GOOD) -> HttpJson:
    adapter = read_adapters(configuration(folder, text), Database(f"sqlite:///{folder}/none.sqlite3"))["companies"]
    assert isinstance(adapter, HttpJson)
    return adapter


def test_a_request_follows_the_declaration_of_its_service(tmp_path: Path) -> None:
    adapter = companies(tmp_path)
    assert adapter.inputs == ("area", "name")
    assert {name: shape.value for name, shape in adapter.outputs.items()} == {"name": "text", "address": "address"}
    call = adapter.call({"area": "a b", "name": "Müller & Co"})
    assert call.url == "https://api.example.org/v1/a%20b/companies?part=name&q=M%C3%BCller+%26+Co"
    assert call.headers["Authorization"] == f"Bearer {SECRET}"
    assert call.headers["Accept-Language"] == "en"


def test_a_post_sends_its_inputs_as_json(tmp_path: Path) -> None:
    text = GOOD.replace("query: {q: name}", "method: POST\n    body: {companyName: name}")
    call = companies(tmp_path, text).call({"area": "x", "name": 'a"b'})
    assert (call.method, call.body) == ("POST", b'{"companyName": "a\\"b"}')
    assert call.headers["Content-Type"] == "application/json"


def test_no_text_about_an_integration_shows_its_secret(tmp_path: Path) -> None:
    settled = configuration(tmp_path, GOOD)
    adapter = companies(tmp_path)
    texts = [repr(settled), repr(adapter), repr(adapter.call({"area": "x", "name": "y"})), adapter.address]
    assert not [text for text in texts if SECRET in text]


def test_our_own_register_is_the_default_without_a_file(tmp_path: Path) -> None:
    adapters = read_adapters(
        read_configuration({"DATA_DIR": str(tmp_path)}), Database(f"sqlite:///{tmp_path}/none.sqlite3")
    )
    assert list(adapters) == ["address_register"]


def test_a_file_may_replace_our_register_with_a_service(tmp_path: Path) -> None:
    text = GOOD.replace("companies:", "address_register:", 1)
    adapters = read_adapters(configuration(tmp_path, text), Database(f"sqlite:///{tmp_path}/none.sqlite3"))
    assert adapters["address_register"].kind == "http_json"


S = "integrations.companies"
FAULTS = [
    ("not YAML", GOOD + "\n  - x", "not YAML"),
    ("unknown format", GOOD.replace("format: 1", "format: 2"), "format"),
    ("unknown key", GOOD + "    retries: 3\n", f"{S}.retries: This key is not known."),
    ("unknown kind", GOOD.replace("http_json", "soap"), f"{S}.kind"),
    ("bad name", GOOD.replace("companies:", "Companies:", 1), "integrations.Companies: A name begins"),
    ("no label", GOOD.replace("label:", "lable:"), f"{S}.label: This is missing."),
    ("no address", GOOD.replace("https://api.example.org", "api.example.org"), f"{S}.address: This must be a whole"),
    ("another scheme", GOOD.replace("https://", "file://"), f"{S}.address"),
    ("user in the address", GOOD.replace("https://api", "https://me:pw@api"), f"{S}.address: An address holds no user"),
    ("input for the host", GOOD.replace("api.example", "{host}.example"), f"{S}.address: Inputs in braces"),
    ("input in the query", GOOD.replace("part=name", "part={name}"), f"{S}.address: Inputs in braces"),
    ("space in the address", GOOD.replace("/v1/", "/v 1/"), f"{S}.address"),
    ("body of a GET", GOOD + "    body: {a: name}\n", f"{S}.body: Only a POST has a body."),
    ("no input", GOOD.replace("{area}", "all").replace("    query: {q: name}\n", ""), f"{S}: An integration needs"),
    ("secret of ours", GOOD.replace("INTEGRATION_KEY", "SECRET_KEY"), f"{S}.headers.Authorization.secret"),
    ("secret not set", GOOD.replace("INTEGRATION_KEY", "INTEGRATION_OTHER"), "INTEGRATION_OTHER is not set"),
    ("header of the request", GOOD.replace("Accept-Language", "Host"), f"{S}.headers.Host"),
    ("line end in a header", GOOD.replace("Accept-Language: en", 'X: "a\\r\\nb"'), f"{S}.headers.X"),
    ("address part unknown", GOOD.replace("postcode: address", "zip: address"), f"{S}.values.address"),
    ("network", GOOD + "    allow_networks: [10.1.2.3/8]\n", f"{S}.allow_networks.0: This must be a network"),
    ("deadline longer than a page waits", GOOD + "    deadline_seconds: 30\n", f"{S}.deadline_seconds"),
    ("authorities", GOOD + "    authorities: /nowhere.pem\n", f"{S}.authorities: There is no file /nowhere.pem."),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_stops_the_start_with_one_sentence_that_names_its_place(
    tmp_path: Path, text: str, expected: str
) -> None:
    sentence = refusal(tmp_path, text)
    assert expected in sentence
    assert len(sentence.splitlines()) == 1
    assert "integrations.yaml" in sentence


def test_production_requires_https(tmp_path: Path) -> None:
    production = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "k" * 40,
        "ANSWER_KEYS": "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "BASE_URL": "https://portal.example.org",
    }
    assert "https:// in production" in refusal(tmp_path, GOOD.replace("https://api", "http://api"), **production)


def test_a_configured_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INTEGRATIONS_FILE: there is no file"):
        read_configuration({"DATA_DIR": str(tmp_path), "INTEGRATIONS_FILE": str(tmp_path / "gone.yaml")})
