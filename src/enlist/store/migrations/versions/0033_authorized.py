"""Where users may enroll: ids of organizations with spaces between, the default first.

Few users have any: the index is for asking whether an organization that is to be deleted is among
them.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0033"
down_revision = "0032"


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield "ALTER TABLE app_user ADD COLUMN authorized text NOT NULL DEFAULT ''"
    yield "CREATE INDEX user_authorized ON app_user (id) WHERE authorized <> ''"


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
