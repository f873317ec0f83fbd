"""Issuing links and codes, proving addresses, and taking links back."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from portal.db import SWEEP_BATCH, delete_batch, rows_changed
from portal.drafts.models import Draft
from portal.drafts.sealing import subject
from portal.keyring import Keyring
from portal.resume.models import ResumeCode, ResumeLink
from portal.resume.queries import last_code, proved_link
from portal.resume.rules import CODE_LIFETIME, MailedCode
from portal.tokens import digits_code, keyed_hash, new_token, token_hash
from portal.web.app_state import app_state

LINK_ADDRESS = "link address"


def device_hash(draft_id: int, device: str) -> bytes:
    """What we store of a browser's cookie: another for each draft, so that rows do not tell who asked for both."""
    return token_hash(f"{draft_id} {device}")


def proof_hash(secret: str, draft_id: int, code: str) -> bytes:
    """What we store of the code that proves an address."""
    return keyed_hash(secret, f"proof {draft_id} {code}")


def issue_link(
    db: Session,
    draft: Draft,
    address: str,
    *,
    keyring: Keyring,
    now: datetime,
    device: str | None = None,
    proof: bytes | None = None,
    proved_at: datetime | None = None,
) -> str:
    """A new link to a draft, to be mailed to this address; return its token, which is stored nowhere.

    `device` is the cookie of the browser that asks, where it may be remembered; `proof` the hash of a code that goes
    with the link, and `proved_at` when the same address was proved before.
    """
    token = new_token()
    db.add(
        ResumeLink(
            token_hash=token_hash(token),
            draft_id=draft.id,
            address=keyring.seal(address.encode(), subject=subject(draft.id), place=LINK_ADDRESS),
            issued_at=now,
            device_hash=device_hash(draft.id, device) if device else None,
            proof_hash=proof,
            proved_at=proved_at,
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


def proved_address(db: Session, draft: Draft) -> str | None:
    """The address of the last link of which somebody has shown that it reached them; None where nobody has."""
    link = proved_link(db, draft.id)
    return link_address(link, app_state().configuration.keyring) if link else None


def prove_address(db: Session, link: ResumeLink, *, now: datetime) -> None:
    """Note that somebody reads the mail of the address that this link went to."""
    unproved = update(ResumeLink).where(ResumeLink.id == link.id, ResumeLink.proved_at.is_(None))
    db.execute(unproved.values(proved_at=now, proof_hash=None))


def take_back(db: Session, draft: Draft, address: str, *, keyring: Keyring) -> None:
    """Stop the links that went to a wrong address, and forget it; links to other addresses go on."""
    links = db.scalars(select(ResumeLink).where(ResumeLink.draft_id == draft.id).order_by(ResumeLink.id))
    wrong = [link.id for link in links if link_address(link, keyring) == address]
    db.execute(delete(ResumeLink).where(ResumeLink.id.in_(wrong)))
    draft.save_address = None


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
    """Take a code that was typed rightly out of use, in all browsers that share it; its link stays, and is proved."""
    shared = update(ResumeCode).where(ResumeCode.code_hash == code.code_hash, ResumeCode.used_at.is_(None))
    db.execute(shared.values(used_at=now))
    prove_address(db, code.link, now=now)


def forget_addresses(db: Session, draft_id: int) -> None:
    """Forget where a deleted draft's links were mailed; the links stay, to say that it is gone."""
    db.execute(update(ResumeLink).where(ResumeLink.draft_id == draft_id).values(address=b""))


def sweep_links(db: Session, *, now: datetime) -> int:
    """Forget, in one batch, where links to expired drafts were mailed; return how many links."""
    over = (
        select(ResumeLink.id)
        .join(Draft, Draft.id == ResumeLink.draft_id)
        .where(Draft.expires_at < now, or_(ResumeLink.address != b"", ResumeLink.device_hash.is_not(None)))
        .order_by(ResumeLink.id)
        .limit(SWEEP_BATCH)
    )
    links = update(ResumeLink).where(ResumeLink.id.in_(over.scalar_subquery()))
    return rows_changed(db, links.values(address=b"", device_hash=None, proof_hash=None))


def sweep_codes(db: Session, *, now: datetime) -> int:
    """Delete one batch of codes that no longer open anything; return how many."""
    return delete_batch(db, ResumeCode, ResumeCode.expires_at < now)
