"""What the check page shows: answers with links to change them, what is not saved yet, and what has changed since."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from markupsafe import Markup

from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, from_check
from portal.drafts.rules import Filled, Mark, mark_of
from portal.drafts.section_page import SectionPage, pages_with_late_answers
from portal.form_definitions.definition import Field, FormDefinition, Section
from portal.form_definitions.rules import PLAIN
from portal.form_definitions.types.field_types import FIELD_TYPES
from portal.sessions.late_forms import Parked
from portal.submissions.answers import AnsweredSection, Link, ShownAnswers, is_asked, item_names, section_answers
from portal.submissions.customers import Customer
from portal.tokens import item_token, keyed_hash
from portal.web.app_state import app_state
from portal.web.languages import language

SHOWN = "_shown"
"""The hidden input of the check page that says what it showed."""
PRINT_LENGTH = 12
"""Hexadecimal digits of a fingerprint: enough that no changed answer has the fingerprint of the old one."""
LATE = "late"
_ICONS = {Mark.NEW: "info", Mark.CHANGED: "clock", Mark.CHECK_AGAIN: "triangle"}


@dataclass(frozen=True, kw_only=True)
class RowMark:
    """A mark beside an answer: an icon and a word."""

    kind: str
    icon: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CheckedSection:
    """A section on the check page; for a repeat also the addresses of its list and of a new item."""

    answers: AnsweredSection
    list_href: str | None
    add_href: str | None
    add_words: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A page with late answers, which sending the form would leave out."""

    title: str
    href: str
    parked: Sequence[Parked]


@dataclass(frozen=True, kw_only=True)
class ConfirmationPlan:
    """Where the confirmation will be e-mailed; without an address, where the person can still give one, if anywhere."""

    address: str | None
    is_of_account: bool
    question_href: str | None
    save_href: str | None


def confirmation_plan(opened: OpenDraft, customer: Customer) -> ConfirmationPlan:
    """Return what the page says before Send about the confirmation; `customer` is who sends the form."""
    return ConfirmationPlan(
        address=customer.email,
        is_of_account=not opened.is_guest,
        question_href=_unanswered_address(opened),
        save_href=opened.address("save") if opened.is_guest and opened.can_be_saved else None,
    )


def _unanswered_address(opened: OpenDraft) -> str | None:
    """Return the page on which the form asks for the customer's address, if that question shows now."""
    customer = opened.definition.customer
    if customer is None or customer.email is None:
        return None
    section = opened.definition.section(customer.email[0])
    page = opened.filled.shown.pages.get(customer.email[0], {}).get(PLAIN)
    asked = next((field for field in page.fields if field.id == customer.email[1]), None) if page else None
    return _question_address(opened, section, PLAIN, asked) if section and asked else None


def fingerprints(opened: OpenDraft, waiting: Sequence[Waiting]) -> dict[str, str]:
    """Return the fingerprint of all that the check page shows: each answer, each item, and late answers that wait.

    An answer is named by its section, item and field. Late answers are named by their fingerprint.
    """
    found = {
        f"{section_id}/{item_id}/{field_id}": _fingerprint(opened, answer)
        for section_id, items in opened.filled.shown.pages.items()
        for item_id, page in items.items()
        for field_id, answer in [("", item_id), *page.answers.items()]
    }
    late = (_fingerprint(opened, [parked.tab, parked.form.pairs]) for page in waiting for parked in page.parked)
    return found | {f"{LATE}/{each}": each for each in late}


def _fingerprint(opened: OpenDraft, shown: object) -> str:
    """Return a short hash that says nothing about the answer to anybody without our secret."""
    text = json.dumps([opened.reference, shown], sort_keys=True, default=dict)
    return keyed_hash(app_state().configuration.secret_key, text).hex()[:PRINT_LENGTH]


def as_input(prints: Mapping[str, str]) -> str:
    """Return fingerprints as the check page carries them in its hidden input; `Moved.since` reads them."""
    return " ".join(f"{name}:{value}" for name, value in prints.items())


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What has changed since a check page was shown: the names of `changed` answers, and of those that are `gone`.

    A page that does not say what it showed has not seen anything (`is_unknown`).
    """

    changed: frozenset[str]
    gone: tuple[str, ...]
    is_unknown: bool = False

    @classmethod
    def since(cls, shown: str | None, now: Mapping[str, str]) -> "Moved | None":
        """Return what has changed since a page that showed this; None if nothing has."""
        if shown is None:
            return cls(changed=frozenset(), gone=(), is_unknown=True)
        seen = {name: value for name, _colon, value in (each.rpartition(":") for each in shown.split())}
        changed = frozenset(name for name, value in now.items() if seen.get(name) != value)
        # Late answers that no longer wait were saved, which shows as a changed answer, or were let go of.
        gone = tuple(name for name in seen if name not in now and not name.startswith(f"{LATE}/"))
        return cls(changed=changed, gone=gone) if changed or gone else None

    def gone_from(self, definition: FormDefinition) -> list[str]:
        """Return the titles of the sections, with the question if it is not an item's, that something is gone from."""
        found = []
        for name in self.gone:
            section_id, item_id, field_id = [*name.split("/"), "", ""][:3]
            section = definition.section(section_id)
            field = section.field(field_id) if section and not item_id else None
            if section and (field or item_id):
                title = section.title.in_(language())
                found.append(f"{title}: {field.label.in_(language())}" if field else title)
        return list(dict.fromkeys(found))


def checked_sections(opened: OpenDraft, moved: Moved | None = None) -> list[CheckedSection]:
    """Return all shown sections with their answers; mark those that have `moved` since the page was shown before."""
    sections = (each for each in opened.definition.sections if each.id in opened.filled.shown.pages)
    return [_checked(opened, each, moved) for each in sections]


def _checked(opened: OpenDraft, section: Section, moved: Moved | None) -> CheckedSection:
    shown = _shown_pages(opened.filled, section)
    links = _change_links(opened, item_names(section, shown))
    answers = section_answers(section, shown, links, _marks(opened, moved))
    can_add = section.repeat is not None and opened.filled.is_open(section) and len(shown) < section.repeat.max
    return CheckedSection(
        answers=answers,
        list_href=from_check(opened, section.id) if section.repeat else None,
        add_href=from_check(opened, section.id, item_token()) if can_add else None,
        add_words=pages.add_words(section, is_first=not shown),
    )


def _shown_pages(filled: Filled, section: Section) -> list[ShownAnswers]:
    return [
        (item_id, tuple(filter(is_asked, page.fields)), page.answers)
        for item_id, page in filled.shown.pages[section.id].items()
    ]


def _change_links(opened: OpenDraft, names: Mapping[str, str]) -> Callable[[Section, str, Field], list[Link]]:
    """Return how an answer is linked: to its question, with a text that says of whom it is asked."""

    def change(section: Section, item_id: str, field: Field) -> list[Link]:
        question = (field.short or field.label).in_(language())
        if item_id in names:
            words = Markup(_("%(question)s for %(name)s"))  # noqa: S704 - from a catalogue; what goes into it is escaped
            question = words % {"question": question, "name": names[item_id]}
        return [(_("Change"), _question_address(opened, section, item_id, field), question)]

    return change


def _question_address(opened: OpenDraft, section: Section, item_id: str, field: Field) -> str:
    return f"{from_check(opened, section.id, item_id)}#{FIELD_TYPES[field.type].first_input(field.id)}"


def _marks(opened: OpenDraft, moved: Moved | None) -> Callable[[Section, str, Field], RowMark | None]:
    texts = {
        Mark.NEW: _("New"),
        Mark.CHANGED: _("Changed since your last visit"),
        Mark.CHECK_AGAIN: _("Check again"),
    }

    def mark(section: Section, item_id: str, field: Field) -> RowMark | None:
        if moved and f"{section.id}/{item_id}/{field.id}" in moved.changed:
            return RowMark(kind=Mark.CHANGED.value, icon="clock", text=_("Changed since you opened this page"))
        found = mark_of(opened.filled.part(section.id, item_id), field.id, opened.draft.edits_checked)
        return RowMark(kind=found.value, icon=_ICONS[found], text=texts[found]) if found else None

    return mark


def waiting_pages(opened: OpenDraft) -> list[Waiting]:
    """Return the pages with late answers that are not saved; sending the form would drop them."""
    return [
        Waiting(title=_title_of(page), href=from_check(opened, page.section.id, page.part.item_id), parked=parked)
        for page, parked in pages_with_late_answers(opened)
    ]


def _title_of(page: SectionPage) -> str:
    title = page.section.title.in_(language())
    return f"{title}: {pages.part_title(page.opened, page.section, page.part)}" if page.section.repeat else title
