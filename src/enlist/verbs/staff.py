"""Rights and access of people: roles, passwords, sign-ins.

Roles are dangerous: they take a fresh proof, nobody gives more than he holds, and the last
administrator of the top organization keeps his.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.access import Login, RoleAssignment
from enlist.core.caller import Caller, CallerKind
from enlist.core.events import Happening
from enlist.core.model import Organization, User, UserState
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission, Role, held_at
from enlist.core.secrets import Secret
from enlist.store import events, limits, logins, password_links, roles, sign_ins, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.caps import over_cap
from enlist.verbs.channels import EMAIL, reached
from enlist.verbs.driver import QuickVerb, Tools, Try, Verb
from enlist.verbs.finding import beyond, organization_named, user_named
from enlist.verbs.own_roles import AnyRole, role_at, unchanged
from enlist.verbs.password_links import LIFETIME, STAFF_LIFETIME, Posted, prepare, send
from enlist.verbs.rights import fresh, missing
from enlist.verbs.tries import all_counts, counted_by, sign_in_try
from enlist.verbs.users import editable_user, last_administrator


@dataclass(frozen=True, slots=True)
class Assigning:
    """Who shall hold, or lose, which role where."""

    user: User
    organization: Organization
    role: AnyRole

    @property
    def data(self) -> dict[str, str]:
        return {
            **self.role.told,
            "on": self.organization.id,
            "group_id": self.organization.group_id,
        }


class _Assigning(QuickVerb[Assigning, tuple[RoleAssignment, ...]]):
    """What GrantRole and WithdrawRole share: finding all three, and the rules about them."""

    user: str
    organization: str
    role: str

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Assigning | Refusal:
        place = organization_named(tx, caller, self.organization, Permission.ROLES_EDIT)
        if isinstance(place, Refusal):
            return place
        role = role_at(tx, place, self.role)
        if isinstance(role, Refusal):
            return role
        user = user_named(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        refusal = fresh(caller, tx.now) or beyond(tx, caller, user.id, user.subjects)
        if refusal is not None:
            return refusal
        if not role.permissions <= held_at(caller.rights, place.path):
            return Refusal("forbidden", about=user.subjects, reason="more than he holds himself")
        return Assigning(user, place, role)


@dataclass(frozen=True)
class GrantRole(_Assigning):
    """Give a user a role on an organization and below. Answers all roles that he holds then.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`.
    """

    user: str
    organization: str
    role: str

    name = "grant_role"

    def apply(
        self, tx: Tx, caller: Caller, ready: Assigning
    ) -> Done[tuple[RoleAssignment, ...]] | Refusal:
        user = ready.user
        if users.find(tx, user.id) is None or not unchanged(tx, ready.role):
            raise ConcurrentChange
        if roles.grant(tx, user.id, ready.organization.id, ready.role.key):
            personal = {"user": user.username}
            happening = Happening("role.granted", user.subjects, ready.data, personal)
            events.record(tx, caller, happening)
        return Done(tuple(roles.of_user(tx, user.id)))


@dataclass(frozen=True)
class WithdrawRole(_Assigning):
    """Take a role from a user. Answers the roles that are left.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`,
    `last_administrator`.
    """

    user: str
    organization: str
    role: str

    name = "withdraw_role"

    def apply(
        self, tx: Tx, caller: Caller, ready: Assigning
    ) -> Done[tuple[RoleAssignment, ...]] | Refusal:
        user, place = ready.user, ready.organization
        top = place.parent_id is None and ready.role.key == Role.ADMINISTRATOR
        if top and last_administrator(tx, user.id):
            return Refusal("last_administrator", about=user.subjects)
        if roles.withdraw(tx, user.id, place.id, ready.role.key):
            personal = {"user": user.username}
            happening = Happening("role.revoked", user.subjects, ready.data, personal)
            events.record(tx, caller, happening)
        return Done(tuple(roles.of_user(tx, user.id)))


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose password is set, and by whom. `login` is set where it is the caller's own.

    Attributes:
        counts: what tries at his old password were counted by.
        counted_by: what the present try with it is counted by, where it is the caller's own.
        roles: what he held when it was decided who may set it.
    """

    user: User
    counts: tuple[str, ...]
    login: Login | None = None
    counted_by: str = ""
    roles: tuple[RoleAssignment, ...] = ()


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A hashed password, ready to be stored."""

    whose: Whose
    password_hash: str


@dataclass(frozen=True)
class SetPassword(Verb[Whose, NewPassword, int]):
    """Set a password: one's own with the present one, somebody else's as staff.

    His other sign-ins end; answers how many.

    Attributes:
        user: id or user name; "" for the caller himself.
        current: the present password, needed for one's own.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `password_too_short`,
    `validation_failed`, `sign_in_failed`, `sign_in_delayed`.
    """

    user: str
    password: Secret
    current: Secret | None = None

    name = "set_password"
    hashes = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Whose | Refusal:
        own = users.find(tx, caller.id) if caller.kind is CallerKind.USER and caller.id else None
        if own is not None and self.user in ("", own.id, own.username):
            if self.current is None:
                return invalid("current", "enter your present password")
            weak = fields.weak(self.password)
            return weak or _whose_own(tools, tx, caller, own)
        found = editable_user(tx, caller, self.user)
        if isinstance(found, Refusal):
            return found
        # Whoever can give himself the password of staff holds what staff holds.
        held = tuple(roles.of_user(tx, found.id))
        refusal = fresh(caller, tx.now) if held else None
        counts = all_counts(tx, found.id)
        return refusal or fields.weak(self.password) or Whose(found, counts, roles=held)

    def reserve(self, seen: Whose) -> Try | None:
        return None if seen.login is None else sign_in_try(seen.counted_by)

    def work(self, tools: Tools, caller: Caller, seen: Whose) -> NewPassword | Refusal:
        if not self._proved(tools, seen.login):
            return Refusal("sign_in_failed", reason="wrong password", about=seen.user.subjects)
        return NewPassword(seen, tools.passwords.hash(self.password))

    def apply(self, tx: Tx, caller: Caller, ready: NewPassword) -> Done[int] | Refusal:
        user, own = ready.whose.user, ready.whose.login is not None
        if not logins.set_password(tx, user.id, ready.password_hash):
            raise ConcurrentChange
        if not own and tuple(roles.of_user(tx, user.id)) != ready.whose.roles:
            raise ConcurrentChange  # who may set it was decided before he got that role
        for counted in ready.whose.counts:
            limits.forget_tries(tx, counted)
        password_links.end(tx, user.id)
        ended = sign_ins.end_all(tx, user.id, caller.sign_in_id if own else None)
        data = {"own": own, "sign_ins_ended": ended}
        personal = {"user": user.username}
        events.record(tx, caller, Happening("user.password_changed", user.subjects, data, personal))
        return Done(ended)

    def _proved(self, tools: Tools, login: Login | None) -> bool:
        """Whether the present password is right, where one's own is changed."""
        if login is None or self.current is None:
            return login is None
        return tools.passwords.verify(login.password_hash, self.current)


def _whose_own(tools: Tools, tx: Reader, caller: Caller, own: User) -> Whose:
    login = logins.by_id(tx, own.id)
    counts = all_counts(tx, own.id)
    return Whose(own, counts, login, counted_by(tools, tx, caller, own.username, login))


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who is sent a link, and how long it works."""

    user: User
    lifetime: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A password link that is on its way."""

    user: User
    expires_at: int


@dataclass(frozen=True)
class SendPasswordLink(Verb[Addressed, tuple[User, Posted], Sent]):
    """Send a user a link by which he sets his password himself; the one from before ends (A74).

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `email_missing`, `no_channel`,
    `recipient_cap_reached`; `conflict` for who is disabled, or whose password is kept elsewhere.
    """

    user: str

    name = "send_password_link"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Addressed | Refusal:
        found = editable_user(tx, caller, self.user)
        if isinstance(found, Refusal):
            return found
        held = roles.of_user(tx, found.id)
        refusal = fresh(caller, tx.now) if held else None
        user = refusal or _sendable(found) or reached(found, EMAIL, tools.channels)
        if isinstance(user, Refusal):
            return user
        return Addressed(user, STAFF_LIFETIME if held else LIFETIME)

    def work(self, tools: Tools, caller: Caller, seen: Addressed) -> tuple[User, Posted] | Refusal:
        user = seen.user
        return user, prepare(tools, user.id, user.organization_id, seen.lifetime)

    def apply(self, tx: Tx, caller: Caller, ready: tuple[User, Posted]) -> Done[Sent] | Refusal:
        user, posted = ready
        refusal = over_cap(tx, EMAIL, user.email, user.subjects, 0)
        if refusal is not None:
            return refusal
        effects = send(tx, caller, user, posted, "staff")
        if not effects:
            raise ConcurrentChange
        return Done(Sent(user, posted.link.expires_at), effects)


def _sendable(user: User) -> Refusal | None:
    if user.source != "basic":
        detail = "This user's password is kept elsewhere."
        return Refusal("conflict", detail=detail, about=user.subjects)
    if user.state is not UserState.ACTIVE:
        detail = "This user is disabled. Enable him first."
        return Refusal("conflict", detail=detail, about=user.subjects)
    return None


@dataclass(frozen=True)
class EndSignInsOf(QuickVerb[User, int]):
    """End every sign-in of somebody else; answers how many.

    Refusals: `not_found`, `forbidden`.
    """

    user: str

    name = "end_sign_ins_of"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        return editable_user(tx, caller, self.user)

    def apply(self, tx: Tx, caller: Caller, ready: User) -> Done[int] | Refusal:
        if users.find(tx, ready.id) is None:
            return missing("user", ready.subjects)
        ended = sign_ins.end_all(tx, ready.id)
        data, personal = {"ended": ended}, {"user": ready.username}
        events.record(tx, caller, Happening("sign_in.all_ended", ready.subjects, data, personal))
        return Done(ended)
