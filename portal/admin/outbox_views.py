"""The outbox: what is waiting, what has failed, and another try."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.admin.people_views import me
from portal.audit import record
from portal.outbox.models import Delivery
from portal.outbox.operations import send_again
from portal.outbox.queries import backlog, dead_letters
from portal.site_settings.current import moment_text
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now

blueprint = Blueprint("outbox", __name__)
EVERYTHING = "all"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A failed delivery, without its address, which is encrypted."""

    public_id: str
    what: str
    written: str
    given_up: str
    tries: int
    error: str
    can_be_sent: bool


@blueprint.get("/admin/self/outbox")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_outbox() -> ResponseReturnValue:
    """Show how much is waiting and since when, and what has failed."""
    return _outbox_page()


@blueprint.post("/admin/self/outbox")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def try_again() -> ResponseReturnValue:
    """Send one failed delivery, or all of them, again."""
    asked = request.form.get("delivery", "")
    letters = dead_letters(db())
    chosen = [each.public_id for each in letters if asked in (EVERYTHING, each.public_id)]
    sent = sum(send_again(db(), public_id, now=now()) for public_id in chosen)
    if not sent:
        return _outbox_page(
            error=_("There is nothing to send again. The e-mail has already been sent, or it is too old.")
        ), 422
    record(db(), "deliveries_sent_again", by=me(), now=now(), number=sent)
    return redirect(url_for("outbox.show_outbox", again=sent), 303)


def _outbox_page(error: str | None = None) -> str:
    state = backlog(db())
    return render_template(
        "admin/outbox.html",
        waiting=state.waiting,
        oldest=moment_text(state.oldest_due_at) if state.oldest_due_at and state.oldest_due_at < now() else None,
        given_up=state.given_up,
        letters=[_letter(each) for each in dead_letters(db())],
        again=request.args.get("again", type=int),
        error=error,
    )


def _letter(delivery: Delivery) -> DeadLetter:
    return DeadLetter(
        public_id=delivery.public_id,
        what=delivery.message.replace("_", " ").capitalize(),
        written=moment_text(delivery.created_at),
        given_up=moment_text(delivery.failed_at) if delivery.failed_at else "",
        tries=delivery.attempts,
        error=delivery.last_error or "",
        can_be_sent=delivery.payload is not None,
    )
