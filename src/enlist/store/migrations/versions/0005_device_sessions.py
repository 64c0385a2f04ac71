"""Who is connected: live sessions of devices, and the processes that hold them.

A row of `device_session` is there as long as the session is; taking it away ends the session. A
process that was killed takes no row with it: whatever is held by one that was not seen for a while
is over. Nothing here is a foreign key, see the revision before.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0005"
down_revision = "0004"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = (
    """
    CREATE TABLE server_process (
        id {id} PRIMARY KEY,
        seen_at {moment} NOT NULL
    )
    """,
    """
    CREATE TABLE device_session (
        id {id} PRIMARY KEY,
        device_id {id} NOT NULL,
        credential_id {id} NOT NULL,
        generation integer NOT NULL,
        process_id {id} NOT NULL,
        proved_by text NOT NULL,
        opened_at {moment} NOT NULL,
        address text NOT NULL DEFAULT '',
        user_agent text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX device_session_device ON device_session (device_id, id)",
    "CREATE INDEX device_session_process ON device_session (process_id)",
)


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    for statement in TABLES:
        yield statement.format_map(TYPES[dialect])


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
