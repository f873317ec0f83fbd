"""The answers that several doors of coming back share."""

from datetime import timedelta
from typing import Any

from flask import Response, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.form_pages import retry_after, wait_text
from portal.accounts.forms import AccountForm
from portal.drafts.models import Draft
from portal.resume.rules import Life, Target, target
from portal.sessions.browser_sessions import browser, forget_session
from portal.sessions.operations import end_session
from portal.sessions.rules import EndReason
from portal.site_settings.current import day_text, local_day
from portal.web.declarations import CUSTOMER
from portal.web.unit_of_work import db, now

GONE = {Target.SENT: "sent", Target.DELETED: "deleted", Target.EXPIRED: "expired"}


def gone_page(draft: Draft) -> ResponseReturnValue | None:
    """The page of a draft that cannot be continued: each in its own words."""
    life = Life(expires_at=draft.expires_at, sent_at=draft.sent_at, deleted_at=draft.deleted_at)
    found = target(life, now())
    if found is Target.OPEN:
        return None
    instant = draft.sent_at or draft.deleted_at or draft.expires_at
    return render_template("resume/gone.html", reason=GONE[found], day=day_text(local_day(instant))), 410


def too_many(wait: timedelta) -> ResponseReturnValue:
    """A page that says how long to wait, where there is no form to say it in."""
    return render_template("resume/wait.html", wait=wait_text(wait)), 429, retry_after(wait)


def form_page(name: str, form: AccountForm, status: int = 200, **values: Any) -> ResponseReturnValue:
    """A form's page, filled in again."""
    page = render_template(f"resume/{name}.html", form=form, is_out_of_date=status == 409, **values)
    return page, status


def refuse(name: str, form: AccountForm, field: Any, sentence: str, **values: Any) -> ResponseReturnValue:
    """The form again, with what is wrong beside its input."""
    form.refuse(field, sentence)
    return form_page(name, form, 422, **values)


def slow_down(name: str, form: AccountForm, field: Any, wait: timedelta, **values: Any) -> ResponseReturnValue:
    """The form again, with how long to wait."""
    form.refuse(field, _("Too many tries.") + " " + wait_text(wait))
    response = make_response(form_page(name, form, 429, **values))
    response.headers.update(retry_after(wait))
    return response


def occupied(is_occupied: bool) -> dict[str, Any]:
    """What a page is told where somebody else's session may live: then it names nobody in its header either."""
    return {"is_occupied": True, "viewer": None} if is_occupied else {"is_occupied": False}


def hand_over(then: str) -> Response:
    """End whatever session lives in this browser, so that the next person can come in; its work stays saved."""
    live = browser().live(CUSTOMER)
    if live:
        end_session(db(), live.id, EndReason.REPLACED, now=now())
    return forget_session(CUSTOMER, then)
