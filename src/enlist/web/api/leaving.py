"""People who leave: offboarding them, now or at a given time; a dry run shows what would end."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict
from pydantic.config import JsonDict

from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.verbs import documents
from enlist.verbs.offboard import CancelOffboarding, Offboard, leaving_of
from enlist.verbs.rehearsing import DryRun
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.foreseeing import Consequences, DryRunAsked, Preview
from enlist.web.api.operations import Operations, Staff
from enlist.web.api.roles import ROLE, RoleHeld
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Moment, MomentGiven

operations: Final = Operations("Users")

_ENDS: Final[JsonDict] = {
    "credentials": [],
    "enrollments": [],
    "sessions": 1,
    "networks": ["192.0.2.0/24"],
    "sign_ins": 1,
    "messages": 0,
    "api_keys": [{"id": EXAMPLE_ID, "name": "nightly"}],
    "roles": [ROLE],
}


class EndingKey(Shown):
    """An API key that the user made."""

    id: str
    name: str


class Leaves(Consequences):
    """What ends, at once."""

    messages: int
    """How many messages to the user are not sent any more."""
    api_keys: list[EndingKey]
    """Keys that the user made; whatever uses one has to be given another."""
    roles: list[RoleHeld]
    """Roles that are taken away."""


class Offboarding(Shown):
    """Somebody who was offboarded, or will be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"at": EXAMPLE_MOMENT, "consequences": _ENDS, "preview": "9f2b"}]
        }
    )

    at: Moment | None
    """When it happens; null where it has happened."""
    consequences: Leaves
    """What ended, or would, were it now."""
    preview: str
    """A digest of what there was. Sent with a confirmation, it refuses any other situation."""


class OffboardBody(Body):
    """When somebody leaves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"at": EXAMPLE_MOMENT}]})

    at: MomentGiven | None = None
    """Now if left out. At that time, whatever there is then ends."""
    preview: Preview = ""
    """What a dry run answered; if anything has changed since, nothing is done."""


@operations.staff(
    "POST",
    "/users/{user}/offboard",
    Permission.USERS_EDIT,
    answers=Offboarding,
    refuses=("preview_outdated", "last_administrator"),
)
async def offboard_user(
    asking: Staff, user: str, body: OffboardBody | None = None, dry_run: DryRunAsked = False
) -> Offboarding | Refusal:
    """End all that lets a user and his devices in, now or at a given time.

    Sign-ins, live sessions, certificates, tokens, messages that wait, roles, the password, and the
    API keys that he made. The account stays, disabled. Asked again with another time, it is moved.
    """
    asked = body or OffboardBody()
    verb = Offboard(user, asked.at, asked.preview)
    now = asking.services.tools.clock()
    if dry_run:
        foreseen = await asking.do(DryRun(verb))
        if isinstance(foreseen, Refusal):
            return foreseen
    else:
        done = await asking.do(verb)
        if isinstance(done, Refusal):
            return done
        foreseen = done.foreseen
    ends = Leaves(**documents.leaving(leaving_of(foreseen), now))
    return Offboarding(at=asked.at, consequences=ends, preview=foreseen.preview)


@operations.staff("DELETE", "/users/{user}/offboarding", Permission.USERS_EDIT, status=204)
async def cancel_offboarding(asking: Staff, user: str) -> Refusal | None:
    """Cancel what was planned. Nothing has ended yet."""
    return await asking.do(CancelOffboarding(user))
