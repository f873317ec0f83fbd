"""One draft as a request works on it: found, read, and closed if it was sent, was deleted or has expired."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import NoReturn

from flask import Response, abort, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from portal.accounts.signed_in import current_person
from portal.drafts.addresses import note_answered_address
from portal.drafts.models import Draft
from portal.drafts.operations import PartChange, clear_marks, move_draft, note_check, save_part
from portal.drafts.queries import WholeDraft, fill, find_draft, newer_versions
from portal.drafts.rules import NO_REVISION, Filled, Part, Seen
from portal.drafts.sealing import RETURN_CODE, open_text
from portal.drafts.versions.migrating import move
from portal.drafts.versions.newer import NewVersion
from portal.form_definitions.definition import Drafts, FormDefinition, Section
from portal.form_definitions.rules import PLAIN
from portal.form_definitions.versions.comparison import Differences
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import (
    definition_of,
    differences,
    numbered_version,
    versions_between,
    versions_of,
)
from portal.sessions.activity import pressed_button, warn_of_loss
from portal.sessions.browser_sessions import browser
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import SHOWN, park_late_form, parked_pages
from portal.sessions.operations import Holder
from portal.site_settings.current import clock_time, day_text, local_day, settings, today
from portal.tokens import new_token
from portal.web.addresses import htmx_redirect, is_htmx, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER
from portal.web.languages import language
from portal.web.unit_of_work import db, is_safe, now, reading

PAGE_ID_CHARACTERS = 16
MAX_SEQUENCE = 2**31 - 1


def holder() -> Holder:
    """Return the person or guest of this request's session; nobody if the person may no longer use the portal."""
    live = browser().live()
    if live is None or (live.person_id and current_person() is None):
        return Holder()
    return Holder(person_id=live.person_id, guest_id=live.guest_id)


def holder_or_new_guest() -> Holder:
    """Return the holder of this request's session, else a new guest in a session that opens now."""
    current = holder()
    if current.person_id or current.guest_id:
        return current
    guest = Holder(guest_id=new_token())
    browser().open(CUSTOMER, guest)
    return guest


def asked_lookup() -> str | None:
    """Return the id of the look-up that this form asks for.

    Pressing the button that fills in a result counts as asking again if no result was chosen.
    """
    asked = {"lookup": "_lookup", "fill": "_fill"}.get(pressed_button() or "")
    field_id = request.form.get(asked, "") if asked else None
    return None if asked == "_fill" and request.form.get(f"_found-{field_id}") else field_id


class OpenDraft:
    """A draft that the holder of this session may work on.

    `has_parked` is read before any change: whether late answers wait to be taken. If a newer version of the form takes
    the draft without asking, the draft is read as moved and the first change stores it so. With `stays` it is read in
    its own version, because a page of that version still saves itself. `whole` is what was read of it with others.
    """

    def __init__(
        self, draft: Draft, *, found_in: Session | None = None, stays: bool = False, whole: WholeDraft | None = None
    ) -> None:
        self.draft = draft
        self.reference = draft.reference
        self.db = found_in or db()
        self.has_parked = draft.has_parked
        is_newest = draft.newest_number == draft.version.number
        is_kept = is_newest or stays or draft.sent_at or draft.deleted_at
        versions = () if is_kept else whole.newer if whole else newer_versions(self.db, [draft])[draft.id]
        self._rows = whole.parts if whole else None
        self.newer = NewVersion(draft, versions) if versions else None
        """The newest version of the form, if the draft is on an older one."""
        self.version: FormVersion = self.newer.newest if self.newer and self.newer.moves else draft.version
        """The version of the form that its pages show."""
        self.definition: FormDefinition = definition_of(self.version)
        self._filled: Filled | None = None

    @property
    def filled(self) -> Filled:
        """The form with its stored answers, in the version that the pages show; read at the first use."""
        if self._filled is None:
            stored = fill(self.db, self.draft, app_state().configuration.keyring, today(), self._rows)
            self._filled = move(stored, self.newer.differences).filled if self.newer and self.newer.moves else stored
        return self._filled

    @property
    def asked_about(self) -> NewVersion | None:
        """The newer version that the person has to decide about."""
        return self.newer if self.newer and self.newer.asks else None

    def move(self) -> None:
        """Move the draft to the newest version for good."""
        if self.newer:
            keyring = app_state().configuration.keyring
            stored = fill(self.db, self.draft, keyring, today())
            self._filled = move(stored, self.newer.differences).filled
            self.version, self.definition = self.newer.newest, self._filled.definition
            move_draft(db(), self.draft, self.version, stored, self._filled, keyring=keyring)
            self.newer = None

    @property
    def is_guest(self) -> bool:
        """Whether the draft belongs to no account."""
        return self.draft.person_id is None

    @property
    def return_code(self) -> str | None:
        """The code that opens a guest's draft together with its reference, as people copy it; None if it has none."""
        if not self.is_guest:
            return None
        code = open_text(app_state().configuration.keyring, self.draft.id, RETURN_CODE, self.draft.return_code)
        return f"{code[:4]} {code[4:]}" if code else None

    @property
    def can_be_saved(self) -> bool:
        """Whether the person can leave and come back: with an account, or because the form allows saving."""
        return self.draft.person_id is not None or self.definition.allow_save

    def says_kept(self, section: Section | None = None, item_id: str = PLAIN) -> bool:
        """Return whether a page tells a person who has come back that we kept what they typed.

        They have come back if this session began after the last change. The page of a section tells so only if it holds
        some of it, or if it is where to go on.
        """
        live = browser().live()
        if live is None or self.draft.answered_at is None or self.draft.changed_at >= live.started_at:
            return False
        kept = [part for part in self.filled.parts if not part.is_empty]
        if section is None or not kept:
            return bool(kept)
        here = [part for part in kept if part.section_id == section.id and item_id in (PLAIN, part.item_id)]
        return bool(here) or self.continue_address() == self.address(section.id, item_id)

    @property
    def is_closed(self) -> bool:
        """Whether the draft can no longer be filled: it was sent, deleted or has expired."""
        return bool(self.draft.sent_at or self.draft.deleted_at) or self.draft.expires_at <= now()

    def address(self, *parts: str) -> str:
        """Return the address of the draft, or of a page in it."""
        return "/".join(("/drafts", self.reference, *filter(None, parts)))

    def section(self, section_id: str) -> Section:
        """Return the section with this id.

        Redirect to the task list if only another version has it; answer 404 if none has.
        """
        found = self.definition.section(section_id)
        if found is not None:
            return found
        versions = versions_of(self.db, self.version.slug)
        if not any(definition_of(version).section(section_id) for version in versions):
            abort(404)
        abort(409 if is_htmx() else redirect(self.address(), 302 if is_safe() else 303))

    def continue_address(self) -> str:
        """Return where to go on: the page with the latest late answers, else the first unfinished section or Check."""
        section = self.filled.first_unfinished()
        late = filter(self._can_be_opened, self.parked_pages())
        return next(late, self.address(section.id if section else "check"))

    def _can_be_opened(self, page: str) -> bool:
        """Return whether a page with late answers is one that can be filled in now; others lead to the task list."""
        section = self.definition.section(page.removeprefix(f"{self.address()}/").partition("/")[0])
        return section is not None and self.filled.is_open(section)

    def return_address(self) -> str:
        """Return where a person who comes back starts.

        This is the page with late answers, else the task list if they have to decide about a new version, else where to
        go on.
        """
        waiting = any(map(self._can_be_opened, self.parked_pages()))
        return self.address() if self.asked_about and not waiting else self.continue_address()

    def parked_pages(self) -> list[str]:
        """Return the addresses of the pages with late answers, the latest first."""
        return parked_pages(db(), self.address(), now=now())

    @cached_property
    def since_page(self) -> Differences | None:
        """What changed from the version that the sent page showed to the draft's; None if they are the same."""
        number = request.form.get("_version", type=int)
        if number is None or number == self.draft.version.number:
            return None
        page = numbered_version(self.db, self.draft.version.slug, number)
        if page is None:
            return None
        return differences(page, self.draft.version, versions_between(self.db, page, self.draft.version))

    @property
    def is_of_other_version(self) -> bool:
        """Whether the sent page showed a version of the form that differs from the draft's."""
        return self.since_page is not None and bool(self.since_page.changes)

    def store(self, part: Part, change: PartChange) -> int:
        """Store one change of `part`, which is the part before the change; return its revision.

        Later reads in this request see the change. A confirming change also clears what a new version of the form asked
        of the part or, on the list of a repeat, of all its items.
        """
        if self.draft.language != language():
            self.draft.language = language()
        keyring = app_state().configuration.keyring
        if change.state != part.state:
            note_answered_address(self.draft, part.section_id, part.state, change.state)
        stored = save_part(db(), self.draft, part, change, rules=kept_by(self.definition), keyring=keyring, now=now())
        self.note_stored(stored)
        if change.is_confirmed:
            parts = (each for each in self.filled.parts if each.section_id == part.section_id and each.marks)
            settled = [each for each in parts if part.item_id in (PLAIN, each.item_id)]
            if settled:
                clear_marks(db(), self.draft, settled)
            for each in settled:
                self.note_stored(replace(each, marks={}))
        return stored.revision

    def note_stored(self, part: Part) -> None:
        """Use a part that has just been stored from now on in this request."""
        parts = {(each.section_id, each.item_id): each for each in self.filled.parts}
        parts[part.section_id, part.item_id] = part
        self._filled = replace(self.filled, parts=tuple(parts.values()))


def kept_by(definition: FormDefinition) -> Drafts:
    """Return the draft rules of a form, with `keep_days` limited by the site setting `draft_most_days`."""
    rules = definition.drafts
    return replace(rules, keep_days=min(rules.keep_days, settings().draft_most_days))


def seen_by_page() -> Seen:
    """Return what the page that sent this form knew, from its hidden inputs."""
    return Seen(
        revision=request.form.get("_revision", default=NO_REVISION, type=int),
        page_id=request.form.get("_page", "")[:PAGE_ID_CHARACTERS],
        sequence=max(0, min(request.form.get("_sequence", default=0, type=int), MAX_SEQUENCE)),
    )


def shown_tab() -> str | None:
    """Return the tab whose late answers the page that sent this form shows, if any."""
    return request.form.get(SHOWN)


def open_draft(reference: str, *, by_itself: bool = False) -> OpenDraft:
    """Return the draft with this reference if the session's holder may open it; answer 404 to all others.

    Answer 403 to a page that somebody else opened in this browser. A draft that moves to a new version without asking
    is moved by the first request that changes something, unless a page is saving `by_itself`. Requests that change
    nothing take no lock; a look-up is one of them, because it waits for another service.
    """
    only_reads = is_safe() or token_refused() or asked_lookup() is not None
    found_in = reading() if only_reads else db()
    found = find_draft(found_in, reference, holder(), now=now(), locked=not only_reads)
    if found is None:
        _not_found()
    stays = by_itself and request.form.get("_version", type=int) == found.version.number
    opened = OpenDraft(found, found_in=found_in, stays=stays)
    if not only_reads and opened.newer and opened.newer.moves and not opened.is_closed:
        opened.move()
    if found.sent_at is None and not opened.can_be_saved:
        warn_of_loss()
    return opened


def _not_found() -> NoReturn:
    """Answer that the draft does not exist; tell a guest whose draft an account has claimed, and keep their answers."""
    live = browser().live()
    parked = park_late_form(live) if live and not is_safe() and not token_refused() else None
    if parked is None:
        abort(403 if token_refused() else 404)
    if is_htmx():
        abort(htmx_redirect(sign_in_page(parked.page), 401))
    abort(make_response(render_template("drafts/claimed.html", next=parked.page), 403))


def require_open(opened: OpenDraft) -> None:
    """Go on with a draft that can be filled; one that was sent, deleted or has expired is answered with its page."""
    if opened.is_closed:
        abort(htmx_redirect(opened.address(), 200) if is_htmx() else closed_page(opened))


def closed_page(opened: OpenDraft, words: Sequence[object] = ()) -> Response:
    """Return the page of a draft that was sent, was deleted or has expired, with `words` that came too late."""
    draft = opened.draft
    if draft.sent_at is None:
        closed_on = day_text(local_day(draft.deleted_at or draft.expires_at))
        return make_response((render_template("drafts/deleted.html", deleted_on=closed_on, words=words), 410))
    page = render_template(
        "drafts/sent.html",
        draft=draft,
        title=opened.definition.title.in_(language()),
        sent_on=day_text(local_day(draft.sent_at)),
        sent_time=clock_time(draft.sent_at),
        words=words,
    )
    return make_response(page)


def is_from_check() -> bool:
    """Return whether this page was opened from the check page and leads back to it."""
    return request.args.get("from") == "check"


def from_check(opened: OpenDraft, *place: str) -> str:
    """Return the address of a section or item as the check page links it, with the edits that the person has seen."""
    return f"{opened.address(*place)}?from=check&seen={opened.draft.edits}"


def with_origin(address: str) -> str:
    """Return the address with the way back to the check page, if this page has one."""
    if not is_from_check():
        return address
    seen = request.args.get("seen", type=int)
    return f"{address}?from=check" if seen is None else f"{address}?from=check&seen={seen}"


def note_visit(opened: OpenDraft) -> None:
    """Remember what the person has seen on the check page, if this page was opened from it."""
    seen = request.args.get("seen", type=int) if is_from_check() else None
    if seen is not None:
        note_check(opened.draft, seen)
