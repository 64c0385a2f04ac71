"""A user goes to another organization, with what waits for him."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.move_people import MoveUser
from enlist.web.api.bodies import Body
from enlist.web.api.operations import Operations, Staff
from enlist.web.api.users import User
from enlist.web.values import Line

operations: Final = Operations("Users")


class MoveUserBody(Body):
    """Where a user goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organization": "berlin"}]})

    organization: Annotated[Line, Field(min_length=1)]
    """Id or Group ID."""


@operations.staff(
    "POST",
    "/users/{user}/move",
    Permission.USERS_EDIT,
    answers=User,
    refuses=("conflict", "device_enrolled", "email_taken"),
)
async def move_user(asking: Staff, user: str, body: MoveUserBody) -> User | Refusal:
    """Move a user, with his devices that are not enrolled and their tokens.

    A device that is enrolled elsewhere than in the new organization or below it holds him back:
    reset or delete it first. Moving devices takes the permission `devices:edit` as well.
    """
    moved = await asking.do(MoveUser(user, body.organization))
    if isinstance(moved, Refusal):
        return moved
    asking.versioned(moved.version)
    return User.of(moved)
