"""Links by which people set a password themselves: one for each, the newest.

It is derived from the id of the message that brings it, so that nothing readable is kept until the
message is sent. Who forgot his password may name himself by his e-mail address, hence the index.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0024"
down_revision = "0023"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint", "bytes": "bytea"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER", "bytes": "BLOB"},
}

TABLES = """
CREATE TABLE password_link (
    user_id {id} PRIMARY KEY REFERENCES app_user (id),
    message_id {id} NOT NULL,
    digest {bytes} NOT NULL UNIQUE,
    lookup_key_id text NOT NULL,
    derive_key_id text NOT NULL,
    made_at {moment} NOT NULL,
    expires_at {moment} NOT NULL,
    used_at {moment}
);
CREATE INDEX user_email_anywhere ON app_user (email_folded)
    WHERE deleted_at IS NULL AND email_folded <> '';
"""


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    for statement in TABLES.split(";"):
        if statement.strip():
            yield statement.format_map(TYPES[dialect])


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
