"""Each guest's right to a draft says from whom and through which address it comes, so that it can be taken back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("draft_guests", sa.Column("number", sa.Integer(), server_default="0", nullable=False))
    op.add_column("draft_guests", sa.Column("made_by", sa.String(64), nullable=True))
    op.add_column("draft_guests", sa.Column("through", sa.LargeBinary(32), nullable=True))
    op.add_column("resume_links", sa.Column("guest_id", sa.String(64), nullable=True))
    op.add_column("resume_links", sa.Column("taken_back", sa.LargeBinary(32), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("resume_links", "taken_back")
    op.drop_column("resume_links", "guest_id")
    op.drop_column("draft_guests", "through")
    op.drop_column("draft_guests", "made_by")
    op.drop_column("draft_guests", "number")
