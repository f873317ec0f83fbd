"""The administration's page of integrations, with a form to try each."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from portal.admin.integration_pages import Trial, cards, unknown_uses
from portal.audit import record
from portal.integrations.interface import integrations
from portal.sessions.interface import visit
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now, stop_reading

blueprint = Blueprint("integrations", __name__)
LONGEST_INPUT = 500


@blueprint.get("/admin/self/integrations")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_integrations() -> ResponseReturnValue:
    """All integrations: where they ask, who uses them, how they fare."""
    return _page()


@blueprint.post("/admin/self/integrations")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def try_integration() -> ResponseReturnValue:
    """Ask one integration now, whatever is remembered of it and though it is left alone."""
    require_end_marker()
    adapter = integrations().adapters.get(request.form.get("integration", ""))
    if adapter is None or repeated(set(request.form)):
        abort(400)
    typed = {name: request.form.get(f"{adapter.name}-{name}", "")[:LONGEST_INPUT] for name in adapter.inputs}
    by = actor(_person_id())
    stop_reading()  # an integration may be slow, and takes no connection of ours meanwhile
    outcome = integrations().look_up(adapter.name, typed, now=now(), is_trial=True)
    if outcome.missing:
        return _page(Trial(name=adapter.name, typed=typed, outcome=outcome)), 422
    record(db(), "integration_tried", by=by, now=now(), subject=adapter.name)
    return _page(Trial(name=adapter.name, typed=typed, outcome=outcome))


def _page(trial: Trial | None = None) -> str:
    return render_template("admin/integrations.html", cards=cards(trial), unknown=unknown_uses())


def _person_id() -> int | None:
    live = visit().live
    return live.person_id if live else None
