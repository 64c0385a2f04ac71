"""Lists of a million rows: found by how a name begins, by a rare state, and in the order of a name.

Redemptions write enrollments, devices and events. On SQLite they touch none of these indexes but
the one of used enrollments, which grows at its end; on PostgreSQL, which writes a changed row anew,
also the one of device names. The others there are of rows that no redemption leaves behind.

PostgreSQL compares the texts byte by byte: in the order of a language, what begins with a text does
not stand together, and an index breaks when the system's idea of that order changes.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0031"
down_revision = "0030"

_NUMBERS = ("imei", "serial", "udid", "asset_number")
CHANGES = (
    "CREATE INDEX device_name ON device ({name}, id)",
    "CREATE INDEX device_out ON device (state, id) WHERE state = 'blocked' OR state = 'unenrolled'",
    """
    CREATE INDEX enrollment_over ON enrollment (state, id)
     WHERE state = 'revoked' OR state = 'on_hold'
    """,
    "CREATE INDEX enrollment_used ON enrollment (used_at) WHERE used_at IS NOT NULL",
    "CREATE INDEX message_recipient ON message ({recipient}, id)",
    """
    CREATE INDEX message_over ON message (state, id)
     WHERE state = 'failed' OR state = 'delivered'
    """,
    "CREATE INDEX event_refused ON event (id) WHERE kind LIKE '%.refused'",
    "CREATE INDEX user_by_username ON app_user ({username_folded}, id)",
    "CREATE INDEX user_by_email ON app_user ({email_folded}, id)",
    "CREATE INDEX user_by_first_name ON app_user ({first_last})",
    "CREATE INDEX user_by_last_name ON app_user ({last_first})",
    "CREATE INDEX user_by_phone ON app_user ({phone}) WHERE phone <> ''",
    "CREATE INDEX user_by_name ON app_user (lower(last_name || ' ' || first_name), id)",
    "CREATE INDEX user_state ON app_user (state, id) WHERE state <> 'active'",
    "CREATE INDEX user_source ON app_user (source, id) WHERE source <> 'basic'",
)
_TEXTS = {
    "name": "lower(name)",
    "recipient": "lower(recipient)",
    "username_folded": "username_folded",
    "email_folded": "email_folded",
    "first_last": "lower(first_name || ' ' || last_name)",
    "last_first": "lower(last_name || ' ' || first_name)",
    "phone": "lower(phone)",
}


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    if dialect == "sqlite":
        yield from (statement.format_map(_TEXTS) for statement in CHANGES)
        return
    by_bytes = {name: f'({text}) COLLATE "C"' for name, text in _TEXTS.items()}
    yield from (statement.format_map(by_bytes) for statement in CHANGES)
    for name in _NUMBERS:
        yield f"DROP INDEX device_{name}"
        yield f"""CREATE INDEX device_{name} ON device ((lower({name})) COLLATE "C")
                   WHERE {name} <> ''"""


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
