"""The forms of saving and coming back, as they are posted."""

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, StringField

from portal.accounts.forms import AccountForm, MailForm, Needed

_CODE_MISSING = Needed(_("Enter the code from the e-mail"))  # type: ignore[arg-type]


class SaveForm(MailForm):
    """The address that a guest wants the link at."""


class ProofForm(AccountForm):
    """The code that came with the link."""

    code = StringField(validators=[_CODE_MISSING])


class LeaveForm(AccountForm):
    """Leaving a shared computer: whether reference and return code are written down."""

    noted = BooleanField()


class CodeForm(AccountForm):
    """The code from the mail."""

    code = StringField(validators=[_CODE_MISSING])


class ReturnForm(AccountForm):
    """Reference and return code, from the slip."""

    reference = StringField(validators=[Needed(_("Enter your reference"))])  # type: ignore[arg-type]
    return_code = StringField(validators=[Needed(_("Enter your return code"))])  # type: ignore[arg-type]
