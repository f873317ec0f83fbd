"""Letting somebody back into a draft, and mailing the link that does."""

from flask import redirect
from flask.typing import ResponseReturnValue

from portal.accounts.queries import person_by_id
from portal.drafts.models import Draft
from portal.drafts.opening import OpenDraft
from portal.drafts.operations import grant
from portal.drafts.queries import find_draft
from portal.form_definitions.queries import definition_of
from portal.mail import messages
from portal.resume.operations import issue_link, note_delivery
from portal.sessions.interface import visit
from portal.sessions.operations import Holder, end_session
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.site_settings.times import language, local_day
from portal.tokens import new_token
from portal.web.addresses import public_url, sign_in_page
from portal.web.declarations import CUSTOMER
from portal.web.portal import portal
from portal.web.unit_of_work import db, now


def mail_link(draft: Draft, address: str) -> None:
    """Mail a link to the draft, in the transaction of the save."""
    token = issue_link(db(), draft, address, keyring=portal().configuration.keyring, now=now())
    delivery = messages.resume_link(
        db(),
        to=address,
        title=definition_of(draft.version).title.in_(language()),
        link=public_url(f"/resume/{token}"),
        reference=draft.reference,
        keep_until=local_day(draft.expires_at),
        now=now(),
    )
    note_delivery(db(), token, delivery)


def hand_over(draft: Draft, address: str) -> None:
    """Mail somebody the link to a draft that one of the staff has begun for them."""
    token = issue_link(db(), draft, address, keyring=portal().configuration.keyring, now=now())
    delivery = messages.begun_for_you(
        db(),
        to=address,
        title=definition_of(draft.version).title.in_(language()),
        link=public_url(f"/resume/{token}"),
        reference=draft.reference,
        who=draft.begun_by_name or "",
        keep_until=local_day(draft.expires_at),
        now=now(),
    )
    note_delivery(db(), token, delivery)


def mail_link_to_owner(draft: Draft) -> None:
    """Mail the owner of an account's draft the link, as often as they save; a guest is asked for an address first."""
    person = person_by_id(db(), draft.person_id) if draft.person_id else None
    if person:
        mail_link(draft, person.email)


def come_back(draft: Draft) -> ResponseReturnValue:
    """Open a new session with the full time for whoever proved the right to this draft, and go where work is left.

    A draft that became an account's meanwhile opens to its signed-in owner alone: a link, a code or a return code
    proves a guest, never a person.
    """
    live = visit().live_of(CUSTOMER)
    if draft.person_id and (live is None or live.person_id != draft.person_id):
        return redirect(sign_in_page(first_unfinished(draft)), 303)
    holder = _returning(draft, live)
    if holder.guest_id and draft.person_id is None:
        grant(db(), draft, holder.guest_id)
    if live:
        end_session(db(), live.id, EndReason.REPLACED, now=now())
    visit().open(CUSTOMER, holder, csrf_secret=live.csrf_secret if live and _is_same(live, holder) else None)
    return redirect(first_unfinished(draft), 303)


def _is_same(live: FoundSession, holder: Holder) -> bool:
    """Whether the same person goes on; their other tabs keep their form token."""
    if live.person_id or holder.person_id:
        return live.person_id == holder.person_id
    return live.guest_id == holder.guest_id


def _returning(draft: Draft, live: FoundSession | None) -> Holder:
    """Who comes back: the owner; else the guest who already holds the draft here; else a new guest."""
    if draft.person_id:
        return Holder(person_id=draft.person_id)
    if live is None:
        return Holder(guest_id=new_token())
    here = Holder(person_id=live.person_id, guest_id=live.guest_id)
    if live.guest_id and find_draft(db(), draft.reference, here, now=now()):
        return here
    return Holder(person_id=live.person_id, guest_id=new_token())


def first_unfinished(draft: Draft) -> str:
    """Where work is left: what was typed too late, else the first section that is not complete, else the check page.

    Whoever is to decide about a new version of the form does so before.
    """
    return OpenDraft(draft).way_back()
