"""A small installation for tests of verbs: three organizations, a clock that tests move, people.

main ── acme ── labs
     └─ beta
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import SECOND
from enlist.core.ids import Id
from enlist.core.model import EventRow, Organization, User
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Role
from enlist.core.secrets import Secret
from enlist.pki.csr import Csr, parse
from enlist.settings import Settings, Smtp
from enlist.store import events, organizations, roles, users
from enlist.store.listing import PageRequest
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Query
from enlist.verbs.callers import host_caller
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import AnyVerb, View
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.organizations import AddOrganization
from enlist.verbs.passwords import Passwords
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.setup import Administrator, Beginning
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import AddUser
from enlist.verbs.views import ListOrganizations
from enlist.verbs.views_details import ShowDevice
from enlist.wiring.installation import Installation, open_installation

T = TypeVar("T")

START = 1_767_225_600 * SECOND
"""2026-01-01, noon somewhere: where every test's clock begins."""

ADMINISTRATOR = "root@example.com"
PASSWORD = Secret("correct horse battery")


STRANGER = Caller(CallerKind.STRANGER, address="192.0.2.7")


def request() -> Csr:
    """A certificate request for a fresh key."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = made.sign(key, hashes.SHA256())
    csr = parse(signed.public_bytes(serialization.Encoding.PEM))
    assert isinstance(csr, Csr)
    return csr


@dataclass
class Clock:
    """The present moment; each reading is a microsecond later, as in life."""

    now: int = START

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def forward(self, microseconds: int) -> None:
        self.now += microseconds


@dataclass
class World:
    """An installation, and short words for what tests do with it."""

    installation: Installation
    clock: Clock
    host: Caller
    organizations: dict[str, Organization] = field(default_factory=dict)
    _count: int = 0

    def perform(
        self, verb: AnyVerb[Any, Any, T], caller: Caller | None = None
    ) -> Done[T] | Refusal:
        return self.installation.driver.perform(verb, caller or self.host)

    def do(self, verb: AnyVerb[Any, Any, T], caller: Caller | None = None) -> T:
        """Perform a verb that must succeed."""
        outcome = self.perform(verb, caller)
        assert isinstance(outcome, Done), outcome
        return outcome.value

    def refused(self, verb: AnyVerb[Any, Any, Any], caller: Caller | None = None) -> Refusal:
        """Perform a verb that must be refused."""
        outcome = self.perform(verb, caller)
        assert isinstance(outcome, Refusal), outcome
        return outcome

    def see(self, view: View[T], caller: Caller | None = None) -> T:
        """Look at something that must be there."""
        shown = self.look(view, caller)
        assert not isinstance(shown, Refusal), shown
        return shown

    def look(self, view: View[T], caller: Caller | None = None) -> T | Refusal:
        return self.installation.driver.view(view, caller or self.host)

    def number(self) -> int:
        """A number that was not used yet, for names that must differ."""
        self._count += 1
        return self._count

    def add_organization(self, group_id: str, parent: str = "main") -> Organization:
        made = self.do(AddOrganization(parent, group_id, group_id.title()))
        self.organizations[group_id] = made
        return made

    def add_user(self, organization: str, username: str = "", **details: Any) -> User:
        username = username or f"user{self.number()}@example.com"
        return self.do(AddUser(organization, username, email=username, **details))

    def staff(self, role: Role, organization: str, username: str = "") -> Caller:
        """Somebody of an organization who holds a role there, freshly signed in."""
        username = username or f"{role.value}{self.number()}@example.com"
        user = self.add_user(organization, username)
        self.do(GrantRole(user.id, organization, role.value))
        return self.person(user.id)

    def person(self, user_id: Id) -> Caller:
        """A user as a caller who has just proved himself, with the rights he holds now."""

        def read(tx: Any) -> Caller:
            user = users.find(tx, user_id)
            assert user is not None
            return Caller(
                CallerKind.USER,
                id=user.id,
                name=user.username,
                rights=roles.rights(tx, user.id),
                home=user.organization_path,
                organization_id=user.organization_id,
                address="127.0.0.1",
                proved_at=self.clock.now,
            )

        return self.installation.store.read(read)

    def administrator(self) -> Caller:
        """The first administrator, at the top."""
        found = self.installation.store.read(lambda tx: users.by_username(tx, ADMINISTRATOR))
        assert found is not None
        return self.person(found.id)

    def register(self, user: User | str, organization: str = "") -> Issued:
        """A device for a user; the token is in the answer."""
        named = user if isinstance(user, str) else user.id
        details = DeviceDetails(f"device {self.number()}", "linux")
        return self.do(Register(organization, named, details, Delivery("none")))

    def enroll(self, issued: Issued) -> Any:
        """Redeem a token from some device on the network; answers what it hears."""
        assert issued.token is not None
        report = DeviceReport(platform="linux")
        return self.do(Redeem(Presented(token=issued.token), report, request()), STRANGER)

    def serial(self, device_id: Id) -> str:
        """The serial number of a device's newest certificate."""
        return self.see(ShowDevice(device_id)).credentials[0].serial

    def events(self, **filters: str) -> list[EventRow]:
        """Events of the whole installation, oldest first."""

        def read(tx: Any) -> list[EventRow]:
            root = organizations.root(tx)
            assert root is not None
            request = PageRequest(root.path, filters=filters, limit=500)
            page = events.page(tx, request)
            assert not isinstance(page, Refusal)
            return list(reversed(page.items))

        return self.installation.store.read(read)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table but the log: what a refused request must leave as it is."""
        return {
            name: sorted(
                (tuple(row.values()) for row in self.installation.store.read(_all_of(query))),
                key=repr,
            )
            for name, query in _TABLES.items()
        }


_TABLES = {
    name: Query(f"test.all_of.{name}", f"SELECT * FROM {name}")
    for name in (
        "organization",
        "organization_setting",
        "app_user",
        "role_assignment",
        "api_key",
        "sign_in",
        "device",
        "enrollment",
        "enrollment_secret",
        "attempt",
        "credential",
        "message",
        "idempotency",
    )
}


def _all_of(query: Query) -> Any:
    return lambda tx: tx.all(query)


def settings(folder: Path, database: str = "") -> Settings:
    return Settings(data=folder, database=database, smtp=Smtp(host="localhost"))


def make(where: Settings) -> None:
    """A fresh installation with its organizations, to be copied for each test."""
    world = open_world(where, Administrator(ADMINISTRATOR, PASSWORD), later=0)
    world.add_organization("acme")
    world.add_organization("labs", "acme")
    world.add_organization("beta")
    world.installation.close()


def open_world(
    where: Settings, administrator: Administrator | None = None, later: int = 3600 * SECOND
) -> World:
    """An installation, opened so much `later`: what is made is younger than what was copied."""
    clock = Clock()
    installation = open_installation(
        where,
        clock=clock,
        beginning=Beginning(administrator=administrator),
        passwords=Passwords(memory_kib=64, passes=1),
    )
    host = installation.store.read(lambda tx: host_caller(tx, "tester"))
    world = World(installation, clock, host)
    for found in world.see(ListOrganizations()).items:
        world.organizations[found.group_id] = found
    clock.forward(later)
    world.host = replace(host, address="")
    return world


def copy(template: Path, goal: Path) -> Path:
    shutil.copytree(template, goal)
    return goal
