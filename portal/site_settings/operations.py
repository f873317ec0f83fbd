"""Changing settings, with who, when, old and new."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.audit import Actor, AuditEvent, record
from portal.site_settings.definition import BY_NAME, SettingValue
from portal.site_settings.models import ONLY_ROW, StoredSettings
from portal.site_settings.queries import CHANGED
from portal.site_settings.rules import RefusedSettingError, as_typed, parse


def change_settings(db: Session, values: Mapping[str, SettingValue], *, by: Actor, now: datetime) -> list[str]:
    """Store the values that differ from those in force; return the names that changed."""
    row = _locked_row(db)
    stored = json.loads(row.document)
    old = {name: stored.get(name, BY_NAME[name].default) for name in values}
    changed = [name for name in values if values[name] != old[name]]
    for name in changed:
        stored[name] = values[name]
        before, after = as_typed(BY_NAME[name], old[name]), as_typed(BY_NAME[name], values[name])
        record(db, CHANGED, by=by, now=now, subject=name, old=before, new=after)
    row.document = json.dumps(stored, sort_keys=True)
    return changed


def undo_change(db: Session, event: AuditEvent, *, by: Actor, now: datetime) -> bool:
    """Put back the value that a change replaced, as a change of its own; return whether it did.

    It does not where the setting has been changed since, or no longer accepts the old value.
    """
    setting = BY_NAME[event.subject or ""]
    stored = json.loads(_locked_row(db).document)
    if as_typed(setting, stored.get(setting.name, setting.default)) != event.details["new"]:
        return False
    try:
        old = parse(setting, event.details["old"])
    except RefusedSettingError:
        return False
    return bool(change_settings(db, {setting.name: old}, by=by, now=now))


def _locked_row(db: Session) -> StoredSettings:
    """The only row (made by the first migration), locked, so that two administrators never undo each other's change."""
    return db.scalars(select(StoredSettings).where(StoredSettings.id == ONLY_ROW).with_for_update()).one()
