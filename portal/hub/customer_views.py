"""Customers: finding one, seeing how a draft stands, and beginning a form for somebody who gets it by a link."""

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import typed
from portal.accounts.models import Person
from portal.accounts.queries import person_by_key
from portal.accounts.rules import Address, BadAddressError, read_address
from portal.audit import record
from portal.drafts.models import Draft
from portal.drafts.opening import kept_by
from portal.drafts.operations import keep_save_address, note_beginning, start_draft
from portal.drafts.queries import draft_by_reference
from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.models import FormVersion
from portal.form_definitions.queries import current_version, definition_of
from portal.hub.customer_pages import can_be_handed_over, customers_page, draft_page
from portal.hub.forms import BeginForm, CustomerForm
from portal.hub.interface import note_look, opened_words, person, sealed_words
from portal.hub.queries import case_of
from portal.resume.interface import hand_over
from portal.resume.rules import clean_reference
from portal.sessions.operations import Holder
from portal.submissions.customers import customer_of
from portal.tokens import new_token
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity
from portal.web.portal import portal
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("customers", __name__)


@blueprint.get("/hub/customers")
@access(Access.STAFF)
@activity(Activity.LOAD)
def show_customers() -> ResponseReturnValue:
    """Look for a customer, or begin a form for one; the address holds whom, sealed."""
    return customers_page(email=opened_words(request.args.get("find", "")))


@blueprint.post("/hub/customers")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def find_customer() -> ResponseReturnValue:
    """Go to the customer of an address or of a sent form, or to the draft of a reference."""
    form = CustomerForm()
    if not form.validate():
        return customers_page(search=form)
    note_look("customers_searched")
    sought = typed(form.customer).strip()
    found = _by_address(sought) or _by_case(sought) or _by_draft(sought)
    if found is None:
        form.refuse(form.customer, _("This is neither an e-mail address nor a reference that we know"))
        return customers_page(search=form)
    return redirect(found, 303)


def _customer_address(email: str) -> str:
    return url_for("customers.show_customers", find=sealed_words(email))


def _by_address(sought: str) -> str | None:
    try:
        return _customer_address(read_address(sought).email)
    except BadAddressError:
        return None


def _by_case(sought: str) -> str | None:
    submission = case_of(reading(), clean_reference(sought))
    if submission is None:
        return None
    customer = customer_of(portal().configuration.keyring, submission.reference, submission.case)
    if customer.email is None:
        return url_for("cases.show_case", reference=submission.reference)
    return _customer_address(customer.email)


def _by_draft(sought: str) -> str | None:
    draft = draft_by_reference(reading(), clean_reference(sought))
    return url_for("customers.show_draft", reference=draft.reference) if draft else None


@blueprint.get("/hub/drafts/<reference>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def show_draft(reference: str) -> ResponseReturnValue:
    """How a draft stands; the look is recorded."""
    draft = draft_by_reference(reading(), reference) or abort(404)
    note_look("draft_viewed", draft.reference)
    return draft_page(draft)


@blueprint.post("/hub/customers/begin")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def begin_form() -> ResponseReturnValue:
    """Begin a form for somebody, and mail them the link to it; staff never see what they write there."""
    form = BeginForm()
    if not form.validate():
        return customers_page(begin=form)
    version = current_version(db(), typed(form.form).replace("_", "-"))
    definition = definition_of(version) if version else None
    owner = _account(form.address)
    fault = _fault(definition, owner)
    if fault or version is None or definition is None:
        form.refuse(form.form, fault or _("Choose a form"))
        return customers_page(begin=form)
    draft = _begin(version, definition, owner, form)
    return redirect(url_for("customers.show_draft", reference=draft.reference), 303)


def _account(address: Address) -> Person | None:
    found = person_by_key(db(), address.key)
    return found if found and found.is_active else None


def _fault(definition: FormDefinition | None, owner: Person | None) -> str | None:
    """Why nobody could come to this form by a link."""
    if definition is None or not can_be_handed_over(definition):
        return _("Choose a form from the list")
    if owner is None and (definition.access == "account" or not definition.allow_save):
        return _("This form needs an account, and there is none with this address")
    return None


def _begin(version: FormVersion, definition: FormDefinition, owner: Person | None, form: BeginForm) -> Draft:
    """The draft is the account's, or a guest's who comes by the link and a code; nobody's session opens it yet."""
    keyring, me = portal().configuration.keyring, person()
    holder = Holder(person_id=owner.id) if owner else Holder(guest_id=new_token())
    draft = start_draft(db(), version, definition, holder, rules=kept_by(definition), keyring=keyring, now=now())
    name = typed(form.name).strip() or (owner.name if owner else None)
    customer = f"{name}, {form.address.email}" if name else form.address.email
    note_beginning(draft, by_id=me.id, by_name=me.shown_name, customer=customer, keyring=keyring)
    keep_save_address(draft, form.address.email, keyring=keyring)
    hand_over(draft, form.address.email)
    record(db(), "draft_begun_for_customer", by=actor(me.id), now=now(), subject=draft.reference)
    return draft
