"""When a key was found to have leaked: what it makes is never revived.

Keys that were replaced as leaked before are known by their event: those that are older than the new
ones, which came in its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0035"
down_revision = "0034"


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield "ALTER TABLE known_key ADD COLUMN leaked_at bigint"


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
    op.execute("""
        UPDATE known_key
           SET leaked_at = (SELECT max(e.at) FROM event e JOIN known_key fresh
                               ON fresh.known_since = e.at AND fresh.purpose = 'derive'
                             WHERE e.kind = 'key.compromised')
         WHERE purpose IN ('lookup', 'derive')
           AND known_since < (SELECT max(e.at) FROM event e JOIN known_key fresh
                                 ON fresh.known_since = e.at AND fresh.purpose = 'derive'
                               WHERE e.kind = 'key.compromised')
    """)
