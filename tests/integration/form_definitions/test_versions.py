"""Publishing: immutable numbered versions, none without a change, and the current ones found again."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from portal.db import Database
from portal.form_definitions.versions.operations import publish
from portal.form_definitions.versions.queries import (
    current_version,
    definition_of,
    numbered_version,
    published_forms,
    version,
    versions_of,
)
from tests.unit.form_definitions.making import ask, definition, section

NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


def form(form_id: str = "f", title: str = "F", *fields: str):
    return definition(section("s", *[ask("text", each) for each in fields]), form={"id": form_id, "title": title})


def test_the_first_version_is_number_one_and_says_what_was_published(db: Session):
    found = publish(db, form("housing_support", "Zoë’s “form”"), now=NOW, by=7)
    assert (found.number, found.slug, found.published_at, found.published_by) == (1, "housing-support", NOW, 7)
    assert definition_of(found).title.in_("en") == "Zoë’s “form”"
    assert version(db, found.id) is found


def test_publishing_an_unchanged_form_makes_no_version(db: Session):
    assert publish(db, form(), now=NOW).id == publish(db, form(), now=NOW).id


def test_a_change_makes_the_next_version_and_the_old_one_stays(db: Session):
    first, second = publish(db, form(), now=NOW), publish(db, form("f", "G"), now=NOW)
    assert (first.number, second.number) == (1, 2)
    assert current_version(db, "f") is second
    assert numbered_version(db, "f", 1) is first
    assert definition_of(first).title.in_("en") == "F"
    assert [each.number for each in versions_of(db, "f")] == [2, 1]


def test_going_back_to_an_earlier_text_is_a_new_version(db: Session):
    numbers = [publish(db, form("f", title), now=NOW).number for title in ("F", "G", "F")]
    assert numbers == [1, 2, 3]


def test_the_home_page_lists_the_current_versions_by_title(db: Session):
    for form_id, title in (("b", "zebra"), ("a", "Apple"), ("b", "banana")):
        publish(db, form(form_id, title), now=NOW)
    assert [each.title.in_("en") for each in published_forms(db, "en")] == ["Apple", "banana"]


def test_an_unknown_form_has_no_version(db: Session):
    assert current_version(db, "gone") is None
    assert numbered_version(db, "gone", 1) is None
    assert version(db, 4711) is None


@pytest.mark.both_databases
def test_many_publishers_at_once_get_numbers_without_gaps(database: Database):
    found: list[int] = []

    def publish_one(index: int) -> None:
        with database.writing() as db:
            found.append(publish(db, form("f", f"Title {index}"), now=NOW).number)

    threads = [threading.Thread(target=publish_one, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [1, 2, 3, 4]
