"""Terms of use, and who has accepted them.

Which version is in force is kept with the settings of its organization. An attempt carries what was
accepted when it began, until it is completed.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0021"
down_revision = "0020"

TYPES = {
    "postgresql": {"id": "uuid", "moment": "bigint"},
    "sqlite": {"id": "TEXT", "moment": "INTEGER"},
}

CHANGES = (
    """
    CREATE TABLE terms (
        id {id} PRIMARY KEY,
        organization_id {id} NOT NULL REFERENCES organization (id),
        platform text NOT NULL,
        version integer NOT NULL,
        published_at {moment} NOT NULL,
        published_by text NOT NULL,
        UNIQUE (organization_id, platform, version)
    )
    """,
    """
    CREATE TABLE terms_text (
        terms_id {id} NOT NULL REFERENCES terms (id),
        place integer NOT NULL,
        language text NOT NULL,
        title text NOT NULL,
        body text NOT NULL,
        PRIMARY KEY (terms_id, language)
    )
    """,
    """
    CREATE TABLE terms_acceptance (
        id {id} PRIMARY KEY,
        terms_id {id} NOT NULL REFERENCES terms (id),
        user_id {id} NOT NULL REFERENCES app_user (id),
        device_id {id} NOT NULL REFERENCES device (id),
        enrollment_id {id} NOT NULL REFERENCES enrollment (id),
        accepted_at {moment} NOT NULL
    )
    """,
    "CREATE INDEX terms_acceptance_user ON terms_acceptance (user_id, terms_id)",
    "CREATE INDEX terms_acceptance_device ON terms_acceptance (device_id, id)",
    "CREATE INDEX terms_acceptance_terms ON terms_acceptance (terms_id, id)",
    "ALTER TABLE attempt ADD COLUMN accepted_terms_id {id}",
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
