"""What each view declares: who may call it, and what calling it means for the session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])
CUSTOMER = "customer"
HUB = "hub"
MESSAGES = "messages"
SIGNING = "signing"
BY_QUERY = "?kind="
BY_PERSON = "?kind=, else the kind in which a person is signed in"
PERSONAL_KINDS = (CUSTOMER, HUB)
"""The kinds that signing in with a password opens."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """Who may pass: the session kind that the view works in, and what that session must have.

    `kind` None means that the view knows no session at all; `BY_QUERY` takes it from `?kind=`, and `BY_PERSON`, where
    that says nothing, from whoever is signed in.
    """

    kind: str | None = CUSTOMER
    session: bool = False
    person: bool = False
    roles: frozenset[str] | None = None


_OF_MESSAGES = Door(kind=MESSAGES, session=True)


class Access(Enum):
    """The doors of the portal."""

    SYSTEM = Door(kind=None)
    PUBLIC = Door()
    ANY_KIND = Door(kind=BY_QUERY)
    DRAFT_OWNER = Door(session=True)
    PERSON = Door(session=True, person=True)
    MESSAGES = _OF_MESSAGES
    MESSAGES_PERSON = replace(_OF_MESSAGES, person=True)
    SIGNING_PUBLIC = Door(kind=SIGNING)
    SIGNING = Door(kind=SIGNING, session=True)
    ANY_PERSON = Door(kind=BY_PERSON, session=True, person=True)
    STAFF = Door(kind=HUB, session=True, person=True, roles=frozenset({"staff", "administrator"}))
    ADMINISTRATOR = Door(kind=HUB, session=True, person=True, roles=frozenset({"administrator"}))


class Activity(Enum):
    """What a request means for the session that it comes with (table in `docs/sessions.md`)."""

    LOAD = "loading a form"
    SUBMIT = "submitting a form"
    SAVE = "saving explicitly"
    NAVIGATE = "navigating to a page, or refreshing it"
    INTEGRATION = "running an integration on a form"
    CONTINUE_SECTION = "moving within a form"
    EXTEND = "staying signed in"
    AUTOSAVE = "saving by itself"
    POLL = "looking at what is left"
    NONE = "nothing that a person does in a session"


class Declaration:
    """What a view declares by its decorators; tests find a view that declares no door or no activity."""

    door: Door
    activity: Activity
    by_button: Mapping[str, Activity]
    """Activities other than `activity`, by the button (`_action`) that means them."""
    shows_form_again: bool = False
    allowance: Callable[..., Any] | None = None
    """How many bytes of files may come to the view, asked with the values of its address before the body is read."""


def declaration_of(view: Callable[..., Any]) -> Declaration:
    """Return what a view declares; its decorators fill it one after the other."""
    found: Declaration = view.__dict__.setdefault("declaration", Declaration())
    return found


def access(door: Access) -> Callable[[View], View]:
    """Declare who may call a view."""

    def declare(view: View) -> View:
        declaration_of(view).door = door.value
        return view

    return declare


def activity(kind: Activity, **by_button: Activity) -> Callable[[View], View]:
    """Declare what a view means for the session; a form with several buttons names those that mean something else."""

    def declare(view: View) -> View:
        declaration_of(view).activity, declaration_of(view).by_button = kind, MappingProxyType(by_button)
        return view

    return declare


def shows_form_again(view: View) -> View:
    """Declare that a view shows its form filled in, 409, where the form token did not fit (`gate.token_refused`)."""
    declaration_of(view).shows_form_again = True
    return view


def accepts_files(allowance: Callable[..., Any]) -> Callable[[View], View]:
    """Declare that a view takes uploads; `allowance` says how many bytes whoever sends them may add at its address."""

    def declare(view: View) -> View:
        declaration_of(view).allowance = allowance
        return view

    return declare
