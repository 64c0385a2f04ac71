"""An event names its organization without pointing at it.

To check the foreign key, PostgreSQL locked the organization's row for every event: work for each
redemption, and where two servers redeem for one organization, a row that both write. An
organization is never removed, only marked so, and SQLite, which has no such locks, keeps the key.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0003"
down_revision = "0002"


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    if dialect == "postgresql":
        yield "ALTER TABLE event DROP CONSTRAINT IF EXISTS event_organization_id_fkey"


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
