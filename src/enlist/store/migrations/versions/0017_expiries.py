"""How far the log was told of enrollments that ran out: when the last one did, and which it is.

What ran out before this revision is not told of afterwards; in an empty database there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0017"
down_revision = "0016"

TYPES = {"postgresql": "uuid", "sqlite": "TEXT"}

CHANGES = (
    "CREATE TABLE expiry_told (expires_at bigint NOT NULL, enrollment_id {id} NOT NULL)",
    """
    INSERT INTO expiry_told (expires_at, enrollment_id)
    SELECT COALESCE(max(at), 0), '00000000-0000-0000-0000-000000000000' FROM event
    """,
)


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    for statement in CHANGES:
        yield statement.format(id=TYPES[dialect])


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
