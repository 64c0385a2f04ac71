"""An installation, put together from settings: store, keys, driver.

`open_installation` makes one of an empty database, or opens what is there; it never uses a
database without the keys that belong to it, nor the other way round (ruling 32).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from enlist import datafolder, keyfolder
from enlist.core.caller import SYSTEM
from enlist.core.checkpoints import origin
from enlist.core.clock import DAY, MINUTE, Clock, system_clock
from enlist.core.faults import Unusable
from enlist.core.outcomes import Effect, Refusal
from enlist.keyfolder import KeyFolder
from enlist.pki import spiffe
from enlist.pki.notes import Signer
from enlist.pki.signing import Signing, sign_alone
from enlist.settings import Settings
from enlist.store import installation, key_use, migrations
from enlist.store.inspection import inspect_postgres
from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable, Tx
from enlist.verbs.checkpoints import SealedLog
from enlist.verbs.driver import Addresses, Driver, Tools
from enlist.verbs.passwords import Passwords
from enlist.verbs.room import Room
from enlist.verbs.setup import Beginning, SetUp
from enlist.wiring.beside import as_told
from enlist.wiring.certificates import listener_identity
from enlist.wiring.checkpoint_folder import CheckpointFolder
from enlist.wiring.own_texts import use_own_texts


class CannotStart(Unusable):
    """Something is not as it must be; the message is one line that says what to do."""


def _nothing(_effects: Sequence[Effect]) -> None:
    """No workers run here: the server's own find what is in the outbox."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Enlist, put together: what adapters and workers are given."""

    store: Store
    driver: Driver
    tools: Tools
    folder: KeyFolder
    log: SealedLog
    signers: list[Signer]

    def take_up(self, folder: KeyFolder) -> None:
        """Use the keys of a folder from now on: new ones, or those that have begun meanwhile."""
        self.tools.keys.take_up(folder.ring)
        self.tools.authority.take_up(folder.authority)
        self.signers[:] = _signers(folder)

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def addresses(settings: Settings) -> Addresses:
    """The addresses that people and devices use, from the settings alone."""
    scheme = "https" if speaks_tls(settings) else "http"
    public = settings.public_url or _default_url(scheme, settings.http)
    device = settings.device_url or _default_url("https", settings.device)
    return Addresses(public, device, settings.pki_url or f"{public}/pki")


def speaks_tls(settings: Settings) -> bool:
    """Whether the web listener itself does; plain HTTP is for this machine or behind a proxy."""
    host = settings.http.rpartition(":")[0].strip("[]")
    local = host in ("127.0.0.1", "::1", "localhost")
    return settings.tls_cert is not None or not (settings.trusted_proxy or local)


def _default_url(scheme: str, listen: str) -> str:
    host, _, port = listen.rpartition(":")
    if ":" not in listen or not port.isdecimal():
        raise CannotStart(
            f"{listen} is not HOST:PORT, such as 127.0.0.1:8000. "
            "Give --http and --device like this."
        )
    if host in ("0.0.0.0", "::", "[::]", ""):  # noqa: S104 - recognised, never bound here
        raise CannotStart(
            f"{listen} listens on every address, so nobody knows what links should say. "
            "Give --public-url (and --device-url), such as https://enroll.example.com."
        )
    name = "localhost" if host in ("127.0.0.1", "::1", "[::1]") else host
    return f"{scheme}://{name}:{port}"


def open_store(settings: Settings, clock: Clock) -> Store:
    """The store that the settings name; nothing in it is checked or made yet.

    Raises:
        CannotStart: a part of the program is missing.
        NotForThisUser: the data folder is somebody else's.
        StoreUnavailable: the address of PostgreSQL cannot be read.
    """
    datafolder.refuse_strangers(settings.data)
    if settings.database:
        try:
            from enlist.store.addresses import check_address
            from enlist.store.postgres import PostgresStore
        except ImportError as error:
            raise CannotStart(
                "PostgreSQL needs the extra: pip install 'enlist[postgres]'"
            ) from error
        check_address(settings.database)
        return PostgresStore(settings.database, clock)
    from enlist.store.sqlite import SqliteStore

    datafolder.make(settings.data)
    store = SqliteStore(settings.sqlite_path, clock)
    datafolder.hand_over(settings.sqlite_path)
    return store


def open_installation(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    after: Callable[[Sequence[Effect]], None] = _nothing,
    beginning: Beginning | None = Beginning(),  # noqa: B008 - a frozen value
    passwords: Passwords | None = None,
    channels: frozenset[str] | None = None,
    signing: Signing = sign_alone,
    older: bool = False,
    reached: Callable[[], None] = lambda: None,
) -> Installation:
    """Open the installation that the settings name, making it on an empty database.

    Args:
        after: carries out effects after the commit.
        beginning: what a new installation begins with; None opens only what is there.
        channels: the ways by which messages go out, instead of those of the settings.
        signing: who signs a batch of certificates.
        older: whether the schema may be one that is yet to be migrated, to be read only.
        reached: is called once the database has answered.

    Raises:
        CannotStart: keys and database do not fit, or the schema is not this version's.
    """
    use_own_texts(settings)
    store = open_store(settings, clock)
    try:
        store.check()
        reached()
        _schema(store, settings, create=beginning is not None, older=older)
        where = addresses(settings)
        folder = _keys(store, settings, where, clock, beginning)
        reach = settings.channels if channels is None else channels
        tools = _tools(settings, folder, where, clock, passwords or Passwords(), reach, signing)
        driver = Driver(store, tools, after)
        if beginning is not None:
            if store.read(installation.installation_id) is None:
                _set_up(driver, folder, beginning)
            _name_checkpoint_keys(store, folder)
    except BaseException:
        store.close()
        raise
    signers, kept = _signers(folder), CheckpointFolder(settings.data / "checkpoints")
    log = SealedLog(store, folder.installation_id, signers, kept)
    return Installation(store, driver, tools, folder, log, signers)


def _signers(folder: KeyFolder) -> list[Signer]:
    name = origin(folder.installation_id)
    return [Signer.of_seed(name, key.id, key.material) for key in folder.checkpoint]


def _tools(
    settings: Settings,
    folder: KeyFolder,
    where: Addresses,
    clock: Clock,
    passwords: Passwords,
    channels: frozenset[str],
    signing: Signing,
) -> Tools:
    return Tools(
        clock=clock,
        keys=folder.ring,
        passwords=passwords,
        authority=folder.authority,
        addresses=where,
        certificate_lifetime=settings.certificate_days * DAY,
        room=Room(settings.most_live_enrollments),
        channels=channels,
        listener=partial(listener_identity, settings.data, where, clock),
        api_session_idle=settings.api_session_minutes * MINUTE,
        landing_hosts=frozenset(settings.landing_hosts),
        outbound_allowed=frozenset(settings.outbound_allowed),
        signing=signing,
    )


def _name_checkpoint_keys(store: Store, folder: KeyFolder) -> None:
    """The key that a folder from before the log was signed got a moment ago is needed from now."""
    known = store.read(installation.known_keys)
    fresh = [key.id for key in folder.checkpoint if key.id not in known]

    def name(tx: Tx) -> None:
        for key_id in fresh:
            installation.add_key(tx, key_id, "checkpoint")

    if fresh:
        store.write(name)


def _set_up(driver: Driver, folder: KeyFolder, beginning: Beginning) -> None:
    made = driver.perform(SetUp(folder.installation_id, folder.key_ids, beginning), SYSTEM)
    if isinstance(made, Refusal):
        raise CannotStart(_in_words(made))


def _in_words(refusal: Refusal) -> str:
    fields = "; ".join(f"{error.field} {error.message}" for error in refusal.fields)
    return refusal.detail or fields or refusal.code


def _schema(store: Store, settings: Settings, *, create: bool, older: bool) -> None:
    """An empty database is filled; any other is changed only by `enlist migrate` (ruling 32)."""
    state = migrations.state(store)
    if state is migrations.SchemaState.EMPTY:
        if not create:
            raise CannotStart("the database is empty. Run `enlist init` or `enlist serve` first.")
        migrations.create(store)
    elif state is migrations.SchemaState.BEHIND and not older:
        same = " with the same --database" if settings.database else ""
        raise CannotStart(
            "the database is older than this version. Back it up, then run: "
            f"enlist migrate --data {settings.data}{same}"
        )
    elif state is migrations.SchemaState.UNKNOWN:
        raise CannotStart(
            f"the database has schema {migrations.revision(store)}, which this version of Enlist "
            "does not know. Install the version that made it, or a newer one."
        )


def _keys(
    store: Store, settings: Settings, where: Addresses, clock: Clock, beginning: Beginning | None
) -> KeyFolder:
    """The keys that belong to this database, never new ones for a populated one (ruling 32); but a
    folder from before the log was signed gets one for that.
    """
    known_id = store.read(installation.installation_id)
    if known_id is None and not keyfolder.exists(settings.data) and beginning is not None:
        host = urlsplit(where.public_url).hostname or "localhost"
        domain = spiffe.trust_domain(host)
        name = beginning.organization or "Enlist"
        return keyfolder.create(settings.data, name=name, trust_domain=domain, now=clock())
    if not keyfolder.exists(settings.data):
        raise CannotStart(
            f"the database belongs to installation {known_id}, whose keys are not in "
            f"{settings.data}. Copy that installation's data folder here, or give it by --data."
        )
    folder = keyfolder.load(settings.data, clock())
    if known_id is not None and folder.installation_id != known_id:
        raise CannotStart(
            f"{settings.data} holds the keys of installation {folder.installation_id}, but the "
            f"database belongs to {known_id}. Give the right data folder by --data."
        )
    _complete(store, settings, folder)
    if beginning is None or folder.checkpoint:
        return folder
    keyfolder.add_key(settings.data, "checkpoint", clock())
    return keyfolder.load(settings.data, clock())


def _complete(store: Store, settings: Settings, folder: KeyFolder) -> None:
    """Refuse to start without a key that is needed (S06)."""
    held = {key_id for key_id, _ in folder.key_ids}
    lost = store.read(lambda tx: key_use.lost(tx, held))
    if lost:
        names, need = ", ".join(key.id for key in lost), sum(key.alive for key in lost)
        raise CannotStart(
            f"keys {names} are missing in {settings.data}/keys, and {need} live tokens, "
            "API keys and sign-ins need them. Copy them from the machine where they were made, or "
            "restore them from your key backup; without them live tokens are dead."
        )


def is_set_up(settings: Settings) -> bool:
    """Whether the database holds an installation already."""
    store = open_store(settings, system_clock)
    try:
        if migrations.state(store) is migrations.SchemaState.EMPTY:
            return False
        return store.read(installation.installation_id) is not None
    finally:
        store.close()


def migrate(settings: Settings, *, check: bool) -> bool:
    """Bring the schema to this version's; True when it was, or with `check` would be, changed.

    Raises:
        CannotStart: the schema is from a version that this one does not know.
    """
    _there(settings)
    store = open_store(settings, system_clock)
    try:
        state = migrations.state(store)
        found = migrations.revision(store)
    finally:
        store.close()
    if state is migrations.SchemaState.UNKNOWN:
        raise CannotStart(f"the database has schema {found}, which this version does not know.")
    if state in (migrations.SchemaState.CURRENT, migrations.SchemaState.AHEAD):
        return False
    if not check:
        migrations.migrate(settings.database_url)
    return True


def _there(settings: Settings) -> None:
    """Keep a command in the wrong folder from making an empty database there."""
    datafolder.refuse_strangers(settings.data)
    if not settings.database and not settings.sqlite_path.exists():
        raise CannotStart(
            f"there is no Enlist in {settings.data}. Give its folder by --data or ENLIST_DATA, "
            "or make one: enlist init, or enlist serve."
        )
    if settings.database:
        _answers(settings)


def _answers(settings: Settings) -> None:
    """Say at once why PostgreSQL refuses; its pool would try for ten seconds and not say it."""
    try:
        inspect_postgres(settings.database, system_clock).close()
    except ImportError:
        return  # said where the store is opened
    except StoreUnavailable as error:
        owner = datafolder.owner_name(settings.data)
        if owner == datafolder.user_name(os.geteuid()):
            raise
        raise StoreUnavailable(
            f"{error}. It may know {owner} only; run this as: sudo -u {owner} enlist …"
        ) from error


@contextmanager
def opened(settings: Settings, *, older: bool = False) -> Iterator[Installation]:
    """An existing installation, for a command beside a running server (ruling 18).

    Args:
        older: see `open_installation`.
    """
    settings, channels = as_told(settings)
    _there(settings)
    found = open_installation(settings, beginning=None, channels=channels, older=older)
    try:
        yield found
    finally:
        found.close()
