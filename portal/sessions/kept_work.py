"""What a person left unfinished when a session ended, as the pages about the end show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.sessions.rules import EndReason


@dataclass(frozen=True, kw_only=True)
class KeptWork:
    """The form that was open: `place` names the section, `path` leads back to it.

    `is_saved` is False where the form cannot be saved and its answers end with the session.
    """

    form_title: str
    reference: str
    saved_at: str
    saved_time: str
    place: str | None
    path: str
    is_saved: bool
    is_guest: bool


REASONS: Mapping[EndReason, LazyString] = MappingProxyType(
    {
        EndReason.IDLE: _("Your signed-in time ran out."),
        EndReason.ABSOLUTE_LIMIT: _("You had been signed in for the longest time that we allow."),
        EndReason.SIGNED_OUT: _("You signed out."),
        EndReason.SIGNED_OUT_ELSEWHERE: _("You signed in somewhere else, and one sign-in at a time is allowed here."),
        EndReason.REPLACED: _("You signed in again, or opened a saved form, in this browser."),
        EndReason.NETWORK: _(
            "Your internet connection changed, so we closed your messages to keep them private. Your draft is saved."
        ),
        EndReason.STAFF: _("Our staff ended your session."),
        EndReason.PASSWORD_CHANGED: _("Your password was changed."),
        EndReason.COOKIES_BLOCKED: _(
            "Your browser is not keeping the cookie we need, so we cannot keep you signed in."
        ),
        EndReason.ENDED_BY_OWNER: _("You ended this session from another device or browser."),
        EndReason.OBJECTED: _("Your e-mail address was about to change or had changed, and somebody objected to it."),
        EndReason.ACCOUNT_DELETED: _("Your account was deleted."),
    }
)
