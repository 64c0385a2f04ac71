"""Recognising a caller: from a cookie, an API key, or the machine that Enlist runs on.

A caller is read afresh for each request, with all his rights, so that what was taken away is gone
with the next one, on every process (S54).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from enlist.core.access import ApiKey
from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import MINUTE
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.permissions import Permission, Right
from enlist.core.secrets import Kind, Secret, parse_machine_secret
from enlist.store import api_keys, organizations, roles, sign_ins, users
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Answered, Tools, Verb
from enlist.verbs.sign_in import IDLE

API_KEY_PREFIX = "enk"


@dataclass(frozen=True)
class BySignIn(Verb[Caller, Caller, Caller]):
    """The caller behind a sign-in cookie.

    Attributes:
        by_itself: sent by a page that refreshes itself: an open page, left alone, must not keep
            a sign-in from ending.
        setting_up: also somebody who must set up a second factor before he may do anything; he
            comes without rights.

    Refusals: `unauthenticated`; expected for every stranger, so it is not recorded.
    """

    cookie: Secret
    by_itself: bool = False
    setting_up: bool = False

    name = "recognise_sign_in"
    refused_as = "sign_in.refused"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Caller | Refusal:
        digests = tools.keys.digests(Kind.SIGN_IN, self.cookie)
        sign_in = sign_ins.find(tx, digests, tx.now - IDLE)
        user = users.find(tx, sign_in.user_id) if sign_in else None
        if sign_in is None or user is None:
            return Refusal("unauthenticated", counted_only=True)
        held = roles.of_user(tx, user.id)
        must_set_up = sign_in.factor_at is None and any(each.needs_factor for each in held)
        if must_set_up and not self.setting_up:
            return Refusal("unauthenticated", counted_only=True)
        known = replace(
            caller,
            kind=CallerKind.USER,
            id=user.id,
            name=user.username,
            rights=() if must_set_up else roles.rights_of(held),
            home=user.organization_path,
            organization_id=user.organization_id,
            sign_in_id=sign_in.id,
            must_set_up=must_set_up,
            proved_at=sign_in.proved_at,
            language=user.language or caller.language,
        )
        # Writing "last seen" once a minute is enough for an idle limit of thirty.
        stale = not self.by_itself and sign_in.last_seen_at < tx.now - MINUTE
        return replace(known, stale=stale)

    def work(self, tools: Tools, caller: Caller, seen: Caller) -> Caller | Answered[Caller]:
        return seen if seen.stale else Answered(Done(seen))

    def apply(self, tx: Tx, caller: Caller, ready: Caller) -> Done[Caller] | Refusal:
        if ready.sign_in_id is not None:
            sign_ins.seen(tx, ready.sign_in_id)
        return Done(replace(ready, stale=False))


@dataclass(frozen=True, slots=True)
class Known:
    """An API key that may be used from here, as a caller."""

    caller: Caller
    key: ApiKey


@dataclass(frozen=True)
class ByApiKey(Verb[Known, Known, Caller]):
    """The caller behind an API key, with no more rights than its maker holds now.

    Refusals: `unauthenticated`, alike for unknown, expired, revoked and misplaced keys, and for
    those whose maker holds nothing any more.
    """

    key: Secret

    name = "recognise_api_key"
    refused_as = "api_key.refused"
    throttled = True

    def unread(self) -> Refusal | None:
        if parse_machine_secret(API_KEY_PREFIX, self.key.reveal()) is not None:
            return None
        return Refusal("unauthenticated", reason="mistyped", counted_only=True)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Known | Refusal:
        found = api_keys.by_digest(tx, tools.keys.digests(Kind.API_KEY, self.key))
        if found is None:
            return Refusal("unauthenticated", reason="unknown key")
        refusal = _unusable(found, caller.address, tx.now)
        if refusal is not None:
            return refusal
        if not found.rights:
            about = Subjects(found.organization_id)
            return Refusal("unauthenticated", reason="its maker's rights are gone", about=about)
        return Known(_api_caller(found, caller), found)

    def work(self, tools: Tools, caller: Caller, seen: Known) -> Known | Answered[Caller]:
        key = seen.key
        noted = (key.last_used_at or 0) > tools.clock() - MINUTE
        if noted and key.last_used_from == caller.address:
            return Answered(Done(seen.caller))
        return seen

    def apply(self, tx: Tx, caller: Caller, ready: Known) -> Done[Caller] | Refusal:
        api_keys.used(tx, ready.key.id, caller.address, tx.now - MINUTE)
        return Done(ready.caller)


def _unusable(key: ApiKey, address: str, now: int) -> Refusal | None:
    about = Subjects(key.organization_id)
    if key.revoked_at is not None:
        return Refusal("unauthenticated", reason="revoked", about=about)
    if key.expires_at is not None and key.expires_at <= now:
        return Refusal("unauthenticated", reason="expired", about=about)
    if key.addresses and not _within(address, key.addresses):
        return Refusal("unauthenticated", reason="not from this address", about=about)
    return None


def _within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)


def _api_caller(key: ApiKey, caller: Caller) -> Caller:
    return replace(
        caller,
        kind=CallerKind.API_KEY,
        id=key.id,
        name=key.name,
        rights=key.rights,
        home=key.organization_path,
        organization_id=key.organization_id,
    )


def host_caller(tx: Reader, username: str) -> Caller:
    """Somebody at the machine's own command line: he holds the keys, so he may do everything."""
    root = organizations.root(tx)
    path = root.path if root else ""
    return Caller(
        CallerKind.HOST,
        name=username,
        rights=(Right(path, frozenset(Permission)),),
        home=path,
        organization_id=root.id if root else None,
    )
