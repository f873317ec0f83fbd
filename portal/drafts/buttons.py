"""What each button of a section, an item or a list does once the form has arrived whole."""

from collections.abc import Callable

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest

from portal.drafts import pages
from portal.drafts.check_visits import is_from_check, note_visit, with_origin
from portal.drafts.conflict_pages import (
    changed_fields,
    chosen_side,
    conflict_page,
    fields_kept_as_mine,
    unseen_fields,
)
from portal.drafts.lookups import filled_form, look_up
from portal.drafts.opening import OpenDraft, asked_lookup, kept_by
from portal.drafts.operations import Change, remove_item
from portal.drafts.rules import Part
from portal.drafts.section_pages import items_answer, section_answer
from portal.drafts.uploads import REMOVE, refuse_all_again, refuse_infected, take_files
from portal.form_definitions.definition import Section, SectionState
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.rich_text import rich_text
from portal.sessions.gate import token_refused
from portal.sessions.interface import extend, pressed_button, visit
from portal.sessions.languages import change_language
from portal.site_settings.times import language
from portal.storage.interface import Received
from portal.tokens import item_token
from portal.web.htmx import htmx_redirect, is_htmx
from portal.web.languages import BUTTON
from portal.web.portal import portal
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now


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
    portal().registry["draft_saved"](opened.draft)
    return answer


def _stay(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    """Save and stay signed in, for browsers without script."""
    live = visit().live
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
    portal().registry["draft_saved"](opened.draft)
    return redirect(opened.address("save"), 303)


def _stay_on_list(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    live = visit().live
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
