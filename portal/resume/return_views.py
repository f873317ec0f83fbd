"""Reference and return code, from the slip."""

import hmac
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import typed
from portal.accounts.throttles import return_try, use_try
from portal.audit import record
from portal.drafts.models import Draft
from portal.drafts.operations import CODE_LENGTH
from portal.drafts.sealing import RETURN_CODE, subject
from portal.resume.devices import device_of
from portal.resume.doors import return_throttle
from portal.resume.forms import ReturnForm
from portal.resume.interface import come_back
from portal.resume.queries import return_code_of
from portal.resume.responses import form_page, gone_page, hand_over, occupied, refuse, slow_down
from portal.resume.rules import clean_reference
from portal.sessions.gate import token_refused
from portal.sessions.interface import visit
from portal.tokens import clean_code
from portal.web.addresses import actor
from portal.web.declarations import CUSTOMER, Access, Activity, access, activity, shows_form_again
from portal.web.portal import portal
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("returning", __name__)
REFERENCE_LENGTH = 16
NOBODYS = 0
"""The draft of a reference that nobody has: looked for as well, so that an unknown one takes as long."""


@blueprint.get("/resume")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def return_page() -> ResponseReturnValue:
    """Where reference and return code are typed."""
    return _page(ReturnForm())


def _page(form: ReturnForm, status: int = 200) -> ResponseReturnValue:
    return form_page("return", form, status, **_occupied())


def _occupied() -> dict[str, Any]:
    return occupied(visit().live_of(CUSTOMER) is not None)


@blueprint.post("/resume")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def use_return_code() -> ResponseReturnValue:
    """Let in who has both; which of the two was wrong is not said. A try is counted before it is judged."""
    form = ReturnForm()
    if token_refused():
        return _page(form, 409)
    if request.form.get("_action") == "hand_over":
        return hand_over(url_for("returning.return_page"))
    if not form.validate():
        return _page(form, 422)
    reference = clean_reference(typed(form.reference))
    draft_id, sealed = return_code_of(reading(), reference) or (NOBODYS, None)
    throttle = return_throttle(reference, device_of(draft_id))
    wait = use_try(throttle, now=now())
    if wait:
        return slow_down("return", form, form.return_code, wait, **_occupied())
    if not _fits(reference, draft_id, sealed, clean_code(typed(form.return_code))):
        sentence = _("The reference and the return code do not belong together")
        return refuse("return", form, form.return_code, sentence, **_occupied())
    return_try(db(), throttle)
    return _return_to(draft_id)


def _fits(reference: str, draft_id: int, sealed: bytes | None, code: str) -> bool:
    """Whether the code is the draft's. For a draft that has none, or does not exist, as much is done in vain."""
    keyring = portal().configuration.keyring
    if sealed is None:
        keyring.seal(code.encode()[:CODE_LENGTH], subject=f"nobody's {reference[:REFERENCE_LENGTH]}", place=RETURN_CODE)
        return False
    known = keyring.open(sealed, subject=subject(draft_id), place=RETURN_CODE)
    return hmac.compare_digest(known, code.encode())


def _return_to(draft_id: int) -> ResponseReturnValue:
    draft = db().get_one(Draft, draft_id)
    gone = gone_page(draft)
    if gone:
        return gone
    record(db(), "return_code_used", by=actor(), now=now(), subject=draft.reference)
    return come_back(draft)
