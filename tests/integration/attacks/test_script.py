"""Script typed into every text that people can write is shown as text, in pages and in mails."""

import pytest
from flask import Flask
from sqlalchemy import update

from portal.accounts.models import Person
from portal.audit import Actor
from portal.site_settings.operations import change_settings
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.loan import publish_yaml
from tests.people import add_person, sign_in
from tests.post import letters

pytestmark = pytest.mark.one_database
RUN = frozenset({"script", "img", "iframe", "object", "base", "style"})
EVIL = "</title></textarea><script>alert(1)</script><img src=x onerror=alert(1)>\"' onfocus='alert(1)' x=\"{{13*1337}}"


def running(page: Page) -> list[str]:
    """Return the elements and attributes of a page that could run script."""
    found = [each.tag for each in page.elements if each.tag in RUN and not each.get("src").startswith("/static/")]
    for element in page.elements:
        found += [name for name in element.attributes if name.startswith("on") or name == "style"]
        found += [value for value in element.attributes.values() if value.strip().lower().startswith("javascript:")]
    return found


def assert_harmless(page: Page) -> None:
    """Check that nothing typed became an element, an attribute or an expression."""
    assert page.status < 500
    assert running(page) == [], page.path
    assert "<script>alert" not in page.text, page.path
    assert "17381" not in page.words, page.path


EVIL_FORM = """
format: 1
form:
  id: evil_form
  title: {evil}
  summary: {evil}
  you_will_need: [{evil}]
  access: anyone
  allow_save: true
  declaration: {evil}
sections:
  - id: one
    title: {evil}
    intro: {markdown}
    fields:
      - {{id: words, type: text, label: {evil}, hint: {evil}, required: true, errors: {{required: {evil}}}}}
      - {{id: story, type: long_text, label: {evil}}}
      - id: pick
        type: choice
        label: {evil}
        options: [{{value: a, label: {evil}, hint: {evil}}}, {{value: b, label: B}}]
      - {{id: told, type: note, label: {markdown}}}
    stop_when:
      - {{when: {{field: one.words, is: stop}}, title: {evil}, body: {markdown}}}
  - id: things
    title: {evil}
    repeat: {{item: {evil}, min: 0, max: 3, label_from: what}}
    fields: [{{id: what, type: text, label: {evil}, required: true}}]
"""
MARKDOWN = (
    "<script>alert(1)</script> [a](javascript:alert(1)) [b](data:text/html,x) ![c](https://evil.example/x.png)"
    " <img src=x onerror=alert(1)> <a href='javascript:alert(1)'>d</a> [e](//evil.example) <style>*{}</style>"
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def evil_site(app: Flask, clock: MovableClock) -> None:
    """A site whose every text tries to run script: name, contact and form."""
    publish_yaml(app, EVIL_FORM.format(evil=_quoted(EVIL), markdown=_quoted(MARKDOWN)))
    evil = {"site_name": EVIL[:80], "support_contact": EVIL}
    with app.extensions["portal"].database.writing() as db:
        change_settings(db, evil, by=Actor(), now=clock.now())


@pytest.mark.usefixtures("evil_site")
def test_no_typed_text_runs_as_script_on_any_page(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    seen: list[Page] = []

    def see(page: Page) -> Page:
        assert_harmless(page)
        seen.append(page)
        return page

    see(citizen.open("/"))
    see(citizen.open("/forms/evil-form"))
    draft = see(citizen.press("Start now")).path
    see(citizen.open(f"{draft}/one"))
    assert see(citizen.press("Continue")).status == 422
    assert see(citizen.press("Continue", words="stop")).status == 200
    citizen.open(f"{draft}/one")
    see(citizen.press("Save and come back later", words=EVIL, story=EVIL))
    see(citizen.press("Send link", email="zoe@mail.example"))
    citizen.open(f"{draft}/one")
    citizen.press("Continue", words=EVIL, story=EVIL, pick="a")
    see(citizen.page)
    see(citizen.press(citizen.page.add_button))
    see(citizen.press("Continue", what=EVIL))
    assert see(citizen.press("Continue")).path == f"{draft}/check"
    assert see(citizen.press("Send")).status == 422
    see(citizen.open(draft))
    see(citizen.press("Delete this draft"))
    citizen.open(f"{draft}/check")
    assert "onfocus='alert(1)'" in see(citizen.press("Send", declaration="yes"))
    see(citizen.open(draft))
    for address in ("/privacy", "/cookies", "/accessibility", "/contact", "/help/sessions", "/resume", "/nowhere"):
        see(citizen.open(address))
    clock.advance(minutes=31)
    see(citizen.open(draft))
    assert len(seen) > 20


@pytest.mark.usefixtures("evil_site")
def test_no_text_of_a_citizen_runs_as_script_for_staff(app: Flask, citizen: Citizen) -> None:
    citizen.open("/forms/evil-form")
    draft = citizen.press("Start now").path
    citizen.open(f"{draft}/one")
    citizen.press("Continue", words=EVIL, story=EVIL, pick="a")
    citizen.press("Continue")
    citizen.press("Send", declaration="yes")
    reference = draft.rpartition("/")[2]
    for email, role in (("mina@mail.example", "staff"), ("root@mail.example", "administrator")):
        person = add_person(app, email, role)
        with app.extensions["portal"].database.writing() as db:
            db.execute(update(Person).where(Person.id == person.id).values(name=EVIL[:100]))
    staff, administrator = Citizen(app), Citizen(app)
    assert_harmless(sign_in(staff, "mina@mail.example"))
    case = staff.open(f"/hub/cases/{reference}")
    assert_harmless(case)
    assert "onerror=alert(1)" in case.words
    assert_harmless(sign_in(administrator, "root@mail.example"))
    assert_harmless(administrator.open("/admin/self/site-settings/general"))
    assert_harmless(administrator.press("Save settings", site_name=EVIL * 3, session_lifetime_minutes=EVIL))
    assert_harmless(administrator.open("/admin/self/site-settings/general"))


@pytest.mark.usefixtures("evil_site")
def test_no_text_runs_in_a_mail_or_breaks_its_headers(app: Flask, citizen: Citizen) -> None:
    citizen.open("/forms/evil-form")
    draft = citizen.press("Start now").path
    citizen.open(f"{draft}/save")
    citizen.press("Send link", email="zoe@mail.example")
    letters(app)
    folder = app.extensions["portal"].configuration.mail_dir
    (content,) = [path.read_bytes() for path in folder.glob("*.eml")]
    head, _blank, body = content.partition(b"\n\n")
    assert b"\nBcc:" not in head
    assert b"<script>alert" not in body.replace(b"=3D", b"=").partition(b"text/html")[2]


@pytest.mark.parametrize(
    "name", ["Evil\r\nBcc: all@mail.example", "Evil\nSubject: x", "Evil\u2028x", "Evil\u202ex"], ids=repr
)
def test_a_site_name_of_several_lines_is_refused(app: Flask, citizen: Citizen, name: str) -> None:
    add_person(app, "root@mail.example", "administrator")
    sign_in(citizen, "root@mail.example")
    answer = citizen.send("Save settings", site_name=name)
    assert answer.status_code == 422
    assert "Evil" not in citizen.open("/").title


def test_input_to_a_public_form_comes_back_as_text(citizen: Citizen) -> None:
    assert_harmless(citizen.open(f"/account/sign-in?next={EVIL}"))
    assert_harmless(citizen.press("Sign in", email=EVIL, password="x"))
    citizen.open("/account/register")
    assert_harmless(citizen.press("Register", email=EVIL, password="x"))
    citizen.open("/resume")
    assert_harmless(citizen.press("Continue your form", reference=EVIL, return_code=EVIL))
