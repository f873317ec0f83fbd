"""An index of the sessions that are still open, so that finding those whose time ran out reads no closed ones."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME, TABLE, IS_OPEN = "ix_sessions_open", "sessions", sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Go forward."""
    op.create_index(NAME, TABLE, ["expires_at"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)


def downgrade() -> None:
    """Go back."""
    op.drop_index(NAME, table_name=TABLE)
