"""Webhooks: addresses that an organization's events are posted to, and what came of each.

Nothing is written beside an event: `webhook.cursor` is the place in the sealed log up to which
deliveries were made of it. A delivery is one event for one address, and is kept as the log of it.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0014"
down_revision = "0013"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = (
    """
    CREATE TABLE webhook (
        id {id} PRIMARY KEY,
        organization_id {id} NOT NULL REFERENCES organization (id),
        name text NOT NULL,
        url text NOT NULL,
        kinds text NOT NULL,
        state text NOT NULL,
        reason text NOT NULL DEFAULT '',
        generation integer NOT NULL,
        derive_key_id text NOT NULL,
        cursor bigint NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        next_try_at {moment} NOT NULL DEFAULT 0,
        failing_since {moment},
        created_at {moment} NOT NULL,
        created_by text NOT NULL,
        deleted_at {moment}
    )
    """,
    """
    CREATE TABLE webhook_delivery (
        id {id} PRIMARY KEY,
        webhook_id {id} NOT NULL REFERENCES webhook (id),
        event_id {id} NOT NULL,
        kind text NOT NULL,
        state text NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        next_try_at {moment} NOT NULL,
        made_at {moment} NOT NULL,
        tried_at {moment},
        status integer,
        answer text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX webhook_organization ON webhook (organization_id, id)",
    "CREATE UNIQUE INDEX webhook_delivery_event ON webhook_delivery (webhook_id, event_id)",
    "CREATE INDEX webhook_delivery_list ON webhook_delivery (webhook_id, id)",
    (
        "CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_try_at) "
        "WHERE state = 'waiting'"
    ),
    "CREATE INDEX webhook_delivery_over ON webhook_delivery (tried_at) WHERE state <> 'waiting'",
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
