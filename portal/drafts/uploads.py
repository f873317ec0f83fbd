"""Files on a section's page: who may send them, what becomes of them, and how the page lists them."""

from collections.abc import Iterable, Mapping

from flask import request
from flask_babel import gettext as _

from portal.drafts.files import FilePlace
from portal.drafts.interface import open_page_at, place_of_page
from portal.drafts.opening import OpenDraft, drafts_db, holder, kept_by
from portal.drafts.rules import Part
from portal.drafts.sealing import subject
from portal.form_definitions.answers import InvalidAnswerError, mark
from portal.form_definitions.answers_file import FileEntry, file_entries
from portal.form_definitions.definition import Section
from portal.form_definitions.file_kinds import MEGABYTE, size_text
from portal.form_definitions.form_fields import FileView
from portal.form_definitions.forms import SectionForm
from portal.sessions.interface import visit
from portal.sessions.parking import late_place
from portal.storage.definition import Scan
from portal.storage.interface import Received, Refusal, expect_files
from portal.storage.models import StoredFile
from portal.storage.operations import late_work, let_go, opened
from portal.storage.queries import files_of
from portal.web.portal import portal
from portal.web.strict_input import Allowance
from portal.web.unit_of_work import db, now, stop_reading

REMOVE = "_remove_file"
LATE = "_late_files"
LEAST_BODY = 64 * MEGABYTE
MOST_BODY = 2000 * MEGABYTE
"""More than the files may have is read, so that the one that is too large is named beside its question."""
READ_ONLY = Allowance(body=LEAST_BODY)
"""What a page of somebody else may hold: its files go nowhere, but its form token is read, and what was typed with
them is kept for whoever opened it. The same for every address, so that nobody learns which drafts there are.
"""
REMARKS: Mapping[Scan, str | None] = {
    Scan.CLEAN: None,
    Scan.NOT_SCANNED: mark("Not scanned for viruses"),
    Scan.WAITING: mark("Not scanned for viruses yet"),
    Scan.INFECTED: mark("Deleted: a virus was found in it"),
}


def upload_allowance(reference: str, section_id: str, item_id: str = "") -> Allowance:
    """What may be sent to a section's page: its questions for files decide, for whoever may fill or park the page.

    Judged before anything of the body is read; nothing stays open in the database meanwhile.
    """
    found = visit().found
    page = open_page_at(found, request.path, is_late=visit().live is None) if found else None
    is_foreign = page is None and _is_foreign()
    stop_reading()
    if page is None:
        return READ_ONLY if is_foreign else Allowance()
    fields = {field.id: field for field in page.section.fields if field.files}
    if not fields:
        return Allowance()
    expect_files(fields, work=subject(page.draft_id))
    limits = [field.files for field in fields.values() if field.files]
    body = 2 * sum(limit.max * limit.max_mb * MEGABYTE for limit in limits)
    return Allowance(file=max(limit.max_mb for limit in limits) * MEGABYTE, body=min(max(body, LEAST_BODY), MOST_BODY))


def _is_foreign() -> bool:
    """Whether the draft at this address is none that the live session's holder has open."""
    live = visit().live
    return live is not None and not any(place_of_page(live, request.path))


def take_files(
    opened_draft: OpenDraft, section: Section, part: Part, form: SectionForm, received: Received
) -> tuple[Part, SectionForm]:
    """Make what came with a page part of the draft; gives the part and the form with it, refusals at their questions.

    Files for a question that does not show are ignored as other answers are.
    """
    late = _late_named(opened_draft, part)
    removed = _removed()
    if not (late or removed or received.uploads or received.refusals):
        return part, form
    shown = [upload for upload in received.uploads if form.is_shown(upload.field_id)]
    place = file_place(opened_draft, section)
    after, refused = place.add(part, shown)
    after, refused_late = place.take_late(after, [file for file in late if file.name != removed[1]])
    after = place.remove(after, *removed) if removed[1] else after
    let_go(db(), late_work(_page(opened_draft, part)), [removed[1]], now=now())
    opened_draft.took(after)
    filled_in = opened_draft.form(section, after, posted=opened_draft.posted(section))
    refuse(filled_in, [*received.refusals, *refused, *refused_late])
    return after, filled_in


def file_place(opened_draft: OpenDraft, section: Section) -> FilePlace:
    """The section of this draft as a place for files."""
    return FilePlace(
        db=db(),
        draft=opened_draft.draft,
        rules=kept_by(opened_draft.definition),
        section=section,
        keyring=portal().configuration.keyring,
        now=now(),
    )


def _removed() -> tuple[str, str]:
    """The question and the file whose Remove was pressed; empty where none was."""
    field_id, _slash, file_id = request.form.get(REMOVE, "").partition("/")
    return field_id, file_id


def refuse(form: SectionForm, refusals: Iterable[Refusal]) -> None:
    """Say at each question that shows why a file was not kept."""
    for field_id, problem in refusals:
        if form.is_shown(field_id):
            form.refuse_file(field_id, problem)


def refuse_all_again(form: SectionForm, received: Received) -> None:
    """A page that was refused as a whole keeps what was typed, but a browser does not choose files again."""
    names = [(upload.field_id, upload.entry.name) for upload in received.uploads]
    refuse(form, [(field_id, InvalidAnswerError("again", name=name)) for field_id, name in names])


def refuse_infected(opened_draft: OpenDraft, form: SectionForm) -> None:
    """A file in which a virus was found after it had been kept does not answer a question."""
    for bound in form.files_fields:
        for entry in file_entries(bound.answer):
            if entry.id in infected_files(opened_draft):
                form.refuse_file(bound.short_name, InvalidAnswerError("infected.later", name=entry.name))


def infected_files(opened_draft: OpenDraft) -> frozenset[str]:
    """The ids of the draft's files in which a virus was found."""
    rows = files_of(db(), subject(opened_draft.draft.id)).values()
    return frozenset(row.name for row in rows if row.scan == Scan.INFECTED.value)


def list_files(opened_draft: OpenDraft, part: Part, form: SectionForm) -> list[str]:
    """Put the kept files into the form's questions; gives the ids of those that came too late and wait to be taken."""
    fields = form.files_fields
    if not fields:
        return []
    rows = files_of(drafts_db(), subject(opened_draft.draft.id))
    late = _late_files(opened_draft, part)
    for bound in fields:
        kept = [file_view(f"/files/{opened_draft.reference}", each, rows) for each in file_entries(bound.answer)]
        bound.files = (*kept, *_late_views(late, bound.short_name))
    return [file.name for file in late]


def late_names(ids: Iterable[str]) -> dict[str, str]:
    """The hidden input by which a page says which late files it showed."""
    named = ",".join(ids)
    return {LATE: named} if named else {}


def file_view(address: str, entry: FileEntry, rows: Mapping[str, StoredFile]) -> FileView:
    """One file as a page lists it; it is downloaded below `address`."""
    row = rows.get(entry.id)
    scan = Scan(row.scan) if row else Scan.INFECTED
    remark = REMARKS[scan]
    return FileView(
        id=entry.id,
        name=entry.name,
        size=size_text(entry.size),
        href=None if scan is Scan.INFECTED else f"{address}/{entry.id}",
        remark=_(remark) if remark else None,
    )


def _late_views(late: Iterable[StoredFile], field_id: str) -> list[FileView]:
    contents = [(file, opened(portal().configuration.keyring, file)) for file in late]
    return [
        FileView(id=file.name, name=content.name, size=size_text(file.size), href=None, remark=None, is_late=True)
        for file, content in contents
        if content.field_id == field_id
    ]


def _page(opened_draft: OpenDraft, part: Part) -> str:
    return opened_draft.address(part.section_id, part.item_id)


def _late_files(opened_draft: OpenDraft, part: Part) -> list[StoredFile]:
    """Files that came after the session had ended, for whoever works on the page now; a person's for them alone."""
    theirs = {late_place(None), late_place(holder().person_id)}
    files = files_of(drafts_db(), late_work(_page(opened_draft, part))).values()
    return [file for file in files if file.place in theirs and file.delete_at is not None and file.delete_at > now()]


def _late_named(opened_draft: OpenDraft, part: Part) -> list[StoredFile]:
    """Those of them that the page showed."""
    named = frozenset(request.form.get(LATE, "").split(",")) - {""}
    return [file for file in _late_files(opened_draft, part) if file.name in named] if named else []
