"""What a signer types before they sign: the answers to their own questions, and their name."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from flask import abort, current_app, request
from werkzeug.datastructures import MultiDict

from portal.drafts.open_draft import PAGE_ID_CHARACTERS, seen_by_page
from portal.drafts.rules import Order, Seen
from portal.form_definitions.definition import Answer, Section, SectionState, Typed
from portal.form_definitions.forms import LEFT_OUT, PageScope, SectionForm, section_form
from portal.form_definitions.types.form_fields import Posted
from portal.sessions.late_forms import SHOWN, Parked, forget_parked, parked_on
from portal.signing.models import SigningDraft
from portal.signing.opened import CONFIRM_PAGE, QUESTIONS_PAGE, OpenInvitation
from portal.signing.sealing import open_in_invitation, seal_in_invitation
from portal.site_settings.current import clock_time, today
from portal.submissions.answers import AnsweredSection
from portal.tokens import new_token
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now

NAME, WRITTEN = "name", "written"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a signer has typed and not signed yet; `typed` is what is no valid answer, by input name."""

    name: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    typed: Typed = field(default_factory=dict)


class Writing:
    """What the signer of an invitation has typed, as a request shows or changes it."""

    def __init__(self, opened: OpenInvitation) -> None:
        self.opened = opened
        self._keyring = app_state().configuration.keyring

    @cached_property
    def draft(self) -> SigningDraft | None:
        """What is stored; whoever changes it has locked the invitation."""
        return db().get(SigningDraft, self.opened.invitation.id)

    @property
    def stored(self) -> Written:
        """What is stored, opened."""
        if self.draft is None:
            return Written()
        invitation, sealed = self.opened.invitation, self.draft.sealed
        return Written(
            **json.loads(open_in_invitation(self._keyring, self.opened.reference, invitation, WRITTEN, sealed))
        )

    @property
    def revision(self) -> int:
        """The number of the last change of answers."""
        return self.draft.revision if self.draft else 0

    @property
    def saved(self) -> str | None:
        """When something was saved last, as a clock time."""
        return clock_time(self.draft.changed_at) if self.draft else None

    def form_of(self, posted: Posted | None = None, only: Collection[str] | None = None) -> SectionForm:
        """Return the signer's own questions with what is stored and, for the fields in `only`, what was `posted`."""
        stored = self.stored
        scope = PageScope(definition=self.opened.whole, answers=self.opened.answers, today=today())
        state = SectionState(answers=stored.answers, typed=stored.typed)
        return section_form(self._section, language=language(), scope=scope, stored=state, posted=posted, only=only)

    @property
    def _section(self) -> Section:
        return self.opened.asked or abort(404)

    @property
    def answers(self) -> Mapping[str, Answer]:
        """The answers that count now: those to questions that show."""
        if self.opened.asked is None:
            return {}
        form = self.form_of()
        shown = ((name, bound.answer) for name, bound in form.all_fields.items() if form.is_shown(name))
        return {name: answer for name, answer in shown if answer is not None}

    @property
    def own_section(self) -> AnsweredSection | None:
        """The signer's own answers as they read; None where they are asked nothing."""
        return self.opened.own_section(self.answers) if self.opened.asked else None

    @property
    def is_complete(self) -> bool:
        """Whether every question that shows is answered as it has to be."""
        return self.opened.asked is None or self.form_of().validate()

    def order(self, seen: Seen) -> Order:
        """Return how a page that sends something relates to what is stored."""
        if self.draft and self.draft.page_id == seen.page_id and seen.page_id:
            return Order.OVERTAKEN if seen.sequence < self.draft.sequence else Order.NEXT
        return Order.NEXT if seen.revision == self.revision else Order.STALE

    def save_answers(self, form: SectionForm) -> int:
        """Keep what the signer's own questions hold, valid or not; return the revision."""
        kept, seen, is_other = form.kept(), seen_by_page(), self._differs(form)
        if self.draft is None and not is_other:
            return self.revision
        draft = self._own_draft()
        draft.page_id, draft.sequence = seen.page_id, seen.sequence
        if is_other:
            draft.revision += 1
            self._seal(draft, replace(self.stored, answers=kept.answers, typed=kept.typed))
        return draft.revision

    def save_name(self, name: str) -> None:
        """Keep the typed name; the last one counts, from whichever page it came."""
        before = self.stored
        if before.name != name:
            self._seal(self._own_draft(), replace(before, name=name))

    def _own_draft(self) -> SigningDraft:
        draft = self.draft
        if draft is None:
            own = self.opened.invitation.id
            draft = SigningDraft(invitation_id=own, revision=0, page_id="", sequence=0, sealed=b"", changed_at=now())
            db().add(draft)
        return draft

    def _seal(self, draft: SigningDraft, written: Written) -> None:
        plain = json.dumps(asdict(written), ensure_ascii=False, default=dict)
        public_id = self.opened.invitation.public_id
        draft.sealed = seal_in_invitation(self._keyring, self.opened.reference, public_id, WRITTEN, plain)
        draft.changed_at = now()
        db().flush()
        self.draft = draft

    # What pages save by themselves

    def autosave_answers(self) -> str:
        """Keep the questions that a page names; 409 where another page has saved other answers since."""
        require_end_marker()
        seen, changed = seen_by_page(), _changed()
        form = self.form_of(request.form, changed)
        if not changed:
            return _saved(seen.revision, self.revision)
        found = self.order(seen)
        if found is Order.STALE and self._differs(form):
            abort(409)
        if found is Order.OVERTAKEN:
            return _saved(self.revision)
        return _saved(self.save_answers(form))

    def _differs(self, form: SectionForm) -> bool:
        kept, before = form.kept(), self.stored
        return (dict(kept.answers), _plain(kept.typed)) != (dict(before.answers), _plain(before.typed))

    def is_stale(self, form: SectionForm) -> bool:
        """Return whether a form that was sent whole would undo what its page did not know of."""
        return self.order(seen_by_page()) is not Order.NEXT and self._differs(form)

    def autosave_name(self) -> str:
        """Keep the name as it is typed."""
        require_end_marker()
        if NAME in _changed():
            self.save_name(request.form.get(NAME, ""))
        return _saved(self.revision, self.revision)

    # What came after the end

    def late_answers(self) -> Parked | None:
        """Return what a page of questions brought too late, if it differs from what is stored."""
        late = self._late(QUESTIONS_PAGE)
        return late if late and self._differs(self.form_with(late)) else None

    def form_with(self, late: Parked) -> SectionForm:
        """Return the form with what is stored, and over it what came too late."""
        return self.form_of(MultiDict(late.form.pairs), late.form.fields)

    def late_name(self) -> str | None:
        """Return the name that came too late; None where none did."""
        late = self._late(CONFIRM_PAGE)
        return dict(late.form.pairs).get(NAME) if late else None

    def _late(self, page: str) -> Parked | None:
        address = parked_address(self.opened, page)
        return next(iter(parked_on(db(), self._keyring, address, now=now(), person_id=None)), None)

    def settle(self, page: str) -> None:
        """Forget what came too late from a page: it has been sent again."""
        for late in parked_on(db(), self._keyring, parked_address(self.opened, page), now=now(), person_id=None):
            forget_parked(db(), late)

    def hidden(self, form: SectionForm | None = None, late: Parked | None = None) -> dict[str, str]:
        """Return the hidden inputs with which a page says what it knows."""
        left_out = ",".join(form.left_out) if form else ""
        return {
            "_revision": str(self.revision),
            "_page": new_token()[:PAGE_ID_CHARACTERS],
            "_sequence": "0",
            **({LEFT_OUT: left_out} if left_out else {}),
            **({SHOWN: late.tab} if late else {}),
        }


def parked_address(opened: OpenInvitation, page: str) -> str:
    """Return the address under which late values of a signer's page wait."""
    return f"{opened.late_place}/{page.rpartition('/')[2]}"


def _plain(typed: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {name: {each: list(values) for each, values in inputs.items()} for name, inputs in typed.items()}


def _changed() -> frozenset[str]:
    return frozenset(filter(None, request.form.get("_changed", "").split(",")))


def _saved(revision: int, latest: int | None = None) -> str:
    """Return the fragment that says when the page was saved, which revision it has, and which is the latest."""
    template = current_app.jinja_env.get_template("drafts/_saved.html")
    return template.render(saved=clock_time(now()), revision=revision, latest=latest)
