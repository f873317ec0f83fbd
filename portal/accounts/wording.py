"""Words for what tables hold of accounts: devices, kinds of session, and what happened lately."""

from collections.abc import Mapping
from types import MappingProxyType

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.sessions.policies import MESSAGES, MOBILE, SIGNING
from portal.web.declarations import CUSTOMER, HUB

KINDS: Mapping[str, LazyString] = MappingProxyType(
    {
        CUSTOMER: _("Customer portal"),
        HUB: _("Staff hub"),
        MESSAGES: _("Messages"),
        SIGNING: _("Signing"),
        MOBILE: _("Work without signal"),
    }
)
DEEDS: Mapping[str, LazyString] = MappingProxyType(
    {
        "account_created": _("The account was made"),
        "signed_in": _("Signed in"),
        "signed_out": _("Signed out"),
        "sign_in_failed": _("A wrong password was typed, and nobody was let in"),
        "second_factor_failed": _("The password was right and the code was wrong, and nobody was let in"),
        "password_again_failed": _("A wrong password was typed before a change, and nothing was changed"),
        "password_link_requested": _("A link to set a new password was asked for"),
        "password_set": _("A new password was set"),
        "address_change_asked": _("Another e-mail address was asked for"),
        "address_changed": _("The e-mail address was changed"),
        "address_change_objected": _("Somebody objected to a change of the e-mail address"),
        "name_changed": _("The name was changed"),
        "second_factor_on": _("The second factor was switched on"),
        "second_factor_off": _("The second factor was switched off"),
        "second_factor_reset": _("An administrator removed the second factor"),
        "recovery_codes_renewed": _("New recovery codes were made"),
        "recovery_code_used": _("A recovery code was used"),
        "own_session_ended": _("A session was ended from another device or browser"),
        "own_sessions_ended": _("All other sessions were ended"),
        "device_forgotten": _("A remembered device was forgotten"),
        "role_changed": _("An administrator changed what the account may do"),
        "account_disabled": _("An administrator closed the account"),
        "account_enabled": _("An administrator opened the account again"),
        "person_sessions_ended": _("An administrator ended the sessions"),
    }
)
"""What the security page says of a line of the audit log; others are none of the person's account."""


def device_words(device: str | None) -> str:
    """A device as it is stored, like `Firefox/Windows`, in words."""
    browser, _slash, system = (device or "").partition("/")
    if browser and system:
        return gettext("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or gettext("An unknown browser")
