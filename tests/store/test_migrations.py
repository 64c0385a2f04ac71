"""From one revision to the next with a company in the database, and a revision ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import migrations
from enlist.store.migrations import SchemaState
from enlist.store.tx import Query
from enlist.wiring import installation as wiring
from enlist.wiring.backup.making import back_up
from enlist.wiring.backup.sealing import Cost
from enlist.wiring.installation import CannotStart
from enlist.wiring.keys import replace_leaked, rotate
from tests.installation import Enlist, SettableClock, code, opened_on
from tests.store.raw import Raw
from tests.store.starting import schema_of, told

_WITHOUT_0007 = [
    "DROP TABLE revocation_webhook",
    "DROP INDEX credential_unnumbered",
    "DROP INDEX credential_revocation_number",
    "ALTER TABLE credential DROP COLUMN revocation_number",
]
_WITHOUT_0008 = [
    "DROP TABLE sms_day",
    "ALTER TABLE message DROP COLUMN delivered_at",
    "ALTER TABLE message DROP COLUMN provider_id",
]
_WITHOUT_0009 = [
    "ALTER TABLE device DROP COLUMN custom_attributes",
    "ALTER TABLE device DROP COLUMN tags",
]
_WITHOUT_0010 = ["DROP INDEX attempt_user"]
_WITHOUT_0011 = ["ALTER TABLE enrollment DROP COLUMN source"]
_WITHOUT_0012 = [
    *(f"DROP INDEX device_{name}" for name in ("imei", "serial", "udid")),
    *(f"DROP TABLE {name}" for name in ("listed_device", "group_member", "user_group")),
]
_WITHOUT_0030 = "ALTER TABLE alert DROP COLUMN left_out"
_WITHOUT_0029 = [
    f"DROP TABLE {name}"
    for name in ("alert_message", "alert_address", "alert_route", "alert", "alert_log")
] + ["DROP TABLE channel_health"]
_WITHOUT_0023 = ["DROP TABLE wave_member", "DROP TABLE wave"]
_WITHOUT_0024 = ["DROP TABLE password_link", "DROP INDEX user_email_anywhere"]
_WITHOUT_0025 = [
    "DROP INDEX message_due",
    "CREATE INDEX message_due ON message (next_try_at) WHERE state IN ('queued', 'sending')",
]
_WITHOUT_0031 = [
    f"DROP INDEX {name}"
    for name in (
        "device_name",
        "device_out",
        "enrollment_over",
        "enrollment_used",
        "event_refused",
        "message_over",
        "message_recipient",
        "user_by_email",
        "user_by_first_name",
        "user_by_last_name",
        "user_by_name",
        "user_by_phone",
        "user_by_username",
        "user_source",
        "user_state",
    )
]
_NUMBERS_BEFORE_0031 = [
    statement
    for name in ("imei", "serial", "udid", "asset_number")
    for statement in (
        f"DROP INDEX device_{name}",
        f"CREATE INDEX device_{name} ON device (lower({name})) WHERE {name} <> ''",
    )
]
_WITHOUT_0032 = [
    "DROP INDEX device_staging_user",
    "ALTER TABLE device DROP COLUMN staging_user_id",
    "ALTER TABLE app_user DROP COLUMN staging",
]
_WITHOUT_0033 = ["DROP INDEX user_authorized", "ALTER TABLE app_user DROP COLUMN authorized"]
_WITHOUT_0034 = [
    f"DROP TABLE {name}" for name in ("passcode_source", "credential_request", "passcode")
]
_WITHOUT_0035 = ["ALTER TABLE known_key DROP COLUMN leaked_at"]
_WITHOUT_0036 = ["DROP TABLE one_time_login", "ALTER TABLE enrollment DROP COLUMN passcode_id"]
_WITHOUT_0028 = ["ALTER TABLE attempt DROP COLUMN answers"]
_WITHOUT_0015 = [f"DROP TABLE import_{name}" for name in ("error", "block", "job")]
_WITHOUT_0016 = [
    "DROP INDEX message_user",
    "DROP INDEX api_key_creator",
    "DROP TABLE offboarding",
]
_WITHOUT_0021 = [
    *(f"DROP TABLE {name}" for name in ("terms_acceptance", "terms_text", "terms")),
    "ALTER TABLE attempt DROP COLUMN accepted_terms_id",
]
_WITHOUT_0027 = ["DROP TABLE own_role"]
_WITHOUT_0022 = [
    *(f"DROP TABLE {name}" for name in ("second_factor", "recovery_code", "second_factor_rule")),
    "DROP TABLE sign_in_step",
    "ALTER TABLE sign_in DROP COLUMN factor_at",
]
_WITHOUT_0004 = [
    "DROP INDEX enrollment_replaces",
    "ALTER TABLE enrollment DROP COLUMN replaces_device_id",
    "ALTER TABLE credential DROP COLUMN key_roll_requested",
    "ALTER TABLE credential DROP COLUMN extend_requested_at",
    "ALTER TABLE credential DROP COLUMN renews_id",
    "ALTER TABLE credential DROP COLUMN generation",
]
BACK = {
    "0001": {
        "sqlite": [f"DROP TABLE {name}" for name in ("event_seal", "event_subtree", "checkpoint")],
        "postgres": [
            "DROP TABLE event_seal, event_subtree, checkpoint",
            "DROP FUNCTION sealed_append_only",
        ],
    },
    "0003": {"sqlite": _WITHOUT_0004, "postgres": _WITHOUT_0004},
    "0004": {
        "sqlite": ["DROP TABLE device_session", "DROP TABLE server_process"],
        "postgres": ["DROP TABLE device_session, server_process"],
    },
    "0005": {
        "sqlite": ["DROP TABLE api_session", "DROP TABLE listener_key"],
        "postgres": ["DROP TABLE api_session, listener_key"],
    },
    "0006": {"sqlite": _WITHOUT_0007, "postgres": _WITHOUT_0007},
    "0007": {"sqlite": _WITHOUT_0008, "postgres": _WITHOUT_0008},
    "0008": {"sqlite": _WITHOUT_0009, "postgres": _WITHOUT_0009},
    "0009": {"sqlite": _WITHOUT_0010, "postgres": _WITHOUT_0010},
    "0010": {"sqlite": _WITHOUT_0011, "postgres": _WITHOUT_0011},
    "0011": {"sqlite": _WITHOUT_0012, "postgres": _WITHOUT_0012},
    "0014": {"sqlite": _WITHOUT_0015, "postgres": _WITHOUT_0015},
    "0015": {"sqlite": _WITHOUT_0016, "postgres": _WITHOUT_0016},
    "0016": {"sqlite": ["DROP TABLE expiry_told"], "postgres": ["DROP TABLE expiry_told"]},
    "0018": {"sqlite": ["DROP TABLE test_message"], "postgres": ["DROP TABLE test_message"]},
    "0020": {"sqlite": _WITHOUT_0021, "postgres": _WITHOUT_0021},
    "0029": {"sqlite": [_WITHOUT_0030], "postgres": [_WITHOUT_0030]},
    "0028": {"sqlite": _WITHOUT_0029, "postgres": _WITHOUT_0029},
    "0030": {"sqlite": _WITHOUT_0031, "postgres": _WITHOUT_0031 + _NUMBERS_BEFORE_0031},
    "0034": {"sqlite": _WITHOUT_0035, "postgres": _WITHOUT_0035},
    "0035": {"sqlite": _WITHOUT_0036, "postgres": _WITHOUT_0036},
    "0032": {"sqlite": _WITHOUT_0033, "postgres": _WITHOUT_0033},
    "0033": {"sqlite": _WITHOUT_0034, "postgres": _WITHOUT_0034},
    "0031": {"sqlite": _WITHOUT_0032, "postgres": _WITHOUT_0032},
    "0022": {"sqlite": _WITHOUT_0023, "postgres": _WITHOUT_0023},
    "0025": {"sqlite": ["DROP TABLE email_domain"], "postgres": ["DROP TABLE email_domain"]},
    "0023": {"sqlite": _WITHOUT_0024, "postgres": _WITHOUT_0024},
    "0024": {"sqlite": _WITHOUT_0025, "postgres": _WITHOUT_0025},
    "0026": {"sqlite": _WITHOUT_0027, "postgres": _WITHOUT_0027},
    "0027": {"sqlite": _WITHOUT_0028, "postgres": _WITHOUT_0028},
    "0012": {
        "sqlite": ["DROP TABLE organization_branding", "DROP TABLE logo"],
        "postgres": ["DROP TABLE organization_branding, logo"],
    },
    "0013": {
        "sqlite": ["DROP TABLE webhook_delivery", "DROP TABLE webhook"],
        "postgres": ["DROP TABLE webhook_delivery, webhook"],
    },
    "0019": {"sqlite": ["DROP TABLE saved_view"], "postgres": ["DROP TABLE saved_view"]},
    "0021": {"sqlite": _WITHOUT_0022, "postgres": _WITHOUT_0022},
    "0017": {
        "sqlite": ["DROP INDEX device_asset_number"],
        "postgres": ["DROP INDEX device_asset_number"],
    },
}
"""What takes a database back to a revision, for tests alone: nobody migrates downwards."""


_BY_KEY = Query("test.by_key", "UPDATE enrollment_secret SET derive_key_id = :key")


@pytest.fixture
def back(raw: Raw, store_kind: str) -> Callable[[str], None]:
    """Make the database one of an older revision, with its rows."""

    def to(revision: str) -> None:
        for number in sorted(BACK, reverse=True):
            if number >= revision:
                for statement in BACK[number][store_kind]:
                    raw.execute(statement)
        raw.execute(f"UPDATE alembic_version SET version_num = '{revision}'")

    return to


def state(settings: Settings) -> SchemaState:
    store = wiring.open_store(settings, SettableClock())
    try:
        return migrations.state(store)
    finally:
        store.close()


def a_company(settings: Settings) -> tuple[dict[str, object], str]:
    """Rows that must survive, and a token that must go on working."""
    enlist = opened_on(settings, SettableClock())
    try:
        enlist.redeem(enlist.register("ada").token)
        token = enlist.register("grace").token.reveal()
        return rows(enlist), token
    finally:
        enlist.close()


def rows(enlist: Enlist) -> dict[str, object]:
    return {name: enlist.rows(name) for name in ("event", "device", "enrollment", "credential")}


def test_a_database_of_the_first_revision_is_carried_over(
    settings: Settings, raw: Raw, store_kind: str, back: Callable[[str], None]
) -> None:
    """Ruling 32: nothing but `migrate` does it; every row is as it was, and Enlist goes on."""
    before, token = a_company(settings)
    wanted = schema_of(raw, store_kind)
    back("0001")
    assert schema_of(raw, store_kind) != wanted

    assert state(settings) is SchemaState.BEHIND
    assert "enlist migrate" in told(settings)
    assert wiring.migrate(settings, check=True) is True
    assert raw.execute("SELECT version_num FROM alembic_version") == [("0001",)]

    assert wiring.migrate(settings, check=False) is True
    assert schema_of(raw, store_kind) == wanted
    assert state(settings) is SchemaState.CURRENT
    assert wiring.migrate(settings, check=False) is False
    enlist = opened_on(settings, SettableClock())
    try:
        assert rows(enlist) == before
        assert code(enlist.redeem(token, key=1)) == "done"
    finally:
        enlist.close()


def test_a_database_that_is_yet_to_be_migrated_can_be_backed_up(
    settings: Settings, back: Callable[[str], None], tmp_path: Path
) -> None:
    """Whoever is told to back it up before he migrates has this version installed already."""
    a_company(settings)
    back("0001")
    cheap = Cost(memory_kib=64, passes=1, lanes=1)
    made = back_up(settings, tmp_path / "shelf", Secret("twelve letters and more"), cost=cheap)
    assert made.manifest.schema == "0001"
    assert state(settings) is SchemaState.BEHIND


def test_keys_that_leaked_before_are_marked(
    settings: Settings, raw: Raw, back: Callable[[str], None]
) -> None:
    """Also where a token that was issued meanwhile made a second event of it; none but these."""
    enlist = opened_on(settings, SettableClock())
    try:
        enlist.register("ada")
        enlist.clock.advance(minutes=1)

        def meanwhile(_: float) -> None:
            enlist.clock.advance(seconds=3)
            enlist.register("eve")
            enlist.store.write(lambda tx: tx.run(_BY_KEY, key=old))

        old = enlist.installation.tools.keys.derive[0].id
        replace_leaked(enlist.installation, settings, pause=meanwhile)
        assert len(enlist.events("key.compromised")) == 2
        enlist.clock.advance(minutes=1)
        rotate(enlist.installation, settings, "derive")
    finally:
        enlist.close()
    marked = raw.execute("SELECT id FROM known_key WHERE leaked_at IS NOT NULL ORDER BY id")
    assert len(marked) == 2
    back("0034")
    assert wiring.migrate(settings, check=False) is True
    again = raw.execute("SELECT id FROM known_key WHERE leaked_at IS NOT NULL ORDER BY id")
    assert again == marked


def test_a_database_one_revision_ahead_is_served(settings: Settings, raw: Raw) -> None:
    """Version N runs on schemas N and N+1, so that an upgrade can roll."""
    raw.execute(f"UPDATE alembic_version SET version_num = '{migrations.NEXT}'")
    assert state(settings) is SchemaState.AHEAD
    assert wiring.migrate(settings, check=True) is False
    assert wiring.migrate(settings, check=False) is False
    enlist = opened_on(settings, SettableClock())
    try:
        assert code(enlist.redeem(enlist.register("ada").token)) == "done"
    finally:
        enlist.close()
    assert raw.execute("SELECT version_num FROM alembic_version") == [(migrations.NEXT,)]


@pytest.mark.parametrize("found", [f"{int(migrations.HEAD) + 2:04}", "9999", "abcd", ""])
def test_one_further_ahead_is_refused(settings: Settings, raw: Raw, found: str) -> None:
    """It may have taken away what this version needs; it says which, and nothing is touched."""
    raw.execute(f"UPDATE alembic_version SET version_num = '{found}'")
    assert state(settings) is SchemaState.UNKNOWN
    assert f"schema {found}" in told(settings)
    with pytest.raises(CannotStart, match=f"schema {found}"):
        wiring.migrate(settings, check=False)
    assert raw.execute("SELECT version_num FROM alembic_version") == [(found,)]
