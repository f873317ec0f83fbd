"""Two versions of one page: what is shown, and what the person chose."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, seen_by_page, shown_tab
from portal.drafts.rules import NO_REVISION, Order, Part, differing, order
from portal.form_definitions.definition import Field, Section, SectionState
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.types.field_types import answer_lines
from portal.site_settings.current import saved_text
from portal.web.languages import language
from portal.web.strict_input import END_MARKER

MINE, SAVED = "mine", "saved"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version of an answer, as a card that can be chosen."""

    value: str
    label: str
    lines: list[str]
    checked: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A question with both versions; `error` where nothing was chosen."""

    name: str
    label: str
    sides: tuple[Side, Side]
    error: str | None


def stale_fields(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> tuple[str, ...]:
    """The fields in which a page that did not know of the last save differs from what is stored; mostly none."""
    return changed_fields(section, part, form) if order(part, seen_by_page()) is Order.STALE else ()


def changed_fields(section: Section, part: Part, form: SectionForm) -> tuple[str, ...]:
    """The fields in which this page differs from what is stored."""
    return differing(part.state, form.kept(), tuple(field.id for field in section.fields))


def unseen_fields(opened: OpenDraft, section: Section, part: Part, form: SectionForm) -> tuple[str, ...]:
    """The fields in which a form that was sent whole would undo what it did not know of.

    A later save of its own page may have overtaken it on the way, and that was acknowledged, too.
    """
    return changed_fields(section, part, form) if order(part, seen_by_page()) is not Order.NEXT else ()


def says_nothing_new(part: Part, form: SectionForm) -> bool:
    """Whether there is nothing to store: of an empty part, or of what somebody else stored alike meanwhile.

    A page that did not know of the last save does not learn of it by chance.
    """
    is_last = part.revision != NO_REVISION and order(part, seen_by_page()) is not Order.STALE
    return form.kept() == part.state and not is_last


def is_overtaken(part: Part) -> bool:
    """Whether a later save of the same page has arrived already."""
    return order(part, seen_by_page()) is Order.OVERTAKEN


def conflict_page(
    opened: OpenDraft, section: Section, part: Part, form: SectionForm, fields: Sequence[str], *, status: int = 409
) -> ResponseReturnValue:
    """Both versions side by side; nothing was changed, and nothing is chosen beforehand."""
    saved_at = saved_text(part.changed_at) if part.changed_at else ""
    differences = [_difference(section, part, form, field_id, saved_at, status) for field_id in fields]
    page = render_template(
        "drafts/conflict.html",
        opened=opened,
        band=pages.band(opened, section, saved_state="conflict"),
        title=pages.part_title(opened, section, part),
        saved_at=saved_at,
        is_removed=part.changed_at is None,
        differences=differences,
        same=_same(section, part, fields),
        faults=[(f"#{each.name}", each.error) for each in differences if each.error],
        revision=part.revision,
        page_id=pages.new_page_id(),
        mine=[pair for pair in request.form.items(multi=True) if not _is_ours(pair[0])],
        shown_tab=shown_tab(),
        end_marker=END_MARKER,
    )
    return page, status


def _is_ours(name: str) -> bool:
    return name.startswith("_") or name == "csrf_token"


def _difference(
    section: Section, part: Part, form: SectionForm, field_id: str, saved_at: str, status: int
) -> Difference:
    field = section.field(field_id)
    if field is None:
        raise KeyError(field_id)
    chosen = chosen_side(field_id)
    mine = Side(value=MINE, label=_("Mine, on this page"), lines=_lines(field, form.kept()), checked=chosen == MINE)
    label = _("Saved at %(time)s", time=saved_at) if saved_at else _("Removed")
    saved = Side(value=SAVED, label=label, lines=_lines(field, part.state), checked=chosen == SAVED)
    missing = status == 422 and chosen is None
    question = field.label.in_(language())
    return Difference(
        name=f"_keep_{field_id}",
        label=question,
        sides=(mine, saved),
        error=_("Choose which answer to keep: “%(label)s”", label=question) if missing else None,
    )


def _lines(field: Field, state: SectionState) -> list[str]:
    """An answer as it reads, or what was typed where it is none."""
    typed = state.typed.get(field.id)
    if typed:
        return [text for values in typed.values() for text in values if text]
    answer = state.answers.get(field.id)
    return answer_lines(field, answer, language(), _) if answer is not None else []


def _same(section: Section, part: Part, fields: Sequence[str]) -> list[tuple[str, list[str]]]:
    rest = (field for field in section.fields if field.id not in fields)
    return [(f.label.in_(language()), _lines(f, part.state)) for f in rest if _lines(f, part.state)]


def chosen_side(field_id: str) -> str | None:
    """Which version the person chose for a field, by the button for all or by its own card."""
    chosen = request.form.get("_all") or request.form.get(f"_keep_{field_id}")
    return chosen if chosen in (MINE, SAVED) else None


def fields_kept_as_mine(fields: Sequence[str]) -> frozenset[str]:
    """Those of the fields that differ to take from this page.

    All others stay as stored: this page may hold nothing for what it hides, and the saved version shows it.
    """
    return frozenset(field_id for field_id in fields if chosen_side(field_id) == MINE)
