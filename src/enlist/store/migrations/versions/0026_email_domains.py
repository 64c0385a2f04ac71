"""Domains of e-mail addresses by which the enrollment page finds an organization: each is one's."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0026"
down_revision = "0025"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = """
CREATE TABLE email_domain (
    domain text PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    added_at {moment} NOT NULL
);
CREATE INDEX email_domain_organization ON email_domain (organization_id);
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
