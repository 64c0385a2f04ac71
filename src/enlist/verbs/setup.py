"""Setting up: an empty database becomes an installation, and gets its first administrator.

`SetUp` makes the installation and its top organization. The first administrator comes either
with it (`enlist init`), or through a one-time link that the server prints while there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.clock import DAY
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization, User, UserState
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import Role
from enlist.core.secrets import Digest, Kind, Secret, random_secret
from enlist.store import events, installation, organizations, roles, setup_links, users
from enlist.store.tx import Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import Tools, Verb

SETUP_LINK_LIFETIME = DAY


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who administers first. His user name is his e-mail address (ruling 33)."""

    email: str
    password: Secret

    def problems(self) -> tuple[FieldError, ...]:
        """What is wrong with it, field by field."""
        errors = []
        if "@" not in self.email.strip("@") or len(self.email) > 254 or " " in self.email:
            errors.append(FieldError("email", "must be an e-mail address"))
        weak = fields.weak(self.password)
        return (*errors, *weak.fields) if weak else tuple(errors)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an installation begins with.

    Attributes:
        organization: the name of the top organization; "" where nobody has said it yet.
    """

    organization: str = ""
    group_id: str = "main"
    administrator: Administrator | None = None

    def problems(self) -> tuple[FieldError, ...]:
        """What is wrong with it, field by field."""
        read = fields.Fields()
        read.read("organization", self.organization or "My organization", fields.label)
        read.read("group_id", self.group_id, fields.group_id)
        administrator = self.administrator.problems() if self.administrator else ()
        return (*read.errors, *administrator)


@dataclass(frozen=True, slots=True)
class Founding:
    """What is to be written, the password hashed."""

    organization: Organization
    administrator: User | None
    password_hash: str | None


@dataclass(frozen=True)
class SetUp(Verb[bool, Founding, Organization]):
    """Make an installation of an empty database.

    Refusals: `conflict` when it is one already, `validation_failed`.
    """

    installation_id: Id
    key_ids: tuple[tuple[str, str], ...]
    beginning: Beginning

    name = "set_up"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> bool | Refusal:
        if installation.installation_id(tx) is not None:
            return Refusal("conflict", detail="This database is set up already.")
        errors = self.beginning.problems()
        # Counted only: there is no log yet that it could stand in.
        return Refusal("validation_failed", fields=errors, counted_only=True) if errors else True

    def work(self, tools: Tools, caller: Caller, seen: bool) -> Founding | Refusal:
        now, begin = tools.clock(), self.beginning
        root_id = new_id(now)
        name, path = begin.organization or "My organization", f"{root_id}/"
        root = Organization(root_id, None, begin.group_id, name, path, "", "", now)
        if begin.administrator is None:
            return Founding(root, None, None)
        hashed = tools.passwords.hash(begin.administrator.password)
        return Founding(root, _administrator(begin.administrator, root, now), hashed)

    def apply(self, tx: Tx, caller: Caller, ready: Founding) -> Done[Organization] | Refusal:
        installation.create(tx, self.installation_id)
        for key_id, purpose in self.key_ids:
            installation.add_key(tx, key_id, purpose)
        organizations.insert(tx, ready.organization)
        about = Subjects(ready.organization.id)
        events.record(tx, caller, Happening("installation.created", about))
        if ready.administrator is not None:
            _add_administrator(tx, caller, ready.administrator, ready.password_hash)
        return Done(ready.organization)

    def clash(self, index: str) -> Refusal | None:
        return Refusal("conflict", detail="This database is being set up by another process.")


@dataclass(frozen=True)
class InviteAdministrator(Verb[bool, tuple[Secret, Digest], Secret | None]):
    """A one-time link for the first administrator; None once there is one. Older links end."""

    name = "invite_administrator"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> bool | Refusal:
        return True

    def work(self, tools: Tools, caller: Caller, seen: bool) -> tuple[Secret, Digest] | Refusal:
        link = random_secret()
        return link, tools.keys.digest(Kind.SETUP_LINK, link)

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[Secret, Digest]
    ) -> Done[Secret | None] | Refusal:
        if roles.administrators(tx):
            return Done(None)
        link, digest = ready
        setup_links.put(tx, digest, tx.now + SETUP_LINK_LIFETIME)
        return Done(link)


@dataclass(frozen=True, slots=True)
class Invited:
    """A set-up link that works, and the organization to administer."""

    digest: bytes
    root: Organization


@dataclass(frozen=True, slots=True)
class Taking:
    """A set-up link about to be used, and by whom."""

    invited: Invited
    user: User
    password_hash: str


@dataclass(frozen=True)
class UseSetupLink(Verb[Invited, Taking, User]):
    """The first administrator sets himself up with the printed link.

    Refusals: `setup_link_invalid`, `validation_failed`.
    """

    link: Secret
    administrator: Administrator
    name_of_organization: str = ""

    name = "use_setup_link"
    refused_as = "sign_in.refused"
    throttled = True
    hashes = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Invited | Refusal:
        digest = setup_links.living(tx, tools.keys.digests(Kind.SETUP_LINK, self.link))
        root = organizations.root(tx)
        if digest is None or root is None:
            return Refusal("setup_link_invalid", reason="unknown, used or over")
        errors = self.administrator.problems()
        if errors:
            return Refusal("validation_failed", fields=errors, holder=True)
        return Invited(digest, root)

    def work(self, tools: Tools, caller: Caller, seen: Invited) -> Taking | Refusal:
        user = _administrator(self.administrator, seen.root, tools.clock())
        return Taking(seen, user, tools.passwords.hash(self.administrator.password))

    def apply(self, tx: Tx, caller: Caller, ready: Taking) -> Done[User] | Refusal:
        roles.lock_administrators(tx)
        if roles.administrators(tx) or not setup_links.use(tx, ready.invited.digest):
            return Refusal("setup_link_invalid", reason="somebody else was first")
        _add_administrator(tx, caller, ready.user, ready.password_hash)
        root, name = ready.invited.root, self.name_of_organization.strip()
        if name:
            organizations.change(
                tx, root.id, name=name, time_zone=root.time_zone, language=root.language
            )
        return Done(ready.user)

    def clash(self, index: str) -> Refusal | None:
        return Refusal("username_taken")


def _administrator(administrator: Administrator, root: Organization, now: int) -> User:
    return User(
        id=new_id(now),
        organization_id=root.id,
        organization_path=root.path,
        group_id=root.group_id,
        username=administrator.email.strip(),
        email=administrator.email.strip(),
        phone="",
        first_name="",
        last_name="",
        source="basic",
        state=UserState.ACTIVE,
        time_zone="",
        language="",
        created_at=now,
        has_password=True,
    )


def _add_administrator(tx: Tx, caller: Caller, user: User, password_hash: str | None) -> None:
    users.insert(tx, user, password_hash)
    roles.grant(tx, user.id, user.organization_id, Role.ADMINISTRATOR)
    about = user.subjects
    personal = {"user": user.username, "email": user.email}
    events.record(tx, caller, Happening("user.created", about, {}, personal))
    data = {"role": Role.ADMINISTRATOR.value, "group_id": user.group_id}
    events.record(tx, caller, Happening("role.granted", about, data, personal))
