"""Adding and removing files without leaving the page, for the script; without it the page's own form does the same."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from portal.drafts.opening import closed_page, open_draft
from portal.drafts.uploads import REMOVE, file_place, list_files, refuse
from portal.drafts.views import autosaved_part
from portal.site_settings.times import clock_time
from portal.storage.interface import Refusal, receive
from portal.web.declarations import Access, Activity, accepts_files, access, activity
from portal.web.htmx import is_htmx
from portal.web.strict_input import require_end_marker

blueprint = Blueprint("draft_files", __name__)


@blueprint.post("/drafts/<reference>/autosave/<section_id>/files", defaults={"item_id": ""})
@blueprint.post("/drafts/<reference>/autosave/<section_id>/<item_id>/files")
@access(Access.DRAFT_OWNER)
@activity(Activity.AUTOSAVE)
@accepts_files
def change_files(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Keep the files that came, or remove one; answers with the question as it is now."""
    if not is_htmx():
        abort(404)
    received = receive()
    opened = open_draft(reference)
    section, part = autosaved_part(opened, section_id, item_id)
    if closed_page(opened):
        abort(409)
    require_end_marker()
    place = file_place(opened, section)
    after, refused = place.add(part, received.uploads)
    field_id, _slash, file_id = request.form.get(REMOVE, "").partition("/")
    after = place.remove(after, field_id, file_id)
    opened.took(after)
    form = opened.form(section, after)
    field = form.question(request.form.get("_changed", "")) or abort(400)
    refusals: list[Refusal] = [*received.refusals, *refused]
    refuse(form, refusals)
    list_files(opened, after, form)
    saved = clock_time(opened.draft.changed_at)
    return render_template("drafts/_files.html", field=field, saved=saved), 422 if field.error else 200
