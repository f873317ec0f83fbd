"""Texts of the public pages: durations in words, the site's own figures, and what administrators wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from portal.form_definitions.definition import ForeignText
from portal.form_definitions.rich_text import rich_text
from portal.sessions.rules import EndReason
from portal.site_settings.current import settings
from portal.web.languages import DEFAULT, language


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A duration as whole hours, minutes and seconds; parts that are zero are left unsaid."""

    hours: int
    minutes: int
    seconds: int


def spoken(duration: timedelta) -> Spoken:
    """The parts of a duration; what is less than a second is cut off."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return Spoken(hours=hours, minutes=minutes, seconds=seconds)


def own_text(page: str) -> Markup | None:
    """The text of a page as safe HTML, in the reader's language or else marked as English; None where none was written.

    `page` is the first word of its settings, such as `privacy` of `privacy_text` and `privacy_text_cy`.
    """
    english = getattr(settings(), f"{page}_text")
    if language() == DEFAULT:
        return rich_text(english) if english else None
    own = getattr(settings(), f"{page}_text_{language()}", "")
    if own or not english:
        return rich_text(own) if own else None
    return rich_text(ForeignText(english, DEFAULT))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """More about a reason than the page after the end says: how it comes about, and what to do now."""

    why: LazyString
    what_to_do: LazyString


EXPLANATIONS: Mapping[EndReason, Explanation] = MappingProxyType(
    {
        EndReason.IDLE: Explanation(
            why=_("Nothing renewed your session in the last third of its time, and nobody pressed “Stay signed in”."),
            what_to_do=_(
                "Sign in again, or use your link or your reference and return code, and carry on where you were."
            ),
        ),
        EndReason.ABSOLUTE_LIMIT: Explanation(
            why=_("A session has a longest time, however often it is renewed."),
            what_to_do=_("Sign in again, or open your form again: a new session begins with the full time."),
        ),
        EndReason.SIGNED_OUT: Explanation(
            why=_("You, or somebody at this computer, pressed “Sign out” in this browser."),
            what_to_do=_("Sign in again whenever you want to carry on."),
        ),
        EndReason.SIGNED_OUT_ELSEWHERE: Explanation(
            why=_("A later sign-in on another device or in another browser ended this session."),
            what_to_do=_(
                "Sign in again here, or carry on there. If it was not you, change your password straight away."
            ),
        ),
        EndReason.REPLACED: Explanation(
            why=_("That began a new session, and the new one took the place of the old."),
            what_to_do=_("Carry on in the new one. Pages that you opened before it may have to be loaded again."),
        ),
        EndReason.NETWORK: Explanation(
            why=_("A connection that suddenly comes from somewhere else may be somebody else’s."),
            what_to_do=_("Sign in again and carry on."),
        ),
        EndReason.STAFF: Explanation(
            why=_("An administrator ended it, changed what your account may do, or closed the account."),
            what_to_do=_("Try to sign in again. Contact us if that does not work or if you do not know why."),
        ),
        EndReason.PASSWORD_CHANGED: Explanation(
            why=_("When a password changes, the sessions that were opened with the old one end."),
            what_to_do=_("Sign in with the new password. If you did not change it, contact us straight away."),
        ),
        EndReason.COOKIES_BLOCKED: Explanation(
            why=_("Without the cookie we cannot know that the next page is opened by you."),
            what_to_do=_("Allow cookies for this site in your browser’s settings, then sign in again."),
        ),
        EndReason.ENDED_BY_OWNER: Explanation(
            why=_("Somebody who had just typed your password pressed “End” on the page “Where you are signed in”."),
            what_to_do=_("Sign in again whenever you want to. If it was not you, set a new password straight away."),
        ),
        EndReason.OBJECTED: Explanation(
            why=_("Whoever reads the mail of your earlier address said that the change was not theirs."),
            what_to_do=_("Set a new password by mail; the link goes to the earlier address."),
        ),
        EndReason.ACCOUNT_DELETED: Explanation(
            why=_("Somebody who had just typed your password asked for it, in this browser or another one."),
            what_to_do=_("Contact us if it was not you. You may register again."),
        ),
    }
)
