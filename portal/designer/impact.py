"""The impact of a published version on open drafts."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.drafts.models import Draft
from portal.drafts.queries import fill
from portal.drafts.versions.migrating import move
from portal.drafts.versions.newer import NewVersion
from portal.form_definitions.versions.comparison import Effect
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import definition_of
from portal.keyring import Keyring
from portal.signing.queries import count_waiting

MOST_DRAFTS_READ = 200
"""The most drafts that a page reads, those changed last, as their answers must be decrypted."""


def open_drafts_by_version(db: Session, *, now: datetime) -> Mapping[int, int]:
    """Return the numbers of open drafts with answers, by the id of their version."""
    on = Draft.form_version_id
    rows = db.execute(select(on, func.count()).where(_can_be_continued(now)).group_by(on).order_by(on))
    return {row[0]: row[1] for row in rows}


def open_drafts(db: Session, versions: Collection[int], *, now: datetime, most: int) -> Sequence[Draft]:
    """Return the open drafts on these versions that were changed last, at most `most`."""
    query = select(Draft).where(Draft.form_version_id.in_(versions), _can_be_continued(now))
    return db.scalars(query.order_by(Draft.changed_at.desc(), Draft.id.desc()).limit(most)).all()


def _can_be_continued(now: datetime) -> ColumnElement[bool]:
    """Return the condition for open drafts with answers; a new version does not affect those without."""
    is_kept = Draft.sent_at.is_(None) & Draft.deleted_at.is_(None) & (Draft.expires_at > now)
    return is_kept & Draft.answered_at.is_not(None)


def publishers(db: Session, versions: Sequence[FormVersion]) -> Mapping[int, str]:
    """Return the names of those who published these versions, by their ids; deleted people are missing."""
    ids = {version.published_by for version in versions if version.published_by}
    people = db.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id)) if ids else ()
    return {person.id: person.shown_name for person in people}


@dataclass(frozen=True, kw_only=True)
class Impact:
    """The impact on the `open` drafts on earlier versions; `looked_at` of them were read.

    `waiting_signers` may still sign what was sent in earlier versions, which stays as it is.
    `drafts` counts the drafts with each effect. `most_questions` is the largest number of further questions that one
    of them must answer.
    """

    policy: str
    open: int
    waiting_signers: int = 0
    looked_at: int = 0
    touched: int = 0
    most_questions: int = 0
    drafts: Counter[Effect] = field(default_factory=Counter)


def impact(
    db: Session,
    versions: Sequence[FormVersion],
    *,
    keyring: Keyring,
    now: datetime,
    today: date,
    most: int = MOST_DRAFTS_READ,
) -> Impact:
    """Return the impact of the first of a form's versions, newest first, on the open drafts on the others."""
    newest, *earlier = versions
    counts = open_drafts_by_version(db, now=now)
    drafts = open_drafts(db, [version.id for version in earlier], now=now, most=most)
    found = [_effects(db, draft, versions, keyring, today) for draft in drafts]
    return Impact(
        policy=definition_of(newest).drafts.on_new_version,
        open=sum(counts.get(version.id, 0) for version in earlier),
        waiting_signers=count_waiting(db, [version.id for version in earlier]),
        looked_at=len(found),
        touched=sum(1 for effects in found if effects),
        most_questions=max((effects[Effect.MUST_ANSWER] for effects in found), default=0),
        drafts=Counter(effect for effects in found for effect in effects),
    )


def _effects(
    db: Session, draft: Draft, versions: Sequence[FormVersion], keyring: Keyring, today: date
) -> Counter[Effect]:
    later = [version for version in reversed(versions) if version.number > draft.version.number]
    before = fill(db, draft, keyring, today)
    return Counter(touch.effect for touch in move(before, NewVersion(draft, later).differences).touches)


def impact_lines(found: Impact) -> list[str]:
    """Return the impact in sentences, with the number of drafts that were read where it is not all of them."""
    if not found.open:
        return [_("No open draft is on an earlier version."), *_signer_lines(found)]
    lines = [
        ngettext(
            "%(num)s open draft is on an earlier version.", "%(num)s open drafts are on earlier versions.", found.open
        ),
        _policy_sentence(found.policy),
    ]
    if found.looked_at < found.open:
        lines.append(_("Counted below: the %(num)s that were changed last.", num=found.looked_at))
    effects = [_effect_sentence(found, effect) for effect in _EFFECTS if found.drafts[effect]]
    return lines + (effects or [_("None of them changes.")]) + _signer_lines(found)


def _signer_lines(found: Impact) -> list[str]:
    if not found.waiting_signers:
        return []
    return [_("Waiting signers: %(num)s. They sign what was sent, as it was then.", num=found.waiting_signers)]


_EFFECTS = tuple(effect for effect in Effect if effect is not Effect.NOTHING)


def _policy_sentence(policy: str) -> str:
    return {
        "keep": _("They stay on their version."),
        "move": _("They move to the new one when they are opened next."),
        "ask": _("People are asked when they come back."),
    }[policy]


def _effect_sentence(found: Impact, effect: Effect) -> str:
    drafts = found.drafts[effect]
    more = ngettext("one more question", "up to %(num)s more questions", found.most_questions)
    return {
        Effect.MUST_ANSWER: _("%(drafts)s must answer %(more)s.", drafts=drafts, more=more),
        Effect.ANSWER_AGAIN: _("%(drafts)s must answer a question again.", drafts=drafts),
        Effect.CHECK: _("%(drafts)s must check an answer, as the wording has changed.", drafts=drafts),
        Effect.NOT_SENT: _("%(drafts)s will lose an answer that we no longer ask for.", drafts=drafts),
        Effect.KEPT: _("%(drafts)s will be asked for an answer again, or not, after another answer.", drafts=drafts),
        Effect.MAY_ANSWER: _("%(drafts)s may answer a new question.", drafts=drafts),
    }[effect]
