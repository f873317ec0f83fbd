"""Find versions of forms, and read their definitions."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.format.reading import read_json
from portal.form_definitions.versions.comparison import Differences, compare
from portal.form_definitions.versions.models import FormVersion

_MOST_DEFINITIONS = 500
_DEFINITIONS: dict[str, FormDefinition] = {}


def version(db: Session, version_id: int) -> FormVersion | None:
    """Return the version with this id."""
    return db.get(FormVersion, version_id)


def numbered_version(db: Session, slug: str, number: int) -> FormVersion | None:
    """Return one version of a form by its number."""
    return db.scalar(select(FormVersion).where(FormVersion.slug == slug, FormVersion.number == number))


def current_version(db: Session, slug: str) -> FormVersion | None:
    """Return the version that new drafts use: the one with the highest number."""
    newest_first = select(FormVersion).where(FormVersion.slug == slug).order_by(FormVersion.number.desc())
    return db.scalars(newest_first.limit(1)).first()


def versions_between(db: Session, older: FormVersion, newer: FormVersion) -> Sequence[FormVersion]:
    """Return the versions of a form that were published between two others, oldest first."""
    query = select(FormVersion).where(
        FormVersion.form_id == newer.form_id, FormVersion.number > older.number, FormVersion.number < newer.number
    )
    return db.scalars(query.order_by(FormVersion.number)).all()


def versions_of(db: Session, slug: str) -> Sequence[FormVersion]:
    """Return all versions of a form, newest first."""
    return db.scalars(select(FormVersion).where(FormVersion.slug == slug).order_by(FormVersion.number.desc())).all()


def current_versions(db: Session) -> Sequence[FormVersion]:
    """Return the current version of every form, ordered by form id."""
    newest = select(FormVersion.form_id, func.max(FormVersion.number).label("number"))
    found = newest.group_by(FormVersion.form_id).subquery()
    same = (FormVersion.form_id == found.c.form_id) & (FormVersion.number == found.c.number)
    return db.scalars(select(FormVersion).join(found, same).order_by(FormVersion.form_id)).all()


def differences(older: FormVersion, newer: FormVersion, between: Sequence[FormVersion]) -> Differences:
    """Return what differs between two versions; read those `between` only if they may hide a rename."""
    found = compare(definition_of(older), definition_of(newer))
    if not found.may_hide_a_rename:
        return found
    return compare(found.old, found.new, tuple(map(definition_of, between)))


def published_forms(db: Session, language: str) -> list[FormDefinition]:
    """Return the definitions that people may fill in now, ordered by their title in this language."""
    definitions = (definition_of(version) for version in current_versions(db))
    return sorted(definitions, key=lambda definition: (definition.title.in_(language).casefold(), definition.id))


def definition_of(version: FormVersion) -> FormDefinition:
    """Return the definition of a version; cached by digest in the process, for all its databases.

    The first call for a version loads its document, so the version must still belong to its database session.
    """
    found = _DEFINITIONS.get(version.digest)
    if found is None:
        if len(_DEFINITIONS) >= _MOST_DEFINITIONS:
            _DEFINITIONS.clear()
        found = _DEFINITIONS[version.digest] = read_json(version.document)
    return found
