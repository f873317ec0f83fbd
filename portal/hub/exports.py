"""The work list to take away, in small batches: a long list costs no more memory than a short one."""

from collections.abc import Iterator
from dataclasses import replace

from portal.db import Database
from portal.form_definitions.queries import definition_of
from portal.hub.queries import Listed, Search, listed_cases
from portal.keyring import Keyring
from portal.site_settings.times import language
from portal.submissions.customers import customer_of
from portal.submissions.definition import STATUSES
from portal.web.downloads import Row

BATCH = 500
COLUMNS = ("reference", "form", "version", "sent_at", "status", "status_since", "assigned_to", "customer", "email")


def rows_of(database: Database, keyring: Keyring, search: Search) -> Iterator[Row]:
    """All cases that the filter shows, in its order; each batch is one short look at the database."""
    last = replace(search, filter=search.filter.with_())
    while True:
        with database.reading() as db:
            batch = listed_cases(db, last, limit=BATCH)
            yield from (_row(keyring, listed) for listed in batch)
        if len(batch) < BATCH:
            return
        last = replace(last, filter=last.filter.with_(after=str(batch[-1].case.submission_id)))


def _row(keyring: Keyring, listed: Listed) -> Row:
    customer = customer_of(keyring, listed.reference, listed.case)
    return {
        "reference": listed.reference,
        "form": definition_of(listed.version).title.in_(language()),
        "version": listed.version.number,
        "sent_at": listed.case.sent_at.isoformat(timespec="seconds"),
        "status": str(STATUSES[listed.case.status].staff_words),
        "status_since": listed.case.status_at.isoformat(timespec="seconds"),
        "assigned_to": listed.assignee,
        "customer": customer.name,
        "email": customer.email,
    }
