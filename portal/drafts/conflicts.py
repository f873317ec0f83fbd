"""Two versions of one page: when they conflict, how they are shown, and which answers the person chose."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.drafts import pages
from portal.drafts.open_draft import PAGE_ID_CHARACTERS, shown_tab
from portal.drafts.section_page import SectionPage
from portal.form_definitions.definition import Field, SectionState
from portal.form_definitions.types.field_types import answer_lines
from portal.sessions.browser_sessions import CSRF_FIELD
from portal.site_settings.current import saved_text
from portal.tokens import new_token
from portal.web.languages import language
from portal.web.strict_input import END_MARKER

MINE, SAVED = "mine", "saved"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version of an answer, shown as a card to choose."""

    value: str
    label: str
    lines: list[str]
    checked: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A question with both versions of its answer; `error` is set where the person chose neither."""

    name: str
    label: str
    sides: tuple[Side, Side]
    error: str | None


def conflict_page(page: SectionPage, fields: Sequence[str], *, status: int = 409) -> ResponseReturnValue:
    """Show both versions side by side, with neither chosen beforehand; nothing is stored.

    Status 409 shows a new conflict; 422 shows an error where the person has not chosen yet.
    """
    opened, section, part = page.opened, page.section, page.part
    saved_at = saved_text(part.changed_at) if part.changed_at else ""
    differences = [_difference(page, field_id, saved_at, status) for field_id in fields]
    same = (
        (field.label.in_(language()), _lines(field, part.state)) for field in section.fields if field.id not in fields
    )
    answer = render_template(
        "drafts/conflict.html",
        opened=opened,
        band=pages.band(opened, section, saved_state="conflict"),
        title=pages.part_title(opened, section, part),
        saved_at=saved_at,
        is_removed=part.changed_at is None,
        differences=differences,
        same=[(label, lines) for label, lines in same if lines],
        faults=[(f"#{each.name}", each.error) for each in differences if each.error],
        revision=part.revision,
        page_id=new_token()[:PAGE_ID_CHARACTERS],
        mine=[
            (name, value) for name, value in request.form.items(multi=True) if name[0:1] != "_" and name != CSRF_FIELD
        ],
        shown_tab=shown_tab(),
        end_marker=END_MARKER,
    )
    return answer, status


def _difference(page: SectionPage, field_id: str, saved_at: str, status: int) -> Difference:
    field = page.section.field(field_id)
    if field is None:
        raise KeyError(field_id)
    chosen = chosen_side(field_id)
    mine = Side(
        value=MINE, label=_("Mine, on this page"), lines=_lines(field, page.form.kept()), checked=chosen == MINE
    )
    label = _("Saved at %(time)s", time=saved_at) if saved_at else _("Removed")
    saved = Side(value=SAVED, label=label, lines=_lines(field, page.part.state), checked=chosen == SAVED)
    missing = status == 422 and chosen is None
    question = field.in_sentence(language())
    return Difference(
        name=f"_keep_{field_id}",
        label=field.label.in_(language()),
        sides=(mine, saved),
        error=_("Choose which answer to keep for %(question)s", question=question) if missing else None,
    )


def _lines(field: Field, state: SectionState) -> list[str]:
    """Return an answer as lines to read, or what was typed if it is not a valid answer."""
    typed = state.typed.get(field.id)
    if typed:
        return [text for values in typed.values() for text in values if text]
    answer = state.answers.get(field.id)
    return answer_lines(field, answer, language(), _) if answer is not None else []


def chosen_side(field_id: str) -> str | None:
    """Return the version that the person chose for a field: by the button for all, or by the field's own card."""
    chosen = request.form.get("_all") or request.form.get(f"_keep_{field_id}")
    return chosen if chosen in (MINE, SAVED) else None


def fields_kept_as_mine(fields: Sequence[str]) -> frozenset[str]:
    """Return those of the differing `fields` to take from this page.

    All others stay as stored. This page may hold no answer for a question that it hides and the saved version shows.
    """
    return frozenset(field_id for field_id in fields if chosen_side(field_id) == MINE)
