"""The task list, the sections and items of a draft, and autosave."""

import re
from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest

from portal.drafts import pages
from portal.drafts.opening import OpenDraft, closed_page, open_draft
from portal.drafts.operations import Change, delete_draft, remove_item
from portal.drafts.rules import Part
from portal.form_definitions.definition import Section, SectionState
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.rich_text import rich_text
from portal.sessions.gate import token_refused
from portal.sessions.interface import extend, visit
from portal.site_settings.times import clock_time, language, moment_text
from portal.tokens import item_token
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.htmx import is_htmx
from portal.web.portal import portal
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("drafts", __name__)
ITEM_ID = re.compile(r"[a-z0-9]{8}")


@blueprint.get("/drafts/<reference>")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def task_list(reference: str) -> ResponseReturnValue:
    """All sections with their status."""
    opened = open_draft(reference)
    return closed_page(opened) or render_template(
        "drafts/task_list.html",
        opened=opened,
        title=opened.definition.title.in_(language()),
        progress=pages.progress_text(opened.filled),
        rows=pages.segments(opened.filled),
        saved=pages.saved(opened),
        changed=moment_text(opened.draft.changed_at),
        tasks=pages.tasks(opened),
        next=_next_address(opened, opened.filled.first_unfinished()),
        slip=pages.slip(opened),
        keep_until=pages.keep_until(opened),
    )


@blueprint.post("/drafts/<reference>")
@access(Access.DRAFT_OWNER)
@activity(Activity.SUBMIT)
def delete(reference: str) -> ResponseReturnValue:
    """Delete the draft, once the person has said so twice."""
    opened = open_draft(reference)
    closed = closed_page(opened)
    if closed:
        return closed
    if request.form.get("_confirmed") != "yes":
        title = opened.definition.title.in_(language())
        return render_template("drafts/delete.html", opened=opened, title=title)
    delete_draft(db(), opened.draft, now=now())
    portal().registry["draft_deleted"](db(), opened.draft.id)
    return redirect("/account" if not opened.is_guest else opened.address(), 303)


@blueprint.get("/drafts/<reference>/<section_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def section_page(reference: str, section_id: str) -> ResponseReturnValue:
    """One section, or the list of its items; one that cannot be filled now leads to the task list."""
    opened = open_draft(reference)
    section = opened.section(section_id)
    closed = closed_page(opened)
    if closed:
        return closed
    if not opened.filled.is_open(section):
        return redirect(opened.address())
    part = opened.filled.part(section.id)
    return _items_page(opened, section) if section.repeat else _page(opened, section, part, opened.form(section, part))


@blueprint.get("/drafts/<reference>/<section_id>/<item_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def item_page(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """One item of a repeat; a new one is stored at its first save."""
    opened = open_draft(reference)
    section, part = _item(opened, section_id, item_id)
    closed = closed_page(opened)
    if closed:
        return closed
    if not opened.filled.is_open(section):
        return redirect(opened.address())
    return _page(opened, section, part, opened.form(section, part))


@blueprint.post("/drafts/<reference>/<section_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.CONTINUE_SECTION, save=Activity.SAVE, stay=Activity.EXTEND)
@shows_form_again
def save_section(reference: str, section_id: str) -> ResponseReturnValue:
    """Keep what was typed; go on, or show what is wrong."""
    opened = open_draft(reference)
    section = opened.section(section_id)
    closed = closed_page(opened)
    if closed:
        return closed
    if section.repeat:
        return _list_button(opened, section)
    return _posted(opened, section, opened.filled.part(section.id))


@blueprint.post("/drafts/<reference>/<section_id>/<item_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.CONTINUE_SECTION, save=Activity.SAVE, stay=Activity.EXTEND)
@shows_form_again
def save_item(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Keep what was typed about one item."""
    opened = open_draft(reference)
    section, part = _item(opened, section_id, item_id)
    return closed_page(opened) or _posted(opened, section, part)


def _item(opened: OpenDraft, section_id: str, item_id: str) -> tuple[Section, Part]:
    section = opened.section(section_id)
    if not section.repeat or not ITEM_ID.fullmatch(item_id):
        abort(404)
    part = opened.filled.part(section.id, item_id)
    if part not in opened.filled.items(section) and len(opened.filled.items(section)) >= section.repeat.max:
        abort(404)
    return section, part


def _posted(opened: OpenDraft, section: Section, part: Part) -> ResponseReturnValue:
    _require_whole(section)
    form = opened.form(section, part, posted=request.form)
    if token_refused():
        return _page(opened, section, part, form, status=409)
    button = BUTTONS.get(request.form.get("_action", ""), _continue)
    return button(opened, section, part, form)


def _require_whole(section: Section) -> None:
    """Refuse a body that was cut short or says one thing twice, before anything is stored."""
    require_end_marker()
    many = {field.id for field in section.fields if field.type == "choices"}
    if repeated(set(request.form) - many):
        raise BadRequest("An answer was sent twice.")


def _continue(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    if not opened.filled.is_open(section):
        return _leave(opened, part, form, opened.address())
    if not form.validate():
        if not section.repeat or _has_something(part, form):
            opened.save(part, form, is_confirmed=False if not section.repeat else None)
        return _page(opened, section, part, form, status=422)
    opened.save(part, form, is_confirmed=True)
    if section.repeat:
        return redirect(_with_origin(opened.address(section.id)), 303)
    return _go_on(opened, section)


def _go_on(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    stop = opened.filled.stop(section)
    if stop:
        body = rich_text(stop.body.in_(language())) if stop.body else None
        return render_template(
            "drafts/stop.html", opened=opened, band=pages.band(opened, section), stop=stop, body=body
        )
    return redirect(_after(opened, section), 303)


def _after(opened: OpenDraft, section: Section) -> str:
    """Where Continue leads: the next section, or back to the check page that the person came from."""
    if request.args.get("from") == "check":
        return _next_address(opened, opened.filled.first_unfinished())
    return _next_address(opened, opened.filled.next_section(section))


def _next_address(opened: OpenDraft, section: Section | None) -> str:
    return opened.address(section.id) if section else opened.address("check")


def _with_origin(address: str) -> str:
    return f"{address}?from=check" if request.args.get("from") == "check" else address


def _back(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> ResponseReturnValue:
    if section.repeat:
        return _leave(opened, part, form, _with_origin(opened.address(section.id)))
    return _leave(opened, part, form, _before(opened, section))


def _before(opened: OpenDraft, section: Section) -> str:
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
    return _leave(opened, part, form, request.path)


def _leave(opened: OpenDraft, part: Part, form: SectionForm, target: str) -> ResponseReturnValue:
    """Store what was typed, right or wrong, and go; an item in which nothing was typed is not made."""
    if _has_something(part, form):
        opened.save(part, form)
    return redirect(target, 303)


def _has_something(part: Part, form: SectionForm) -> bool:
    """Whether something was typed, now or before."""
    kept = form.kept()
    return bool(kept.answers or kept.typed or not part.is_empty)


BUTTONS: dict[str, Callable[[OpenDraft, Section, Part, SectionForm], ResponseReturnValue]] = {
    "continue": _continue,
    "back": _back,
    "save": _save_for_later,
    "stay": _stay,
}


def _list_button(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    """The buttons of a repeat's list: add, remove, and the ways on."""
    _require_whole(section)
    if token_refused():
        return _items_page(opened, section, status=409)
    if not opened.filled.is_open(section):
        return redirect(opened.address(), 303)
    removed = request.form.get("_remove")
    if removed:
        return _remove(opened, section, removed)
    return LIST_BUTTONS.get(request.form.get("_action", ""), _confirm_list)(opened, section)


def _remove(opened: OpenDraft, section: Section, item_id: str) -> ResponseReturnValue:
    remove_item(db(), opened.draft, opened.definition, section.id, item_id, now=now())
    return redirect(_with_origin(opened.address(section.id)), 303)


def _add(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    if section.repeat and len(opened.filled.items(section)) >= section.repeat.max:
        return _items_page(opened, section, error=_("You cannot add any more."), status=422)
    return redirect(_with_origin(opened.address(section.id, item_token())), 303)


def _confirm_list(opened: OpenDraft, section: Section) -> ResponseReturnValue:
    """Continue on the list means that everyone is on it."""
    problem = _list_problem(opened, section)
    if problem:
        return _items_page(opened, section, error=problem, status=422)
    part = opened.filled.part(section.id)
    opened.store(part, Change(section_id=section.id, state=SectionState(), is_confirmed=True))
    opened.reread()
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
    return redirect(request.path, 303)


LIST_BUTTONS: dict[str, Callable[[OpenDraft, Section], ResponseReturnValue]] = {
    "continue": _confirm_list,
    "add": _add,
    "back": _back_from_list,
    "save": _save_list_for_later,
    "stay": _stay_on_list,
}


def _page(
    opened: OpenDraft, section: Section, part: Part, form: SectionForm, *, status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "drafts/section.html",
        opened=opened,
        section=section,
        form=form,
        band=pages.band(opened, section),
        title=pages.part_title(opened, section, part),
        intro=rich_text(section.intro.in_(language())) if section.intro and not section.repeat else None,
        is_out_of_date=status == 409,
        autosave=opened.address("autosave", section.id, part.item_id),
        revision=part.revision,
    )
    return page, status


def _items_page(
    opened: OpenDraft, section: Section, *, error: str | None = None, status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "drafts/items.html",
        opened=opened,
        section=section,
        band=pages.band(opened, section),
        title=section.title.in_(language()),
        intro=rich_text(section.intro.in_(language())) if section.intro else None,
        items=pages.items(opened, section),
        item_word=pages.item_word(section),
        error=error,
        is_out_of_date=status == 409,
    )
    return page, status


@blueprint.post("/drafts/<reference>/autosave/<section_id>", defaults={"item_id": ""})
@blueprint.post("/drafts/<reference>/autosave/<section_id>/<item_id>")
@access(Access.DRAFT_OWNER)
@activity(Activity.AUTOSAVE)
def autosave(reference: str, section_id: str, item_id: str) -> ResponseReturnValue:
    """Keep the fields that changed, unvalidated; never activity, and only from our script."""
    if not is_htmx():
        abort(404)
    opened = open_draft(reference)
    section, part = _autosaved_part(opened, section_id, item_id)
    if closed_page(opened):
        abort(409)
    _require_whole(section)
    form = opened.form(section, part, posted=request.form, only=_changed_fields())
    revision = part.revision if form.kept() == part.state else opened.save(part, form)
    return render_template("drafts/_saved.html", saved=clock_time(now()), revision=revision)


def _changed_fields() -> frozenset[str]:
    """The fields that the script names; where it names none, those whose inputs it sent."""
    named = request.form.get("_changed")
    return frozenset(name.partition("-")[0] for name in (request.form if named is None else named.split(",")))


def _autosaved_part(opened: OpenDraft, section_id: str, item_id: str) -> tuple[Section, Part]:
    if item_id:
        return _item(opened, section_id, item_id)
    section = opened.section(section_id)
    return (section, opened.filled.part(section.id)) if not section.repeat else abort(404)
