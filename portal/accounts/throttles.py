"""How often somebody may try each thing, however many networks and processes the tries come through.

Strangers share the tries of an account, wherever they are; a device that its owner has used has tries of its own, so
that who guesses slows down other strangers, never the owner at home. A network has tries as well, for all accounts.

What strangers can use up is never what the owner needs: a link for a new password is always in the mailbox, asking for
it draws on no limit that anything else uses up, and nothing but the link is needed to open and use it. Where strangers
have used up what may be mailed to an address, each network or person has a reserve: a mail a minute after they first
asked, then one in ten minutes.
"""

from collections.abc import Sequence
from datetime import timedelta

from portal.accounts.models import KnownDevice
from portal.web.addresses import remote_network
from portal.web.limits import Limit, Throttle

_A_MINUTE = timedelta(minutes=1)
_SIGN_IN = Limit(name="sign-in", burst=10, interval=_A_MINUTE)
_SIGN_IN_NETWORK = Limit(name="sign-in-network", burst=100, interval=timedelta(seconds=10))
_REGISTER = Limit(name="account-mail", burst=5, interval=timedelta(minutes=10))
_REGISTER_RESERVE = Limit(name="account-mail-reserve", burst=1, interval=timedelta(minutes=10), first_after=_A_MINUTE)
_MAIL_NETWORK = Limit(name="account-mail-network", burst=30, interval=_A_MINUTE)
_RESET_MAIL = Limit(name="reset-mail", burst=5, interval=timedelta(minutes=10))
_RESET_NETWORK = Limit(name="reset-network", burst=100, interval=timedelta(seconds=10))
_MOVE = Limit(name="move-mail", burst=5, interval=timedelta(minutes=10))
_MOVE_TO = Limit(name="move-mail-to", burst=5, interval=timedelta(minutes=10))
_MOVE_TO_RESERVE = Limit(name="move-mail-to-reserve", burst=1, interval=timedelta(minutes=10), first_after=_A_MINUTE)
_CONFIRM = Limit(name="confirm", burst=10, interval=_A_MINUTE)
_OBJECT = Limit(name="object", burst=10, interval=_A_MINUTE)
_AGAIN = Limit(name="password-again", burst=10, interval=_A_MINUTE)
_SIGN_IN_DEVICE = Limit(name="sign-in-device", burst=10, interval=_A_MINUTE)
_FACTOR = Limit(name="second-factor", burst=10, interval=timedelta(minutes=5))
_FACTOR_MAILED = Limit(name="second-factor-mailed", burst=10, interval=timedelta(minutes=5))
_GUESSED = Limit(name="code-guessed-mail", burst=1, interval=timedelta(days=1))
_SET_UP = Limit(name="second-factor-set-up", burst=5, interval=timedelta(minutes=10))
_RENEW = Limit(name="recovery-codes", burst=5, interval=timedelta(minutes=10))
_FACTOR_DEVICE = Limit(name="second-factor-device", burst=10, interval=_A_MINUTE)
_RIGHT = Limit(name="right-password", burst=60, interval=_A_MINUTE)
_RIGHT_DEVICE = Limit(name="right-password-device", burst=60, interval=_A_MINUTE)


def sign_in_throttle(address_key: str, device: KnownDevice | None = None) -> Throttle:
    """Signing in with this address, on a device that its owner has used or on any other."""
    if device:
        return [(_SIGN_IN_DEVICE, str(device.id))]
    return [(_SIGN_IN, address_key), (_SIGN_IN_NETWORK, remote_network())]


def register_throttles(address_key: str) -> Sequence[Throttle]:
    """Registering with this address, whose mail must not fill a stranger's mailbox; then the network's reserve."""
    network = (_MAIL_NETWORK, remote_network())
    return [[(_REGISTER, address_key), network], [(_REGISTER_RESERVE, f"{address_key} {remote_network()}"), network]]


def reset_throttle() -> Throttle:
    """Asking for a link for a new password: only the network counts, as anybody can ask for any address."""
    return [(_RESET_NETWORK, remote_network())]


def reset_mail_throttle(address_key: str) -> Throttle:
    """Mailing another link for a new password. Once these are used up, the last ones are in the mailbox and work."""
    return [(_RESET_MAIL, address_key)]


def move_throttles(person_id: int, address_key: str) -> Sequence[Throttle]:
    """Having a person's account moved to this address: both mailboxes are told each time; then the person's reserve."""
    own = [(_MOVE, str(person_id)), (_MAIL_NETWORK, remote_network())]
    return [[(_MOVE_TO, address_key), *own], [(_MOVE_TO_RESERVE, f"{address_key} {person_id}"), *own]]


def confirm_throttle(token: str) -> Throttle:
    """Typing the password that goes with one mailed link."""
    return [(_CONFIRM, token)]


def object_throttle(token: str) -> Throttle:
    """Typing the address that goes with one mailed link."""
    return [(_OBJECT, token)]


def again_throttle(person_id: int) -> Throttle:
    """Typing one's password again while signed in."""
    return [(_AGAIN, str(person_id))]


def factor_throttle(person_id: int, device: KnownDevice | None, *, is_mailed: bool = False) -> Throttle:
    """Typing a code after a right password: a million codes, three of which are right, take years.

    Whoever has just set the password by a mailed link has tries that those who only know a password do not use up.
    """
    if device:
        return [(_FACTOR_DEVICE, str(device.id))]
    return [(_FACTOR_MAILED if is_mailed else _FACTOR, str(person_id))]


def right_throttle(person_id: int, device: KnownDevice | None) -> Throttle:
    """Typing the right password: each time it is hashed, and a session opens or gets another token.

    The try at guessing is returned only if this lets the person through, so whoever goes on is stopped before the hash.
    """
    return [(_RIGHT_DEVICE, str(device.id))] if device else [(_RIGHT, str(person_id))]


def renew_throttle(person_id: int) -> Throttle:
    """Making ten new recovery codes, each of which is hashed as slowly as a password."""
    return [(_RENEW, str(person_id))]


def set_up_throttle(person_id: int) -> Throttle:
    """Setting up the second factor with a right code, which makes ten recovery codes, too."""
    return [(_SET_UP, str(person_id))]


def guessed_throttle(person_id: int) -> Throttle:
    """Telling somebody that their codes are being guessed: once a day is enough."""
    return [(_GUESSED, str(person_id))]
