"""What one user began, found by an index: it is looked for whenever his sign-ins end.

Most attempts are begun with a token alone and name no user, so the index holds few of them.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0010"
down_revision = "0009"

INDEX = "CREATE INDEX attempt_user ON attempt (user_id, id) WHERE user_id IS NOT NULL"


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield INDEX


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
