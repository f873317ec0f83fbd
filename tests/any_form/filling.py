"""Fill a random form through its pages, as somebody without script does, and work out what must come of it."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from flask import Flask
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from portal.drafts.queries import draft_by_reference, fill
from portal.form_definitions.definition import SectionState
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from portal.submissions.operations import sent_answers
from portal.submissions.queries import submission_by_reference
from tests.any_form.answers import MADE, TODAY, Typed, nothing, typed_into
from tests.any_form.made import TEXTS, as_written
from tests.any_form.reckoning import Reckoning
from tests.citizen import Citizen, Page

MOST_STEPS = 80
TROUBLED_ITEM = r'(?s)item-list__problem.*?href="([^"]+)"'
"""Where an item is corrected after another answer asked for more: the list of items leads there."""

GOOD = (200, 302, 303, 400, 409, 422)
NONSENSE = (
    "",
    "?",
    "yes",
    "no",
    "31",
    "February",
    "0000",
    "1e999",
    "NaN",
    "-",
    "£",
    "٣",
    "a",
    "none",
    "AB123",
    "a@b",
    "07700 900123",
    "%(label)s",
    "</textarea><script>",
    "x" * 21_000,
)


class Watched(Citizen):
    """A citizen for whom no page may ever break."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        plain_open = self.client.open

        def open_(*args: Any, **kwargs: Any) -> TestResponse:
            answer = plain_open(*args, **kwargs)
            assert answer.status_code in GOOD, (answer.status_code, args, kwargs, answer.text[-3000:])
            return answer

        self.client.open = open_  # type: ignore[method-assign]


@dataclass
class Journey:
    """One person on their way through one form."""

    app: Flask
    document: dict[str, Any]
    draw: Any
    reckoned: Reckoning = field(init=False)
    citizen: Watched = field(init=False)
    address: str = field(init=False)
    steps: int = 0
    items_wanted: dict[str, int] = field(default_factory=dict)
    items: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reckoned = Reckoning(self.document)
        self.citizen = Watched(self.app)

    def start(self, text: str) -> None:
        """Publish the form and press Start now."""
        parts = self.app.extensions["portal"]
        with parts.database.writing() as db:
            publish(db, read_yaml(text), now=parts.clock.now())
        self.citizen.open("/forms/made-form")
        self.address = self.citizen.press("Start now").path
        first = next(iter(self.citizen.page.links[name] for name in self.citizen.page.links if name == "Continue"))
        self.citizen.open(first)

    def walk(self) -> None:
        """Fill page after page until the check page, or a stop."""
        while self.citizen.page.path != f"{self.address}/check" and not self._is_stopped():
            self.steps += 1
            assert self.steps < MOST_STEPS, f"no way out of {self.citizen.page.path}"
            self._step()

    def _is_stopped(self) -> bool:
        stop = self.reckoned.first_stop()
        return stop is not None and self.citizen.page.heading == stop["title"]

    def _step(self) -> None:
        place = self.citizen.page.path.removeprefix(f"{self.address}/").split("/")
        section = self.reckoned.section(place[0])
        if "repeat" in section and len(place) == 1:
            self._list(section)
        else:
            self._page(section, place[1] if len(place) > 1 else None)

    def _list(self, section: dict[str, Any]) -> None:
        held = self.reckoned.stored.setdefault(section["id"], [])
        low, high = int(section["repeat"]["min"]), int(section["repeat"]["max"])
        if section["id"] not in self.items_wanted:
            self.items_wanted[section["id"]] = self.draw(st.integers(low, high))
        wanted = self.items_wanted[section["id"]]
        add = next((each for form in self.citizen.page.forms for each in form.buttons if each.value == "add"), None)
        assert (add is None) is (len(held) >= high)
        troubled = re.findall(TROUBLED_ITEM, self.citizen.page.text)
        if troubled:
            self.citizen.open(troubled[0])
        else:
            self.citizen.press(add.text if add and len(held) < wanted else "Continue")

    def _page(self, section: dict[str, Any], item_id: str | None) -> None:
        typed, values = self._typed(section)
        if item_id is None and self._forgets_something(section, typed):
            return
        known = self.items.setdefault(section["id"], [])
        known += [item_id] if item_id and item_id not in known else []
        item = known.index(item_id) if item_id else None
        address = self.citizen.page.path
        self.citizen.press("Continue", **values)
        self.reckoned.post(section["id"], typed, item)
        stop = self.reckoned.stop(section["id"])
        assert self.citizen.page.status == 200, self.citizen.page.words
        if self.citizen.page.path == address:
            assert stop is not None, self.citizen.page.words
            assert self.citizen.page.heading == stop["title"]

    def _forgets_something(self, section: dict[str, Any], typed: dict[str, Typed]) -> bool:
        """Now and then leave a required answer empty and expect a refusal; return True if the form ends instead."""
        needed = [asked for asked in section["fields"] if self._is_needed(section, asked, typed)]
        if not needed or not self.draw(st.sampled_from((False, False, True))):
            return False
        asked = self.draw(st.sampled_from(needed))
        posted = typed | {asked["id"]: nothing(asked)}
        values = {name: value for key, each in posted.items() for name, value in each.named(key).items()}
        self.citizen.press("Continue", **values)
        self.reckoned.post(section["id"], posted)
        if self._is_stopped():
            return True
        assert self.citizen.page.status == 422, self.citizen.page.words
        return False

    def _is_needed(self, section: dict[str, Any], asked: dict[str, Any], typed: dict[str, Typed]) -> bool:
        """Return whether this field shows and must be answered, given what is typed above it."""
        shown: dict[str, Typed] = {}
        for each in section["fields"]:
            if each["id"] in typed and self.reckoned.shows_field(section["id"], each, shown):
                if each is asked:
                    return self.reckoned.requires(section["id"], asked, shown)
                shown[each["id"]] = typed[each["id"]]
        return False

    def _typed(self, section: dict[str, Any]) -> tuple[dict[str, Typed], dict[str, Any]]:
        """Return what is typed into each field on the page; now and then into fields that will not show as well."""
        names = {name for form in self.citizen.page.forms for name in form.names}
        shown: dict[str, Typed] = {}
        everything: dict[str, Typed] = {}
        for asked in section["fields"]:
            if asked["type"] not in MADE:
                continue
            shows = self.reckoned.shows_field(section["id"], asked, shown)
            is_there = any(name in names for name in nothing(asked).named(asked["id"]))
            assert is_there or not shows, f"{asked['id']} shows, and is not on the page"
            if is_there:
                needed = shows and self.reckoned.requires(section["id"], asked, shown)
                found = everything[asked["id"]] = self.draw(typed_into(asked, may_be_empty=not needed))
                shown |= {asked["id"]: found} if shows else {}
        values = {name: value for key, each in everything.items() for name, value in each.named(key).items()}
        return everything, values

    def change(self) -> None:
        """Go back from the check page to one section and answer it again."""
        shown = [each["id"] for each in self.document["sections"] if self.reckoned.shows(each["id"])]
        plain = [name for name in shown if "repeat" not in self.reckoned.section(name)]
        if plain:
            self.citizen.open(f"{self.address}/{self.draw(st.sampled_from(plain))}?from=check")
            self.walk()

    def wander(self) -> None:
        """Open some page and press some button with anything in its inputs."""
        section = self.draw(st.sampled_from(self.document["sections"]))
        self.citizen.open(f"{self.address}/{section['id']}")
        page = self.citizen.page
        form = next((form for form in page.forms if any(each.name == "_action" for each in form.buttons)), None)
        if form is None:
            return
        own = sorted(name for name in form.names if not name.startswith("_") and name != "csrf_token")
        values = {name: self.draw(st.sampled_from(NONSENSE)) for name in own if self.draw(st.booleans())}
        button = self.draw(st.sampled_from([each for each in form.buttons if each.name == "_action"]))
        self.citizen.press(button.text, **values)

    def scribble(self, pages: list[Page]) -> tuple[str, dict[str, dict[str, list[str]]]]:
        """Type anything into a page that was opened now or earlier, and press any button.

        `pages` are those that were opened so far: a later answer may have hidden their questions, items or sections.
        Return the address of the page, and by field what its inputs sent.
        """
        self.citizen.open(f"{self.address}/{self.draw(st.sampled_from(self.document['sections']))['id']}")
        add = next((each for form in self.citizen.page.forms for each in form.buttons if each.value == "add"), None)
        if add:
            self.citizen.press(add.text)
        if any("_sequence" in form.names for form in self.citizen.page.forms):
            pages.append(self.citizen.page)
        if not pages:
            return "", {}
        self.citizen.page = page = self.draw(st.sampled_from(pages))
        section = self.reckoned.section(page.path.removeprefix(f"{self.address}/").partition("/")[0])
        fields = {asked["id"]: asked for asked in section["fields"] if asked["type"] in MADE}
        form = next(form for form in page.forms if "_sequence" in form.names)
        own = sorted(name for name in form.names if name.partition("-")[0] in fields)
        values = {name: self._anything(fields[name.partition("-")[0]]) for name in own if self.draw(st.booleans())}
        sent: dict[str, dict[str, list[str]]] = {field_id: {} for field_id in fields}
        for name in own:
            held = [control.value for control in form.controls if control.name == name]
            sent[name.partition("-")[0]][name] = [values[name]] if name in values else held
        buttons = ("Continue", "Back", "Save and come back later", "Save and stay signed in")
        self.citizen.press(self.draw(st.sampled_from(buttons)), **values)
        return page.path, sent

    def _anything(self, asked: dict[str, Any]) -> str:
        """Draw a text for one input: nonsense, or an option of the question."""
        options = [option["value"] for option in asked.get("@options", ())] or ["yes", "no"]
        return self.draw(st.sampled_from((*NONSENSE, *options, *options)))

    def stored(self, page: str) -> SectionState:
        """Return what the draft holds of the section or item at this address."""
        section_id, _, item_id = page.removeprefix(f"{self.address}/").partition("/")
        parts = self.app.extensions["portal"]
        with parts.database.reading() as db:
            draft = draft_by_reference(db, self.address.rpartition("/")[2])
            assert draft
            return fill(db, draft, parts.configuration.keyring, TODAY).part(section_id, item_id).state

    def texts_sent(self) -> list[str]:
        """Return the lines of the sent answers that appear on the confirmation as they were typed."""
        return [
            line
            for section_id, answers in self.expected().items()
            for page in ([answers] if isinstance(answers, dict) else answers)
            for asked in self.reckoned.section(section_id)["fields"]
            if asked["type"] in TEXTS and asked["id"] in page
            for line in page[asked["id"]].split("\n")
        ]

    def send(self) -> dict[str, Any] | None:
        """Send the form and return what was sent, or None if it was refused."""
        values = {"declaration": "yes"} if "declaration" in self.document["form"] else {}
        self.citizen.open(f"{self.address}/check")
        self.citizen.press("Send", **values)
        if self.citizen.page.status == 422:
            return None
        reference = self.address.rpartition("/")[2]
        assert self.citizen.page.path == f"/submissions/{reference}"
        parts = self.app.extensions["portal"]
        with parts.database.reading() as db:
            found = submission_by_reference(db, reference)
            assert found
            return sent_answers(parts.configuration.keyring, found)  # type: ignore[return-value]

    def expected(self) -> dict[str, Any]:
        """Return what must have been sent."""
        return self.reckoned.visible()


def unnamed(document: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent, with the items of a repeat in a list instead of under their ids."""
    repeats = {section["id"] for section in document["sections"] if "repeat" in section}
    return {key: list(answers.values()) if key in repeats else answers for key, answers in sent.items()}


def text_of(document: dict[str, Any]) -> str:
    """Return the document as YAML."""
    return yaml.safe_dump(as_written(document), allow_unicode=True, sort_keys=False)
