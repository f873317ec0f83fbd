"""Encrypt what a draft holds; the key is the draft's own, and each value is bound to its section and item."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from portal.drafts.models import Draft
from portal.drafts.rules import SEAL_LENGTH, Part
from portal.form_definitions.definition import SectionState
from portal.keyring import Keyring

RETURN_CODE = "return code"
SAVE_ADDRESS = "save address"
BEGUN_FOR = "begun for"


def subject(draft_id: int) -> str:
    """Return the name of a draft's own key."""
    return f"draft:{draft_id}"


def place(section_id: str, item_id: str) -> str:
    """Return the place that the ciphertext of a part is bound to."""
    return f"{section_id}/{item_id}"


def removed_place(section_id: str, item_id: str) -> str:
    """Return the place of files that were removed from a section or item, and can be brought back."""
    return f"removed {place(section_id, item_id)}"


def seal_state(keyring: Keyring, draft_id: int, section_id: str, item_id: str, state: SectionState) -> bytes:
    """Encrypt the contents of a section or item."""
    plain = json.dumps([state.answers, state.typed], ensure_ascii=False, default=dict, separators=(",", ":"))
    return keyring.seal(plain.encode(), subject=subject(draft_id), place=place(section_id, item_id))


def open_part(keyring: Keyring, row: Any) -> Part:
    """Return a stored part from a row of its table.

    Its contents are decrypted when they are first read, because a page of a long form needs few of its parts.
    """
    where = {"subject": subject(row.draft_id), "place": place(row.section_id, row.item_id)}
    contents = cache(lambda: json.loads(keyring.open(row.sealed, **where)))
    return Part(
        section_id=row.section_id,
        item_id=row.item_id,
        state=SectionState(answers=_Opened(contents, 0), typed=_Opened(contents, 1), seal=row.sealed[-SEAL_LENGTH:]),
        revision=row.revision,
        is_confirmed=row.is_confirmed,
        changed_at=row.changed_at,
        page_id=row.page_id,
        sequence=row.sequence,
        marks=json.loads(row.marks) if row.marks else {},
        edited=json.loads(row.edited) if row.edited else {},
    )


class _Opened(Mapping[str, Any]):
    """One of the two mappings in a part: the answers, or what was typed and is not a valid answer."""

    __slots__ = ("_contents", "_index")

    def __init__(self, contents: Callable[[], list[dict[str, Any]]], index: int) -> None:
        self._contents = contents
        self._index = index

    def __getitem__(self, key: str) -> Any:
        return self._contents()[self._index][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents()[self._index])

    def __len__(self) -> int:
        return len(self._contents()[self._index])


def seal_text(keyring: Keyring, draft_id: int, name: str, text: str) -> bytes:
    """Encrypt one value of the draft itself."""
    return keyring.seal(text.encode(), subject=subject(draft_id), place=name)


def save_address(keyring: Keyring, draft: Draft) -> str | None:
    """Return the e-mail address that a guest gave on the save page."""
    return open_text(keyring, draft.id, SAVE_ADDRESS, draft.save_address)


def open_text(keyring: Keyring, draft_id: int, name: str, sealed: bytes | None) -> str | None:
    """Return one value of the draft itself; None if it has none of this name."""
    return keyring.open(sealed, subject=subject(draft_id), place=name).decode() if sealed else None
