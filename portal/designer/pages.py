"""What the pages about forms show: rows of versions, and two versions compared in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.form_definitions.comparison import Change, Differences, Effect, Kind
from portal.form_definitions.models import FormVersion
from portal.form_definitions.queries import definition_of, differences
from portal.site_settings.times import language, moment_text

SHOWN_OF_HASH = 12


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


def _row(found: Differences, change: Change) -> ChangeRow:
    says = _(change.meaning.says)
    what = ", ".join(change.what)
    return ChangeRow(
        place=_place(found, change),
        says=f"{says}: {what}" if what else says,
        asks=_asks(change),
    )


def _place(found: Differences, change: Change) -> str:
    """The section and the question by their titles in the version that has them."""
    gone = change.kind in (Kind.REMOVED, Kind.SECTION_REMOVED)
    definition = found.old if gone else found.new
    section = definition.section(change.section_id)
    if section is None:
        return _("The form")
    field = section.field(change.field_id)
    title = section.title.in_(language())
    return f"{title}: {field.label.in_(language())}" if field else title


def _asks(change: Change) -> str:
    return {
        Effect.MUST_ANSWER: _("must be answered"),
        Effect.ANSWER_AGAIN: _("answer again"),
        Effect.CHECK: _("check your answer"),
        Effect.NOT_SENT: _("will not be sent"),
        Effect.MAY_ANSWER: _("may be answered"),
        Effect.NOTHING: _("depends on the answers") if change.meaning.judged else _("nothing"),
    }[change.meaning.effect]
