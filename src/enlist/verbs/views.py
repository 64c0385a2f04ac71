"""Lists: what there is in an organization and below, as far as the caller may see it.

Every list takes the same six values and answers a `Page`. `organization` is an id or Group ID;
"" is the caller's own, or the topmost one where he may see such things. What is about staff is
left out for a caller without `staff:read`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Generic, TypeVar

from enlist.core.access import ApiKey
from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import parse_id
from enlist.core.model import Device, Enrollment, EventRow, Message, Organization, User
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.secrets import group_code, parse_code
from enlist.store import (
    api_keys,
    devices,
    enrollment_status,
    events,
    organizations,
    outbox,
    roles,
    users,
)
from enlist.store.listing import Page, PageRequest
from enlist.store.roles import Holding
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.fields import readable
from enlist.verbs.finding import organization_named, user_named
from enlist.verbs.naming import discreetly, naming

T = TypeVar("T")

_MOMENTS: Final = frozenset({"since", "before"})
_LATEST: Final = 1 << 53
_IDS: Final = frozenset(
    {"device", "enrollment", "after", "id", "group", "webhook", "terms", "wave"}
)
_STAFF: Final = frozenset({CallerKind.USER, CallerKind.API_KEY, CallerKind.HOST})
_STAFFS_OWN: Final = frozenset({"actor", "address", "user_agent"})


def topmost(caller: Caller, permission: Permission) -> list[str]:
    """The paths of the organizations where the caller holds a permission, none below another."""
    found: list[str] = []
    for path in sorted({right.path for right in caller.rights if permission in right.permissions}):
        if not any(path.startswith(above) for above in found):
            found.append(path)
    return found


def scope(tx: Reader, caller: Caller, organization: str, permission: Permission) -> str | Refusal:
    """The path of the organization to look at: the named one, his own, or his topmost.

    Refusals: `not_found`, `forbidden`.
    """
    if organization:
        found = organization_named(tx, caller, organization, permission)
        return found if isinstance(found, Refusal) else found.path
    if caller.may(permission, caller.home):
        return caller.home
    paths = topmost(caller, permission)
    return paths[0] if paths else Refusal("forbidden", reason=f"lacks {permission}")


def discreet(caller: Caller, path: str) -> dict[str, str]:
    """The filter that leaves out what is about staff, where the caller may not see it."""
    return {} if caller.may(Permission.STAFF_READ, path) else {"without_staff": "yes"}


def veiled(tx: Reader, caller: Caller, path: str, page: Page[EventRow]) -> Page[EventRow]:
    """Events without people whom the caller may not know, be it as staff or as users."""
    items = discreetly(tx, caller, page.items)
    if not caller.may(Permission.STAFF_READ, path):
        items = tuple(_veil(caller, row) for row in items)
    return Page(items, page.next_cursor)


def _veil(caller: Caller, row: EventRow) -> EventRow:
    if row.actor_kind not in _STAFF or row.actor_id in (caller.id, row.user_id):
        return row
    kept = {key: value for key, value in row.personal.items() if key not in _STAFFS_OWN}
    return replace(row, personal=kept, actor_id=None)


@dataclass(frozen=True)
class Listed(View[Page[T]], Generic[T]):
    """What all lists share.

    Attributes:
        filters: by name, as the listing declares them; `user` takes an id or a user name.
        sort: one of the listing's sorts, with a leading `-` to turn it round; "" for its default.
        cursor: `next_cursor` of the page before.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    organization: str = ""
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    limit: int = 50
    cursor: str = ""

    permission: ClassVar[Permission]
    of_people: ClassVar[bool] = True

    def read(self, tx: Reader, caller: Caller) -> Page[T] | Refusal:
        path = scope(tx, caller, self.organization, self.permission)
        if isinstance(path, Refusal):
            return path
        filters = self._filters(tx, caller)
        if isinstance(filters, Refusal):
            return filters
        if self.of_people:
            filters |= discreet(caller, path)
        if not readable(self.search):
            return invalid("search", "must not hold control characters")
        search = self.search.strip()
        request = PageRequest(
            path,
            search,
            filters,
            self.sort,
            self.limit,
            self.cursor,
            **naming(caller, path),
        )
        return self.show(tx, caller, request)

    @abstractmethod
    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[T] | Refusal:
        """The page, once the caller's rights are settled."""

    def _filters(self, tx: Reader, caller: Caller) -> dict[str, str] | Refusal:
        """The filters as the store takes them: ids are ids, names are resolved."""
        found: dict[str, str] = {}
        for name, value in self.filters.items():
            if not readable(value):
                return invalid(name, "must not hold control characters")
            found[name] = value.strip()
            if name in _IDS and value:
                by_id = parse_id(value)
                if by_id is None:
                    return invalid(name, "must be an id")
                found[name] = by_id
            elif name in _MOMENTS and value:
                moment = _moment(value)
                if moment is None:
                    return invalid(name, "must be a moment, in microseconds UTC")
                found[name] = moment
            elif name == "user" and value:
                user = user_named(tx, caller, value)
                if isinstance(user, Refusal):
                    return user
                found[name] = user.id
            elif name == "support_code" and (code := parse_code(value)) is not None:
                found[name] = group_code(code)
        return found


def _moment(text: str) -> str | None:
    """Microseconds UTC, between 1970 and what a database and an id can hold."""
    try:
        return str(min(max(0, int(text)), _LATEST))
    except ValueError:
        return None


@dataclass(frozen=True)
class ListDevices(Listed[Device]):
    """Devices. Filters: state, platform, ownership, user, external_id."""

    permission = Permission.DEVICES_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Device] | Refusal:
        return devices.page(tx, request)


@dataclass(frozen=True)
class ListEnrollments(Listed[Enrollment]):
    """Enrollments.

    Filters: state (`expired` too), platform, grant, user, device, message_state; device_state,
    ownership, token_status, token_type, source, and first_seen (`never`, `day`, `week`, `month`,
    `earlier`).
    """

    permission = Permission.ENROLLMENTS_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Enrollment] | Refusal:
        return enrollment_status.page(tx, request)


@dataclass(frozen=True)
class ListUsers(Listed[User]):
    """Users. Filters: state, source, role, group."""

    permission = Permission.USERS_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[User] | Refusal:
        return users.page(tx, request)


@dataclass(frozen=True)
class ListRoles(Listed[Holding]):
    """Roles and who holds them. Filters: role, user."""

    permission = Permission.STAFF_READ
    of_people = False

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Holding] | Refusal:
        return roles.page(tx, request)


@dataclass(frozen=True)
class ListOrganizations(Listed[Organization]):
    """Organizations, in tree order."""

    permission = Permission.ORGANIZATIONS_READ
    of_people = False

    def show(
        self, tx: Reader, caller: Caller, request: PageRequest
    ) -> Page[Organization] | Refusal:
        return organizations.page(tx, request)


@dataclass(frozen=True)
class ListMessages(Listed[Message]):
    """Messages, never their text. Filters: id, state, channel, purpose, user, enrollment."""

    permission = Permission.MESSAGES_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Message] | Refusal:
        return outbox.page(tx, request)


@dataclass(frozen=True)
class ListEvents(Listed[EventRow]):
    """Events.

    Filters: kind, actor_kind, user, device, enrollment, support_code, flag, after (an id), and
    the period: since (included) and before (not included), microseconds UTC.
    """

    permission = Permission.EVENTS_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[EventRow] | Refusal:
        page = events.page(tx, request)
        return page if isinstance(page, Refusal) else veiled(tx, caller, request.path, page)


@dataclass(frozen=True)
class ExportEvents(ListEvents):
    """Events, to take away: a right of its own."""

    permission = Permission.EVENTS_EXPORT


@dataclass(frozen=True)
class ListApiKeys(Listed[ApiKey]):
    """API keys, never their secrets. Filters: state, id."""

    permission = Permission.API_KEYS_READ
    of_people = False

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[ApiKey] | Refusal:
        return api_keys.page(tx, request)
