"""Whoever began something that goes on without him: an import, a wave.

It is done with the rights that he has at each moment, not with those that he had (S54).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import Id
from enlist.core.model import UserState
from enlist.core.permissions import Permission
from enlist.store import api_keys, organizations, roles, users
from enlist.store.imports import ImportJob
from enlist.store.tx import Reader
from enlist.store.waves import Wave
from enlist.verbs.callers import host_caller
from enlist.verbs.naming import strangers

Job = TypeVar("Job", ImportJob, Wave)


def maker(tx: Reader, job: ImportJob | Wave, permission: Permission) -> Caller | None:
    """Who began it, with the rights that he has now; None where he may not any more."""
    if job.maker_kind == CallerKind.HOST:
        return host_caller(tx, job.maker)
    known = _key(tx, job) if job.maker_kind == CallerKind.API_KEY else _user(tx, job)
    place = organizations.find(tx, job.organization_id)
    may = known is not None and place is not None and known.may(permission, place.path)
    return known if may else None


def discreetly(tx: Reader, caller: Caller, found: Iterable[Job]) -> tuple[Job, ...]:
    """Jobs without who began them, where the caller may not know him.

    People are told as in events, an API key to whoever finds it in the list of keys.
    """
    jobs = tuple(found)
    unknown = strangers(tx, caller, (job.maker_id for job in jobs))
    keys = {job.maker_id for job in jobs if job.maker_kind == CallerKind.API_KEY}
    homes = {key: _home(tx, key) for key in keys if key is not None}

    def told(job: Job) -> bool:
        if job.maker_id is not None and job.maker_id == caller.id:
            return True
        if job.maker_kind == CallerKind.API_KEY:
            home = homes.get(job.maker_id or "")
            return home is not None and caller.may(Permission.API_KEYS_READ, home)
        may = caller.may(Permission.STAFF_READ, job.organization_path)
        return may and job.maker_id not in unknown

    return tuple(job if told(job) else replace(job, maker="") for job in jobs)


def _home(tx: Reader, key_id: Id) -> str | None:
    """Where a key belongs, also one that was revoked."""
    key = api_keys.find(tx, key_id)
    return None if key is None else key.organization_path


def _key(tx: Reader, job: ImportJob | Wave) -> Caller | None:
    key = api_keys.find(tx, job.maker_id) if job.maker_id else None
    over = key is None or key.revoked_at or (key.expires_at or tx.now + 1) <= tx.now
    if key is None or over:
        return None
    place, home = key.organization_path, key.organization_id
    return Caller(CallerKind.API_KEY, key.id, key.name, key.rights, place, home)


def _user(tx: Reader, job: ImportJob | Wave) -> Caller | None:
    user = users.find(tx, job.maker_id) if job.maker_id else None
    if user is None or user.state is not UserState.ACTIVE:
        return None
    rights, home = roles.rights(tx, user.id), user.organization_path
    return Caller(CallerKind.USER, user.id, user.username, rights, home, user.organization_id)
