"""The signatures of a case: who has signed and who has not, and what staff do where one is missing."""

from datetime import timedelta

from flask import Blueprint, Response, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.audit import record
from portal.hub.case_views import RefusedChange, address_of, case_page
from portal.hub.certificate import certificate_of
from portal.hub.queries import case_of
from portal.hub.views import person, record_view
from portal.sessions.activity import pressed_button
from portal.sessions.gate import token_refused
from portal.signing.definition import LONGEST_EXTENSION, SHORTEST_EXTENSION
from portal.signing.models import Invitation
from portal.signing.operations import NotAllowedError, desk_at, extend, go_on_without, withdraw
from portal.signing.queries import events_of, invitation_by_id
from portal.submissions.models import Submission
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.limits import Limit, require, use_try
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now, stop_reading

blueprint = Blueprint("signatures", __name__)
CERTIFICATES = Limit(name="certificate", burst=10, interval=timedelta(minutes=1))
"""Drawing one costs more than any other page of the hub."""
EXTEND, WITHDRAW, WITHOUT = "extend", "withdraw", "without"


@blueprint.post("/hub/cases/<reference>/signatures")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
@shows_form_again
def change_signatures(reference: str) -> ResponseReturnValue:
    """Give a signer more time, ask them no more, or go on without the signatures that are missing."""
    submission = case_of(db(), reference) or abort(404)
    require_end_marker()
    pressed = pressed_button() or ""
    if pressed not in (EXTEND, WITHDRAW, WITHOUT):
        abort(400)
    if token_refused():
        return _refuse(submission, 409, _("This page was out of date. Nothing was changed."))
    if pressed == WITHOUT:
        go_on_without(desk_at(db(), now=now()), submission)
        return _done(submission, "signatures_waived")
    invitation = invitation_by_id(db(), submission, request.form.get("signer", "")) or abort(404)
    try:
        return _extend(submission, invitation) if pressed == EXTEND else _withdraw(submission, invitation)
    except NotAllowedError:
        return _refuse(submission, 409, _("The signature has changed since you opened this page. Nothing was changed."))


@blueprint.get("/hub/cases/<reference>/signatures.pdf")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def download_certificate(reference: str) -> ResponseReturnValue:
    """Return the certificate of a case's signatures; answer 404 where nobody was asked to sign."""
    submission = case_of(db(), reference) or abort(404)
    if not events_of(db(), submission):
        abort(404)
    require(use_try([(CERTIFICATES, submission.reference)], now=now()))
    record_view("certificate_viewed", submission.reference)
    certificate = certificate_of(desk_at(db(), now=now()), submission)
    stop_reading()
    # Import at the first use: it takes half a second and 20 MB, and most processes never draw a certificate.
    from portal.submissions.receipt_pdf import drawn

    answer = Response(drawn(certificate), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{submission.reference}-signatures.pdf"'
    return answer


def _extend(submission: Submission, invitation: Invitation) -> ResponseReturnValue:
    typed = request.form.get("days", "").strip()
    days = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
    if not SHORTEST_EXTENSION <= days <= LONGEST_EXTENSION:
        least, most = SHORTEST_EXTENSION, LONGEST_EXTENSION
        sentence = _("Enter a number of days from %(least)s to %(most)s", least=least, most=most)
        return _refuse(submission, 422, sentence, control=f"days-{invitation.public_id}", typed=typed)
    extend(desk_at(db(), now=now()), invitation, days)
    return _done(submission, "signature_extended", signer=invitation.signer_id, days=days)


def _withdraw(submission: Submission, invitation: Invitation) -> ResponseReturnValue:
    withdraw(desk_at(db(), now=now()), invitation)
    return _done(submission, "signature_withdrawn", signer=invitation.signer_id)


def _refuse(
    submission: Submission, status: int, text: str, *, control: str = "signatures", typed: str = ""
) -> ResponseReturnValue:
    return case_page(submission, refusal=RefusedChange(status=status, control=control, typed=typed, text=text))


def _done(submission: Submission, action: str, **details: str | int) -> ResponseReturnValue:
    record(db(), action, by=actor(person().id), now=now(), subject=submission.reference, **details)
    return redirect(f"{address_of(submission)}#signatures", 303)
