"""The views of a draft: task list, sections and items, autosave, and files."""

import re

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.drafts import pages
from portal.drafts.not_received import answer_closed, closed_notice, closed_sentence, words_not_received
from portal.drafts.open_draft import OpenDraft, open_draft, require_open, seen_by_page
from portal.drafts.operations import delete_draft, keep_version
from portal.drafts.rules import NO_REVISION, Order, order
from portal.drafts.section_page import SectionPage, pages_with_late_answers
from portal.drafts.submit import SentList, SentPage, show_list
from portal.drafts.uploads import REMOVE, UNDO, FilePlace, list_files, refuse_files, upload_allowance
from portal.form_definitions.definition import Section
from portal.site_settings.current import clock_time, moment_text
from portal.storage.uploads import receive
from portal.web.addresses import is_htmx
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, accepts_files, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("drafts", __name__)
ITEM_ID = re.compile(r"[a-z0-9]{8}")
by_button = activity(
    Activity.CONTINUE_SECTION,
    save=Activity.SAVE,
    stay=Activity.EXTEND,
    lookup=Activity.INTEGRATION,
    fill=Activity.INTEGRATION,
)
"""What each button of a section means for the session."""


@blueprint.get("/drafts/<reference>")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def show_task_list(reference: str) -> ResponseReturnValue:
    """Show all sections with their status."""
    opened = open_draft(reference)
    require_open(opened)
    return render_template(
        "drafts/task_list.html",
        opened=opened,
        title=opened.definition.title.in_(language()),
        progress=pages.progress_text(opened.filled),
        counts=opened.filled.counts(),
        rows=pages.segments(opened.filled),
        saved=pages.saved(opened),
        changed=moment_text(opened.draft.changed_at),
        tasks=pages.tasks(opened, {page.section.id for page, _parked in pages_with_late_answers(opened)}),
        changed_form=pages.changed_sections(opened),
        next=opened.continue_address(),
        slip=pages.slip(opened),
        keep_until=pages.keep_until(opened),
        longer=pages.kept_longer_until(opened),
        is_refused=app_state().hooks.mail_is_refused(db(), opened.draft.id),
    )


@blueprint.post("/drafts/<reference>")
@access(Access.DRAFT_OWNER)
@activity(Activity.SUBMIT)
def change_draft(reference: str) -> ResponseReturnValue:
    """Decide about a new version of the form, or delete the draft once the person has confirmed it."""
    opened = open_draft(reference)
    require_open(opened)
    if request.form.get("_action") in ("use_version", "keep_version"):
        return _decide(opened)
    if request.form.get("_confirmed") != "yes":
        title = opened.definition.title.in_(language())
        return render_template("drafts/delete.html", opened=opened, title=title)
    delete_draft(db(), opened.draft, now=now())
    app_state().hooks.draft_deleted(db(), opened.draft.id)
    return redirect("/account" if not opened.is_guest else opened.address(), 303)


def _decide(opened: OpenDraft) -> ResponseReturnValue:
    """Take the new version of the form, or keep the old one; show the task list if another version came meanwhile."""
    newer = opened.asked_about
    if newer is None or request.form.get("_newest") != str(newer.newest.number):
        return redirect(opened.address(), 303)
    if request.form["_action"] == "keep_version":
        keep_version(opened.draft, newer.newest)
        return redirect(opened.continue_address(), 303)
    opened.move()
    return redirect(opened.address(), 303)


@blueprint.get("/drafts/<reference>/<section_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def section_page(reference: str, section_id: str) -> ResponseReturnValue:
    """Show one section, or the list of its items; redirect to the task list if it cannot be filled in now."""
    opened = open_draft(reference)
    page = SectionPage(opened, opened.section(section_id))
    require_open(opened)
    if not opened.filled.is_open(page.section):
        return redirect(opened.address())
    return show_list(page) if page.section.repeat else page.open()


@blueprint.get("/drafts/<reference>/<section_id>/<item_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def item_page(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Show one item of a repeat; a new one is stored at its first save."""
    opened = open_draft(reference)
    page = SectionPage(opened, _repeated(opened, section_id, item_id), item_id)
    require_open(opened)
    if page.is_one_too_many:
        abort(404)
    if not opened.filled.is_open(page.section):
        return redirect(opened.address())
    return page.open()


@blueprint.post("/drafts/<reference>/<section_id>")
@access(Access.DRAFT_OWNER)
@by_button
@shows_form_again
@accepts_files(upload_allowance)
def save_section(reference: str, section_id: str) -> ResponseReturnValue:
    """Store what was typed; go on, or show what is wrong."""
    received = receive()
    opened = open_draft(reference)
    section = opened.section(section_id)
    if section.repeat:
        require_open(opened)
        return SentList(opened, section).answer_list()
    page = SentPage(opened, section)
    return answer_closed(page) if opened.is_closed else page.answer(received)


@blueprint.post("/drafts/<reference>/<section_id>/<item_id>")
@access(Access.DRAFT_OWNER)
@by_button
@shows_form_again
@accepts_files(upload_allowance)
def save_item(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Store what was typed about one item."""
    received = receive()
    opened = open_draft(reference)
    page = SentPage(opened, _repeated(opened, section_id, item_id), item_id)
    return answer_closed(page) if opened.is_closed else page.answer(received)


def _repeated(opened: OpenDraft, section_id: str, item_id: str) -> Section:
    """Return the section of an item; answer 404 if this is not an item of a repeat."""
    section = opened.section(section_id)
    if not section.repeat or not ITEM_ID.fullmatch(item_id):
        abort(404)
    return section


@blueprint.post("/drafts/<reference>/autosave/<section_id>", defaults={"item_id": ""})
@blueprint.post("/drafts/<reference>/autosave/<section_id>/<item_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.AUTOSAVE)
def autosave(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Store the changed fields without judging them; only our script calls this, and it never counts as activity."""
    if not is_htmx():
        abort(404)
    opened = open_draft(reference, by_itself=True)
    page = _page_saving_itself(opened, section_id, item_id)
    page.require_whole()
    seen, changed = seen_by_page(), _changed_fields()
    if opened.is_closed:
        is_received = opened.draft.sent_at and changed and not words_not_received(page, changed)
        return _saved(seen.revision) if is_received else (closed_notice(opened), 409)
    if page.is_outdated:
        abort(409)
    if not changed:  # the page only asks whether it is up to date
        return _saved(seen.revision, page.part.revision)
    page.form = page.form_of(request.form, changed)
    found = order(page.part, seen)
    if found is Order.STALE and page.changed_fields():
        abort(409)
    if found is Order.OVERTAKEN:
        return _saved(page.part.revision)
    # Of an empty part, or of what somebody else stored alike meanwhile, there is nothing to store; and a page that did
    # not know of the last save does not learn of it by chance.
    is_last = page.part.revision != NO_REVISION and found is not Order.STALE
    revision = page.save() if is_last or page.form.kept() != page.part.state else seen.revision
    page.release_parked(changed, revision)
    return _saved(revision)


def _saved(revision: int, latest: int | None = None) -> str:
    """Return the fragment that says when the page was saved, which revision it has, and which is the `latest`."""
    template = current_app.jinja_env.get_template("drafts/_saved.html")
    return template.render(saved=clock_time(now()), revision=revision, latest=latest)


def _changed_fields() -> frozenset[str]:
    """Return the fields that the script names or, if it names none, those whose inputs it sent."""
    named = request.form.get("_changed")
    names = request.form if named is None else filter(None, named.split(","))
    return frozenset(name.partition("-")[0] for name in names)


def _page_saving_itself(opened: OpenDraft, section_id: str, item_id: str) -> SentPage:
    """Return the page that saves itself; answer 404 for the list of a repeat, or an item too many."""
    section = _repeated(opened, section_id, item_id) if item_id else opened.section(section_id)
    if section.repeat and not item_id:
        abort(404)
    page = SentPage(opened, section, item_id)
    return page if not page.is_one_too_many else abort(404)


@blueprint.post("/drafts/<reference>/autosave/<section_id>/files", defaults={"item_id": ""})
@blueprint.post("/drafts/<reference>/autosave/<section_id>/<item_id>/files")
@access(Access.DRAFT_OWNER)
@activity(Activity.AUTOSAVE)
@accepts_files(upload_allowance)
def change_files(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Add the uploaded files, remove one or bring it back; return the question as it is now."""
    if not is_htmx():
        abort(404)
    received = receive()
    opened = open_draft(reference)
    page = _page_saving_itself(opened, section_id, item_id)
    if opened.is_closed:
        sentence = _("%(sentence)s Files cannot be added or removed any more.", sentence=closed_sentence(opened))
        return Response(sentence, 409, mimetype="text/plain")
    require_end_marker()
    place = FilePlace.of(opened, page.section)
    page.part, refused = place.add(page.part, received.uploads)
    field_id, _slash, file_id = request.form.get(REMOVE, "").partition("/")
    page.part = place.remove(page.part, field_id, file_id)
    page.part, refused_again = place.bring_back(page.part, request.form.get(UNDO, "").partition("/")[2])
    opened.note_stored(page.part)
    page.form = page.form_of()
    field = page.form.question(request.form.get("_changed", "")) or abort(400)
    refuse_files(page.form, [*received.refusals, *refused, *refused_again])
    list_files(opened, page.part, page.form)
    saved = clock_time(opened.draft.changed_at)
    return render_template("drafts/_files.html", field=field, saved=saved), 422 if field.error else 200
