"""How often somebody may try a code, a return code, or have a code mailed."""

from datetime import timedelta

from portal.accounts.throttles import Throttle
from portal.web.addresses import remote_network
from portal.web.limits import Limit

_MINUTE = timedelta(minutes=1)
_CODE = Limit(door="resume-code", burst=5, interval=_MINUTE)
_CODE_DRAFT = Limit(door="resume-code-draft", burst=30, interval=_MINUTE)
_CODE_MAIL = Limit(door="resume-code-mail", burst=5, interval=2 * _MINUTE)
_RETURN = Limit(door="return-code", burst=10, interval=_MINUTE)
_RETURN_NETWORK = Limit(door="return-code-network", burst=50, interval=timedelta(seconds=20))
_LINK_MAIL = Limit(door="resume-link-mail", burst=10, interval=5 * _MINUTE)


def code_throttle(code_id: int, draft_id: int) -> Throttle:
    """Typing one mailed code: five tries, then one a minute; and all codes of one draft together."""
    return [(_CODE, str(code_id)), (_CODE_DRAFT, str(draft_id))]


def code_mail_throttle(draft_id: int) -> Throttle:
    """Having codes for one draft mailed."""
    return [(_CODE_MAIL, str(draft_id))]


def return_throttle(reference: str) -> Throttle:
    """Typing a reference with its return code, from the network of this request."""
    network = remote_network()
    return [(_RETURN, f"{reference} {network}"), (_RETURN_NETWORK, network)]


def link_mail_throttle(draft_id: int) -> Throttle:
    """Having links to one draft mailed."""
    return [(_LINK_MAIL, str(draft_id))]
