"""What the running application is made of, as every view and command reaches it, and what its lower floors may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from flask import current_app, request

from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database

if TYPE_CHECKING:  # types of higher floors, for whoever reads or checks this; nothing here runs them
    from datetime import datetime

    from sqlalchemy.orm import Session

    from portal.drafts.models import Draft
    from portal.drafts.open_draft import OpenDraft
    from portal.drafts.rules import Filled
    from portal.form_definitions.definition import FormAnswers
    from portal.form_definitions.lookups import Offered
    from portal.sessions.late_forms import KeptWork, ParkablePage, Parked, WayBack
    from portal.sessions.policies import SessionKind
    from portal.sessions.queries import FoundSession
    from portal.signing.applicant import Signature, SigningPlan
    from portal.storage.sealed_files import SealedSpool
    from portal.submissions.models import Submission
    from portal.submissions.operations import Held
    from portal.web.counters import Tally
    from portal.web.declarations import Declaration


AnswerT = TypeVar("AnswerT", covariant=True)


class AskedOfPerson(Protocol[AnswerT]):
    """A question or order about a person, at an instant."""

    def __call__(self, db: Session, person_id: int, *, now: datetime) -> AnswerT: ...


@dataclass(frozen=True, kw_only=True)
class EndedPages:
    """The pages of a kind of session that says in its own words that it has ended."""

    ended: Callable[[FoundSession | None], str]
    """The page after the end; None where the browser shows no session that we explain."""
    late: Callable[[FoundSession, Parked | None], str]
    """The page for a form that came after the end, with what was kept of it."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What lower floors ask of higher ones. Only `portal.app` fills it, so that every arrow can be followed."""

    kept_work: Callable[[FoundSession, str | None], KeptWork | None]
    """What the holder of a session left unfinished, at a path or where they were last."""
    way_back: Callable[[FoundSession], WayBack | None]
    """How the guest of a session that has ended comes back to what they answered; None where there is nothing."""
    left_behind: Callable[[FoundSession], None]
    """Somebody else goes on in the browser of a guest, whose session ends now."""
    parkable_page: Callable[[FoundSession, str], ParkablePage | None]
    """The page whose values a late form sent to this path may leave behind."""
    ended_pages: Mapping[str, EndedPages]
    """The pages after the end, by kind; a kind without a row has the pages of sessions themselves."""
    place_of_page: Callable[[FoundSession, str], tuple[str, str]]
    """The ids of the form and section that a session has open at a path; empty texts where it has none."""
    guest_has_drafts: Callable[[Session, str], bool]
    """Whether a guest has begun a form."""
    claim_drafts: Callable[[Session, str, int], None]
    """Make a guest's drafts a person's."""
    draft_saved: Callable[[Draft], None]
    """Somebody saved a draft to come back to it later."""
    draft_deleted: Callable[[Session, int], None]
    """A draft was deleted; its id."""
    mail_is_refused: Callable[[Session, int], bool]
    """Whether the last link to a draft could not be delivered."""
    guest_addresses: Callable[[Session, Draft, str | None], tuple[str, ...]]
    """Where to write to a guest, the best first, of an address that they proved and the one that the form names."""
    sent_answers: Callable[[Session, Draft], FormAnswers]
    """The answers of a sent draft."""
    held_by: AskedOfPerson[Held]
    """How many drafts and sent forms a person has."""
    delete_drafts_of: AskedOfPerson[None]
    """Delete what a person typed and did not send."""
    hand_over_held: Callable[[Session, int, int], None]
    """Make the drafts and sent forms of one person another's."""
    file_stream: Callable[[int], SealedSpool]
    """What the parser of a request writes a file into, up to a number of bytes."""
    signing_plan: Callable[[OpenDraft, Sequence[str]], SigningPlan]
    """Whom a draft will ask to sign, and what stands against that; the addresses are the applicant's own."""
    invite_signers: Callable[[Session, Submission, Filled], None]
    """Ask the signers of a form that is sent now, in its transaction."""
    signatures: Callable[[Session, Submission], Sequence[Signature]]
    """Who has signed a sent form and who has not; empty where nobody is asked."""
    lookups_offered: Callable[[], Offered]
    """The look-ups that forms may name."""


@dataclass(kw_only=True)
class AppState:
    """The parts that `create_app` puts together."""

    configuration: Configuration
    clock: Clock
    database: Database
    policies: Mapping[str, SessionKind]
    hooks: Hooks
    tally: Tally


def app_state() -> AppState:
    """Return the parts of the application that handles this request or command."""
    return cast("AppState", current_app.extensions["portal"])


def called_view() -> Declaration | None:
    """Return what the view that this request calls declares; None where no address matched."""
    view = current_app.view_functions.get(request.endpoint or "")
    found: Declaration | None = view.__dict__["declaration"] if view else None
    return found
