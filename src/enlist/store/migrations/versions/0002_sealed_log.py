"""The sealed log: the order of events, the subtrees of its Merkle tree, signed checkpoints.

`event_seal.seq` is the leaf's index. Of the tree, the perfect subtrees of 256, 65,536, … leaves
are kept (levels 8, 16, …): one row for 256 events, and any root or proof is put together from a
few runs of at most 256 neighbours.

No foreign keys: to check one, PostgreSQL locks the row it points to, which writes the event a
second time. That every seal has its event is what verifying says.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0002"
down_revision = "0001"

TYPES = {
    "postgresql": {"id": "uuid", "bytes": "bytea", "moment": "bigint", "number": "bigint"},
    "sqlite": {"id": "TEXT", "bytes": "BLOB", "moment": "INTEGER", "number": "INTEGER"},
}

TABLES = """
CREATE TABLE event_seal (
    seq {number} PRIMARY KEY,
    event_id {id} NOT NULL UNIQUE,
    leaf {bytes} NOT NULL
);
CREATE TABLE event_subtree (
    level {number} NOT NULL,
    position {number} NOT NULL,
    hash {bytes} NOT NULL,
    PRIMARY KEY (level, position)
);
CREATE TABLE checkpoint (
    size {number} NOT NULL,
    key_id text NOT NULL,
    made_at {moment} NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (size, key_id)
);
"""

SEALED = ("event_seal", "event_subtree", "checkpoint")
"""Tables whose rows are only ever added."""


def statements(dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    for statement in TABLES.split(";"):
        if statement.strip():
            yield statement.format_map(TYPES[dialect])
    yield from _append_only_sqlite() if dialect == "sqlite" else _append_only_postgres()


def _append_only_sqlite() -> Iterator[str]:
    for table in SEALED:
        for change in ("UPDATE", "DELETE"):
            yield f"""
            CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}
            BEGIN
                SELECT RAISE(ABORT, 'the audit log is append-only');
            END
            """


def _append_only_postgres() -> Iterator[str]:
    yield """
    CREATE FUNCTION sealed_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only';
    END
    $$
    """
    for table in SEALED:
        yield f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION sealed_append_only()
        """


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
