"""Where an enrollment was issued: in the console, over the API, at the command line and so on.

It never changes after the issue, so it costs a redemption no index entry, and it has no index. What
was issued before is told from who issued it.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0011"
down_revision = "0010"

CHANGES = (
    "ALTER TABLE enrollment ADD COLUMN source text NOT NULL DEFAULT ''",
    """
    UPDATE enrollment
       SET source = CASE WHEN grant_kind = 'sign_in' THEN 'sign_in'
                         WHEN issuer_id IS NULL THEN 'command_line'
                         WHEN issuer_id = user_id THEN 'self_service'
                         WHEN EXISTS (SELECT 1 FROM api_key
                                       WHERE api_key.id = enrollment.issuer_id) THEN 'api'
                         ELSE 'console' END
    """,
)


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield from CHANGES


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
