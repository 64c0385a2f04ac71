"""Imports of CSV files: jobs, their rows in blocks until they are done, and what was wrong."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0015"
down_revision = "0014"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = """
CREATE TABLE import_job (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    kind text NOT NULL,
    state text NOT NULL,
    columns text NOT NULL,
    row_count integer NOT NULL,
    done integer NOT NULL DEFAULT 0,
    made integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    maker_kind text NOT NULL,
    maker_id {id},
    maker text NOT NULL,
    claim text NOT NULL DEFAULT '',
    claimed_until {moment} NOT NULL DEFAULT 0,
    created_at {moment} NOT NULL,
    ended_at {moment},
    swept integer NOT NULL DEFAULT 0
);
CREATE INDEX import_job_organization ON import_job (organization_id, id);
CREATE INDEX import_job_due ON import_job (id) WHERE state IN ('checking', 'running');
CREATE TABLE import_block (
    job_id {id} NOT NULL REFERENCES import_job (id),
    number integer NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (job_id, number)
);
CREATE TABLE import_error (
    job_id {id} NOT NULL REFERENCES import_job (id),
    line integer NOT NULL,
    field text NOT NULL,
    message text NOT NULL,
    cells text NOT NULL,
    PRIMARY KEY (job_id, line)
);
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
