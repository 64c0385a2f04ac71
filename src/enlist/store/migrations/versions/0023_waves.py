"""Waves: tokens issued to many people bit by bit, and how far each of them is.

A member's `task` is what is to be done for him next: `issue`, `resend`, `remind`, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0023"
down_revision = "0022"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

TABLES = """
CREATE TABLE wave (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    name text NOT NULL,
    state text NOT NULL,
    phase text NOT NULL,
    platform text NOT NULL,
    ownership text NOT NULL,
    device_name text NOT NULL,
    channel text NOT NULL,
    template text NOT NULL,
    hours integer NOT NULL,
    per_minute integer NOT NULL,
    canary_percent integer NOT NULL,
    canary_needs integer NOT NULL,
    remind_hours integer NOT NULL,
    people integer NOT NULL,
    canary integer NOT NULL,
    done integer NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    maker_kind text NOT NULL,
    maker_id {id},
    maker text NOT NULL,
    claim text NOT NULL DEFAULT '',
    claimed_until {moment} NOT NULL DEFAULT 0,
    next_at {moment} NOT NULL,
    created_at {moment} NOT NULL,
    ended_at {moment}
);
CREATE INDEX wave_organization ON wave (organization_id, id);
CREATE INDEX wave_due ON wave (next_at) WHERE state IN ('running', 'waiting', 'done');
CREATE TABLE wave_member (
    id {id} PRIMARY KEY,
    wave_id {id} NOT NULL REFERENCES wave (id),
    user_id {id} REFERENCES app_user (id),
    named text NOT NULL,
    device_name text NOT NULL DEFAULT '',
    platform text NOT NULL DEFAULT '',
    task text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL DEFAULT '',
    canary integer NOT NULL DEFAULT 0,
    reminded integer NOT NULL DEFAULT 0,
    enrollment_id {id} REFERENCES enrollment (id)
);
CREATE INDEX wave_member_wave ON wave_member (wave_id, id);
CREATE UNIQUE INDEX wave_member_user ON wave_member (wave_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX wave_member_task ON wave_member (wave_id, id) WHERE task <> '';
CREATE INDEX wave_member_canary ON wave_member (wave_id) WHERE canary = 1;
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
