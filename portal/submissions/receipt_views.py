"""The receipt of a sent form, for its sender."""

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from portal.drafts.opening import holder
from portal.submissions.queries import find_submission
from portal.submissions.receipt_file import receipt_answer
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db

blueprint = Blueprint("receipts", __name__)


@blueprint.get("/submissions/<reference>/receipt.pdf")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def receipt(reference: str) -> ResponseReturnValue:
    """All answers as they were sent, to keep on paper or as a file."""
    return receipt_answer(find_submission(db(), reference, holder()) or abort(404))
