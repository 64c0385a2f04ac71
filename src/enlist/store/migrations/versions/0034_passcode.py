"""Company passcodes, wrong entries by where they came from, and credentials that were asked for.

A passcode is one row for each generation of it; the newest says how an organization's self-service
stands. `credential_request` is a queue: a row is what somebody asked for with the right passcode.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0034"
down_revision = "0033"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint", "bytes": "bytea", "flag": "boolean"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER", "bytes": "BLOB", "flag": "INTEGER"},
}

TABLES = """
CREATE TABLE passcode (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    number integer NOT NULL,
    state text NOT NULL,
    digest {bytes} NOT NULL,
    lookup_key_id text NOT NULL,
    derive_key_id text NOT NULL,
    derive_number integer NOT NULL,
    generated_at {moment} NOT NULL,
    generated_by text NOT NULL,
    generated_by_id {id},
    ended_at {moment},
    ends_at {moment},
    failed_in_a_row integer NOT NULL,
    failed integer NOT NULL,
    last_failed_at {moment},
    last_failed_from text NOT NULL,
    shielded_at {moment},
    accepted integer NOT NULL,
    uses integer NOT NULL,
    last_used_at {moment},
    last_used_by {id} REFERENCES app_user (id),
    last_used_device {id} REFERENCES device (id)
);
CREATE UNIQUE INDEX passcode_number ON passcode (organization_id, number);
CREATE UNIQUE INDEX passcode_digest ON passcode (digest);
CREATE UNIQUE INDEX passcode_active ON passcode (organization_id) WHERE state = 'active';
CREATE TABLE passcode_source (
    passcode_id {id} NOT NULL REFERENCES passcode (id),
    source text NOT NULL,
    failed integer NOT NULL,
    last_at {moment} NOT NULL,
    PRIMARY KEY (passcode_id, source)
);
CREATE TABLE credential_request (
    id {id} PRIMARY KEY,
    passcode_id {id} NOT NULL REFERENCES passcode (id),
    organization_id {id} NOT NULL REFERENCES organization (id),
    user_id {id} NOT NULL REFERENCES app_user (id),
    platform text NOT NULL,
    state text NOT NULL,
    requested_at {moment} NOT NULL,
    digest {bytes},
    derive_key_id text NOT NULL,
    tries integer NOT NULL,
    expires_at {moment} NOT NULL
);
CREATE UNIQUE INDEX credential_request_digest ON credential_request (digest)
 WHERE digest IS NOT NULL;
CREATE INDEX credential_request_waiting ON credential_request (id) WHERE state = 'waiting'
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
