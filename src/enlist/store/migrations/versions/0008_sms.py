"""SMS: what a gateway calls a message, when it reported it delivered, and how many a day has had.

A row of `sms_day` counts what one organization queued on one day (UTC).
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0008"
down_revision = "0007"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

CHANGES = (
    "ALTER TABLE message ADD COLUMN provider_id text NOT NULL DEFAULT ''",
    "ALTER TABLE message ADD COLUMN delivered_at {moment}",
    """
    CREATE TABLE sms_day (
        organization_id {id} NOT NULL REFERENCES organization (id),
        day integer NOT NULL,
        queued integer NOT NULL,
        PRIMARY KEY (organization_id, day)
    )
    """,
)


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    for statement in CHANGES:
        yield statement.format_map(TYPES[dialect])


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
