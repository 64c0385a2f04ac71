"""Alerts to staff: what is amiss, who is told of it, and how far the log was read for that.

An alert is one row for each organization, kind and subject, which opens and closes again and again.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0029"
down_revision = "0028"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = """
CREATE TABLE alert (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    kind text NOT NULL,
    subject text NOT NULL,
    state text NOT NULL,
    details text NOT NULL,
    user_id {id} REFERENCES app_user (id),
    device_id {id} REFERENCES device (id),
    event_id {id},
    times integer NOT NULL,
    first_at {moment} NOT NULL,
    last_at {moment} NOT NULL,
    opened_at {moment},
    closed_at {moment},
    told_at {moment}
);
CREATE UNIQUE INDEX alert_subject ON alert (organization_id, kind, subject);
CREATE INDEX alert_open ON alert (organization_id) WHERE state = 'open';
CREATE TABLE alert_route (
    organization_id {id} PRIMARY KEY REFERENCES organization (id),
    roles text NOT NULL,
    switched_off text NOT NULL
);
CREATE TABLE alert_address (
    organization_id {id} NOT NULL REFERENCES organization (id),
    address text NOT NULL,
    PRIMARY KEY (organization_id, address)
);
CREATE TABLE alert_message (
    message_id {id} PRIMARY KEY REFERENCES message (id),
    alert_id {id} REFERENCES alert (id),
    test_id {id}
);
CREATE INDEX alert_message_test ON alert_message (test_id) WHERE test_id IS NOT NULL;
CREATE TABLE alert_log (
    place integer PRIMARY KEY,
    seq {moment} NOT NULL
);
INSERT INTO alert_log (place, seq) SELECT 1, COALESCE(max(seq), -1) FROM event_seal;
CREATE TABLE channel_health (
    channel text PRIMARY KEY,
    failing_since {moment},
    refused integer NOT NULL,
    reason text NOT NULL
)
"""


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    for statement in TABLES.split(";"):
        if statement.strip():
            yield statement.format_map(TYPES[dialect])


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
