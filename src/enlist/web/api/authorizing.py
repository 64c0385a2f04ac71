"""Where users may enroll."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.authorizing import MOST, Authorize
from enlist.web.api.bodies import Body
from enlist.web.api.operations import Operations, Staff
from enlist.web.api.users import User
from enlist.web.values import Line

operations: Final = Operations("Users")


class AuthorizeBody(Body):
    """Where a user may enroll."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organizations": ["berlin", "paris"]}]}
    )

    organizations: Annotated[list[Line], Field(max_length=MOST)]
    """Ids or Group IDs of the user's organization or of some below it, the default first; none for
    his own and all below it."""


@operations.staff(
    "PUT", "/users/{user}/authorized-organizations", Permission.USERS_EDIT, answers=User
)
async def authorize_user(asking: Staff, user: str, body: AuthorizeBody) -> User | Refusal:
    """Say at which organizations a user may enroll, and no others.

    His devices go to the first one where nobody says otherwise. What stands elsewhere stays.
    """
    changed = await asking.do(Authorize(user, tuple(body.organizations)))
    if isinstance(changed, Refusal):
        return changed
    asking.versioned(changed.version)
    return User.of(changed)
