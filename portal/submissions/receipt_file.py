"""The receipt as a file that a browser shows."""

from flask import Response

from portal.submissions.models import Submission
from portal.submissions.receipt import receipt_of


def receipt_answer(submission: Submission) -> Response:
    """The receipt as a PDF; the caller has seen that this person may read it."""
    # Loaded at its first use: it takes half a second and 20 MB, and most processes never draw a receipt.
    from portal.submissions.receipt_pdf import drawn

    answer = Response(drawn(receipt_of(submission)), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{submission.reference}.pdf"'
    return answer
