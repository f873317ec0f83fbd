"""Roles, addresses, passwords and mailed links."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.accounts.rules import (
    ROLES,
    BadAddressError,
    LinkState,
    address_key,
    link_state,
    opens,
    parse_email_address,
    password_fault,
)
from portal.tokens import clean_token, new_token
from portal.web.declarations import Access

NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("role", "kind", "home"),
    [
        ("administrator", "hub", "/admin/self"),
        ("staff", "hub", "/hub"),
        ("designer", "hub", "/"),
        ("field", "customer", "/account"),
        ("citizen", "customer", "/account"),
    ],
    ids=lambda value: str(value),
)
def test_a_role_decides_the_session_and_the_home(role: str, kind: str, home: str) -> None:
    assert (ROLES[role].session_kind, ROLES[role].home) == (kind, home)


@pytest.mark.parametrize(
    ("door", "openers"),
    [
        (Access.PUBLIC, {"administrator", "staff", "designer", "field", "citizen"}),
        (Access.PERSON, {"field", "citizen"}),
        (Access.STAFF, {"staff", "administrator"}),
        (Access.ADMINISTRATOR, {"administrator"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_access_rule_admits_only_its_roles(door: Access, openers: set[str]) -> None:
    assert {role.name for role in ROLES.values() if opens(door.value, role)} == openers


@pytest.mark.parametrize(
    ("typed", "email", "key"),
    [
        ("Ada.Byron@Example.TEST", "Ada.Byron@example.test", "ada.byron@example.test"),
        ("  ada@example.org ", "ada@example.org", "ada@example.org"),
        ("ada@council.example", "ada@council.example", "ada@council.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
    ],
    ids=["capitals", "spaces", "example", "umlaut", "umlaut-capitals"],
)
def test_one_mailbox_has_one_key(typed: str, email: str, key: str) -> None:
    address = parse_email_address(typed)
    assert (address.email, address.key) == (email, key)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "ada@localhost",
        "a@example.org, b@example.org",
        "a@example.org;b@example.org",
        "Ada <ada@example.org>",
        "ada@example.org\nBcc: b@example.org",
        "ada@[127.0.0.1]",
        "zoë@example.org",
        "a" * 250 + "@example.org",
        "a@" + "b." * 5000 + "org",
    ],
    ids=["nothing", "no-at", "host", "comma", "semicolon", "named", "header", "literal", "unicode", "long", "longest"],
)
def test_anything_but_one_address_is_refused_and_matches_no_account(typed: str) -> None:
    with pytest.raises(BadAddressError):
        parse_email_address(typed)
    assert address_key(typed) == typed.strip().lower()


def test_the_key_of_an_address_does_not_depend_on_how_it_is_typed() -> None:
    assert address_key(" ADA@Example.org") == address_key("ada@example.ORG")


@pytest.mark.parametrize(
    ("length", "accepted"), [(7, False), (8, True), (128, True), (129, False)], ids=["7", "8", "128", "129"]
)
def test_a_password_has_8_to_128_characters(length: int, accepted: bool) -> None:
    assert (password_fault("ł" * length) is None) is accepted


@pytest.mark.parametrize("password", ["12345678", "aaaaaaaa", "        ", "пароль пароль"])
def test_a_password_may_be_made_of_any_characters(password: str) -> None:
    assert password_fault(password) is None


@pytest.mark.parametrize(
    ("left", "used", "state"),
    [
        (SECOND, False, LinkState.OPEN),
        (timedelta(0), False, LinkState.EXPIRED),
        (-SECOND, False, LinkState.EXPIRED),
        (SECOND, True, LinkState.USED),
        (-SECOND, True, LinkState.USED),
    ],
    ids=["open", "at-the-end", "expired", "used", "used-and-expired"],
)
def test_a_link_works_once_and_before_its_end(left: timedelta, used: bool, state: LinkState) -> None:
    assert link_state(NOW + left, NOW if used else None, NOW) is state


def test_a_token_survives_being_pasted_badly() -> None:
    token = new_token()
    assert clean_token(f" <({token[:20]}\r\n {token[20:]})>./=3D_") == token
