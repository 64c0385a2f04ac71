"""How many of those who are told of an alert were written no e-mail: too many went there."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0030"
down_revision = "0029"


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield "ALTER TABLE alert ADD COLUMN left_out integer NOT NULL DEFAULT 0"


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
