"""One act on many enrollments or devices; each is answered as soon as it is done.

What is done to one is what its own operation does, and it is refused as that would be: one that
cannot be done stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import anyio.to_thread
from pydantic import ConfigDict, Field

from enlist.core.model import Ownership
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.driver import Verb
from enlist.verbs.many import MOST_AT_ONCE, MayAnywhere
from enlist.verbs.move import MoveDevice
from enlist.verbs.reissue import DeleteEnrollment, Reissue, Resend, Revoke
from enlist.verbs.unregister import Unregister
from enlist.web.api import rows
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.enrollments import MessageType
from enlist.web.api.events import JsonLines
from enlist.web.api.operations import Asking, Operations, Staff
from enlist.web.problems import problem
from enlist.web.values import EXAMPLE_ID, Line, MomentGiven

operations: Final = Operations("Many at once")


def _example(**more: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [{"ids": [EXAMPLE_ID], **more}]})


class Many(Body):
    """Which ones."""

    model_config = _example()

    ids: Annotated[list[Line], Field(min_length=1, max_length=MOST_AT_ONCE)]
    """Each is done by itself, in this order."""


class ManyResent(Many):
    """Which ones, and how their tokens are sent once more."""

    model_config = _example(type="email")

    type: Literal["", "email", "sms"] = ""
    """`email` or `sms`; the way that the last message of each went if left out."""
    template: Line = ""


class ManyReissued(Many):
    """Which ones, and what their new tokens have in common."""

    model_config = _example(message={"type": "email"})

    message: MessageType | None = None
    """By e-mail if left out; a one-time JWT is downloaded. `none` is not for many."""
    expires_at: MomentGiven | None = None
    """Until when the tokens work; each organization's hours from now if left out."""
    reason: Line = ""
    """For the audit log."""


class ManyRevoked(Many):
    """Which ones, and why."""

    model_config = _example(reason="the contract ended")

    reason: Line = ""
    """For the audit log and the console; whoever holds a token does not see it."""


class ManyMoved(Many):
    """Which devices, and where they go."""

    model_config = _example(organization="berlin")

    organization: Annotated[Line, Field(min_length=1)]
    """Id or Group ID; of each user's own organization, or below it."""


class ManyOwned(Many):
    """Which devices, and whose property they are."""

    model_config = _example(ownership="corporate_shared")

    ownership: Ownership


@operations.staff(
    "POST", "/enrollments/bulk/resend", Permission.ENROLLMENTS_RESEND, answers=JsonLines
)
async def resend_many(asking: Staff, body: ManyResent) -> JsonLines | Refusal:
    """Send the tokens of up to 1,000 enrollments again.

    The answer is JSON lines, one for each id in the order of the request, sent as they are done:
    `row` counts from 0, `id` is what was given, and `status` is what it alone would have been
    answered with; `problem` says why it was not done. The last line counts what was `done` and
    what was `refused`; if it is missing, the answer was cut short.
    """
    return await each_of(
        asking,
        Permission.ENROLLMENTS_RESEND,
        body.ids,
        lambda each: Resend(each, body.template, body.type),
    )


@operations.staff(
    "POST", "/enrollments/bulk/reissue", Permission.ENROLLMENTS_REISSUE, answers=JsonLines
)
async def reissue_many(asking: Staff, body: ManyReissued) -> JsonLines | Refusal:
    """Make a new token for each of up to 1,000 enrollments; answered as `resend` is."""
    delivery = body.message.delivery() if body.message else None
    if delivery is not None and delivery.shown:
        return invalid("message.type", "must be email, sms or later: nobody is shown many tokens")
    return await each_of(
        asking,
        Permission.ENROLLMENTS_REISSUE,
        body.ids,
        lambda each: Reissue(each, delivery, body.expires_at, body.reason),
    )


@operations.staff(
    "POST", "/enrollments/bulk/revoke", Permission.ENROLLMENTS_REVOKE, answers=JsonLines
)
async def revoke_many(asking: Staff, body: ManyRevoked) -> JsonLines | Refusal:
    """Revoke up to 1,000 enrollments; answered as `resend` is."""
    return await each_of(
        asking,
        Permission.ENROLLMENTS_REVOKE,
        body.ids,
        lambda each: Revoke(each, body.reason),
    )


@operations.staff(
    "POST", "/enrollments/bulk/delete", Permission.ENROLLMENTS_DELETE, answers=JsonLines
)
async def delete_many(asking: Staff, body: Many) -> JsonLines | Refusal:
    """Delete up to 1,000 enrollments that nobody used, for good; answered as `resend` is."""
    return await each_of(asking, Permission.ENROLLMENTS_DELETE, body.ids, DeleteEnrollment)


@operations.staff("POST", "/devices/bulk/move", Permission.DEVICES_EDIT, answers=JsonLines)
async def move_many(asking: Staff, body: ManyMoved) -> JsonLines | Refusal:
    """Move up to 1,000 registered devices, with their tokens, to another organization.

    Each token keeps its value and its own expiry, and follows the settings and restrictions of
    where it is now. Answered as `/enrollments/bulk/resend` is.
    """
    return await each_of(
        asking,
        Permission.DEVICES_EDIT,
        body.ids,
        lambda each: MoveDevice(each, body.organization),
    )


@operations.staff("POST", "/devices/bulk/ownership", Permission.DEVICES_EDIT, answers=JsonLines)
async def own_many(asking: Staff, body: ManyOwned) -> JsonLines | Refusal:
    """Say of up to 1,000 devices whose property they are; answered as the others are."""
    changes = {"ownership": body.ownership.value}
    return await each_of(
        asking,
        Permission.DEVICES_EDIT,
        body.ids,
        lambda each: ChangeDevice(each, changes),
    )


async def each_of(
    asking: Asking,
    permission: Permission,
    ids: Sequence[str],
    make: Callable[[str], Verb[Any, Any, Any]],
    told: Callable[[Any], Mapping[str, Any]] = lambda _value: {},
) -> JsonLines | Refusal:
    """Do one act to each; `told` is what the line of one that was done says besides."""
    refused = await asking.see(MayAnywhere(permission))
    return refused or JsonLines(_lines(asking, ids, make, told))


def _lines(
    asking: Asking,
    ids: Sequence[str],
    make: Callable[[str], Verb[Any, Any, Any]],
    say: Callable[[Any], Mapping[str, Any]],
) -> Iterator[bytes]:
    """The answer, one by one; runs in a thread."""
    refused, perform = 0, _performing(asking)
    for place, each in enumerate(ids):
        told = perform(make(each))
        if isinstance(told, Refusal):
            refused += 1
            yield rows.refused(place, told, id=each)
        else:
            yield rows.line(place, 200, id=each, **say(told))
    yield rows.end(done=len(ids) - refused, refused=refused)


def _performing(asking: Asking) -> Callable[[Verb[Any, Any, Any]], Any]:
    """Does one after the other, each for the caller as he stands by then; runs in a thread.

    Whoever reads slowly has the last ones done late. What was taken away from him meanwhile is gone
    (S54); once he is nobody any more, he is not asked for again.
    """
    gone: Refusal | None = None

    def perform(verb: Verb[Any, Any, Any]) -> Any:
        nonlocal gone
        outcome: Done[Any] | Refusal | Exception
        try:
            now = gone or asking.now()
            if isinstance(now, Refusal):
                outcome = gone = now
            else:
                outcome = asking.services.driver.perform(verb, now.caller)
        except Exception as fault:  # noqa: BLE001 - told in its line, and those after it are done
            outcome = fault
        return rows.told(outcome, verb.name, asking.request.url.path)

    return perform


class RegistrationsDeleted(Body):
    """Registrations, named by what is written on the devices."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"by": "serial", "values": ["C02XK1", "C02XK2"]}]}
    )

    by: Literal["serial", "udid", "asset_number"]
    values: Annotated[list[Line], Field(min_length=1, max_length=MOST_AT_ONCE)]
    organization: Line = ""
    """Id or Group ID of where to look, and below; your own if left out."""


class Fault(Shown):
    """A value by which nothing was deleted, and why."""

    value: str
    code: str
    message: str


class Deleted(Shown):
    """How many of the values there were, and what came of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "total": 2,
                    "accepted": 1,
                    "failed": 1,
                    "faults": [{"value": "C02XK2", "code": "not_found", "message": "Not found."}],
                }
            ]
        }
    )

    total: int
    accepted: int
    failed: int
    faults: list[Fault]
    """One for each value that failed, in the order of the request."""


@operations.staff("POST", "/devices/bulk/delete", Permission.DEVICES_DELETE, answers=Deleted)
async def unregister_many(asking: Staff, body: RegistrationsDeleted) -> Deleted | Refusal:
    """Delete up to 1,000 registrations by serial number, UDID or asset number.

    Their tokens are unknown from then on, and the devices have to be registered anew. A value
    fails where no registration in your sight has it, more than one has it, or its device is
    enrolled.
    """
    refused = await asking.see(MayAnywhere(Permission.DEVICES_DELETE))
    if isinstance(refused, Refusal):
        return refused
    return await anyio.to_thread.run_sync(
        _unregister, asking, body, limiter=asking.services.threads
    )


def _unregister(asking: Asking, body: RegistrationsDeleted) -> Deleted:
    faults, perform = [], _performing(asking)
    for value in body.values:
        told = perform(Unregister(body.by, value, body.organization))
        if isinstance(told, Refusal):
            document = problem(told, staff=True)
            message = told.fields[0].message if told.fields else document["detail"]
            faults.append(Fault(value=value, code=told.code, message=message))
    total = len(body.values)
    return Deleted(total=total, accepted=total - len(faults), failed=len(faults), faults=faults)
