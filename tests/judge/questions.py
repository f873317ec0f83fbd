"""What sqlmap is asked to try: made from the addresses of the portal, what its views read, and the forms of its pages.

So a new address, a new value of an address and a new input are tried without anybody thinking of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from tests.citizen import Button, Form, Page
from tests.judge.visits import NAMES, NOBODY, ROLES, Visits

SPARED: Mapping[str, str] = {
    "accounts.sign_out": "ends the judge's own session",
    "people.change_person": "changes roles and closes accounts",
    "people.end_everybody": "ends every session",
    "saving.clear_computer": "ends the judge's own session",
    "submissions.send_form": "sends the form, so that nothing is left to fill in",
}
"""Forms that are not tried, and why."""

_SCRIPT = "the page's script sends it, with what the form of the section sends"
_BEHIND = "stands behind a mailed link, a code or an answer that the judge does not have"
_BUTTON = "has no input but its button, and the judge's portal has nothing to press it for"
NOT_SHOWN: Mapping[str, str] = {
    **dict.fromkeys(("drafts.autosave", "drafts.change_files", "drafts.save_item"), _SCRIPT),
    **dict.fromkeys(("profile.submit_confirm_email", "profile.submit_objection", "resume.redeem"), _BEHIND),
    **dict.fromkeys(("accounts.submit_confirm", "accounts.submit_new_password", "accounts.submit_claim"), _BEHIND),
    **dict.fromkeys(("factors.submit_code", "factors.submit_set_up_first", "resume.use_typed_code"), _BEHIND),
    **dict.fromkeys(("saving.answer_claim", "saving.prove", "resume.send_link_after_end"), _BEHIND),
    **dict.fromkeys(
        ("admin.undo_setting", "factors.kept", "factors.renew", "outbox.try_again", "saving.keep"), _BUTTON
    ),
}
"""Forms that no page shows to the judge with an input, and why; any other that is missed makes the run fail."""

NOT_TYPED = {"csrf_token", "_end"}
FILLED = {
    "slug": "housing-support",
    "section_id": "home",
    "tab": "general",
    "ending": "yaml",
    "kind": "customer",
    "email": "ada@mail.example",
    "customer": "ada@mail.example",
    "form": "housing_support",
    "status": "all",
    "overdue": "yes",
    "since": "2026-01-01",
    "until": "2026-12-31",
    "format": "csv",
    "postcode": "AS4 2LN",
}
"""Values with which a request gets as far as the database."""

ANYTHING, MARK = "1", "MARK"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request with what is tried in it: the marked parts (`*`) of its address, and these names."""

    role: str
    endpoint: str
    address: str
    names: tuple[str, ...]
    body: str = ""


def questions(app: Flask, visits: Visits) -> tuple[list[Question], set[str]]:
    """Return what to ask, and which forms with inputs no page has shown."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
    asked, reached, tried = [], {*SPARED, *NOT_SHOWN}, set()
    for rule in rules:
        if "GET" not in (rule.methods or set()):
            continue
        role, page = _opened(rule, visits)
        marks, names = _address(rule, visits, MARK).replace(MARK, "*"), _read(rule, role, visits)
        if "*" in marks or names:
            query = urlencode({name: FILLED.get(name, ANYTHING) for name in names})
            address = f"{marks}?{query}" if query else marks
            asked.append(Question(role=role, endpoint=rule.endpoint, address=address, names=names))
        forms = list(_forms(app, role, page)) if page else []
        for form in forms:
            new = tuple(name for name in form.names if (form.endpoint, name) not in tried)
            asked += [replace(form, names=new)] if new else []
            tried |= {(form.endpoint, name) for name in new}
        reached |= {form.endpoint for form in forms}
    posts = {rule.endpoint for rule in rules if "POST" in (rule.methods or set())}
    return list({(each.endpoint, each.names, each.address): each for each in asked}.values()), posts - reached


def _opened(rule: Rule, visits: Visits) -> tuple[str, Page | None]:
    """Open the page as the first who may see it; where nobody does, as the last who was not sent elsewhere."""
    path, best = _address(rule, visits), NOBODY
    for role in ROLES:
        response = visits.browsers[role].get(path)
        if response.status_code == 200:
            return role, Page(path, response) if response.mimetype == "text/html" else None
        best = best if response.status_code in (302, 303) else role
    return best, None


def _address(rule: Rule, visits: Visits, mark: str = "") -> str:
    """Return the address with a mark behind each part that may be any text; a number may not."""
    kinds = {"/drafts/<reference>/save": "guests", "/drafts": "draft", "/hub/drafts": "draft"}
    kind = next((kind for start, kind in kinds.items() if rule.rule.startswith(start)), "sent")
    values = FILLED | visits.values | {"reference": visits.values[kind]}
    filled = {name: values.get(name, ANYTHING) for name in rule.arguments}
    marked = {name: value if f"<int:{name}>" in rule.rule else value + mark for name, value in filled.items()}
    built = rule.build(marked)
    assert built
    return built[1]


def _read(rule: Rule, role: str, visits: Visits) -> tuple[str, ...]:
    """Return the names that the view reads from its address, also those that it reads only beside others."""
    NAMES.clear()
    path = _address(rule, visits)
    for _ in range(2):
        query = {name: FILLED.get(name, ANYTHING) for name in sorted(NAMES)}
        visits.browsers[role].get(path, query_string=query)
    return tuple(sorted(NAMES))


def _forms(app: Flask, role: str, page: Page) -> Iterator[Question]:
    """Yield the forms of a page, once for each kind of button."""
    seen = set()
    for form in page.forms:
        address = urljoin(page.address, form.action or "").partition("#")[0]
        endpoint = _endpoint(app, urlsplit(address).path) if form.method.lower() == "post" else None
        if endpoint is None or endpoint in SPARED:
            continue
        for button in form.buttons or [Button("", None, "")]:
            kind = (endpoint, frozenset(form.names), button.name)
            body = _body(form, button)
            names = tuple(name for name in body if name not in NOT_TYPED)
            if kind not in seen:
                seen.add(kind)
                yield Question(role=role, endpoint=endpoint, address=address, names=names, body=urlencode(body))


def _body(form: Form, button: Button) -> dict[str, str]:
    """Return what the form sends, with something in every input."""
    body = {name: FILLED.get(name, ANYTHING) for name in sorted(form.names)}
    body |= {control.name: control.value or body[control.name] for control in form.controls}
    body |= {button.name: button.value} if button.name else {}
    return body | {"_end": body.pop("_end", ANYTHING)}


def _endpoint(app: Flask, path: str) -> str | None:
    try:
        return str(app.url_map.bind("").match(path, method="POST")[0])
    except HTTPException:
        return None
