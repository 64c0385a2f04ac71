"""Whoever asks: what he may do, and his sign-ins. And the start page, the search, the roles."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field

from enlist.core import access
from enlist.core.caller import CallerKind
from enlist.core.model import organization_at
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import views_overview
from enlist.verbs.sign_in import EndAllSignIns, EndSignIn
from enlist.verbs.views_overview import MySignIns, SearchEverything
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.devices import Device
from enlist.web.api.enrollments import Enrollment, Message
from enlist.web.api.events import Event
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.api.organizations import Organization
from enlist.web.api.users import User
from enlist.web.values import EXAMPLE_ID, IdGiven, Line, Moment

operations: Final = Operations("Overview")

SIGNED_IN: Final = "signed in"
"""For operations on oneself: they take no permission, but somebody known."""


class Held(Shown):
    """Permissions held at an organization and below."""

    organization_id: str
    permissions: list[Permission]


class Me(Shown):
    """Whoever sent the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "api_key",
                    "id": EXAMPLE_ID,
                    "name": "Inventory",
                    "organization_id": EXAMPLE_ID,
                    "rights": [{"organization_id": EXAMPLE_ID, "permissions": ["devices:read"]}],
                }
            ]
        }
    )

    kind: CallerKind
    id: str | None
    name: str
    organization_id: str | None
    rights: list[Held]


@operations.staff("GET", "/me", SIGNED_IN, answers=Me)
async def show_me(asking: Staff) -> Me | Refusal:
    """Show who is asking, and what he may do."""
    caller = asking.caller
    held = [
        Held(organization_id=organization_at(right.path), permissions=sorted(right.permissions))
        for right in caller.rights
    ]
    return Me(
        kind=caller.kind,
        id=caller.id,
        name=caller.name,
        organization_id=caller.organization_id,
        rights=held,
    )


class SignIn(Shown):
    """One place where somebody is signed in."""

    id: str
    started_at: Moment
    last_seen_at: Moment
    expires_at: Moment
    address: str
    user_agent: str
    present: bool
    """Whether the request came with this one."""

    @classmethod
    def of(cls, found: access.SignIn, present: str | None) -> SignIn:
        """A sign-in of the store."""
        same = {n: getattr(found, n) for n in cls.model_fields if hasattr(found, n)}
        return cls(**same, present=found.id == present)


class SignIns(Shown):
    """Where somebody is signed in, newest first."""

    items: list[SignIn]


@operations.staff("GET", "/me/sign-ins", SIGNED_IN, answers=SignIns)
async def list_my_sign_ins(asking: Staff) -> SignIns | Refusal:
    """List where one is signed in. API keys are not."""
    present = asking.caller.sign_in_id
    found = await asking.see(MySignIns())
    return shown(found, lambda all_: SignIns(items=[SignIn.of(each, present) for each in all_]))


@operations.staff("DELETE", "/me/sign-ins/{sign_in_id}", SIGNED_IN, status=204)
async def end_my_sign_in(asking: Staff, sign_in_id: IdGiven) -> Refusal | None:
    """End one of one's own sign-ins."""
    return await asking.do(EndSignIn(sign_in_id))


class SignOutBody(Body):
    """Which sign-ins to end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"keep_present": True}]})

    keep_present: bool = False
    """Leave out the one that the request came with."""


@operations.staff("POST", "/me/sign-out", SIGNED_IN, status=204)
async def sign_out_everywhere(asking: Staff, body: SignOutBody | None = None) -> Refusal | None:
    """Sign out everywhere."""
    done = await asking.do(EndAllSignIns(keep_present=bool(body and body.keep_present)))
    return done if isinstance(done, Refusal) else None


class OverviewQuery(Body):
    """Where to look."""

    organization: Line = ""
    """Id or Group ID; your own if left out."""


class Overview(Shown):
    """How an organization and what is below it stand."""

    organization: Organization | None
    devices: dict[str, int]
    """How many, by state."""
    enrollments: dict[str, int]
    """How many, by state; `expired` among them."""
    messages: dict[str, int]
    expired: list[Enrollment]
    """Expired and never used, the newest few."""
    failed_messages: list[Message]
    interceptions: list[Event]
    """Used tokens that came again with another key, in the last seven days."""
    clones: list[Event]
    """Renewed certificates that were shown again, the newest of each device, where nobody has
    reset, replaced, blocked or deleted it since."""
    newest: list[Event]


@operations.staff("GET", "/overview", Permission.DEVICES_READ, answers=Overview)
async def show_overview(
    asking: Staff, query: Annotated[OverviewQuery, Query()]
) -> Overview | Refusal:
    """Show how things stand, and what needs attention."""
    now = asking.services.tools.clock()
    standing = await asking.see(views_overview.Overview(query.organization))
    return shown(
        standing,
        lambda found: Overview(
            organization=Organization.of(found.organization) if found.organization else None,
            devices=dict(found.devices),
            enrollments=dict(found.enrollments),
            messages=dict(found.messages),
            expired=[Enrollment.of(each, now) for each in found.expired],
            failed_messages=[Message.of(each) for each in found.failed_messages],
            interceptions=[Event.of(each) for each in found.interceptions],
            clones=[Event.of(each.event) for each in found.clones],
            newest=[Event.of(each) for each in found.newest],
        ),
    )


class SearchQuery(Body):
    """What to look for."""

    text: Annotated[Line, Field(min_length=1)]
    """Part of a name, an id, or a support code."""


class Found(Shown):
    """Up to five of each kind."""

    devices: list[Device]
    users: list[User]
    enrollments: list[Enrollment]
    organizations: list[Organization]
    event: Event | None
    """What a support code stands for."""


@operations.staff("GET", "/search", SIGNED_IN, answers=Found)
async def search(asking: Staff, query: Annotated[SearchQuery, Query()]) -> Found | Refusal:
    """Search everything that one may see."""
    now = asking.services.tools.clock()
    found = await asking.see(SearchEverything(query.text))
    return shown(
        found,
        lambda hits: Found(
            devices=[Device.of(each) for each in hits.devices],
            users=[User.of(each) for each in hits.users],
            enrollments=[Enrollment.of(each, now) for each in hits.enrollments],
            organizations=[Organization.of(each) for each in hits.organizations],
            event=Event.of(hits.support_code.event)
            if hits.support_code and hits.support_code.event
            else None,
        ),
    )
