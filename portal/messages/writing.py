"""A message being written: what its page sends, what is kept of it, and what keeps it from being sent.

Customers and staff write in the same way. A page of either makes a `Writing`, takes in what was sent, and shows the
`Reply` form again or goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from flask import abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.characters import trimmed
from portal.drafts.open_draft import PAGE_ID_CHARACTERS, seen_by_page
from portal.drafts.rules import Order
from portal.drafts.uploads import REMOVE, UNDO
from portal.form_definitions.types.form_fields import FileView
from portal.messages.definition import FILES, LONGEST_SUBJECT, LONGEST_TEXT
from portal.messages.files import DraftFiles, refusal_text
from portal.messages.models import Message, MessageDraft, Thread
from portal.messages.operations import Author, Desk, locked_draft, order_of, save_draft, send_message
from portal.messages.queries import draft_of, message_with_key
from portal.messages.sealing import Written, open_written, text_of
from portal.sessions.activity import pressed_button
from portal.sessions.browser_sessions import change_language
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import SHOWN, Parked, forget_parked, parked_on
from portal.site_settings.current import clock_time, moment_text
from portal.storage.uploads import Received
from portal.tokens import new_token, token_hash
from portal.web.languages import BUTTON
from portal.web.strict_input import repeated, require_end_marker

LATE = "_late_files"
KEY, SEEN_NUMBER = "_key", "_seen"
TEXTS = ("topic", "subject", "text")
PAGE_KEY_LENGTH = 32
STALE, NEWER, OLD_PAGE = "stale", "newer", "old_page"
"""What kept a message from being sent: it was saved elsewhere, there is a newer message, the page was out of date."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The form in which a message is written, as its page shows it; `hidden` are its own inputs.

    `stopped` is why it was not sent. `other` is what else was written: in another tab, or what is saved where the form
    shows what came too late (`is_parked`).
    """

    address: str
    hidden: Mapping[str, str]
    written: Written
    files: Sequence[FileView]
    removed: Sequence[FileView]
    errors: Mapping[str, str]
    saved: str | None
    is_parked: bool
    stopped: str | None
    other: str | None
    other_moment: str | None
    longest_text: int = LONGEST_TEXT
    longest_subject: int = LONGEST_SUBJECT

    @property
    def error_links(self) -> list[tuple[str, str]]:
        """What to put right, each with the link to its input."""
        return [(f"#{name}", text) for name, text in self.errors.items()]


@dataclass(kw_only=True)
class Writing:
    """What somebody writes in a thread, or to begin one (`thread` None), at the page `address`.

    `shown` is the number of the last message that the page shows, `seen` the one up to which it shows all.
    `generation` tells one message that begins a thread from the next. The thread is locked if the request changes
    something.
    """

    desk: Desk
    thread: Thread | None
    author: Author
    address: str
    shown: int = 0
    seen: int = 0
    generation: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    _stopped: str | None = None
    _typed: Written | None = None
    _other: tuple[str, str] | None = None

    @cached_property
    def draft(self) -> MessageDraft | None:
        """What is stored, without a lock."""
        return draft_of(self.desk.db, self.thread, self.author.holder)

    @cached_property
    def files(self) -> DraftFiles:
        """The files that hang on it."""
        return DraftFiles(
            desk=self.desk,
            thread=self.thread,
            holder=self.author.holder,
            page=self.address,
            person_id=self.author.person_id,
        )

    @cached_property
    def parked(self) -> Parked | None:
        """What came too late from a page of this address and waits to be sent, the latest."""
        person_id = self.author.person_id
        found = parked_on(self.desk.db, self.desk.keyring, self.address, now=self.desk.now, person_id=person_id)
        return next((each for each in found if any(_late(each).values())), None)

    @property
    def stored(self) -> Written:
        """What is stored of the texts."""
        return open_written(self.desk.keyring, self.thread, self.draft)

    # What a page sends

    def autosave(self) -> ResponseReturnValue:
        """Keep what the page saves by itself; answer with the revision, or 409 where another page has saved since."""
        require_end_marker()
        seen, changed = seen_by_page(), frozenset(request.form.get("_changed", "").split(",")) & set(TEXTS)
        if not changed:
            return _saved(self.desk, seen.revision, self.draft.revision if self.draft else 0)
        draft = self._lock()
        before, order = open_written(self.desk.keyring, self.thread, draft), order_of(draft, seen)
        written = replace(before, **{name: _sent_text(name) for name in changed})
        if order is Order.STALE and written != before:
            abort(409)
        if order is not Order.OVERTAKEN:
            save_draft(self.desk, self.thread, draft, written, seen)
        return _saved(self.desk, draft.revision)

    def change_files(self, received: Received) -> ResponseReturnValue:
        """Add, remove or bring back files, as the page does by itself; answer with the question as it is now."""
        require_end_marker()
        self._lock()
        self._take_files(received, late=())
        status = 422 if FILES.id in self.errors else 200
        return render_template("messages/_files.html", reply=self.reply(), saved=clock_time(self.desk.now)), status

    def keep(self, received: Received) -> bool:
        """Keep all that a page has sent, whatever button was pressed; return whether it could be kept.

        Where it could not, the page has to be shown again: it is of an older session, or another page has saved since.
        """
        require_end_marker()
        if repeated({*TEXTS, KEY, SEEN_NUMBER}):
            abort(400)
        if token_refused():
            self._typed, self._stopped = self._sent(), OLD_PAGE
            names = [upload.entry.name for upload in received.uploads]
            if names:
                self.errors[FILES.id] = _("Choose these files again: %(names)s", names=", ".join(names))
            return False
        draft = self._lock()
        seen, sent = seen_by_page(), self._sent()
        before, order = open_written(self.desk.keyring, self.thread, draft), order_of(draft, seen)
        self._take_files(received, late=request.form.get(LATE, "").split(","))
        if order is Order.STALE and sent != before and before != Written():
            self._typed, self._stopped = sent, STALE
            self._other = (before.text, moment_text(draft.changed_at))
            return False
        save_draft(self.desk, self.thread, draft, sent, seen)
        self._forget_parked()
        if BUTTON in request.form:
            change_language(request.form[BUTTON])
        return True

    def _lock(self) -> MessageDraft:
        draft = self.draft = locked_draft(self.desk, self.thread, self.author.holder)
        return draft

    def _sent(self) -> Written:
        """Return what the page holds; what it has no input for stays as it is."""
        return replace(self.stored, **{name: _sent_text(name) for name in TEXTS if name in request.form})

    def _take_files(self, received: Received, *, late: Sequence[str]) -> None:
        removed = request.form.get(REMOVE, "").partition("/")[2]
        self.files.remove(removed)
        refused = [*received.refusals, *self.files.add(received.uploads), *self.files.take_late(late)]
        refused += self.files.bring_back(request.form.get(UNDO, "").partition("/")[2])
        refused += self.files.set_aside()
        if refused:
            self.errors[FILES.id] = " ".join(refusal_text(problem) for _field, problem in refused)

    def _forget_parked(self) -> None:
        tab, person_id = request.form.get(SHOWN), self.author.person_id
        found = parked_on(self.desk.db, self.desk.keyring, self.address, now=self.desk.now, person_id=person_id)
        for parked in found if tab else ():
            if parked.tab == tab:
                forget_parked(self.desk.db, parked)
        self.__dict__.pop("parked", None)

    @property
    def wants_to_send(self) -> bool:
        """Whether the button means to send; any other keeps, and so do the buttons of files and languages."""
        only_keeps = (REMOVE, UNDO, BUTTON)
        return pressed_button() in ("send", "anyway") and not any(name in request.form for name in only_keeps)

    @property
    def page_again(self) -> ResponseReturnValue:
        """Where a button leads that neither sends nor leaves: to the same page."""
        is_file = REMOVE in request.form or UNDO in request.form
        return redirect(f"{request.path}#{FILES.id}" if is_file else request.path, 303)

    # Sending

    @property
    def key(self) -> str:
        """The key of the message that the page sends: of its writer, and of the thread as the page showed it."""
        return token_hash(f"{self.author.holder} {request.form.get(KEY) or new_token()}").hex()

    def sent_before(self) -> tuple[Message, Thread] | None:
        """Return the message that this page has sent already, with these words, and its thread.

        Of two presses at once the second waits here: for the lock of the thread, or of the draft that begins one.
        """
        if self.thread is None:
            self._lock()
        found = message_with_key(self.desk.db, self.key)
        is_same = found is not None and text_of(self.desk.keyring, found[1], found[0]) == trimmed(_sent_text("text"))
        if is_same and self.thread is None and self.draft and not self.draft.revision:
            self.desk.db.delete(self.draft)  # made for the lock alone
        return found if is_same else None

    def judge(self, topics: Sequence[str] | None = None) -> bool:
        """Judge what is stored; return whether it can be sent. `topics` are those offered where it begins a thread."""
        text, problems = trimmed(self.stored.text), dict[str, str]()
        if topics is not None:
            problems |= self._heading_problems(topics)
        if not text:
            problems["text"] = _("Write your message")
        elif len(text) > LONGEST_TEXT:
            problems["text"] = _("Your message must be %(limit)s characters or fewer", limit=f"{LONGEST_TEXT:,}")
        infected = self.files.infected()
        if infected:
            problems[FILES.id] = refusal_text(infected[0])
        self.errors = {**problems, **self.errors}
        if not self.errors and message_with_key(self.desk.db, self.key):
            self._stopped = NEWER  # the key was used for other words: from a tab that was open beside this one
        return not self.errors and not self._stopped

    def _heading_problems(self, topics: Sequence[str]) -> dict[str, str]:
        problems, subject = {}, trimmed(self.stored.subject)
        if self.stored.topic not in topics:
            problems["topic"] = _("Choose what your message is about")
        if not subject:
            problems["subject"] = _("Enter a subject")
        elif len(subject) > LONGEST_SUBJECT:
            problems["subject"] = _("The subject must be %(limit)s characters or fewer", limit=LONGEST_SUBJECT)
        return problems

    def has_missed(self, last: int) -> bool:
        """Return whether the thread has a message, `last`, that the page had not shown; then nothing is sent yet."""
        seen = request.form.get(SEEN_NUMBER, default=0, type=int)
        if last > seen:
            self._stopped = NEWER
        return last > seen

    def send(self, thread: Thread) -> Message:
        """Send what is stored, to a thread that is locked."""
        text = trimmed(self.stored.text)
        return send_message(self.desk, thread, text, author=self.author, key=self.key, written_in=self.thread)

    # The form again

    def reply(self) -> Reply:
        """Return the form as the page shows it: what was typed just now, else what came too late, else what is kept."""
        parked = None if self._typed else self.parked
        shown = self._typed or (replace(self.stored, **_late(parked)) if parked else self.stored)
        other = self._other or (self._beside(parked) if parked else None)
        return Reply(
            address=self.address,
            hidden=self._hidden(parked),
            written=shown,
            files=self.files.shown(f"{self.address}/files"),
            removed=self.files.removed(),
            errors=self.errors,
            saved=clock_time(self.draft.changed_at) if self.draft and self.draft.revision else None,
            is_parked=parked is not None or bool(self.files.late),
            stopped=self._stopped,
            other=other[0] if other else None,
            other_moment=other[1] if other else None,
        )

    def _beside(self, parked: Parked) -> tuple[str, str] | None:
        """Return what is kept beside late words, if the page that sent those had not seen it."""
        seen = dict(parked.form.seen).get("_revision", "0")
        is_known = self.draft is None or str(self.draft.revision) == seen
        if is_known or not self.stored.text or self.draft is None:
            return None
        return self.stored.text, moment_text(self.draft.changed_at)

    def _hidden(self, parked: Parked | None) -> dict[str, str]:
        place = self.thread.reference if self.thread else "new"
        key = token_hash(f"{self.author.holder} {place} {self.shown} {self.generation}").hex()[:PAGE_KEY_LENGTH]
        late = ",".join(file.name for file in self.files.late)
        return {
            KEY: key,
            SEEN_NUMBER: str(self.seen),
            "_revision": str(self.draft.revision if self.draft else 0),
            "_page": new_token()[:PAGE_ID_CHARACTERS],
            "_sequence": "0",
            **({SHOWN: parked.tab} if parked else {}),
            **({LATE: late} if late else {}),
        }


def _sent_text(name: str) -> str:
    """Return a text as it was typed, with the line ends of a stored one."""
    return request.form.get(name, "").replace("\r\n", "\n")


def _late(parked: Parked) -> dict[str, str]:
    """Return the texts of a late form."""
    return {name: value.replace("\r\n", "\n") for name, value in parked.form.pairs if name in asdict(Written())}


def _saved(desk: Desk, revision: int, latest: int | None = None) -> str:
    """Return the fragment that says when the page was saved, which revision it has, and which is the latest."""
    template = current_app.jinja_env.get_template("drafts/_saved.html")
    return template.render(saved=clock_time(desk.now), revision=revision, latest=latest)
