"""An attempt carries what was answered when it began, until it is completed."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0028"
down_revision = "0027"

CHANGES = ("ALTER TABLE attempt ADD COLUMN answers text NOT NULL DEFAULT ''",)


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield from CHANGES


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
