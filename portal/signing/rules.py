"""Who is asked to sign, what a typed fact comes to, what a copy and a chain of events consist of, and when. Pure."""

import hashlib
import json
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.form_definitions.conditions import holds
from portal.form_definitions.definition import FormAnswers, FormDefinition, SignerCheck, SignerDefinition
from portal.form_definitions.rules import Shown
from portal.form_definitions.types.files import file_entries
from portal.signing.definition import (
    ANSWERED_AGAIN_FOR,
    LIVE,
    MAY_BECOME,
    REMINDED_BEFORE,
    TOLD_ONCE_IN,
    State,
)

BEGINNING = bytes(32)
"""What stands before the first event of a chain."""
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that Unicode does not take apart into a letter and its accent."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A signer whom a sent form asks: name, address and fact as they were answered, and the state to begin in."""

    signer: SignerDefinition
    name: str
    email: str
    fact: str
    state: State


@dataclass(frozen=True, kw_only=True)
class SignerFault:
    """Why nobody could sign: the signer, the section with the answer that is missing, and which (`what`).

    That is `name`, `email`, `fact`, or `mailbox` where a code would go to the applicant's own address.
    """

    signer: SignerDefinition
    section_id: str
    what: str


def signers_of(definition: FormDefinition, shown: Shown) -> tuple[Asked, ...]:
    """Return whom a form asks to sign, judged by what it shows; a signer whose condition does not hold is none."""
    asked = [signer for signer in definition.signers if holds(signer.when, shown.scope)]
    ids = {signer.id for signer in asked}
    return tuple(
        Asked(
            signer=signer,
            name=_text_at(shown.answers, signer.name),
            email=_text_at(shown.answers, signer.email),
            fact=fact_at(definition, shown.answers, signer.fact),
            state=State.WAITING if ids.intersection(signer.after) else State.INVITED,
        )
        for signer in asked
    )


def signer_faults(asked: Iterable[Asked], applicant: Collection[str]) -> Iterator[SignerFault]:
    """Yield what keeps a form from being sent: answers without which a signer cannot be reached or checked.

    `applicant` holds the applicant's own addresses; a code that goes there proves nothing of anybody else.
    """
    own = {address.casefold() for address in applicant}
    for each in asked:
        signer = each.signer
        if not each.name:
            yield SignerFault(signer=signer, section_id=signer.name[0], what="name")
        if not each.email:
            yield SignerFault(signer=signer, section_id=signer.email[0], what="email")
        elif signer.check is SignerCheck.CODE and each.email.casefold() in own:
            yield SignerFault(signer=signer, section_id=signer.email[0], what="mailbox")
        if signer.check is SignerCheck.FACT and signer.fact and not each.fact:
            yield SignerFault(signer=signer, section_id=signer.fact[0], what="fact")


def is_next(signer: SignerDefinition, states: Mapping[str, State]) -> bool:
    """Return whether a signer who waits is to be asked now, by the states of the others; who need not sign is none."""
    return all(states.get(before, State.WITHDRAWN) in (State.SIGNED, State.WITHDRAWN) for before in signer.after)


def all_after(signers: Sequence[SignerDefinition], signer_id: str) -> frozenset[str]:
    """Return the signers who come after one, and after those."""
    found: frozenset[str] = frozenset({signer_id})
    while more := {each.id for each in signers if found.intersection(each.after)} - found:
        found |= more
    return found - {signer_id}


def _text_at(answers: FormAnswers, place: tuple[str, str]) -> str:
    answer = answers.get(place[0], {}).get(place[1])
    return answer if isinstance(answer, str) else ""


def fact_at(definition: FormDefinition, answers: FormAnswers, place: tuple[str, str] | None) -> str:
    """Return what the answer to the question at a place comes to as a fact; empty where there is none."""
    if place is None:
        return ""
    return normalised_fact(answers.get(place[0], {}).get(place[1]), definition.field(*place).type)


def normalised_fact(value: object, field_type: str) -> str:
    """Return what is compared of a fact; empty where there is nothing to compare.

    Of names and texts that is their letters and digits, without accents, capitals, spaces and signs between them, so
    that a postcode may be typed with or without its space; a date is its day, however its question was filled in.
    """
    if not isinstance(value, str):
        return ""
    if field_type in ("date", "number", "money", "phone"):  # their answers are stored in one spelling
        return value.strip()
    apart = unicodedata.normalize("NFKD", value.casefold().translate(_LETTERS))
    return "".join(each for each in apart if unicodedata.category(each)[0] in "LN" or _is_vowel_sign(each))


def _is_vowel_sign(character: str) -> bool:
    return unicodedata.category(character) == "Mc" and not unicodedata.combining(character)


def copy_of(
    definition: FormDefinition,
    signer: SignerDefinition,
    *,
    version: int,
    reference: str,
    answers: FormAnswers,
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a signer reads and signs; `digests` are those of the files that the sections hold, by id.

    Items of a repeat stand in a list, because their order is part of what was sent.
    """
    shown = {name: answers[name] for name in signer.shows if name in answers}
    return {
        "form": definition.id,
        "version": version,
        "reference": reference,
        "sections": {name: _in_order(definition, name, given) for name, given in shown.items()},
        "files": {name: digests[name] for name in sorted(_files_in(shown)) if name in digests},
    }


def _in_order(definition: FormDefinition, section_id: str, answers: Mapping[str, Any]) -> Any:
    section = definition.section(section_id)
    return [[item, given] for item, given in answers.items()] if section and section.repeat else answers


def _files_in(answers: Any) -> Iterator[str]:
    """Yield the ids of the files that answers name."""
    if isinstance(answers, Mapping):
        for each in answers.values():
            yield from _files_in(each)
    else:
        yield from (entry.id for entry in file_entries(answers))


def canonical(value: object) -> bytes:
    """Return a value as the JSON that is hashed: keys in order, no spaces, every letter as it is."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hash_of_copy(copy: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a copy."""
    return hashlib.sha256(canonical(copy)).digest()


def statement_hash(statement: str) -> bytes:
    """Return the SHA-256 of the words that are signed."""
    return hashlib.sha256(statement.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class ChainedEvent:
    """One event of a chain, as it is hashed and stored; `signature` is None but for the last one."""

    number: int
    at: datetime
    name: str
    details: str
    previous: bytes
    digest: bytes
    signature: bytes | None = None

    def recomputed(self, reference: str) -> bytes:
        """Return the digest that the event must have in the chain of this form."""
        return event_digest(
            reference, number=self.number, at=self.at, name=self.name, details=self.details, previous=self.previous
        )


def instant_text(at: datetime) -> str:
    """Return an instant as it is hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def event_digest(reference: str, *, number: int, at: datetime, name: str, details: str, previous: bytes) -> bytes:
    """Return the SHA-256 of a canonical event, with the digest of the one before it."""
    event = {
        "reference": reference,
        "number": number,
        "at": instant_text(at),
        "name": name,
        "details": details,
        "previous": previous.hex(),
    }
    return hashlib.sha256(canonical(event)).digest()


def details_of(event: ChainedEvent) -> dict[str, Any]:
    """Return the details of an event; none where they cannot be read."""
    try:
        found = json.loads(event.details)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def chain_breaks(reference: str, events: Sequence[ChainedEvent]) -> Iterator[str]:
    """Yield, in words, where a chain does not hold together; its signature is checked by who has the key."""
    previous = BEGINNING
    for number, event in enumerate(events, start=1):
        if event.number != number:
            yield f"event {number} is missing"
        elif event.previous != previous:
            yield f"event {number} does not follow from the one before"
        if event.recomputed(reference) != event.digest:
            yield f"event {event.number} was changed"
        previous = event.digest
    if any(event.signature is not None for event in events[:-1]):
        yield "an event before the last one has a signature"
    if not events or events[-1].signature is None:
        yield "the last event has no signature"


def may_become(state: State, other: State) -> bool:
    """Return whether an invitation in one state may come into another."""
    return other in MAY_BECOME[state]


def state_at(state: State, expires_at: datetime | None, now: datetime) -> State:
    """Return the state at an instant: an invitation is over at its end, whether or not it was written down yet."""
    is_over = state in LIVE and expires_at is not None and now >= expires_at
    return State.EXPIRED if is_over else state


def expiry(issued_at: datetime, days: int) -> datetime:
    """Return the instant at which an invitation is over."""
    return issued_at + timedelta(days=days)


def extended(expires_at: datetime, now: datetime, days: int) -> datetime:
    """Return the new end of an invitation: so many days after its end, or after now where it is over."""
    return max(expires_at, now) + timedelta(days=days)


def next_reminder(expires_at: datetime, now: datetime) -> datetime | None:
    """Return when a signer is reminded next; None where no reminder is left before the end."""
    return next((at for before in REMINDED_BEFORE if (at := expires_at - before) > now), None)


def is_same_check(checked_at: datetime | None, now: datetime) -> bool:
    """Return whether a check that passes is the second click of one that has passed a moment ago."""
    return checked_at is not None and now < checked_at + ANSWERED_AGAIN_FOR


def may_tell_again(told_at: datetime | None, now: datetime) -> bool:
    """Return whether the applicant is told (again) what anybody with a link can bring about, such as wrong tries."""
    return told_at is None or now >= told_at + TOLD_ONCE_IN


def differs(typed_name: str, invited_name: str) -> bool:
    """Return whether a typed name is another than the invited one; capitals, accents and spaces make no other."""
    return normalised_fact(typed_name, "name") != normalised_fact(invited_name, "name")
