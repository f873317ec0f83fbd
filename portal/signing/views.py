"""The pages of somebody who signs: the copy, their own questions, the signature, or why they do not sign."""

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.characters import trimmed
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.rich_text import rich_text
from portal.sessions.activity import pressed_button
from portal.sessions.browser_sessions import browser, change_language, leave
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import Parked
from portal.signing.definition import (
    ANSWERED,
    LIVE,
    LONGEST_NAME,
    LONGEST_REASON,
    SHORTEST_NAME,
    Choice,
    OutcomeKind,
    State,
)
from portal.signing.landing import by_hand_page
from portal.signing.opened import CONFIRM_PAGE, DONE_PAGE, QUESTIONS_PAGE, READ_PAGE, OpenInvitation
from portal.signing.operations import check_passed, decline, sign
from portal.signing.pages import desk, gone_page, locked
from portal.signing.queries import invitation_of_guest
from portal.signing.signed_copy import signed_copy
from portal.signing.writing import NAME, Writing
from portal.site_settings.current import day_text, local_day, moment_text
from portal.storage.queries import file_of
from portal.storage.uploads import file_answer
from portal.submissions.files import entries_in, files_of_submission, sent_work
from portal.web.addresses import is_htmx
from portal.web.declarations import SIGNING, Access, Activity, access, activity, shows_form_again
from portal.web.languages import BUTTON, language
from portal.web.limits import Limit, require, use_try
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("signing", __name__)
SHOWN_COPY = "_copy"
"""The hidden input that says exactly what the page showed."""
LATER = "later"
COPIES = Limit(name="signed-copy", burst=10, interval=timedelta(minutes=1))
Faults = Sequence[tuple[str, str]]


def _own(*, is_changing: bool = False) -> OpenInvitation:
    """Return the invitation of this session, locked where something changes; one that is over has a page of its own.

    One that was withdrawn, or goes to another address now, is no longer that of any session.
    """
    live = browser().live(SIGNING)
    invitation = invitation_of_guest(db(), live.guest_id) if live and live.guest_id else None
    if invitation is None:
        abort(403 if token_refused() else make_response(gone_page(State.WITHDRAWN)))
    opened = locked(invitation) if is_changing else OpenInvitation(db(), invitation)
    if opened.state not in LIVE and opened.state not in ANSWERED:
        abort(make_response(gone_page(opened.state)))
    return opened


def _be_checked(opened: OpenInvitation) -> None:
    """Count the check of this session where the invitation was over since, and has more time now."""
    live = browser().live(SIGNING)
    if opened.state is not State.CHECKED and live and live.guest_id:
        check_passed(desk(), opened.invitation, live.guest_id)


def _answered(opened: OpenInvitation) -> ResponseReturnValue | None:
    """Lead to what became of an invitation that is answered; None where it is not."""
    return redirect(DONE_PAGE, 303) if opened.state in ANSWERED else None


def _band(opened: OpenInvitation, writing: Writing | None = None) -> dict[str, object]:
    """What every page of a signer shows of the form."""
    return {
        "reference": opened.reference,
        "title": opened.definition.title.in_(language()),
        "role": opened.signer.role.in_(language()),
        "saved": writing.saved if writing else None,
        "can_be_saved": writing is not None,
    }


# Reading


@blueprint.get("/sign")
@access(Access.SIGNING_PUBLIC)
@activity(Activity.NAVIGATE)
def read() -> ResponseReturnValue:
    """Show what was sent and is to be signed; without a session, where reference and code are typed."""
    if browser().live(SIGNING) is None:
        return by_hand_page()
    opened = _own()
    return _answered(opened) or render_template(
        "signing/read.html",
        who=opened.who,
        sections=opened.sections,
        files=files_of_submission(opened.submission, opened.answers, "/sign/files"),
        statement=rich_text(opened.signer.statement.in_(language())),
        has_questions=opened.asked is not None,
        sent_on=day_text(local_day(opened.submission.sent_at)),
        last_day=day_text(local_day(opened.invitation.expires_at or now())),
        **_band(opened),
    )


@blueprint.post("/sign/continue")
@access(Access.SIGNING)
@activity(Activity.CONTINUE_SECTION)
def go_on() -> ResponseReturnValue:
    """Go on from the copy: to the questions, else to the signature; that page is come back to."""
    opened = _own(is_changing=True)
    if opened.state in LIVE:
        _keep_place(opened, QUESTIONS_PAGE if opened.asked else CONFIRM_PAGE)
    return _answered(opened) or redirect(opened.place, 303)


def _keep_place(opened: OpenInvitation, place: str) -> None:
    opened.invitation.place = place


@blueprint.get("/sign/files/<file_id>")
@access(Access.SIGNING)
@activity(Activity.NAVIGATE)
def download(file_id: str) -> ResponseReturnValue:
    """Download a file of a section that this signer reads."""
    opened = _own()
    shown = {name: opened.answers[name] for name in opened.signer.shows if name in opened.answers}
    if opened.state not in LIVE or file_id not in {entry.id for entry in entries_in(shown)}:
        abort(404)
    return file_answer(file_of(db(), sent_work(opened.reference), file_id) or abort(404))


# The signer's own questions


@blueprint.get(QUESTIONS_PAGE)
@access(Access.SIGNING)
@activity(Activity.LOAD)
def questions() -> ResponseReturnValue:
    """Show the questions that only this signer is asked, and over what is stored what came too late."""
    opened = _own()
    answered = _answered(opened)
    if answered or opened.asked is None:
        return answered or redirect(CONFIRM_PAGE)
    writing = Writing(opened)
    late = writing.late_answers()
    return _questions_page(writing, writing.form_with(late) if late else writing.form_of(), late=late)


@blueprint.post(QUESTIONS_PAGE)
@access(Access.SIGNING)
@activity(Activity.CONTINUE_SECTION, save=Activity.SAVE, stay=Activity.SAVE)
@shows_form_again
def save_questions() -> ResponseReturnValue:
    """Keep what was answered, and go on where it is right."""
    opened = _own(is_changing=not token_refused())
    answered = _answered(opened)
    if answered or opened.asked is None:
        return answered or redirect(CONFIRM_PAGE, 303)
    require_end_marker()
    writing = Writing(opened)
    form = writing.form_of(request.form)
    if token_refused() or writing.is_stale(form):
        return _questions_page(writing, form, 409)
    is_right = form.validate()
    writing.save_answers(form)
    writing.settle(QUESTIONS_PAGE)
    _keep_place(opened, QUESTIONS_PAGE)
    if BUTTON in request.form:
        change_language(request.form[BUTTON])
        return redirect(QUESTIONS_PAGE, 303)
    if pressed_button() == "back":
        return redirect(READ_PAGE, 303)
    if pressed_button() == "stay":
        return redirect(QUESTIONS_PAGE, 303)
    if not is_right:
        return _questions_page(writing, form, 422)
    _keep_place(opened, CONFIRM_PAGE)
    return redirect(CONFIRM_PAGE, 303)


def _questions_page(
    writing: Writing, form: SectionForm, status: int = 200, late: Parked | None = None
) -> ResponseReturnValue:
    section = form.section
    page = render_template(
        "signing/questions.html",
        form=form,
        heading=section.title.in_(language()),
        intro=rich_text(section.intro.in_(language())) if section.intro else None,
        ours=writing.hidden(form, late),
        is_parked=late is not None,
        is_out_of_date=status == 409,
        **_band(writing.opened, writing),
    )
    return page, status


@blueprint.post(f"{QUESTIONS_PAGE}/autosave")
@access(Access.SIGNING)
@activity(Activity.AUTOSAVE)
def autosave_questions() -> ResponseReturnValue:
    """Keep the questions that changed, as the page does by itself."""
    return _autosaving().autosave_answers()


@blueprint.post(f"{CONFIRM_PAGE}/autosave")
@access(Access.SIGNING)
@activity(Activity.AUTOSAVE)
def autosave_name() -> ResponseReturnValue:
    """Keep the name as it is typed."""
    return _autosaving().autosave_name()


def _autosaving() -> Writing:
    if not is_htmx():
        abort(404)
    opened = _own(is_changing=True)
    if opened.state not in LIVE:
        abort(409)
    return Writing(opened)


# Signing


@blueprint.get(CONFIRM_PAGE)
@access(Access.SIGNING)
@activity(Activity.LOAD)
def confirm() -> ResponseReturnValue:
    """Show what is signed, once more, and where the name is typed."""
    opened = _own()
    answered, writing = _answered(opened), Writing(opened)
    if answered or not writing.is_complete:
        return answered or redirect(QUESTIONS_PAGE)
    late = writing.late_name()
    return _confirm_page(writing, late or writing.stored.name, is_parked=late is not None)


@blueprint.post(CONFIRM_PAGE)
@access(Access.SIGNING)
@activity(Activity.SUBMIT, stay=Activity.SAVE)
@shows_form_again
def sign_form() -> ResponseReturnValue:
    """Sign, once and for ever, what the page has shown."""
    opened = _own(is_changing=not token_refused())
    answered, writing = _answered(opened), Writing(opened)
    if answered:
        return answered
    require_end_marker()
    if repeated({NAME, "consent", SHOWN_COPY}):
        abort(400)
    name = trimmed(request.form.get(NAME, ""))
    if token_refused():
        return _confirm_page(writing, name, 409)
    writing.save_name(name)
    writing.settle(CONFIRM_PAGE)
    _keep_place(opened, CONFIRM_PAGE)
    if BUTTON in request.form:
        change_language(request.form[BUTTON])
        return redirect(CONFIRM_PAGE, 303)
    if pressed_button() == "stay":
        return redirect(CONFIRM_PAGE, 303)
    answers = writing.answers
    if not writing.is_complete:
        return redirect(QUESTIONS_PAGE, 303)
    if request.form.get(SHOWN_COPY) != opened.print_of(answers):
        return _confirm_page(writing, name, 409)
    faults = _faults_of(name)
    if faults:
        return _confirm_page(writing, name, 422, faults=faults)
    _be_checked(opened)
    sign(
        desk(),
        opened.invitation,
        typed_name=name,
        copy_hash=opened.invitation.copy_hash.hex(),
        answers=answers,
        language=language(),
    )
    return redirect(DONE_PAGE, 303)


def _faults_of(name: str) -> list[tuple[str, str]]:
    faults = []
    if not name:
        faults.append((NAME, _("Type your name")))
    elif not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        faults.append((NAME, _("Your name must be between 2 and 200 characters")))
    if request.form.get("consent") != "yes":
        faults.append(("consent", _("Tick the box to confirm that you want to sign")))
    return faults


def _confirm_page(
    writing: Writing, name: str, status: int = 200, *, faults: Faults = (), is_parked: bool = False
) -> ResponseReturnValue:
    opened = writing.opened
    page = render_template(
        "signing/confirm.html",
        who=opened.who,
        sections=opened.sections,
        own=writing.own_section,
        files=files_of_submission(opened.submission, opened.answers, "/sign/files"),
        statement=rich_text(opened.signer.statement.in_(language())),
        print_of_copy=opened.invitation.copy_hash.hex(),
        name=name,
        longest_name=LONGEST_NAME,
        ours={SHOWN_COPY: opened.print_of(writing.answers), **writing.hidden()},
        faults=[(f"#{field}", text) for field, text in faults],
        errors=dict(faults),
        is_consented=status == 422 and request.form.get("consent") == "yes",
        is_parked=is_parked,
        is_out_of_date=status == 409,
        has_questions=opened.asked is not None,
        **_band(opened, writing),
    )
    return page, status


# Not signing


@blueprint.get("/sign/decline")
@access(Access.SIGNING)
@activity(Activity.LOAD)
def why_not() -> ResponseReturnValue:
    """Ask why somebody cannot sign."""
    opened = _own()
    return _answered(opened) or _decline_page(opened)


@blueprint.post("/sign/decline")
@access(Access.SIGNING)
@activity(Activity.SUBMIT)
@shows_form_again
def tell_them() -> ResponseReturnValue:
    """Tell the person who asked what is wrong, or that nobody will sign; or leave it for later."""
    opened = _own(is_changing=not token_refused())
    if opened.state is State.SIGNED:
        return _decline_page(opened, 409)
    answered = _answered(opened)
    if answered:
        return answered
    require_end_marker()
    if token_refused():
        return _decline_page(opened, 409)
    choice, reason = request.form.get("choice", ""), trimmed(request.form.get("reason", "").replace("\r\n", "\n"))
    if choice == LATER:
        return leave()
    faults = _decline_faults(choice, reason)
    if faults:
        return _decline_page(opened, 422, faults=faults)
    _be_checked(opened)
    decline(
        desk(),
        opened.invitation,
        kind=OutcomeKind.DECLINED,
        choice=Choice(choice),
        reason=reason,
        language=language(),
    )
    return redirect(DONE_PAGE, 303)


def _decline_faults(choice: str, reason: str) -> list[tuple[str, str]]:
    if choice not in (Choice.WRONG, Choice.REFUSE):
        return [("choice", _("Choose what you would like to do"))]
    if choice == Choice.WRONG and not reason:
        return [("reason", _("Say what is wrong"))]
    if len(reason) > LONGEST_REASON:
        return [("reason", _("This must be %(limit)s characters or fewer", limit=f"{LONGEST_REASON:,}"))]
    return []


def _decline_page(opened: OpenInvitation, status: int = 200, *, faults: Faults = ()) -> ResponseReturnValue:
    page = render_template(
        "signing/decline.html",
        choice=request.form.get("choice", ""),
        reason=request.form.get("reason", ""),
        longest_reason=LONGEST_REASON,
        faults=[(f"#{field}", text) for field, text in faults],
        errors=dict(faults),
        is_signed=opened.state is State.SIGNED,
        is_out_of_date=status == 409 and opened.state is not State.SIGNED,
        last_day=day_text(local_day(opened.invitation.expires_at or now())),
        **_band(opened),
    )
    return page, status


# The end


@blueprint.post("/sign/quit")
@access(Access.SIGNING_PUBLIC)
@activity(Activity.NONE)
def quit_signing() -> ResponseReturnValue:
    """End this signing session and nothing else; what was typed stays saved, and the link goes on working."""
    return leave()


@blueprint.get(DONE_PAGE)
@access(Access.SIGNING)
@activity(Activity.NAVIGATE)
def done() -> ResponseReturnValue:
    """Show what became of the invitation."""
    opened = _own()
    if opened.state not in ANSWERED:
        return redirect(opened.place)
    outcome = opened.outcome
    page = render_template(
        "signing/done.html",
        kind=outcome.kind,
        name=opened.said.name,
        choice=opened.said.choice,
        moment=moment_text(outcome.at),
        copy_until=moment_text(opened.copy_until, inside=True) if opened.has_copy else None,
        **_band(opened),
    )
    return page


@blueprint.get(f"{DONE_PAGE}/copy.pdf")
@access(Access.SIGNING)
@activity(Activity.NAVIGATE)
def download_copy() -> ResponseReturnValue:
    """Return what was signed as a PDF, for a day."""
    opened = _own()
    if not opened.has_copy:
        abort(404)
    require(use_try([(COPIES, opened.invitation.public_id)], now=now()))
    answer = Response(signed_copy(opened), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{opened.reference}-signed.pdf"'
    return answer
