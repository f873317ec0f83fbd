"""Download the receipt of a sent form, and the files of a draft or of a sent form."""

from datetime import timedelta

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from portal.drafts.open_draft import holder
from portal.drafts.queries import find_draft
from portal.drafts.sealing import subject
from portal.storage.queries import file_of
from portal.storage.uploads import file_answer
from portal.submissions.files import sent_work
from portal.submissions.models import Submission
from portal.submissions.queries import find_submission
from portal.submissions.receipt import receipt_of
from portal.web.addresses import remote_network
from portal.web.declarations import Access, Activity, access, activity
from portal.web.limits import Limit, require, use_try
from portal.web.unit_of_work import db, now, stop_reading

blueprint = Blueprint("downloads", __name__)
RECEIPTS = Limit(name="receipt", burst=10, interval=timedelta(minutes=1))
RECEIPTS_NETWORK = Limit(name="receipt-network", burst=60, interval=timedelta(seconds=10))
"""Drawing one costs more than any other page, and a long one uses up several tries."""


def receipt_answer(submission: Submission) -> Response:
    """Return the receipt as a PDF; the caller must have checked that this person may read it."""
    receipt = receipt_of(submission)
    stop_reading()
    throttle = [(RECEIPTS, submission.reference), (RECEIPTS_NETWORK, remote_network())]
    require(use_try(throttle, now=now(), number=min(receipt.tries, RECEIPTS.burst)))
    # Import at the first use: it takes half a second and 20 MB, and most processes never draw a receipt.
    from portal.submissions.receipt_pdf import drawn

    answer = Response(drawn(receipt), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{submission.reference}.pdf"'
    return answer


@blueprint.get("/submissions/<reference>/receipt.pdf")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def download_receipt(reference: str) -> ResponseReturnValue:
    """Return all answers as they were sent, to print or to keep."""
    return receipt_answer(find_submission(db(), reference, holder()) or abort(404))


@blueprint.get("/files/<reference>/<file_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def download_file(reference: str, file_id: str) -> ResponseReturnValue:
    """Return one file; answer 404 if its draft was deleted or has expired."""
    draft = find_draft(db(), reference, holder(), now=now()) or abort(404)
    if not draft.sent_at and (draft.deleted_at or draft.expires_at <= now()):
        abort(404)
    work = sent_work(draft.reference) if draft.sent_at else subject(draft.id)
    return file_answer(file_of(db(), work, file_id) or abort(404))
