"""What Alembic runs: the migrations, on the connection that it was given."""

from typing import Any, Literal

from alembic import context

from portal.db import Base, Instant


def _written(kind: str, found: Any, _context: Any) -> str | Literal[False]:
    """Our own type as SQLAlchemy's, so that a migration stays as it is when our code changes."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(found, Instant) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_written,
)
with context.begin_transaction():
    context.run_migrations()
