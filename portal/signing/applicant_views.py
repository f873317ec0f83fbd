"""The applicant's page about signers: who has signed, and what to do about those who have not."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import MailForm
from portal.audit import record
from portal.drafts.open_draft import holder
from portal.form_definitions.definition import SignerCheck
from portal.form_definitions.versions.queries import definition_of
from portal.sessions.activity import pressed_button
from portal.sessions.browser_sessions import browser, forget_session
from portal.sessions.gate import token_refused
from portal.sessions.rules import EndReason
from portal.signing.applicant import AGAIN, CHANGE, HERE, MAY, WITHDRAW, signatures
from portal.signing.corrections import begin_correction, copy_files, open_correction
from portal.signing.definition import MOST_ADDRESSES, State
from portal.signing.models import Invitation
from portal.signing.operations import (
    NotAllowedError,
    TooManyAddressesError,
    change_address,
    desk_at,
    send_again,
    withdraw,
)
from portal.signing.queries import all_invitations_of, invitation_by_id
from portal.signing.rules import state_at
from portal.signing.sealing import address_of, link_of
from portal.submissions.customers import customer_of
from portal.submissions.models import Submission
from portal.submissions.queries import find_submission
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, Access, Activity, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.limits import Limit, retry_after, use_try, wait_text
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("signers", __name__)
CORRECT = "correct"
_MAILED = Limit(name="signing-mailed", burst=5, interval=timedelta(minutes=10))
"""Of one sent form: mails to signers because its applicant pressed a button."""


@blueprint.get("/submissions/<reference>/signers")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def show_signers(reference: str) -> ResponseReturnValue:
    """Show who has signed a sent form and who has not, with what can be done about it."""
    return _page(find_submission(db(), reference, holder()) or abort(404))


def _page(
    submission: Submission,
    *,
    status: int = 200,
    changed: str = "",
    form: MailForm | None = None,
    wait: str | None = None,
) -> tuple[str, int]:
    """Return the page; `form` is an address that was not taken, of the signer whose id is `changed`."""
    definition = definition_of(submission.version)
    found = signatures(db(), submission) or abort(404)
    page = render_template(
        "signing/signers.html",
        submission=submission,
        title=definition.title.in_(language()),
        signatures=found,
        done=request.args.get("done", ""),
        changed=changed,
        typed=form.email.data if form else "",
        error=form.error_of("email") if form else None,
        wait=wait,
        is_out_of_date=status == 409,
        can_correct=any(each.state is not State.WITHDRAWN for each in found),
    )
    return page, status


@blueprint.post("/submissions/<reference>/signers")
@access(Access.DRAFT_OWNER)
@activity(Activity.SUBMIT)
@shows_form_again
def change_signers(reference: str) -> ResponseReturnValue:
    """Do what the pressed button asks about one signer, or begin a corrected form."""
    require_end_marker()
    submission = find_submission(reading(), reference, holder()) or abort(403 if token_refused() else 404)
    pressed = pressed_button() or ""
    if token_refused():
        return _page(submission, status=409)
    if pressed == CORRECT:
        return _correct(submission)
    if pressed not in BUTTONS:
        abort(400)
    wait = use_try([(_MAILED, str(submission.id))], now=now()) if pressed in (AGAIN, CHANGE) else None
    if wait:
        return *_page(submission, status=429, wait=wait_text(wait)), retry_after(wait)
    submission = find_submission(db(), reference, holder()) or abort(404)
    invitation = invitation_by_id(db(), submission, request.form.get("signer", "")) or abort(404)
    try:
        return BUTTONS[pressed](submission, invitation)
    except NotAllowedError:
        return _page(submission, status=409)


def _back(submission: Submission, done: str) -> ResponseReturnValue:
    return redirect(f"/submissions/{submission.reference}/signers?done={done}", 303)


def _note(submission: Submission, name: str, invitation: Invitation) -> None:
    by = actor(holder().person_id)
    record(db(), name, by=by, now=now(), subject=submission.reference, signer=invitation.signer_id)


def _again(submission: Submission, invitation: Invitation) -> ResponseReturnValue:
    """**Send again**: mail the same link once more; give a new time where the old one is over."""
    send_again(desk_at(db(), now=now()), invitation)
    _note(submission, "signer_mailed_again", invitation)
    return _back(submission, AGAIN)


def _change(submission: Submission, invitation: Invitation) -> ResponseReturnValue:
    """**Change address**: invite at another address, by another link."""
    form = MailForm()
    if not form.validate():
        return _page(submission, status=422, changed=invitation.public_id, form=form)
    address = form.address.email
    own = customer_of(app_state().configuration.keyring, submission.reference, submission.case).emails
    if invitation.check == SignerCheck.CODE and address.casefold() in {each.casefold() for each in own}:
        form.refuse(form.email, _("Enter another e-mail address: this one is yours, so our code would come to you"))
        return _page(submission, status=422, changed=invitation.public_id, form=form)
    if address.casefold() in _addresses_of_others(submission):
        form.refuse(
            form.email, _("Enter another e-mail address: the person who reads this one told us that it is not for them")
        )
        return _page(submission, status=422, changed=invitation.public_id, form=form)
    try:
        change_address(desk_at(db(), now=now()), invitation, address)
    except TooManyAddressesError:
        sentence = _("You have tried %(number)s addresses. Contact us if none of them is right", number=MOST_ADDRESSES)
        form.refuse(form.email, sentence)
        return _page(submission, status=422, changed=invitation.public_id, form=form)
    _note(submission, "signer_address_changed", invitation)
    return _back(submission, CHANGE)


def _addresses_of_others(submission: Submission) -> frozenset[str]:
    """Return the addresses at which somebody said that it is not for them; we promised to mail nothing more there."""
    keyring, found = app_state().configuration.keyring, all_invitations_of(db(), submission)
    not_theirs = (each for each in found if each.state == State.NOT_ME)
    return frozenset(address_of(keyring, submission.reference, each).casefold() for each in not_theirs)


def _withdraw(submission: Submission, invitation: Invitation) -> ResponseReturnValue:
    """**Withdraw**: ask this signer no more."""
    withdraw(desk_at(db(), now=now()), invitation)
    _note(submission, "signer_withdrawn", invitation)
    return _back(submission, WITHDRAW)


def _here(submission: Submission, invitation: Invitation) -> ResponseReturnValue:
    """**Sign on this computer**: end the applicant's session, and open the signer's link while it leads to the form.

    Once it is signed, it would lead to a copy with answers that are no business of the applicant's.
    """
    state = state_at(State(invitation.state), invitation.expires_at, now())
    if HERE not in MAY.get(state, ()):
        raise NotAllowedError(state)
    _note(submission, "signer_link_opened", invitation)
    link = link_of(app_state().configuration.keyring, submission.reference, invitation)
    held = browser().held(CUSTOMER)
    if held:
        app_state().hooks.left_behind(held)
    browser().end(CUSTOMER, EndReason.REPLACED)
    browser().end_within(CUSTOMER, EndReason.REPLACED)
    return forget_session(CUSTOMER, f"/sign/{link.token}")


BUTTONS: Mapping[str, Callable[[Submission, Invitation], ResponseReturnValue]] = {
    AGAIN: _again,
    CHANGE: _change,
    WITHDRAW: _withdraw,
    HERE: _here,
}


def _correct(submission: Submission) -> ResponseReturnValue:
    """**Send a corrected form**: begin a draft with what was sent, or go on with the one that was begun."""
    draft = open_correction(reading(), submission, now=now())
    if draft is None:
        copies = copy_files(submission, now=now())
        sent = find_submission(db(), submission.reference, holder()) or abort(404)
        draft = begin_correction(db(), sent, holder(), copies, now=now())
        record(db(), "correction_begun", by=actor(holder().person_id), now=now(), subject=submission.reference)
    return redirect(f"/drafts/{draft.reference}", 303)
