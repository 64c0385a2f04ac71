"""What OpenZiti clients need: API sessions, and which key the device listener shows.

A client with an API session shows a token instead of its certificate each time.

A row is there as long as the session may be; taking it away ends it. It counts for nothing once its
credential is at another generation than when the session began, so what ends credentials need not
know of sessions. Nothing here is a foreign key, see revision 0004.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0006"
down_revision = "0005"

TYPES = {
    "postgresql": {"id": "uuid", "bytes": "bytea", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "bytes": "BLOB", "moment": "INTEGER"},
}

TABLES = (
    """
    CREATE TABLE api_session (
        id {id} PRIMARY KEY,
        digest {bytes} NOT NULL UNIQUE,
        device_id {id} NOT NULL,
        credential_id {id} NOT NULL,
        generation integer NOT NULL,
        started_at {moment} NOT NULL,
        last_seen_at {moment} NOT NULL,
        address text NOT NULL DEFAULT ''
    )
    """,
    "CREATE TABLE listener_key (id text PRIMARY KEY, known_since {moment} NOT NULL)",
    "CREATE INDEX api_session_device ON api_session (device_id, id)",
    "CREATE INDEX api_session_credential ON api_session (credential_id)",
    "CREATE INDEX api_session_seen ON api_session (last_seen_at)",
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
