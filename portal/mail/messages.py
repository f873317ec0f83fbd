"""Every e-mail that the portal sends: one function a message, and a table of the notices about an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from enum import Enum
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session

from portal.outbox.definition import MAIL, Mail
from portal.outbox.operations import enqueue, new_public_id
from portal.site_settings.current import day_text
from portal.site_settings.definition import Settings
from portal.site_settings.queries import current_settings
from portal.web.addresses import SECURITY_PAGE, public_url
from portal.web.app_state import app_state
from portal.web.languages import language

LOCAL_PART = "no-reply"
NEW_PASSWORD_PAGE = "/account/password"  # noqa: S105 - an address, not a secret
CHECK_SESSIONS = lazy_gettext(
    "If it was not you, set a new password straight away, and see here where you are signed in:"
)
SET_PASSWORD = lazy_gettext("If it was not you, somebody else knows how to sign in as you. Set a new password here:")
SEE_SESSIONS = lazy_gettext("See where you are signed in")
NEW_PASSWORD = lazy_gettext("Set a new password")
CONTACT = lazy_gettext("If it was not you, contact us straight away.")


class Notice(Enum):
    """The changes to an account that people are told about."""

    NEW_SIGN_IN = "new_sign_in"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a notice, not a secret
    CODE_GUESSED = "code_guessed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RECOVERY_CODE_USED = "recovery_code_used"
    ACCOUNT_DELETED = "account_deleted"
    ADDRESS_GIVEN_BACK = "address_given_back"
    OBJECTION_UNSETTLED = "objection_unsettled"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of one notice; `page` is the path of its link, None where it has none; `action` is on its button."""

    subject: LazyString
    what: LazyString
    advice: LazyString = CHECK_SESSIONS
    page: str | None = SECURITY_PAGE
    action: LazyString = SEE_SESSIONS


WORDINGS: Mapping[Notice, Wording] = MappingProxyType(
    {
        Notice.NEW_SIGN_IN: Wording(
            subject=lazy_gettext("A new sign-in to your account"),
            what=lazy_gettext(
                "Somebody signed in to your account on a device, or in a browser, that we had not seen before."
            ),
        ),
        Notice.PASSWORD_CHANGED: Wording(
            subject=lazy_gettext("Your password was changed"),
            what=lazy_gettext("The password of your account was changed."),
            advice=SET_PASSWORD,
            page=NEW_PASSWORD_PAGE,
            action=NEW_PASSWORD,
        ),
        Notice.CODE_GUESSED: Wording(
            subject=lazy_gettext("Somebody tried to sign in to your account"),
            what=lazy_gettext(
                "Somebody entered your password correctly and then several wrong codes. They were not signed in."
            ),
            advice=SET_PASSWORD,
            page=NEW_PASSWORD_PAGE,
            action=NEW_PASSWORD,
        ),
        Notice.SECOND_FACTOR_ON: Wording(
            subject=lazy_gettext("Your second factor is on"),
            what=lazy_gettext("You now need a code as well as your password to sign in."),
        ),
        Notice.SECOND_FACTOR_OFF: Wording(
            subject=lazy_gettext("Your second factor is off"),
            what=lazy_gettext("You no longer need a code to sign in."),
        ),
        Notice.SECOND_FACTOR_RESET: Wording(
            subject=lazy_gettext("Your second factor was removed"),
            what=lazy_gettext(
                "An administrator removed the second factor of your account. You no longer need a code to sign in."
            ),
        ),
        Notice.RECOVERY_CODES_RENEWED: Wording(
            subject=lazy_gettext("You have new recovery codes"),
            what=lazy_gettext("New recovery codes were made for your account. The old ones no longer work."),
        ),
        Notice.RECOVERY_CODE_USED: Wording(
            subject=lazy_gettext("A recovery code was used"),
            what=lazy_gettext("Somebody signed in with one of your recovery codes. It will not work again."),
        ),
        Notice.ACCOUNT_DELETED: Wording(
            subject=lazy_gettext("Your account was deleted"),
            what=lazy_gettext("Your account was deleted, together with the forms that you had not sent."),
            advice=CONTACT,
            page=None,
        ),
        Notice.ADDRESS_GIVEN_BACK: Wording(
            subject=lazy_gettext("Your e-mail address was changed back"),
            what=lazy_gettext(
                "Somebody at the old e-mail address of this account told us that the change was wrong. The account "
                "uses the old address again. We will not send e-mails about it to this address any more."
            ),
            advice=lazy_gettext("If you think that this is wrong, contact us straight away."),
            page=None,
        ),
        Notice.OBJECTION_UNSETTLED: Wording(
            subject=lazy_gettext("We have closed an account for now"),
            what=lazy_gettext(
                "Somebody objected to a change of e-mail address, and we could not change it back by ourselves. We "
                "have closed the account, and our staff will look at it. Nothing that was saved or sent is lost."
            ),
            advice=lazy_gettext("Contact us straight away, so that we can give the account to the right person."),
            page=None,
        ),
    }
)


class SignatureNews(Enum):
    """What people are told about a signature."""

    SIGNED = "signed"
    DECLINED = "declined"
    WRONG = "wrong"
    NOT_ME = "not_me"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    TRIES = "tries"
    NEW_LINK = "new_link"
    YOU_SIGNED = "you_signed"
    YOU_ANSWERED = "you_answered"
    YOU_ARE_LATE = "you_are_late"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, kw_only=True)
class SignatureWording:
    """The words of news about a signature; `advice` is for the person whom it concerns, others need do nothing."""

    subject: LazyString
    what: LazyString
    advice: LazyString


NOTHING_TO_DO = lazy_gettext("You do not need to do anything.")
SIGNATURE_WORDINGS: Mapping[SignatureNews, SignatureWording] = MappingProxyType(
    {
        SignatureNews.SIGNED: SignatureWording(
            subject=lazy_gettext("Signed: %(title)s"),
            what=lazy_gettext("The form has been signed."),
            advice=lazy_gettext("You can see here who has signed and who has not:"),
        ),
        SignatureNews.DECLINED: SignatureWording(
            subject=lazy_gettext("Not signed: %(title)s"),
            what=lazy_gettext("Somebody who was asked to sign the form has decided not to sign it."),
            advice=lazy_gettext("Read what they told us, and what you can do now:"),
        ),
        SignatureNews.WRONG: SignatureWording(
            subject=lazy_gettext("Something is wrong in your form: %(title)s"),
            what=lazy_gettext("Somebody who was asked to sign the form says that something in it is wrong."),
            advice=lazy_gettext("Read what they told us. If they are right, send a corrected form:"),
        ),
        SignatureNews.NOT_ME: SignatureWording(
            subject=lazy_gettext("Sent to the wrong person: %(title)s"),
            what=lazy_gettext("Somebody got our e-mail who is not the person that should sign the form."),
            advice=lazy_gettext("Check the e-mail address, and change it here:"),
        ),
        SignatureNews.UNDELIVERED: SignatureWording(
            subject=lazy_gettext("We could not send our e-mail: %(title)s"),
            what=lazy_gettext("Our e-mail to the person who should sign the form could not be delivered."),
            advice=lazy_gettext("Check the e-mail address, and change it or send the e-mail again here:"),
        ),
        SignatureNews.EXPIRED: SignatureWording(
            subject=lazy_gettext("Not signed in time: %(title)s"),
            what=lazy_gettext("The form was not signed in time. We keep the form, and nothing is lost."),
            advice=lazy_gettext("You can ask for the signature again here:"),
        ),
        SignatureNews.TRIES: SignatureWording(
            subject=lazy_gettext("Somebody could not open your form: %(title)s"),
            what=lazy_gettext(
                "Somebody followed the link in our e-mail and did not pass the check. They have not seen the form."
            ),
            advice=lazy_gettext(
                "Ask the person who should sign whether they need help. You can see here what we ask them:"
            ),
        ),
        SignatureNews.NEW_LINK: SignatureWording(
            subject=lazy_gettext("Somebody asks for a new link: %(title)s"),
            what=lazy_gettext(
                "The person who should sign the form would like a new link. The old one no longer works."
            ),
            advice=lazy_gettext("Send a new link here:"),
        ),
        SignatureNews.YOU_SIGNED: SignatureWording(
            subject=lazy_gettext("You have signed: %(title)s"),
            what=lazy_gettext("We have received your signature. You have signed the form."),
            advice=NOTHING_TO_DO,
        ),
        SignatureNews.YOU_ANSWERED: SignatureWording(
            subject=lazy_gettext("You have not signed: %(title)s"),
            what=lazy_gettext("We have received your answer. You have not signed the form."),
            advice=NOTHING_TO_DO,
        ),
        SignatureNews.YOU_ARE_LATE: SignatureWording(
            subject=lazy_gettext("Not signed in time: %(title)s"),
            what=lazy_gettext("The time in which you could sign the form is over. You have not signed it."),
            advice=lazy_gettext("If you still want to sign, open this link and ask for a new one:"),
        ),
        SignatureNews.NOT_NEEDED: SignatureWording(
            subject=lazy_gettext("You no longer need to sign: %(title)s"),
            what=lazy_gettext(
                "You no longer need to sign the form. The link in our earlier e-mail does not work any more."
            ),
            advice=NOTHING_TO_DO,
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An e-mail without its address: a subject, and the same words as plain text and as HTML."""

    subject: str
    text: str
    html: str


def render_letter(message: str, subject: str, settings: Settings, values: Mapping[str, Any]) -> Letter:
    """Fill in `templates/mail/<message>/`; this works without a request, as the worker and commands send e-mail too."""
    around = {
        "subject": subject,
        "language": language(),
        "site_name": settings.site_name,
        "support_contact": settings.support_contact,
    }
    return Letter(
        subject=subject,
        text=_filled(f"mail/{message}/body.txt", around | dict(values)),
        html=_filled(f"mail/{message}/body.html", around | dict(values)),
    )


def _filled(template: str, values: Mapping[str, Any]) -> str:
    return current_app.jinja_env.get_template(template).render(values).strip() + "\n"


def address(letter: Letter, *, to: str, site_name: str, host: str, public_id: str, now: datetime) -> Mail:
    """Return the letter as an e-mail to one address; its Message-ID is made from `public_id`.

    Parts are 8bit, so that links and codes are not broken over lines.
    Raises `ValueError` where `to` is not exactly one address.
    """
    sender = f"{LOCAL_PART}@{host}"
    mail = EmailMessage(policy=policy.default.clone(utf8=not to.isascii()))
    mail["From"] = Address(display_name=one_line(site_name), addr_spec=sender)
    mail["To"] = to
    mail["Subject"] = one_line(letter.subject)
    mail["Date"] = now
    mail["Message-ID"] = f"<{public_id}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    mail.set_content(letter.text, cte="8bit")
    mail.add_alternative(letter.html, subtype="html", cte="8bit")
    if [found.addr_spec for found in mail["To"].addresses if found.domain] != [to]:
        raise ValueError("A mail goes to exactly one address.")
    return Mail(sender=sender, recipient=to, content=mail.as_bytes().decode())


def mail_host(base_url: str) -> str:
    """Return the host of our addresses as a domain for e-mail (RFC 5321 4.1.3 for an IPv6 address)."""
    host = urlsplit(base_url).hostname or ""
    return f"[IPv6:{host}]" if ":" in host else host.encode("idna").decode("ascii")


def one_line(text: str) -> str:
    """Return a text on one line, for a header."""
    return " ".join(text.split())


def day_and_time(at: datetime, settings: Settings) -> str:
    """Return an instant in the site's time zone, like 21 November 2026 at 14:02."""
    local = at.astimezone(settings.zone)
    return str(_("%(day)s at %(time)s", day=day_text(local.date()), time=f"{local:%H:%M}"))


def resume_link(
    db: Session,
    *,
    to: str,
    title: str,
    link: str,
    reference: str,
    keep_until: date,
    proof: str | None = None,
    now: datetime,
) -> str:
    """Send the link that continues a saved form; `keep_until` is the last day on which it works.

    `proof` is a code to type on the page that is still open; it proves that e-mail reaches this address.
    """
    subject = _("Continue your form: %(title)s", title=title)
    return _enqueue_message(
        db,
        "resume_link",
        to=to,
        subject=subject,
        now=now,
        title=title,
        link=link,
        reference=reference,
        proof=proof,
        keep_until=day_text(keep_until),
    )


def deletion_soon(
    db: Session, *, to: str, title: str, link: str, reference: str, delete_on: date, now: datetime
) -> str:
    """Warn that an unsent form will be deleted, with the link that continues it or keeps it longer."""
    subject = _("Your form will be deleted on %(date)s", date=day_text(delete_on))
    return _enqueue_message(
        db,
        "deletion_soon",
        to=to,
        subject=subject,
        now=now,
        title=title,
        link=link,
        reference=reference,
        delete_on=day_text(delete_on),
    )


def begun_for_you(
    db: Session, *, to: str, title: str, link: str, reference: str, who: str, keep_until: date, now: datetime
) -> str:
    """Send the link to a form that `who`, a member of staff, began for somebody; `keep_until` is its last day."""
    subject = _("Continue your form: %(title)s", title=title)
    return _enqueue_message(
        db,
        "begun_for_you",
        to=to,
        subject=subject,
        now=now,
        title=title,
        link=link,
        reference=reference,
        who=who,
        keep_until=day_text(keep_until),
    )


def status_changed(
    db: Session,
    *,
    to: str,
    title: str,
    reference: str,
    status: str,
    explanation: str,
    now: datetime,
    link: str | None = None,
    due_at: datetime | None = None,
) -> str:
    """Tell somebody the new status of the form that they sent; the e-mail contains none of their answers.

    `link` leads to a message that was written with the new status, which they can see from `due_at` on.
    """
    subject = _("News about your form: %(reference)s", reference=reference)
    values = {"title": title, "reference": reference, "status": status, "explanation": explanation, "link": link}
    return _enqueue_message(db, "status_changed", to=to, subject=subject, now=now, due_at=due_at, **values)


def new_message(
    db: Session, *, to: str, link: str, reference: str, is_reminder: bool, due_at: datetime, now: datetime
) -> str:
    """Tell a customer that there is a new message, or remind them; the e-mail has no words of it, and no sender.

    It goes out at `due_at`, when they can see the message. Return the public id of its delivery.
    """
    subject = _("You have a new message about %(reference)s", reference=reference)
    values = {"link": link, "reference": reference, "is_reminder": is_reminder}
    return _enqueue_message(db, "new_message", to=to, subject=subject, due_at=due_at, now=now, **values)


def customer_wrote(db: Session, *, to: str, link: str, reference: str, now: datetime) -> None:
    """Tell staff that a customer has written; the e-mail has no words of it, and no name."""
    subject = _("A customer has written about %(reference)s", reference=reference)
    _enqueue_message(db, "customer_wrote", to=to, subject=subject, now=now, link=link, reference=reference)


def guest_code(db: Session, *, to: str, code: str, now: datetime) -> None:
    """Send the code that a guest types to continue."""
    _enqueue_message(db, "guest_code", to=to, subject=_("Your code"), now=now, code=code)


def received(db: Session, *, to: str, title: str, reference: str, sent_at: datetime, now: datetime) -> None:
    """Confirm that a form has arrived."""
    subject = _("We have received your form: %(reference)s", reference=reference)
    at = day_and_time(sent_at, current_settings(db))
    _enqueue_message(db, "received", to=to, subject=subject, now=now, title=title, reference=reference, sent_at=at)


def confirm_address(db: Session, *, to: str, link: str, now: datetime) -> None:
    """Send the link that confirms a new account's address."""
    _enqueue_message(db, "confirm_address", to=to, subject=_("Confirm your e-mail address"), now=now, link=link)


def already_registered(db: Session, *, to: str, link: str, now: datetime) -> None:
    """Tell somebody who registers that they have an account; the subject is that of `confirm_address`."""
    _enqueue_message(db, "already_registered", to=to, subject=_("Confirm your e-mail address"), now=now, link=link)


def set_password_link(db: Session, *, to: str, link: str, now: datetime) -> None:
    """Send the link that sets a new password."""
    _enqueue_message(db, "set_password", to=to, subject=_("Set a new password"), now=now, link=link)


def confirm_new_address(db: Session, *, to: str, link: str, now: datetime) -> None:
    """Send the link that confirms an account's new address, to that new address."""
    _enqueue_message(db, "confirm_new_address", to=to, subject=_("Confirm your e-mail address"), now=now, link=link)


def address_change(db: Session, *, to: str, link: str, is_done: bool, until: date, now: datetime) -> None:
    """Tell an account's present or former address of the change, and how to object, at the latest on `until`."""
    subject = _("Your e-mail address was changed") if is_done else _("Somebody asked to change your e-mail address")
    _enqueue_message(
        db, "address_change", to=to, subject=subject, now=now, link=link, is_done=is_done, until=day_text(until)
    )


def please_sign(
    db: Session,
    *,
    to: str,
    title: str,
    who: str,
    role: str,
    link: str,
    reference: str,
    code: str,
    until: datetime,
    is_reminder: bool = False,
    now: datetime,
) -> str:
    """Ask somebody to sign a form that `who` has sent, or remind them; the e-mail contains none of its answers.

    `code` opens the same page as the link, when it is typed with the reference. `until` is when it is too late.
    Return the public id of its delivery.
    """
    return _enqueue_message(
        db,
        "please_sign",
        to=to,
        subject=_("Please sign: %(title)s", title=title),
        now=now,
        title=title,
        who=who,
        role=role,
        link=link,
        by_hand=public_url("/sign"),
        reference=reference,
        code=code,
        until=day_and_time(until, current_settings(db)),
        is_reminder=is_reminder,
    )


def signature_news(
    db: Session,
    news: SignatureNews,
    *,
    to: str,
    title: str,
    role: str,
    reference: str,
    link: str | None = None,
    is_concerned: bool = True,
    now: datetime,
) -> None:
    """Tell somebody what became of a signature, with none of the answers and nothing that the signer wrote.

    Whoever it does not concern (`is_concerned`) reads that there is nothing to do.
    """
    wording = SIGNATURE_WORDINGS[news]
    _enqueue_message(
        db,
        "signature_news",
        to=to,
        subject=str(wording.subject) % {"title": title},
        now=now,
        what=wording.what,
        advice=wording.advice if is_concerned else NOTHING_TO_DO,
        title=title,
        role=role,
        reference=reference,
        link=link,
    )


def security_notice(db: Session, notice: Notice, *, to: str, device: str | None = None, now: datetime) -> None:
    """Tell somebody what happened to their account, when, and in which browser on which device (in words)."""
    wording = WORDINGS[notice]
    _enqueue_message(
        db,
        "security_notice",
        to=to,
        subject=str(wording.subject),
        now=now,
        what=wording.what,
        at=day_and_time(now, current_settings(db)),
        device=device,
        advice=wording.advice,
        link=public_url(wording.page) if wording.page else None,
        action=wording.action,
    )


def _enqueue_message(
    db: Session, message: str, *, to: str, subject: str, now: datetime, due_at: datetime | None = None, **values: Any
) -> str:
    """Enqueue a message, to be sent at `due_at` or at once; return the public id of its delivery."""
    configuration, settings = app_state().configuration, current_settings(db)
    public_id = new_public_id()
    letter = render_letter(message, subject, settings, values)
    host = mail_host(configuration.base_url)
    mail = address(letter, to=to, site_name=settings.site_name, host=host, public_id=public_id, now=now)
    enqueue(
        db,
        configuration.keyring,
        public_id=public_id,
        kind=MAIL,
        message=message,
        payload=mail.payload(),
        now=now,
        due_at=due_at,
    )
    return public_id
