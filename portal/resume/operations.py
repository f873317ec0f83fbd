"""Issuing links and codes, proving addresses, and taking them back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from portal.accounts.rules import EmailAddress
from portal.db import delete_batch
from portal.drafts.models import Draft
from portal.drafts.operations import empty_expired, renew_return_code, take_from
from portal.drafts.queries import grants_of
from portal.drafts.rules import Grants
from portal.drafts.sealing import save_address, subject
from portal.keyring import Keyring
from portal.mail.rules import CODE_LIFETIME, MailedCode
from portal.resume.models import ResumeCode, ResumeLink
from portal.resume.queries import last_code, links_to, sessions_of_guests
from portal.sessions.operations import end_session, forget_guest
from portal.sessions.rules import EndReason
from portal.tokens import digits_code, keyed_hash, new_token, token_hash
from portal.web.app_state import app_state

LINK_ADDRESS = "link address"


def device_hash(draft_id: int, device: str) -> bytes:
    """What we store of a browser's cookie: another for each draft, so that rows do not tell who asked for both."""
    return token_hash(f"{draft_id} {device}")


def proof_hash(secret: str, draft_id: int, code: str) -> bytes:
    """What we store of the code that proves an address."""
    return keyed_hash(secret, f"proof {draft_id} {code}")


def address_hash(draft_id: int, address: str) -> bytes:
    """What we store of an address beside a guest whom it let in, and once it is taken back."""
    secret = app_state().configuration.secret_key
    return keyed_hash(secret, f"link address {draft_id} {EmailAddress(email=address).key}")


def issue_link(
    db: Session,
    draft: Draft,
    address: str,
    *,
    keyring: Keyring,
    now: datetime,
    guest_id: str | None = None,
    device: str | None = None,
    proof: bytes | None = None,
) -> str:
    """A new link to a draft, to be mailed to this address; return its token, which is stored nowhere.

    `guest_id` is the guest who asks; `device` the cookie of the browser that asks, where it may be remembered; `proof`
    the hash of a code that goes with the link.
    """
    token = new_token()
    db.add(
        ResumeLink(
            token_hash=token_hash(token),
            draft_id=draft.id,
            address=keyring.seal(address.encode(), subject=subject(draft.id), place=LINK_ADDRESS),
            issued_at=now,
            guest_id=guest_id,
            device_hash=device_hash(draft.id, device) if device else None,
            proof_hash=proof,
        )
    )
    return token


def note_delivery(db: Session, token: str, delivery: str) -> None:
    """Remember which mail took a link away, so that somebody can ask what became of it."""
    db.flush()
    db.execute(update(ResumeLink).where(ResumeLink.token_hash == token_hash(token)).values(delivery=delivery))


def link_address(link: ResumeLink, keyring: Keyring) -> str:
    """Where a link was mailed; empty where that is forgotten."""
    if not link.address:
        return ""
    return keyring.open(link.address, subject=subject(link.draft_id), place=LINK_ADDRESS).decode()


def proved_addresses(db: Session, draft: Draft, guest_id: str | None = None) -> list[str]:
    """The addresses at which a guest may rely on our mail arriving where it should, that of the last link first.

    They came in by a code from it; or whoever asked for a link to it has proved it, and their right comes from no
    reader of any address. Nobody but themselves may rely on what such a reader proves.
    """
    grants, links = grants_of(db, draft.id), links_to(db, draft.id)
    trusted = grants.same_person(guest_id)
    readers = grants.made_through() - trusted
    proved = {_hash_of(link) for link in links if link.proved_at and link.guest_id not in readers}
    proved.add(grants.came_through(guest_id) or b"")
    return list(dict.fromkeys(_address(link) for link in links if _hash_of(link) in proved))


def may_prove(link: ResumeLink, grants: Grants, guest_id: str | None) -> bool:
    """Whether a guest may prove the address of a link by its code.

    They asked for it in this browser, and their right does not come from the address's reader.
    """
    is_of_browser = link.proof_hash is not None and link.guest_id in {
        grant.guest_id for grant in grants.in_browser_of(guest_id)
    }
    return is_of_browser and may_take_back(link, grants, guest_id)


def prove_address(db: Session, link: ResumeLink, *, now: datetime) -> None:
    """Note that whoever asked for this link reads the mail of the address that it went to."""
    unproved = update(ResumeLink).where(ResumeLink.id == link.id, ResumeLink.proved_at.is_(None))
    db.execute(unproved.values(proved_at=now, proof_hash=None))


def may_take_back(link: ResumeLink, grants: Grants, guest_id: str | None) -> bool:
    """Whether a guest may take back the address of a link: they hold the draft, and not by its reader."""
    return guest_id in grants and guest_id not in grants.made_through(_hash_of(link), by_slip=False)


def take_back(db: Session, draft: Draft, address: str, *, keyring: Keyring, by: str | None, now: datetime) -> None:
    """Undo all that a wrong address made possible, and forget it; the caller has locked the draft.

    Its links and codes stop, also the links for which its readers asked. All whose right comes from its readers lose
    the draft and their sessions, but not the guest who takes it back. The return code, which readers have seen, is
    replaced. Links to other addresses go on.
    """
    hashed = address_hash(draft.id, address)
    readers = grants_of(db, draft.id).made_through(hashed, but=by)
    links = ((link, _hash_of(link)) for link in links_to(db, draft.id))
    wrong = {link.id: sent_to for link, sent_to in links if link.guest_id in readers or sent_to == hashed}
    db.execute(delete(ResumeCode).where(ResumeCode.link_id.in_(wrong)))
    for link_id, sent_to in wrong.items():
        forgotten = {"address": b"", "device_hash": None, "proof_hash": None, "proved_at": None}
        db.execute(update(ResumeLink).where(ResumeLink.id == link_id).values(taken_back=sent_to, **forgotten))
    saved = save_address(keyring, draft)
    if saved and address_hash(draft.id, saved) in wrong.values():
        draft.save_address = None
    _end_sessions_of_guests(db, readers, now=now)
    take_from(db, draft, readers, now=now)
    renew_return_code(draft, keyring=keyring)


def _end_sessions_of_guests(db: Session, guests: Collection[str], *, now: datetime) -> None:
    """End the sessions of guests; somebody who signed in keeps theirs, and is no longer that guest in it."""
    for row in sessions_of_guests(db, guests):
        if row.person_id:
            forget_guest(db, row.id, now=now)
        else:
            end_session(db, row.id, EndReason.TAKEN_BACK, now=now)


def is_taken_back(db: Session, draft: Draft, address: str) -> bool:
    """Whether this address was taken back for the draft: no mail about it goes there unless a guest asks anew."""
    taken_back = ResumeLink.taken_back == address_hash(draft.id, address)
    return bool(db.scalar(select(exists().where(ResumeLink.draft_id == draft.id, taken_back))))


def allow_again(db: Session, draft: Draft, address: str) -> None:
    """Let mail go to an address that was taken back, because a guest has typed it anew."""
    stopped = delete(ResumeLink).where(ResumeLink.draft_id == draft.id)
    db.execute(stopped.where(ResumeLink.taken_back == address_hash(draft.id, address)))


def _address(link: ResumeLink) -> str:
    return link_address(link, app_state().configuration.keyring)


def _hash_of(link: ResumeLink) -> bytes:
    return address_hash(link.draft_id, _address(link))


@dataclass(frozen=True, kw_only=True)
class IssuedCode:
    """A code for one browser: `cookie` goes there; `digits` into a mail, None where the mail is out already."""

    digits: str | None
    cookie: str


def issue_code(
    db: Session, link: ResumeLink, *, secret: str, now: datetime, keeps: bool = False, may_share: bool = True
) -> IssuedCode:
    """A code for one link and one browser: that of the last mail where it still serves, else a new one.

    The draft's lock lines up two clicks at once, so that they share one mail.
    """
    db.execute(select(Draft.id).where(Draft.id == link.draft_id).with_for_update())
    last = last_code(db, link.id, now=now) if may_share else None
    digits, cookie = None if last else digits_code(), new_token()
    db.add(
        ResumeCode(
            token_hash=token_hash(cookie),
            link_id=link.id,
            code_hash=last.code_hash if last else code_hash(secret, link, digits or ""),
            mailed_at=last.mailed_at if last else now,
            expires_at=last.expires_at if last else now + CODE_LIFETIME,
            keeps=keeps,
        )
    )
    return IssuedCode(digits=digits, cookie=cookie)


def code_hash(secret: str, link: ResumeLink, digits: str) -> bytes:
    """What we store of a code."""
    return keyed_hash(secret, f"link {link.id} {digits}")


def life_of(code: ResumeCode) -> MailedCode:
    """The code as the rules see it."""
    return MailedCode(mailed_at=code.mailed_at, expires_at=code.expires_at, used_at=code.used_at)


def use_code(db: Session, code: ResumeCode, *, now: datetime) -> None:
    """Take a code that was typed rightly out of use, in all browsers that share it; its link stays.

    It proves no address: whoever has typed it reads that address, but need not be who asked for the link.
    """
    shared = update(ResumeCode).where(ResumeCode.code_hash == code.code_hash, ResumeCode.used_at.is_(None))
    db.execute(shared.values(used_at=now))


def forget_addresses(db: Session, draft_id: int) -> None:
    """Forget where a deleted draft's links were mailed; the links stay, to say that it is gone."""
    db.execute(update(ResumeLink).where(ResumeLink.draft_id == draft_id).values(address=b""))


def sweep_drafts(db: Session, *, now: datetime) -> int:
    """Delete the answers of one batch of expired drafts, and where links to them were mailed; return how many."""
    drafts = empty_expired(db, now=now)
    links = update(ResumeLink).where(ResumeLink.draft_id.in_(drafts))
    db.execute(links.values(address=b"", device_hash=None, proof_hash=None))
    return len(drafts)


def sweep_codes(db: Session, *, now: datetime) -> int:
    """Delete one batch of codes that no longer open anything; return how many."""
    return delete_batch(db, ResumeCode, ResumeCode.expires_at < now)
