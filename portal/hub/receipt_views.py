"""The receipt of a case, for staff: the same file that its sender has."""

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from portal.hub.interface import note_look
from portal.submissions.queries import submission_by_reference
from portal.submissions.receipt_file import receipt_answer
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db

blueprint = Blueprint("hub_receipts", __name__)


@blueprint.get("/hub/cases/<reference>/receipt.pdf")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def receipt(reference: str) -> ResponseReturnValue:
    """All answers of a case as they were sent; the look is recorded."""
    submission = submission_by_reference(db(), reference) or abort(404)
    note_look("receipt_viewed", submission.reference)
    return receipt_answer(submission)
