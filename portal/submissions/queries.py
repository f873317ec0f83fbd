"""Find and list what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, select, tuple_
from sqlalchemy.orm import Session, aliased, with_expression

from portal.drafts.models import Draft
from portal.drafts.queries import opened_by
from portal.form_definitions.versions.queries import definition_of
from portal.sessions.operations import Holder
from portal.site_settings.current import day_text, local_day
from portal.submissions.definition import STATUSES, CaseStatus
from portal.submissions.models import Submission
from portal.web.languages import language


def find_submission(db: Session, reference: str, holder: Holder) -> Submission | None:
    """Return the submission with this reference if the holder sent it or may open its draft."""
    query = select(Submission).join(Draft, Submission.draft_id == Draft.id)
    return db.scalar(query.where(Submission.reference == reference.upper(), opened_by(holder)))


def submission_by_reference(db: Session, reference: str) -> Submission | None:
    """Return the submission with this reference, for staff."""
    return db.scalar(select(Submission).where(Submission.reference == reference.upper()))


def submissions_of(
    db: Session,
    person_id: int,
    *,
    before: str | None = None,
    limit: int | None = None,
    signed_of: tuple[ScalarSelect[int], ScalarSelect[int]] | None = None,
) -> Sequence[Submission]:
    """Return what a person has sent, newest first, including what they sent as a guest and claimed later.

    `before` is the reference of the last one on the previous page; `limit` is the number on a page. With `signed_of`
    they say how many have signed, of how many who were asked.
    """
    query = select(Submission).join(Draft, Submission.draft_id == Draft.id).where(Draft.person_id == person_id)
    if before:
        last = aliased(Submission)
        place = select(last.sent_at, last.id).where(last.reference == before).scalar_subquery()
        query = query.where(tuple_(Submission.sent_at, Submission.id) < place)
    if signed_of:
        numbers = zip((Submission.signed_number, Submission.asked_number), signed_of, strict=True)
        query = query.options(*(with_expression(column, number) for column, number in numbers))
    return db.scalars(query.order_by(Submission.sent_at.desc(), Submission.id.desc()).limit(limit)).all()


@dataclass(frozen=True, kw_only=True)
class SentRow:
    """A sent form as a row of a list: title in the reader's language, day in the portal's time zone."""

    reference: str
    title: str
    sent_on: str
    status: CaseStatus
    signed: int
    asked: int


def sent_row(submission: Submission) -> SentRow:
    """Return the row of one submission."""
    return SentRow(
        reference=submission.reference,
        title=definition_of(submission.version).title.in_(language()),
        sent_on=day_text(local_day(submission.sent_at)),
        status=STATUSES[submission.case.status],
        signed=submission.signed_number or 0,
        asked=submission.asked_number or 0,
    )
