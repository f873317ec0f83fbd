"""A guest's way back, whatever the way out: what the page after the end offers, and the links that it mails."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.accounts.rules import EmailAddress
from portal.audit import record
from portal.drafts import pages
from portal.drafts.addresses import address_hash, answered_address, masked_address
from portal.drafts.models import Draft
from portal.drafts.open_draft import OpenDraft, holder
from portal.drafts.operations import keep_save_address
from portal.drafts.queries import any_draft, drafts_to_come_back_to, grants_of, locked_draft
from portal.drafts.sealing import save_address
from portal.resume.coming_back import MAILED_LATELY, mail_link, remember_browser
from portal.resume.operations import allow_again, is_taken_back, link_address, proved_addresses
from portal.resume.queries import guests_drafts_with, is_link_mailed, last_link
from portal.sessions.browser_sessions import sealed_session
from portal.sessions.late_forms import WayBack
from portal.sessions.operations import Holder
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER
from portal.web.unit_of_work import db, is_writing, now, reading

MOST_LOST = 5
"""How many forms one request for lost links sends links to, the last changed first."""
LEFT_FOR = timedelta(minutes=10)
"""How long after Sign out the page with the way back can still be used: it is closed, or left open for anybody."""


def way_back(found: FoundSession) -> WayBack | None:
    """Return how the guest of a session that has ended comes back; None where they have left nothing to come back to.

    After Sign out the guest may see reference and return code for a short while. After any other end anybody may sit at
    the computer, so the page names neither, and of an address only what its owner recognises.
    """
    drafts = () if found.person_id else drafts_left(found)
    is_private = found.reason is EndReason.SIGNED_OUT
    if not drafts or (is_private and now() >= found.ended_at + LEFT_FOR):
        return None
    addresses = {draft: mail_address(draft) for draft in drafts}
    known = list(dict.fromkeys(filter(None, addresses.values())))
    opened = [OpenDraft(draft, found_in=_seen()) for draft in drafts]
    return WayBack(
        proof=sealed_session(found),
        masked=", ".join(map(masked_address, known)) or None,
        is_sent=bool(known)
        and all(is_link_mailed(_seen(), draft.id, since=found.ended_at) for draft in drafts if addresses[draft]),
        keep_until=pages.keep_until(opened[0]),
        is_private=is_private,
        email=known[0] if known and is_private else "",
        slips=[slip for each in opened if is_private and (slip := pages.slip(each))],
    )


def drafts_left(found: FoundSession) -> Sequence[Draft]:
    """Return the forms that the guest of a session has begun to answer and can come back to, last changed first."""
    if found.kind != CUSTOMER or not found.guest_id:
        return ()
    return drafts_to_come_back_to(_seen(), Holder(guest_id=found.guest_id), now=now())


def mail_address(draft: Draft) -> str | None:
    """Return the one address at which we may write to the guest about this form; None where there is none.

    It is one that they have proved, else the one that the form names, else the one they gave to save it: to be sent a
    link there is what they gave it for.
    """
    keyring = app_state().configuration.keyring
    answered = answered_address(_seen(), draft, keyring=keyring, now=now())
    known = filter(None, (*proved_addresses(_seen(), draft), answered, save_address(keyring, draft)))
    return next((address for address in known if not is_taken_back(_seen(), draft, address)), None)


def guest_addresses(db: Session, draft: Draft, named: str | None) -> tuple[str, ...]:
    """Return where to write to the guest of this session about a form that they send, the best first.

    That is an address that they have proved, then the one that the form names, unless it was taken back.
    """
    known = (*proved_addresses(db, draft, holder().guest_id)[:1], named)
    return tuple(address for address in known if address and not is_taken_back(db, draft, address))


def mail_lost_links(address: EmailAddress, *, is_enough: bool = False, must_be_proved: bool = False) -> None:
    """Mail the links to the forms of guests who answered this address, for whoever has nothing left but the mailbox.

    Where there is none, as much is done and undone, so that time tells nobody who has begun a form. The browser that
    asks is not remembered: anybody may ask, and the link then wants a code from the same mailbox. `is_enough` leaves
    out the forms to which a link was mailed lately, which is in the mailbox and works; `must_be_proved` those whose
    guest has not proved the address: anybody can begin many forms that name it.
    """
    keyring = app_state().configuration.keyring
    found = guests_drafts_with(
        db(),
        address_hash(address),
        mailed_since=now() - MAILED_LATELY,
        is_enough=is_enough,
        must_be_proved=must_be_proved,
        now=now(),
        limit=MOST_LOST,
    )
    spare = list(filter(None, [any_draft(db())]))  # looked for in any case, as that takes time, too
    drafts = list(found) or spare
    for draft in _in_order(drafts):
        locked_draft(db(), draft.id)  # whoever takes the address back, or the form, is done then
    for draft in drafts:
        with db().begin_nested() as done:
            known = answered_address(db(), draft, keyring=keyring, now=now())
            is_theirs = bool(found) and known is not None and EmailAddress(email=known).key == address.key
            is_theirs = is_theirs and not (draft.person_id or draft.sent_at or draft.deleted_at)
            is_theirs = not is_taken_back(db(), draft, address.email) and is_theirs
            proved = {EmailAddress(email=each).key for each in proved_addresses(db(), draft)}
            is_theirs = is_theirs and (not must_be_proved or address.key in proved)
            mail_link(draft, known if known and is_theirs else address.email)
            db().flush()
            if not is_theirs:
                done.rollback()
    record(db(), "lost_links_asked_for", by=actor(), now=now(), drafts=len(found))


def link_destination(draft: Draft) -> str | None:
    """Return where a link to this draft may be mailed: to its account, else to its guest; None where to nobody."""
    if draft.person_id is None:
        return mail_address(draft)
    person = person_by_id(_seen(), draft.person_id)
    return person.email if person and person.is_active else None


def _seen() -> Session:
    """Return the database as this request has left it: a late form may have just been parked."""
    return db() if is_writing() else reading()


def _in_order(drafts: Iterable[Draft]) -> list[Draft]:
    """Drafts in the order in which they are locked."""
    return sorted(drafts, key=lambda draft: draft.id)


def _locked_for(found: FoundSession, draft_id: int) -> Draft | None:
    """Lock a draft of an ended session's guest; return None where they do not hold it any more, as the lock shows."""
    draft = locked_draft(db(), draft_id)
    return draft if found.guest_id in grants_of(db(), draft_id) else None


def mail_after_end(found: FoundSession, letters: Mapping[Draft, EmailAddress], *, is_typed: bool) -> bool:
    """Mail a link to each draft, unless it went to that address since the session ended: pressing twice sends once.

    Return whether the guest holds one of them still: it may be taken from them while this request is on its way.
    `is_typed` says that the guest typed the address on the page, which is then the address of the save page. A browser
    on a shared computer is not remembered: the link asks for a code there as well.
    """
    keyring, device = app_state().configuration.keyring, None if found.is_shared else remember_browser()
    drafts = {draft: letters[seen] for seen in _in_order(letters) if (draft := _locked_for(found, seen.id))}
    for draft, address in drafts.items():
        if not is_typed and is_taken_back(db(), draft, address.email):
            continue
        last = last_link(db(), draft.id)
        if last and last.issued_at >= found.ended_at and link_address(last, keyring) == address.email:
            continue
        if is_typed:
            keep_save_address(draft, address.email, keyring=keyring)
            allow_again(db(), draft, address.email)
        mail_link(draft, address.email, guest_id=found.guest_id, device=device)
        record(db(), "link_mailed_after_end", by=actor(), now=now(), subject=draft.reference)
    return bool(drafts)


def mail_to_left_behind(found: FoundSession) -> None:
    """Mail the link to a guest in whose browser somebody else goes on, unless they have one already."""
    for seen in _in_order(drafts_left(found)):
        draft, address = _locked_for(found, seen.id), mail_address(seen)
        if draft and address and last_link(db(), draft.id) is None:
            mail_link(draft, address, guest_id=found.guest_id)
            record(db(), "link_mailed_after_end", by=actor(), now=now(), subject=draft.reference)
