"""Every page: no accessibility faults, one heading, labels, a token in each form, no sideways scrolling at 320 px."""

import pytest
from playwright.sync_api import Page, expect
from pyotp import TOTP

from tests import signatures
from tests.browser.conftest import Console
from tests.browser.inspection import WIDE, Inspector
from tests.browser.visitors import Enter, button, follow, press, share_sessions, show_again
from tests.citizen import Citizen
from tests.integration.messages.conftest import reply_of_staff
from tests.journeys import housing
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
REFUSALS = "status of (403|404|409|410|422)"
PARTNER = {
    "full_name": "Joel Łukasz-Featherstonehaugh",
    "born__day": "2",
    "born__month": "2",
    "born__year": "1990",
    "relation": "partner",
}
PUBLIC = (
    "/",
    "/forms/housing-support",
    "/forms/housing-support/prepare",
    "/forms/housing-support/blank",
    "/forms/housing-support/rehearsal/evidence",
    "/forms/housing-support/rehearsal",
    "/forms/parking-permit",
    "/forms/report-a-problem",
    "/resume",
    "/account/sign-in",
    "/account/register",
    "/account/password",
    "/session/ended",
    "/help/sessions",
    "/privacy",
    "/cookies",
    "/accessibility",
    "/contact",
    "/nowhere",
)


@pytest.fixture
def page(enter: Enter, console: Console) -> Page:
    console.expects(REFUSALS)
    return enter(viewport=WIDE, reduced_motion="reduce")


def enters_as(look: Inspector, citizen: Citizen) -> None:
    share_sessions(look.page.context, citizen, look.server)


def test_public_pages_pass_inspection(look: Inspector) -> None:
    for address in PUBLIC:
        look.visit(address, address, is_main=address in ("/", "/forms/housing-support", "/account/sign-in"))


def test_account_pages_pass_inspection(look: Inspector) -> None:
    add_person(look.server.app)
    page = look.page
    page.goto("/account/sign-in")
    press(page, "Sign in", email="ada@mail.example", password="wrong horse")
    look.look("sign-in refused", is_main=True)
    page.goto("/account/register")
    press(page, "Register", email="nobody", password="short")
    look.look("registration refused")
    press(page, "Register", email="zoe@mail.example", password=PASSWORD)
    page.wait_for_url("**/account/check-mail")
    look.look("check your e-mail")
    link = letters(look.server.app)[-1].link
    look.visit("confirm", link)
    press(page, "Confirm", password=PASSWORD)
    page.wait_for_url("**/account")
    look.visit("link used", link)
    page.goto("/account/password")
    press(page, "Send me a link", email="ada@mail.example")
    page.wait_for_url("**/account/check-mail")
    look.visit("new password", letters(look.server.app)[-1].link)


def test_section_pages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    enters_as(look, citizen)
    look.visit("start page with a draft", "/forms/housing-support")
    look.visit("task list", draft, is_main=True)
    for section in ("about_you", "home", "rent", "income", "needs", "evidence", "consent"):
        look.visit(section, f"{draft}/{section}", is_main=section in ("rent", "income"))
    look.visit("items", f"{draft}/household", is_main=True)
    follow(look.page, "Change Joel")
    look.look("item", is_main=True)
    look.visit("check", f"{draft}/check", is_main=True)
    press(look.page, "Send")
    look.look("check with errors", is_main=True)


def test_pages_with_errors_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    enters_as(look, citizen)
    look.visit("task list of a new form", draft)
    for section in ("about_you", "home", "income", "needs", "consent"):
        look.page.goto(f"{draft}/{section}")
        button(look.page, "Continue").click()
        look.look(f"{section} with errors", is_main=section == "about_you")
    look.visit("no items", f"{draft}/household")
    button(look.page, "Add a person").click()
    button(look.page, "Continue").click()
    look.look("item with errors")
    look.page.goto(f"{draft}/home")
    press(look.page, tenure="own")
    expect(look.page.get_by_role("heading", level=1)).to_contain_text("You cannot use this form")
    look.look("stop page", is_main=True)
    look.page.goto(draft)
    look.page.get_by_role("button", name="Delete this draft").click()
    look.look("delete?", is_main=True)
    button(look.page, "Delete this draft").click()
    look.look("deleted")


def test_conditional_sections_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    draft = housing.begin_with_home(citizen)
    citizen.press("Continue", **(housing.RENT | {"in_arrears": "yes", "arrears": "1300"}))
    citizen.press("Add a person")
    citizen.press("Continue", **PARTNER)
    citizen.press("Continue")
    enters_as(look, citizen)
    look.visit("a long name", f"{draft}/household")
    for section in ("adults", "arrears_plan"):
        look.visit(section, f"{draft}/{section}")


def test_save_and_confirmation_pages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft, landlord_email="landlord@home.example")
    enters_as(look, citizen)
    look.visit("save page of a guest", f"{draft}/save", is_main=True)
    press(look.page, "Send link", email="nobody")
    look.look("save page refused")
    press(look.page, "Send link", email="zoe@home.example")
    look.page.wait_for_url("**/save?sent=1")
    look.look("link sent", is_main=True)
    look.page.goto(f"{draft}/check")
    press(look.page, "Send", declaration="yes")
    look.page.wait_for_url("**/submissions/*")
    look.look("confirmation", is_main=True)
    look.visit("signatures", f"{look.page.url.partition('?')[0]}/signers", is_main=True)
    press(look.page, "Change address", email="nobody")
    look.look("address refused")
    look.visit("already sent", draft)


def test_pages_for_coming_back_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    app, page = look.server.app, look.page
    draft = housing.start(citizen)
    citizen.open(f"{draft}/needs")
    citizen.press("Save and come back later", story="The rent went up.")
    citizen.press("Send link", email="zoe@home.example")
    link = letters(app)[-1].link
    look.visit("landing", link, is_main=True)
    button(page, "Continue your form").click()
    page.wait_for_url("**/resume/code")
    look.look("code", is_main=True)
    press(page, code="000")
    look.look("wrong code", is_main=True)
    page.goto("/resume")
    press(page, "Continue your form", reference="HS-0000-0000", return_code="nonsense")
    look.look("wrong return code")
    look.visit("unknown link", "/resume/unknown")
    look.server.clock.advance(days=31)
    look.visit("expired", link)


def test_pages_of_dead_links_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    app = look.server.app
    links = []
    for _ in ("sent", "deleted"):
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
        citizen.open(f"{draft}/save")
        citizen.press("Send link", email="zoe@home.example")
        links.append(letters(app)[-1].link)
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")
    look.visit("deleted", links[1])
    citizen.open(f"{links[0]}")
    citizen.press("Continue your form")
    citizen.press("Send", declaration="yes")
    look.visit("sent", links[0], is_main=True)


def test_pages_of_a_signed_in_person_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app)
    housing.begin(citizen)
    sign_in(citizen)
    enters_as(look, citizen)
    look.visit("claim", citizen.page.address, is_main=True)
    button(look.page, "No").click()
    look.page.wait_for_url("**/account")
    look.look("My Requests, empty")
    for _ in ("draft", "sent"):
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
    citizen.press("Send", declaration="yes")
    citizen.open("/forms/parking-permit")
    permit = citizen.press("Start now").path
    citizen.open(f"{permit}/start")
    citizen.press("Save and come back later", from__day="1")
    look.visit("save page of a person", f"{permit}/save", is_main=True)
    look.visit("My Requests", "/account", is_main=True)
    look.page.get_by_text("ada@mail.example").click()
    look.look("the account menu, open")
    look.look_at_warning("My Requests", after_minutes=28.5)


def test_own_account_pages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    app, clock, page = look.server.app, look.server.clock, look.page
    add_person(app)
    sign_in(citizen)
    sign_in(Citizen(app))
    enters_as(look, citizen)
    look.visit("security", "/account/security", is_main=True)
    for name in ("name", "email", "password/change", "delete", "security/end-others"):
        look.visit(name, f"/account/{name}", is_main=name == "delete")
    look.visit("setting up the second factor", "/account/security/second-factor", is_main=True)
    press(page, "Switch on", code="000")
    look.look("a wrong code while setting up")
    secret = page.get_by_text("enter this in the app").inner_text().partition(": ")[2].replace(" ", "")
    press(page, "Switch on", code=TOTP(secret).at(clock.now()))
    look.look("recovery codes", is_main=True)
    button(page, "I have saved them").click()
    look.look("security with a second factor", is_main=True)
    look.visit("recovery codes that were kept", "/account/security/recovery-codes")
    look.visit("switching off", "/account/security/second-factor/off")
    clock.advance(minutes=16)
    look.visit("the password again", "/account/email", is_main=True)
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/sign-in")
    press(page, "Sign in", email="ada@mail.example", password=PASSWORD)
    look.look("the code", is_main=True)
    press(page, "Sign in", code="000000")
    look.look("the code refused")


def test_pages_linked_from_address_emails_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app)
    sign_in(citizen)
    citizen.open("/account/email")
    citizen.press("Send me a link", email="ada@new.example")
    for mail in letters(look.server.app):
        look.visit(mail.subject, mail.link)
    add_person(look.server.app, "bea@mail.example")
    sign_in(citizen, "bea@mail.example")
    citizen.open("/account/delete")
    citizen.press("Delete my account")
    look.visit("deleted account", citizen.page.address)


def test_conflict_and_late_answer_pages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app)
    sign_in(citizen)
    draft = housing.start(citizen)
    enters_as(look, citizen)
    look.page.goto(f"{draft}/about_you")
    citizen.open(f"{draft}/about_you")
    citizen.press("Continue", **housing.ABOUT_YOU)
    press(look.page, full_name="Zoë Hughes", born__year="1990")
    look.look("conflict", is_main=True)
    look.page.goto(f"{draft}/home")
    look.server.clock.advance(minutes=31)
    press(look.page, tenure="family", postcode="AS4 2LN")
    look.look("late submit of a person")
    follow(look.page, "Sign in and continue")
    press(look.page, "Sign in", email="ada@mail.example", password=PASSWORD)
    expect(look.page.get_by_text("We kept what you typed. You have not sent it yet.")).to_be_visible()
    look.look("what came too late", is_main=True)


def test_staff_pages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app, "tom@council.example", "staff")
    staff = Citizen(look.server.app)
    sign_in(staff, "tom@council.example")
    enters_as(look, staff)
    look.visit("empty work list", "/hub")
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    citizen.press("Send", declaration="yes")
    look.visit("work list", "/hub", is_main=True)
    case = f"/hub/cases/{draft.rpartition('/')[2]}"
    look.visit("case", case, is_main=True)
    button(look.page, "Add note").click()
    look.look("case, refused note", is_main=True)
    look.visit("customers", "/hub/customers", is_main=True)
    press(look.page, "Find", customer="nobody")
    look.look("customers, refused")
    press(look.page, "Find", customer=draft.rpartition("/")[2])
    look.look("one customer", is_main=True)
    look.visit("draft", f"/hub/drafts/{draft.rpartition('/')[2]}", is_main=True)
    look.page.goto(case)
    look.look_at_warning("case", after_minutes=358.5)
    look.server.clock.advance(minutes=2)
    show_again(look.page)
    expect(look.page.get_by_text("You were signed out at 20:02.")).to_be_visible()
    look.look("case in grace", is_main=True)


def test_administrator_pages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app, "mina@council.example", "administrator")
    sign_in(citizen, "mina@council.example")
    enters_as(look, citizen)
    look.visit("settings", "/admin/self/site-settings/general", is_main=True)
    press(look.page, "Save settings", session_lifetime_minutes="abc", site_name="")
    look.look("settings refused", is_main=True)
    press(look.page, "Save settings", session_lifetime_minutes="90", site_name="Ashmere Council")
    look.look("settings saved, with advice", is_main=True)
    look.visit("settings of sessions", "/admin/self/site-settings/sessions", is_main=True)
    look.visit("people", "/admin/self/people", is_main=True)
    press(look.page, "Find", email="nobody@mail.example")
    look.look("people, refused", is_main=True)
    add_person(look.server.app, "tom@council.example", "staff")
    sign_in(Citizen(look.server.app), "tom@council.example")
    press(look.page, "Find", email="tom@council.example")
    look.look("one person", is_main=True)
    look.visit("audit log", "/admin/self/audit", is_main=True)
    look.visit("empty audit log", "/admin/self/audit?action=nothing")
    look.visit("outbox", "/admin/self/outbox", is_main=True)
    look.visit("integrations", "/admin/self/integrations", is_main=True)
    look.visit("own account of staff", "/account/security")
    look.visit("settings", "/admin/self/site-settings/general")
    look.look_at_warning("settings", after_minutes=358.5)


@pytest.mark.parametrize(
    ("form", "section"),
    [("housing-support", "about_you"), ("report-a-problem", "problem")],
    ids=["saved", "cannot be saved"],
)
def test_warning_and_end_pages_pass_inspection(look: Inspector, form: str, section: str) -> None:
    open_section(look, form, section)
    look.server.clock.advance(minutes=31)
    button(look.page, "Continue").click()
    look.look("late submit", is_main=True)
    open_section(look, form, section)
    look.look_at_warning(section, after_minutes=28.5)
    look.server.clock.advance(minutes=2)
    show_again(look.page)
    look.page.wait_for_url("**/session/ended")
    look.look("ended", is_main=True)


def open_section(look: Inspector, form: str, section: str) -> None:
    """Start a form in this browser as somebody else."""
    citizen = Citizen(look.server.app)
    citizen.open(f"/forms/{form}")
    draft = citizen.press("Start now").path
    enters_as(look, citizen)
    look.page.goto(f"{draft}/{section}")


def test_pages_of_messages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app)
    sign_in(citizen)
    citizen.press("Messages")
    citizen.follow("Write a message")
    thread = citizen.press("Send", topic="Housing", subject="Proof of my rent", text="What do you need?").path
    reply_of_staff(look.server.app, thread, "A rent statement, please.")
    look.server.clock.advance(minutes=1)
    enters_as(look, citizen)
    look.visit("messages", "/messages", is_main=True)
    look.visit("a thread", thread, is_main=True)
    press(look.page, "Send", text=" ")
    look.look("a thread with an error", is_main=True)
    look.look_at_warning("a thread", after_minutes=58.5)
    look.visit("a new message", "/messages/new", is_main=True)
    press(look.page, "Send")
    look.look("a new message with errors")
    look.server.clock.advance(minutes=61)
    look.visit("messages were closed", "/session/ended?kind=messages", is_main=True)
    sign_in(citizen)
    enters_as(look, citizen)
    look.visit("opening messages", "/messages/unlock", is_main=True)


def test_pages_of_a_signer_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    app, page = look.server.app, look.page
    reference = signatures.sent_form(app, citizen)
    link = signatures.link_to(app, reference)
    page.context.clear_cookies()
    look.visit("by hand", "/sign", is_main=True)
    press(page, "Continue")
    look.look("by hand, refused")
    look.visit("landing", link, is_main=True)
    press(page, "Continue")
    look.look("landing, refused", is_main=True)
    press(page, "This is not for me", last_four="x")
    look.look("not for me, refused")
    press(page, "Continue", **signatures.BORN)
    page.wait_for_url("**/sign")
    look.look("the copy", is_main=True)
    look.look_at_warning("the copy", after_minutes=13.5)
    look.visit("occupied", signatures.link_to(app, reference, "agent"), is_main=True)
    look.visit("questions", "/sign/questions", is_main=True)
    press(page, "Continue")
    look.look("questions, refused", is_main=True)
    press(page, "Continue", **signatures.ANSWERS)
    page.wait_for_url("**/sign/confirm")
    look.look("signature", is_main=True)
    press(page, "Sign")
    look.look("signature, refused", is_main=True)
    look.visit("why not", "/sign/decline", is_main=True)
    press(page, "Tell them")
    look.look("why not, refused")
    look.visit("signature", "/sign/confirm")
    look.server.clock.advance(minutes=16)
    button(page, "Sign").click()
    look.look("late signature", is_main=True)
    look.visit("signing ended", "/session/ended?kind=signing", is_main=True)
    page.goto(link)
    press(page, "Continue", **signatures.BORN)
    page.wait_for_url("**/sign/confirm")
    press(page, "Sign", name="Calder Homes", consent="yes")
    page.wait_for_url("**/sign/done")
    look.look("signed", is_main=True)
    look.server.clock.advance(hours=25)
    page.context.clear_cookies()
    look.visit("signed already", link)
    look.server.clock.advance(days=30)
    look.visit("expired", signatures.link_to(app, reference, "agent"))
    button(page, "Ask for a new link").click()
    look.look("asked for a new link")


def test_staff_pages_of_messages_pass_inspection(look: Inspector, citizen: Citizen) -> None:
    add_person(look.server.app)
    sign_in(citizen)
    citizen.press("Messages")
    citizen.follow("Write a message")
    thread = citizen.press("Send", topic="Housing", subject="Proof of my rent", text="What do you need?").path
    add_person(look.server.app, "tom@council.example", "staff")
    staff = Citizen(look.server.app)
    sign_in(staff, "tom@council.example")
    enters_as(look, staff)
    look.visit("inbox", "/hub/messages", is_main=True)
    look.visit("thread", f"/hub{thread}", is_main=True)
    press(look.page, "Send", text=" ")
    look.look("thread, refused reply", is_main=True)
    press(look.page, "Send", text="A rent statement, please.")
    look.look("thread with a reply", is_main=True)
    look.visit("notes", f"/hub{thread}/notes", is_main=True)
    press(look.page, "Add note")
    look.look("notes, refused")
