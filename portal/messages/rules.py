"""When a reply is due, and when a mail says that there is something new. Pure."""

from datetime import date, datetime, timedelta

from portal.messages.definition import MAILED_ONCE_IN

SATURDAY = 5


def due_day(asked_on: date, working_days: int) -> date:
    """Return the day by which we aim to answer what was asked on a day: so many days, Monday to Friday, later."""
    day = asked_on
    while working_days:
        day += timedelta(days=1)
        working_days -= day.weekday() < SATURDAY
    return day


def mail_due(visible_at: datetime, mailed_at: datetime | None, *, is_told: bool) -> datetime | None:
    """Return when to mail that there is something new; None where the last mail says it.

    `mailed_at` is when the last mail of the thread was due. Whoever `is_told` has a mail about something they have not
    read yet. One mail goes out in ten minutes, so the mail about something newer waits for its time.
    """
    if mailed_at is None or visible_at >= mailed_at + MAILED_ONCE_IN:
        return visible_at
    return None if is_told else mailed_at + MAILED_ONCE_IN
