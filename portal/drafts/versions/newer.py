"""A newer version of a draft's form: what it changes, and whether the draft moves, stays, or the person decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from werkzeug.datastructures import MultiDict

from portal.drafts.models import Draft
from portal.form_definitions.definition import Section
from portal.form_definitions.versions.comparison import Differences
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import definition_of, differences
from portal.sessions.late_forms import Pairs, field_of

MOVE, ASK = "move", "ask"


@dataclass(frozen=True)
class NewVersion:
    """The newest version of a draft's form, when the draft is on an older one.

    The newest version's own `on_new_version` decides what happens to open drafts.
    """

    draft: Draft
    versions: Sequence[FormVersion]

    @property
    def newest(self) -> FormVersion:
        """The version that new drafts use."""
        return self.versions[-1]

    @cached_property
    def differences(self) -> Differences:
        """What it changes for this draft."""
        return differences(self.draft.version, self.newest, self.versions[:-1])

    @property
    def _policy(self) -> str:
        return definition_of(self.newest).drafts.on_new_version

    @property
    def moves(self) -> bool:
        """Whether the draft moves without asking; this includes any draft without answers."""
        return self._policy == MOVE or (self._policy == ASK and self.draft.answered_at is None)

    @property
    def asks(self) -> bool:
        """Whether the person has still to decide."""
        is_open = self._policy == ASK and self.draft.answered_at is not None
        return is_open and self.draft.kept_against_id != self.newest.id


def under_present_ids(section: Section, pairs: Pairs) -> "MultiDict[str, str]":
    """Return what a page of an earlier version sent, under the ids that its fields have now."""
    ids = {was: field.id for field in section.fields for was in field.was}
    names = ((name, field_of(name), value) for name, value in pairs)
    return MultiDict([(ids.get(field_id, field_id) + name[len(field_id) :], value) for name, field_id, value in names])
