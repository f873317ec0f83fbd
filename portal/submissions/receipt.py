"""The words of a receipt of a sent form."""

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from portal.form_definitions.versions.queries import definition_of
from portal.site_settings.current import clock_time, day_text, local_day, settings
from portal.submissions.answers import AnsweredSection, sent_sections
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.web.app_state import app_state
from portal.web.languages import language

LETTERS, OTHER_SCRIPTS, OTHERS_COST, LINE_COST = 200_000, "\u0250", 10, 12
"""Latin letters that are drawn in half a second, the first letter of other scripts, how many Latin ones each of those
costs, and how many each line."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """All words of one receipt, in one language."""

    language: str
    site_name: str
    support_contact: str
    title: str
    reference: str
    received_at: datetime
    received: str
    sections: tuple[AnsweredSection, ...]

    @property
    def heading(self) -> str:
        """The heading."""
        return _("We have received your form")

    @property
    def remark(self) -> str:
        """Which form it was, and what the receipt is for."""
        return _("%(title)s. Keep this receipt. You do not need to send it to us.", title=self.title)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What people may have to quote, each with its label."""
        return ((_("Reference"), self.reference), (_("Received"), self.received))

    @property
    def tries(self) -> int:
        """How many tries drawing it uses up, about one for each half second: letters of other scripts cost more."""
        blocks = (block for section in self.sections for block in section.blocks)
        texts = (text for block in blocks for row in block.rows for text in row.value_lines)
        lines = (line for text in texts for line in text.split("\n"))
        return 1 + sum(LINE_COST + len(line) + (OTHERS_COST - 1) * _others(line) for line in lines) // LETTERS

    @property
    def foot(self) -> str:
        """The text at the foot of every page."""
        return _("%(reference)s, received %(received)s", reference=self.reference, received=self.received)


def _others(line: str) -> int:
    return 0 if line.isascii() else sum(letter >= OTHER_SCRIPTS for letter in line)


def receipt_of(submission: Submission) -> Receipt:
    """Return the receipt of a submission: every answer as it was sent, in the words of its own version of the form."""
    definition = definition_of(submission.version)
    answers = sent_answers(app_state().configuration.keyring, submission)
    day, time = day_text(local_day(submission.sent_at)), clock_time(submission.sent_at)
    return Receipt(
        language=language(),
        site_name=settings().site_name,
        support_contact=settings().support_contact,
        title=definition.title.in_(language()),
        reference=submission.reference,
        received_at=submission.sent_at,
        received=_("%(day)s at %(time)s", day=day, time=time),
        sections=tuple(sent_sections(definition, answers)),
    )
