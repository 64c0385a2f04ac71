"""People: adding, changing, disabling and deleting them.

Who holds roles is edited only by those who may edit roles, and by nobody with fewer rights
(S51). The last administrator can be neither disabled nor deleted; both take the same lock, so
that two of them cannot remove each other at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization, Staging, User, UserState
from enlist.core.outcomes import Done, Drop, Effect, FieldError, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.secrets import Secret
from enlist.store import (
    credentials,
    device_moves,
    endings,
    enrollments,
    events,
    organizations,
    password_links,
    roles,
    saved_views,
    second_factors,
    sign_ins,
    users,
)
from enlist.store import notices as stored_notices
from enlist.store.notices import Notice
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields, notices
from enlist.verbs import password_links as links
from enlist.verbs.caps import over_cap
from enlist.verbs.channels import EMAIL, reached
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.editing import before_and_after, edited_since, read_changes
from enlist.verbs.fields import Fields
from enlist.verbs.finding import beyond, organization_named, user_named
from enlist.verbs.idempotent import Again
from enlist.verbs.password_links import Posted
from enlist.verbs.rights import fresh, lacks

EDITABLE: Final = (
    "username",
    "email",
    "phone",
    "first_name",
    "last_name",
    "time_zone",
    "language",
    "staging",
)
CONTACT: Final = ("email", "phone")
"""Where messages reach a user: locked for himself once a token enrolled a device of his (A21)."""
OWN: Final = ("first_name", "last_name", "time_zone", "language", *CONTACT)
"""What everybody may change of himself."""

_CHECKS: Final = {
    "username": fields.username,
    "email": fields.email,
    "phone": fields.phone,
    "first_name": fields.line,
    "last_name": fields.line,
    "time_zone": fields.time_zone,
    "language": fields.language,
    "staging": fields.staging,
}


def editable_user(tx: Reader, caller: Caller, named: str) -> User | Refusal:
    """The user, for a change that only staff may make: users with roles by role editors alone."""
    found = user_named(tx, caller, named, Permission.USERS_EDIT)
    if isinstance(found, Refusal):
        return found
    refusal = beyond(tx, caller, found.id, found.subjects)
    if refusal is None and roles.of_user(tx, found.id):
        refusal = lacks(caller, Permission.ROLES_EDIT, found.organization_path, found.subjects)
    return refusal or found


def last_administrator(tx: Tx, user_id: Id) -> bool:
    """Whether nobody could administer the installation without him; holds the lock from now on."""
    roles.lock_administrators(tx)
    return roles.only_administrator(tx, user_id)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user about to be added."""

    user: User
    password_hash: str | None = None
    link: Posted | None = None


@dataclass(frozen=True)
class AddUser(Verb[Organization, NewUser, User]):
    """Add a user, with a password, with a link to set one himself, or without.

    Attributes:
        organization: id or Group ID; "" for the caller's own.
        phone: with its country code; kept in E.164.
        password_link: he is sent a link by which he sets his password (A74).
        staging: how he enrolls devices for others; takes `users:stage` (A63).

    Refusals: `not_found`, `forbidden`, `validation_failed`, `password_too_short`,
    `username_taken`, `email_taken`; `email_missing`, `no_channel`, `recipient_cap_reached` where a
    link is to be sent.
    """

    organization: str
    username: str
    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    password: Secret | None = None
    time_zone: str = ""
    language: str = ""
    password_link: bool = False
    staging: str = ""

    name = "add_user"

    @property
    def hashes(self) -> bool:
        return self.password is not None

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        named = self.organization or caller.organization_id or ""
        found = organization_named(tx, caller, named, Permission.USERS_EDIT)
        # Which of two taken names a store complains of first is its own business.
        known = fields.readable(self.username) and users.by_username(tx, self.username.strip())
        if isinstance(found, Refusal):
            return found
        if known:
            return Refusal("username_taken", about=Subjects(found.id))
        if self.staging in ("", Staging.DISABLED):
            return found
        return lacks(caller, Permission.USERS_STAGE, found.path, Subjects(found.id)) or found

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> NewUser | Refusal:
        read = Fields()
        texts = {key: read.read(key, getattr(self, key), _CHECKS[key]) for key in EDITABLE}
        if self.password_link and self.password:
            told = "leave it out where a link to set one is sent"
            read.errors.append(FieldError("password", told))
        refusal = read.refusal or (fields.weak(self.password) if self.password else None)
        if refusal is not None:
            return refusal
        hashed = tools.passwords.hash(self.password) if self.password else None
        now = tools.clock()
        user = User(
            id=new_id(now),
            organization_id=seen.id,
            organization_path=seen.path,
            group_id=seen.group_id,
            source="basic",
            state=UserState.ACTIVE,
            created_at=now,
            has_password=hashed is not None,
            username=texts["username"],
            email=texts["email"],
            phone=texts["phone"],
            first_name=texts["first_name"],
            last_name=texts["last_name"],
            time_zone=texts["time_zone"],
            language=texts["language"],
            staging=Staging(texts["staging"] or Staging.DISABLED),
        )
        if not self.password_link:
            return NewUser(user, hashed)
        to = reached(user, EMAIL, tools.channels)
        if isinstance(to, Refusal):
            wrong = tuple(FieldError("email", each.message) for each in to.fields)
            return Refusal(to.code, fields=wrong, about=Subjects(seen.id))
        return NewUser(user, hashed, links.prepare(tools, user.id, user.organization_id))

    def apply(self, tx: Tx, caller: Caller, ready: NewUser) -> Done[User] | Refusal:
        return self.capped(tx, ready) or self.write(tx, caller, ready)

    def capped(self, tx: Tx, ready: NewUser) -> Refusal | None:
        """Why the link may not be sent now, where there is one; counts it."""
        user = ready.user
        if ready.link is None:
            return None
        return over_cap(tx, EMAIL, user.email, Subjects(user.organization_id), 0)

    def write(self, tx: Tx, caller: Caller, ready: NewUser) -> Done[User]:
        """Add him, and queue the link."""
        user = ready.user
        users.insert(tx, user, ready.password_hash)
        if organizations.find(tx, user.organization_id) is None:
            raise ConcurrentChange
        stages = {"staging": user.staging.value} if user.staging is not Staging.DISABLED else {}
        happening = Happening(
            "user.created",
            user.subjects,
            {"source": user.source, "password": user.has_password, **stages},
            {"user": user.username, "email": user.email, "phone": user.phone},
        )
        events.record(tx, caller, happening)
        link = ready.link
        return Done(user, links.send(tx, caller, user, link, "creation") if link else ())

    def clash(self, index: str) -> Refusal | None:
        return taken(index)

    def made(self, value: User) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class UserAgain(Again[User]):
    """The answer of an earlier AddUser once more, for its Idempotency-Key."""

    user_id: Id

    name = "user_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        return user_named(tx, caller, self.user_id)


@dataclass(frozen=True, slots=True)
class Changing:
    """A user before and after, and what his address from before may be told."""

    before: User
    after: User
    notice: Notice | None
    by_himself: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that are not what they were."""
        return tuple(
            key for key in EDITABLE if getattr(self.before, key) != getattr(self.after, key)
        )

    @property
    def moved(self) -> bool:
        """Whether messages reach him elsewhere from now on."""
        return not set(CONTACT).isdisjoint(self.changed)


@dataclass(frozen=True)
class ChangeUser(Verb[User, Changing, User]):
    """Change a user's details. Everybody may change his own name, time zone and language.

    So he may his e-mail address and phone number, until a device of his was enrolled with a token:
    from then on only staff may, and the address from before is told of it (A21).

    To an e-mail address a link to set a password can be sent. So one's own, and that of somebody
    who holds a role, takes a password proof of the last minutes, as the password itself does. How
    somebody enrolls devices for others takes `users:stage` besides.

    Attributes:
        user: id or user name.
        changes: field to new value; None empties it.
        version: the version that was edited; a newer one in the store refuses the change.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`,
    `contact_locked`, `proof_too_old`, `username_taken`, `email_taken`.
    """

    user: str
    changes: Mapping[str, str | None]
    version: int | None = None

    name = "change_user"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        found = self._find(tx, caller)
        if isinstance(found, Refusal):
            return found
        refusal = edited_since(found, self.version)
        if refusal is None and self._by_himself(found, caller):
            refusal = locked(tx, caller, found, self.changes)
        if refusal is None and self._stages(found):
            place = found.organization_path
            refusal = lacks(caller, Permission.USERS_STAGE, place, found.subjects)
        if refusal is None and self._turns_mail(tx, found, caller):
            refusal = fresh(caller, tx.now)
        return refusal or found

    def work(self, tools: Tools, caller: Caller, seen: User) -> Changing | Refusal:
        wanted = read_changes(self.changes, _CHECKS, seen.subjects)
        if isinstance(wanted, Refusal):
            return wanted
        after = replace(seen, version=seen.version + 1, **wanted)
        notice = notices.about_address(tools, seen, after)
        return Changing(seen, after, notice, self._by_himself(seen, caller))

    def apply(self, tx: Tx, caller: Caller, ready: Changing) -> Done[User] | Refusal:
        return Done(ready.after, write_change(tx, caller, ready))

    def clash(self, index: str) -> Refusal | None:
        return taken(index)

    def _find(self, tx: Reader, caller: Caller) -> User | Refusal:
        own = users.find(tx, caller.id) if caller.id else None
        if own is not None and self._by_himself(own, caller):
            return own
        return editable_user(tx, caller, self.user)

    def _turns_mail(self, tx: Reader, found: User, caller: Caller) -> bool:
        """Whether links for the caller himself, or for staff, would go elsewhere from then on."""
        wanted = self.changes.get("email", found.email)
        if (wanted or "").strip() == found.email:
            return False
        return found.id == caller.id or bool(roles.of_user(tx, found.id))

    def _stages(self, found: User) -> bool:
        """Whether he enrolls devices for others in another way from then on."""
        return (self.changes.get("staging", found.staging) or Staging.DISABLED) != found.staging

    def _by_himself(self, found: User, caller: Caller) -> bool:
        """Whether somebody changes what everybody may change of himself."""
        himself = found.id == caller.id and self.user in (found.id, found.username)
        return himself and set(self.changes) <= set(OWN)


def locked(
    tx: Reader, caller: Caller, own: User, changes: Mapping[str, str | None]
) -> Refusal | None:
    """`contact_locked` where somebody who enrolled with a token turns his messages elsewhere."""
    moved = [
        key
        for key in CONTACT
        if key in changes and (changes[key] or "").strip() != getattr(own, key)
    ]
    if not moved or _edits_staff(caller, own) or not users.enrolled_by_token(tx, own.id):
        return None
    told = "is read-only: a device of this account was enrolled with a token"
    wrong = tuple(FieldError(key, told) for key in moved)
    return Refusal("contact_locked", about=own.subjects, fields=wrong)


def write_change(tx: Tx, caller: Caller, change: Changing) -> tuple[Effect, ...]:
    """Make a change so, with its event; what it tells the address from before, if anything."""
    before, after = change.before, change.after
    enrolled = users.enrolled_by_token(tx, before.id)
    lockable = change.by_himself and change.moved and not _edits_staff(caller, before)
    if not users.change(tx, after, before.version, unlocked=lockable):
        raise ConcurrentChange
    if "email" in change.changed:
        password_links.end(tx, before.id)  # whoever reads the old address may be somebody else
    personal = {"user": after.username, **before_and_after(before, after, EDITABLE)}
    data = {"fields": ", ".join(change.changed)}
    events.record(tx, caller, Happening("user.changed", after.subjects, data, personal))
    # Whoever turns a stranger's messages to himself must not do so unseen, whatever is set.
    always = change.by_himself or enrolled
    told = always or organizations.policy(tx, before.organization_path).notify_users
    return stored_notices.queue(tx, [change.notice] if told else [])


def _edits_staff(caller: Caller, user: User) -> bool:
    """Whether he could change staff there, so himself too, as staff."""
    path = user.organization_path
    return all(caller.may(each, path) for each in (Permission.USERS_EDIT, Permission.ROLES_EDIT))


@dataclass(frozen=True)
class SetUserState(QuickVerb[User, User]):
    """Disable a user, which ends his sign-ins, or enable him again.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `last_administrator`.
    """

    user: str
    state: str

    name = "set_user_state"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        if self.state not in set(UserState):
            return invalid("state", f"must be one of {', '.join(UserState)}")
        return editable_user(tx, caller, self.user)

    def apply(self, tx: Tx, caller: Caller, ready: User) -> Done[User] | Refusal:
        state = UserState(self.state)
        if state is UserState.DISABLED and last_administrator(tx, ready.id):
            return Refusal("last_administrator", about=ready.subjects)
        if not users.set_state(tx, ready.id, state):
            return Done(ready)
        data = {}
        if state is UserState.DISABLED:
            data["sign_ins_ended"] = sign_ins.end_all(tx, ready.id)
            password_links.end(tx, ready.id)
        kind = "user.disabled" if state is UserState.DISABLED else "user.enabled"
        events.record(tx, caller, Happening(kind, ready.subjects, data, {"user": ready.username}))
        return Done(replace(ready, state=state, version=ready.version + 1))


@dataclass(frozen=True)
class DeleteUser(QuickVerb[User, None]):
    """Delete a user: sign-ins end, his tokens become unknown, his certificates are revoked.

    His devices stay, enrolled no more (ruling 29).

    Refusals: `not_found`, `forbidden`, `last_administrator`.
    """

    user: str

    name = "delete_user"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        return editable_user(tx, caller, self.user)

    def apply(self, tx: Tx, caller: Caller, ready: User) -> Done[None] | Refusal:
        if last_administrator(tx, ready.id):
            return Refusal("last_administrator", about=ready.subjects)
        if not users.delete(tx, ready.id):
            raise ConcurrentChange
        data = {
            "sign_ins_ended": sign_ins.end_all(tx, ready.id),
            "enrollments_revoked": endings.of_user(tx, caller, ready.id, "the user was deleted"),
        }
        # Before the credentials: a renewal under way holds its device until what it makes is there.
        unenrolled = device_moves.unenroll_of_user(tx, ready.id)
        data["credentials_revoked"] = credentials.revoke_of_user(tx, ready.id, "deleted")
        enrollments.delete_of_user(tx, ready.id)
        saved_views.delete_of_user(tx, ready.id)
        second_factors.remove(tx, ready.id)
        password_links.end(tx, ready.id)
        personal = {"user": ready.username, "email": ready.email}
        events.record(tx, caller, Happening("user.deleted", ready.subjects, data, personal))
        return Done(None, tuple(Drop(device_id) for device_id in unenrolled))


def taken(index: str) -> Refusal | None:
    """What a unique index of users stands for (ruling 31)."""
    if "username" in index:
        return Refusal("username_taken")
    return Refusal("email_taken") if "email" in index else None
