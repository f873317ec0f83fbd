"""What was typed on a page whose session had ended: kept for a day, for the same person, marked as not sent."""

from dataclasses import dataclass
from datetime import datetime

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class LateForm:
    """The values of a form that arrived too late.

    `fields` are the fields they speak for (None: all of the page); `pairs` what was posted for them, by input name.
    `seen` is what the page itself knew of the stored values, as it was served.
    """

    fields: frozenset[str] | None
    pairs: Pairs
    seen: Pairs

    def over(self, earlier: "LateForm | None") -> "LateForm":
        """These values laid over those that the same page had sent before."""
        if earlier is None or self.fields is None:
            return self
        kept = tuple(pair for pair in earlier.pairs if field_of(pair[0]) not in self.fields)
        fields = None if earlier.fields is None else earlier.fields | self.fields
        return LateForm(fields=fields, pairs=kept + self.pairs, seen=self._seen_with(earlier))

    def _seen_with(self, earlier: "LateForm") -> Pairs:
        """What both knew: of two pages, which do not know what the other saved, the older revision alone."""
        mine, other = dict(self.seen), dict(earlier.seen)
        if mine.get("_page") == other.get("_page"):
            return self.seen
        return (("_revision", min(mine.get("_revision", ""), other.get("_revision", ""), key=_number)),)


def _number(revision: str) -> int:
    return int(revision) if revision.isascii() and revision.isdigit() else 0


def field_of(name: str) -> str:
    """The field that an input belongs to: `born-day` belongs to `born`."""
    return name.partition("-")[0]


@dataclass(frozen=True, kw_only=True)
class Parked:
    """A late form as it is kept: of which page, since when, until when."""

    page: str
    form: LateForm
    parked_at: datetime
    expires_at: datetime
