"""One-time credentials: what is typed instead of a link, and by which passcode they were got.

A `locator` finds the row and is no secret; `tries` are the wrong passwords that it was given.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0036"
down_revision = "0035"

TYPES = {
    "postgresql": {"id": "uuid", "bytes": "bytea", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "bytes": "BLOB", "moment": "INTEGER"},
}

TABLES = """
CREATE TABLE one_time_login (
    enrollment_id {id} NOT NULL REFERENCES enrollment (id),
    generation integer NOT NULL,
    locator text NOT NULL UNIQUE,
    digest {bytes} NOT NULL,
    lookup_key_id text NOT NULL,
    derive_key_id text NOT NULL,
    kdf_version integer NOT NULL,
    length integer NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    made_at {moment} NOT NULL,
    PRIMARY KEY (enrollment_id, generation)
);
ALTER TABLE enrollment ADD COLUMN passcode_id {id};
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
