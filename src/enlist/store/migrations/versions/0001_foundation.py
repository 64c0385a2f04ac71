"""The foundation: organizations, people, devices, enrollments, messages, events.

One text for both stores; the few types that differ are named in `TYPES`. Moments are
microseconds UTC. Ids are UUIDv7, so key order is age order.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0001"
down_revision = None

TYPES = {
    "postgresql": {
        "id": "uuid",
        "bytes": "bytea",
        "moment": "bigint",
        "path": 'text COLLATE "C"',
    },
    "sqlite": {"id": "TEXT", "bytes": "BLOB", "moment": "INTEGER", "path": "TEXT"},
}

TABLES = """
CREATE TABLE installation (
    id {id} PRIMARY KEY,
    created_at {moment} NOT NULL
);
CREATE TABLE known_key (
    id text PRIMARY KEY,
    purpose text NOT NULL,
    known_since {moment} NOT NULL
);
CREATE TABLE organization (
    id {id} PRIMARY KEY,
    parent_id {id} REFERENCES organization (id),
    group_id text NOT NULL,
    group_id_folded text NOT NULL,
    name text NOT NULL,
    path {path} NOT NULL UNIQUE,
    time_zone text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    created_at {moment} NOT NULL,
    deleted_at {moment}
);
CREATE UNIQUE INDEX organization_group_id ON organization (group_id_folded)
    WHERE deleted_at IS NULL;
CREATE INDEX organization_parent ON organization (parent_id);
CREATE TABLE organization_setting (
    organization_id {id} NOT NULL REFERENCES organization (id),
    key text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (organization_id, key)
);
CREATE TABLE app_user (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    username text NOT NULL,
    username_folded text NOT NULL,
    email text NOT NULL DEFAULT '',
    email_folded text NOT NULL DEFAULT '',
    phone text NOT NULL DEFAULT '',
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT 'basic',
    external_id text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'active',
    password_hash text,
    time_zone text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    created_at {moment} NOT NULL,
    version integer NOT NULL DEFAULT 1,
    deleted_at {moment}
);
CREATE UNIQUE INDEX user_username ON app_user (username_folded) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX user_email ON app_user (organization_id, email_folded)
    WHERE deleted_at IS NULL AND email_folded <> '';
CREATE INDEX user_organization ON app_user (organization_id, id);
CREATE TABLE role_assignment (
    user_id {id} NOT NULL REFERENCES app_user (id),
    organization_id {id} NOT NULL REFERENCES organization (id),
    role text NOT NULL,
    granted_at {moment} NOT NULL,
    PRIMARY KEY (user_id, organization_id, role)
);
CREATE TABLE api_key (
    id {id} PRIMARY KEY,
    public_id text NOT NULL UNIQUE,
    digest {bytes} NOT NULL UNIQUE,
    lookup_key_id text NOT NULL,
    name text NOT NULL,
    organization_id {id} NOT NULL REFERENCES organization (id),
    role text NOT NULL,
    permissions text NOT NULL DEFAULT '[]',
    addresses text NOT NULL DEFAULT '[]',
    created_at {moment} NOT NULL,
    created_by text NOT NULL DEFAULT '',
    creator_id {id},
    expires_at {moment},
    revoked_at {moment},
    last_used_at {moment},
    last_used_from text NOT NULL DEFAULT ''
);
CREATE TABLE sign_in (
    id {id} PRIMARY KEY,
    digest {bytes} NOT NULL UNIQUE,
    lookup_key_id text NOT NULL,
    user_id {id} NOT NULL REFERENCES app_user (id),
    started_at {moment} NOT NULL,
    last_seen_at {moment} NOT NULL,
    proved_at {moment} NOT NULL,
    expires_at {moment} NOT NULL,
    ended_at {moment},
    address text NOT NULL DEFAULT '',
    user_agent text NOT NULL DEFAULT ''
);
CREATE INDEX sign_in_user ON sign_in (user_id, id);
CREATE TABLE setup_link (
    digest {bytes} PRIMARY KEY,
    made_at {moment} NOT NULL,
    expires_at {moment} NOT NULL,
    used_at {moment}
);
CREATE TABLE device (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    user_id {id} REFERENCES app_user (id),
    name text NOT NULL,
    platform text NOT NULL,
    ownership text NOT NULL,
    state text NOT NULL,
    model text NOT NULL DEFAULT '',
    os_version text NOT NULL DEFAULT '',
    serial text NOT NULL DEFAULT '',
    imei text NOT NULL DEFAULT '',
    udid text NOT NULL DEFAULT '',
    sim text NOT NULL DEFAULT '',
    asset_number text NOT NULL DEFAULT '',
    external_id text NOT NULL DEFAULT '',
    registered_at {moment} NOT NULL,
    enrolled_at {moment},
    last_seen_at {moment},
    version integer NOT NULL DEFAULT 1,
    deleted_at {moment}
);
CREATE INDEX device_organization ON device (organization_id, id);
CREATE INDEX device_user ON device (user_id, id);
CREATE UNIQUE INDEX device_external_id ON device (organization_id, external_id)
    WHERE deleted_at IS NULL AND external_id <> '';
CREATE TABLE enrollment (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    user_id {id} REFERENCES app_user (id),
    device_id {id} REFERENCES device (id),
    grant_kind text NOT NULL,
    state text NOT NULL,
    generation integer NOT NULL DEFAULT 1,
    uses integer NOT NULL DEFAULT 0,
    max_uses integer NOT NULL DEFAULT 1,
    wrong_logins integer NOT NULL DEFAULT 0,
    not_before {moment} NOT NULL,
    expires_at {moment} NOT NULL,
    issued_at {moment} NOT NULL,
    issued_by text NOT NULL DEFAULT '',
    issuer_id {id},
    opened_at {moment},
    opened_count integer NOT NULL DEFAULT 0,
    used_at {moment},
    ended_at {moment},
    end_reason text NOT NULL DEFAULT '',
    message_id {id},
    deleted_at {moment}
);
CREATE INDEX enrollment_organization ON enrollment (organization_id, id);
CREATE INDEX enrollment_user ON enrollment (user_id, id);
CREATE INDEX enrollment_device ON enrollment (device_id, id);
CREATE INDEX enrollment_due ON enrollment (expires_at) WHERE state = 'active';
CREATE UNIQUE INDEX enrollment_live ON enrollment (device_id) WHERE state = 'active';
CREATE TABLE enrollment_secret (
    enrollment_id {id} NOT NULL REFERENCES enrollment (id),
    generation integer NOT NULL,
    digest {bytes} NOT NULL UNIQUE,
    lookup_key_id text NOT NULL,
    derive_key_id text NOT NULL,
    kdf_version integer NOT NULL,
    length integer NOT NULL,
    alphabet text NOT NULL,
    made_at {moment} NOT NULL,
    PRIMARY KEY (enrollment_id, generation)
);
CREATE TABLE attempt (
    id {id} PRIMARY KEY,
    enrollment_id {id} REFERENCES enrollment (id),
    generation integer NOT NULL DEFAULT 0,
    organization_id {id} NOT NULL REFERENCES organization (id),
    user_id {id} REFERENCES app_user (id),
    digest {bytes} NOT NULL UNIQUE,
    lookup_key_id text NOT NULL,
    state text NOT NULL,
    platform text NOT NULL DEFAULT '',
    device_name text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    started_at {moment} NOT NULL,
    expires_at {moment} NOT NULL,
    lease_until {moment},
    ended_at {moment}
);
CREATE INDEX attempt_enrollment ON attempt (enrollment_id, id);
CREATE TABLE credential (
    id {id} PRIMARY KEY,
    device_id {id} NOT NULL REFERENCES device (id),
    enrollment_id {id} REFERENCES enrollment (id),
    kind text NOT NULL,
    serial text NOT NULL UNIQUE,
    fingerprint text NOT NULL,
    key_digest {bytes} NOT NULL,
    certificate text NOT NULL,
    not_before {moment} NOT NULL,
    not_after {moment} NOT NULL,
    issued_at {moment} NOT NULL,
    revoked_at {moment},
    revocation_reason text NOT NULL DEFAULT ''
);
CREATE INDEX credential_device ON credential (device_id, id);
CREATE INDEX credential_enrollment ON credential (enrollment_id);
CREATE INDEX credential_revoked ON credential (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE TABLE message (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    user_id {id} REFERENCES app_user (id),
    enrollment_id {id} REFERENCES enrollment (id),
    generation integer NOT NULL DEFAULT 0,
    purpose text NOT NULL,
    template text NOT NULL DEFAULT '',
    channel text NOT NULL,
    recipient text NOT NULL,
    state text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    next_try_at {moment} NOT NULL,
    claimed_until {moment} NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    message_id text NOT NULL,
    queued_at {moment} NOT NULL,
    sent_at {moment}
);
CREATE INDEX message_due ON message (next_try_at) WHERE state IN ('queued', 'sending');
CREATE INDEX message_organization ON message (organization_id, id);
CREATE INDEX message_enrollment ON message (enrollment_id, id);
CREATE TABLE message_template (
    id {id} PRIMARY KEY,
    organization_id {id} NOT NULL REFERENCES organization (id),
    name text NOT NULL,
    purpose text NOT NULL,
    channel text NOT NULL,
    language text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    changed_at {moment} NOT NULL,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (organization_id, purpose, name, channel, language)
);
CREATE TABLE event (
    id {id} PRIMARY KEY,
    at {moment} NOT NULL,
    kind text NOT NULL,
    actor_kind text NOT NULL,
    actor_id {id},
    organization_id {id} NOT NULL REFERENCES organization (id),
    user_id {id},
    device_id {id},
    enrollment_id {id},
    support_code text NOT NULL DEFAULT '',
    entry text NOT NULL,
    personal text,
    salt {bytes}
);
CREATE INDEX event_organization ON event (organization_id, id);
CREATE INDEX event_device ON event (device_id, id) WHERE device_id IS NOT NULL;
CREATE INDEX event_enrollment ON event (enrollment_id, id) WHERE enrollment_id IS NOT NULL;
CREATE INDEX event_user ON event (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX event_support_code ON event (support_code) WHERE support_code <> '';
CREATE TABLE throttle (
    source text PRIMARY KEY,
    window_ends_at {moment} NOT NULL,
    refused integer NOT NULL
);
CREATE TABLE idempotency (
    caller text NOT NULL,
    key text NOT NULL,
    request_digest {bytes} NOT NULL,
    made_id {id} NOT NULL,
    made_at {moment} NOT NULL,
    expires_at {moment} NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
"""

APPEND_ONLY_SQLITE = (
    """
    CREATE TRIGGER event_no_update BEFORE UPDATE ON event
    WHEN NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at OR NEW.kind IS NOT OLD.kind
      OR NEW.actor_kind IS NOT OLD.actor_kind OR NEW.actor_id IS NOT OLD.actor_id
      OR NEW.organization_id IS NOT OLD.organization_id OR NEW.user_id IS NOT OLD.user_id
      OR NEW.device_id IS NOT OLD.device_id OR NEW.enrollment_id IS NOT OLD.enrollment_id
      OR NEW.support_code IS NOT OLD.support_code OR NEW.entry IS NOT OLD.entry
      OR NEW.personal IS NOT NULL OR NEW.salt IS NOT NULL
    BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only');
    END
    """,
    """
    CREATE TRIGGER event_no_delete BEFORE DELETE ON event
    BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only');
    END
    """,
)

APPEND_ONLY_POSTGRES = (
    """
    CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND NEW.personal IS NULL AND NEW.salt IS NULL
           AND (to_jsonb(NEW) - 'personal' - 'salt') = (to_jsonb(OLD) - 'personal' - 'salt') THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'the audit log is append-only';
    END
    $$
    """,
    """
    CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION event_append_only()
    """,
    """
    CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()
    """,
)


def statements(dialect: str) -> Iterator[str]:
    """What makes the schema on `sqlite` or `postgresql`, in order."""
    for statement in TABLES.split(";"):
        if statement.strip():
            yield statement.format_map(TYPES[dialect])
    yield from APPEND_ONLY_SQLITE if dialect == "sqlite" else APPEND_ONLY_POSTGRES


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
