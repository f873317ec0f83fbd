"""The forms of the hub, as they are posted."""

from flask_babel import lazy_gettext as _
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.accounts.forms import AccountForm, MailForm

LONGEST_NOTE = 4000


class NoteForm(AccountForm):
    """A note about a case."""

    note = TextAreaField(
        validators=[
            DataRequired(_("Write a note")),  # type: ignore[arg-type]  # lazy texts are texts
            Length(max=LONGEST_NOTE, message=_("Write at most %(max)d characters")),  # type: ignore[arg-type]
        ]
    )


class CustomerForm(AccountForm):
    """Whom or what to look for."""

    customer = StringField(
        validators=[DataRequired(_("Enter an e-mail address or a reference"))]  # type: ignore[arg-type]
    )


class BeginForm(MailForm):
    """For whom a form is begun, and which."""

    form = StringField(validators=[DataRequired(_("Choose a form"))])  # type: ignore[arg-type]
    name = StringField(
        validators=[Length(max=200, message=_("Write at most %(max)d characters"))]  # type: ignore[arg-type]
    )
