"""Drafts are found by the e-mail address that their guest answered, without the address being readable."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("drafts", sa.Column("address_key", sa.LargeBinary(32), nullable=True))
    op.create_index(op.f("ix_drafts_address_key"), "drafts", ["address_key"])


def downgrade() -> None:
    """Go back."""
    op.drop_index(op.f("ix_drafts_address_key"), table_name="drafts")
    op.drop_column("drafts", "address_key")
