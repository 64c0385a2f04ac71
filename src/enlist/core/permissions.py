"""Who may do what.

A role is a set of permissions held on an organization and all that lies below it. A caller carries
`Right`s; a permission is held where any right's path is a prefix of the organization's path. What
lies outside a caller's read rights does not exist for him (`not_found`), what he can see but not
touch is `forbidden`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """One thing that somebody may do."""

    ORGANIZATIONS_READ = "organizations:read"
    ORGANIZATIONS_EDIT = "organizations:edit"
    SETTINGS_EDIT = "settings:edit"
    USERS_READ = "users:read"
    USERS_EDIT = "users:edit"
    USERS_ERASE = "users:erase"
    USERS_STAGE = "users:stage"
    ROLES_EDIT = "roles:edit"
    STAFF_READ = "staff:read"
    DEVICES_READ = "devices:read"
    DEVICES_REGISTER = "devices:register"
    DEVICES_EDIT = "devices:edit"
    DEVICES_DELETE = "devices:delete"
    DEVICES_RESET = "devices:reset"
    DEVICES_REASSIGN = "devices:reassign"
    DEVICES_REPLACE = "devices:replace"
    REVOCATIONS_READ = "revocations:read"
    ENROLLMENTS_READ = "enrollments:read"
    ENROLLMENTS_EXPORT = "enrollments:export"
    ENROLLMENTS_ISSUE = "enrollments:issue"
    ENROLLMENTS_RESEND = "enrollments:resend"
    ENROLLMENTS_DOWNLOAD = "enrollments:download"
    ENROLLMENTS_REISSUE = "enrollments:reissue"
    ENROLLMENTS_REVOKE = "enrollments:revoke"
    ENROLLMENTS_DELETE = "enrollments:delete"
    ENROLLMENTS_REVEAL = "enrollments:reveal"
    PASSCODE_READ = "passcode:read"
    PASSCODE_EDIT = "passcode:edit"
    MESSAGES_READ = "messages:read"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_EDIT = "templates:edit"
    EVENTS_READ = "events:read"
    EVENTS_EXPORT = "events:export"
    API_KEYS_READ = "api_keys:read"
    API_KEYS_EDIT = "api_keys:edit"
    INTEGRATIONS_READ = "integrations:read"
    INTEGRATIONS_EDIT = "integrations:edit"
    ALERTS_READ = "alerts:read"
    ALERTS_EDIT = "alerts:edit"


class Role(StrEnum):
    """The built-in roles; what each may do is in `ROLES`."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    HELPDESK = "helpdesk"
    READER = "reader"


_P = Permission
_READER = frozenset(
    {
        _P.ORGANIZATIONS_READ,
        _P.USERS_READ,
        _P.STAFF_READ,
        _P.DEVICES_READ,
        _P.REVOCATIONS_READ,
        _P.ENROLLMENTS_READ,
        _P.ENROLLMENTS_EXPORT,
        _P.MESSAGES_READ,
        _P.TEMPLATES_READ,
        _P.EVENTS_READ,
        _P.EVENTS_EXPORT,
        _P.API_KEYS_READ,
        _P.INTEGRATIONS_READ,
        _P.ALERTS_READ,
    }
)
_HELPDESK = frozenset(
    {
        _P.ORGANIZATIONS_READ,
        _P.USERS_READ,
        _P.DEVICES_READ,
        _P.ENROLLMENTS_READ,
        _P.MESSAGES_READ,
        _P.TEMPLATES_READ,
        _P.EVENTS_READ,
        _P.ENROLLMENTS_RESEND,
        _P.ENROLLMENTS_REISSUE,
    }
)
_OPERATOR = (
    _READER
    | _HELPDESK
    | {
        _P.USERS_EDIT,
        _P.DEVICES_REGISTER,
        _P.DEVICES_EDIT,
        _P.DEVICES_DELETE,
        _P.DEVICES_RESET,
        _P.DEVICES_REASSIGN,
        _P.DEVICES_REPLACE,
        _P.ENROLLMENTS_ISSUE,
        _P.ENROLLMENTS_DOWNLOAD,
        _P.ENROLLMENTS_REVOKE,
        _P.ENROLLMENTS_DELETE,
    }
)
_ADMINISTRATOR = frozenset(_P) - {_P.ENROLLMENTS_REVEAL}

ROLES: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.ADMINISTRATOR: _ADMINISTRATOR,
    Role.OPERATOR: _OPERATOR,
    Role.HELPDESK: _HELPDESK,
    Role.READER: _READER,
}
"""What each built-in role may do. Revealing a token is in none of them (X11)."""


NEVER_IN_A_ROLE: Final = frozenset({Permission.ENROLLMENTS_REVEAL})
"""What no role may hold, built in or of one's own."""


def permissions_named(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions of these names; those of another version are none."""
    known = set(Permission)
    return frozenset(Permission(name) for name in names if name in known)


@dataclass(frozen=True, slots=True)
class Right:
    """Permissions held on the organization at `path` and below."""

    path: str
    permissions: frozenset[Permission]


def permitted(rights: Sequence[Right], permission: Permission, path: str) -> bool:
    """Whether `permission` is held at the organization with this `path`."""
    return any(permission in right.permissions and path.startswith(right.path) for right in rights)


def held_at(rights: Sequence[Right], path: str) -> frozenset[Permission]:
    """All permissions held at the organization with this `path`."""
    return frozenset().union(
        *(right.permissions for right in rights if path.startswith(right.path))
    )


def outranks(actor: Sequence[Right], target: Sequence[Right]) -> bool:
    """Whether `actor` holds every right that `target` holds, wherever he holds it (S51)."""
    return all(right.permissions <= held_at(actor, right.path) for right in target)


def confined(right: Right, held: Sequence[Right]) -> tuple[Right, ...]:
    """As much of `right` as `held` covers: what somebody may pass on of what he holds (S54).

    Revealing is in no role; an administrator may give it (see `CreateApiKey`), and nobody whose own
    role lets him make keys and little else.
    """
    parts = []
    for each in held:
        permissions = each.permissions
        if permissions >= _ADMINISTRATOR:
            permissions |= {Permission.ENROLLMENTS_REVEAL}
        narrower = right.path if right.path.startswith(each.path) else each.path
        if narrower.startswith(right.path) and right.permissions & permissions:
            parts.append(Right(narrower, right.permissions & permissions))
    return tuple(parts)


def rights_of_key(
    path: str, role: Role, permissions: Iterable[str], held: Sequence[Right] | None
) -> tuple[Right, ...]:
    """What an API key may do: what was given to it, as far as its maker holds that himself now.

    Args:
        held: the maker's rights; None for a key that has no maker who bounds it.
    """
    given = Right(path, ROLES[role] | permissions_named(permissions))
    return (given,) if held is None else confined(given, held)
