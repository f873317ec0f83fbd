"""The pages before a form is started: its start page, its outline, a blank to print, and pages to try."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from math import ceil

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from portal.drafts.open_draft import holder, holder_or_new_guest, kept_by
from portal.drafts.operations import start_draft
from portal.drafts.preview.outline import (
    SPACES,
    OutlinedSection,
    named_only,
    outline,
    outlined_signers,
    papers,
    rehearsed,
    section_remarks,
)
from portal.drafts.queries import drafts_of_form
from portal.form_definitions.definition import FormDefinition, Section, SectionState
from portal.form_definitions.forms import PageScope, SectionForm, section_form
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.rules import PLAIN, first_stop, shown
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import current_version, definition_of
from portal.sessions.activity import page_clock
from portal.sessions.browser_sessions import browser, policy_of
from portal.sessions.gate import token_refused
from portal.site_settings.current import day_text, local_day, moment_text, settings, today
from portal.web.addresses import public_url, remote_network, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.languages import language, name_of
from portal.web.limits import Limit, require, take_within
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("forms", __name__)
STARTS = Limit(name="start-network", burst=1000, interval=timedelta(seconds=1))
"""New forms from one network: more than a library or a school begins."""


@dataclass(frozen=True)
class Rehearsal:
    """One page of a form that somebody tries, without storing anything."""

    definition: FormDefinition
    section: Section

    @cached_property
    def _tried(self) -> FormDefinition:
        return rehearsed(self.definition)

    @property
    def _place(self) -> int:
        return self.definition.sections.index(self.section)

    @property
    def number(self) -> int:
        """The number of the page, from 1."""
        return self._place + 1

    @property
    def remarks(self) -> tuple[str, ...]:
        """When the section is asked in the real form."""
        return section_remarks(self.definition, self.section)

    @property
    def named_only(self) -> list[str]:
        """The labels of the questions that cannot be tried."""
        return [field.label.in_(language()) for field in named_only(self.section)]

    def address(self, steps: int) -> str:
        """Return the address `steps` pages further on: the outline before the first page, the end after the last."""
        place, sections = self._place + steps, self.definition.sections
        if place < 0:
            return f"/forms/{self.definition.slug}/prepare"
        return rehearsal_address(self.definition, sections[place] if place < len(sections) else None)

    def form(self, posted: "MultiDict[str, str] | None" = None) -> SectionForm:
        """Return the page's questions, with what was `posted` or empty."""
        tried = self._tried.sections[self._place]
        scope = PageScope(definition=self._tried, answers={}, today=today())
        return section_form(tried, language=language(), scope=scope, stored=SectionState(), posted=posted)

    def stop_page(self, form: SectionForm) -> str | None:
        """Return the page that would end the form here for these answers, if there is one."""
        kept = form.kept()
        answers, typed = {self.section.id: kept.answers}, {self.section.id: {PLAIN: kept.typed}}
        found = first_stop(self._tried, shown(self._tried, answers, today(), typed=typed))
        if found is None:
            return None
        body = rich_text(found[1].body.in_(language())) if found[1].body else None
        return render_template("drafts/rehearsal_stop.html", rehearsal=self, stop=found[1], body=body)


def rehearsal_address(definition: FormDefinition, section: Section | None = None) -> str:
    """Return the address of a page to try, or of the end."""
    return "/".join(("/forms", definition.slug, "rehearsal", *([section.id] if section else [])))


@blueprint.get("/forms/<slug>/prepare")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def show_preparation(slug: str) -> ResponseReturnValue:
    """Show what will be asked, what to have at hand, and how long it takes."""
    return _about(definition_of(_published(slug)), "drafts/prepare.html")


@blueprint.get("/forms/<slug>/blank")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def blank(slug: str) -> ResponseReturnValue:
    """Show the questions with room to write, to print on paper."""
    return _about(definition_of(_published(slug)), "drafts/blank.html")


def _about(definition: FormDefinition, template: str) -> str:
    sections: tuple[OutlinedSection, ...] = outline(definition)
    return render_template(
        template,
        form=definition,
        sections=sections,
        count=sum(len(section.questions) for section in sections),
        papers=papers(definition),
        is_conditional=any(section.when or _has_conditions(section) for section in definition.sections),
        online=public_url(f"/forms/{definition.slug}").partition("://")[2],
        spaces=SPACES,
        lifetime=settings().session_lifetime_minutes,
        first=rehearsal_address(definition, definition.sections[0]),
    )


def _has_conditions(section: Section) -> bool:
    return any(field.when for field in section.fields)


@blueprint.get("/forms/<slug>/rehearsal")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def rehearsal_end(slug: str) -> ResponseReturnValue:
    """Say that nothing was stored, and link to the real form."""
    definition = definition_of(_published(slug))
    first = rehearsal_address(definition, definition.sections[0])
    return render_template("drafts/rehearsal_end.html", form=definition, first=first)


@blueprint.get("/forms/<slug>/rehearsal/<section_id>")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def rehearse(slug: str, section_id: str) -> ResponseReturnValue:
    """Show one page of the form to try."""
    rehearsal = _rehearsal(slug, section_id)
    return _rehearsal_page(rehearsal, rehearsal.form())


@blueprint.post("/forms/<slug>/rehearsal/<section_id>")
@access(Access.PUBLIC)
@activity(Activity.CONTINUE_SECTION)
@shows_form_again
def try_page(slug: str, section_id: str) -> ResponseReturnValue:
    """Show what is wrong, or go on; store nothing."""
    rehearsal = _rehearsal(slug, section_id)
    require_end_marker()
    if repeated(set(request.form) - {field.id for field in rehearsal.section.fields if field.type == "choices"}):
        raise BadRequest("An answer was sent twice.")
    form = rehearsal.form(request.form)
    if token_refused():
        return _rehearsal_page(rehearsal, form, status=409)
    if request.form.get("_action") == "back":
        return redirect(rehearsal.address(-1), 303)
    if not form.validate():
        return rehearsal.stop_page(form) or _rehearsal_page(rehearsal, form, status=422)
    return rehearsal.stop_page(form) or redirect(rehearsal.address(1), 303)


def _rehearsal_page(rehearsal: Rehearsal, form: SectionForm, status: int = 200) -> ResponseReturnValue:
    intro = rehearsal.section.intro
    page = render_template(
        "drafts/rehearsal.html",
        rehearsal=rehearsal,
        form=form,
        title=rehearsal.section.title.in_(language()),
        intro=rich_text(intro.in_(language())) if intro else None,
        is_out_of_date=status == 409,
    )
    return page, status


def _rehearsal(slug: str, section_id: str) -> Rehearsal:
    definition = definition_of(_published(slug))
    return Rehearsal(definition, definition.section(section_id) or abort(404))


@blueprint.get("/forms/<slug>")
@access(Access.PUBLIC)
@activity(Activity.LOAD)
def start_page(slug: str) -> ResponseReturnValue:
    """Show what the form needs, how long it takes, how long a session lasts, and the person's own drafts of it."""
    definition = definition_of(_published(slug))
    drafts = drafts_of_form(db(), holder(), definition.id, now=now())
    return render_template(
        "drafts/start.html",
        form=definition,
        foreign_language=_foreign_language(definition),
        signers=outlined_signers(definition),
        lifetime=settings().session_lifetime_minutes,
        minutes_left=_minutes_left(),
        is_short=_is_short(definition),
        drafts=[(draft, moment_text(draft.changed_at), day_text(local_day(draft.expires_at))) for draft in drafts],
    )


@blueprint.post("/forms/<slug>")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def start_now(slug: str) -> ResponseReturnValue:
    """Start a draft and open it; send signed-out people to sign in first if the form needs an account."""
    version = _published(slug)
    definition = definition_of(version)
    if definition.access == "account" and not holder().person_id:
        return redirect(sign_in_page(url_for("forms.start_page", slug=slug)), 303)
    require(take_within(db(), [(STARTS, remote_network(settings().known_networks))], now=now()))
    keyring = app_state().configuration.keyring
    draft = start_draft(
        db(),
        version,
        definition,
        holder_or_new_guest(),
        rules=kept_by(definition),
        keyring=keyring,
        now=now(),
        language=language(),
    )
    return redirect(f"/drafts/{draft.reference}", 303)


def _published(slug: str) -> FormVersion:
    return current_version(db(), slug) or abort(404)


def _foreign_language(definition: FormDefinition) -> str | None:
    """Return the name of the form's language, if the form is not in the reader's language."""
    return None if language() in definition.languages else name_of(definition.languages[0])


def _minutes_left() -> int | None:
    """Return the rest of the session after this request, in whole minutes rounded up; None without a session."""
    clock = page_clock()
    return ceil(clock.remaining / 60) if clock else None


def _is_short(definition: FormDefinition) -> bool:
    """Return whether the form is expected to take longer than the rest of the session, and some of it has run."""
    live, left = browser().live(), _minutes_left()
    if live is None or left is None:
        return False
    full = policy_of(live.kind, is_shared=live.is_shared).idle_timeout / timedelta(minutes=1)
    return left < min(full, definition.expected_minutes or 0)
