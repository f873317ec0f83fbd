"""What a message may hold, whom a thread waits for, and the times that its rules name."""

from datetime import date, timedelta

from portal.form_definitions.definition import Field, FileLimits, TranslatedText

CUSTOMER_SIDE, STAFF_SIDE = "customer", "staff"
"""Who wrote a message."""
US, YOU, NOBODY = "us", "you", ""
"""Whom a thread waits for, in the customer's words: our staff, the customer, nobody."""
NOT_DUE = date.max
"""The day by which a reply is due where nobody waits for ours: it sorts behind all others."""
LONGEST_TEXT, LONGEST_SUBJECT, LONGEST_REASON = 5000, 150, 500
FILES = Field(
    id="files",
    type="file",
    label=TranslatedText(by_language=(("en", "Files"), ("cy", "Ffeiliau"))),
    errors={},
    files=FileLimits(max=5, max_mb=10, types=("pdf", "jpg", "png")),
)
TAKEN_BACK_WITHIN = timedelta(seconds=30)
"""How long a reply of staff waits before the customer can see it; until then it can be taken back unseen."""
MAILED_ONCE_IN = timedelta(minutes=10)
REMINDED_AFTER = timedelta(days=3)
WRITING_FOR = timedelta(minutes=10)
"""How long after the last key a colleague is said to be writing."""
REMINDED_AT_ONCE, SWEPT_AT_ONCE = 1, 2
"""Customers who are mailed, and threads that are deleted, in one transaction: nobody can save meanwhile."""
REFERENCE_PREFIX = "MS"
