"""A draft's values encrypted at rest: the draft is the key's subject, section and item are the place."""

import json
from collections.abc import Mapping

from portal.drafts.models import Draft, DraftPart
from portal.drafts.rules import Part
from portal.form_definitions.definition import SectionState
from portal.keyring import Keyring

RETURN_CODE = "return code"
SAVE_ADDRESS = "save address"
BEGUN_FOR = "begun for"


def subject(draft_id: int) -> str:
    """The name of a draft's own key."""
    return f"draft:{draft_id}"


def place(section_id: str, item_id: str) -> str:
    """The place that a part's ciphertext is bound to."""
    return f"{section_id}/{item_id}"


def seal_state(keyring: Keyring, draft_id: int, section_id: str, item_id: str, state: SectionState) -> bytes:
    """Encrypt what a section or item holds."""
    plain = json.dumps([state.answers, state.typed], ensure_ascii=False, default=dict, separators=(",", ":"))
    return keyring.seal(plain.encode(), subject=subject(draft_id), place=place(section_id, item_id))


def open_part(keyring: Keyring, row: DraftPart) -> Part:
    """Decrypt a stored part."""
    plain = keyring.open(row.sealed, subject=subject(row.draft_id), place=place(row.section_id, row.item_id))
    answers, typed = json.loads(plain)
    return Part(
        section_id=row.section_id,
        item_id=row.item_id,
        state=SectionState(answers=answers, typed=typed),
        revision=row.revision,
        is_confirmed=row.is_confirmed,
        changed_at=row.changed_at,
        page_id=row.page_id,
        sequence=row.sequence,
        marks=json.loads(row.marks) if row.marks else {},
        edited=json.loads(row.edited) if row.edited else {},
    )


def written(mapping: Mapping[str, object]) -> str:
    """Marks or edits as a part keeps them: they name fields and hold no answers."""
    return json.dumps(mapping, separators=(",", ":")) if mapping else ""


def seal_text(keyring: Keyring, draft_id: int, name: str, text: str) -> bytes:
    """Encrypt one value of the draft itself."""
    return keyring.seal(text.encode(), subject=subject(draft_id), place=name)


def return_code(keyring: Keyring, draft: Draft) -> str | None:
    """The code that opens a guest's draft together with its reference."""
    return _text(keyring, draft.id, RETURN_CODE, draft.return_code)


def save_address(keyring: Keyring, draft: Draft) -> str | None:
    """The e-mail address that a guest typed on the save page."""
    return _text(keyring, draft.id, SAVE_ADDRESS, draft.save_address)


def begun_for(keyring: Keyring, draft: Draft) -> str | None:
    """For whom one of the staff began the draft."""
    return _text(keyring, draft.id, BEGUN_FOR, draft.begun_for)


def _text(keyring: Keyring, draft_id: int, name: str, sealed: bytes | None) -> str | None:
    return keyring.open(sealed, subject=subject(draft_id), place=name).decode() if sealed else None
