"""The save page: how to come back, that the address is right, keeping a draft longer, and leaving a shared computer."""

import hmac
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import AccountForm, typed_text
from portal.audit import record
from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, holder, open_draft, require_open
from portal.drafts.operations import claim_draft, keep_save_address
from portal.drafts.queries import find_draft
from portal.drafts.sealing import save_address
from portal.outbox.definition import Fate
from portal.resume.coming_back import (
    first_unfinished,
    keep_for_longer,
    link_mail_throttle,
    mail_link_to_guest,
    mail_link_to_owner,
    proof_throttle,
)
from portal.resume.forms import LeaveForm, ProofForm, SaveForm
from portal.resume.models import ResumeLink
from portal.resume.operations import proof_hash, prove_address, take_back
from portal.resume.queries import fates_of_links, last_link
from portal.resume.ways_back import mail_address
from portal.sessions.browser_sessions import browser, leave
from portal.sessions.gate import token_refused
from portal.site_settings.current import moment_text
from portal.tokens import clean_code
from portal.web.addresses import actor, local_path
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.limits import Throttle, retry_after, return_try, use_try, wait_text
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("saving", __name__)
MOST_ASKED = 99


@blueprint.get("/drafts/<reference>/save")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def save_page(reference: str) -> ResponseReturnValue:
    """Your form is saved: how to come back to it."""
    opened = open_draft(reference)
    require_open(opened)
    return _save_page(opened) if opened.can_be_saved else redirect(opened.address())


@blueprint.post("/drafts/<reference>/save")
@access(Access.DRAFT_OWNER)
@activity(Activity.SAVE)
@shows_form_again
def send_link(reference: str) -> ResponseReturnValue:
    """Mail a guest the link to their form."""
    form = SaveForm()
    wait = _link_wait(reference, form) if not token_refused() and form.validate() else None
    opened = _savable(reference)
    if not opened.is_guest:
        abort(404)
    if token_refused() or form.errors:
        return _save_page(opened, form=form, status=409 if token_refused() else 422)
    if wait:
        return _slow_down(opened, wait, form=form)
    keep_save_address(opened.draft, form.address.email, keyring=app_state().configuration.keyring)
    mail_link_to_guest(opened.draft, form.address.email)
    return _to_save_page(opened)


def _savable(reference: str) -> OpenDraft:
    """A draft that this session's holder may come back to later; the page of one that is closed answers by itself."""
    opened = open_draft(reference)
    require_open(opened)
    return opened if opened.can_be_saved else abort(404)


def _to_save_page(opened: OpenDraft) -> ResponseReturnValue:
    return redirect(url_for("saving.save_page", reference=opened.reference, sent=1), 303)


def _link_wait(reference: str, form: SaveForm) -> timedelta | None:
    """How long to wait before another link is mailed; counted before the write transaction begins.

    Only for a draft of this session's holder, so that nobody uses up the tries of somebody else.
    """
    draft = find_draft(reading(), reference, holder(), now=now())
    return use_try(link_mail_throttle(draft.id, form.address.key), now=now()) if draft else None


def _slow_down(opened: OpenDraft, wait: timedelta, **form: AccountForm) -> ResponseReturnValue:
    """The page again, with how long to wait beside the first input of its form."""
    (shown,) = form.values()
    shown.refuse(next(iter(shown)), _("Too many tries.") + " " + wait_text(wait))
    page, status = _save_page(opened, status=429, **form)
    return page, status, retry_after(wait)


@blueprint.post("/drafts/<reference>/save/proof")
@access(Access.DRAFT_OWNER)
@activity(Activity.SAVE)
@shows_form_again
def prove(reference: str) -> ResponseReturnValue:
    """Take the code that came with the link: the address is right. Or stop the link, as the address is wrong."""
    form, draft = ProofForm(), find_draft(reading(), reference, holder(), now=now())
    link = last_link(reading(), draft.id) if draft else None
    is_wrong = request.form.get("_action") == "wrong"
    has_code = not token_refused() and not is_wrong and form.validate()
    throttle = proof_throttle(link.id) if link and has_code else []
    wait = use_try(throttle, now=now()) if throttle else None
    opened = _savable(reference)
    if link is None or not opened.is_guest:
        abort(404)
    if token_refused() or (form.errors and not is_wrong):
        return _save_page(opened, proof=form, status=409 if token_refused() else 422)
    if wait:
        return _slow_down(opened, wait, proof=form)
    if is_wrong:
        return _take_back(opened)
    return _judge_proof(opened, link, form, throttle)


def _judge_proof(opened: OpenDraft, link: ResumeLink, form: ProofForm, throttle: Throttle) -> ResponseReturnValue:
    secret = app_state().configuration.secret_key
    found = proof_hash(secret, opened.draft.id, clean_code(typed_text(form.code)))
    if link.proved_at is None and not hmac.compare_digest(found, link.proof_hash or b""):
        form.refuse(form.code, _("The code is wrong. Check the e-mail with the link"))
        return _save_page(opened, proof=form, status=422)
    return_try(db(), throttle)
    prove_address(db(), link, now=now())
    return leave(is_told=True) if request.form.get("_action") == "clear" else _to_save_page(opened)


def _take_back(opened: OpenDraft) -> ResponseReturnValue:
    keyring = app_state().configuration.keyring
    address = save_address(keyring, opened.draft)
    if address:
        take_back(db(), opened.draft, address, keyring=keyring)
        record(db(), "link_taken_back", by=actor(), now=now(), subject=opened.reference)
    return redirect(url_for("saving.save_page", reference=opened.reference), 303)


@blueprint.get("/drafts/<reference>/save/delivery")
@access(Access.DRAFT_OWNER)
@activity(Activity.POLL)
def delivery(reference: str) -> ResponseReturnValue:
    """What has become of the mail with the link, for the script of the page."""
    opened = open_draft(reference)
    if opened.is_closed or not opened.is_guest:
        abort(404)
    asked = min(request.args.get("asked", default=0, type=int), MOST_ASKED)
    return render_template("resume/_delivery.html", opened=opened, asked=asked, **_about_link(opened))


@blueprint.post("/drafts/<reference>/save/longer")
@access(Access.DRAFT_OWNER)
@activity(Activity.SUBMIT)
def keep(reference: str) -> ResponseReturnValue:
    """Keep the draft for the full time from now."""
    opened = _savable(reference)
    keep_for_longer(opened.draft)
    target = local_path(request.form.get("next"), opened.address())
    return redirect(f"{target.partition('?')[0]}?kept=1", 303)


@blueprint.post("/drafts/<reference>/save/leave")
@access(Access.DRAFT_OWNER)
@activity(Activity.SAVE)
@shows_form_again
def clear_computer(reference: str) -> ResponseReturnValue:
    """Leave a shared computer with nothing behind: an owner is mailed the link, a guest has a way back already."""
    opened, form = _savable(reference), LeaveForm()
    if token_refused():
        return _save_page(opened, leaving=form, status=409)
    if opened.is_guest and not form.noted.data and not _is_proved(last_link(db(), opened.draft.id)):
        form.refuse(form.noted, _("Tick this once you have both, or enter the code from the e-mail first"))
        return _save_page(opened, leaving=form, status=422)
    if not opened.is_guest:
        mail_link_to_owner(opened.draft)
    return leave(is_told=True)


@blueprint.get("/drafts/<reference>/save/claim")
@access(Access.PERSON)
@activity(Activity.NAVIGATE)
def claim(reference: str) -> ResponseReturnValue:
    """Ask a person who has come back to a guest's draft whether it goes into their account."""
    opened = open_draft(reference)
    require_open(opened)
    return _claim_page(opened) if opened.is_guest else redirect(first_unfinished(opened.draft))


@blueprint.post("/drafts/<reference>/save/claim")
@access(Access.PERSON)
@activity(Activity.SUBMIT)
@shows_form_again
def answer_claim(reference: str) -> ResponseReturnValue:
    """Add the draft to the account, or go on with it as a guest's."""
    opened, answer, person_id = _savable(reference), request.form.get("answer"), holder().person_id
    if token_refused() or answer not in ("yes", "no"):
        return _claim_page(opened, 409 if token_refused() else 422)
    if answer == "yes" and person_id and opened.is_guest:
        claim_draft(db(), opened.draft, person_id)
        record(db(), "draft_claimed", by=actor(person_id), now=now(), subject=opened.reference)
    return redirect(first_unfinished(opened.draft), 303)


def _claim_page(opened: OpenDraft, status: int = 200) -> ResponseReturnValue:
    return render_template("resume/claim.html", opened=opened, band=pages.band(opened), status=status), status


def _is_proved(link: ResumeLink | None) -> bool:
    return link is not None and link.proved_at is not None


def _save_page(
    opened: OpenDraft,
    *,
    form: SaveForm | None = None,
    proof: ProofForm | None = None,
    leaving: LeaveForm | None = None,
    status: int = 200,
) -> tuple[str, int]:
    live = browser().live()
    page = render_template(
        "resume/save.html",
        opened=opened,
        band=pages.band(opened),
        form=form or SaveForm(formdata=None, email=mail_address(opened.draft) if opened.is_guest else None),
        proof=proof or ProofForm(formdata=None),
        leaving=leaving or LeaveForm(formdata=None),
        errors=next((shown.summary for shown in (form, proof, leaving) if shown), []),
        is_out_of_date=status == 409,
        slip=pages.slip(opened),
        longer=pages.kept_longer_until(opened),
        **_about_link(opened),
        is_shared=live is not None and live.is_shared,
        next=first_unfinished(opened.draft),
    )
    return page, status


def _about_link(opened: OpenDraft) -> dict[str, Any]:
    """What is known of the link that was mailed last: where it went, when, and whether it arrived."""
    link, address = last_link(db(), opened.draft.id), save_address(app_state().configuration.keyring, opened.draft)
    return {
        "mailed_at": moment_text(link.issued_at) if link else None,
        "fate": fates_of_links(db(), [opened.draft.id]).get(opened.draft.id, Fate.SENT).value,
        "is_proved": _is_proved(link),
        "sent_to": address if link else None,
        "keep_until": pages.keep_until(opened),
    }
