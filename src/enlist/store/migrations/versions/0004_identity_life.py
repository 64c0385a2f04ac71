"""What resetting, replacing and renewing a device leave behind.

`credential.generation` rises whenever what was proved with a credential must not go on: when it
is revoked, when its device is blocked or disconnected. A live session remembers the generation
that it was opened under, so one query over many sessions tells which of them to close.

`enrollment.replaces_device_id` is the device that retires when this enrollment is used, and
`credential.renews_id` the credential that this one takes over from. Neither is a foreign key: the
rows stay for good, and to check one, PostgreSQL would lock the row that it points to.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0004"
down_revision = "0003"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

CHANGES = (
    "ALTER TABLE credential ADD COLUMN generation integer NOT NULL DEFAULT 1",
    "ALTER TABLE credential ADD COLUMN renews_id {id}",
    "ALTER TABLE credential ADD COLUMN extend_requested_at {moment}",
    "ALTER TABLE credential ADD COLUMN key_roll_requested integer NOT NULL DEFAULT 0",
    "ALTER TABLE enrollment ADD COLUMN replaces_device_id {id}",
    (
        "CREATE INDEX enrollment_replaces ON enrollment (replaces_device_id) "
        "WHERE replaces_device_id IS NOT NULL"
    ),
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
