"""An Enlist to test against, on each store, and the words in which tests speak to it.

`enlist` is an installation opened on a database of its own, copied from a template that is made
once per process. Its clock stands still until a test moves it, its passwords are cheap, nothing
runs in the background. A test that takes it runs twice: on SQLite and on PostgreSQL.

    ticket = enlist.register("ada")
    assert code(enlist.redeem(ticket.token)) == "done"
"""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import HOUR, MINUTE, SECOND, from_datetime
from enlist.core.model import (
    Organization,
    User,
)
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Role
from enlist.core.secrets import Secret
from enlist.pki.csr import Csr
from enlist.settings import Settings, Smtp
from enlist.store import (
    roles,
    users,
)
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import DeviceReport
from enlist.verbs.begin import Begin, Begun, Cancel, Check, Purpose
from enlist.verbs.callers import host_caller
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import AnyVerb, Driver, View
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.organizations import AddOrganization, ChangeSettings
from enlist.verbs.passwords import Passwords
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Issue, Register
from enlist.verbs.reissue import Reissue, Resend, Revoke
from enlist.verbs.repeating import Enrolled
from enlist.verbs.setup import Administrator, Beginning
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import AddUser
from enlist.wiring.installation import Installation, open_installation
from tests.peers.base import DEADLINE
from tests.peers.postgres import Cluster
from tests.records import Records
from tests.requests import csr

T = TypeVar("T")
Value = TypeVar("Value")
Outcome = Done[Value] | Refusal
Login = tuple[str, str]

START: Final = from_datetime(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
FOUNDED: Final = START - MINUTE
"""When the template was made: what a test makes is younger, also by its ids."""

PASSWORD: Final = "correct horse battery"
ADMINISTRATOR: Final = "root@example.com"
SHOWN: Final = Delivery("none")
MAILED: Final = Delivery("email")


class SettableClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(
        self, *, hours: int = 0, minutes: int = 0, seconds: int = 0, microseconds: int = 0
    ) -> None:
        """Let time pass."""
        self.now += hours * HOUR + minutes * MINUTE + seconds * SECOND + microseconds


def code(outcome: object) -> str:
    """How a verb ended, as a word: `done`, or the refusal's code."""
    return outcome.code if isinstance(outcome, Refusal) else "done"


def done(outcome: Outcome[Value]) -> Value:
    """What a verb answered; the test fails where it refused."""
    assert isinstance(outcome, Done), outcome
    return outcome.value


def refusal(outcome: object) -> Refusal:
    """Why a verb refused; the test fails where it did not."""
    assert isinstance(outcome, Refusal), outcome
    return outcome


@dataclass(frozen=True)
class Ticket:
    """An issued enrollment, with the token that was shown for it."""

    device_id: str
    enrollment_id: str
    token: Secret
    generation: int
    expires_at: int


@dataclass
class Enlist(Records):
    """An opened installation, and what tests do with it."""

    settings: Settings
    clock: SettableClock
    _addresses: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _open: ExitStack = field(default_factory=ExitStack)
    _pool: ThreadPoolExecutor | None = None

    # --- the parts ------------------------------------------------------------------------

    @property
    def driver(self) -> Driver:
        return self.installation.driver

    @cached_property
    def host(self) -> Caller:
        """Whoever sits at the machine: he may do everything. Most verbs of a test are his."""
        return self.store.read(lambda tx: host_caller(tx, "root"))

    def again(self) -> Enlist:
        """The same installation, opened once more beside this one: another process, nearly."""
        other = _open(self.settings, self.clock)
        self._open.callback(other.close)
        return Enlist(other, self.settings, self.clock, self._addresses)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._open.close()
        self.installation.close()

    # --- who asks -------------------------------------------------------------------------

    def stranger(self, address: str = "") -> Caller:
        """Somebody unknown, from an address of his own: the throttle counts per address."""
        number = next(self._addresses)
        fresh = f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return Caller(CallerKind.STRANGER, address=address or fresh, user_agent="test")

    def staff(self, role: str, organization: str = "", username: str = "") -> Caller:
        """A user who holds a role, and has proved himself by password just now."""
        place = organization or self.root.group_id
        user = self.user(username or f"{role}-{next(self._addresses)}", organization=place)
        self.do(GrantRole(user.id, place, Role(role).value))
        return self.caller(user)

    def caller(self, user: User) -> Caller:
        """A user as he comes with a fresh sign-in: with the rights that he has now."""
        return Caller(
            CallerKind.USER,
            id=user.id,
            name=user.username,
            rights=self.store.read(lambda tx: roles.rights(tx, user.id)),
            home=user.organization_path,
            organization_id=user.organization_id,
            address=self.stranger().address,
            proved_at=self.clock.now,
        )

    # --- doing ----------------------------------------------------------------------------

    def perform(
        self, verb: AnyVerb[Any, Any, Value], caller: Caller | None = None
    ) -> Outcome[Value]:
        """Run a verb, as the host unless somebody else is named."""
        return self.driver.perform(verb, caller or self.host)

    def do(self, verb: AnyVerb[Any, Any, Value], caller: Caller | None = None) -> Value:
        """Run a verb that must succeed."""
        return done(self.perform(verb, caller))

    def see(self, view: View[Value], caller: Caller | None = None) -> Value:
        """What there is to see, for the host unless somebody else is named."""
        found = self.driver.view(view, caller or self.host)
        assert not isinstance(found, Refusal), found
        return found

    def organization(self, group_id: str, parent: str = "", **settings: object) -> Organization:
        """A new organization, with settings of its own."""
        made = self.do(AddOrganization(parent, group_id, group_id.title()))
        if settings:
            self.set(group_id, **settings)
        return made

    def set(self, organization: str = "", /, **change: object) -> None:
        """Change an organization's settings; the root's where none is named."""
        self.do(ChangeSettings(organization or self.root.id, change))

    def user(
        self,
        username: str = "ada",
        *,
        organization: str = "",
        password: str = PASSWORD,
        email: str | None = None,
    ) -> User:
        """A new user, with a password and an e-mail address."""
        address = f"{username}@example.com" if email is None else email
        secret = Secret(password) if password else None
        return self.do(AddUser(organization or self.root.id, username, address, password=secret))

    def register(
        self,
        user: str = "ada",
        *,
        name: str = "laptop",
        platform: str = "linux",
        organization: str = "",
        expires_at: int | None = None,
    ) -> Ticket:
        """Register a device for a user, who is added when there is none of that name."""
        if self.store.read(lambda tx: users.by_username(tx, user)) is None:
            self.user(user, organization=organization)
        details = DeviceDetails(name, platform)
        return _ticket(self.do(Register(organization, user, details, SHOWN, expires_at)))

    def issue(self, device_id: str) -> Ticket:
        """A new enrollment for a registered device."""
        return _ticket(self.do(Issue(device_id, SHOWN)))

    def reissue(self, enrollment_id: str, expires_at: int | None = None) -> Ticket:
        """The next generation of an enrollment's token."""
        return _ticket(self.do(Reissue(enrollment_id, SHOWN, expires_at)))

    def resend(self, enrollment_id: str) -> Outcome[str]:
        return self.perform(Resend(enrollment_id))

    def revoke(self, enrollment_id: str) -> Outcome[None]:
        return self.perform(Revoke(enrollment_id))

    # --- presenting -----------------------------------------------------------------------

    def check(
        self,
        token: Secret | str | None = None,
        *,
        login: Login | None = None,
        group_id: str = "",
        platform: str = "linux",
        caller: Caller | None = None,
    ) -> Outcome[Purpose]:
        """Ask what a token is for."""
        presented = _presented(token, login, group_id)
        report = DeviceReport(platform=platform)
        return self.perform(Check(presented, report), caller or self.stranger())

    def begin(
        self,
        token: Secret | str | None = None,
        *,
        login: Login | None = None,
        group_id: str = "",
        platform: str = "linux",
        caller: Caller | None = None,
    ) -> Outcome[Begun]:
        """Open an attempt."""
        presented = _presented(token, login, group_id)
        report = DeviceReport(platform=platform)
        verb = Begin(presented, report)
        return self.perform(verb, caller or self.stranger())

    def cancel(self, attempt_id: str, code: Secret, caller: Caller | None = None) -> Outcome[None]:
        return self.perform(Cancel(attempt_id, code), caller or self.stranger())

    def redeem(
        self,
        token: Secret | str | None = None,
        *,
        key: int | Csr | Refusal | None = 0,
        login: Login | None = None,
        group_id: str = "",
        platform: str = "linux",
        report: DeviceReport | None = None,
        attempt_id: str | None = None,
        idempotency: IdempotencyKey | None = None,
        caller: Caller | None = None,
        accepts: str = "",
    ) -> Outcome[Enrolled]:
        """Enroll a device. `key` numbers the device's key; None brings no request at all."""
        request = csr(key) if isinstance(key, int) else key
        verb = Redeem(
            replace(_presented(token, login, group_id), accepts=accepts),
            report or DeviceReport(platform=platform),
            request,
            idempotency,
            attempt_id,
        )
        return self.perform(verb, caller or self.stranger())

    def together(self, functions: Sequence[Callable[[], T]]) -> list[T]:
        """Run all at the same moment, each in a thread of its own; answers in the same order."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(32, thread_name_prefix="contender")
        barrier = threading.Barrier(len(functions), timeout=DEADLINE)

        def run(function: Callable[[], T]) -> T:
            barrier.wait()
            return function()

        return list(self._pool.map(run, functions))


def _presented(token: Secret | str | None, login: Login | None, group_id: str) -> Presented:
    username, password = login or ("", "")
    return Presented(
        Secret(token) if isinstance(token, str) else token,
        group_id,
        username,
        Secret(password) if login else None,
    )


def _ticket(issued: Issued) -> Ticket:
    assert issued.token is not None
    return Ticket(
        issued.device_id,
        issued.enrollment_id,
        issued.token,
        issued.generation,
        issued.expires_at,
    )


def cheap_passwords() -> Passwords:
    """Argon2id with the smallest parameters: tests are not about its cost."""
    return Passwords(memory_kib=64, passes=1)


def _open(settings: Settings, clock: SettableClock) -> Installation:
    return open_installation(
        settings,
        clock=clock,
        beginning=Beginning(administrator=Administrator(ADMINISTRATOR, Secret(PASSWORD))),
        passwords=cheap_passwords(),
    )


def settings_for(data: Path, database: str = "") -> Settings:
    """Settings of an installation in this folder, with a mail server named but never spoken to."""
    return Settings(data=data, database=database, smtp=Smtp(host="mail.example.com"))


@pytest.fixture(scope="session")
def template_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with keys and a founded SQLite database; to be copied, never opened."""
    folder = tmp_path_factory.mktemp("template") / "data"
    _open(settings_for(folder), SettableClock(FOUNDED)).close()
    return folder


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))],
)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Each store in turn."""
    return str(request.param)


@pytest.fixture
def settings(
    store_kind: str, template_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Settings]:
    """Settings of a founded installation of this test's own, with the template's keys."""
    folder = tmp_path / "data"
    if store_kind == "sqlite":
        shutil.copytree(template_folder, folder)
        yield settings_for(folder)
        return
    shutil.copytree(template_folder, folder, ignore=shutil.ignore_patterns("*.sqlite3*"))
    cluster: Cluster = request.getfixturevalue("postgres")

    def found(url: str) -> None:
        _open(settings_for(folder, url), SettableClock(FOUNDED)).close()

    url = cluster.clone("enlist", found)
    yield settings_for(folder, url)
    cluster.drop(url)


@pytest.fixture
def clock() -> SettableClock:
    """A clock that the test moves."""
    return SettableClock()


def opened_on(settings: Settings, clock: SettableClock) -> Enlist:
    """An installation opened, or made on an empty database."""
    return Enlist(_open(settings, clock), settings, clock)


@pytest.fixture
def enlist(settings: Settings, clock: SettableClock) -> Iterator[Enlist]:
    """An installation on each store, opened; see the module."""
    opened = opened_on(settings, clock)
    yield opened
    opened.close()
