"""How organizations look: logo, colours, support, and the default template of each platform.

A logo is kept once, under the digest that the organizations name.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0013"
down_revision = "0012"

TYPES = {
    "postgresql": {"id": "uuid", "bytes": "bytea"},
    "sqlite": {"id": "TEXT", "bytes": "BLOB"},
}

CHANGES = (
    """
    CREATE TABLE organization_branding (
        organization_id {id} NOT NULL REFERENCES organization (id),
        key text NOT NULL,
        value text NOT NULL,
        PRIMARY KEY (organization_id, key)
    )
    """,
    """
    CREATE TABLE logo (
        digest text PRIMARY KEY,
        content {bytes} NOT NULL
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
