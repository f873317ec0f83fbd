"""The page of a section or an item, the list of a repeat's items, and what each of their buttons does."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from portal.drafts import pages
from portal.drafts.conflicts import changed_fields, chosen_side, conflict_page, fields_kept_as_mine, unseen_fields
from portal.drafts.open_draft import (
    OpenDraft,
    asked_lookup,
    is_from_check,
    kept_by,
    note_visit,
    seen_by_page,
    shown_tab,
    with_origin,
)
from portal.drafts.operations import Change, remove_item
from portal.drafts.rules import Part
from portal.drafts.uploads import REMOVE, late_names, list_files, refuse_all_again, refuse_infected, take_files
from portal.drafts.version_pages import asked_again
from portal.form_definitions.definition import Lookup, Section, SectionState
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.lookups import Value, filled_inputs, input_text
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.types.answers import ADDRESS_PARTS
from portal.form_definitions.types.form_fields import LookupField, LookupView, OptionView
from portal.integrations.definition import Failure, Found, Outcome
from portal.integrations.service import integrations
from portal.sessions.activity import extend, pressed_button
from portal.sessions.browser_sessions import browser, change_language
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import SHOWN, Parked
from portal.storage.uploads import Received
from portal.tokens import item_token
from portal.web.app_state import app_state
from portal.web.languages import BUTTON, language
from portal.web.limits import Limit, take_all
from portal.web.responses import htmx_redirect, is_htmx
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, is_writing, now, stop_reading

LOOKUPS = Limit(name="lookup", burst=30, interval=timedelta(seconds=5))
"""For each session: nobody types thirty postcodes at once, and registers are not there to be copied."""
CHOSEN = "_found-"
"""Begins the name of the input that says which result was chosen."""
MOST_CHOSEN = 20_000


def opened_page(opened: OpenDraft, section: Section, part: Part) -> ResponseReturnValue:
    """A page with what is stored, and over it what was typed after the session had ended, marked as not sent."""
    parked = next(iter(opened.parked(section, part)), None)
    return section_answer(opened, section, part, opened.shown_form(section, part, parked), parked=parked)


def section_answer(
    opened: OpenDraft,
    section: Section,
    part: Part,
    form: SectionForm,
    *,
    status: int = 200,
    parked: Parked | None = None,
    is_unsaved: bool = False,
) -> ResponseReturnValue:
    """The page; `is_unsaved` says that it shows what was posted and nothing of it was stored, as 409 does."""
    autosave = opened.address("autosave", section.id, part.item_id)
    late = list_files(opened, part, form)
    page = render_template(
        "drafts/section.html",
        opened=opened,
        section=section,
        form=form,
        band=pages.band(opened, section),
        title=pages.part_title(opened, section, part),
        intro=rich_text(section.intro.in_(language())) if section.intro and not section.repeat else None,
        is_out_of_date=status == 409,
        is_other_version=status == 409 and opened.is_outdated(section),
        is_one_too_many=opened.is_one_too_many(section, part),
        asked=asked_again(section, part),
        autosave=autosave,
        hints=pages.hints_of_change(opened, section, part),
        is_parked=parked is not None or bool(late),
        files=f"{autosave}/files" if form.files_fields else None,
        ours=_names_of_page(opened, section, part, is_unsaved or status == 409, parked) | late_names(late),
    )
    return page, status


def _revision_after_move(stored: int, seen: int) -> str:
    """What a page of an earlier version may name: the stored revision, if the move alone has raised it."""
    return str(stored if stored - seen <= 1 else seen)


def _names_of_page(
    opened: OpenDraft, section: Section, part: Part, is_unsaved: bool, parked: Parked | None
) -> dict[str, str]:
    """What the page tells of itself when it is sent.

    One that was refused unsaved, or comes back parked, still names the revision that it was served with, unless it
    wrote the stored one itself.
    """
    stored = opened.filled.part(part.section_id, part.item_id)
    seen = dict(parked.form.seen) if parked else {}
    revision = str(seen_by_page().revision if is_unsaved else stored.revision)
    if seen and seen.get("_page") != stored.page_id:
        revision = seen.get("_revision", revision)
    if is_unsaved and opened.is_outdated(section):
        revision = _revision_after_move(stored.revision, seen_by_page().revision)
    version = str(opened.version.number)
    names = {"_revision": revision, "_page": pages.new_page_id(), "_sequence": "0", "_version": version}
    shown = parked.tab if parked else shown_tab() if is_unsaved else None
    return names | ({SHOWN: shown} if shown else {})


def items_answer(
    opened: OpenDraft, section: Section, *, error: str | None = None, status: int = 200
) -> ResponseReturnValue:
    """The list of a repeat's items, with what is wrong with it as a whole."""
    page = render_template(
        "drafts/items.html",
        opened=opened,
        section=section,
        band=pages.band(opened, section),
        title=section.title.in_(language()),
        intro=rich_text(section.intro.in_(language())) if section.intro else None,
        items=pages.items(opened, section),
        asked=asked_again(section, opened.filled.part(section.id)),
        with_origin=with_origin,
        item_word=pages.item_word(section),
        error=error,
        is_out_of_date=status == 409,
        is_other_version=status == 409 and opened.is_outdated(section),
    )
    return page, status


def look_up(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """Ask the integration with what is typed, and answer with its results; nothing is stored and nothing validated."""
    field = form.all_fields.get(asked_lookup() or "")
    if not isinstance(field, LookupField) or field.definition.lookup is None:
        abort(400)
    status = 409 if token_refused() else _answer(opened, section, form, field, field.definition.lookup)
    if is_htmx():
        return render_template("drafts/_lookup.html", field=field), status
    return section_answer(opened, section, part, form, status=status, is_unsaved=True)


def _answer(opened: OpenDraft, section: Section, form: SectionForm, field: LookupField, lookup: Lookup) -> int:
    """Leave what became of it at the field; gives the status of the page."""
    asked = {name: _text_of(opened, section, form, place) for name, place in lookup.inputs.items()}
    live = browser().live()
    if is_writing():
        raise RuntimeError("A look-up must not wait for others while this request holds the writer's lock")
    stop_reading()  # an integration may be slow, and takes no connection of ours meanwhile
    wait = take_all([(LOOKUPS, str(live.id if live else ""))], now=now())
    if wait:
        sentence = _("You have looked up many times. Wait a little, or type your answers yourself.")
        field.outcome = LookupView(sentence=sentence)
        return 429
    outcome = integrations().look_up(lookup.integration, asked, now=now())
    if outcome.missing:
        field.outcome = LookupView(sentence=_missing(opened, lookup, outcome.missing))
        return 422
    field.outcome = _view(lookup, outcome, ", ".join(filter(None, asked.values())))
    return 200


def _text_of(opened: OpenDraft, section: Section, form: SectionForm, place: tuple[str, str]) -> str:
    """What an input field holds: on this page what is typed there, elsewhere the answer that counts."""
    section_id, field_id = place
    if section_id == section.id:
        return form.typed_text(field_id)
    answers: Mapping[str, Any] = opened.filled.shown.answers.get(section_id, {})
    return input_text(answers.get(field_id))


def _missing(opened: OpenDraft, lookup: Lookup, names: tuple[str, ...]) -> str:
    """The first question to fill in; where the form asks none for it, the look-up cannot work at all."""
    if any(name not in lookup.inputs for name in names):
        return _failure_text(Failure.UNKNOWN)
    asked = opened.definition.field(*lookup.inputs[names[0]])
    return _("Fill in “%(label)s” first.", label=asked.label.in_(language()))


def _view(lookup: Lookup, outcome: Outcome, asked: str) -> LookupView:
    if outcome.failure:
        return LookupView(sentence=_failure_text(outcome.failure))
    if not outcome.results:
        nothing = _("We found nothing for “%(asked)s”. Check it, or type your answers yourself.", asked=asked)
        return LookupView(sentence=nothing)
    count = len(outcome.results)
    sentence = ngettext("%(num)s result for “%(asked)s”", "%(num)s results for “%(asked)s”", count, asked=asked)
    options = tuple(_option(lookup, found) for found in outcome.results)
    return LookupView(sentence=sentence, options=options)


def _option(lookup: Lookup, found: Found) -> OptionView:
    wanted = {output: found.values[output] for output in lookup.fills.values() if output in found.values}
    value = json.dumps({name: _plain(each) for name, each in wanted.items()}, ensure_ascii=False, separators=(",", ":"))
    return OptionView(value, found.label, None, False, False)


def _plain(value: Value) -> str | dict[str, str]:
    return value if isinstance(value, str) else dict(value)


def _failure_text(failure: Failure) -> str:
    """What a failure means for the person; the administration names it more exactly."""
    if failure is Failure.SLOW:
        return _("The look-up took too long. Try again later, or type your answers yourself.")
    if failure is Failure.BUSY:
        return _("Many people are looking something up. Try again in a moment, or type your answers yourself.")
    if failure is Failure.REFUSED:
        return _("The look-up could not use what you typed. Check it, or type your answers yourself.")
    if failure is Failure.UNKNOWN:
        return _("This look-up is not available. Type your answers yourself.")
    return _("The look-up does not work at the moment. Try again later, or type your answers yourself.")


def filled_form(opened: OpenDraft, section: Section, part: Part) -> tuple[SectionForm, str]:
    """The posted form with the chosen result put into the fields that it fills, and the input to begin checking at."""
    field = section.field(request.form.get("_fill", ""))
    if field is None or field.lookup is None:
        abort(400)
    values = _chosen(request.form.get(CHOSEN + field.id, ""))
    posted = MultiDict(request.form)
    first = field.id
    for target, output in reversed(list(field.lookup.fills.items())):
        filled = section.field(target)
        if filled is None or output not in values:
            continue
        for suffix, texts in filled_inputs(filled, values[output]).items():
            posted.setlist(f"{target}-{suffix}" if suffix else target, texts)
        first = target
    form = opened.form(section, part, posted=posted)
    return form, form.all_fields[first].first_input if first != field.id else field.id


def _chosen(text: str) -> dict[str, Value]:
    """The values that the chosen option carries; what no page of ours says is refused."""
    try:
        values = json.loads(text[:MOST_CHOSEN])
    except (ValueError, RecursionError):
        abort(400)
    if not isinstance(values, dict) or not all(_is_value(each) for each in values.values()):
        abort(400)
    return values


def _is_value(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) <= set(ADDRESS_PARTS) and all(isinstance(each, str) for each in value.values())
    return isinstance(value, str)


def section_sent(opened: OpenDraft, section: Section, part: Part, received: Received) -> ResponseReturnValue:
    """Do what the pressed button of a section or item asks; what cannot be taken is shown again as it was typed."""
    require_whole(opened, section)
    form = opened.form(section, part, posted=opened.posted(section))
    is_refused = opened.is_outdated(section) or token_refused() or opened.is_one_too_many(section, part)
    if is_refused or asked_lookup() is not None:
        refuse_all_again(form, received)
    if asked_lookup() is not None:
        return _look_up(opened, section, part, form)
    if is_refused:
        return _refuse(opened, section, part, form)
    part, form = take_files(opened, section, part, form, received)
    note_visit(opened)
    if REMOVE in request.form:
        return _remove_file(opened, section, part, form)
    if form.errors:
        return _show_refusals(opened, section, part, form)
    if BUTTON in request.form:
        return _change_language(opened, section, part, form)
    unseen = unseen_fields(opened, section, part, form)
    if unseen:
        return conflict_page(opened, section, part, form, unseen)
    button = BUTTONS.get(pressed_button() or "", _continue)
    answer = button(opened, section, part, form)
    opened.settle_parked(section, part)
    return answer


def _refuse(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """The page again as it was typed; where the list became full meanwhile, Back leads there without the item."""
    if token_refused() or opened.is_outdated(section):
        return section_answer(opened, section, part, form, status=409)
    if pressed_button() == "back":
        return redirect(with_origin(opened.address(section.id)), 303)
    return section_answer(opened, section, part, form, status=422, is_unsaved=True)


def _remove_file(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """The file is gone; what was typed is stored as it is, and the page goes on at the question."""
    answer = _leave(opened, part, form, f"{with_origin(request.path)}#{request.form[REMOVE].partition('/')[0]}")
    opened.settle_parked(section, part)
    return answer


def _show_refusals(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """Whatever was pressed: a file was not kept, and whoever chose it must hear of it. All else is stored."""
    unseen = unseen_fields(opened, section, part, form)
    if unseen:
        return conflict_page(opened, section, part, form, unseen)
    return _stay_with_problems(opened, section, part, form)


def _stay_with_problems(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    if pressed_button() in (None, "continue"):
        form.validate()
    if not section.repeat or _has_something(part, form):
        opened.save(part, form, is_confirmed=False if not section.repeat else None)
    opened.settle_parked(section, part)
    return section_answer(opened, section, part, form, status=422)


def _change_language(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """The same page in another language, with all that was typed; two versions stay side by side."""
    change_language(request.form[BUTTON])
    is_choosing = request.form.get("_action") == "resolve"
    fields = changed_fields(section, part, form) if is_choosing else unseen_fields(opened, section, part, form)
    if fields:
        return conflict_page(opened, section, part, form, fields)
    answer = _leave(opened, part, form, with_origin(request.path))
    opened.settle_parked(section, part)
    return answer


def require_whole(opened: OpenDraft, section: Section) -> None:
    """Refuse a body that was cut short or says one thing twice, before anything is stored.

    What may come twice from a page of another version is not known here; nothing of it is stored.
    """
    require_end_marker()
    many = {field.id for field in section.fields if field.type == "choices"}
    if repeated(set(request.form) - many) and not opened.is_outdated(section):
        raise BadRequest("An answer was sent twice.")


def _continue(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    if not opened.filled.is_open(section):
        return _leave(opened, part, form, opened.address())
    refuse_infected(opened, form)
    if not form.validate():
        if not section.repeat or _has_something(part, form):
            opened.save(part, form, is_confirmed=False if not section.repeat else None)
        stopped = None if section.repeat else _stop_page(opened, section)
        return stopped or section_answer(opened, section, part, form, status=422)
    opened.save(part, form, is_confirmed=True)
    if opened.settle_parked(section, part):
        return redirect(with_origin(request.path), 303)
    if section.repeat:
        return redirect(with_origin(opened.address(section.id)), 303)
    return _go_on(opened, section)


def _go_on(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    return _stop_page(opened, section) or redirect(_after(opened, section), 303)


def _stop_page(opened: OpenDraft, section: Section) -> str | None:
    """Why the form ends here, if it does; nobody is asked to mend the rest of a page first."""
    stop = opened.filled.stop(section)
    if stop is None:
        return None
    body = rich_text(stop.body.in_(language())) if stop.body else None
    band = pages.band(opened, section)
    return render_template("drafts/stop.html", opened=opened, band=band, stop=stop, body=body)


def _after(opened: OpenDraft, section: Section) -> str:
    """Where Continue leads: the next section, or back to the check page, by way of what the answers newly ask."""
    if is_from_check():
        asked = opened.filled.newly_asked()
        return with_origin(opened.address(asked.id)) if asked else opened.address("check")
    return _next_address(opened, opened.filled.next_section(section))


def _next_address(opened: OpenDraft, section: Section | None) -> str:
    return opened.address(section.id) if section else opened.address("check")


def _back(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    if section.repeat:
        return _leave(opened, part, form, with_origin(opened.address(section.id)))
    return _leave(opened, part, form, _before(opened, section))


def _before(opened: OpenDraft, section: Section) -> str:
    if is_from_check():
        return opened.address("check")
    previous = opened.filled.previous_section(section)
    return opened.address(previous.id) if previous else opened.address()


def _save_for_later(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    if not opened.can_be_saved:
        abort(404)
    answer = _leave(opened, part, form, opened.address("save"))
    app_state().hooks.draft_saved(opened.draft)
    return answer


def _stay(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """Save and stay signed in, for browsers without script."""
    live = browser().live()
    if live:
        extend(live)
    return _leave(opened, part, form, with_origin(request.path))


def _leave(opened: OpenDraft, part: Part, form: SectionForm, target: str) -> ResponseReturnValue:
    """Store what was typed, right or wrong, and go; an item in which nothing was typed is not made."""
    if _has_something(part, form):
        opened.save(part, form)
    return redirect(target, 303)


def _has_something(part: Part, form: SectionForm) -> bool:
    """Whether something was typed, now or before."""
    kept = form.kept()
    return bool(kept.answers or kept.typed or not part.is_empty)


def _look_up(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """Only on a page that may be filled; elsewhere nobody is asked."""
    if opened.filled.is_open(section):
        return look_up(opened, section, part, form)
    return htmx_redirect(opened.address(), 200) if is_htmx() else redirect(opened.address(), 303)


def _fill(opened: OpenDraft, section: Section, part: Part, _form: SectionForm) -> ResponseReturnValue:
    """Store what was typed with the chosen result in it, right or wrong, and show the page where it was filled."""
    form, first_input = filled_form(opened, section, part)
    return _leave(opened, part, form, f"{with_origin(request.path)}#{first_input}")


def _resolve(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """Store what was chosen of two versions, and show the page with it."""
    fields = changed_fields(section, part, form)
    if not all(chosen_side(field) for field in fields):
        return conflict_page(opened, section, part, form, fields, status=422)
    chosen = opened.form(section, part, posted=request.form, only=fields_kept_as_mine(fields))
    return _leave(opened, part, chosen, with_origin(request.path))


BUTTONS: dict[str, Callable[[OpenDraft, Section, Part, SectionForm], ResponseReturnValue]] = {
    "continue": _continue,
    "back": _back,
    "save": _save_for_later,
    "stay": _stay,
    "resolve": _resolve,
    "fill": _fill,
}


def list_sent(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    """The buttons of a repeat's list: add, remove, and the ways on."""
    require_whole(opened, section)
    if token_refused() or opened.is_outdated(section):
        return items_answer(opened, section, status=409)
    note_visit(opened)
    if not opened.filled.is_open(section):
        return redirect(opened.address(), 303)
    removed = request.form.get("_remove")
    if removed:
        return _remove(opened, section, removed)
    return LIST_BUTTONS.get(request.form.get("_action", ""), _confirm_list)(opened, section)


def _remove(opened: OpenDraft, section: Section, item_id: str) -> ResponseReturnValue:
    remove_item(db(), opened.draft, section.id, item_id, rules=kept_by(opened.definition), now=now())
    return redirect(with_origin(opened.address(section.id)), 303)


def _add(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    if section.repeat and len(opened.filled.items(section)) >= section.repeat.max:
        return items_answer(opened, section, error=_("You cannot add any more."), status=422)
    return redirect(with_origin(opened.address(section.id, item_token())), 303)


def _confirm_list(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    """Continue on the list means that everyone is on it."""
    problem = _list_problem(opened, section)
    if problem:
        return items_answer(opened, section, error=problem, status=422)
    part = opened.filled.part(section.id)
    opened.store(part, Change(section_id=section.id, state=SectionState(), is_confirmed=True))
    return _go_on(opened, section)


def _list_problem(opened: OpenDraft, section: Section) -> str | None:
    least = section.repeat.min if section.repeat else 0
    if len(opened.filled.items(section)) < least:
        return _("Add at least %(least)s to “%(title)s”", least=least, title=section.title.in_(language()))
    troubled = next((item for item in pages.items(opened, section) if item.has_problem), None)
    return _("Change “%(name)s”: something is missing or wrong", name=troubled.name) if troubled else None


def _back_from_list(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    return redirect(_before(opened, section), 303)


def _save_list_for_later(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    if not opened.can_be_saved:
        abort(404)
    app_state().hooks.draft_saved(opened.draft)
    return redirect(opened.address("save"), 303)


def _stay_on_list(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    live = browser().live()
    if live:
        extend(live)
    return redirect(with_origin(request.path), 303)


LIST_BUTTONS: dict[str, Callable[[OpenDraft, Section], ResponseReturnValue]] = {
    "continue": _confirm_list,
    "add": _add,
    "back": _back_from_list,
    "save": _save_list_for_later,
    "stay": _stay_on_list,
}
