"""The page of a section or an item, and the list of the items of a repeat, as they are answered."""

from flask import render_template
from flask.typing import ResponseReturnValue

from portal.drafts import pages
from portal.drafts.changes_pages import asked_again
from portal.drafts.check_visits import with_origin
from portal.drafts.opening import OpenDraft, seen_by_page, shown_tab
from portal.drafts.rules import Part
from portal.drafts.uploads import late_names, list_files
from portal.form_definitions.definition import Section
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.rich_text import rich_text
from portal.sessions.late_forms import Parked
from portal.sessions.parking import SHOWN
from portal.site_settings.times import language


def opened_page(opened: OpenDraft, section: Section, part: Part) -> ResponseReturnValue:
    """A page with what is stored, and over it what was typed after the session had ended, marked as not sent."""
    parked = next(iter(opened.parked(section, part)), None)
    return section_answer(opened, section, part, opened.shown_form(section, part, parked), parked=parked)


def section_answer(
    opened: OpenDraft,
    section: Section,
    part: Part,
    form: SectionForm,
    *,
    status: int = 200,
    parked: Parked | None = None,
    is_unsaved: bool = False,
) -> ResponseReturnValue:
    """The page; `is_unsaved` says that it shows what was posted and nothing of it was stored, as 409 does."""
    autosave = opened.address("autosave", section.id, part.item_id)
    late = list_files(opened, part, form)
    page = render_template(
        "drafts/section.html",
        opened=opened,
        section=section,
        form=form,
        band=pages.band(opened, section),
        title=pages.part_title(opened, section, part),
        intro=rich_text(section.intro.in_(language())) if section.intro and not section.repeat else None,
        is_out_of_date=status == 409,
        is_other_version=status == 409 and opened.is_outdated(section),
        is_one_too_many=opened.is_one_too_many(section, part),
        asked=asked_again(section, part),
        autosave=autosave,
        hints=pages.hints_of_change(opened, section, part),
        is_parked=parked is not None or bool(late),
        files=f"{autosave}/files" if form.files_fields else None,
        ours=_names_of_page(opened, section, part, is_unsaved or status == 409, parked) | late_names(late),
    )
    return page, status


def _revision_after_move(stored: int, seen: int) -> str:
    """What a page of an earlier version may name: the stored revision, if the move alone has raised it."""
    return str(stored if stored - seen <= 1 else seen)


def _names_of_page(
    opened: OpenDraft, section: Section, part: Part, is_unsaved: bool, parked: Parked | None
) -> dict[str, str]:
    """What the page tells of itself when it is sent.

    One that was refused unsaved, or comes back parked, still names the revision that it was served with, unless it
    wrote the stored one itself.
    """
    stored = opened.filled.part(part.section_id, part.item_id)
    seen = dict(parked.form.seen) if parked else {}
    revision = str(seen_by_page().revision if is_unsaved else stored.revision)
    if seen and seen.get("_page") != stored.page_id:
        revision = seen.get("_revision", revision)
    if is_unsaved and opened.is_outdated(section):
        revision = _revision_after_move(stored.revision, seen_by_page().revision)
    version = str(opened.version.number)
    names = {"_revision": revision, "_page": pages.new_page_id(), "_sequence": "0", "_version": version}
    shown = parked.tab if parked else shown_tab() if is_unsaved else None
    return names | ({SHOWN: shown} if shown else {})


def items_answer(
    opened: OpenDraft, section: Section, *, error: str | None = None, status: int = 200
) -> ResponseReturnValue:
    """The list of a repeat's items, with what is wrong with it as a whole."""
    page = render_template(
        "drafts/items.html",
        opened=opened,
        section=section,
        band=pages.band(opened, section),
        title=section.title.in_(language()),
        intro=rich_text(section.intro.in_(language())) if section.intro else None,
        items=pages.items(opened, section),
        asked=asked_again(section, opened.filled.part(section.id)),
        with_origin=with_origin,
        item_word=pages.item_word(section),
        error=error,
        is_out_of_date=status == 409,
        is_other_version=status == 409 and opened.is_outdated(section),
    )
    return page, status
