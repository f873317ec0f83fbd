"""Look-ups on a section's page: ask with what is typed, show the results, and fill in the chosen one.

Results are not stored. Each option carries its own values, which we trust no more than typed text.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from portal.drafts.open_draft import asked_lookup
from portal.drafts.section_page import SectionPage
from portal.form_definitions.definition import Lookup
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.lookups import LookupValue, filled_inputs, input_text
from portal.form_definitions.types.answers import ADDRESS_KEYS
from portal.form_definitions.types.form_fields import LookupField, LookupView, OptionView
from portal.integrations.definition import Found, LookupFailure, Outcome
from portal.integrations.service import integrations
from portal.sessions.browser_sessions import browser
from portal.sessions.gate import token_refused
from portal.web.addresses import is_htmx
from portal.web.languages import language
from portal.web.limits import Limit, take_all
from portal.web.unit_of_work import is_writing, now, stop_reading

LOOKUPS = Limit(name="lookup", burst=30, interval=timedelta(seconds=5))
"""For each session: nobody types thirty postcodes at once, and registers are not there to be copied."""
CHOSEN = "_found-"
"""Start of the name of the input that holds the chosen result."""
MOST_CHOSEN = 20_000


def look_up(page: SectionPage) -> ResponseReturnValue:
    """Ask the integration and show its results; store and validate nothing.

    Answer 400 if the section has no such look-up.
    """
    field = page.form.all_fields.get(asked_lookup() or "")
    if not isinstance(field, LookupField) or field.definition.lookup is None:
        abort(400)
    status = 409 if token_refused() else _ask(page, field, field.definition.lookup)
    if is_htmx():
        return render_template("drafts/_lookup.html", field=field), status
    return page.show(status=status, is_unsaved=True)


def _ask(page: SectionPage, field: LookupField, lookup: Lookup) -> int:
    """Put the outcome of the look-up into the field; return the status of the page.

    Raise `RuntimeError` if the request holds the writer's lock.
    """
    asked = {name: _text_of(page, place) for name, place in lookup.inputs.items()}
    live = browser().live()
    if is_writing():
        raise RuntimeError("A look-up must not wait for others while this request holds the writer's lock")
    stop_reading()  # the integration may be slow; do not hold a database connection meanwhile
    wait = take_all([(LOOKUPS, str(live.id if live else ""))], now=now())
    if wait:
        sentence = _("You have searched many times. Wait a few minutes, or type your answers yourself.")
        field.outcome = LookupView(sentence=sentence)
        return 429
    outcome = integrations().look_up(lookup.integration, asked, now=now())
    if outcome.missing:
        field.outcome = LookupView(sentence=_missing(page, lookup, outcome.missing))
        return 422
    field.outcome = _view(page, lookup, outcome, ", ".join(filter(None, asked.values())))
    return 200


def _text_of(page: SectionPage, place: tuple[str, str]) -> str:
    """Return what an input field holds: the typed text on this page, the answer that counts on other pages."""
    section_id, field_id = place
    if section_id == page.section.id:
        return page.form.typed_text(field_id)
    answers: Mapping[str, Any] = page.opened.filled.shown.answers.get(section_id, {})
    return input_text(answers.get(field_id))


def _missing(page: SectionPage, lookup: Lookup, names: tuple[str, ...]) -> str:
    """Say which question to fill in first; if the form does not ask for it, say that the look-up is not available."""
    if any(name not in lookup.inputs for name in names):
        return _failure_text(LookupFailure.UNKNOWN)
    asked = page.opened.definition.field(*lookup.inputs[names[0]])
    return _("Enter %(question)s first.", question=asked.in_sentence(language()))


def _view(page: SectionPage, lookup: Lookup, outcome: Outcome, asked: str) -> LookupView:
    if outcome.failure:
        return LookupView(sentence=_failure_text(outcome.failure))
    if not outcome.results:
        nothing = _("We found nothing for “%(asked)s”. Check it, or type your answers yourself.", asked=asked)
        return LookupView(sentence=nothing)
    count = len(outcome.results)
    options = tuple(_option(lookup, found) for found in outcome.results)
    fills_address = any(field.type == "address" and field.id in lookup.fills for field in page.section.fields)
    if fills_address and "postcode" in lookup.inputs:
        sentence = ngettext("Choose your address (%(num)s found)", "Choose your address (%(num)s found)", count)
        return LookupView(sentence=sentence, options=options, use=_("Use this address"))
    sentence = ngettext("Choose one (%(num)s found)", "Choose one (%(num)s found)", count)
    return LookupView(sentence=sentence, options=options, use=_("Use this"))


def _option(lookup: Lookup, found: Found) -> OptionView:
    wanted = {output: found.values[output] for output in lookup.fills.values() if output in found.values}
    value = json.dumps(
        {name: _json_value(each) for name, each in wanted.items()}, ensure_ascii=False, separators=(",", ":")
    )
    return OptionView(value, found.label, None, False, False)


def _json_value(value: LookupValue) -> str | dict[str, str]:
    return value if isinstance(value, str) else dict(value)


def _failure_text(failure: LookupFailure) -> str:
    """Return what to tell the person about a failure; the administration shows the exact cause."""
    if failure is LookupFailure.SLOW:
        return _("The search took too long. Try again later, or type your answers yourself.")
    if failure is LookupFailure.BUSY:
        return _("Many people are searching. Try again in a moment, or type your answers yourself.")
    if failure is LookupFailure.REFUSED:
        return _("We could not search for what you typed. Check it, or type your answers yourself.")
    if failure is LookupFailure.UNKNOWN:
        return _("This search is not available. Type your answers yourself.")
    return _("The search does not work at the moment. Try again later, or type your answers yourself.")


def filled_form(page: SectionPage) -> tuple[SectionForm, str]:
    """Return the posted form with the chosen result filled in, and the name of the first input to check."""
    field = page.section.field(request.form.get("_fill", ""))
    if field is None or field.lookup is None:
        abort(400)
    values = _chosen(request.form.get(CHOSEN + field.id, ""))
    posted = MultiDict(request.form)
    first = field.id
    for target, output in reversed(list(field.lookup.fills.items())):
        filled = page.section.field(target)
        if filled is None or output not in values:
            continue
        for suffix, texts in filled_inputs(filled, values[output]).items():
            posted.setlist(f"{target}-{suffix}" if suffix else target, texts)
        first = target
    form = page.form_of(posted)
    return form, form.all_fields[first].first_input if first != field.id else field.id


def _chosen(text: str) -> dict[str, LookupValue]:
    """Return the values of the chosen option; answer 400 to anything that none of our pages would send."""
    try:
        values = json.loads(text[:MOST_CHOSEN])
    except (ValueError, RecursionError):
        abort(400)
    if not isinstance(values, dict) or not all(_is_value(each) for each in values.values()):
        abort(400)
    return values


def _is_value(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) <= set(ADDRESS_KEYS) and all(isinstance(each, str) for each in value.values())
    return isinstance(value, str)
