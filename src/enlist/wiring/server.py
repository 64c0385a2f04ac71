"""The server: its processes, what each does, and the lines that are printed when it starts.

What the listeners speak is decided in `plan`, before there is more than one process.
"""

from __future__ import annotations

import fcntl
import functools
import os
import resource
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

import structlog

from enlist import __version__, datafolder
from enlist.core.caller import SYSTEM
from enlist.core.clock import system_clock
from enlist.core.counting import counted
from enlist.core.outcomes import Drop, Effect, Refusal, Send
from enlist.delivery.channels import MailboxChannel
from enlist.delivery.worker import Worker
from enlist.keyfolder import KeyFolder
from enlist.sessions.keeper import Keeper, Rhythm
from enlist.settings import Settings
from enlist.store.announcing import Of, Whose
from enlist.store.inspection import inspect_postgres
from enlist.store.tx import StoreUnavailable
from enlist.store.wakeups import Heard
from enlist.verbs.setup import InviteAdministrator
from enlist.verbs.starting import RecordStart
from enlist.web.app import device_application, web_application
from enlist.web.bell import Bell
from enlist.web.services import Services
from enlist.web.serving import serve as serve_listeners
from enlist.web.serving import supervise, survive_hangup
from enlist.wiring import alerts
from enlist.wiring.backend import at_this_machine
from enlist.wiring.background import Background
from enlist.wiring.beside import tell
from enlist.wiring.delivery import delivery_worker, sms_gateway
from enlist.wiring.expiry import ExpiryThread
from enlist.wiring.importer import Importer
from enlist.wiring.installation import (
    CannotStart,
    Installation,
    open_installation,
)
from enlist.wiring.janitor import Janitor
from enlist.wiring.keys import KeyWatch
from enlist.wiring.leavers import Leavers
from enlist.wiring.listener_key import AnotherKey, ShownKey
from enlist.wiring.listener_key import note as note_listener_key
from enlist.wiring.listening import listening
from enlist.wiring.logs import configure_logs
from enlist.wiring.missing_keys import MissingKeys
from enlist.wiring.plan import Plan, plan_listeners
from enlist.wiring.revocation_webhook import revocation_webhook
from enlist.wiring.sealer import SealerThread
from enlist.wiring.self_service import SelfServiceThread
from enlist.wiring.signers import Signers, spare_processors
from enlist.wiring.surroundings import Around
from enlist.wiring.syslog import syslog
from enlist.wiring.waves import WavesThread
from enlist.wiring.webhooks import WebhooksThread

_log = structlog.get_logger("enlist.server")
_AT_ONCE = 0.5
_MOST_FILES = 65_536
_LOCKING = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


@dataclass(slots=True)
class Workers:
    """Hands effects to whoever carries them out in this process."""

    delivery: Worker | None = None
    sessions: Keeper | None = None
    signers: Signers | None = None
    bell: Bell = field(default_factory=Bell)

    def hear(self, heard: Heard) -> None:
        """Somebody's sessions may have ended: what was revoked is news for others, too."""
        if self.sessions is not None:
            self.sessions.hear(heard)
        self.bell.ring()

    def __call__(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send() if self.delivery is not None:
                    self.delivery.wake()
                case Drop(device_id):
                    self.hear(Heard(frozenset({Whose(Of.DEVICE, device_id)})))
                case Send():
                    pass


def serve(settings: Settings, *, mailbox: bool = False, extra: Sequence[str] = ()) -> None:
    """Run the server until SIGINT or SIGTERM.

    Args:
        mailbox: keep messages in memory and show them at /demo/mailbox instead of sending them.
        extra: further lines to print once the server is ready.

    Raises:
        CannotStart: with one line that says what to do.
    """
    configure_logs(settings.log_level, settings.log_format)
    survive_hangup()
    _allow_many_connections()
    lock = _only_server(settings)
    workers = Workers()
    first = _open_first(settings, workers, mailbox=mailbox)
    try:
        plan = plan_listeners(settings, first)
        lines = [*_start_lines(settings, first, plan), *extra]
        tell(settings, first.tools.addresses, first.tools.channels, mailbox=mailbox)
        first.driver.perform(RecordStart(__version__), at_this_machine(first))
        note_listener_key(first)
        for line in lines:
            print(line, flush=True)  # noqa: T201 - these lines are the command's output
        if settings.workers == 1:
            _work(settings, plan, first, workers, mailbox=mailbox)
    finally:
        first.close()
    if settings.workers > 1:
        supervise(settings.workers, lambda _place: _forked(settings, plan))
    lock.close()


def _allow_many_connections() -> None:
    """Each connection is an open file; what a shell allows without being asked is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open_first(settings: Settings, after: Workers, *, mailbox: bool) -> Installation:
    """Open it, and say that PostgreSQL does not answer while there is still time to start it."""
    told = threading.Timer(_AT_ONCE, _tell_of_waiting, [settings.database])
    if settings.database:
        told.start()
    try:
        return _open(settings, after, mailbox=mailbox, reached=told.cancel)
    except StoreUnavailable as error:
        raise StoreUnavailable(_with_reason(error, settings)) from error
    finally:
        if settings.database:
            told.cancel()
            told.join()  # no thread is left where workers are forked


def _with_reason(error: StoreUnavailable, settings: Settings) -> str:
    """The pool says how long it tried, and not what PostgreSQL, or the network, answered."""
    if settings.database:
        try:
            inspect_postgres(settings.database, system_clock).close()
        except StoreUnavailable as why:
            return str(error) if str(why) in str(error) else f"{error}: {why}"
    return str(error)


def _tell_of_waiting(database: str) -> None:
    from enlist.store.addresses import place
    from enlist.store.postgres import CONNECTED_WITHIN

    _log.warning("waiting for the database", **place(database), seconds=CONNECTED_WITHIN)


def _open(
    settings: Settings,
    after: Workers,
    *,
    mailbox: bool,
    reached: Callable[[], None] = lambda: None,
) -> Installation:
    channels = frozenset({"email"}) if mailbox else None
    signing = after.signers = Signers(settings.data, spare_processors(settings.workers))
    return open_installation(
        settings, after=after, channels=channels, signing=signing, reached=reached
    )


def _forked(settings: Settings, plan: Plan) -> None:
    """One process of several: its own connections, the shared sockets."""
    workers = Workers()
    installation = _open(settings, workers, mailbox=False)
    try:
        _work(settings, plan, installation, workers, mailbox=False)
    finally:
        installation.close()


def _work(
    settings: Settings, plan: Plan, installation: Installation, workers: Workers, *, mailbox: bool
) -> None:
    """What a process does until it is told to stop: serve, deliver, sweep, seal."""
    box = MailboxChannel() if mailbox else None
    workers.delivery = delivery_worker(installation, settings, box)
    keeper = workers.sessions = Keeper(installation.driver, _rhythm(settings))
    missing = MissingKeys(installation.store, settings.data, installation.tools.clock)
    shown = ShownKey(installation.tools.addresses.device_url, installation.tools.listener)
    beside = _beside(settings, plan, installation, workers, missing, shown)
    for each in beside:
        each.start()
    services = Services(
        driver=installation.driver,
        store=installation.store,
        trusted_proxies=tuple(settings.trusted_proxy),
        proxy_header=settings.proxy_header,
        metrics_from=tuple(settings.metrics_from),
        mailbox=box,
        sms_gateway=None if mailbox else sms_gateway(settings),
        sessions=keeper,
        bell=workers.bell,
        version=__version__,
        own_ca=plan.own_ca,
        why_not_ready=lambda: missing.why_not_ready() or shown.why_not_ready(),
        surroundings=Around(settings, plan.line, mailbox=mailbox),
    )
    apps = [
        (web_application(services), plan.web),
        (device_application(services), plan.device),
    ]
    try:
        serve_listeners(apps, workers.bell.stop)
    finally:
        workers.delivery.stop()
        keeper.stop()
        if workers.signers is not None:
            workers.signers.stop()
        for each in beside:
            each.stop()


def _beside(
    settings: Settings, plan: Plan, installation: Installation, workers: Workers, *more: Background
) -> tuple[Background, ...]:
    """What a process does beside serving, in the order of its start."""

    def taken_up(folder: KeyFolder) -> None:
        installation.take_up(folder)
        if plan.device.tls is not None:
            plan.device.tls.trust_anew()

    return (
        Janitor(installation.driver),
        ExpiryThread(installation.driver),
        Importer(installation.driver, installation.store),
        Leavers(installation.driver),
        WavesThread(installation.driver, installation.store),
        SelfServiceThread(installation.driver, installation.store),
        KeyWatch(settings.data, installation.tools.clock, taken_up),
        *more,
        AnotherKey(installation, settings.data),
        *listening(installation.store, settings, workers.hear),
        *revocation_webhook(installation.driver, settings),
        *syslog(installation.driver, settings),
        WebhooksThread(installation.driver, settings.outbound_allowed),
        alerts.AlertsThread(installation.driver, functools.partial(alerts.machine, settings)),
        SealerThread(installation.log),  # stopped last: what the others did is sealed with the rest
    )


def _rhythm(settings: Settings) -> Rhythm:
    return Rhythm(
        heartbeat=settings.session_heartbeat,
        longest=settings.session_hours * 3600,
        most=settings.sessions_per_device,
    )


def _only_server(settings: Settings) -> IO[str]:
    """Refuse a second server on one SQLite folder; other commands may run beside it (ruling 18)."""
    datafolder.refuse_strangers(settings.data)
    datafolder.make(settings.data)
    path = settings.data / "server.lock"
    try:
        lock = os.fdopen(os.open(path, _LOCKING, 0o600), "a+")
    except PermissionError as error:
        raise datafolder.not_for_this_user(path, settings.data, "write") from error
    except OSError as error:
        raise CannotStart(f"{path} cannot be opened: {error.strerror}. Move it away.") from error
    # Else the server that runs as the folder's user could not start after one that root started.
    datafolder.hand_over_open(lock.fileno(), settings.data)
    if not settings.database:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            who = lock.read().strip()
            raise CannotStart(
                f"another Enlist server (process {who}) uses {settings.data}. "
                "Stop it, or give another folder by --data, or use PostgreSQL for several servers."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
    return lock


def _start_lines(settings: Settings, installation: Installation, plan: Plan) -> list[str]:
    where = installation.tools.addresses
    database = "PostgreSQL" if settings.database else f"SQLite in {settings.data}"
    processes = counted(settings.workers, "process", "processes")
    lines = [
        f"Enlist {__version__} on {database}, {processes}",
        f"  people   {where.public_url}  ({plan.line})",
        f"  devices  {where.device_url}  (TLS, client certificates of Enlist's CA)",
    ]
    if plan.own_ca:
        lines.append(f"  own CA   {plan.own_ca}  (the fingerprint that people and devices compare)")
    if not installation.tools.channels:
        lines.append("  mail     not set up: give ENLIST_SMTP_HOST to send registration tokens")
    invited = installation.driver.perform(InviteAdministrator(), SYSTEM)
    if not isinstance(invited, Refusal) and invited.value is not None:
        link = f"{where.public_url}/setup#t={invited.value.reveal()}"
        lines += ["", "There is no administrator yet. Open this link once, within 24 hours:", link]
    return lines
