"""Publish a form as a new numbered version, unless nothing has changed."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import current_version

_ATTEMPTS = 10


def publish(db: Session, definition: FormDefinition, *, now: datetime, by: int | None = None) -> FormVersion:
    """Return the version that equals `definition`: the current one if nothing changed, else a new one.

    If two people publish at once, the unique number lets only one through and the other looks again. `by` is a person's
    id.
    """
    for _ in range(_ATTEMPTS):
        current = current_version(db, definition.slug)
        if current and current.digest == definition.digest:
            return current
        version = FormVersion(
            form_id=definition.id,
            slug=definition.slug,
            number=current.number + 1 if current else 1,
            document=definition.document,
            digest=definition.digest,
            published_at=now,
            published_by=by,
        )
        if _added(db, version):
            return version
    raise RuntimeError(f"{definition.id} is being published by others all the time")


def _added(db: Session, version: FormVersion) -> bool:
    try:
        with db.begin_nested():
            db.add(version)
    except IntegrityError:
        return False
    return True
