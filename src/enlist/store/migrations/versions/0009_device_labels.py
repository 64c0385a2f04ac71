"""Tags and custom attributes of devices, each as JSON in one text; empty where there are none.

They belong to one device and are read with it alone, so they are no tables of their own: a
redemption, which writes the row anew, costs two empty texts more and no index.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0009"
down_revision = "0008"

CHANGES = (
    "ALTER TABLE device ADD COLUMN tags text NOT NULL DEFAULT ''",
    "ALTER TABLE device ADD COLUMN custom_attributes text NOT NULL DEFAULT ''",
)


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield from CHANGES


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
