"""What needs no more work costs no more time: drafts swept once, open cases counted, and indexes for the sweeps."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SWEPT = """UPDATE drafts SET swept_at = expires_at
WHERE expires_at < CURRENT_TIMESTAMP
    AND NOT EXISTS (SELECT 1 FROM resume_links WHERE draft_id = drafts.id AND (address <> {empty} OR device_hash IS NOT NULL))
    AND (sent_at IS NOT NULL OR (save_address IS NULL AND begun_for IS NULL AND address_key IS NULL
        AND NOT EXISTS (SELECT 1 FROM draft_parts WHERE draft_id = drafts.id)))"""
EMPTY = {"sqlite": "x''", "postgresql": "''::bytea"}
COUNTED = """INSERT INTO open_cases (form_id, sent_on, number)
SELECT form_id, date(sent_at), count(*) FROM cases WHERE closed_at IS NULL GROUP BY form_id, date(sent_at)"""
SWEEPS_BY = (("resume_codes", "expires_at"), ("outbox", "sent_at"), ("outbox", "failed_at"))


def upgrade() -> None:
    """Go forward."""
    op.add_column("drafts", sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(SWEPT.format(empty=EMPTY[op.get_bind().dialect.name]))
    op.drop_index(op.f("ix_drafts_expires_at"), table_name="drafts")
    _index_where("ix_drafts_not_swept", "drafts", ["expires_at"], "swept_at IS NULL")
    for table, column in SWEEPS_BY:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    _index_where("ix_cases_open_assignee", "cases", ["assignee_id", "sent_at", "submission_id"], "closed_at IS NULL")
    op.create_table(
        "open_cases",
        sa.Column("form_id", sa.String(length=64), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("form_id", "sent_on", name=op.f("pk_open_cases")),
    )
    op.execute(COUNTED)
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE stored_files ALTER COLUMN work TYPE VARCHAR(210) COLLATE "C"')


def downgrade() -> None:
    """Go back."""
    op.drop_table("open_cases")
    op.drop_index("ix_cases_open_assignee", table_name="cases")
    for table, column in SWEEPS_BY:
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    op.drop_index("ix_drafts_not_swept", table_name="drafts")
    op.create_index(op.f("ix_drafts_expires_at"), "drafts", ["expires_at"])
    op.drop_column("drafts", "swept_at")


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
