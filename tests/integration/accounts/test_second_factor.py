"""A code after the password: setting it up, entering it before a session opens, losing it and getting back in."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from portal.accounts.models import FormerAccount, PendingSignIn, Person, RecoveryCode, SecondFactor
from portal.accounts.operations import disable_account, replace_password
from portal.accounts.second_factors import forget_shown_codes, proof_of, use_proof
from portal.audit import Actor
from portal.db import Database
from portal.site_settings.operations import change_settings
from tests.conftest import MovableClock
from tests.integration.accounts.app import App, recovery_codes
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form

EMAIL = "ada@example.test"
SET_UP, CODES = "/account/security/second-factor", "/account/security/recovery-codes"
CODE_PAGE = "/account/second-factor"


@pytest.fixture
def phone(visitor: Browser, citizen: Person, clock: MovableClock) -> App:
    """The app of a person who switched on the second factor in this browser and kept the recovery codes."""
    visitor.sign_in(EMAIL)
    page = visitor.get(SET_UP)
    phone = App(page, clock)
    action, hidden = served_form(page)
    assert visitor.post(action or SET_UP, hidden | {"code": phone.code}).location == CODES
    visitor.fill_in(CODES)
    clock.advance(seconds=30)
    return phone


def _require(database: Database, clock: MovableClock) -> None:
    with database.writing() as db:
        change_settings(db, {"second_factor_required": True}, by=Actor(), now=clock.now())


def test_setting_up_shows_ten_codes_until_they_are_kept_and_sends_a_mail(
    visitor: Browser, citizen: Person, clock: MovableClock, mailbox: Mailbox, database: Database
) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get(SET_UP)
    assert "<svg" in page.text
    _action, hidden = served_form(page)
    visitor.post(SET_UP, hidden | {"code": App(page, clock).code})
    codes = recovery_codes(visitor.get(CODES))
    assert len(set(codes)) == 10
    assert recovery_codes(visitor.get(CODES)) == codes
    assert visitor.fill_in(CODES).location == "/account/security?done=factor_on"
    page = visitor.get(CODES)
    assert not recovery_codes(page)
    assert "10 recovery codes left" in page.text
    assert mailbox.subjects == [(EMAIL, "Your second factor is on")]
    with database.reading() as db:
        stored = db.scalars(select(SecondFactor)).one()
        hashes = db.scalars(select(RecoveryCode.code_hash)).all()
    assert stored.sealed_codes is None
    assert not [code for code in codes if code.replace("-", "").encode() in b"".join(hashes)]


def test_codes_that_nobody_kept_are_deleted_after_half_an_hour(
    visitor: Browser, citizen: Person, clock: MovableClock, database: Database
) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get(SET_UP)
    _action, hidden = served_form(page)
    visitor.post(SET_UP, hidden | {"code": App(page, clock).code})
    clock.advance(minutes=30, seconds=1)
    with database.writing() as db:
        forget_shown_codes(db, now=clock.now())
        assert db.scalars(select(SecondFactor)).one().sealed_codes is None


def test_wrong_code_switches_nothing_on_and_shows_the_same_picture_again(
    visitor: Browser, citizen: Person, clock: MovableClock, records: Records
) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get(SET_UP)
    _action, hidden = served_form(page)
    phone = App(page, clock)
    refused = visitor.post(SET_UP, hidden | {"code": phone.wrong_code})
    assert (refused.status_code, App(refused, clock).code) == (422, phone.code)
    assert not records.events("second_factor_on")


def test_secret_that_the_page_did_not_issue_is_refused(
    visitor: Browser, another_visitor: Browser, citizen: Person, make_person: Callable[..., Person], clock: MovableClock
) -> None:
    make_person("bela@example.test")
    another_visitor.sign_in("bela@example.test")
    theirs = another_visitor.get(SET_UP)
    visitor.sign_in(EMAIL)
    _action, hidden = served_form(visitor.get(SET_UP))
    for secret in ("", "AAAA", "ü", served_form(theirs)[1]["secret"]):
        answer = visitor.post(SET_UP, hidden | {"secret": secret, "code": App(theirs, clock).code})
        assert answer.status_code == 422


def test_the_code_is_asked_for_before_any_session_is_open(
    another_visitor: Browser, phone: App, records: Records
) -> None:
    before = len(records.sessions)
    answer = another_visitor.sign_in(EMAIL, next="/probe/customer")
    assert (answer.status_code, answer.location) == (303, f"{CODE_PAGE}?next=/probe/customer")
    assert len(records.sessions) == before
    assert another_visitor.cookie() is None
    assert another_visitor.get("/probe/customer").status_code == 302
    answer = another_visitor.fill_in(answer.location, code=phone.code)
    assert (answer.status_code, answer.location) == (303, "/probe/customer")
    assert another_visitor.get("/probe/customer").text == "through"


def test_spaces_in_a_code_do_not_matter(another_visitor: Browser, phone: App) -> None:
    another_visitor.sign_in(EMAIL)
    code = phone.code
    assert another_visitor.fill_in(CODE_PAGE, code=f" {code[:3]} {code[3:]}").status_code == 303


@pytest.mark.parametrize("code", ["", "000", "not a code", "1234567890123456789012345", "๑๒๓๔๕๖"])
def test_malformed_code_is_refused(another_visitor: Browser, phone: App, code: str) -> None:
    another_visitor.sign_in(EMAIL)
    assert another_visitor.fill_in(CODE_PAGE, code=code).status_code == 422


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 422), (0, 303), (1, 303), (2, 422)])
def test_clock_may_be_half_a_minute_off_but_no_used_step_works_again(
    another_visitor: Browser, phone: App, steps: int, status: int
) -> None:
    """The code of the step before this one was used in setting up."""
    another_visitor.sign_in(EMAIL)
    assert another_visitor.fill_in(CODE_PAGE, code=phone.code_at(steps)).status_code == status


def test_a_code_works_once(visitor: Browser, another_visitor: Browser, phone: App) -> None:
    for browser, status in ((visitor, 303), (another_visitor, 422)):
        browser.sign_in(EMAIL)
        assert browser.fill_in(CODE_PAGE, code=phone.code).status_code == status


def test_recovery_code_works_once_and_its_use_is_reported_by_mail(
    visitor: Browser, another_visitor: Browser, citizen: Person, clock: MovableClock, mailbox: Mailbox
) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get(SET_UP)
    _action, hidden = served_form(page)
    visitor.post(SET_UP, hidden | {"code": App(page, clock).code})
    code = recovery_codes(visitor.get(CODES))[3]
    another_visitor.sign_in(EMAIL)
    assert another_visitor.fill_in(CODE_PAGE, code=code.lower().replace("-", " ")).location == "/account"
    assert (EMAIL, "A recovery code was used") in mailbox.subjects
    another_visitor.sign_out()
    another_visitor.sign_in(EMAIL)
    assert another_visitor.fill_in(CODE_PAGE, code=code).status_code == 422
    assert "9 recovery codes left" in _after_keeping(visitor)


def _after_keeping(visitor: Browser) -> str:
    visitor.fill_in(CODES)
    return visitor.get(CODES).text


def test_new_recovery_codes_stop_the_old_ones(visitor: Browser, another_visitor: Browser, phone: App) -> None:
    visitor.fill_in(CODES)
    old = recovery_codes(visitor.get(CODES))
    visitor.fill_in(CODES)
    assert visitor.fill_in(CODES).location == CODES
    new = recovery_codes(visitor.get(CODES))
    assert len(new) == 10
    assert not set(old) & set(new)
    another_visitor.sign_in(EMAIL)
    assert another_visitor.fill_in(CODE_PAGE, code=old[0]).status_code == 422
    assert another_visitor.fill_in(CODE_PAGE, code=new[0]).status_code == 303


def test_recovery_codes_can_be_renewed_a_few_times_and_then_after_a_wait(visitor: Browser, phone: App) -> None:
    for _ in range(5):
        assert visitor.fill_in(CODES).location == CODES
        visitor.fill_in(CODES)
    answer = visitor.fill_in(CODES)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "10 recovery codes left" in visitor.get(CODES).text


def test_same_set_up_sent_again_and_again_is_slowed_down_and_switching_off_nothing_leaves_no_trace(
    visitor: Browser, citizen: Person, clock: MovableClock, mailbox: Mailbox, database: Database
) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get(SET_UP)
    _action, hidden = served_form(page)
    for _ in range(2):
        assert visitor.post(f"{SET_UP}/off", hidden).location == "/account/security?done=factor_off"
    with database.reading() as db:
        assert not db.scalars(select(FormerAccount)).all()
    answers = [visitor.post(SET_UP, hidden | {"code": App(page, clock).code}) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert mailbox.subjects == [(EMAIL, "Your second factor is on")] * 5


def test_wrong_codes_are_slowed_down_and_reported_by_mail_once(
    another_visitor: Browser, phone: App, mailbox: Mailbox, clock: MovableClock
) -> None:
    another_visitor.sign_in(EMAIL)
    answers = [another_visitor.fill_in(CODE_PAGE, code=phone.wrong_code).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    assert another_visitor.fill_in(CODE_PAGE, code=phone.code).status_code == 429
    assert mailbox.subjects.count((EMAIL, "Somebody tried to sign in to your account")) == 1
    clock.advance(minutes=5)
    assert another_visitor.fill_in(CODE_PAGE, code=phone.wrong_code).status_code == 422
    assert mailbox.subjects.count((EMAIL, "Somebody tried to sign in to your account")) == 1


def test_signing_in_again_does_not_allow_more_guesses(another_visitor: Browser, phone: App) -> None:
    answers = []
    for _ in range(11):
        another_visitor.sign_in(EMAIL)
        answers.append(another_visitor.fill_in(CODE_PAGE, code=phone.wrong_code).status_code)
    assert answers == [422] * 10 + [429]


def test_owner_gets_in_at_home_while_a_stranger_guesses_codes(
    visitor: Browser, another_visitor: Browser, phone: App
) -> None:
    another_visitor.sign_in(EMAIL)
    for _ in range(11):
        another_visitor.fill_in(CODE_PAGE, code=phone.wrong_code)
    visitor.sign_out()
    visitor.sign_in(EMAIL)
    assert visitor.fill_in(CODE_PAGE, code=phone.code).status_code == 303


def test_half_finished_sign_in_ends_after_ten_minutes(
    another_visitor: Browser, phone: App, clock: MovableClock
) -> None:
    another_visitor.sign_in(EMAIL)
    action, hidden = served_form(another_visitor.get(CODE_PAGE))
    clock.advance(minutes=10)
    answer = another_visitor.post(action or "", hidden | {"code": phone.code})
    assert (answer.status_code, answer.location) == (303, "/account/sign-in")
    assert another_visitor.get(CODE_PAGE).location == "/account/sign-in"


def test_half_finished_sign_in_needs_the_cookie_of_its_browser(another_visitor: Browser, phone: App) -> None:
    another_visitor.sign_in(EMAIL)
    another_visitor.client.delete_cookie("sign_in")
    assert another_visitor.get(CODE_PAGE).location == "/account/sign-in"


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_change_to_the_account_ends_a_half_finished_sign_in(
    another_visitor: Browser, phone: App, citizen: Person, database: Database, clock: MovableClock, change: str
) -> None:
    another_visitor.sign_in(EMAIL)
    with another_visitor.app.app_context(), database.writing() as db:
        person = db.get_one(Person, citizen.id)
        if change == "password":
            replace_password(db, person, "another hash", by=Actor(), now=clock.now())
        else:
            disable_account(db, person.id, by=Actor(), now=clock.now())
    assert another_visitor.get(CODE_PAGE).location == "/account/sign-in"
    with database.reading() as db:
        assert not db.scalars(select(PendingSignIn)).all()


def test_mailed_link_for_a_new_password_also_asks_for_the_code(
    another_visitor: Browser, phone: App, mailbox: Mailbox
) -> None:
    another_visitor.fill_in("/account/password", email=EMAIL)
    answer = another_visitor.fill_in(mailbox.last_link, password="staple battery horse")
    assert answer.location == CODE_PAGE
    assert another_visitor.cookie() is None
    assert another_visitor.fill_in(CODE_PAGE, code=phone.code).location == "/account"


def test_after_switching_off_the_password_alone_signs_in(
    visitor: Browser, another_visitor: Browser, phone: App, mailbox: Mailbox
) -> None:
    assert visitor.fill_in(f"{SET_UP}/off").location == "/account/security?done=factor_off"
    assert mailbox.subjects[-1] == (EMAIL, "Your second factor is off")
    assert another_visitor.sign_in(EMAIL).location == "/account"


def test_second_factor_is_optional_by_default(visitor: Browser, staff: Person) -> None:
    assert visitor.sign_in(staff.email).location == "/hub"


@pytest.mark.parametrize(
    ("role", "first"),
    [("administrator", True), ("staff", True), ("designer", True), ("field", False), ("citizen", False)],
)
def test_required_second_factor_must_be_set_up_before_anything_else(
    visitor: Browser,
    make_person: Callable[..., Person],
    database: Database,
    clock: MovableClock,
    role: str,
    first: bool,
) -> None:
    make_person(role=role)
    _require(database, clock)
    assert visitor.sign_in(EMAIL).location.startswith(f"{CODE_PAGE}/set-up") is first
    assert (visitor.cookie("hub") is None) is (first or role in ("field", "citizen"))


def test_set_up_of_a_required_factor_leads_on_to_the_wanted_page(
    visitor: Browser, staff: Person, database: Database, clock: MovableClock
) -> None:
    _require(database, clock)
    wanted = visitor.sign_in(staff.email, next="/probe/staff").location
    page = visitor.get(wanted)
    action, hidden = served_form(page)
    phone = App(page, clock)
    assert visitor.post(action or wanted, hidden | {"code": phone.wrong_code}).status_code == 422
    assert visitor.get("/probe/staff").status_code == 302
    codes_page = visitor.post(action or wanted, hidden | {"code": phone.code}).location
    assert codes_page == f"{CODES}?kind=hub&next=%2Fprobe%2Fstaff"
    assert len(recovery_codes(visitor.get(codes_page))) == 10
    assert visitor.fill_in(codes_page).location == "/probe/staff"
    assert visitor.get("/probe/staff").text == "through"
    assert "Switch off" not in visitor.get("/account/security").text
    assert visitor.fill_in(f"{CODES}?kind=hub").status_code == 303


def test_required_second_factor_cannot_be_switched_off(
    visitor: Browser, staff: Person, database: Database, clock: MovableClock, records: Records
) -> None:
    visitor.sign_in(staff.email)
    page = visitor.get(SET_UP)
    _action, hidden = served_form(page)
    visitor.post(f"{SET_UP}?kind=hub", hidden | {"code": App(page, clock).code})
    _action, off = served_form(visitor.get(f"{SET_UP}/off"))
    _require(database, clock)
    assert visitor.get(f"{SET_UP}/off").location == "/account/security?kind=hub"
    assert visitor.post(f"{SET_UP}/off?kind=hub", off).status_code == 403
    assert not records.events("second_factor_off")


def test_administrator_removes_a_lost_second_factor_by_command(
    runner: FlaskCliRunner, another_visitor: Browser, phone: App, mailbox: Mailbox, records: Records
) -> None:
    result = runner.invoke(args=["accounts", "reset-second-factor", EMAIL.upper()])
    assert result.exit_code == 0, result.output
    assert mailbox.subjects[-1] == (EMAIL, "Your second factor was removed")
    assert another_visitor.sign_in(EMAIL).location == "/account"
    assert len(records.events("second_factor_reset")) == 1
    again = runner.invoke(args=["accounts", "reset-second-factor", EMAIL])
    assert (again.exit_code, again.output) == (1, f"Error: {EMAIL} has no second factor.\n")
    unknown = runner.invoke(args=["accounts", "reset-second-factor", "nobody@example.test"])
    assert (unknown.exit_code, unknown.output) == (1, "Error: There is no account for nobody@example.test.\n")


@pytest.mark.both_databases
@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_code_accepted_by_two_requests_at_once_is_used_once(
    visitor: Browser, phone: App, citizen: Person, database: Database, clock: MovableClock, kind: str
) -> None:
    visitor.fill_in(CODES)
    code = phone.code if kind == "app" else recovery_codes(visitor.get(CODES))[0]
    keyring = visitor.app.extensions["portal"].configuration.keyring
    with visitor.app.app_context(), database.writing() as db:
        person = db.get_one(Person, citizen.id)
        proofs = [proof_of(db, person.id, code, keyring, now=clock.now()) for _ in range(2)]
        used = [proof and use_proof(db, person, proof, by=Actor(), now=clock.now()) for proof in proofs]
    assert used == [True, False]


def test_the_secret_is_sealed_at_rest(phone: App, database: Database) -> None:
    with database.reading() as db:
        stored = db.scalars(select(SecondFactor)).one()
    assert phone._codes.secret.encode() not in stored.sealed_secret


def test_citizen_without_an_app_signs_in_with_the_password_alone(visitor: Browser, citizen: Person) -> None:
    assert visitor.sign_in(EMAIL, PASSWORD).location == "/account"
