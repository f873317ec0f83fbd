"""Change drafts: start, save a part, remove an item and bring it back, move to a new version, delete, claim; count."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, insert, not_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from portal.drafts.models import NOT_SWEPT, Draft, DraftGuest, DraftPart
from portal.drafts.queries import FormPlace, Last, grants_of, last_places
from portal.drafts.rules import (
    NO_REVISION,
    REMOVED,
    SEAL_LENGTH,
    Edited,
    Filled,
    Part,
    edited_after,
    expiry,
    next_number,
    next_reminder,
    reference_prefix,
)
from portal.drafts.sealing import (
    BEGUN_FOR,
    RETURN_CODE,
    SAVE_ADDRESS,
    open_part,
    place,
    removed_place,
    seal_state,
    seal_text,
    subject,
)
from portal.form_definitions.definition import Drafts, FormDefinition, SectionState
from portal.form_definitions.rules import PLAIN
from portal.form_definitions.versions.models import FormVersion
from portal.keyring import Keyring
from portal.sessions.late_forms import forget_parked_of, late_place
from portal.sessions.operations import ClosedSession, Holder, close_expired
from portal.storage.operations import rekey_file, release_files_of_works, release_late_files
from portal.storage.queries import files_of_work
from portal.tokens import item_token, readable_code
from portal.web.app_state import app_state
from portal.web.counters import Counted, Event, write_numbers
from portal.web.languages import DEFAULT

CODE_LENGTH = 8
SWEPT_AT_ONCE = 20
"""Fewer than of other rows: each draft has a part for every section and item."""
NOWHERE: FormPlace = ("", "")
_PART_TABLE = cast("Table", DraftPart.__table__)
_PART_PLACE: dict[str, Any] = {name: bindparam(f"of_{name}") for name in ("draft_id", "section_id", "item_id")}
_VALUES: dict[str, Any] = {
    name: bindparam(name)
    for name in ("revision", "is_confirmed", "changed_at", "page_id", "sequence", "marks", "edited", "sealed")
}
_PAGE: dict[str, Any] = {name: bindparam(name) for name in ("page_id", "sequence")}
_INSERT_PART = insert(_PART_TABLE).values(_PART_PLACE | _VALUES)
_OF_PLACE = update(_PART_TABLE).where(*(_PART_TABLE.c[name] == value for name, value in _PART_PLACE.items()))
_UPDATE_PART, _UPDATE_PAGE = _OF_PLACE.values(_VALUES), _OF_PLACE.values(_PAGE)
"""Compiled once and run without the ORM, because every save runs one of them."""
_DRAFT_TABLE = cast("Table", Draft.__table__)
_TOUCHED = ("changed_at", "answered_at", "expires_at", "remind_at", "swept_at", "last_section_id", "edits")
_TOUCH = (
    update(_DRAFT_TABLE)
    .where(_DRAFT_TABLE.c.id == bindparam("draft"))
    .values({name: bindparam(name) for name in _TOUCHED})
)
"""What every changed answer updates on the draft itself."""


def start_draft(
    db: Session,
    version: FormVersion,
    definition: FormDefinition,
    holder: Holder,
    *,
    rules: Drafts,
    keyring: Keyring,
    now: datetime,
    language: str = DEFAULT,
) -> Draft:
    """Start a draft of this version, kept by these `rules`; give a guest a return code if the form can be saved."""
    draft = Draft(
        reference=_new_reference(db, definition),
        version=version,
        person_id=holder.person_id,
        started_at=now,
        changed_at=now,
        expires_at=expiry(rules, now),
        language=language,
    )
    db.add(draft)
    db.flush()
    if holder.person_id is None and holder.guest_id:
        grant(db, draft, holder.guest_id)
        if definition.allow_save:
            renew_return_code(draft, keyring=keyring)
    return draft


def _new_reference(db: Session, definition: FormDefinition) -> str:
    """Return a reference that no draft has; the unique constraint guards against a race."""
    while True:
        code = readable_code(CODE_LENGTH)
        reference = f"{reference_prefix(definition.id)}-{code[:4]}-{code[4:]}"
        if db.scalar(select(Draft.id).where(Draft.reference == reference)) is None:
            return reference


def keep_longer(draft: Draft, rules: Drafts, *, now: datetime) -> None:
    """Keep a draft for the full time from now, because its person asked; no answer changes.

    A reminder is planned only if the draft holds an answer.
    """
    draft.expires_at, draft.swept_at = expiry(rules, now), None
    draft.remind_at = next_reminder(rules, draft.expires_at, now) if draft.answered_at else None


def grant(
    db: Session, draft: Draft, guest_id: str, *, made_by: str | None = None, through: bytes | None = None
) -> None:
    """Let a guest open a draft; do nothing if they already may. `rules.Grant` says what the other two mean."""
    if db.get(DraftGuest, (draft.id, guest_id)) is None:
        last = db.scalar(select(func.max(DraftGuest.number)).where(DraftGuest.draft_id == draft.id))
        number = next_number(last)
        db.add(DraftGuest(draft_id=draft.id, guest_id=guest_id, number=number, made_by=made_by, through=through))


def take_from(db: Session, draft: Draft, guests: Collection[str], *, now: datetime) -> None:
    """Take a draft from guests whom somebody else let in, with what they sent late and nobody has taken over."""
    if guests:
        db.execute(delete(DraftGuest).where(DraftGuest.draft_id == draft.id, DraftGuest.guest_id.in_(guests)))
        forget_parked_of(db, f"/drafts/{draft.reference}", guests)
        release_late_files(db, f"/drafts/{draft.reference}", now=now, places=[late_place(guest_id=g) for g in guests])


def renew_return_code(draft: Draft, *, keyring: Keyring) -> None:
    """Give a guest's draft another return code: the old one opens nothing any more."""
    draft.return_code = seal_text(keyring, draft.id, RETURN_CODE, readable_code(CODE_LENGTH))


@dataclass(frozen=True, kw_only=True)
class PartChange:
    """New values for one part; `is_confirmed` None leaves the confirmation as it was.

    `page_id` says which page saves, and `sequence` counts its saves. `keeps_revision` is for changes that no save of a
    page can undo, so that pages which do not know of them may go on saving.
    """

    section_id: str
    item_id: str = PLAIN
    state: SectionState
    is_confirmed: bool | None = None
    page_id: str = ""
    sequence: int = 0
    keeps_revision: bool = False


def save_part(
    db: Session,
    draft: Draft,
    before: Part,
    change: PartChange,
    *,
    rules: Drafts,
    keyring: Keyring,
    now: datetime,
) -> Part:
    """Store a part; return it as it is stored then.

    `before` is the part as stored, so the caller must hold the draft's lock. `rules` say how long a changed draft is
    kept. If neither the values nor the confirmation differ, the revision and the draft's last day stay, and nothing is
    encrypted anew.
    """
    confirmed = before.is_confirmed if change.is_confirmed is None else change.is_confirmed
    if before.revision != NO_REVISION and before.state == change.state and before.is_confirmed == confirmed:
        # Without its page and sequence an earlier save of this page that arrives later would not be known as overtaken.
        if (before.page_id, before.sequence) != (change.page_id, change.sequence):
            place = {"of_draft_id": draft.id, "of_section_id": before.section_id, "of_item_id": before.item_id}
            page = {"page_id": change.page_id, "sequence": change.sequence}
            db.connection().execute(_UPDATE_PAGE, place | page)
        return replace(before, page_id=change.page_id, sequence=change.sequence)
    _touch(db, draft, rules, change.section_id, now)
    edited = edited_after(
        before, change.state, is_confirmed=confirmed, edit=draft.edits, checked=draft.edits_checked or 0
    )
    after = replace(
        before,
        state=change.state,
        revision=_next_revision(before, change),
        is_confirmed=confirmed,
        changed_at=now,
        page_id=change.page_id,
        sequence=change.sequence,
        edited=edited,
    )
    is_new = before.changed_at is None
    if is_new and after.item_id != PLAIN:
        _make_room(db, draft, after, keyring)
    return _write_part(db, draft, after, keyring, is_new=is_new)


def _make_room(db: Session, draft: Draft, new: Part, keyring: Keyring) -> None:
    """Give a removed item another id, with its files, if its page is saved as a new item."""
    where = (DraftPart.draft_id == draft.id, DraftPart.section_id == new.section_id, DraftPart.item_id == new.item_id)
    row = db.execute(select(*_PART_TABLE.c).where(*where)).one_or_none()
    if row is None:
        return
    removed, item_id = open_part(keyring, row), item_token()
    sealed = seal_state(keyring, draft.id, new.section_id, item_id, removed.state)
    db.execute(update(DraftPart).where(*where).values(item_id=item_id, sealed=sealed))
    moves = {each(new.section_id, new.item_id): each(new.section_id, item_id) for each in (place, removed_place)}
    for file in files_of_work(db, subject(draft.id)).values():
        if file.place in moves and file.sealed:
            rekey_file(db, file, work=file.work, place=moves[file.place], keyring=keyring)


def _next_revision(before: Part, change: PartChange) -> int:
    # The revision names what pages show. Confirming alone changes no value, so pages that show them stay up to date.
    # The first save always gets a revision, so that `NO_REVISION` means that nothing is stored.
    stays = change.keeps_revision or (before.state == change.state and before.revision != NO_REVISION)
    return before.revision if stays else before.revision + 1


def _touch(db: Session, draft: Draft, rules: Drafts, section_id: str, now: datetime) -> None:
    expires_at = expiry(rules, now)
    values: dict[str, Any] = {
        "changed_at": now,
        "answered_at": draft.answered_at or now,
        "expires_at": expires_at,
        "remind_at": next_reminder(rules, expires_at, now),
        "swept_at": None,
        "last_section_id": section_id,
        "edits": draft.edits + 1,
    }
    db.connection().execute(_TOUCH, values | {"draft": draft.id})
    for name, value in values.items():
        set_committed_value(draft, name, value)


def clear_marks(db: Session, draft: Draft, parts: Iterable[Part]) -> None:
    """Delete what a new version asked of these parts, once the person has pressed Continue on them."""
    for part in parts:
        where = (DraftPart.section_id == part.section_id) & (DraftPart.item_id == part.item_id)
        db.execute(update(DraftPart).where(DraftPart.draft_id == draft.id, where).values(marks=""))


def note_check(draft: Draft, edits: int) -> None:
    """Remember that the person saw the check page when the draft had had this many `edits`."""
    draft.edits_checked = max(draft.edits_checked or 0, min(edits, draft.edits))


def keep_version(draft: Draft, newest: FormVersion) -> None:
    """Keep the draft on its own version of the form, and stop asking about `newest`."""
    draft.kept_against_id = newest.id


def move_draft(
    db: Session, draft: Draft, newest: FormVersion, before: Filled, after: Filled, *, keyring: Keyring
) -> None:
    """Move a draft to the newest version: write each part as it is in `after`.

    The person changed no answer, so the day on which the draft is deleted stays.
    """
    stored = {(part.section_id, part.item_id): part for part in (*before.parts, *before.removed)}
    for part in (*after.parts, *after.removed):
        was = stored.pop((part.section_id, part.item_id), None)
        if was != part:
            _write_part(db, draft, part, keyring, is_new=was is None)
    for section_id, item_id in stored:
        where = (DraftPart.section_id == section_id) & (DraftPart.item_id == item_id)
        db.execute(delete(DraftPart).where(DraftPart.draft_id == draft.id, where))
    draft.version = newest


def _write_part(db: Session, draft: Draft, part: Part, keyring: Keyring, *, is_new: bool) -> Part:
    sealed = seal_state(keyring, draft.id, part.section_id, part.item_id, part.state)
    values: dict[str, Any] = {
        "of_draft_id": draft.id,
        "of_section_id": part.section_id,
        "of_item_id": part.item_id,
        "revision": part.revision,
        "is_confirmed": part.is_confirmed,
        "changed_at": part.changed_at or draft.changed_at,
        "page_id": part.page_id,
        "sequence": part.sequence,
        "marks": _mapping_text(part.marks),
        "edited": _mapping_text(part.edited),
        "sealed": sealed,
    }
    db.connection().execute(_INSERT_PART if is_new else _UPDATE_PART, values)
    return replace(part, state=replace(part.state, seal=sealed[-SEAL_LENGTH:]))


def _mapping_text(mapping: Mapping[str, Any]) -> str:
    """Return what is noted by field as text; it names fields and holds no answers."""
    return json.dumps(mapping, separators=(",", ":")) if mapping else ""


def remove_item(db: Session, draft: Draft, item: Part, *, rules: Drafts, now: datetime) -> None:
    """Remove one item of a repeat: keep it aside until the form is sent, with its files; the others do not change."""
    _touch(db, draft, rules, item.section_id, now)
    _note_removal(db, draft, item, {**item.edited, REMOVED: (draft.edits, draft.edits)})


def bring_back_item(db: Session, draft: Draft, item: Part, *, rules: Drafts, now: datetime) -> None:
    """Put an item that was removed back where it was in its list."""
    _touch(db, draft, rules, item.section_id, now)
    _note_removal(db, draft, item, {key: edits for key, edits in item.edited.items() if key != REMOVED})


def _note_removal(db: Session, draft: Draft, item: Part, edited: Edited) -> None:
    where = (DraftPart.section_id == item.section_id) & (DraftPart.item_id == item.item_id)
    values = {"edited": _mapping_text(edited)}
    db.execute(update(DraftPart).where(DraftPart.draft_id == draft.id, where).values(values))


def keep_save_address(draft: Draft, address: str, *, keyring: Keyring) -> None:
    """Store the e-mail address that a guest gave on the save page, encrypted."""
    draft.save_address = seal_text(keyring, draft.id, SAVE_ADDRESS, address)


def note_beginning(draft: Draft, *, by_id: int, by_name: str, customer: str, keyring: Keyring) -> None:
    """Store which member of staff started the draft, and for whom."""
    draft.begun_by_id, draft.begun_by_name = by_id, by_name
    draft.begun_for = seal_text(keyring, draft.id, BEGUN_FOR, customer)


def delete_draft(db: Session, draft: Draft, *, now: datetime) -> None:
    """Delete all answers and files; the row keeps the day, and the code with which its owner can read it."""
    db.execute(delete(DraftPart).where(DraftPart.draft_id == draft.id))
    forget_parked_of(db, f"/drafts/{draft.reference}")
    release_files_of_works(db, [subject(draft.id)], now=now)
    release_late_files(db, f"/drafts/{draft.reference}", now=now)
    draft.deleted_at = now
    draft.save_address = draft.begun_for = draft.address_key = None


def empty_expired(db: Session, *, now: datetime) -> Sequence[int]:
    """Delete the answers of one batch of drafts whose last day is over; return the batch, with those that were sent.

    Each is marked, so that no later sweep finds it.
    """
    over = select(Draft.id, Draft.sent_at).where(Draft.expires_at < now, NOT_SWEPT).order_by(Draft.expires_at)
    rows = db.execute(over.limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)).all()
    sent = [draft_id for draft_id, sent_at in rows if sent_at]
    unsent = [draft_id for draft_id, sent_at in rows if sent_at is None]
    db.execute(delete(DraftPart).where(DraftPart.draft_id.in_(unsent)))
    release_files_of_works(db, [subject(draft_id) for draft_id in unsent], now=now)
    nothing = {"save_address": None, "begun_for": None, "address_key": None}
    for drafts, values in ((unsent, nothing), (sent, {})):
        db.execute(update(Draft).where(Draft.id.in_(drafts)).values(values | {"swept_at": now}))
    return unsent + sent


def claim_drafts(db: Session, guest_id: str, person_id: int) -> None:
    """Move all drafts of a guest to an account; no guest can open them any more."""
    own = select(DraftGuest.draft_id).where(DraftGuest.guest_id == guest_id)
    guests = select(Draft).where(Draft.id.in_(own), Draft.person_id.is_(None)).order_by(Draft.id)
    for draft in db.scalars(guests.with_for_update(of=Draft)).all():
        claim_draft(db, draft, person_id, guest_id)


def claim_draft(db: Session, draft: Draft, person_id: int, guest_id: str | None) -> None:
    """Move a guest's draft to an account, if this guest, whom the account's person is, holds it; the caller locks it.

    What that person's own pages of before send late is kept for the account; all other guests are forgotten.
    """
    grants = grants_of(db, draft.id)
    if guest_id not in grants:
        return
    own = DraftGuest.guest_id.in_(grants.same_person(guest_id))
    db.execute(update(Draft).where(Draft.id == draft.id).values(person_id=person_id, return_code=None))
    db.execute(update(DraftGuest).where(DraftGuest.draft_id == draft.id, own).values(is_former=True))
    db.execute(delete(DraftGuest).where(DraftGuest.draft_id == draft.id, not_(own)))


def close_and_count(db: Session, *, now: datetime) -> int:
    """Close one batch of sessions that have run out, count them in the same transaction, and return how many."""
    closed = close_expired(db, now=now)
    if closed:
        write_numbers(db, app_state().database, Counter(_counted(closed, *last_places(db, closed))))
    return len(closed)


def _counted(closed: Sequence[ClosedSession], by_person: Last, by_guest: Last) -> list[Counted]:
    return [_counted_end(each, by_person.get(each.person_id) or by_guest.get(each.guest_id)) for each in closed]


def _counted_end(closed: ClosedSession, last: tuple[datetime, FormPlace] | None) -> Counted:
    """Return the count of one ended session.

    Its form and section are those of the last change, if that was made in this session or after it.
    """
    form, section = last[1] if last and last[0] >= closed.started_at else NOWHERE
    return Counted(event=Event.ENDED.value, kind=closed.kind, form=form, section=section, day=closed.ended_at.date())
