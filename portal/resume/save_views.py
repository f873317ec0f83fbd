"""The save page: how to come back, that the address is right, keeping a draft longer, and leaving a shared computer."""

import hmac
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import AccountForm, typed_text
from portal.accounts.rules import EmailAddress
from portal.audit import record
from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, holder, open_draft, require_open
from portal.drafts.operations import claim_draft, keep_save_address
from portal.drafts.queries import find_draft, grants_of
from portal.outbox.definition import Fate
from portal.resume.coming_back import (
    first_unfinished,
    keep_for_longer,
    link_mail_throttles,
    mail_link_to_guest,
    mail_link_to_owner,
    proof_throttle,
)
from portal.resume.forms import LeaveForm, ProofForm, SaveForm
from portal.resume.models import ResumeLink
from portal.resume.operations import (
    link_address,
    may_prove,
    may_take_back,
    proof_hash,
    prove_address,
    proved_addresses,
    take_back,
)
from portal.resume.queries import fate_of_link, last_link, links_to
from portal.resume.ways_back import mail_address
from portal.sessions.browser_sessions import browser, leave
from portal.sessions.gate import token_refused
from portal.site_settings.current import moment_text
from portal.tokens import clean_code
from portal.web.addresses import actor, local_path
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.limits import Throttle, retry_after, return_try, use_first_try, use_try, wait_text
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
    return use_first_try(link_mail_throttles({draft: form.address}), now=now())[1] if draft else None


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
    """Take the code that came with the link: the address is right. Or take the address back, as it is wrong."""
    form, draft = ProofForm(), find_draft(reading(), reference, holder(), now=now())
    if request.form.get("_action") == "wrong":
        return _take_back(_savable(reference), form)
    link = last_link(reading(), draft.id) if draft else None
    has_code = not token_refused() and form.validate()
    throttle = proof_throttle(link.id) if link and has_code else []
    wait = use_try(throttle, now=now()) if throttle else None
    opened = _savable(reference)
    if link is None or not opened.is_guest:
        abort(404)
    if not has_code:
        return _save_page(opened, proof=form, status=409 if token_refused() else 422)
    if wait:
        return _slow_down(opened, wait, proof=form)
    return _judge_proof(opened, link, form, throttle)


def _judge_proof(opened: OpenDraft, link: ResumeLink, form: ProofForm, throttle: Throttle) -> ResponseReturnValue:
    secret = app_state().configuration.secret_key
    found = proof_hash(secret, opened.draft.id, clean_code(typed_text(form.code)))
    is_right = hmac.compare_digest(found, link.proof_hash or b"")
    is_theirs = may_prove(link, grants_of(db(), opened.draft.id), holder().guest_id)
    if not _is_proved(opened, link) and not (is_right and is_theirs):
        form.refuse(form.code, _("The code is wrong. Check the e-mail with the link"))
        return _save_page(opened, proof=form, status=422)
    return_try(db(), throttle)
    if is_right and is_theirs:
        prove_address(db(), link, now=now())
    return leave(is_told=True) if request.form.get("_action") == "clear" else _to_save_page(opened)


def _take_back(opened: OpenDraft, form: ProofForm) -> ResponseReturnValue:
    """Take back the address of the link that the page names; of several presses one does it."""
    if not opened.is_guest:
        abort(404)
    if token_refused():
        return _save_page(opened, proof=form, status=409)
    guest_id, links = holder().guest_id, _links_to_take_back(opened)
    named = request.form.get("_link", default=0, type=int)
    link = next((each for each in links if named in (each.id, 0)), None)
    if link:
        keyring = app_state().configuration.keyring
        take_back(db(), opened.draft, link_address(link, keyring), keyring=keyring, by=guest_id, now=now())
        record(db(), "link_taken_back", by=actor(holder().person_id), now=now(), subject=opened.reference)
    return redirect(url_for("saving.save_page", reference=opened.reference, taken_back=1 if link else None), 303)


def _links_to_take_back(opened: OpenDraft) -> list[ResumeLink]:
    """The last link to each address that the guest of this session may take back, the latest first."""
    grants, guest_id, keyring = grants_of(db(), opened.draft.id), holder().guest_id, app_state().configuration.keyring
    found: dict[str, ResumeLink] = {}
    for link in links_to(db(), opened.draft.id):
        if may_take_back(link, grants, guest_id):
            found.setdefault(EmailAddress(email=link_address(link, keyring)).key, link)
    return list(found.values())


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
    if opened.is_guest and not form.noted.data and not _is_proved(opened, last_link(db(), opened.draft.id)):
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
        claim_draft(db(), opened.draft, person_id, holder().guest_id)
        record(db(), "draft_claimed", by=actor(person_id), now=now(), subject=opened.reference)
    return redirect(first_unfinished(opened.draft), 303)


def _claim_page(opened: OpenDraft, status: int = 200) -> ResponseReturnValue:
    return render_template("resume/claim.html", opened=opened, band=pages.band(opened), status=status), status


def _is_proved(opened: OpenDraft, link: ResumeLink | None) -> bool:
    """Whether the guest of this session may rely on the address of a link."""
    address = link_address(link, app_state().configuration.keyring) if link else None
    return address in proved_addresses(db(), opened.draft, holder().guest_id)


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
        is_taken_back="taken_back" in request.args,
        slip=pages.slip(opened),
        longer=pages.kept_longer_until(opened),
        **_about_link(opened),
        is_shared=live is not None and live.is_shared,
        next=first_unfinished(opened.draft),
    )
    return page, status


def _about_link(opened: OpenDraft) -> dict[str, Any]:
    """What is known of the link that was mailed last: where, when, whether it arrived; and of other addresses."""
    link, keyring = last_link(db(), opened.draft.id), app_state().configuration.keyring
    grants, guest_id = grants_of(db(), opened.draft.id), holder().guest_id
    wrong = {each.id: link_address(each, keyring) for each in _links_to_take_back(opened)} if opened.is_guest else {}
    sent_to = link_address(link, keyring) if link else None
    is_proved = _is_proved(opened, link)
    return {
        "mailed_at": moment_text(link.issued_at) if link else None,
        "fate": (fate_of_link(db(), opened.draft.id) or Fate.SENT).value,
        "is_proved": is_proved,
        "may_prove": link is not None and not is_proved and may_prove(link, grants, guest_id),
        "link": link,
        "sent_to": sent_to,
        "may_be_wrong": wrong,
        "keep_until": pages.keep_until(opened),
    }
