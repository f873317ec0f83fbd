"""An account can go back to how it was before it changed; what cannot be given back is left to staff."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go forward."""
    op.add_column("people", sa.Column("unsettled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_people_unsettled_at"), "people", ["unsettled_at"])
    op.create_table(
        "former_accounts",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_former_accounts_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_accounts")),
    )
    op.create_index(op.f("ix_former_accounts_person_id"), "former_accounts", ["person_id"])
    op.create_index(op.f("ix_former_accounts_made_at"), "former_accounts", ["made_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("former_accounts")
    op.drop_index(op.f("ix_people_unsettled_at"), table_name="people")
    op.drop_column("people", "unsettled_at")
