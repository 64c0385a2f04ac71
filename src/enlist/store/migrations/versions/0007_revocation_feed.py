"""The revocation feed: every revoked credential gets a number, in the order of commits.

The number is given after the commit (`store.revocations`), so whatever revokes need not know of the
feed, and what was revoked before this revision is in it as well. A row of `revocation_webhook` says
how far the receiver at one address has been told.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0007"
down_revision = "0006"

CHANGES = (
    "ALTER TABLE credential ADD COLUMN revocation_number bigint",
    (
        "CREATE UNIQUE INDEX credential_revocation_number ON credential (revocation_number) "
        "WHERE revocation_number IS NOT NULL"
    ),
    (
        "CREATE INDEX credential_unnumbered ON credential (revoked_at, id) "
        "WHERE revoked_at IS NOT NULL AND revocation_number IS NULL"
    ),
    """
    CREATE TABLE revocation_webhook (
        id text PRIMARY KEY,
        cursor text NOT NULL,
        tries integer NOT NULL,
        next_try_at bigint NOT NULL,
        claimed_until bigint NOT NULL
    )
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
