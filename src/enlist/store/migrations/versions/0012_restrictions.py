"""Groups of users, allow and deny lists, and finding a device by what identifies it.

Restrictions themselves are kept with the settings of their organization, which every redemption
reads anyway. The indexes on devices are partial: a device that tells nothing costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0012"
down_revision = "0011"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

CHANGES = (
    """
    CREATE TABLE user_group (
        id {id} PRIMARY KEY,
        organization_id {id} NOT NULL REFERENCES organization (id),
        name text NOT NULL,
        name_folded text NOT NULL,
        description text NOT NULL,
        source text NOT NULL,
        created_at {moment} NOT NULL,
        version integer NOT NULL DEFAULT 1,
        deleted_at {moment}
    )
    """,
    (
        "CREATE UNIQUE INDEX user_group_name ON user_group (organization_id, name_folded) "
        "WHERE deleted_at IS NULL"
    ),
    """
    CREATE TABLE group_member (
        user_group_id {id} NOT NULL REFERENCES user_group (id),
        user_id {id} NOT NULL REFERENCES app_user (id),
        added_at {moment} NOT NULL,
        PRIMARY KEY (user_group_id, user_id)
    )
    """,
    "CREATE INDEX group_member_user ON group_member (user_id)",
    """
    CREATE TABLE listed_device (
        id {id} PRIMARY KEY,
        organization_id {id} NOT NULL REFERENCES organization (id),
        list text NOT NULL,
        attribute text NOT NULL,
        value text NOT NULL,
        value_folded text NOT NULL,
        ownership text NOT NULL,
        target_id {id} REFERENCES organization (id),
        added_at {moment} NOT NULL,
        added_by text NOT NULL
    )
    """,
    (
        "CREATE UNIQUE INDEX listed_device_value "
        "ON listed_device (value_folded, attribute, list, organization_id)"
    ),
    "CREATE INDEX listed_device_organization ON listed_device (organization_id, list, id)",
    *(
        f"CREATE INDEX device_{name} ON device (lower({name})) WHERE {name} <> ''"
        for name in ("imei", "serial", "udid")
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
