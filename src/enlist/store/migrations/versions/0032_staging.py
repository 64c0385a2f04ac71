"""Staging: users who enroll devices for others, and devices that come back to them.

A device names the staging user only while somebody else has it, so few of them do: the index is for
erasing him.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0032"
down_revision = "0031"

_IDS = {"postgresql": "uuid", "sqlite": "TEXT"}


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield "ALTER TABLE app_user ADD COLUMN staging text NOT NULL DEFAULT 'disabled'"
    yield f"ALTER TABLE device ADD COLUMN staging_user_id {_IDS[dialect]}"
    yield """CREATE INDEX device_staging_user ON device (staging_user_id)
              WHERE staging_user_id IS NOT NULL"""


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
