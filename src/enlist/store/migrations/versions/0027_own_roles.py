"""Roles that organizations put together from permissions; their ids stand in role assignments."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0027"
down_revision = "0026"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = """
CREATE TABLE own_role (
    id text PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    name text NOT NULL,
    name_folded text NOT NULL,
    description text NOT NULL DEFAULT '',
    permissions text NOT NULL,
    created_at {moment} NOT NULL,
    version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX own_role_name ON own_role (organization_id, name_folded);
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
