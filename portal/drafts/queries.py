"""Find drafts that somebody may open, and read what is in them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    bindparam,
    exists,
    func,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, with_expression

from portal.drafts.models import Draft, DraftGuest, DraftPart
from portal.drafts.rules import Filled, Grant, Grants
from portal.drafts.sealing import open_part
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import definition_of
from portal.keyring import Keyring
from portal.sessions.late_forms import has_parked
from portal.sessions.models import ParkedValues
from portal.sessions.operations import ClosedSession, Holder

FormPlace = tuple[str, str]
Last = Mapping[object, tuple[datetime, FormPlace]]
ChangeQuery = Select[Any, datetime, str, str | None]
_IS_HELD = DraftGuest.is_former.is_(False)


def opened_by(holder: Holder) -> ColumnElement[bool]:
    """Return the condition that this person or guest may open the draft.

    Both rights are looked up by their own index: with OR, every draft would be asked.
    """
    own, ids = aliased(Draft), list[Select[int]]()
    if holder.person_id:
        ids.append(select(own.id).where(own.person_id == holder.person_id))
    if holder.guest_id:
        ids.append(select(DraftGuest.draft_id).where(DraftGuest.guest_id == holder.guest_id, _IS_HELD))
    return Draft.id.in_(union_all(*ids) if ids else ())


def _newest_number() -> ScalarSelect[int]:
    """Return the number of the newest version of a draft's form, as a column of the draft."""
    own, each = aliased(FormVersion), aliased(FormVersion)
    form_id = select(own.form_id).where(own.id == Draft.form_version_id).correlate(Draft).scalar_subquery()
    return select(func.max(each.number)).where(each.form_id == form_id).correlate(Draft).scalar_subquery()


_GRANTED = exists().where(DraftGuest.draft_id == Draft.id, DraftGuest.guest_id == bindparam("guest"), _IS_HELD)
_FOUND = (
    select(Draft)
    .where(Draft.reference == bindparam("reference"), or_(Draft.person_id == bindparam("person"), _GRANTED))
    .options(
        with_expression(Draft.has_parked, has_parked(bindparam("work"), now=bindparam("now"))),
        with_expression(Draft.newest_number, _newest_number()),
    )
)
_FOUND_LOCKED = _FOUND.with_for_update(of=Draft)
_PARTS_OF_DRAFT = select(*DraftPart.__table__.c).where(DraftPart.draft_id == bindparam("draft")).order_by(DraftPart.id)
"""Built once: every page and every save of a draft runs these queries."""


def find_draft(db: Session, reference: str, holder: Holder, *, now: datetime, locked: bool = False) -> Draft | None:
    """Return the draft with this reference if the holder may open it, even if it was sent or deleted.

    `locked` locks the row until the transaction ends, so that the writers of one draft wait for each other.
    """
    known = reference.upper()
    values = {"reference": known, "person": holder.person_id, "guest": holder.guest_id, "now": now}
    draft = db.scalar(_FOUND_LOCKED if locked else _FOUND, values | {"work": f"/drafts/{known}"})
    if draft is None or not locked or db.get_bind().dialect.name == "sqlite":
        return draft
    # PostgreSQL judges grants by what they were before it waited for the lock. Meanwhile a guest may have lost theirs.
    is_owner = draft.person_id is not None and draft.person_id == holder.person_id
    return draft if is_owner or holder.guest_id in grants_of(db, draft.id) else None


def formerly_held(db: Session, reference: str, guest_id: str) -> Draft | None:
    """Return the account's draft with this reference that a guest held before they added it to the account."""
    held = exists().where(DraftGuest.draft_id == Draft.id, DraftGuest.guest_id == guest_id, DraftGuest.is_former)
    return db.scalar(select(Draft).where(Draft.reference == reference.upper(), held))


def grants_of(db: Session, draft_id: int) -> Grants:
    """Return the guests who hold a draft, and whose right comes from whose."""
    rows = db.execute(
        select(DraftGuest.guest_id, DraftGuest.number, DraftGuest.made_by, DraftGuest.through)
        .where(DraftGuest.draft_id == draft_id, _IS_HELD)
        .order_by(DraftGuest.number, DraftGuest.guest_id)
    )
    return Grants(
        Grant(guest_id=guest_id, number=number, made_by=made_by, through=through)
        for guest_id, number, made_by, through in rows
    )


def newer_versions(db: Session, drafts: Collection[Draft]) -> Mapping[int, Sequence[FormVersion]]:
    """Return the versions of each draft's form that were published after its own, oldest first."""
    own = [draft.version for draft in drafts]
    query = select(FormVersion).where(
        FormVersion.form_id.in_({version.form_id for version in own}),
        FormVersion.number > min((version.number for version in own), default=0),
    )
    found = db.scalars(query.order_by(FormVersion.number)).all() if own else ()
    return {draft.id: [version for version in found if _is_newer(version, draft.version)] for draft in drafts}


def _is_newer(version: FormVersion, own: FormVersion) -> bool:
    return version.form_id == own.form_id and version.number > own.number


def draft_by_reference(db: Session, reference: str) -> Draft | None:
    """Return the draft with this reference, whoever asks; the caller must check the right to it."""
    return db.scalar(select(Draft).where(Draft.reference == reference.upper()))


def fill(db: Session, draft: Draft, keyring: Keyring, today: date, rows: Sequence[Row[Any]] | None = None) -> Filled:
    """Return the draft's form with all stored answers; `rows` are its parts, if they have been read already."""
    found = db.connection().execute(_PARTS_OF_DRAFT, {"draft": draft.id}) if rows is None else rows
    stored = [open_part(keyring, row) for row in found]
    return Filled(
        definition=definition_of(draft.version),
        parts=tuple(part for part in stored if not part.removed_by),
        today=today,
        removed=tuple(part for part in stored if part.removed_by),
    )


_LAST_CHANGED_FIRST = (Draft.changed_at.desc(), Draft.id.desc())


def _is_open(holder: Holder, now: datetime) -> Iterator[ColumnElement[bool]]:
    yield opened_by(holder)
    yield from (Draft.sent_at.is_(None), Draft.deleted_at.is_(None), Draft.expires_at > now)


def _open_drafts(holder: Holder, now: datetime) -> Select[Draft]:
    newest = with_expression(Draft.newest_number, _newest_number())
    return select(Draft).options(newest).where(*_is_open(holder, now)).order_by(*_LAST_CHANGED_FIRST)


def count_answered(db: Session, holder: Holder, *, now: datetime) -> int:
    """Return the number of the holder's open drafts that hold an answer."""
    answered = select(func.count()).where(*_is_open(holder, now), Draft.answered_at.is_not(None))
    return db.scalar(answered) or 0


@dataclass(frozen=True, kw_only=True)
class WholeDraft:
    """A draft with its stored parts and the newer versions of its form, all read together with other drafts."""

    draft: Draft
    parts: Sequence[Row[Any]]
    newer: Sequence[FormVersion]


def whole_drafts(
    db: Session, holder: Holder, *, now: datetime, before: str | None, limit: int, refused: ColumnElement[bool]
) -> list[WholeDraft]:
    """Return a page of the holder's open drafts that hold an answer, last changed first, by two statements at most.

    `before` is the reference of the last draft on the previous page; `limit` is the number of drafts on a page;
    `refused` is the column for `Draft.mail_is_refused`.
    """
    chosen = select(Draft.id, _newest_number().label("newest"), refused.label("refused"))
    chosen = chosen.where(*_is_open(holder, now), Draft.answered_at.is_not(None))
    if before:
        last = aliased(Draft)
        place = select(last.changed_at, last.id).where(last.reference == before).scalar_subquery()
        chosen = chosen.where(tuple_(Draft.changed_at, Draft.id) < place)
    page = chosen.order_by(*_LAST_CHANGED_FIRST).limit(limit).subquery()
    query = (
        select(Draft, *DraftPart.__table__.c)
        .join(page, page.c.id == Draft.id)
        .outerjoin(DraftPart, DraftPart.draft_id == Draft.id)
        .options(
            with_expression(Draft.newest_number, page.c.newest),
            with_expression(Draft.mail_is_refused, page.c.refused),
        )
    )
    parts: dict[Draft, list[Row[Any]]] = {}
    for row in db.execute(query.order_by(*_LAST_CHANGED_FIRST, DraftPart.id)):
        parts.setdefault(row.Draft, []).extend([row] if row.draft_id else [])
    older = [draft for draft in parts if draft.newest_number != draft.version.number]
    newer = newer_versions(db, older)
    return [WholeDraft(draft=draft, parts=rows, newer=newer.get(draft.id, ())) for draft, rows in parts.items()]


def drafts_of_form(db: Session, holder: Holder, form_id: str, *, now: datetime) -> Sequence[Draft]:
    """Return the holder's open drafts of one form, in any version, last changed first."""
    versions = select(FormVersion.id).where(FormVersion.form_id == form_id)
    return db.scalars(_open_drafts(holder, now).where(Draft.form_version_id.in_(versions))).all()


def drafts_to_come_back_to(db: Session, holder: Holder, *, now: datetime) -> Sequence[Draft]:
    """Return the holder's open drafts that hold an answer, or to which one came late, last changed first.

    Without those of forms that cannot be saved: their answers end with the session.
    """
    is_late = exists().where(ParkedValues.work == "/drafts/" + Draft.reference, ParkedValues.expires_at > now)
    found = db.scalars(_open_drafts(holder, now).where(or_(Draft.answered_at.is_not(None), is_late)))
    return [draft for draft in found if draft.person_id or definition_of(draft.version).allow_save]


def any_draft(db: Session) -> Draft | None:
    """Return some draft, one that names an address if there is one.

    With it is done, and undone, what would be done with one that there is not.
    """
    named = select(Draft).where(Draft.address_key.is_not(None)).order_by(Draft.address_key.desc())
    drafts = (db.scalars(query.limit(1)).first() for query in (named, select(Draft).order_by(Draft.id.desc())))
    return next(filter(None, drafts), None)


def locked_draft(db: Session, draft_id: int) -> Draft:
    """Return a draft for a change as the row is now, locked until the transaction ends."""
    query = select(Draft).where(Draft.id == draft_id).with_for_update(of=Draft)
    return db.scalars(query.execution_options(populate_existing=True)).one()


def last_draft(db: Session, holder: Holder, *, now: datetime) -> Draft | None:
    """Return the open draft that the holder changed last."""
    return db.scalar(_open_drafts(holder, now).limit(1))


def guest_has_drafts(db: Session, guest_id: str) -> bool:
    """Return whether a guest holds a draft that an account could claim."""
    query = (
        select(Draft.id)
        .join(DraftGuest)
        .where(DraftGuest.guest_id == guest_id, _IS_HELD, Draft.person_id.is_(None), Draft.deleted_at.is_(None))
    )
    return db.scalar(query.limit(1)) is not None


def last_places(db: Session, closed: Sequence[ClosedSession]) -> tuple[Last, Last]:
    """Return the form and section in which each person and each guest last changed a draft, and when.

    Changes before the first of these sessions began are left out.
    """
    since = min(each.started_at for each in closed)
    people = {each.person_id for each in closed if each.person_id is not None}
    guests = {each.guest_id for each in closed if each.guest_id is not None}
    by_person = _changes(Draft.person_id, since).where(Draft.person_id.in_(people))
    by_guest = _changes(DraftGuest.guest_id, since).join(DraftGuest).where(DraftGuest.guest_id.in_(guests))
    return _read(db, by_person if people else None), _read(db, by_guest if guests else None)


def _changes(holder: "ColumnElement[Any] | InstrumentedAttribute[Any]", since: datetime) -> ChangeQuery:
    """Select the changes that count, oldest first, so that each holder's last change is read last."""
    columns = select(holder, Draft.changed_at, FormVersion.form_id, Draft.last_section_id).select_from(Draft)
    is_open = (Draft.sent_at.is_(None), Draft.deleted_at.is_(None))
    return columns.join(FormVersion).where(*is_open, Draft.changed_at >= since).order_by(Draft.changed_at, Draft.id)


def _read(db: Session, query: ChangeQuery | None) -> Last:
    rows = db.execute(query).all() if query is not None else ()
    return {holder: (changed_at, (form, section or "")) for holder, changed_at, form, section in rows}
