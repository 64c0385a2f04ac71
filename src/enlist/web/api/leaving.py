"""People who leave: offboarding and erasing them; a dry run shows what would end."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict
from pydantic.config import JsonDict

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import documents
from enlist.verbs.erase import Erase
from enlist.verbs.offboard import CancelOffboarding, Offboard, leaving_of
from enlist.verbs.rehearsing import DryRun
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.foreseeing import Consequences, DryRunAsked, Preview
from enlist.web.api.operations import Operations, Staff
from enlist.web.api.roles import ROLE, RoleHeld
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment, MomentGiven

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


class ErasedPerson(Shown):
    """Somebody who was erased, or would be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "consequences": _ENDS,
                    "preview": "9f2b",
                    "events": 41,
                    "messages": 3,
                    "devices": 1,
                }
            ]
        }
    )

    consequences: Leaves
    """What ended with it, or would."""
    preview: str
    """A digest of what there was. Sent with a confirmation, it refuses any other situation."""
    events: int | None
    """How many events tell nothing of the person any more; null in a dry run, as below."""
    messages: int | None
    """How many messages lost their address."""
    devices: int | None
    """How many devices lost their name and owner."""


class EraseBody(Body):
    """Who is meant, once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"confirm": "ada"}]})

    confirm: Line = ""
    """The user name. Without it nobody is erased."""
    preview: Preview = ""
    """What a dry run answered; if anything has changed since, nothing is done."""


@operations.staff(
    "POST",
    "/users/{user}/erase",
    Permission.USERS_ERASE,
    answers=ErasedPerson,
    refuses=("preview_outdated", "last_administrator", "conflict"),
)
async def erase_user(
    asking: Staff, user: str, body: EraseBody | None = None, dry_run: DryRunAsked = False
) -> ErasedPerson | Refusal:
    """Erase a person for good, also one who was deleted: names, addresses and numbers go.

    All that lets him in ends first. The audit log stays whole and verifiable: its entries hold ids
    and digests, whose salts go. Backups, and what was told to others, are out of reach.
    """
    asked = body or EraseBody()
    verb = Erase(user, asked.confirm, asked.preview)
    now = asking.services.tools.clock()
    if not dry_run:
        done = await asking.do(verb)
        return done if isinstance(done, Refusal) else ErasedPerson(**documents.erased(done, now))
    found = await asking.do(DryRun(verb))
    if isinstance(found, Refusal):
        return found
    ends = Leaves(**documents.leaving(leaving_of(found), now))
    return ErasedPerson(
        consequences=ends, preview=found.preview, events=None, messages=None, devices=None
    )
