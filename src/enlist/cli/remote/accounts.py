"""Users, groups and API keys on a server elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

from enlist.cli.remote.api import Api, Ways, acted, listed, part, some, until
from enlist.cli.remote.enrolling import details
from enlist.cli.remote.reviving import moment, revived
from enlist.core import access, model
from enlist.core.locks import Lock, LockKind, Locks
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.verbs import (
    api_keys,
    authorizing,
    first_device,
    groups,
    lock_list,
    locks,
    move_people,
    staff,
    users,
    views,
)


def _user(verb: users.AddUser) -> dict[str, Any]:
    names = ("organization", "username", "email", "phone", "first_name", "last_name", "password")
    return some(
        **{name: getattr(verb, name) for name in names},
        password_link=verb.password_link or None,
        staging=verb.staging,
    )


def _add_user(api: Api, verb: users.AddUser) -> model.User | Refusal:
    found = api.do("POST", "/users", _user(verb))
    return found if isinstance(found, Refusal) else revived(model.User, found)


def _change_user(api: Api, verb: users.ChangeUser) -> model.User | Refusal:
    found = api.do("PATCH", f"/users/{part(verb.user)}", dict(verb.changes))
    return found if isinstance(found, Refusal) else revived(model.User, found)


def _send_password_link(api: Api, verb: staff.SendPasswordLink) -> SimpleNamespace | Refusal:
    found = api.do("POST", f"/users/{part(verb.user)}/password-link")
    if isinstance(found, Refusal):
        return found
    user = SimpleNamespace(email=found["sent_to"])
    return SimpleNamespace(user=user, expires_at=moment(found["expires_at"]))


def _add_both(api: Api, verb: first_device.AddUserWithDevice) -> first_device.Both | Refusal:
    device = details(verb.device.details) | some(message=verb.device.message)
    found = api.do("POST", "/users", {**_user(verb.user), "device": device})
    if isinstance(found, Refusal):
        return found
    return first_device.Both(revived(model.User, found), api.issued(found["enrollment"]))


def _create_key(api: Api, verb: api_keys.CreateApiKey) -> Any:
    body = some(name=verb.name_of_key, role=verb.role, organization=verb.organization)
    body |= {"permissions": list(verb.permissions), "addresses": list(verb.addresses)}
    found = api.do("POST", "/api-keys", body | some(expires_at=until(verb)))
    if isinstance(found, Refusal):
        return found
    return SimpleNamespace(key=revived(access.ApiKey, found), secret=Secret(found["key"]))


def _change_group(api: Api, verb: groups.ChangeGroup) -> Any:
    found = api.do("PATCH", f"/groups/{part(verb.group)}", dict(verb.changes))
    return found if isinstance(found, Refusal) else revived(model.UserGroup, found)


def _list_locks(api: Api, verb: lock_list.ListLocks) -> Locks | Refusal:
    found = api.get("/locks", **some(organization=verb.organization))
    if isinstance(found, Refusal):
        return found
    items = tuple(revived(Lock, each) for each in found["items"])
    return Locks(items, tuple(LockKind(each) for each in found["more"]))


def _clear_lock(api: Api, verb: locks.ClearLock) -> int | Refusal:
    found = api.do("DELETE", f"/locks/{part(verb.kind)}s/{part(verb.named)}")
    return found if isinstance(found, Refusal) else int(found["counted"])


ACCOUNTS: Final[Ways] = {
    lock_list.ListLocks: _list_locks,
    locks.ClearLock: _clear_lock,
    views.ListUsers: listed("/users", model.User),
    users.AddUser: _add_user,
    users.ChangeUser: _change_user,
    authorizing.Authorize: acted(
        "PUT",
        "/users/{user}/authorized-organizations",
        model.User,
        organizations="organizations",
    ),
    move_people.MoveUser: acted(
        "POST", "/users/{user}/move", model.User, organization="organization"
    ),
    staff.SendPasswordLink: _send_password_link,
    first_device.AddUserWithDevice: _add_both,
    groups.ListGroups: listed("/groups", model.UserGroup),
    groups.ShowGroup: acted("GET", "/groups/{group}", model.UserGroup),
    groups.AddGroup: acted(
        "POST",
        "/groups",
        model.UserGroup,
        organization="organization",
        name_of_group="name",
        description="description",
    ),
    groups.ChangeGroup: _change_group,
    groups.DeleteGroup: acted("DELETE", "/groups/{group}"),
    groups.AddMember: acted("PUT", "/groups/{group}/members/{user}"),
    groups.RemoveMember: acted("DELETE", "/groups/{group}/members/{user}"),
    views.ListApiKeys: listed("/api-keys", access.ApiKey),
    api_keys.CreateApiKey: _create_key,
    api_keys.RevokeApiKey: acted("DELETE", "/api-keys/{key_id}"),
}
