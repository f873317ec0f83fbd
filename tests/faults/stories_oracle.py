"""What one person in a story was promised: marks that were in a field, and what the portal holds or said of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft, DraftPart
from portal.drafts.rules import REMOVED, Part
from portal.drafts.sealing import open_part
from portal.keyring import Keyring
from portal.sessions.late_forms import parked_on, parked_pages
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers

LONG_ENOUGH_S = 5.0
MARK = re.compile(r"zq\d+x\d+z")
NOT_KEPT = ("failed", "refused", "conflict")
"""States of “Saved” that say that the words are not on the server."""
SAID = "the "
"""How all reasons begin that the portal itself gave; a person's own reasons begin otherwise."""
NOT_SAVED = "the page says that it is not saved"
LATE_NOTICE = "Some of what you typed is not in these answers"
RENTS = "I rent"
CAN_HIDE = re.compile("/rent: |: street$|: landlord$")


@dataclass(frozen=True)
class Held:
    """All marks that the server holds of a form, by where they are."""

    stored: frozenset[str]
    removed: frozenset[str]
    """Those in items that were removed, which are stored, too."""
    late: frozenset[str]
    sent: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.stored | self.late | self.sent


class Oracle:
    """Every mark of one story: how long it was seen, where, and why nobody may expect it any more."""

    def __init__(self, title: str) -> None:
        self.lines = [title]
        self.ages: dict[str, float] = {}
        self.places: dict[str, str] = {}
        self.let_go: dict[str, str] = {}
        self.faults: list[str] = []

    def note(self, now: datetime, line: str) -> None:
        """Add a line to what is printed if something was lost."""
        self.lines.append(f"{now:%H:%M:%S} {line}")

    def fault(self, now: datetime, line: str) -> None:
        """Note what must never happen."""
        self.faults.append(line)
        self.note(now, line)

    def wrote(self, mark: str, place: str, *, before: str, after: str) -> None:
        """Note a new mark, and that those which it replaces are given up."""
        self.places[mark] = place
        for gone in set(MARK.findall(before)) - set(MARK.findall(after)):
            self.let_go[gone] = "typed over"

    def older(self, marks: Iterable[str], seconds: float) -> None:
        """Let what is in fields grow older."""
        for mark in set(marks):
            self.ages[mark] = self.ages.get(mark, 0) + seconds

    def say(self, marks: Iterable[str], why: str) -> None:
        """Note what the portal or the browser said of these marks."""
        for mark in marks:
            self.let_go.setdefault(mark, why)

    def expect_again(self, marks: Iterable[str]) -> None:
        """Expect marks once more of which a page said that they are not saved: the person does what it asks for."""
        for mark in marks:
            if self.let_go.get(mark) == NOT_SAVED:
                del self.let_go[mark]

    def see(self, states: Mapping[str, set[str]]) -> None:
        """Note what all tabs say of the marks in their fields: by mark, the states of “Saved”."""
        for mark, said in states.items():
            if said <= set(NOT_KEPT):
                self.let_go.setdefault(mark, NOT_SAVED)
            elif self.let_go.get(mark, "").startswith(SAID):
                del self.let_go[mark]

    def owed(self) -> list[str]:
        """Return the marks that must be kept."""
        return [mark for mark, age in self.ages.items() if age >= LONG_ENOUGH_S and mark not in self.let_go]

    def judge_sending(self, now: datetime, *, shown: str, before: Held, after: Held) -> None:
        """Judge a form that was sent: it holds what its check page showed; the rest was aside or named as left out."""
        seen = set(MARK.findall(shown))
        for mark in sorted(after.sent - seen):
            self.fault(now, f"SENT UNSEEN {mark} of {self.places.get(mark)}")
        for mark in (before.stored | before.late) - after.sent - seen:
            if mark in before.late and LATE_NOTICE in shown:
                self.let_go[mark] = "left out when the form was sent, as the check page said"
            elif mark in before.removed or (RENTS not in shown and CAN_HIDE.search(self.places.get(mark, ""))):
                self.let_go[mark] = "aside when the form was sent"


def held(app: Flask, reference: str, person_id: int | None, now: datetime) -> Held:
    """Return all that the server holds of this form: answers, also aside, as typed, parked and sent."""
    parts = app.extensions["portal"]
    keyring = parts.configuration.keyring
    with parts.database.reading() as db:
        rows = db.scalars(select(DraftPart).join(Draft).where(Draft.reference == reference)).all()
        opened = [open_part(keyring, row) for row in rows]
        sent = db.scalars(select(Submission).where(Submission.reference == reference)).all()
        return Held(
            stored=_marks(_words(part) for part in opened),
            removed=_marks(_words(part) for part in opened if REMOVED in part.edited),
            late=_marks(_late(db, keyring, reference, person_id, now)),
            sent=_marks(sent_answers(keyring, each) for each in sent),
        )


def _words(part: Part) -> list[object]:
    return [dict(part.state.answers), dict(part.state.typed)]


def _late(db: Session, keyring: Keyring, reference: str, person_id: int | None, now: datetime) -> list[object]:
    pages = parked_pages(db, f"/drafts/{reference}", now=now)
    return [late.form.pairs for page in pages for late in parked_on(db, keyring, page, now=now, person_id=person_id)]


def _marks(found: Iterable[object]) -> frozenset[str]:
    return frozenset(MARK.findall(str(list(found))))
