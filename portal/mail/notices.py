"""What people are told by mail of changes to their account, one row each: subject, what happened, what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.web.addresses import SECURITY_PAGE

NEW_PASSWORD_PAGE = "/account/password"  # noqa: S105 - an address, not a secret
LOOK = _("If it was not you, set a new password straight away, and see here where you are signed in:")
SET_PASSWORD = _("If it was not you, somebody else knows how to sign in as you. Set a new password here:")
CONTACT = _("If it was not you, contact us straight away.")


class Notice(Enum):
    """The changes that people are told of."""

    NEW_SIGN_IN = "new_sign_in"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a notice, not a secret
    CODE_GUESSED = "code_guessed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RECOVERY_CODE_USED = "recovery_code_used"
    ACCOUNT_DELETED = "account_deleted"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of one notice; `page` is the path that its link leads to, None where there is nothing to open."""

    subject: LazyString
    what: LazyString
    advice: LazyString = LOOK
    page: str | None = SECURITY_PAGE


WORDINGS: Mapping[Notice, Wording] = MappingProxyType(
    {
        Notice.NEW_SIGN_IN: Wording(
            subject=_("A new sign-in to your account"),
            what=_("Somebody signed in to your account on a device, or in a browser, that we had not seen before."),
        ),
        Notice.PASSWORD_CHANGED: Wording(
            subject=_("Your password was changed"),
            what=_("The password of your account was changed."),
            advice=SET_PASSWORD,
            page=NEW_PASSWORD_PAGE,
        ),
        Notice.CODE_GUESSED: Wording(
            subject=_("Somebody tried to sign in to your account"),
            what=_("Somebody typed your password correctly and then several wrong codes. They were not let in."),
            advice=SET_PASSWORD,
            page=NEW_PASSWORD_PAGE,
        ),
        Notice.SECOND_FACTOR_ON: Wording(
            subject=_("Your second factor is on"),
            what=_("From now on signing in to your account asks for a code as well."),
        ),
        Notice.SECOND_FACTOR_OFF: Wording(
            subject=_("Your second factor is off"),
            what=_("Signing in to your account no longer asks for a code."),
        ),
        Notice.SECOND_FACTOR_RESET: Wording(
            subject=_("Your second factor was removed"),
            what=_("An administrator removed the second factor of your account. Signing in no longer asks for a code."),
        ),
        Notice.RECOVERY_CODES_RENEWED: Wording(
            subject=_("You have new recovery codes"),
            what=_("New recovery codes were made for your account. The old ones no longer work."),
        ),
        Notice.RECOVERY_CODE_USED: Wording(
            subject=_("A recovery code was used"),
            what=_("One of your recovery codes was used in place of a code from your app. It will not work again."),
        ),
        Notice.ACCOUNT_DELETED: Wording(
            subject=_("Your account was deleted"),
            what=_("Your account was deleted, and with it the forms that you had not sent."),
            advice=CONTACT,
            page=None,
        ),
    }
)
