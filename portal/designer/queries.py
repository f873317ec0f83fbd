"""Open drafts by the version that they are on, and who published what."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.drafts.models import Draft
from portal.form_definitions.models import FormVersion


def open_drafts_by_version(db: Session, *, now: datetime) -> Mapping[int, int]:
    """How many drafts with answers can be continued, by the id of the version that they are on."""
    on = Draft.form_version_id
    rows = db.execute(select(on, func.count()).where(_is_open(now)).group_by(on).order_by(on))
    return {row[0]: row[1] for row in rows}


def open_drafts(db: Session, versions: Collection[int], *, now: datetime, most: int) -> Sequence[Draft]:
    """The open drafts on these versions that were changed last, at most so many."""
    query = select(Draft).where(Draft.form_version_id.in_(versions), _is_open(now))
    return db.scalars(query.order_by(Draft.changed_at.desc(), Draft.id.desc()).limit(most)).all()


def _is_open(now: datetime) -> ColumnElement[bool]:
    """Without answers there is nothing that a new version could touch."""
    is_kept = Draft.sent_at.is_(None) & Draft.deleted_at.is_(None) & (Draft.expires_at > now)
    return is_kept & Draft.answered_at.is_not(None)


def publishers(db: Session, versions: Sequence[FormVersion]) -> Mapping[int, str]:
    """The names of those who published these versions, by their ids; who is gone, and the command line, have none."""
    ids = {version.published_by for version in versions if version.published_by}
    people = db.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id)) if ids else ()
    return {person.id: person.shown_name for person in people}
