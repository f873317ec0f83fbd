"""How long a draft is kept, and when its person is told that it will go. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from portal.form_definitions.definition import Drafts


def capped(rules: Drafts, most_days: int) -> Drafts:
    """The rules of a form, with drafts kept no longer than the site setting `draft_most_days`."""
    return replace(rules, keep_days=min(rules.keep_days, most_days))


def expiry(rules: Drafts, now: datetime) -> datetime:
    """When a draft goes that was changed, or kept longer, at `now`."""
    return now + timedelta(days=rules.keep_days)


def next_reminder(rules: Drafts, expires_at: datetime, now: datetime) -> datetime | None:
    """The next instant after `now` at which the person is told; None where all that is left is the end.

    What came due while nobody was there to send it is not sent one after the other: only the future counts.
    """
    return min((at for at in _reminders(rules.remind_days_before, expires_at) if at > now), default=None)


def _reminders(days_before: Sequence[int], expires_at: datetime) -> list[datetime]:
    return [expires_at - timedelta(days=days) for days in days_before]
