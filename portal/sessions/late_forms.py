"""What was typed on a page whose session had ended: kept for a day, for the same person, marked as not sent."""

from dataclasses import dataclass, replace
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
        fields = None if earlier.fields is None else earlier.fields | self.fields
        return replace(self, fields=fields, pairs=_without(earlier.pairs, self.fields) + self.pairs)

    def without(self, saved: frozenset[str], *, of: frozenset[str], seen: Pairs) -> "LateForm | None":
        """What is left once some fields, `of` all that the page has, are saved by a page that shows these values.

        `seen` is what that page knows of the stored values now. None where nothing is left.
        """
        left = (of if self.fields is None else self.fields) - saved
        return replace(self, fields=left, pairs=_without(self.pairs, saved), seen=seen) if left else None


def _without(pairs: Pairs, fields: frozenset[str]) -> Pairs:
    return tuple(pair for pair in pairs if field_of(pair[0]) not in fields)


def field_of(name: str) -> str:
    """The field that an input belongs to: `born-day` belongs to `born`."""
    return name.partition("-")[0]


@dataclass(frozen=True, kw_only=True)
class Parked:
    """A late form as it is kept: of which page, since when, until when.

    `tab` names the opened page that sent it: two tabs of one page are two late forms, and neither replaces the other.
    """

    page: str
    tab: str
    form: LateForm
    parked_at: datetime
    expires_at: datetime
