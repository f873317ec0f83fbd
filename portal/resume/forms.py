"""The forms of saving and coming back, as they are posted."""

from flask_babel import lazy_gettext as _
from wtforms import StringField
from wtforms.validators import InputRequired

from portal.accounts.forms import AccountForm, MailForm


class SaveForm(MailForm):
    """The address that a guest wants the link at."""


class CodeForm(AccountForm):
    """The code from the mail."""

    code = StringField(validators=[InputRequired(_("Enter the code from the e-mail"))])  # type: ignore[arg-type]


class ReturnForm(AccountForm):
    """Reference and return code, from the slip."""

    reference = StringField(validators=[InputRequired(_("Enter your reference"))])  # type: ignore[arg-type]
    return_code = StringField(validators=[InputRequired(_("Enter your return code"))])  # type: ignore[arg-type]
