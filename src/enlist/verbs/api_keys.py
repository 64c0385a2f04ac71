"""API keys: made for programs, shown once, never stronger than whoever made them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from enlist.core.access import ApiKey
from enlist.core.caller import Caller, CallerKind
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import ROLES, Permission, Role, held_at, rights_of_key
from enlist.core.secrets import Digest, Kind, Secret, new_machine_secret
from enlist.store import api_keys, events, organizations
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.callers import API_KEY_PREFIX
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named, with_id
from enlist.verbs.rights import fresh, lacks, missing


@dataclass(frozen=True, slots=True)
class CreatedApiKey:
    """An API key that was just made; `secret` is the whole key and is never shown again."""

    key: ApiKey
    secret: Secret


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a key shall work, from which networks, until when.

    Attributes:
        creator_id: the user whose rights will bound it, if there is one.
    """

    organization: Organization
    creator_id: Id | None
    addresses: tuple[str, ...]
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Ready:
    """The key to be stored, and its secret for the answer."""

    key: ApiKey
    digest: Digest
    secret: Secret


@dataclass(frozen=True)
class CreateApiKey(Verb[Wanted, Ready, CreatedApiKey]):
    """Make an API key with a role and perhaps further permissions.

    It can never do more than its maker can at that moment. A key that another key makes belongs
    to the same user as that one, and has no longer a life and no other networks; one made at the
    server's machine is bounded by nobody.

    Attributes:
        organization: id or Group ID; "" for the caller's own.
        permissions: beyond the role's. `enrollments:reveal` is in no role and may be added by
            an administrator; any other permission the caller must hold himself.
        addresses: networks that the key may be used from; none for everywhere, or for those of
            the key that makes it.
        expires_at: microseconds UTC; None for never, or for the end of the key that makes it.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`.
    """

    name_of_key: str
    role: str
    organization: str = ""
    permissions: Sequence[str] = ()
    addresses: Sequence[str] = ()
    expires_at: int | None = None

    name = "create_api_key"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Wanted | Refusal:
        named = self.organization or caller.organization_id or ""
        found = organization_named(tx, caller, named, Permission.API_KEYS_EDIT)
        if isinstance(found, Refusal):
            return found
        refusal = fresh(caller, tx.now) or self._problems(tx.now) or self._beyond(caller, found)
        return refusal or self._bounded(tx, caller, found)

    def work(self, tools: Tools, caller: Caller, seen: Wanted) -> Ready | Refusal:
        now, made = tools.clock(), new_machine_secret(API_KEY_PREFIX)
        place = seen.organization
        key = ApiKey(
            id=new_id(now),
            public_id=made.id,
            name=fields.label(self.name_of_key),
            organization_id=place.id,
            organization_path=place.path,
            group_id=place.group_id,
            role=Role(self.role),
            permissions=tuple(sorted(set(self.permissions))),
            addresses=seen.addresses,
            created_at=now,
            created_by=caller.name,
            creator_id=seen.creator_id,
            expires_at=seen.expires_at,
            revoked_at=None,
            last_used_at=None,
            last_used_from="",
            rights=rights_of_key(place.path, Role(self.role), self.permissions, None),
        )
        digest = tools.keys.digest(Kind.API_KEY, made.text)
        return Ready(key, digest, made.text)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[CreatedApiKey] | Refusal:
        key = ready.key
        api_keys.insert(tx, key, ready.digest)
        if organizations.find(tx, key.organization_id) is None:
            raise ConcurrentChange
        data = {
            "key": key.id,
            "name": key.name,
            "role": key.role.value,
            "permissions": " ".join(key.permissions),
            "addresses": " ".join(key.addresses),
            "expires_at": key.expires_at,
        }
        about = Subjects(key.organization_id)
        events.record(tx, caller, Happening("api_key.created", about, data))
        return Done(CreatedApiKey(key, ready.secret))

    def made(self, value: CreatedApiKey) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.key.id

    def _problems(self, now: int) -> Refusal | None:
        read = Fields()
        read.read("name", self.name_of_key, fields.label)
        if self.role not in set(Role):
            read.errors.append(FieldError("role", f"must be one of {', '.join(Role)}"))
        for permission in self.permissions:
            if permission not in set(Permission):
                problem = "unknown permission; see the reference for their names"
                read.errors.append(FieldError("permissions", problem))
        for address in self.addresses:
            read.read("addresses", address, _network)
        if self.expires_at is not None and self.expires_at <= now:
            read.errors.append(FieldError("expires_at", "must be in the future"))
        return read.refusal

    def _bounded(self, tx: Reader, caller: Caller, organization: Organization) -> Wanted | Refusal:
        """What is wanted, within what bounds the key that makes it, if one does (S51)."""
        networks = tuple(_network(address) for address in self.addresses)
        maker = api_keys.find(tx, caller.id) if caller.id and _is_key(caller) else None
        if maker is None:
            return Wanted(organization, caller.id, networks, self.expires_at)
        errors = []
        if maker.expires_at is not None and (self.expires_at or 0) > maker.expires_at:
            errors.append(FieldError("expires_at", "must not be after the end of the key in use"))
        if maker.addresses and not all(_inside(each, maker.addresses) for each in networks):
            errors.append(FieldError("addresses", "must be within those of the key in use"))
        if errors:
            return Refusal("validation_failed", fields=tuple(errors))
        addresses, end = networks or maker.addresses, self.expires_at or maker.expires_at
        return Wanted(organization, maker.creator_id, addresses, end)

    def _beyond(self, caller: Caller, organization: Organization) -> Refusal | None:
        """A key never exceeds its maker (S51)."""
        wanted = ROLES[Role(self.role)] | {Permission(name) for name in self.permissions}
        held = held_at(caller.rights, organization.path)
        excess = wanted - held
        if held >= ROLES[Role.ADMINISTRATOR]:
            excess -= {Permission.ENROLLMENTS_REVEAL}
        if not excess:
            return None
        about = Subjects(organization.id)
        return Refusal("forbidden", about=about, reason=f"exceeds him: {', '.join(sorted(excess))}")


@dataclass(frozen=True)
class ApiKeyAgain(QuickVerb[ApiKey, CreatedApiKey]):
    """The answer to a repeated CreateApiKey: its random secret is gone (ruling 25).

    Refusals: `already_shown`, with the key's id in `data["id"]`.
    """

    key_id: Id

    name = "api_key_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> ApiKey | Refusal:
        found = api_keys.find(tx, self.key_id)
        if found is None:
            return missing("API key")
        about = Subjects(found.organization_id)
        refusal = lacks(caller, Permission.API_KEYS_READ, found.organization_path, about)
        return refusal or found

    def apply(self, tx: Tx, caller: Caller, ready: ApiKey) -> Refusal:
        return Refusal(
            "already_shown", about=Subjects(ready.organization_id), data={"id": ready.id}
        )


@dataclass(frozen=True)
class RevokeApiKey(QuickVerb[ApiKey, None]):
    """End an API key; its next request is refused. Revoking it again changes nothing.

    Refusals: `not_found`, `forbidden`.
    """

    key_id: str

    name = "revoke_api_key"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> ApiKey | Refusal:
        found = with_id(tx, self.key_id, api_keys.find, "API key")
        if isinstance(found, Refusal):
            return found
        about = Subjects(found.organization_id)
        refusal = lacks(caller, Permission.API_KEYS_EDIT, found.organization_path, about)
        return refusal or found

    def apply(self, tx: Tx, caller: Caller, ready: ApiKey) -> Done[None] | Refusal:
        if api_keys.revoke(tx, ready.id):
            data = {"key": ready.id, "name": ready.name}
            about = Subjects(ready.organization_id)
            events.record(tx, caller, Happening("api_key.revoked", about, data))
        return Done(None)


def _is_key(caller: Caller) -> bool:
    return caller.kind is CallerKind.API_KEY


def _inside(network: str, others: Sequence[str]) -> bool:
    """Whether a network lies within one of others, all in their canonical form."""
    inner = ipaddress.ip_network(network)
    alike = (each for each in map(ipaddress.ip_network, others) if each.version == inner.version)
    return any(
        inner.subnet_of(outer)  # type: ignore[arg-type]  # two of a version are of one type
        for outer in alike
    )


def _network(text: str) -> str:
    """An address or network in its canonical form."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as problem:
        raise fields.Unfit("must be an address or network, such as 192.0.2.0/24") from problem
