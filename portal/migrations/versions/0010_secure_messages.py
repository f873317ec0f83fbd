"""Secure messages: threads, their messages and drafts, who has read what, notes of staff, and guests' links and codes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "readings",
    "thread_notes",
    "thread_links",
    "thread_codes",
    "thread_guests",
    "thread_keys",
    "messages",
    "message_drafts",
    "threads",
    "waiting_threads",
)
"""In the order in which they can be dropped."""


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "waiting_threads",
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("due_on", name=op.f("pk_waiting_threads")),
    )
    op.create_table(
        "threads",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("submission_id", ID, nullable=True),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("waits_for", sa.String(length=8), nullable=False),
        sa.Column("assignee_id", ID, nullable=True),
        sa.Column("is_confidential", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery", sa.String(length=32), nullable=True),
        sa.Column("staff_mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_threads_submission_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
        sa.UniqueConstraint("reference", name=op.f("uq_threads_reference")),
    )
    op.create_index("ix_threads_assignee", "threads", ["assignee_id", "due_on", "id"])
    op.create_index("ix_threads_assignee_waits_for", "threads", ["assignee_id", "waits_for", "due_on", "id"])
    op.create_index("ix_threads_person", "threads", ["person_id", "changed_at"])
    op.create_index("ix_threads_place", "threads", ["due_on", "id"])
    op.create_index(
        "ix_threads_remind",
        "threads",
        ["remind_at"],
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.create_index("ix_threads_submission", "threads", ["submission_id", "changed_at"])
    op.create_index("ix_threads_topic", "threads", ["topic", "due_on", "id"])
    op.create_index("ix_threads_topic_waits_for", "threads", ["topic", "waits_for", "due_on", "id"])
    op.create_index("ix_threads_waits_for", "threads", ["waits_for", "due_on", "id"])
    op.create_table(
        "message_drafts",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("thread_id", ID, nullable=True),
        sa.Column("holder", sa.String(length=72), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name=op.f("fk_message_drafts_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_drafts")),
    )
    op.create_index(op.f("ix_message_drafts_changed_at"), "message_drafts", ["changed_at"])
    op.create_index(op.f("ix_message_drafts_holder"), "message_drafts", ["holder"])
    op.create_index(
        "uq_message_drafts_new",
        "message_drafts",
        ["holder"],
        unique=True,
        sqlite_where=sa.text("thread_id IS NULL"),
        postgresql_where=sa.text("thread_id IS NULL"),
    )
    op.create_index(
        "uq_message_drafts_reply",
        "message_drafts",
        ["thread_id", "holder"],
        unique=True,
        sqlite_where=sa.text("thread_id IS NOT NULL"),
        postgresql_where=sa.text("thread_id IS NOT NULL"),
    )
    op.create_table(
        "messages",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("author_kind", sa.String(length=8), nullable=False),
        sa.Column("author_id", ID, nullable=True),
        sa.Column("author_name", sa.String(length=254), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visible_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_messages_thread_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_messages_key")),
        sa.UniqueConstraint("thread_id", "number", name=op.f("uq_messages_thread_id_number")),
    )
    op.create_table(
        "thread_codes",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name=op.f("fk_thread_codes_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_thread_codes")),
    )
    op.create_index(op.f("ix_thread_codes_expires_at"), "thread_codes", ["expires_at"])
    op.create_index(op.f("ix_thread_codes_thread_id"), "thread_codes", ["thread_id"])
    op.create_table(
        "thread_guests",
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name=op.f("fk_thread_guests_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("guest_id", "thread_id", name=op.f("pk_thread_guests")),
    )
    op.create_index(op.f("ix_thread_guests_thread_id"), "thread_guests", ["thread_id"])
    op.create_table(
        "thread_keys",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name=op.f("fk_thread_keys_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "thread_id", name=op.f("pk_thread_keys")),
    )
    op.create_index(op.f("ix_thread_keys_thread_id"), "thread_keys", ["thread_id"])
    op.create_table(
        "thread_links",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name=op.f("fk_thread_links_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_thread_links")),
    )
    op.create_index(op.f("ix_thread_links_thread_id"), "thread_links", ["thread_id"])
    op.create_table(
        "thread_notes",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("author_name", sa.String(length=254), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.id"], name=op.f("fk_thread_notes_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_notes")),
        sa.UniqueConstraint("key", name=op.f("uq_thread_notes_key")),
    )
    op.create_index(op.f("ix_thread_notes_thread_id"), "thread_notes", ["thread_id"])
    op.create_table(
        "readings",
        sa.Column("message_id", ID, nullable=False),
        sa.Column("reader", sa.String(length=72), nullable=False),
        sa.Column("first_read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_readings_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "reader", name=op.f("pk_readings")),
    )


def downgrade() -> None:
    """Go back."""
    for table in TABLES:
        op.drop_table(table)
