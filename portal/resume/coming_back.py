"""Letting somebody back into a draft: the link that does, the browser that asked for it, and how often to try."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import redirect
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.accounts.rules import EmailAddress
from portal.audit import record
from portal.drafts.models import Draft
from portal.drafts.open_draft import OpenDraft, holder, kept_by
from portal.drafts.operations import grant, keep_longer
from portal.drafts.queries import find_draft, grants_of
from portal.form_definitions.versions.queries import definition_of
from portal.mail import messages
from portal.resume.models import ResumeLink
from portal.resume.operations import (
    address_hash,
    allow_again,
    device_hash,
    issue_link,
    link_address,
    note_delivery,
    proof_hash,
    proved_addresses,
)
from portal.resume.queries import last_link, link_of_device
from portal.sessions.browser_sessions import browser, keep_cookie, kept_token
from portal.sessions.operations import Holder
from portal.sessions.queries import FoundSession
from portal.site_settings.current import local_day, settings
from portal.tokens import new_token, readable_code
from portal.web.addresses import actor, public_url, remote_network, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER
from portal.web.languages import language
from portal.web.limits import Limit, Throttle, require, take_within
from portal.web.unit_of_work import db, now, reading

DEVICE_COOKIE = "resume_device"
KNOWN_FOR = timedelta(days=90)
PROOF_LENGTH = 5
"""Not six digits, so that nobody takes it for the code that lets a guest in."""
MINUTE = timedelta(minutes=1)
_TYPED_CODE = Limit(name="resume-code", burst=5, interval=MINUTE)
_CODE_DRAFT = Limit(name="resume-code-draft", burst=50, interval=MINUTE)
_CODE_MAIL = Limit(name="resume-code-mail", burst=5, interval=2 * MINUTE)
_COME_BACK = Limit(name="come-back", burst=30, interval=MINUTE)
_COME_BACK_NETWORK = Limit(name="come-back-network", burst=1000, interval=timedelta(seconds=1))
_RETURN = Limit(name="return-code", burst=10, interval=MINUTE)
_RETURN_RESERVE = Limit(name="return-code-reserve", burst=10, interval=MINUTE, first_after=MINUTE)
_RETURN_DEVICE = Limit(name="return-code-device", burst=10, interval=MINUTE)
_RETURN_NETWORK = Limit(name="return-code-network", burst=50, interval=timedelta(seconds=20))
_LINK_MAIL = Limit(name="resume-link-mail", burst=10, interval=5 * MINUTE)
_LINK_MAIL_ADDRESS = Limit(name="resume-link-mail-address", burst=10, interval=5 * MINUTE)
_LINK_MAIL_RESERVE = Limit(name="resume-link-mail-reserve", burst=1, interval=5 * MINUTE, first_after=MINUTE)
_LINK_MAIL_NETWORK = Limit(name="resume-link-mail-network", burst=60, interval=MINUTE)
_LOST_LINK = Limit(name="lost-link-mail", burst=3, interval=10 * MINUTE)
_LOST_LINK_NETWORK = Limit(name="lost-link-mail-network", burst=1, interval=10 * MINUTE)
MAILED_LATELY = _LOST_LINK.burst * _LOST_LINK.interval
_PROOF = Limit(name="address-proof", burst=5, interval=MINUTE)


def remember_browser() -> str | None:
    """Give this browser a cookie, or the one that it has for longer; None where it is not to be remembered."""
    if browser().is_shared:
        forget_browser()
        return None
    token = kept_token(DEVICE_COOKIE) or new_token()
    keep_cookie(DEVICE_COOKIE, token, KNOWN_FOR)
    return token


def forget_browser() -> None:
    """Take the cookie away again."""
    if kept_token(DEVICE_COOKIE):
        keep_cookie(DEVICE_COOKIE, None)


def is_known_browser(draft: Draft) -> bool:
    """Whether a link to this draft was asked for in this browser, and the browser is its person's own.

    It does not count where the guest who asked has lost the draft since.
    """
    asked = _asked_here(reading(), draft.id)
    if asked is None or browser().is_shared:
        return False
    return asked.guest_id is None or asked.guest_id in grants_of(reading(), draft.id)


def browser_hash(draft_id: int) -> bytes | None:
    """The hash of this browser's cookie for a draft, where a link to it was asked for here."""
    asked = _asked_here(reading(), draft_id)
    return asked.device_hash if asked else None


def _asked_here(db: Session, draft_id: int) -> ResumeLink | None:
    """The last link to a draft that was asked for in this browser."""
    token = kept_token(DEVICE_COOKIE)
    return link_of_device(db, draft_id, device_hash(draft_id, token)) if token else None


def mail_link(draft: Draft, address: str, code: str | None = None, **about: Any) -> None:
    """Mail a link to the draft, in the transaction of the save; `code` goes with it, to prove the address.

    `about` is what else `issue_link` keeps of the link.
    """
    token = issue_link(db(), draft, address, keyring=app_state().configuration.keyring, now=now(), **about)
    delivery = messages.resume_link(
        db(),
        to=address,
        title=definition_of(draft.version).title.in_(language()),
        link=public_url(f"/resume/{token}"),
        reference=draft.reference,
        keep_until=local_day(draft.expires_at),
        proof=code,
        now=now(),
    )
    note_delivery(db(), token, delivery)


def mail_link_to_guest(draft: Draft, address: str) -> None:
    """Mail a guest the link, with a code that proves the address unless it is proved; remember the browser."""
    guest_id = holder().guest_id
    allow_again(db(), draft, address)
    code = None if address in proved_addresses(db(), draft, guest_id) else readable_code(PROOF_LENGTH)
    proof = proof_hash(app_state().configuration.secret_key, draft.id, code) if code else None
    mail_link(draft, address, code, guest_id=guest_id, device=remember_browser(), proof=proof)


def mail_begun_draft(draft: Draft, address: str) -> None:
    """Mail somebody the link to a draft that one of the staff has begun for them."""
    token = issue_link(db(), draft, address, keyring=app_state().configuration.keyring, now=now())
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


def come_back(draft: Draft, *, by_code_to: ResumeLink | None = None, keeps: bool = False) -> ResponseReturnValue:
    """Go on with the full time for whoever proved the right to this draft, and go where work is left.

    A draft that became an account's meanwhile opens to its signed-in owner alone: a link, a code or a return code
    proves a guest, never a person. So a session of a person only ever goes on; if it was ended or replaced a moment
    ago, the page that comes next says so, or opens in the session that there is now. A person who brings a guest's
    draft is asked whether to add it to the account. Whoever has to wait is answered before anything is changed.

    `by_code_to` is the link to whose address the code went that they
    proved it with; `keeps` says that they want it kept longer.
    """
    live = browser().live(CUSTOMER)
    then = address_of_draft(draft) if keeps else first_unfinished(draft)
    if draft.person_id and (live is None or live.person_id != draft.person_id):
        return redirect(sign_in_page(then), 303)
    require(take_within(db(), opening_throttle(draft), now=now()))
    returning = _returning(draft, live)
    if not (live and _is_same(live, returning) and browser().replace(live, guest_id=returning.guest_id)):
        if live and live.person_id:
            return redirect(then, 303)
        returning = Holder(guest_id=new_token())
        browser().open(CUSTOMER, returning)
    if keeps:
        keep_for_longer(draft)
    if returning.guest_id:
        grant(db(), draft, returning.guest_id, **_way_in(draft, by_code_to))
    if returning.person_id and draft.person_id is None:
        return redirect(f"{address_of_draft(draft)}/save/claim", 303)
    return redirect(f"{address_of_draft(draft)}?kept=1" if keeps else then, 303)


def _way_in(draft: Draft, by_code_to: ResumeLink | None) -> dict[str, Any]:
    """From whom the right of a new guest comes: who worked on the draft in this browser, else whose code they typed."""
    here, asked, grants = browser().find(CUSTOMER), _asked_here(db(), draft.id), grants_of(db(), draft.id)
    before = (here.guest_id if here else None, asked.guest_id if asked else None)
    made_by = next((guest_id for guest_id in before if guest_id in grants), None)
    if made_by or by_code_to is None:
        return {"made_by": made_by}
    address = link_address(by_code_to, app_state().configuration.keyring)
    return {"made_by": by_code_to.guest_id, "through": address_hash(draft.id, address)}


def keep_for_longer(draft: Draft) -> None:
    """Keep the draft for the full time from now, as its person asks."""
    keep_longer(draft, kept_by(definition_of(draft.version)), now=now())
    record(db(), "draft_kept_longer", by=actor(holder().person_id), now=now(), subject=draft.reference)


def address_of_draft(draft: Draft) -> str:
    """The address of a draft."""
    return f"/drafts/{draft.reference}"


def _is_same(live: FoundSession, returning: Holder) -> bool:
    """Whether the same person goes on; their other tabs keep their form token."""
    if live.person_id or returning.person_id:
        return live.person_id == returning.person_id
    return live.guest_id == returning.guest_id


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
    return OpenDraft(draft).return_address()


def opening_throttle(draft: Draft) -> Throttle:
    """Coming back to one draft, with whatever proves the right to it: each time a session is opened and recorded.

    Guests can make as many drafts as they like, so all that come back from one network have a limit as well.
    """
    network = [] if draft.person_id else [(_COME_BACK_NETWORK, remote_network(settings().known_networks))]
    return [(_COME_BACK, str(draft.id)), *network]


def code_throttle(code_id: int, draft_id: int) -> Throttle:
    """Typing one mailed code: five tries, then one a minute; and all codes of one draft together."""
    return [(_TYPED_CODE, str(code_id)), (_CODE_DRAFT, str(draft_id))]


def code_mail_throttle(draft_id: int) -> Throttle:
    """Having codes for one draft mailed."""
    return [(_CODE_MAIL, str(draft_id))]


def return_throttles(reference: str, device: bytes | None) -> Sequence[Throttle]:
    """Typing a reference with its return code: strangers share the tries, whatever networks they come from.

    Once those are used up, each network has a try a minute after it first asked: who guesses from elsewhere keeps
    nobody out who has only the slip. A browser in which a link to the draft was asked for has tries of its own.
    """
    if device:
        return [[(_RETURN_DEVICE, device.hex())]]
    network = (_RETURN_NETWORK, remote_network())
    return [[(_RETURN, reference), network], [(_RETURN_RESERVE, f"{reference} {remote_network()}"), network]]


def link_mail_throttles(letters: Mapping[Draft, EmailAddress]) -> Sequence[Throttle]:
    """Having links to drafts mailed: of each draft, from one network, and to one address whatever the draft.

    The last is for drafts that have sent no link there: nobody's own drafts use up what another one needs that has.
    Once it is used up, each network has a reserve: a mail a minute after it first asked, then one in five minutes.
    """
    network = remote_network()
    limits = [(_LINK_MAIL_NETWORK, network), *((_LINK_MAIL, str(draft.id)) for draft in letters)]
    new = sorted({address.key for draft, address in letters.items() if not _is_mailed_last(draft, address)})
    shared = [(_LINK_MAIL_ADDRESS, key) for key in new]
    return [[*limits, *shared], [*limits, *((_LINK_MAIL_RESERVE, f"{key} {network}") for key in new)]]


def _is_mailed_last(draft: Draft, address: EmailAddress) -> bool:
    """Whether the last link to a draft went to this address."""
    last = last_link(reading(), draft.id)
    mailed = link_address(last, app_state().configuration.keyring) if last else ""
    return bool(mailed) and EmailAddress(email=mailed).key == address.key


def lost_link_throttle() -> Throttle:
    """Asking for lost links to be mailed: only the network counts, as anybody can ask for any address."""
    return [(_LINK_MAIL_NETWORK, remote_network())]


def lost_mail_throttles(address: EmailAddress) -> Sequence[Throttle]:
    """Mailing lost links to one address: all; then, once for each network, those to forms with none of late.

    Once these are used up, links mailed lately are in the mailbox.
    """
    return [[(_LOST_LINK, address.key)], [(_LOST_LINK_NETWORK, f"{address.key} {remote_network()}")]]


def proof_throttle(link_id: int) -> Throttle:
    """Typing the code that went with one link."""
    return [(_PROOF, str(link_id))]
