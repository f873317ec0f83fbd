"""Finding customers, showing what they sent, and starting a form for them."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import Length

from portal.accounts.forms import AccountForm, MailForm, Needed, typed_name, typed_text
from portal.accounts.models import Person
from portal.accounts.queries import person_by_key
from portal.accounts.rules import BadAddressError, EmailAddress, address_key, parse_email_address
from portal.audit import record
from portal.characters import plain
from portal.drafts.addresses import masked_address
from portal.drafts.models import Draft
from portal.drafts.open_draft import kept_by
from portal.drafts.operations import keep_save_address, note_beginning, start_draft
from portal.drafts.queries import draft_by_reference, locked_draft
from portal.drafts.sealing import BEGUN_FOR, open_text
from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import current_version, definition_of, published_forms
from portal.hub.queries import MailedLink, case_of, count_cases, links_of, open_drafts_of, sent_by
from portal.hub.rules import ALL, Filter
from portal.hub.views import Choice, opened_words, person, record_view, sealed_words, search_of
from portal.resume.coming_back import link_mail_throttles, mail_begun_draft, mail_link
from portal.resume.rules import Life, Target, target
from portal.resume.ways_back import link_destination
from portal.sessions.operations import Holder
from portal.site_settings.current import day_text, local_day, moment_text
from portal.submissions.customers import customer_of, search_key, search_terms
from portal.submissions.queries import SentRow, sent_row
from portal.tokens import clean_reference, new_token
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.languages import language, speaking
from portal.web.limits import retry_after, use_first_try, wait_text
from portal.web.unit_of_work import db, now, reading

STATES = {
    Target.OPEN: lazy_gettext("Not sent yet"),
    Target.SENT: lazy_gettext("Sent"),
    Target.DELETED: lazy_gettext("Deleted"),
    Target.EXPIRED: lazy_gettext("Expired"),
}
MOST_NAMED = 8
blueprint = Blueprint("customers", __name__)


class CustomerForm(AccountForm):
    """An e-mail address or a reference to find."""

    customer = StringField(
        validators=[Needed(lazy_gettext("Enter a name, an e-mail address or a reference"))]  # type: ignore[arg-type]
    )


class BeginForm(MailForm):
    """The person for whom a form is started, and which form."""

    form = StringField(validators=[Needed(lazy_gettext("Choose a form"))])  # type: ignore[arg-type]
    name = StringField(
        validators=[Length(max=200, message=lazy_gettext("Write at most %(max)d characters"))]  # type: ignore[arg-type]
    )


@dataclass(frozen=True, kw_only=True)
class DraftRow:
    """A draft as shown in its row."""

    reference: str
    title: str
    changed: str
    keep_until: str


@dataclass(frozen=True, kw_only=True)
class FoundCustomer:
    """The person with an e-mail address, and their sent forms and drafts."""

    email: str
    person: Person | None
    sent: list[SentRow]
    drafts: list[DraftRow]


def customers_page(
    *, search: CustomerForm | None = None, begin: BeginForm | None = None, email: str = ""
) -> ResponseReturnValue:
    """Return the page with its two forms; `email` is the customer whose requests are shown."""
    forms = [form for form in published_forms(db(), language()) if can_be_handed_over(form)]
    page = render_template(
        "hub/customers.html",
        search=search or CustomerForm(formdata=None, customer=email),
        begin=begin or BeginForm(formdata=None, email=email),
        forms=[
            Choice(value="", label=_("Choose a form")),
            *(Choice(value=form.id, label=form.title.in_(language())) for form in forms),
        ],
        found=_find_customer(db(), email) if email else None,
    )
    return page, 422 if (search and search.errors) or (begin and begin.errors) else 200


def can_be_handed_over(form: FormDefinition) -> bool:
    """Return whether a link can open the form: it needs an account, or can be saved."""
    return form.allow_save or form.access == "account"


def _find_customer(db: Session, email: str) -> FoundCustomer:
    person = person_by_key(db, address_key(email))
    (term,) = search_terms(email)[:1] or ("",)
    key = search_key(term, secret=app_state().configuration.secret_key)
    sent = sent_by(db, person_id=person.id if person else None, key=key)
    drafts = open_drafts_of(db, person.id, now=now()) if person else []
    named = ", ".join(submission.reference for submission in sent[:MOST_NAMED])
    record_view("customer_viewed", f"person {person.id}" if person else named or None, requests=len(sent))
    return FoundCustomer(
        email=email, person=person, sent=[sent_row(each) for each in sent], drafts=[_draft_row(each) for each in drafts]
    )


def _draft_row(draft: Draft) -> DraftRow:
    return DraftRow(
        reference=draft.reference,
        title=definition_of(draft.version).title.in_(language()),
        changed=moment_text(draft.changed_at),
        keep_until=day_text(local_day(draft.expires_at)),
    )


def draft_page(draft: Draft, wait: timedelta | None = None) -> ResponseReturnValue:
    """Return the page of a draft's state: without its answers, or which questions are answered.

    `wait` is how long no link to it can be sent.
    """
    life = Life(expires_at=draft.expires_at, sent_at=draft.sent_at, deleted_at=draft.deleted_at)
    state = target(life, now())
    send_to = link_destination(draft) if state is Target.OPEN else None
    page = render_template(
        "hub/draft.html",
        draft=draft,
        title=definition_of(draft.version).title.in_(language()),
        facts=[(_("State"), STATES[state]), *_draft_facts(draft, is_open=state is Target.OPEN)],
        is_sent=state is Target.SENT,
        links=[(moment_text(link.issued_at), delivery_text(link)) for link in links_of(db(), draft.id)],
        send_to=masked_address(send_to) if send_to else None,
        was_sent_again="sent" in request.args,
        wait=wait_text(wait) if wait else None,
    )
    return (page, 429, retry_after(wait)) if wait else page


def _draft_facts(draft: Draft, *, is_open: bool) -> list[tuple[str, str]]:
    begun = [(_("Started by"), draft.begun_by_name)] if draft.begun_by_name else []
    customer = open_text(app_state().configuration.keyring, draft.id, BEGUN_FOR, draft.begun_for)
    whom = [(_("Started for"), customer)] if customer else []
    kept = [(_("Kept until"), day_text(local_day(draft.expires_at)))] if is_open else []
    changed = moment_text(draft.changed_at) if draft.answered_at else _("Nothing is filled in yet")
    return [(_("Started"), moment_text(draft.started_at)), *begun, *whom, (_("Last change"), changed), *kept]


def delivery_text(link: MailedLink) -> str:
    """Return in words whether the e-mail with a link was delivered."""
    if link.sent_at:
        return _("Sent")
    if link.failed_at:
        return _("Could not be delivered")
    if link.attempts is None:
        return _("No longer known")
    if link.attempts == 0:
        return _("Waiting to be sent")
    return ngettext("Not delivered yet, tried once", "Not delivered yet, tried %(num)s times", link.attempts)


@blueprint.get("/hub/customers")
@access(Access.STAFF)
@activity(Activity.LOAD)
def show_customers() -> ResponseReturnValue:
    """Show the search for customers, and the customer who is named in the address, encrypted."""
    return customers_page(email=opened_words(request.args.get("find", "")))


@blueprint.post("/hub/customers")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def find_customer() -> ResponseReturnValue:
    """Find a customer by an e-mail address or a sent form's reference, a draft by its reference, or forms by a name."""
    form = CustomerForm()
    if not form.validate():
        return customers_page(search=form)
    record_view("customers_searched")
    sought = plain(typed_text(form.customer))
    found = _by_address(sought) or _by_case(sought) or _by_draft(sought) or _by_name(sought)
    if found is None:
        form.refuse(form.customer, _("Enter a name, an e-mail address or a reference that we know"))
        return customers_page(search=form)
    return redirect(found, 303)


def _customer_address(email: str) -> str:
    return url_for("customers.show_customers", find=sealed_words(email))


def _by_address(sought: str) -> str | None:
    try:
        return _customer_address(parse_email_address(sought).email)
    except BadAddressError:
        return None


def _by_case(sought: str) -> str | None:
    submission = case_of(reading(), clean_reference(sought))
    if submission is None:
        return None
    customer = customer_of(app_state().configuration.keyring, submission.reference, submission.case)
    if customer.email is None:
        return url_for("cases.show_case", reference=submission.reference)
    return _customer_address(customer.email)


def _by_draft(sought: str) -> str | None:
    draft = draft_by_reference(reading(), clean_reference(sought))
    return url_for("customers.show_draft", reference=draft.reference) if draft else None


def _by_name(sought: str) -> str | None:
    """Return the list of what people of this name have sent: a name may be that of several."""
    named = Filter(status=ALL, find=sealed_words(sought))
    return named.address if count_cases(reading(), search_of(named)) else None


@blueprint.get("/hub/drafts/<reference>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def show_draft(reference: str) -> ResponseReturnValue:
    """Show the state of a draft; record the view."""
    draft = draft_by_reference(reading(), reference) or abort(404)
    record_view("draft_viewed", draft.reference)
    return draft_page(draft)


@blueprint.post("/hub/drafts/<reference>")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def send_link_again(reference: str) -> ResponseReturnValue:
    """Mail the link to a draft again: to its person's own address, which staff can neither read nor change."""
    draft = draft_by_reference(reading(), reference) or abort(404)
    life = Life(expires_at=draft.expires_at, sent_at=draft.sent_at, deleted_at=draft.deleted_at)
    address = link_destination(draft) if target(life, now()) is Target.OPEN else None
    if address is None:
        return draft_page(draft)
    wait = use_first_try(link_mail_throttles({draft: EmailAddress(email=address)}), now=now())[1]
    if wait:
        return draft_page(draft, wait)
    draft = locked_draft(db(), draft.id)
    if link_destination(draft) != address:  # it was taken back, or the form got an owner, while this was on its way
        return draft_page(draft)
    with speaking(draft.language):
        mail_link(draft, address)
    record(db(), "link_sent_again", by=actor(person().id), now=now(), subject=draft.reference)
    return redirect(url_for("customers.show_draft", reference=draft.reference, sent=1), 303)


@blueprint.post("/hub/customers/begin")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def begin_form() -> ResponseReturnValue:
    """Start a form for somebody and e-mail them the link; staff never see their answers before they are sent."""
    form = BeginForm()
    if not form.validate():
        return customers_page(begin=form)
    version = current_version(db(), typed_text(form.form).replace("_", "-"))
    definition = definition_of(version) if version else None
    owner = _account(form.address)
    fault = _why_not_offered(definition, owner)
    if fault or version is None or definition is None:
        form.refuse(form.form, fault or _("Choose a form"))
        return customers_page(begin=form)
    draft = _begin_draft(version, definition, owner, form)
    return redirect(url_for("customers.show_draft", reference=draft.reference), 303)


def _account(address: EmailAddress) -> Person | None:
    found = person_by_key(db(), address.key)
    return found if found and found.is_active else None


def _why_not_offered(definition: FormDefinition | None, owner: Person | None) -> str | None:
    """Return why this form cannot be opened by a link, or None where it can."""
    if definition is None or not can_be_handed_over(definition):
        return _("Choose a form from the list")
    if owner is None and (definition.access == "account" or not definition.allow_save):
        return _("This form needs an account. Nobody has one with this e-mail address")
    return None


def _begin_draft(version: FormVersion, definition: FormDefinition, owner: Person | None, form: BeginForm) -> Draft:
    """Start the draft for an account, or for a guest who will open it with the link and a code."""
    keyring, me = app_state().configuration.keyring, person()
    holder = Holder(person_id=owner.id) if owner else Holder(guest_id=new_token())
    draft = start_draft(db(), version, definition, holder, rules=kept_by(definition), keyring=keyring, now=now())
    name = typed_name(form.name) or (owner.name if owner else None)
    customer = f"{name}, {form.address.email}" if name else form.address.email
    note_beginning(draft, by_id=me.id, by_name=me.shown_name, customer=customer, keyring=keyring)
    keep_save_address(draft, form.address.email, keyring=keyring)
    mail_begun_draft(draft, form.address.email)
    record(db(), "draft_begun_for_customer", by=actor(me.id), now=now(), subject=draft.reference)
    return draft
