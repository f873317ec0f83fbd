"""Issuing links and codes, and letting people back into their draft with a new session."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.sealing import subject
from portal.keyring import Keyring
from portal.resume.models import ResumeCode, ResumeLink
from portal.resume.rules import CODE_LIFETIME
from portal.tokens import digits_code, keyed_hash, new_token, token_hash

LINK_ADDRESS = "link address"


def issue_link(db: Session, draft: Draft, address: str, *, keyring: Keyring, now: datetime) -> str:
    """A new link to a draft, to be mailed to this address; gives its token, which is stored nowhere."""
    token = new_token()
    sealed = keyring.seal(address.encode(), subject=subject(draft.id), place=LINK_ADDRESS)
    db.add(ResumeLink(token_hash=token_hash(token), draft_id=draft.id, address=sealed, issued_at=now))
    return token


def link_address(link: ResumeLink, keyring: Keyring) -> str:
    """Where a link was mailed."""
    return keyring.open(link.address, subject=subject(link.draft_id), place=LINK_ADDRESS).decode()


@dataclass(frozen=True, kw_only=True)
class IssuedCode:
    """A fresh code: `digits` go into the mail, `cookie` to the browser that asked."""

    digits: str
    cookie: str


def issue_code(db: Session, link: ResumeLink, *, secret: str, now: datetime) -> IssuedCode:
    """A code for one link and one browser."""
    issued = IssuedCode(digits=digits_code(), cookie=new_token())
    db.add(
        ResumeCode(
            token_hash=token_hash(issued.cookie),
            link_id=link.id,
            code_hash=keyed_hash(secret, f"{issued.cookie}:{issued.digits}"),
            expires_at=now + CODE_LIFETIME,
        )
    )
    return issued


def use_code(db: Session, code: ResumeCode) -> None:
    """Take a code that was typed rightly out of use; its link stays."""
    db.delete(code)


def forget_addresses(db: Session, draft_id: int) -> None:
    """Forget where a deleted draft's links were mailed; the links stay, to say that it is gone."""
    db.execute(update(ResumeLink).where(ResumeLink.draft_id == draft_id).values(address=b""))


def sweep_codes(db: Session, *, now: datetime) -> None:
    """Remove codes that no longer open anything."""
    db.execute(delete(ResumeCode).where(ResumeCode.expires_at < now))
