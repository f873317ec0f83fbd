"""How often somebody may try at each door, however many networks and processes the tries come through.

Strangers share the tries of an account, wherever they are; a device that its owner has used has tries of its own, so
that who guesses slows down other strangers, never the owner at home. A network has tries as well, for all accounts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.accounts.models import KnownDevice
from portal.web.addresses import remote_network
from portal.web.limits import Limit, give_back, take_all, wait_before

Throttle = Sequence[tuple[Limit, str]]
"""Limits, each with the subject whose tries it counts."""

_MINUTE = timedelta(minutes=1)
_SIGN_IN = Limit(door="sign-in", burst=10, interval=_MINUTE)
_SIGN_IN_NETWORK = Limit(door="sign-in-network", burst=100, interval=timedelta(seconds=10))
_MAIL = Limit(door="account-mail", burst=5, interval=timedelta(minutes=10))
_MAIL_NETWORK = Limit(door="account-mail-network", burst=30, interval=_MINUTE)
_CONFIRM = Limit(door="confirm", burst=10, interval=_MINUTE)
_OBJECT = Limit(door="object", burst=10, interval=_MINUTE)
_AGAIN = Limit(door="password-again", burst=10, interval=_MINUTE)
_SIGN_IN_DEVICE = Limit(door="sign-in-device", burst=10, interval=_MINUTE)
_CODE = Limit(door="second-factor", burst=10, interval=timedelta(minutes=5))
_GUESSED = Limit(door="code-guessed-mail", burst=1, interval=timedelta(days=1))
_CODE_DEVICE = Limit(door="second-factor-device", burst=10, interval=_MINUTE)


def sign_in_throttle(address_key: str, device: KnownDevice | None = None) -> Throttle:
    """Signing in with this address, on a device that its owner has used or on any other."""
    if device:
        return [(_SIGN_IN_DEVICE, str(device.id))]
    return [(_SIGN_IN, address_key), (_SIGN_IN_NETWORK, remote_network())]


def mail_throttle(address_key: str) -> Throttle:
    """Having mail about an account sent to this address: it must not fill a stranger's mailbox."""
    return [(_MAIL, address_key), (_MAIL_NETWORK, remote_network())]


def confirm_throttle(token: str) -> Throttle:
    """Typing the password that goes with one mailed link."""
    return [(_CONFIRM, token)]


def object_throttle(token: str) -> Throttle:
    """Typing the address that goes with one mailed link."""
    return [(_OBJECT, token)]


def again_throttle(person_id: int) -> Throttle:
    """Typing one's password again while signed in."""
    return [(_AGAIN, str(person_id))]


def code_throttle(person_id: int, device: KnownDevice | None) -> Throttle:
    """Typing a code after a right password: a million codes, three of which are right, take years."""
    return [(_CODE_DEVICE, str(device.id))] if device else [(_CODE, str(person_id))]


def guessed_throttle(person_id: int) -> Throttle:
    """Telling somebody that their codes are being guessed: once a day is enough."""
    return [(_GUESSED, str(person_id))]


def wait_for(throttle: Throttle, *, now: datetime) -> timedelta | None:
    """How long to wait before the next try, or None; uses nothing up and writes nothing."""
    return max(filter(None, [wait_before(limit, subject, now=now) for limit, subject in throttle]), default=None)


def use_try(throttle: Throttle, *, now: datetime) -> timedelta | None:
    """Use one try up, or give how long to wait; call it before the request's write transaction begins.

    Who has to wait is told by a look that writes nothing, so that guessing by the thousand keeps nobody from saving.
    """
    return wait_for(throttle, now=now) or take_all(throttle, now=now)


def return_try(db: Session, throttle: Throttle) -> None:
    """Give a try back to somebody who was right: only failures use tries up."""
    give_back(db, throttle)
