"""What was sent, as a list shows it to whoever may see it."""

from dataclasses import dataclass

from portal.form_definitions.queries import definition_of
from portal.site_settings.times import day_text, language, local_day
from portal.submissions.definition import STATUSES, Status
from portal.submissions.models import Submission


@dataclass(frozen=True, kw_only=True)
class SentRow:
    """A sent form as its row shows it: the title in the reader's language, the day in the portal's time zone."""

    reference: str
    title: str
    sent_on: str
    status: Status


def sent_row(submission: Submission) -> SentRow:
    """The row of one submission."""
    return SentRow(
        reference=submission.reference,
        title=definition_of(submission.version).title.in_(language()),
        sent_on=day_text(local_day(submission.sent_at)),
        status=STATUSES[submission.case.status],
    )
