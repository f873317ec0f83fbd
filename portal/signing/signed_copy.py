"""The copy of what somebody signed, as a PDF: what they read, what they answered, and their signature."""

from dataclasses import dataclass

from flask_babel import gettext as _

from portal.form_definitions.rich_text import rich_text
from portal.signing.opened import OpenInvitation
from portal.site_settings.current import clock_time, day_text, local_day, settings
from portal.submissions.answers import AnsweredSection, AnswerRow, Block
from portal.submissions.receipt import Receipt
from portal.web.languages import language


@dataclass(frozen=True, kw_only=True)
class SignedCopy(Receipt):
    """All words of a signed copy, in one language."""

    @property
    def heading(self) -> str:
        """The heading."""
        return _("You have signed this form")

    @property
    def remark(self) -> str:
        """Which form it was, and what the copy is for."""
        return _("%(title)s. This is what you read and signed. Keep it.", title=self.title)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What people may have to quote, each with its label."""
        return ((_("Reference"), self.reference), (_("Signed"), self.received))

    @property
    def foot(self) -> str:
        """The text at the foot of every page."""
        return _("%(reference)s, signed %(signed)s", reference=self.reference, signed=self.received)


def signed_copy(opened: OpenInvitation) -> bytes:
    """Return what was signed as a PDF; the caller has seen that it is signed, and who asks."""
    at = opened.outcome.at
    own = [opened.own_section(opened.said.answers)] if opened.asked else []
    copy = SignedCopy(
        language=language(),
        site_name=settings().site_name,
        support_contact=settings().support_contact,
        title=opened.definition.title.in_(language()),
        reference=opened.reference,
        received_at=at,
        received=_("%(day)s at %(time)s", day=day_text(local_day(at)), time=clock_time(at)),
        sections=(*opened.sections, *own, _signature(opened)),
    )
    # Import at the first use: it takes half a second and 20 MB, and most processes never draw a copy.
    from portal.submissions.receipt_pdf import drawn

    return drawn(copy)


def _signature(opened: OpenInvitation) -> AnsweredSection:
    rows = (
        (_("Statement"), rich_text(opened.signer.statement.in_(opened.said.language)).striptags()),
        (_("Name, as typed"), opened.said.name),
        (_("Role"), str(opened.signer.role.in_(language()))),
        (_("Check code of the copy"), opened.outcome.copy_hash.hex()),
    )
    block = Block(name=None, rows=[AnswerRow(key=key, value_lines=[value], actions=[]) for key, value in rows])
    return AnsweredSection(id="signature", title=_("Signature"), blocks=[block])
