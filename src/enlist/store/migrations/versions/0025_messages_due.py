"""What is due is found by its channel, in the order in which it is sent.

Else each look for the next hundred messages of a wave would read and sort all that wait, and one
for a channel that has none would read those of every other.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0025"
down_revision = "0024"

CHANGES = (
    "DROP INDEX message_due",
    """
    CREATE INDEX message_due ON message (channel, next_try_at)
     WHERE state IN ('queued', 'sending')
    """,
)


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield from CHANGES


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
