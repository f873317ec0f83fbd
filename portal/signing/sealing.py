"""Encrypt what signatures hold: under the key of the sent form, each value bound to its place in it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from portal.keyring import Keyring
from portal.signing.models import Invitation, Outcome
from portal.submissions.files import sent_work

NAME, ADDRESS, LINK = "name", "address", "link"


@dataclass(frozen=True, kw_only=True)
class Link:
    """What leads to an invitation: the token of its mailed link, and the code of the same mail to type by hand."""

    token: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What somebody said with an outcome: the name they typed and their answers, or why they do not sign.

    `choice` is a `definition.Choice`, `language` the one in which the statement was read.
    """

    name: str = ""
    choice: str = ""
    reason: str = ""
    language: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)


def seal_in_invitation(keyring: Keyring, reference: str, public_id: str, what: str, text: str) -> bytes:
    """Encrypt one text of an invitation."""
    return keyring.seal(text.encode(), subject=sent_work(reference), place=_place(public_id, what))


def seal_link(keyring: Keyring, reference: str, public_id: str, link: Link) -> bytes:
    """Encrypt what leads to an invitation."""
    return seal_in_invitation(keyring, reference, public_id, LINK, json.dumps(asdict(link)))


def name_of(keyring: Keyring, reference: str, invitation: Invitation) -> str:
    """Decrypt the name of the person who was invited."""
    return open_in_invitation(keyring, reference, invitation, NAME, invitation.name)


def address_of(keyring: Keyring, reference: str, invitation: Invitation) -> str:
    """Decrypt the address to which the invitation goes."""
    return open_in_invitation(keyring, reference, invitation, ADDRESS, invitation.address)


def link_of(keyring: Keyring, reference: str, invitation: Invitation) -> Link:
    """Decrypt what leads to an invitation."""
    return Link(**json.loads(open_in_invitation(keyring, reference, invitation, LINK, invitation.link)))


def open_in_invitation(keyring: Keyring, reference: str, invitation: Invitation, what: str, sealed: bytes) -> str:
    """Decrypt one text of an invitation."""
    return keyring.open(sealed, subject=sent_work(reference), place=_place(invitation.public_id, what)).decode()


def _place(public_id: str, what: str) -> str:
    return f"signing:{public_id} {what}"


def seal_said(keyring: Keyring, reference: str, invitation: Invitation, said: Said) -> bytes:
    """Encrypt what somebody said with an outcome."""
    plain = json.dumps(asdict(said), ensure_ascii=False, default=dict)
    return seal_in_invitation(keyring, reference, invitation.public_id, "outcome", plain)


def open_said(keyring: Keyring, reference: str, invitation: Invitation, outcome: Outcome) -> Said:
    """Decrypt what somebody said with an outcome."""
    return Said(**json.loads(open_in_invitation(keyring, reference, invitation, "outcome", outcome.sealed)))
