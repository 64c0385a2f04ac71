"""A database with rows in every table that statements are planned on."""

from __future__ import annotations

from enlist.core.secrets import Secret
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.sign_in import StartSignIn
from tests.connections import live_session
from tests.installation import PASSWORD, Enlist, done
from tests.store.raw import Raw

COPIED = {
    "organization": {"parent_id": "id", "path": "n::text", "group_id_folded": "n::text"},
    "app_user": {"username_folded": "n::text", "email_folded": "n::text"},
    "device": {
        "user_id": "NULL",
        **dict.fromkeys(("imei", "serial", "udid", "asset_number"), "n::text"),
    },
    "enrollment": {"user_id": "NULL", "device_id": "NULL", "state": "'used'"},
    "enrollment_secret": {"generation": "n + 1"},
    "attempt": {"enrollment_id": "NULL", "user_id": "NULL"},
    "credential": {"enrollment_id": "NULL", "serial": "n::text"},
    "sign_in": {},
    "api_key": {"public_id": "n::text"},
    "api_session": {},
    "event": {"enrollment_id": "gen_random_uuid()", "device_id": "NULL", "user_id": "NULL"},
    "throttle": {"source": "n::text"},
    "device_session": {"device_id": "gen_random_uuid()"},
}

EVERYWHERE = {"id": "gen_random_uuid()", "digest": "decode(md5(n::text), 'hex')"}


def fill(enlist: Enlist, raw: Raw) -> None:
    """Thousands of rows in every table, for a planner that goes by how many there are."""
    ticket = enlist.register("ada")
    done(enlist.redeem(done(enlist.begin(ticket.token)).code))
    enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
    enlist.do(CreateApiKey("key", "reader"))
    enlist.redeem("abcdefghij")
    live_session(enlist.store, ticket.device_id)
    raw.execute(
        "INSERT INTO api_session "
        "SELECT gen_random_uuid(), c.key_digest, c.device_id, c.id, 1, 0, 0 FROM credential c"
    )
    for table, special in COPIED.items():
        columns = list(enlist.rows(table)[0])
        values = [special.get(name) or EVERYWHERE.get(name) or name for name in columns]
        raw.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM (SELECT * FROM {table} LIMIT 1) AS one, generate_series(1, 20000) AS n"
        )
    raw.execute(
        "INSERT INTO organization_setting (organization_id, key, value) "
        "SELECT id, 'token_length', '12' FROM organization"
    )
    raw.execute(
        "INSERT INTO user_group SELECT gen_random_uuid(), o.id, n::text, n::text, '', 'local', 0 "
        "FROM (SELECT id FROM organization LIMIT 1) AS o, generate_series(1, 20000) AS n"
    )
    raw.execute(
        "INSERT INTO group_member SELECT g.id, u.id, 0 "
        "FROM (SELECT id, row_number() OVER () AS n FROM user_group) AS g "
        "JOIN (SELECT id, row_number() OVER () AS n FROM app_user) AS u USING (n)"
    )
    raw.execute(
        "INSERT INTO listed_device SELECT gen_random_uuid(), o.id, 'deny', 'serial', n::text, "
        "n::text, '', NULL, 0, '' FROM (SELECT id FROM organization LIMIT 1) AS o, "
        "generate_series(1, 20000) AS n"
    )
    raw.execute(
        "INSERT INTO own_role (id, organization_id, name, name_folded, permissions, created_at) "
        "SELECT n::text, o.id, n::text, n::text, '', 0 "
        "FROM (SELECT id FROM organization LIMIT 1) AS o, generate_series(1, 20000) AS n"
    )
    raw.execute("VACUUM ANALYZE")
