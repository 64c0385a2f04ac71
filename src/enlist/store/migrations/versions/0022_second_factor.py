"""Second factors of people, their recovery codes, and which roles need one.

A sign-in that still waits for its code is a table of its own: a server of the version before, which
may run beside this one during an upgrade, would take a row of `sign_in` for a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0022"
down_revision = "0021"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint", "bytes": "bytea"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER", "bytes": "BLOB"},
}

TABLES = """
CREATE TABLE second_factor (
    user_id {id} PRIMARY KEY REFERENCES app_user (id),
    sealed text NOT NULL,
    derive_key_id text NOT NULL,
    set_up_at {moment} NOT NULL,
    last_step {moment} NOT NULL
);
CREATE TABLE recovery_code (
    digest {bytes} PRIMARY KEY,
    lookup_key_id text NOT NULL,
    user_id {id} NOT NULL REFERENCES app_user (id),
    made_at {moment} NOT NULL,
    used_at {moment}
);
CREATE INDEX recovery_code_user ON recovery_code (user_id);
CREATE TABLE second_factor_rule (
    role text NOT NULL,
    organization_id {id} NOT NULL REFERENCES organization (id),
    set_at {moment} NOT NULL,
    PRIMARY KEY (role, organization_id)
);
CREATE TABLE sign_in_step (
    digest {bytes} PRIMARY KEY,
    lookup_key_id text NOT NULL,
    user_id {id} NOT NULL REFERENCES app_user (id),
    made_at {moment} NOT NULL,
    expires_at {moment} NOT NULL
);
CREATE INDEX sign_in_step_user ON sign_in_step (user_id);
ALTER TABLE sign_in ADD COLUMN factor_at {moment};
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
