"""What the check page shows: the answers with links to change them, marks beside them, and what is not saved yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from markupsafe import Markup

from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, from_check
from portal.drafts.rules import Filled, Mark, mark_of
from portal.drafts.section_page import SectionPage
from portal.form_definitions.definition import Field, Section
from portal.form_definitions.rules import PLAIN
from portal.form_definitions.types.field_types import FIELD_TYPES
from portal.submissions.answers import AnsweredSection, Link, ShownAnswers, is_asked, item_names, section_answers
from portal.submissions.customers import sender
from portal.tokens import item_token
from portal.web.languages import language

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
    item_word: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A page with late answers, which sending the form would leave out."""

    title: str
    href: str


@dataclass(frozen=True, kw_only=True)
class ConfirmationPlan:
    """Where the confirmation will be e-mailed; without an address, where the person can still give one, if anywhere."""

    address: str | None
    is_of_account: bool
    question_href: str | None
    save_href: str | None


def confirmation_plan(opened: OpenDraft) -> ConfirmationPlan:
    """Return what the page says before Send about the confirmation."""
    address = sender(opened.db, opened).email
    return ConfirmationPlan(
        address=address,
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


def checked_sections(opened: OpenDraft) -> list[CheckedSection]:
    """Return all shown sections with their answers."""
    return [_checked(opened, each) for each in opened.definition.sections if each.id in opened.filled.shown.pages]


def _checked(opened: OpenDraft, section: Section) -> CheckedSection:
    shown = _shown_pages(opened.filled, section)
    links = _change_links(opened, item_names(section, shown))
    answers = section_answers(section, shown, links, _marks(opened))
    can_add = section.repeat is not None and opened.filled.is_open(section) and len(shown) < section.repeat.max
    return CheckedSection(
        answers=answers,
        list_href=from_check(opened, section.id) if section.repeat else None,
        add_href=from_check(opened, section.id, item_token()) if can_add else None,
        item_word=pages.item_word(section),
    )


def _shown_pages(filled: Filled, section: Section) -> list[ShownAnswers]:
    return [
        (item_id, tuple(filter(is_asked, page.fields)), page.answers)
        for item_id, page in filled.shown.pages[section.id].items()
    ]


def _change_links(opened: OpenDraft, names: Mapping[str, str]) -> Callable[[Section, str, Field], list[Link]]:
    """Return how an answer is linked: to its question, with a text that says of whom it is asked."""

    def change(section: Section, item_id: str, field: Field) -> list[Link]:
        question = field.label.in_(language())
        if item_id in names:
            words = Markup(_("%(question)s for %(name)s"))  # noqa: S704 - from a catalogue; what goes into it is escaped
            question = words % {"question": question, "name": names[item_id]}
        return [(_("Change"), _question_address(opened, section, item_id, field), question)]

    return change


def _question_address(opened: OpenDraft, section: Section, item_id: str, field: Field) -> str:
    return f"{from_check(opened, section.id, item_id)}#{FIELD_TYPES[field.type].first_input(field.id)}"


def _marks(opened: OpenDraft) -> Callable[[Section, str, Field], RowMark | None]:
    texts = {
        Mark.NEW: _("New"),
        Mark.CHANGED: _("Changed since your last visit"),
        Mark.CHECK_AGAIN: _("Check again"),
    }

    def mark(section: Section, item_id: str, field: Field) -> RowMark | None:
        found = mark_of(opened.filled.part(section.id, item_id), field.id, opened.draft.edits_checked)
        return RowMark(kind=found.value, icon=_ICONS[found], text=texts[found]) if found else None

    return mark


def waiting_pages(opened: OpenDraft) -> list[Waiting]:
    """Return the pages with late answers that are not saved; sending the form would drop them."""
    if not opened.has_parked:
        return []
    places = (page.removeprefix(opened.address()).strip("/").partition("/") for page in opened.parked_pages())
    return [found for section_id, _slash, item_id in places if (found := _waiting_work(opened, section_id, item_id))]


def _waiting_work(opened: OpenDraft, section_id: str, item_id: str) -> Waiting | None:
    section = opened.definition.section(section_id)
    if section is None or bool(section.repeat) is not bool(item_id) or not opened.filled.is_open(section):
        return None
    part = opened.filled.part(section_id, item_id or PLAIN)
    if not SectionPage(opened, section, part.item_id).parked():
        return None
    title = section.title.in_(language())
    item = f": {pages.part_title(opened, section, part)}" if section.repeat else ""
    return Waiting(title=title + item, href=from_check(opened, section_id, item_id))
