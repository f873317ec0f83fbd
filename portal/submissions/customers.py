"""Who sent a form, for staff: encrypted to be read, and hashed word by word to be found."""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.characters import without_unseen
from portal.drafts.open_draft import OpenDraft
from portal.form_definitions.rules import customer_email, customer_name
from portal.keyring import Keyring
from portal.submissions.models import Case, CaseKey
from portal.tokens import keyed_hash
from portal.web.app_state import app_state

CUSTOMER_PLACE = "customer"
SHORTEST_WORD = 2
_BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, kw_only=True)
class Customer:
    """The name given in the form, and the addresses that are known to be the customer's; we write to the first one."""

    name: str | None = None
    emails: tuple[str, ...] = ()

    @property
    def email(self) -> str | None:
        """The address to write to."""
        return self.emails[0] if self.emails else None

    @property
    def shown_name(self) -> str | None:
        """The name to show: the person's name, else the address."""
        return self.name or self.email


def sender(db: Session, opened: OpenDraft) -> Customer:
    """Return who sends a form, and where the portal may write to them about it.

    That is the account, else an address that a guest has proved, else the field that the form names, unless a guest has
    taken that address back. Any other address in the answers may be that of the very person from whom its sender must
    be protected.
    """
    draft, answers = opened.draft, opened.filled.shown.answers
    person = person_by_id(db, draft.person_id) if draft.person_id else None
    known = app_state().hooks.guest_addresses(db, draft, customer_email(opened.definition, answers))
    return Customer(
        name=customer_name(opened.definition, answers),
        emails=tuple(dict.fromkeys((person.email, *known) if person else known)),
    )


def seal_customer(keyring: Keyring, reference: str, customer: Customer) -> bytes:
    """Encrypt who sent a form."""
    plain = json.dumps({"name": customer.name, "emails": customer.emails}, ensure_ascii=False).encode()
    return keyring.seal(plain, subject=_customer_subject(reference), place=CUSTOMER_PLACE)


def customer_of(keyring: Keyring, reference: str, case: Case) -> Customer:
    """Decrypt who sent a form."""
    found = json.loads(keyring.open(case.customer, subject=_customer_subject(reference), place=CUSTOMER_PLACE))
    if isinstance(found, list):
        # Stored before forms named their customer's field. Its addresses may be anybody's who is mentioned in the form.
        return Customer(name=found[0])
    return Customer(name=found["name"], emails=tuple(found["emails"]))


def _customer_subject(reference: str) -> str:
    return f"submission:{reference}"


def keys_of(customer: Customer, *, secret: str, submission_id: int) -> list[CaseKey]:
    """Return the keys by which a case is found: each word of the name, and each whole address."""
    terms = {*name_words(customer.name or ""), *map(_folded, customer.emails)}
    return [CaseKey(key=search_key(term, secret=secret), submission_id=submission_id) for term in sorted(terms)]


def search_terms(typed: str) -> tuple[str, ...]:
    """Return what somebody searches for: addresses whole, everything else word by word."""
    pieces = (([_folded(piece)] if "@" in piece else name_words(piece)) for piece in typed.split())
    return tuple(dict.fromkeys(term for piece in pieces for term in piece))


def search_keys(terms: Iterable[str], *, secret: str) -> list[bytes]:
    """Return the hashes under which the terms are stored."""
    return [search_key(term, secret=secret) for term in terms]


def search_key(term: str, *, secret: str) -> bytes:
    """Return the hash under which one term is stored."""
    return keyed_hash(secret, f"case:{term}")


def name_words(text: str) -> list[str]:
    """Return the words of a name without capitals, accents and initials: zoe and neil for `Zoë O'Neil`."""
    return [word for word in _BETWEEN_WORDS.split(_folded(text)) if len(word) >= SHORTEST_WORD]


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", without_unseen(text).casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))
