"""The history of site settings with the names of those who changed them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.audit import AuditEvent
from portal.site_settings.queries import changes


def named_changes(db: Session, names: Collection[str]) -> list[tuple[AuditEvent, str | None]]:
    """The latest changes of these settings, newest first, each with who made it; None where nobody known did."""
    events = changes(db, names)
    people = _shown_names(db, events)
    return [(event, people.get(event.person_id or 0)) for event in events]


def _shown_names(db: Session, events: Sequence[AuditEvent]) -> Mapping[int, str]:
    ids = {event.person_id for event in events if event.person_id}
    people = db.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id)) if ids else ()
    return {person.id: person.shown_name for person in people}
