"""Downloading a file of a draft or of a sent form, by whoever may open that."""

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from portal.drafts.opening import holder
from portal.drafts.queries import find_draft
from portal.drafts.sealing import subject
from portal.storage.download import file_answer
from portal.storage.queries import file_of
from portal.submissions.sent_files import sent_work
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now

blueprint = Blueprint("files", __name__)


@blueprint.get("/files/<reference>/<file_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def download(reference: str, file_id: str) -> ResponseReturnValue:
    """One file; those of a draft that was deleted or has expired are gone with it."""
    draft = find_draft(db(), reference, holder(), now=now()) or abort(404)
    if not draft.sent_at and (draft.deleted_at or draft.expires_at <= now()):
        abort(404)
    work = sent_work(draft.reference) if draft.sent_at else subject(draft.id)
    return file_answer(file_of(db(), work, file_id) or abort(404))
