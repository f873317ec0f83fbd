"""Reading settings and the history of their changes."""

from collections.abc import Collection, Sequence

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from portal.audit import AuditEvent
from portal.site_settings.definition import Settings
from portal.site_settings.models import ONLY_ROW, StoredSettings
from portal.site_settings.rules import snapshot_of

CHANGED = "setting_changed"
settings_document: ScalarSelect[str] = (
    select(StoredSettings.document).where(StoredSettings.id == ONLY_ROW).scalar_subquery()
)
"""The stored document as a column, for queries that need the settings as well."""


def current_settings(db: Session) -> Settings:
    """The values in force."""
    return snapshot_of(db.execute(select(settings_document)).scalar())


def change_by_id(db: Session, change_id: int, names: Collection[str]) -> AuditEvent | None:
    """One change of one of these settings, or None."""
    is_it = (AuditEvent.id == change_id, AuditEvent.action == CHANGED, AuditEvent.subject.in_(names))
    return db.scalars(select(AuditEvent).where(*is_it)).one_or_none()


def changes(db: Session, names: Collection[str], limit: int = 20) -> Sequence[AuditEvent]:
    """The latest changes of these settings, newest first: `subject` is the setting, `details` hold `old` and `new`."""
    return db.scalars(
        select(AuditEvent)
        .where(AuditEvent.action == CHANGED, AuditEvent.subject.in_(names))
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    ).all()
