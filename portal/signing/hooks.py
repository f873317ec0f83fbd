"""What sessions need to know about signing: what a late form may leave behind, and the pages after the end."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import render_template, request
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.sessions.late_forms import REASONS, ParkablePage, Parked
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.signing.definition import LIVE
from portal.signing.opened import CONFIRM_PAGE, QUESTIONS_PAGE, OpenInvitation
from portal.signing.queries import invitation_of_guest
from portal.signing.writing import NAME, parked_address
from portal.site_settings.current import clock_time
from portal.web.declarations import SIGNING
from portal.web.languages import other_languages
from portal.web.unit_of_work import reading

_AUTOSAVE = "/autosave"
ENDED_PAGE = f"/session/ended?kind={SIGNING}"
WHY_ENDED: Mapping[EndReason, LazyString] = MappingProxyType(
    {
        **REASONS,
        EndReason.IDLE: _("You had not done anything for a while, so we closed the form to keep it private."),
        EndReason.ABSOLUTE_LIMIT: _("The form had been open for as long as we allow."),
        EndReason.REPLACED: _("Somebody went on to sign something else in this browser, or the link was opened again."),
        EndReason.STAFF: _("Our staff closed it."),
    }
)
"""One sentence for each reason."""


def opened_by(found: FoundSession) -> OpenInvitation | None:
    """Return the invitation of a signing session, live or ended, if it can still be signed."""
    if found.kind != SIGNING or found.guest_id is None:
        return None
    invitation = invitation_of_guest(reading(), found.guest_id)
    opened = OpenInvitation(reading(), invitation) if invitation else None
    return opened if opened and opened.state in LIVE else None


def parkable_signing_page(found: FoundSession, path: str) -> ParkablePage | None:
    """Return the page whose name or answers may have come too late; its address names the invitation."""
    page = path.removesuffix(_AUTOSAVE)
    opened = opened_by(found) if page in (QUESTIONS_PAGE, CONFIRM_PAGE) else None
    if opened is None or (page == QUESTIONS_PAGE and opened.asked is None):
        return None
    own = opened.asked.fields if opened.asked and page == QUESTIONS_PAGE else ()
    fields = frozenset(field.id for field in own) if own else frozenset({NAME})
    return ParkablePage(address=parked_address(opened, page), fields=fields)


def ended_page(found: FoundSession | None) -> str:
    """The page after a signing session: why it ended, what is kept, and how to carry on."""
    has_quit = found is None and request.args.get("reason") == EndReason.SIGNED_OUT.value
    return render_template(
        "signing/ended.html",
        ended_time=clock_time(found.ended_at) if found else None,
        why=WHY_ENDED[found.reason] if found else None,
        has_quit=has_quit,
        check_at=_check_address(found) if found else None,
    )


def late_page(found: FoundSession, parked: Parked | None) -> str:
    """The page for what came after the end: it was not received, what is kept of it, and how to send it."""
    return render_template(
        "signing/late.html",
        ended_time=clock_time(found.ended_at),
        has_quit=found.reason is EndReason.SIGNED_OUT,
        is_parked=parked is not None,
        check_at=_check_address(found),
        # Whoever sits here next must not find another person's page in the buttons.
        other_languages=other_languages(ENDED_PAGE),
    )


def _check_address(found: FoundSession) -> str | None:
    """Return where the check is passed again: where the mailed link leads; None where others use this computer."""
    opened = None if found.is_shared else opened_by(found)
    return f"/sign/{opened.link.token}" if opened else None
