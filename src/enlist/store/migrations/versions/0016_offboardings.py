"""Offboardings that are planned: who leaves, and when. A row is there until it is carried out."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0016"
down_revision = "0015"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = (
    """
    CREATE TABLE offboarding (
        user_id {id} PRIMARY KEY REFERENCES app_user (id),
        due_at {moment} NOT NULL,
        planned_at {moment} NOT NULL,
        reason text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX offboarding_due ON offboarding (due_at)",
    "CREATE INDEX api_key_creator ON api_key (creator_id) WHERE creator_id IS NOT NULL",
    "CREATE INDEX message_user ON message (user_id, id) WHERE user_id IS NOT NULL",
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
