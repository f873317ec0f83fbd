"""The forms of accounts, as they are posted."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest
from wtforms import EmailField, Field, HiddenField, PasswordField, StringField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, StopValidation, ValidationError

from portal.accounts.passwords import guessable_fault
from portal.accounts.rules import (
    LONGEST_PERSON_NAME,
    BadAddressError,
    EmailAddress,
    parse_email_address,
    password_fault,
)
from portal.characters import JOINERS, plain, trimmed
from portal.web.strict_input import repeated


class Needed(InputRequired):
    """Refuses a field in which nothing is seen."""

    def __call__(self, form: BaseForm, field: Field) -> None:
        """Stop where the field is empty, or holds only what nobody sees."""
        if not trimmed(typed_text(field)):
            field.errors = []
            raise StopValidation(str(self.message))


_EMAIL_MISSING = Needed(_("Enter your e-mail address"))  # type: ignore[arg-type]  # lazy texts are texts
_FACTOR_CODE_MISSING = Needed(_("Enter a code"))  # type: ignore[arg-type]
_PASSWORD_MISSING = InputRequired(_("Enter your password"))  # type: ignore[arg-type]


class AccountForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form whose fields each come once."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether the values can be used; a field that was sent twice is nobody's typing: 400."""
        if repeated(set(self._fields)):
            raise BadRequest
        return bool(super().validate(extra_validators))

    @property
    def summary(self) -> list[tuple[str, str]]:
        """What to put right, each with the link to its input."""
        return [(f"#{name}", str(texts[0])) for name, texts in self.errors.items() if texts]

    def error_of(self, name: str) -> str | None:
        """What is wrong with one field, or None."""
        errors = self[name].errors
        return str(errors[0]) if errors else None

    def refuse(self, field: Field, text: str) -> None:
        """Say beside a field why its value was not taken, once the view knows."""
        field.errors = [text]


def typed_text(field: Field) -> str:
    """What was typed into a field, as it came and as the page shows it again."""
    return str(field.data or "")


def typed_name(field: Field) -> str:
    """The name that was typed into a field: what nobody sees of it is dropped, but for what joins letters."""
    return plain(typed_text(field), keep=JOINERS)


def _is_one_address(_form: FlaskForm, field: Field) -> None:
    try:
        parse_email_address(typed_text(field))
    except BadAddressError as reason:
        raise ValidationError(gettext(str(reason))) from reason


def _is_good_password(form: FlaskForm, field: Field) -> None:
    """Of a person whose form knows the address, that is no password either."""
    own = typed_text(form.email) if "email" in form else getattr(form, "own_address", "")
    fault = password_fault(typed_text(field)) or guessable_fault(typed_text(field), own)
    if fault:
        raise ValidationError(gettext(fault))


def _fits_one_line(_form: FlaskForm, field: Field) -> None:
    if "\n" in typed_name(field) or len(typed_name(field)) > LONGEST_PERSON_NAME:
        raise ValidationError(gettext("Enter a name of 200 characters or fewer, on one line"))


class SignInForm(AccountForm):
    """Who signs in, and where to go then."""

    email = EmailField(validators=[_EMAIL_MISSING])
    password = PasswordField(validators=[_PASSWORD_MISSING])
    next = HiddenField()


class MailForm(AccountForm):
    """An address that a link is mailed to."""

    email = EmailField(validators=[_EMAIL_MISSING, _is_one_address])

    @property
    def address(self) -> EmailAddress:
        """The address of a valid form."""
        return parse_email_address(typed_text(self.email))


class RegisterForm(MailForm):
    """A new account's address and password, and where to go once it is made."""

    password = PasswordField(validators=[_PASSWORD_MISSING, _is_good_password])
    next = HiddenField()


class ConfirmForm(AccountForm):
    """The password that was chosen when registering."""

    password = PasswordField(
        validators=[_PASSWORD_MISSING],
        description=_("The password that you chose when you registered."),  # type: ignore[arg-type]
    )


class ConfirmAddressForm(AccountForm):
    """The password of the account that is to have another address."""

    password = PasswordField(
        validators=[_PASSWORD_MISSING],
        description=_("The password of your account."),  # type: ignore[arg-type]
    )


class NewPasswordForm(AccountForm):
    """A password to be set, by the person with this address."""

    password = PasswordField(validators=[_PASSWORD_MISSING, _is_good_password])

    def __init__(self, own_address: str = "") -> None:
        super().__init__()
        self.own_address = own_address


class ChangePasswordForm(NewPasswordForm):
    """The password as it is, and as it is to be."""

    old_password = PasswordField(validators=[InputRequired(_("Enter your current password"))])  # type: ignore[arg-type]


class NameForm(AccountForm):
    """How somebody wants to be called; empty: by the address."""

    name = StringField(validators=[_fits_one_line])


class FactorCodeForm(AccountForm):
    """A code from the app, or a recovery code, and where to go then."""

    code = StringField(validators=[_FACTOR_CODE_MISSING])
    next = HiddenField()


class SetUpForm(AccountForm):
    """The first code of an app; `secret` is what the page showed, sealed for this person."""

    code = StringField(validators=[_FACTOR_CODE_MISSING])
    secret = HiddenField()
    next = HiddenField()


class AgainForm(AccountForm):
    """The password of somebody who is signed in, and a code where they have a second factor."""

    password = PasswordField(validators=[_PASSWORD_MISSING])
    code = StringField()
    next = HiddenField()


class ObjectForm(AccountForm):
    """The address at which a mail was read."""

    email = EmailField(validators=[_EMAIL_MISSING])


class PressForm(AccountForm):
    """A button, and where to go then."""

    next = HiddenField()


class ClaimForm(AccountForm):
    """Whether a guest's form is added to the account."""

    next = HiddenField()
