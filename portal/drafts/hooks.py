"""What sessions need to know about drafts."""

import re
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.drafts.models import Draft
from portal.drafts.queries import find_draft, formerly_held, last_draft
from portal.form_definitions.definition import Section
from portal.form_definitions.versions.queries import definition_of
from portal.sessions.late_forms import KeptWork, ParkablePage
from portal.sessions.operations import Holder
from portal.sessions.queries import FoundSession
from portal.site_settings.current import clock_time, moment_text
from portal.web.languages import language
from portal.web.unit_of_work import db, is_writing, now, reading

_PAGE = re.compile(
    r"/drafts/(?P<reference>[^/]+)(?:/autosave)?(?:/(?P<section>[^/]+)(?:/(?P<item>(?!files$)[^/]+))?(?:/files)?)?"
)


def kept_work(found: FoundSession, path: str | None) -> KeptWork | None:
    """Return the unfinished work of an ended session's holder: the draft at `path`, else the one changed last."""
    holder = Holder(person_id=found.person_id, guest_id=found.guest_id)
    draft = _draft_at(path, holder) or last_draft(reading(), holder, now=now())
    return _kept(draft, is_guest=found.person_id is None) if draft else None


def _draft_at(path: str | None, holder: Holder) -> Draft | None:
    page = _PAGE.fullmatch(path or "")
    return _fillable(find_draft(reading(), page["reference"], holder, now=now())) if page else None


def _former_draft_at(path: str, guest: Holder) -> Draft | None:
    """Return the draft at `path` that this guest held and that now belongs to an account."""
    page = _PAGE.fullmatch(path)
    return _fillable(formerly_held(reading(), page["reference"], guest.guest_id)) if page and guest.guest_id else None


def _fillable(draft: Draft | None) -> Draft | None:
    return draft if draft and draft.sent_at is None and draft.deleted_at is None and draft.expires_at > now() else None


@dataclass(frozen=True, kw_only=True)
class OpenPage:
    """A section or item of a draft that can still be filled in, with its own `address`."""

    draft_id: int
    section: Section
    address: str


def place_of_page(found: FoundSession, path: str) -> tuple[str, str]:
    """Return the ids of the form and section at `path`; each is empty if the session has no such draft open."""
    page = _PAGE.fullmatch(path)
    draft = _draft_at(path, Holder(person_id=found.person_id, guest_id=found.guest_id))
    if draft is None or page is None:
        return "", ""
    section = definition_of(draft.version).section(page["section"] or "")
    return draft.version.form_id, section.id if section else ""


def parkable_draft_page(found: FoundSession, path: str) -> ParkablePage | None:
    """Return the page for which a late form may be kept: a section or item of a draft that this session could save."""
    page_path, holder = _PAGE.fullmatch(path), Holder(person_id=found.person_id, guest_id=found.guest_id)
    if page_path and is_writing():
        # Lock the draft before looking: whoever takes it from this guest, or adds it to an account, is done then.
        find_draft(db(), page_path["reference"], holder, now=now(), locked=True)
    page = open_page_at(found, path, is_late=True)
    if page is None:
        return None
    fields = page.section.fields
    known = frozenset(name for field in fields for name in (field.id, *field.was))
    return ParkablePage(address=page.address, fields=known)


def open_page_at(found: FoundSession, path: str, *, is_late: bool) -> OpenPage | None:
    """Return the page at `path` if the session may fill it in or, where `is_late`, may leave answers for it."""
    holder = Holder(person_id=found.person_id, guest_id=found.guest_id)
    page = _PAGE.fullmatch(path)
    draft = _draft_at(path, holder) or (_former_draft_at(path, holder) if is_late else None)
    if draft is None or page is None:
        return None
    definition = definition_of(draft.version)
    section = definition.section(page["section"] or "")
    if section is None or not _holds_answers(section, page["item"]):
        return None
    if is_late and not (definition.allow_save or draft.person_id):
        return None
    address = "/".join(filter(None, ("/drafts", draft.reference, section.id, page["item"])))
    return OpenPage(draft_id=draft.id, section=section, address=address)


def _holds_answers(section: Section, item: str | None) -> bool:
    """Return whether this is a plain section or an item of a repeat; a list of items has no answers of its own."""
    return bool(item) is bool(section.repeat)


def _kept(draft: Draft, *, is_guest: bool) -> KeptWork:
    definition = definition_of(draft.version)
    return KeptWork(
        form_title=definition.title.in_(language()),
        reference=draft.reference,
        saved_at=moment_text(draft.changed_at),
        saved_time=clock_time(draft.changed_at),
        place=_place_text(draft),
        path="/".join(filter(None, ("/drafts", draft.reference, draft.last_section_id))),
        is_saved=definition.allow_save or not is_guest,
        is_guest=is_guest,
    )


def _place_text(draft: Draft) -> str | None:
    """Return the number and title of the section that was changed last."""
    definition = definition_of(draft.version)
    section = definition.section(draft.last_section_id) if draft.last_section_id else None
    if section is None:
        return None
    number = definition.sections.index(section) + 1
    return _("Section %(number)s, %(title)s", number=number, title=section.title.in_(language()))
