"""Signatures of second persons: invitations, outcomes, a signed chain of events, and what signers have typed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HASH = sa.LargeBinary(length=32)
TIME = sa.DateTime(timezone=True)
TABLES = (
    "signing_corrections",
    "signing_keys",
    "signing_events",
    "signing_outcomes",
    "signing_drafts",
    "signing_codes",
    "signing_guests",
    "invitations",
)
"""In the order in which they can be dropped."""
PARTIAL = {
    "ix_invitations_expires_at": ("expires_at", "state IN ('checked', 'invited', 'undelivered')"),
    "ix_invitations_remind_at": ("remind_at", "remind_at IS NOT NULL"),
    "ix_invitations_delivery": ("delivery", "delivery IS NOT NULL"),
    "ix_invitations_missing": (
        "submission_id",
        "waived_at IS NULL AND state IN ('declined', 'expired', 'not_me', 'undelivered')",
    ),
}
"""Indexes of invitations that hold only some of them: the column, and which."""


def _of_invitation(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_invitation_id")
    return sa.ForeignKeyConstraint(["invitation_id"], ["invitations.id"], name=name, ondelete="CASCADE")


def _of_submission(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_submission_id")
    return sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Go forward."""
    _create_invitations()
    _create_what_hangs_on_invitations()
    op.create_table(
        "signing_events",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("submission_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", HASH, nullable=False),
        sa.Column("digest", HASH, nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=True),
        _of_submission("signing_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_events")),
        sa.UniqueConstraint("submission_id", "number", name=op.f("uq_signing_events_submission_id_number")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public", HASH, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "signing_corrections",
        sa.Column("draft_id", ID, autoincrement=False, nullable=False),
        sa.Column("submission_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_signing_corrections_draft_id"), ondelete="CASCADE"
        ),
        _of_submission("signing_corrections"),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_signing_corrections")),
    )
    op.create_index(op.f("ix_signing_corrections_submission_id"), "signing_corrections", ["submission_id"])


def _create_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("submission_id", ID, nullable=False),
        sa.Column("signer_id", sa.String(length=64), nullable=False),
        sa.Column("token_hash", HASH, nullable=False),
        sa.Column("code_hash", HASH, nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("check", sa.String(length=8), nullable=False),
        sa.Column("fact_hash", HASH, nullable=True),
        sa.Column("copy_hash", HASH, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_current", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("shares_mailbox", sa.Boolean(), nullable=False),
        sa.Column("issued_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("remind_at", TIME, nullable=True),
        sa.Column("checked_at", TIME, nullable=True),
        sa.Column("tries_told_at", TIME, nullable=True),
        sa.Column("new_link_told_at", TIME, nullable=True),
        sa.Column("waived_at", TIME, nullable=True),
        sa.Column("delivery", sa.String(length=32), nullable=True),
        sa.Column("place", sa.String(length=100), nullable=True),
        _of_submission("invitations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("public_id", name=op.f("uq_invitations_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_submission_id"), "invitations", ["submission_id"])
    op.create_index(op.f("ix_invitations_code_hash"), "invitations", ["code_hash"])
    for name, (column, which) in PARTIAL.items():
        op.create_index(name, "invitations", [column], sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def _create_what_hangs_on_invitations() -> None:
    op.create_table(
        "signing_guests",
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("invitation_id", ID, nullable=False),
        _of_invitation("signing_guests"),
        sa.PrimaryKeyConstraint("guest_id", name=op.f("pk_signing_guests")),
    )
    op.create_index(op.f("ix_signing_guests_invitation_id"), "signing_guests", ["invitation_id"])
    op.create_table(
        "signing_codes",
        sa.Column("invitation_id", ID, autoincrement=False, nullable=False),
        sa.Column("code_hash", HASH, nullable=False),
        sa.Column("mailed_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        _of_invitation("signing_codes"),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_signing_codes")),
    )
    op.create_table(
        "signing_drafts",
        sa.Column("invitation_id", ID, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        _of_invitation("signing_drafts"),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_signing_drafts")),
    )
    op.create_table(
        "signing_outcomes",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("invitation_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("copy_hash", HASH, nullable=False),
        sa.Column("statement_hash", HASH, nullable=False),
        _of_invitation("signing_outcomes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_outcomes")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_signing_outcomes_invitation_id")),
    )


def downgrade() -> None:
    """Go back."""
    for table in TABLES:
        op.drop_table(table)
