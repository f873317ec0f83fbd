"""What somebody still typed when their form had been sent, was deleted or has expired: it is shown, not received."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.drafts.open_draft import OpenDraft, closed_page
from portal.drafts.section_page import SectionPage
from portal.form_definitions.definition import Answer, Field, FormAnswers, SectionState
from portal.form_definitions.forms import PageScope, section_form
from portal.form_definitions.types.field_types import answer_lines
from portal.form_definitions.types.form_fields import AnswerField
from portal.sessions.gate import token_refused
from portal.site_settings.current import clock_time, day_text, local_day, today
from portal.web.addresses import is_htmx
from portal.web.app_state import app_state
from portal.web.languages import language


@dataclass(frozen=True, kw_only=True)
class Words:
    """What was typed as the answer to one question, as lines to read."""

    label: str
    lines: list[str]


def answer_closed(page: SectionPage) -> ResponseReturnValue:
    """Answer a page that was sent too late: say what became of the form, and show the words that we did not receive."""
    if is_htmx():
        return closed_notice(page.opened)
    words = [] if token_refused() else [*words_not_received(page), *_files_not_received(page)]
    return closed_page(page.opened, words=words)


def closed_notice(opened: OpenDraft) -> str:
    """Return the fragment that tells an open page that its form is closed."""
    return render_template("drafts/_closed.html", sentence=closed_sentence(opened))


def closed_sentence(opened: OpenDraft) -> str:
    """Return what became of a form that can no longer be filled in."""
    draft = opened.draft
    if draft.sent_at:
        return _(
            "You sent this form on %(day)s at %(time)s.",
            day=day_text(local_day(draft.sent_at)),
            time=clock_time(draft.sent_at),
        )
    return _("This form was deleted on %(day)s.", day=day_text(local_day(draft.deleted_at or draft.expires_at)))


def words_not_received(page: SectionPage, only: frozenset[str] | None = None) -> list[Words]:
    """Return what was posted for the fields in `only` (None: all) and is not in the form as it was sent."""
    opened, section = page.opened, page.section
    sent = app_state().hooks.sent_answers(opened.db, opened.draft) if opened.draft.sent_at else {}
    stored = _sent_page(sent, section.id, page.part.item_id)
    form = section_form(
        section,
        language=language(),
        scope=PageScope(definition=opened.definition, answers=sent, today=today()),
        stored=SectionState(answers=stored),
        posted=page.posted(),
        only=only,
    )
    return [
        Words(label=field.label.in_(language()), lines=lines)
        for field in section.fields
        if (lines := _new_lines(field, form.all_fields[field.id], stored.get(field.id)))
    ]


def _sent_page(sent: FormAnswers, section_id: str, item_id: str) -> Mapping[str, Answer]:
    answers: Mapping[str, Any] = sent.get(section_id, {})
    return answers.get(item_id, {}) if item_id else answers


def _new_lines(field: Field, bound: AnswerField, sent: Answer | None) -> list[str]:
    """Return an answer, or what was typed if it is not a valid one; nothing if it is as it was sent."""
    if bound.answer is not None:
        return answer_lines(field, bound.answer, language(), _) if bound.answer != sent else []
    return [text for texts in bound.inputs.values() for text in texts if text.strip()]


def _files_not_received(page: SectionPage) -> list[Words]:
    return [
        Words(label=field.label.in_(language()), lines=names)
        for field in page.section.fields
        if (names := [file.filename for file in request.files.getlist(field.id) if file.filename])
    ]
