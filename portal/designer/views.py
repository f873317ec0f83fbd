"""The published forms, as their designers and administrators see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.designer.impact import impact, impact_lines, open_drafts_by_version, publishers
from portal.form_definitions.format.reference import definition_as_json, definition_as_yaml
from portal.form_definitions.versions.comparison import ChangeKind, Differences, Effect, FormChange
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import (
    current_versions,
    definition_of,
    differences,
    numbered_version,
    versions_of,
)
from portal.site_settings.current import moment_text, today
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.languages import language
from portal.web.unit_of_work import db, now

SHOWN_OF_HASH = 12
blueprint = Blueprint("designer", __name__)
_FORMATS = {"yaml": (definition_as_yaml, "application/yaml"), "json": (definition_as_json, "application/json")}


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """One version of a form in a table; it bears a title where the table is about several forms."""

    slug: str
    title: str | None
    number: int
    published: str
    who: str
    digest: str
    drafts: int


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """One difference in words: where, what, and what it asks of people with open drafts."""

    place: str
    says: str
    asks: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two versions compared."""

    older: int
    newer: int
    rows: Sequence[ChangeRow]


def version_rows(
    versions: Sequence[FormVersion], names: Mapping[int, str], drafts: Mapping[int, int], *, has_titles: bool = False
) -> list[VersionRow]:
    """The versions as rows, in their order; for a title the definition itself is read."""
    return [
        VersionRow(
            slug=version.slug,
            title=definition_of(version).title.in_(language()) if has_titles else None,
            number=version.number,
            published=moment_text(version.published_at),
            who=_who(version, names),
            digest=version.digest[:SHOWN_OF_HASH],
            drafts=drafts.get(version.id, 0),
        )
        for version in versions
    ]


def _who(version: FormVersion, names: Mapping[int, str]) -> str:
    if version.published_by is None:
        return _("the command line")
    return names.get(version.published_by) or _("somebody who has left")


def compared(versions: Sequence[FormVersion], older: int | None, newer: int | None) -> Compared | None:
    """Two versions by their numbers, the earlier one first; None where one of them is not there, or both are one."""
    by_number = {version.number: version for version in versions}
    numbers = sorted({number for number in (older, newer) if number in by_number})
    if len(numbers) != 2:
        return None
    first, last = numbers
    between = [by_number[number] for number in sorted(by_number) if first < number < last]
    found = differences(by_number[first], by_number[last], between)
    return Compared(older=first, newer=last, rows=[_row(found, change) for change in found.changes])


def _row(found: Differences, change: FormChange) -> ChangeRow:
    says = _(change.meaning.says)
    what = ", ".join(change.what)
    return ChangeRow(
        place=_place(found, change),
        says=f"{says}: {what}" if what else says,
        asks=_asks(change),
    )


def _place(found: Differences, change: FormChange) -> str:
    """The section and the question by their titles in the version that has them."""
    gone = change.kind in (ChangeKind.REMOVED, ChangeKind.SECTION_REMOVED)
    definition = found.old if gone else found.new
    section = definition.section(change.section_id)
    if section is None:
        return _("The form")
    field = section.field(change.field_id)
    title = section.title.in_(language())
    return f"{title}: {field.label.in_(language())}" if field else title


def _asks(change: FormChange) -> str:
    return {
        Effect.MUST_ANSWER: _("must be answered"),
        Effect.ANSWER_AGAIN: _("answer again"),
        Effect.CHECK: _("check your answer"),
        Effect.NOT_SENT: _("will not be sent"),
        Effect.MAY_ANSWER: _("may be answered"),
        Effect.NOTHING: _("depends on the answers") if change.meaning.judged else _("nothing"),
    }[change.meaning.effect]


@blueprint.get("/admin/self/forms")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def show_forms() -> ResponseReturnValue:
    """Every form with its current version."""
    versions = current_versions(db())
    counts = open_drafts_by_version(db(), now=now())
    rows = version_rows(versions, publishers(db(), versions), counts, has_titles=True)
    return render_template("designer/forms.html", rows=rows)


@blueprint.get("/admin/self/forms/<slug>")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def show_form(slug: str) -> ResponseReturnValue:
    """The versions of one form, what the newest does to open drafts, and two of them compared."""
    versions = versions_of(db(), slug) or abort(404)
    counts = open_drafts_by_version(db(), now=now())
    found = impact(db(), versions, keyring=app_state().configuration.keyring, now=now(), today=today())
    older, newer = request.args.get("older", type=int), request.args.get("newer", type=int)
    return render_template(
        "designer/form.html",
        title=definition_of(versions[0]).title.in_(language()),
        slug=slug,
        rows=version_rows(versions, publishers(db(), versions), counts),
        impact=impact_lines(found),
        compared=compared(versions, older, newer),
        older=older or (versions[1].number if len(versions) > 1 else None),
        newer=newer or versions[0].number,
    )


@blueprint.get("/admin/self/forms/<slug>/<int:number>.<ending>")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def download(slug: str, number: int, ending: str) -> ResponseReturnValue:
    """One version as a file that can be published again."""
    version = numbered_version(db(), slug, number) if ending in _FORMATS and number < 2**31 else None
    if version is None:
        abort(404)
    write, kind = _FORMATS[ending]
    name = f"{version.form_id}-{version.number}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(write(definition_of(version)), content_type=f"{kind}; charset=utf-8", headers=headers)
