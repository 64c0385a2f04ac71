"""Who gets in, and with which rights: sign-ins, roles that are held, API keys. Values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from enlist.core.ids import Id
from enlist.core.model import stands_at
from enlist.core.outcomes import Subjects
from enlist.core.permissions import Permission, Right, Role, held_at, rights_of_key


@dataclass(frozen=True, slots=True)
class Login:
    """What the store knows of the user who is trying to sign in; None hash for no password."""

    user_id: Id
    organization_id: Id
    organization_path: str
    username: str
    active: bool
    password_hash: str | None
    authorized: tuple[Id, ...] = ()

    def may_have_at(self, path: str) -> bool:
        """Whether a device of his may be in the organization at `path`."""
        return stands_at(path, self.organization_path, self.authorized)

    @property
    def subjects(self) -> Subjects:
        """What an event about this user is about."""
        return Subjects(self.organization_id, self.user_id)


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of the login that somebody gave beside a token or Group ID.

    Attributes:
        presented: a user name and password were given at all.
        user_id: who he is, when both were right and the account is active.
        failure: what was wrong, for the log alone.
    """

    presented: bool
    user_id: Id | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person's login, kept on the server so that it can be listed and ended.

    Attributes:
        factor_at: when a second factor was proved beside the password; None for never.
    """

    id: Id
    user_id: Id
    started_at: int
    last_seen_at: int
    proved_at: int
    expires_at: int
    ended_at: int | None
    address: str
    user_agent: str
    factor_at: int | None = None


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role that a user holds on an organization and below.

    Attributes:
        role: the name of a built-in role, or the id of an own one; `name` is for people.
        needs_factor: whoever holds it needs a second factor.
    """

    user_id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    role: str
    name: str
    permissions: frozenset[Permission]
    needs_factor: bool = False

    @property
    def told(self) -> dict[str, str]:
        """What events name; the id of an own role as well, because its name may change."""
        return {"role": self.name, **({} if self.role == self.name else {"role_id": self.role})}


@dataclass(frozen=True, slots=True)
class OwnRole:
    """A role that an organization put together; it can be given there and below.

    Attributes:
        held: how often it is held.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    name: str
    description: str
    permissions: frozenset[Permission]
    created_at: int
    version: int = 1
    held: int = 0

    @property
    def subjects(self) -> Subjects:
        """What an event about this role is about."""
        return Subjects(self.organization_id)


class InForce(StrEnum):
    """How much of an API key's rights its maker still holds, and so the key."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, without its secret. `public_id` is the readable part of the key.

    Attributes:
        creator_id: the user whose rights bound it; None for keys made at the server's machine.
        rights: what it may do now, unless it was revoked or has expired: what was given to it,
            as far as its maker still holds that himself.
    """

    id: Id
    public_id: str
    name: str
    organization_id: Id
    organization_path: str
    group_id: str
    role: Role
    permissions: tuple[str, ...]
    addresses: tuple[str, ...]
    created_at: int
    created_by: str
    creator_id: Id | None
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    last_used_from: str
    rights: tuple[Right, ...]

    @property
    def in_force(self) -> InForce:
        """How much of what was given to it is left."""
        if not self.rights:
            return InForce.NONE
        (given,) = rights_of_key(self.organization_path, self.role, self.permissions, None)
        whole = given.permissions <= held_at(self.rights, self.organization_path)
        return InForce.ALL if whole else InForce.SOME
