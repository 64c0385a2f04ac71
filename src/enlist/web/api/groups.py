"""Groups of users. Who is in one: `/users?group=`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field

from enlist.core import model
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import documents
from enlist.verbs.groups import (
    AddGroup,
    AddMember,
    ChangeGroup,
    DeleteGroup,
    GroupAgain,
    ListGroups,
    RemoveMember,
    ShowGroup,
)
from enlist.web.api.bodies import Body, Page, Paging, Shown, changes, filters
from enlist.web.api.operations import (
    IDEMPOTENT,
    Asking,
    IdempotencyHeader,
    IfMatch,
    Operations,
    Staff,
    shown,
    version_of,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Groups")


class Group(Shown):
    """A set of users."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "name": "Field staff",
                    "description": "",
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "source": "local",
                    "members": 12,
                    "created_at": EXAMPLE_MOMENT,
                    "version": 1,
                }
            ]
        }
    )

    id: str
    name: str
    """Unique in its organization, in any case of letters."""
    description: str
    organization: str
    organization_id: str
    source: str
    members: int
    created_at: Moment
    version: int
    """Counts changes; the `ETag` is made of it."""

    @classmethod
    def of(cls, found: model.UserGroup) -> Group:
        """A group of the store."""
        return cls(**documents.user_group(found))


class AddGroupBody(Body):
    """A new group, empty."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Field staff"}]})

    organization: Line = ""
    """Id or Group ID; your own if left out."""
    name: Annotated[Line, Field(min_length=1)]
    description: Line = ""


class GroupChanges(Body):
    """What to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Field staff"}]})

    name: Annotated[Line, Field(min_length=1)] = ""
    description: Line = ""


class GroupQuery(Paging):
    """Sorts: `name`, `created_at`."""

    source: Line | None = None


@operations.staff("GET", "/groups", Permission.USERS_READ, answers=Page[Group])
async def list_groups(
    asking: Staff, query: Annotated[GroupQuery, Query()]
) -> Page[Group] | Refusal:
    """List groups by name."""
    found = await asking.see(ListGroups(**filters(query)))
    return shown(found, lambda page: Page.of(page, Group.of))


@operations.staff(
    "POST", "/groups", Permission.USERS_EDIT, answers=Group, status=201, refuses=IDEMPOTENT
)
async def add_group(
    asking: Staff, body: AddGroupBody, _key: IdempotencyHeader = None
) -> Group | Refusal:
    """Add a group."""
    verb = AddGroup(body.organization, body.name, body.description)
    added = await asking.do_once(verb, GroupAgain)
    return _versioned(asking, added)


@operations.staff("GET", "/groups/{group}", Permission.USERS_READ, answers=Group)
async def show_group(asking: Staff, group: str) -> Group | Refusal:
    """Show a group."""
    found = await asking.see(ShowGroup(group))
    return _versioned(asking, found)


@operations.staff(
    "PATCH",
    "/groups/{group}",
    Permission.USERS_EDIT,
    answers=Group,
    refuses=("precondition_failed", "conflict"),
)
async def change_group(
    asking: Staff, group: str, body: GroupChanges, if_match: IfMatch = None
) -> Group | Refusal:
    """Change the name or the description of a local group."""
    verb = ChangeGroup(group, changes(body), version_of(if_match))
    changed = await asking.do(verb)
    return _versioned(asking, changed)


@operations.staff(
    "DELETE", "/groups/{group}", Permission.USERS_EDIT, status=204, refuses=("conflict",)
)
async def delete_group(asking: Staff, group: str) -> Refusal | None:
    """Delete a local group, unless an enrollment restriction counts for it. Its members stay."""
    return await asking.do(DeleteGroup(group))


@operations.staff(
    "PUT",
    "/groups/{group}/members/{user}",
    Permission.USERS_EDIT,
    status=204,
    refuses=("conflict",),
)
async def add_member(asking: Staff, group: str, user: str) -> Refusal | None:
    """Make a user, by id or user name, a member of a local group."""
    return await asking.do(AddMember(group, user))


@operations.staff(
    "DELETE",
    "/groups/{group}/members/{user}",
    Permission.USERS_EDIT,
    status=204,
    refuses=("conflict",),
)
async def remove_member(asking: Staff, group: str, user: str) -> Refusal | None:
    """End a user's membership of a local group."""
    return await asking.do(RemoveMember(group, user))


def _versioned(asking: Asking, found: model.UserGroup | Refusal) -> Group | Refusal:
    if isinstance(found, Refusal):
        return found
    asking.versioned(found.version)
    return Group.of(found)
