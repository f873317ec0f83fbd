"""The page of a section or item: its form as stored or as sent, its late answers, and how it is shown."""

from dataclasses import replace

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from portal.drafts import pages
from portal.drafts.open_draft import PAGE_ID_CHARACTERS, OpenDraft, holder, seen_by_page, shown_tab
from portal.drafts.operations import PartChange
from portal.drafts.rules import Order, differing, order
from portal.drafts.uploads import LATE, list_files
from portal.drafts.versions.newer import under_present_ids
from portal.form_definitions.definition import Section
from portal.form_definitions.forms import LEFT_OUT, PageScope, SectionForm, section_form
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.rules import PLAIN
from portal.sessions.browser_sessions import browser
from portal.sessions.late_forms import SHOWN, LateForm, Parked, forget_parked, keep_parked, parked_on
from portal.site_settings.current import today
from portal.tokens import new_token
from portal.web.app_state import app_state
from portal.web.counters import Event, count
from portal.web.languages import language
from portal.web.unit_of_work import db, now

TOLD = "_told"
"""The input of a page which says that the list is full and nothing on the page is saved."""


class SectionPage:
    """A section's page, or an item's, as a request works on it.

    `part` is what was stored when the request came. The caller sets `form` before the page is shown or stored: with
    what is stored, or with what was sent. "Parked" answers came after the session had ended and are not part of the
    draft yet.
    """

    def __init__(self, opened: OpenDraft, section: Section, item_id: str = PLAIN) -> None:
        self.opened = opened
        self.section = section
        self.part = opened.filled.part(section.id, item_id)
        self.form: SectionForm

    @property
    def address(self) -> str:
        """The address of the page."""
        return self.opened.address(self.section.id, self.part.item_id)

    @property
    def is_outdated(self) -> bool:
        """Whether the sent page showed a version of the form in which this section was different."""
        since_page = self.opened.since_page
        return since_page is not None and since_page.touches(self.section.id)

    @property
    def is_one_too_many(self) -> bool:
        """Whether this would be a new item of a list that another page has filled."""
        if self.section.repeat is None:
            return False
        items = self.opened.filled.items(self.section)
        return self.part not in items and len(items) >= self.section.repeat.max

    def form_of(self, posted: "MultiDict[str, str] | None" = None, only: frozenset[str] | None = None) -> SectionForm:
        """Return the form with what is stored and, for the fields in `only` (None: all), with what was `posted`."""
        opened = self.opened
        filled = opened.filled
        scope = PageScope(definition=opened.definition, answers=filled.answers, typed=filled.typed, today=today())
        return section_form(
            self.section, language=language(), scope=scope, stored=self.part.state, posted=posted, only=only
        )

    def posted(self) -> "MultiDict[str, str]":
        """Return what was sent, under the ids that the fields have now."""
        if self.opened.since_page is None:
            return request.form
        return under_present_ids(self.section, tuple(request.form.items(multi=True)))

    def save(self, *, is_confirmed: bool | None = None) -> int:
        """Store what the form keeps; return the revision. `is_confirmed` None leaves the confirmation as it was."""
        seen = seen_by_page()
        change = PartChange(
            section_id=self.section.id,
            item_id=self.part.item_id,
            state=self.form.kept(),
            is_confirmed=is_confirmed,
            page_id=seen.page_id,
            sequence=seen.sequence,
        )
        return self.opened.store(self.part, change)

    def changed_fields(self) -> tuple[str, ...]:
        """Return the fields in which this page differs from what is stored."""
        return differing(self.part.state, self.form.kept(), tuple(field.id for field in self.section.fields))

    def unseen_fields(self) -> tuple[str, ...]:
        """Return the fields in which a form that was sent whole would undo what it did not know of.

        A later save of its own page may have overtaken it on the way, and that was acknowledged, too.
        """
        return self.changed_fields() if order(self.part, seen_by_page()) is not Order.NEXT else ()

    @property
    def has_something(self) -> bool:
        """Whether something was typed, now or before."""
        kept = self.form.kept()
        return bool(kept.answers or kept.typed or not self.part.is_empty)

    def all_parked(self) -> list[Parked]:
        """Return the parked answers of each tab that showed this page, the latest first."""
        if not self.opened.has_parked:
            return []
        keyring = app_state().configuration.keyring
        return parked_on(db(), keyring, self.address, now=now(), person_id=holder().person_id)

    def parked(self) -> list[Parked]:
        """Return the parked answers that are not saved yet: those that differ from what is stored."""
        return [parked for parked in self.all_parked() if self._says_more(parked)]

    def _says_more(self, parked: Parked) -> bool:
        kept = self.form_with(parked).kept()
        return bool(differing(self.part.state, kept, tuple(field.id for field in self.section.fields)))

    def form_with(self, parked: Parked) -> SectionForm:
        """Return the form with what is stored, and over it the parked answers."""
        only = parked.form.fields
        ids = None if only is None else frozenset(under_present_ids(self.section, tuple((name, "") for name in only)))
        return self.form_of(under_present_ids(self.section, parked.form.pairs), ids)

    def as_stored_now(self) -> "SectionPage":
        """Return the page with what the draft holds after this request's own changes."""
        return SectionPage(self.opened, self.section, self.part.item_id)

    def settle_parked(self) -> list[Parked]:
        """Delete the parked answers that are dealt with; return those of other tabs that the person has yet to see."""
        if not self.opened.has_parked:
            return []
        # Compare with the draft after this request's own save: another tab's answers may have become the stored ones.
        # What this page showed is dealt with whatever was saved, because the person saw it and sent this instead.
        waiting = [parked for parked in self.as_stored_now().parked() if parked.tab != shown_tab()]
        for parked in self.all_parked():
            if parked not in waiting:
                self._keep_parked(parked, None)
        return waiting

    def release_parked(self, saved: frozenset[str], revision: int) -> None:
        """Delete the parked answers to the fields in `saved`, which this page has just saved at `revision`.

        Delete all that this page showed if the rest does not differ from what is stored.
        """
        seen = (("_revision", str(revision)), ("_page", seen_by_page().page_id))
        fields = frozenset(field.id for field in self.section.fields)
        for parked in self.all_parked():
            if parked.tab == shown_tab():
                left = parked.form.without(saved, of=fields, seen=seen)
                if left and not self.as_stored_now()._says_more(replace(parked, form=left)):
                    left = None
                self._keep_parked(parked, left)

    def _keep_parked(self, parked: Parked, left: LateForm | None) -> None:
        """Keep what is left of a parked form; count where all that the page showed of it is saved."""
        if left:
            keep_parked(db(), app_state().configuration.keyring, parked, left)
            return
        forget_parked(db(), parked)
        if parked.tab == shown_tab():
            form_id = self.opened.version.form_id
            count(Event.RESTORED, kind=browser().kind, form=form_id, section=self.section.id)

    def open(self) -> ResponseReturnValue:
        """Show what is stored, and over it what was typed after the session had ended, marked as not sent."""
        parked = next(iter(self.parked()), None) if self.opened.has_parked else None
        self.form = self.form_with(parked) if parked else self.form_of()
        return self.show(parked=parked)

    def show(self, *, status: int = 200, parked: Parked | None = None, is_unsaved: bool = False) -> ResponseReturnValue:
        """Show the page.

        `parked` is what it shows of late answers. `is_unsaved` means that it shows what was posted and that nothing of
        it was stored; status 409 implies this.
        """
        opened, section, part = self.opened, self.section, self.part
        autosave = opened.address("autosave", section.id, part.item_id)
        late = list_files(opened, part, self.form) if self.form.files_fields else []
        page = render_template(
            "drafts/section.html",
            opened=opened,
            section=section,
            item_id=part.item_id,
            form=self.form,
            band=pages.band(opened, section),
            title=pages.part_title(opened, section, part),
            intro=rich_text(section.intro.in_(language())) if section.intro and not section.repeat else None,
            is_out_of_date=status == 409,
            is_other_version=status == 409 and self.is_outdated,
            is_one_too_many=self.is_one_too_many,
            asked=pages.asked_again(section, part) if part.marks else [],
            autosave=autosave,
            hints=pages.hints_of_change(opened, section, part),
            is_parked=parked is not None or bool(late),
            gave_way=parked is not None and parked.gave_way,
            files=f"{autosave}/files" if self.form.files_fields else None,
            ours=self._hidden_inputs(is_unsaved or status == 409, parked, late),
        )
        return page, status

    def _hidden_inputs(self, is_unsaved: bool, parked: Parked | None, late: list[str]) -> dict[str, str]:
        """Return the hidden inputs, with which the page says what it knows when it is sent.

        `late` are the ids of the late files that it shows.
        """
        stored = self.opened.filled.part(self.section.id, self.part.item_id)
        seen = dict(parked.form.seen) if parked else {}
        # An unsaved page keeps the revision that it came with. With the stored one it would look up to date, and its
        # next save would undo, without a conflict, changes that the person has never seen.
        revision = str(seen_by_page().revision if is_unsaved else stored.revision)
        # The same goes for a page that shows late answers, unless the page that sent them also wrote what is stored.
        if seen and seen.get("_page") != stored.page_id:
            revision = seen.get("_revision", revision)
        if is_unsaved and self.is_outdated:
            served = seen_by_page().revision
            # Moving the draft to a new version raises the revision by one. If it rose by more, somebody else saved too,
            # and the page must conflict.
            revision = str(stored.revision if stored.revision - served <= 1 else served)
        left_out = ",".join(self.form.left_out)
        shown = parked.tab if parked else shown_tab() if is_unsaved else None
        return {
            "_revision": revision,
            "_page": new_token()[:PAGE_ID_CHARACTERS],
            "_sequence": "0",
            "_version": str(self.opened.version.number),
            **({LEFT_OUT: left_out} if left_out else {}),
            **({TOLD: "1"} if self.is_one_too_many else {}),
            **({SHOWN: shown} if shown else {}),
            **({LATE: ",".join(late)} if late else {}),
        }


def pages_with_late_answers(opened: OpenDraft) -> list[tuple[SectionPage, list[Parked]]]:
    """Return the pages with late answers that differ from what is stored and can be saved now, and those answers."""
    if not opened.has_parked:
        return []
    places = (page.removeprefix(opened.address()).strip("/").partition("/") for page in opened.parked_pages())
    sections = [(opened.definition.section(section_id), item_id) for section_id, _slash, item_id in places]
    found = [
        SectionPage(opened, section, item_id)
        for section, item_id in sections
        if section and bool(section.repeat) is bool(item_id) and opened.filled.is_open(section)
    ]
    return [(page, parked) for page in found if (parked := page.parked())]
