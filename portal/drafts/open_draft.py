"""One draft as a request works on it: found, filled, and closed where it was sent, deleted or has expired."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import NoReturn

from flask import abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.accounts.signed_in import current_person
from portal.drafts.models import Draft
from portal.drafts.operations import Change, clear_marks, move_draft, note_check, save_part
from portal.drafts.queries import fill, find_draft
from portal.drafts.rules import NO_REVISION, Filled, Part, Seen, capped, differing
from portal.drafts.versions.migrating import move
from portal.drafts.versions.newer import NewVersion, differences_since, new_version, under_present_ids
from portal.form_definitions.definition import Drafts, FormDefinition, Section
from portal.form_definitions.forms import PageScope, SectionForm, section_form
from portal.form_definitions.rules import PLAIN
from portal.form_definitions.versions.comparison import Differences
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import definition_of, versions_of
from portal.sessions.activity import pressed_button, warn_of_loss
from portal.sessions.browser_sessions import browser
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import (
    SHOWN,
    Parked,
    forget_parked,
    keep_parked,
    park_late_form,
    parked_on,
    parked_pages,
)
from portal.sessions.operations import Holder
from portal.site_settings.current import clock_time, day_text, local_day, settings, today
from portal.web.addresses import sign_in_page
from portal.web.app_state import app_state
from portal.web.counters import Event, count
from portal.web.languages import language
from portal.web.responses import htmx_redirect, is_htmx
from portal.web.unit_of_work import db, is_safe, now, reading

PAGE_ID_LENGTH = 16
MAX_SEQUENCE = 2**31 - 1


def holder() -> Holder:
    """Who this request's session belongs to: nobody where its person may no longer use the portal."""
    live = browser().live()
    if live is None or (live.person_id and current_person() is None):
        return Holder()
    return Holder(person_id=live.person_id, guest_id=live.guest_id)


def asked_lookup() -> str | None:
    """The look-up that this form asks for, if it does: also where its results were on the page and none was chosen."""
    asked = {"lookup": "_lookup", "fill": "_fill"}.get(pressed_button() or "")
    field_id = request.form.get(asked, "") if asked else None
    return None if asked == "_fill" and request.form.get(f"_found-{field_id}") else field_id


def only_reads() -> bool:
    """Whether this request changes no draft; a look-up waits for others, so it must hold no lock."""
    return is_safe() or asked_lookup() is not None


def drafts_db() -> Session:
    """The database session in which this request finds drafts."""
    return reading() if only_reads() else db()


@dataclass(frozen=True)
class OpenDraft:
    """A draft that the holder of this session may work on; `has_parked` is how it was found, before any change.

    Where a newer version of its form takes the draft along unasked, it reads as moved from then on, and is stored so
    by the first change; `stays` where a page of its own version goes on saving by itself.
    """

    draft: Draft
    has_parked: bool = False
    stays: bool = False

    @property
    def reference(self) -> str:
        """The reference in its addresses."""
        return self.draft.reference

    @cached_property
    def filled(self) -> Filled:
        """The form with what is stored, in the version that the draft is worked on in."""
        if self.newer and self.newer.moves:
            return move(self._stored, self.newer.differences).filled
        return self._stored

    @cached_property
    def _stored(self) -> Filled:
        return fill(drafts_db(), self.draft, app_state().configuration.keyring, today())

    @cached_property
    def newer(self) -> NewVersion | None:
        """The newest version of the form, where the draft is on an older one."""
        return None if self.stays else new_version(drafts_db(), self.draft)

    @cached_property
    def asked_about(self) -> NewVersion | None:
        """The newer version that the draft's person is to decide about."""
        return self.newer if self.newer and self.newer.asks else None

    @cached_property
    def version(self) -> FormVersion:
        """The version of the form that its pages show."""
        return self.newer.newest if self.newer and self.newer.moves else self.draft.version

    def move(self) -> None:
        """Put the draft on the newest version for good."""
        if self.newer:
            after = move(self._stored, self.newer.differences).filled
            keyring = app_state().configuration.keyring
            move_draft(db(), self.draft, self.newer.newest, self._stored, after, keyring=keyring)
            self.__dict__.update(filled=after, version=self.newer.newest, newer=None, asked_about=None)

    @property
    def definition(self) -> FormDefinition:
        """The form's version."""
        return self.filled.definition

    @property
    def is_guest(self) -> bool:
        """Whether no account keeps this draft."""
        return self.draft.person_id is None

    @property
    def can_be_saved(self) -> bool:
        """Whether the person can leave and come back: by an account, or where the form allows saving."""
        return self.definition.allow_save or not self.is_guest

    @property
    def is_resumed(self) -> bool:
        """Whether the person has come back: this session began after the last change."""
        live = browser().live()
        return live is not None and self.draft.answered_at is not None and self.draft.changed_at < live.started_at

    def address(self, *parts: str) -> str:
        """The address of the draft or of something in it."""
        return "/".join(("/drafts", self.reference, *filter(None, parts)))

    def section(self, section_id: str) -> Section:
        """The section of this id; one of an earlier version leads to the task list, unknown ones are not found."""
        return self.definition.section(section_id) or self._former_section(section_id)

    def _former_section(self, section_id: str) -> NoReturn:
        versions = versions_of(drafts_db(), self.version.slug)
        if not any(definition_of(version).section(section_id) for version in versions):
            abort(404)
        abort(409 if is_htmx() else redirect(self.address(), 302 if is_safe() else 303))

    def is_one_too_many(self, section: Section, part: Part) -> bool:
        """Whether this would be a new item of a list that is full, as another page has filled it."""
        items = self.filled.items(section) if section.repeat else ()
        return section.repeat is not None and part not in items and len(items) >= section.repeat.max

    def form(
        self,
        section: Section,
        part: Part,
        posted: "MultiDict[str, str] | None" = None,
        only: frozenset[str] | None = None,
    ) -> SectionForm:
        """The form of a section or item, as stored or as posted."""
        scope = PageScope(definition=self.definition, answers=self.filled.answers, today=today())
        return section_form(section, language=language(), scope=scope, stored=part.state, posted=posted, only=only)

    def parked(self, section: Section, part: Part) -> list[Parked]:
        """What was typed in each tab of this page after its session had ended, and is not saved yet, the latest first.

        What says nothing else than what is stored counts as saved.
        """
        return [parked for parked in self._all_parked(part) if self._says_more(section, part, parked)]

    def _all_parked(self, part: Part) -> list[Parked]:
        if not self.has_parked:
            return []
        keyring, page = app_state().configuration.keyring, self.address(part.section_id, part.item_id)
        return parked_on(db(), keyring, page, now=now(), person_id=holder().person_id)

    def _says_more(self, section: Section, part: Part, parked: Parked) -> bool:
        kept = self.shown_form(section, part, parked).kept()
        return bool(differing(part.state, kept, tuple(field.id for field in section.fields)))

    def shown_form(self, section: Section, part: Part, parked: Parked | None) -> SectionForm:
        """The form of a page as it is opened: what is stored, under what was typed too late."""
        if parked is None:
            return self.form(section, part)
        only = parked.form.fields
        ids = None if only is None else frozenset(under_present_ids(section, tuple((name, "") for name in only)))
        return self.form(section, part, posted=under_present_ids(section, parked.form.pairs), only=ids)

    def way_on(self) -> str:
        """Where work is left: what was typed too late, else the first unfinished section, else the check page."""
        section = self.filled.first_unfinished()
        return next(iter(self.parked_pages()), self.address(section.id if section else "check"))

    def way_back(self) -> str:
        """Where somebody who comes back lands: where work is left, but to decide about a new version of the form first.

        The task list asks them; what was typed too late goes before all.
        """
        waiting = self.parked_pages()
        return self.address() if self.asked_about and not waiting else self.way_on()

    def parked_pages(self) -> list[str]:
        """The pages that hold something typed too late, the latest first."""
        return parked_pages(db(), self.address(), now=now())

    @cached_property
    def _since_page(self) -> Differences | None:
        """What differs between the version that the sent page showed and the draft's."""
        return differences_since(drafts_db(), self.draft, page_version())

    def is_outdated(self, section: Section) -> bool:
        """Whether the page that was sent shows a version of the form in which this section was different."""
        return self._since_page is not None and self._since_page.touches(section.id)

    @property
    def is_of_other_version(self) -> bool:
        """Whether the page that was sent shows a version of the form that said anything else."""
        return self._since_page is not None and bool(self._since_page.changes)

    def posted(self, section: Section) -> "MultiDict[str, str]":
        """What was sent, under the ids that the fields bear now."""
        if self._since_page is None:
            return request.form
        return under_present_ids(section, tuple(request.form.items(multi=True)))

    def settle_parked(self, section: Section, before: Part) -> list[Parked]:
        """Let go of what this page showed or the draft now holds; gives what other tabs left, still to be seen."""
        part = self.filled.part(before.section_id, before.item_id)
        waiting = [parked for parked in self.parked(section, part) if parked.tab != shown_tab()]
        for parked in self._all_parked(part):
            if parked not in waiting:
                forget_parked(db(), parked)
                self._count_restored(section, parked)
        return waiting

    def _count_restored(self, section: Section, parked: Parked) -> None:
        """Count that what came too late was seen again and is saved."""
        if parked.tab == shown_tab():
            count(Event.RESTORED, kind=browser().kind, form=self.version.form_id, section=section.id)

    def release_parked(self, section: Section, part: Part, saved: frozenset[str], revision: int) -> None:
        """Let go of the parked fields that this page has just saved by itself; of all, where the rest says no more."""
        seen = (("_revision", str(revision)), ("_page", seen_by_page().page_id))
        fields = frozenset(field.id for field in section.fields)
        for parked in self._all_parked(part):
            if parked.tab == shown_tab():
                left = parked.form.without(saved, of=fields, seen=seen)
                stored = self.filled.part(part.section_id, part.item_id)
                if left and self._says_more(section, stored, replace(parked, form=left)):
                    keep_parked(db(), app_state().configuration.keyring, parked, left)
                else:
                    forget_parked(db(), parked)
                    self._count_restored(section, parked)

    def took(self, part: Part) -> None:
        """Go on with a part that was stored beside the form, as files are."""
        self.__dict__["filled"] = self.filled.with_part(part)

    def save(self, part: Part, form: SectionForm, *, is_confirmed: bool | None = None) -> int:
        """Store what the form keeps; gives the revision."""
        seen = seen_by_page()
        change = Change(
            section_id=part.section_id,
            item_id=part.item_id,
            state=form.kept(),
            is_confirmed=is_confirmed,
            page_id=seen.page_id,
            sequence=seen.sequence,
        )
        return self.store(part, change)

    def store(self, part: Part, change: Change) -> int:
        """Store one change; gives the revision. What is judged afterwards is judged with it."""
        keyring = app_state().configuration.keyring
        if self.draft.language != language():
            self.draft.language = language()
        rules = kept_by(self.definition)
        revision = save_part(db(), self.draft, part, change, rules=rules, keyring=keyring, now=now())
        confirmed = part.is_confirmed if change.is_confirmed is None else change.is_confirmed
        stored = replace(
            part,
            state=change.state,
            revision=revision,
            is_confirmed=confirmed,
            changed_at=now(),
            page_id=change.page_id,
            sequence=change.sequence,
        )
        self.__dict__["filled"] = self.filled.with_part(stored)
        if change.is_confirmed:
            self._continue_through(stored)
        return revision

    def _continue_through(self, part: Part) -> None:
        """Continue settles what a new version of the form asked; on the list of a repeat, for all of its items."""
        done = [
            each
            for each in self.filled.parts
            if each.marks and each.section_id == part.section_id and part.item_id in (PLAIN, each.item_id)
        ]
        clear_marks(db(), self.draft, done)
        for each in done:
            self.__dict__["filled"] = self.filled.with_part(replace(each, marks={}))


def kept_by(definition: FormDefinition) -> Drafts:
    """The rules by which this installation keeps drafts of a form."""
    return capped(definition.drafts, settings().draft_most_days)


def seen_by_page() -> Seen:
    """What the page that sent this form knew; the hidden inputs of the form say it."""
    return Seen(
        revision=request.form.get("_revision", default=NO_REVISION, type=int),
        page_id=request.form.get("_page", "")[:PAGE_ID_LENGTH],
        sequence=max(0, min(request.form.get("_sequence", default=0, type=int), MAX_SEQUENCE)),
    )


def shown_tab() -> str | None:
    """The tab whose parked values the page that sent this form shows, if any."""
    return request.form.get(SHOWN)


def page_version() -> int | None:
    """The number of the form's version that the page which sent this form showed, if it says so."""
    return request.form.get("_version", type=int)


def open_draft(reference: str, *, by_itself: bool = False) -> OpenDraft:
    """The draft of this reference if the session's holder may open it; to all others it does not exist.

    A page that somebody else opened in this browser, and that is sent now, is refused as such. A draft that goes to a
    new version unasked does so at the first request that changes something, unless a page saves `by_itself`.
    """
    found = find_draft(drafts_db(), reference, holder(), now=now(), locked=not only_reads())
    if found is None:
        _not_found()
    stays = by_itself and page_version() == found.version.number
    opened = OpenDraft(found, has_parked=found.has_parked, stays=stays)
    if not only_reads() and opened.newer and opened.newer.moves and not closed_on(found):
        opened.move()
    if found.sent_at is None and not opened.can_be_saved:
        warn_of_loss()
    return opened


def _not_found() -> NoReturn:
    """Somebody else's draft does not exist; one that was the guest's own until an account took it is said to be."""
    live = browser().live()
    parked = park_late_form(live) if live and not is_safe() and not token_refused() else None
    if parked is None:
        abort(403 if token_refused() else 404)
    if is_htmx():
        abort(htmx_redirect(sign_in_page(parked.page), 401))
    abort(make_response(render_template("drafts/claimed.html", next=parked.page), 403))


def closed_on(draft: Draft) -> datetime | None:
    """When an unsent draft was deleted, or expired; None where it can be filled."""
    return draft.deleted_at or (draft.expires_at if draft.expires_at <= now() else None)


def closed_page(opened: OpenDraft) -> ResponseReturnValue | None:
    """The page of a draft that can no longer be filled, or None where it can."""
    draft = opened.draft
    if is_htmx() and (draft.sent_at or draft.deleted_at or draft.expires_at <= now()):
        return htmx_redirect(opened.address(), 200)
    if draft.sent_at:
        return render_template(
            "drafts/sent.html",
            draft=draft,
            title=opened.definition.title.in_(language()),
            sent_on=day_text(local_day(draft.sent_at)),
            sent_time=clock_time(draft.sent_at),
        )
    gone = closed_on(draft)
    if gone is None:
        return None
    return render_template("drafts/deleted.html", deleted_on=day_text(local_day(gone))), 410


def require_open(opened: OpenDraft) -> None:
    """Go on with a draft that can be filled; the page of one that can not is the answer."""
    closed = closed_page(opened)
    if closed:
        abort(make_response(closed))


def is_from_check() -> bool:
    """Whether this page was opened from the check page, to which it leads back."""
    return request.args.get("from") == "check"


def from_check(opened: OpenDraft, *place: str) -> str:
    """The address of a section or an item, as the check page gives it: with what has been seen by then."""
    return f"{opened.address(*place)}?from=check&seen={opened.draft.edits}"


def with_origin(address: str) -> str:
    """The address with the way back to the check page, where this page has it."""
    if not is_from_check():
        return address
    seen = request.args.get("seen", type=int)
    return f"{address}?from=check" if seen is None else f"{address}?from=check&seen={seen}"


def note_visit(opened: OpenDraft) -> None:
    """Remember that the check page was seen, as the page says that was opened from it."""
    seen = request.args.get("seen", type=int)
    if is_from_check() and seen is not None:
        note_check(opened.draft, seen)
