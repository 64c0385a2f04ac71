"""Messages that test a template: what was typed, as nobody may have saved it."""

from __future__ import annotations

from collections.abc import Iterator

revision = "0019"
down_revision = "0018"

TYPES = {"postgresql": {"id": "uuid"}, "sqlite": {"id": "TEXT"}}

TABLE = """
CREATE TABLE test_message (
    message_id {id} PRIMARY KEY REFERENCES message (id),
    purpose text NOT NULL,
    language text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL
)
"""


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield TABLE.format_map(TYPES[dialect])


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
