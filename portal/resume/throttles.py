"""How often somebody may try a code or a return code, or have a link or a code mailed."""

from datetime import timedelta

from portal.accounts.throttles import Throttle
from portal.web.addresses import remote_network
from portal.web.limits import Limit

_MINUTE = timedelta(minutes=1)
_CODE = Limit(door="resume-code", burst=5, interval=_MINUTE)
_CODE_DRAFT = Limit(door="resume-code-draft", burst=50, interval=_MINUTE)
_CODE_MAIL = Limit(door="resume-code-mail", burst=5, interval=2 * _MINUTE)
_RETURN = Limit(door="return-code", burst=10, interval=_MINUTE)
_RETURN_DEVICE = Limit(door="return-code-device", burst=10, interval=_MINUTE)
_RETURN_NETWORK = Limit(door="return-code-network", burst=50, interval=timedelta(seconds=20))
_LINK_MAIL = Limit(door="resume-link-mail", burst=10, interval=5 * _MINUTE)
_LINK_MAIL_ADDRESS = Limit(door="resume-link-mail-address", burst=10, interval=5 * _MINUTE)
_LINK_MAIL_NETWORK = Limit(door="resume-link-mail-network", burst=60, interval=_MINUTE)
_PROOF = Limit(door="address-proof", burst=5, interval=_MINUTE)


def code_throttle(code_id: int, draft_id: int) -> Throttle:
    """Typing one mailed code: five tries, then one a minute; and all codes of one draft together."""
    return [(_CODE, str(code_id)), (_CODE_DRAFT, str(draft_id))]


def code_mail_throttle(draft_id: int) -> Throttle:
    """Having codes for one draft mailed."""
    return [(_CODE_MAIL, str(draft_id))]


def return_throttle(reference: str, device: bytes | None) -> Throttle:
    """Typing a reference with its return code: strangers share the tries, whatever networks they come from.

    A browser in which a link to the draft was asked for has tries of its own.
    """
    if device:
        return [(_RETURN_DEVICE, device.hex())]
    return [(_RETURN, reference), (_RETURN_NETWORK, remote_network())]


def link_mail_throttle(draft_id: int, address_key: str) -> Throttle:
    """Having links mailed: of one draft, to one address whatever the draft, and from one network."""
    return [
        (_LINK_MAIL, str(draft_id)),
        (_LINK_MAIL_ADDRESS, address_key),
        (_LINK_MAIL_NETWORK, remote_network()),
    ]


def proof_throttle(link_id: int) -> Throttle:
    """Typing the code that went with one link."""
    return [(_PROOF, str(link_id))]
