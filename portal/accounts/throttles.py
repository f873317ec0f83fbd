"""How often somebody may try at each door; tries are counted for an address from one network, and for the network."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from portal.web.addresses import remote_network
from portal.web.limits import Limit, take, wait_before

Throttle = Sequence[tuple[Limit, str]]
"""Limits, each with the subject whose tries it counts."""

_MINUTE = timedelta(minutes=1)
_SIGN_IN = Limit(door="sign-in", burst=10, interval=_MINUTE)
_SIGN_IN_NETWORK = Limit(door="sign-in-network", burst=100, interval=timedelta(seconds=10))
_MAIL = Limit(door="account-mail", burst=5, interval=timedelta(minutes=10))
_MAIL_NETWORK = Limit(door="account-mail-network", burst=30, interval=_MINUTE)
_CONFIRM = Limit(door="confirm", burst=10, interval=_MINUTE)


def sign_in_throttle(address_key: str) -> Throttle:
    """Signing in with this address from the network of this request."""
    return _both(_SIGN_IN, _SIGN_IN_NETWORK, address_key)


def mail_throttle(address_key: str) -> Throttle:
    """Having mail about an account sent to this address: it must not fill a stranger's mailbox."""
    return _both(_MAIL, _MAIL_NETWORK, address_key)


def confirm_throttle(token: str) -> Throttle:
    """Typing the password that goes with one mailed link."""
    return [(_CONFIRM, token)]


def wait_for(throttle: Throttle, *, now: datetime) -> timedelta | None:
    """How long to wait before the next try, or None; uses nothing up.

    Who then fails uses a try up (`use_try`), who succeeds does not; requests that arrive in the same instant may so
    pass together, never more of them than the portal has threads.
    """
    return max(filter(None, [wait_before(limit, subject, now=now) for limit, subject in throttle]), default=None)


def use_try(throttle: Throttle, *, now: datetime) -> timedelta | None:
    """Use one try up, or give how long to wait; call it before the request's write transaction begins."""
    return max(filter(None, [take(limit, subject, now=now) for limit, subject in throttle]), default=None)


def _both(limit: Limit, network_limit: Limit, address_key: str) -> Throttle:
    network = remote_network()
    return [(limit, f"{address_key} {network}"), (network_limit, network)]
