"""A database, its schema and its keys belong together; each mismatch is one line that helps."""

from __future__ import annotations

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enlist import keyfolder
from enlist.settings import Settings
from enlist.store import installation, migrations
from enlist.wiring import installation as wiring
from enlist.wiring.installation import CannotStart
from tests.installation import Enlist, SettableClock, code, settings_for
from tests.store.raw import Raw, opened
from tests.store.starting import schema_of, start, told


def keys_in(folder: Path) -> dict[str, bytes]:
    keys = [*folder.glob("keys/*"), *folder.glob("pki/*")]
    return {str(path): path.read_bytes() for path in keys}


@pytest.fixture
def empty(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Settings of an installation that is not there yet."""
    url = "" if store_kind == "sqlite" else request.getfixturevalue("empty_database")
    return settings_for(tmp_path / "fresh", url)


# --- schema -----------------------------------------------------------------------------------


def test_the_newest_revision_is_the_one_that_the_code_names() -> None:
    """P08: a start compares one constant; the files must agree with it."""
    folder = Path(migrations.__file__).parent / "versions"
    assert tuple(sorted(path.stem for path in folder.glob("[0-9]*.py"))) == migrations.REVISIONS
    numbers = [name.partition("_")[0] for name in migrations.REVISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert numbers[-1] == migrations.HEAD


def test_a_fresh_schema_is_the_migrated_one(
    settings: Settings, empty: Settings, raw: Raw, store_kind: str
) -> None:
    """An empty database is filled without Alembic, which carries all others to the same schema."""
    empty.data.mkdir(parents=True)
    migrations.migrate(empty.database_url)
    with opened(empty) as migrated:
        assert schema_of(migrated, store_kind) == schema_of(raw, store_kind)
        assert raw.execute("SELECT * FROM alembic_version") == migrated.execute(
            "SELECT * FROM alembic_version"
        )


def test_servers_that_start_at_once_on_an_empty_database_agree(empty: Settings) -> None:
    """Each finds a whole schema, whoever made it."""
    stores = [wiring.open_store(empty, SettableClock()) for _ in range(4)]
    try:
        with ThreadPoolExecutor(len(stores)) as pool:
            list(pool.map(migrations.create, stores))
        assert {migrations.state(store) for store in stores} == {migrations.SchemaState.CURRENT}
    finally:
        for store in stores:
            store.close()


def test_an_empty_database_is_set_up(empty: Settings) -> None:
    """Ruling 32: by the first start; the second finds it as it was."""
    start(empty)
    found = keys_in(empty.data)
    assert found
    start(empty)
    start(empty, create=False)
    assert keys_in(empty.data) == found


def test_an_empty_database_is_not_set_up_by_a_command(empty: Settings) -> None:
    """Ruling 32: `enlist device list` on the wrong folder makes no installation."""
    assert "enlist init" in told(empty, create=False)
    assert not keyfolder.exists(empty.data)


def test_a_command_in_the_wrong_folder_makes_nothing(tmp_path: Path) -> None:
    """Else a typing error in --data leaves an empty database behind, and a puzzled person."""
    nowhere = Settings(data=tmp_path / "nowhere")
    with pytest.raises(CannotStart, match="there is no Enlist in"), wiring.opened(nowhere):
        pass
    with pytest.raises(CannotStart, match="there is no Enlist in"):
        wiring.migrate(nowhere, check=True)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_schema_is_refused(settings: Settings, raw: Raw) -> None:
    """Ruling 32: it says which, and that another version is needed; nothing is touched."""
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "schema 9999" in told(settings)
    with pytest.raises(CannotStart, match="9999"):
        wiring.migrate(settings, check=False)
    assert raw.execute("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_current_schema_needs_no_migration(settings: Settings) -> None:
    assert wiring.migrate(settings, check=True) is False
    assert wiring.migrate(settings, check=False) is False
    assert wiring.is_set_up(settings)


# --- keys -------------------------------------------------------------------------------------


def test_a_populated_database_never_gets_new_keys(settings: Settings) -> None:
    """Ruling 32: without its folder it is refused, and the folder stays as it was."""
    shutil.rmtree(settings.data / "keys")
    assert "Copy that installation's data folder here" in told(settings)
    assert not (settings.data / "keys").exists()


def test_the_keys_of_another_installation_are_refused(settings: Settings, tmp_path: Path) -> None:
    """Ruling 32: the database names its own."""
    other = settings_for(tmp_path / "other")
    start(other)
    for name in ("keys", "pki"):
        shutil.rmtree(settings.data / name)
        shutil.copytree(other.data / name, settings.data / name)
    before = keys_in(settings.data)
    assert "Give the right data folder by --data" in told(settings)
    assert keys_in(settings.data) == before


def test_a_missing_key_is_named(enlist: Enlist, settings: Settings) -> None:
    """S29, ruling 32: the database knows which keys made its rows."""
    with_more = enlist.installation.folder.key_ids
    enlist.store.write(lambda tx: installation.add_key(tx, "lost-key", "derive"))
    assert "keys lost-key are missing" in told(settings)
    assert all(key_id not in told(settings) for key_id, _ in with_more)


@pytest.mark.parametrize("purpose", keyfolder.PURPOSES)
def test_without_a_key_of_each_purpose_nothing_starts(settings: Settings, purpose: str) -> None:
    """S29: no derivation key, no start."""
    (path,) = (settings.data / "keys").glob(f"{purpose}.*.key")
    path.unlink()
    line = told(settings)
    assert f"no {purpose} key" in line or f"keys {path.name.split('.')[1]} are missing" in line
    assert list((settings.data / "keys").glob(f"{purpose}.*.key")) == []


def test_a_folder_from_before_the_log_was_signed_gets_its_key(settings: Settings, raw: Raw) -> None:
    """Ruling 34: at the next start, once; a command beside the server makes none."""
    (path,) = (settings.data / "keys").glob("checkpoint.*.key")
    path.unlink()
    raw.execute("DELETE FROM known_key WHERE purpose = 'checkpoint'")
    start(settings, create=False)
    assert list((settings.data / "keys").glob("checkpoint.*.key")) == []
    start(settings)
    (made,) = (settings.data / "keys").glob("checkpoint.*.key")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    known = raw.execute("SELECT id FROM known_key WHERE purpose = 'checkpoint'")
    assert known == [(made.name.split(".")[1],)]
    start(settings)
    assert list((settings.data / "keys").glob("checkpoint.*.key")) == [made]


def test_a_key_that_others_can_read_is_refused(settings: Settings) -> None:
    """S64: with the command that mends it."""
    (path,) = (settings.data / "keys").glob("derive.*.key")
    path.chmod(0o640)
    assert f"chmod 600 {path}" in told(settings)


def test_a_damaged_key_is_refused(settings: Settings) -> None:
    (path,) = (settings.data / "keys").glob("lookup.*.key")
    path.write_text("not hexadecimal")
    assert "holds no key" in told(settings)


def test_every_key_is_its_owners_alone(empty: Settings) -> None:
    """S64: mode 0600, folders 0700."""
    start(empty)
    secret = [path for path in empty.data.rglob("*") if path.suffix in (".key", ".pem", ".id")]
    assert len(secret) >= 7
    assert {oct(path.stat().st_mode & 0o777) for path in secret} == {"0o600"}
    folders = {empty.data, empty.data / "keys", empty.data / "pki"}
    assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}


def test_tokens_outlive_a_restart(enlist: Enlist) -> None:
    """S29: another process of the same installation derives and finds the same token."""
    ticket = enlist.register("ada")
    other = enlist.again()
    assert code(other.redeem(ticket.token)) == "done"
