"""Saved views: a search, filters and an order of the list of enrollments, kept under a name.

`user_id` is whose it is; it is empty where an API key made it, and then it is shared.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0020"
down_revision = "0019"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint", "flag": "boolean"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER", "flag": "INTEGER"},
}

CHANGES = (
    """
    CREATE TABLE saved_view (
        id {id} PRIMARY KEY,
        organization_id {id} NOT NULL REFERENCES organization (id),
        user_id {id} REFERENCES app_user (id),
        name text NOT NULL,
        name_folded text NOT NULL,
        shared {flag} NOT NULL,
        asked text NOT NULL,
        created_at {moment} NOT NULL,
        created_by text NOT NULL
    )
    """,
    (
        "CREATE UNIQUE INDEX saved_view_shared ON saved_view (organization_id, name_folded) "
        "WHERE shared"
    ),
    (
        "CREATE UNIQUE INDEX saved_view_own ON saved_view (user_id, organization_id, name_folded) "
        "WHERE NOT shared"
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
