"""Answer a sent page of a draft: what each of its buttons does."""

from collections.abc import Callable, Mapping

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest

from portal.drafts import pages
from portal.drafts.conflicts import chosen_side, conflict_page, fields_kept_as_mine
from portal.drafts.lookups import filled_form, look_up
from portal.drafts.open_draft import asked_lookup, is_from_check, kept_by, note_visit, with_origin
from portal.drafts.operations import PartChange, bring_back_item, remove_item
from portal.drafts.section_page import TOLD, SectionPage
from portal.drafts.uploads import (
    LATE,
    REMOVE,
    UNDO,
    FilePlace,
    infected_files,
    late_files_shown,
    refuse_files,
)
from portal.form_definitions.definition import SectionState
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.rules import stopped
from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.files import file_entries
from portal.sessions.activity import extend, pressed_button
from portal.sessions.browser_sessions import browser, change_language
from portal.sessions.gate import token_refused
from portal.storage.uploads import Received
from portal.tokens import item_token
from portal.web.addresses import htmx_redirect, is_htmx
from portal.web.app_state import app_state
from portal.web.languages import BUTTON, language
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now


class SentPage(SectionPage):
    """A page of a section, an item or a list, sent with one of its buttons."""

    def require_whole(self) -> None:
        """Answer 400 if the body was cut short or says one thing twice, before anything is stored.

        A page of another version is not checked for repeats, as its fields are not known here; nothing of it is stored.
        """
        require_end_marker()
        many = {field.id for field in self.section.fields if field.type == "choices"}
        if repeated(set(request.form) - many) and not self.is_outdated:
            raise BadRequest("An answer was sent twice.")

    def answer(self, received: Received) -> ResponseReturnValue:
        """Do what the pressed button asks; show the page again, as typed, if that is not possible."""
        # The order matters. First refuse what must not be stored at all. Then store the files, because a browser does
        # not send them twice. Look for conflicts before the buttons do their work, because they store the answers.
        # Settle parked answers last, when what is stored is final.
        self.require_whole()
        self.form = self.form_of(self.posted())
        is_out_of_date = self.is_outdated or token_refused()
        is_refused = is_out_of_date or self.is_one_too_many
        asks_lookup = asked_lookup() is not None
        if is_refused or asks_lookup:
            # The page shows again what was typed, but a browser does not keep the chosen files.
            names = [(upload.field_id, upload.entry.name) for upload in received.uploads]
            refuse_files(self.form, [(field_id, InvalidAnswerError("again", name=name)) for field_id, name in names])
        if asks_lookup:
            return self._look_up()
        if is_refused:
            return self._refuse(is_out_of_date)
        if self.form.files_fields:
            self._take_files(received)
        note_visit(self.opened)
        if BUTTON in request.form and not self.form.errors:
            return self._change_language()
        unseen = self.unseen_fields()
        if unseen:
            return conflict_page(self, unseen)
        if self.form.errors:
            return self._stay_with_problems()
        if self.form.files_fields and _pressed_file():
            return self._leave_settled(f"{with_origin(request.path)}#{_pressed_file()}")
        answer = PAGE_BUTTONS.get(pressed_button() or "", SentPage.go_on)(self)
        self.settle_parked()
        return answer

    def _refuse(self, is_out_of_date: bool) -> ResponseReturnValue:
        """Show the page as it was typed; follow Back from an item without room if its page has said that it is lost."""
        if is_out_of_date:
            return self.show(status=409)
        if pressed_button() == "back" and (TOLD in request.form or not self.has_something):
            return redirect(with_origin(self.opened.address(self.section.id)), 303)
        return self.show(status=422, is_unsaved=True)

    def _take_files(self, received: Received) -> None:
        """Add the files that came with the page, and late ones; remove or bring back one; show why some were refused.

        Files for a question that does not show are kept aside, as its other answers are.
        """
        late = late_files_shown(self.opened, self.address) if LATE in request.form else []
        field_id, _slash, removed = request.form.get(REMOVE, "").partition("/")
        undone = request.form.get(UNDO, "").partition("/")[2]
        if not (late or removed or undone or received.uploads or received.refusals):
            return
        place = FilePlace.of(self.opened, self.section)
        self.part, refused = place.add(self.part, received.uploads)
        self.part, refused_late = place.take_late(self.part, [file for file in late if file.name != removed])
        if removed:
            self.part = place.remove(self.part, field_id, removed)
            for file in late:
                if file.name == removed:
                    place.set_aside(self.part, file)
        self.part, refused_again = place.bring_back(self.part, undone)
        self.opened.note_stored(self.part)
        self.form = self.form_of(self.posted())
        refuse_files(self.form, [*received.refusals, *refused, *refused_late, *refused_again])

    def _stay_with_problems(self) -> ResponseReturnValue:
        """Store everything else and show the page again, whatever was pressed, because a file was not kept."""
        if pressed_button() in (None, "continue") and not _pressed_file():
            self.form.validate()
        self._save_with_problems()
        self.settle_parked()
        return self.show(status=422)

    def _save_with_problems(self) -> None:
        """Store what was typed, unconfirmed; do not make an item in which nothing was typed."""
        if not self.section.repeat:
            self.save(is_confirmed=False)
        elif self.has_something:
            self.save()

    def _change_language(self) -> ResponseReturnValue:
        """Show the same page in another language with all that was typed; if versions conflict, show both."""
        change_language(request.form[BUTTON])
        is_choosing = request.form.get("_action") == "resolve"
        fields = self.changed_fields() if is_choosing else self.unseen_fields()
        return conflict_page(self, fields) if fields else self._leave_settled(with_origin(request.path))

    def _look_up(self) -> ResponseReturnValue:
        """Answer a look-up if the page may be filled in; else show the page again, which a look-up does not store."""
        if self.opened.filled.is_open(self.section):
            return look_up(self)
        return htmx_redirect(self.opened.address(), 200) if is_htmx() else self.show(status=409)

    def _leave(self, target: str) -> ResponseReturnValue:
        """Store what was typed, right or wrong, and go to `target`; do not make an item in which nothing was typed."""
        if self.has_something:
            self.save()
        return redirect(target, 303)

    def _leave_settled(self, target: str) -> ResponseReturnValue:
        answer = self._leave(target)
        self.settle_parked()
        return answer

    def go_on(self) -> ResponseReturnValue:
        """**Continue**: store, and go to the next page; stay if something is wrong."""
        if not self.opened.filled.is_open(self.section):
            return self._leave(self.opened.address())
        for bound in self.form.files_fields:  # a file in which a virus was found after it was kept is no answer
            for entry in file_entries(bound.answer) if self.form.is_shown(bound.short_name) else ():
                if entry.id in infected_files(self.opened):
                    self.form.refuse_file(bound.short_name, InvalidAnswerError("infected.later", name=entry.name))
        if not self.form.validate():
            self._save_with_problems()
            stopped = None if self.section.repeat else self._stop_page()
            return stopped or self.show(status=422)
        self.save(is_confirmed=True)
        if self.settle_parked():
            return redirect(with_origin(request.path), 303)
        if self.section.repeat:
            return redirect(with_origin(self.opened.address(self.section.id)), 303)
        return self._stop_page() or redirect(self._next_address(), 303)

    def _stop_page(self) -> str | None:
        """Return the page that says why the form ends here, if it does; other mistakes on the page no longer matter."""
        stop = stopped(self.section, self.opened.filled.shown) if self.section.stop_when else None
        if stop is None:
            return None
        body = rich_text(stop.body.in_(language())) if stop.body else None
        band = pages.band(self.opened, self.section)
        return render_template("drafts/stop.html", opened=self.opened, band=band, stop=stop, body=body)

    def _next_address(self) -> str:
        """Return the address of the next section, or of the check page.

        From the check page, first lead to a section that the changed answers have opened.
        """
        if is_from_check():
            asked = self.opened.filled.newly_asked()
            return with_origin(self.opened.address(asked.id)) if asked else self.opened.address("check")
        following = self.opened.filled.next_section(self.section)
        return self.opened.address(following.id if following else "check")

    def _address_before(self) -> str:
        if is_from_check():
            return self.opened.address("check")
        previous = self.opened.filled.previous_section(self.section)
        return self.opened.address(previous.id) if previous else self.opened.address()

    def back(self) -> ResponseReturnValue:
        """**Back**: store what was typed and go to the previous page; from an item to its list."""
        is_item = self.section.repeat is not None
        return self._leave(with_origin(self.opened.address(self.section.id)) if is_item else self._address_before())

    def save_for_later(self) -> ResponseReturnValue:
        """**Save and come back later**: store without judging, and show how to come back."""
        answer = self._leave(self._save_page())
        app_state().hooks.draft_saved(self.opened.draft)
        return answer

    def _save_page(self) -> str:
        return self.opened.address("save") if self.opened.can_be_saved else abort(404)

    def stay(self) -> ResponseReturnValue:
        """**Save and stay signed in**: store and extend the session, for browsers without script."""
        _extend_session()
        return self._leave(with_origin(request.path))

    def fill(self) -> ResponseReturnValue:
        """Store what was typed with the chosen look-up result, and show the page at the first filled input."""
        self.form, first_input = filled_form(self)
        return self._leave(f"{with_origin(request.path)}#{first_input}")

    def resolve(self) -> ResponseReturnValue:
        """Store what was chosen of two versions, and show the page with it."""
        fields = self.changed_fields()
        if not all(chosen_side(field) for field in fields):
            return conflict_page(self, fields, status=422)
        self.form = self.form_of(request.form, fields_kept_as_mine(fields))
        return self._leave(with_origin(request.path))


PAGE_BUTTONS: Mapping[str, Callable[[SentPage], ResponseReturnValue]] = {
    "continue": SentPage.go_on,
    "back": SentPage.back,
    "save": SentPage.save_for_later,
    "stay": SentPage.stay,
    "resolve": SentPage.resolve,
    "fill": SentPage.fill,
}


def _pressed_file() -> str:
    """Return the question whose file was to be removed or brought back; empty if another button was pressed."""
    pressed = request.form.get(REMOVE) or request.form.get(UNDO, "")
    return pressed.partition("/")[0]


def _extend_session() -> None:
    live = browser().live()
    if live:
        extend(live)


class SentList(SentPage):
    """The list of a repeat's items, sent with one of its buttons."""

    def answer_list(self) -> ResponseReturnValue:
        """Do what the pressed button asks."""
        self.require_whole()
        if token_refused() or self.is_outdated:
            return show_list(self, status=409)
        note_visit(self.opened)
        if not self.opened.filled.is_open(self.section):
            return redirect(self.opened.address(), 303)
        if request.form.get("_remove"):
            return self.remove(request.form["_remove"])
        if request.form.get("_undo"):
            return self.bring_back(request.form["_undo"])
        return LIST_BUTTONS.get(request.form.get("_action", ""), SentList.confirm)(self)

    def remove(self, item_id: str) -> ResponseReturnValue:
        """**Remove**: take one item out of the list and keep it aside."""
        item = next((each for each in self.opened.filled.items(self.section) if each.item_id == item_id), None)
        if item:
            remove_item(db(), self.opened.draft, item, rules=kept_by(self.opened.definition), now=now())
        return redirect(with_origin(self.address), 303)

    def bring_back(self, item_id: str) -> ResponseReturnValue:
        """**Undo**: put a removed item back into the list, if there is room."""
        item = next((each for each in self.opened.filled.removed_items(self.section) if each.item_id == item_id), None)
        if item is None:
            return redirect(with_origin(self.address), 303)
        if self._is_full:
            return show_list(self, error=_("You cannot add any more."), status=422)
        bring_back_item(db(), self.opened.draft, item, rules=kept_by(self.opened.definition), now=now())
        return redirect(f"{with_origin(self.address)}#item-{item_id}", 303)

    @property
    def _is_full(self) -> bool:
        repeat = self.section.repeat
        return repeat is not None and len(self.opened.filled.items(self.section)) >= repeat.max

    def add(self) -> ResponseReturnValue:
        """**Add**: open the page of a new item, which is stored at its first save."""
        if self._is_full:
            return show_list(self, error=_("You cannot add any more."), status=422)
        return redirect(with_origin(self.opened.address(self.section.id, item_token())), 303)

    def confirm(self) -> ResponseReturnValue:
        """**Continue**: confirm that everyone is listed, and go to the next page."""
        problem = self._problem()
        if problem:
            return show_list(self, error=problem, status=422)
        self.opened.store(self.part, PartChange(section_id=self.section.id, state=SectionState(), is_confirmed=True))
        return self._stop_page() or redirect(self._next_address(), 303)

    def _problem(self) -> str | None:
        least = self.section.repeat.min if self.section.repeat else 0
        if len(self.opened.filled.items(self.section)) < least:
            item = pages.item_word(self.section)
            one = _("Add at least one %(item)s", item=item)
            return one if least == 1 else _("Add every %(item)s: we need at least %(least)s", item=item, least=least)
        troubled = next((item for item in pages.items(self.opened, self.section) if item.has_problem), None)
        return _("Change “%(name)s”: something is missing or wrong", name=troubled.name) if troubled else None

    def back(self) -> ResponseReturnValue:
        """**Back**: go to the previous page."""
        return redirect(self._address_before(), 303)

    def save_for_later(self) -> ResponseReturnValue:
        """**Save and come back later**: show how to come back."""
        target = self._save_page()
        app_state().hooks.draft_saved(self.opened.draft)
        return redirect(target, 303)

    def stay(self) -> ResponseReturnValue:
        """**Save and stay signed in**: extend the session, for browsers without script."""
        _extend_session()
        return redirect(with_origin(request.path), 303)


LIST_BUTTONS: Mapping[str, Callable[[SentList], ResponseReturnValue]] = {
    "continue": SentList.confirm,
    "add": SentList.add,
    "back": SentList.back,
    "save": SentList.save_for_later,
    "stay": SentList.stay,
}


def show_list(page: SectionPage, *, error: str | None = None, status: int = 200) -> ResponseReturnValue:
    """Show the list of a repeat's items; `error` says what is wrong with it as a whole."""
    opened, section = page.opened, page.section
    items = pages.items(opened, section)
    answer = render_template(
        "drafts/items.html",
        opened=opened,
        section=section,
        band=pages.band(opened, section),
        title=section.title.in_(language()),
        intro=rich_text(section.intro.in_(language())) if section.intro else None,
        items=items,
        removed=pages.removed_items(opened, section),
        asked=pages.asked_again(section, page.part),
        with_origin=with_origin,
        add_words=pages.add_words(section, is_first=not items),
        is_optional=section.repeat is not None and section.repeat.min == 0,
        error=error,
        is_out_of_date=status == 409,
        is_other_version=status == 409 and page.is_outdated,
    )
    return answer, status
