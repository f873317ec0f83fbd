"""What staff see of one customer and of one draft: what there is and how it stands, never what is written in it."""

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.accounts.queries import person_by_key
from portal.accounts.rules import address_key
from portal.drafts.models import Draft
from portal.drafts.sealing import begun_for
from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.queries import definition_of, published_forms
from portal.hub.forms import BeginForm, CustomerForm
from portal.hub.interface import note_look
from portal.hub.list_pages import Choice
from portal.hub.queries import MailedLink, links_of, open_drafts_of, sent_by
from portal.resume.rules import Life, Target, target
from portal.site_settings.times import day_text, language, local_day, moment_text
from portal.submissions.customers import search_key, search_terms
from portal.submissions.listing import SentRow, sent_row
from portal.web.portal import portal
from portal.web.unit_of_work import db, now

STATES = {
    Target.OPEN: lazy_gettext("Not sent yet"),
    Target.SENT: lazy_gettext("Sent"),
    Target.DELETED: lazy_gettext("Deleted"),
    Target.EXPIRED: lazy_gettext("Expired"),
}
MOST_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A draft as its row shows it."""

    reference: str
    title: str
    changed: str
    keep_until: str


@dataclass(frozen=True, kw_only=True)
class FoundCustomer:
    """Whom an address belongs to, and what there is under it."""

    email: str
    person: Person | None
    sent: list[SentRow]
    drafts: list[Begun]


def customers_page(
    *, search: CustomerForm | None = None, begin: BeginForm | None = None, email: str = ""
) -> ResponseReturnValue:
    """The page with its two forms; `email` is the customer whose requests are shown."""
    forms = [form for form in published_forms(db(), language()) if can_be_handed_over(form)]
    page = render_template(
        "hub/customers.html",
        search=search or CustomerForm(formdata=None, customer=email),
        begin=begin or BeginForm(formdata=None, email=email),
        forms=[Choice(value="", label=_("Choose a form")), *map(_choice, forms)],
        found=_found(db(), email) if email else None,
    )
    return page, 422 if (search and search.errors) or (begin and begin.errors) else 200


def can_be_handed_over(form: FormDefinition) -> bool:
    """Whether somebody can come to the form by a link: by an account, or where it can be saved."""
    return form.allow_save or form.access == "account"


def _choice(form: FormDefinition) -> Choice:
    return Choice(value=form.id, label=form.title.in_(language()))


def _found(db: Session, email: str) -> FoundCustomer:
    person = person_by_key(db, address_key(email))
    (term,) = search_terms(email)[:1] or ("",)
    key = search_key(term, secret=portal().configuration.secret_key)
    sent = sent_by(db, person_id=person.id if person else None, key=key)
    drafts = open_drafts_of(db, person.id, now=now()) if person else []
    named = ", ".join(submission.reference for submission in sent[:MOST_NAMED])
    note_look("customer_viewed", f"person {person.id}" if person else named or None, requests=len(sent))
    return FoundCustomer(
        email=email, person=person, sent=[sent_row(each) for each in sent], drafts=[_begun(each) for each in drafts]
    )


def _begun(draft: Draft) -> Begun:
    return Begun(
        reference=draft.reference,
        title=definition_of(draft.version).title.in_(language()),
        changed=moment_text(draft.changed_at),
        keep_until=day_text(local_day(draft.expires_at)),
    )


def draft_page(draft: Draft) -> ResponseReturnValue:
    """How a draft stands: never its answers, not even which questions are answered."""
    life = Life(expires_at=draft.expires_at, sent_at=draft.sent_at, deleted_at=draft.deleted_at)
    state = target(life, now())
    return render_template(
        "hub/draft.html",
        draft=draft,
        title=definition_of(draft.version).title.in_(language()),
        facts=[(_("State"), STATES[state]), *_facts(draft, is_open=state is Target.OPEN)],
        is_sent=state is Target.SENT,
        links=[(moment_text(link.issued_at), fate(link)) for link in links_of(db(), draft.id)],
    )


def _facts(draft: Draft, *, is_open: bool) -> list[tuple[str, str]]:
    begun = [(_("Begun by"), draft.begun_by_name)] if draft.begun_by_name else []
    customer = begun_for(portal().configuration.keyring, draft)
    whom = [(_("Begun for"), customer)] if customer else []
    kept = [(_("Kept until"), day_text(local_day(draft.expires_at)))] if is_open else []
    changed = moment_text(draft.changed_at) if draft.answered_at else _("Nothing is filled in yet")
    return [(_("Begun"), moment_text(draft.started_at)), *begun, *whom, (_("Last change"), changed), *kept]


def fate(link: MailedLink) -> str:
    """What became of the mail that took a link away."""
    if link.sent_at:
        return _("Sent")
    if link.failed_at:
        return _("Came back: the mail could not be delivered")
    if link.attempts is None:
        return _("Not known any more")
    if link.attempts == 0:
        return _("Waiting to be sent")
    return ngettext("Not delivered yet, tried once", "Not delivered yet, tried %(num)s times", link.attempts)
