"""The files of a case, for staff."""

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from portal.hub.interface import note_look
from portal.storage.download import file_answer
from portal.submissions.files import sent_file
from portal.submissions.queries import submission_by_reference
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db

blueprint = Blueprint("hub_files", __name__)


@blueprint.get("/hub/cases/<reference>/files/<file_id>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def download(reference: str, file_id: str) -> ResponseReturnValue:
    """One file as it was sent; the look is recorded."""
    submission = submission_by_reference(db(), reference) or abort(404)
    file = sent_file(submission.reference, file_id) or abort(404)
    note_look("file_downloaded", submission.reference)
    return file_answer(file)
