"""What lower floors ask of drafts, through the registry that `app` fills."""

from flask_babel import gettext as _

from portal.drafts.models import Draft
from portal.drafts.queries import last_draft
from portal.form_definitions.queries import definition_of
from portal.sessions.kept_work import KeptWork
from portal.sessions.operations import Holder
from portal.sessions.queries import FoundSession
from portal.site_settings.times import clock_time, language, moment_text
from portal.web.unit_of_work import now, reading


def kept_work(found: FoundSession) -> KeptWork | None:
    """What the holder of an ended session left unfinished."""
    draft = last_draft(reading(), Holder(person_id=found.person_id, guest_id=found.guest_id), now=now())
    return _kept(draft, is_guest=found.person_id is None) if draft else None


def _kept(draft: Draft, *, is_guest: bool) -> KeptWork:
    definition = definition_of(draft.version)
    return KeptWork(
        form_title=definition.title.in_(language()),
        reference=draft.reference,
        saved_at=moment_text(draft.changed_at),
        saved_time=clock_time(draft.changed_at),
        place=_place(draft),
        path="/".join(filter(None, ("/drafts", draft.reference, draft.last_section_id))),
        is_saved=definition.allow_save or not is_guest,
        is_guest=is_guest,
    )


def _place(draft: Draft) -> str | None:
    """The section that was changed last: its number and title."""
    definition = definition_of(draft.version)
    section = definition.section(draft.last_section_id) if draft.last_section_id else None
    if section is None:
        return None
    number = definition.sections.index(section) + 1
    return _("Section %(number)s, %(title)s", number=number, title=section.title.in_(language()))
