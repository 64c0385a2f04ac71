"""${message}"""

from __future__ import annotations

from collections.abc import Iterator

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield from ()


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
