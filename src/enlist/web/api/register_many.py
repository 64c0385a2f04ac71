"""Registering thousands of devices with one request; each row is answered as soon as it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, ValidationError, WrapValidator

from enlist.core.caller import Caller
from enlist.core.clock import rfc3339
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import support_code
from enlist.delivery.lookups import enrollment_link
from enlist.store.tx import StoreUnavailable
from enlist.verbs.issuing import Issued
from enlist.verbs.register import Register
from enlist.verbs.register_many import MOST_ROWS, BeginBulk, Block, RegisterInBulk
from enlist.web.api import rows
from enlist.web.api.enrollments import TokenBody
from enlist.web.api.events import JsonLines
from enlist.web.api.operations import (
    IDEMPOTENT,
    Asking,
    IdempotencyHeader,
    Operations,
    Staff,
)
from enlist.web.api.registering import DEVICE, DeviceGiven, GrantGiven
from enlist.web.reading import unfit
from enlist.web.values import Line

operations: Final = Operations("Devices")


class RowGiven(DeviceGiven):
    """One device, and for whom."""

    user: Annotated[Line, Field(min_length=1)]
    """Id or user name."""
    organization: Line = ""
    """Id or Group ID; the user's own if left out."""


def _as_it_came(value: Any, _read: Any) -> Any:
    """Each row is read by itself later, so that one that is wrong stops no other."""
    return value


UnreadRow = Annotated[RowGiven, WrapValidator(_as_it_came)]


class RowsBody(TokenBody):
    """Devices, and how their tokens get to their users."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rows": [
                        {"user": "ada", **{n: v for n, v in DEVICE.items() if n != "message"}},
                        {"user": "bob", "name": "Bob's phone", "platform": "android"},
                    ],
                    "message": {"type": "email"},
                }
            ]
        }
    )

    organization: Line = ""
    """Id or Group ID of where you may register devices; your own if left out."""
    grant: GrantGiven = GrantKind.REGISTRATION_TOKEN
    """As where one device is registered."""
    rows: Annotated[list[UnreadRow], Field(min_length=1, max_length=MOST_ROWS)]
    """One for each device. A row that is wrong is told in its place, and the others are done."""


@operations.staff(
    "POST",
    "/devices/bulk",
    Permission.DEVICES_REGISTER,
    answers=JsonLines,
    refuses=IDEMPOTENT,
)
async def register_devices(
    asking: Staff, body: RowsBody, _key: IdempotencyHeader = None
) -> JsonLines | Refusal:
    """Register up to 10,000 devices, each with an enrollment and a message of its own.

    The answer is JSON lines, one for each row in the order of the request, sent as they are done:
    `row` counts from 0, and `status` is what the row alone would have been answered with. Beside
    them stand `device_id`, `enrollment_id` and `expires_at` (`token` and `link` where `message`
    is `none`), or `problem`. The last line counts what was `issued` and `refused`. If it is
    missing, send the request again with the same `Idempotency-Key`: what was done is answered
    again, and the rest is done.
    """
    key = await asking.idempotency_key()
    if isinstance(key, Refusal):
        return key
    block = await asking.do(BeginBulk(body.organization, len(body.rows), key))
    if isinstance(block, Refusal):
        return block
    return JsonLines(_lines(asking, body, block))


def _lines(asking: Asking, body: RowsBody, block: Block) -> Iterator[bytes]:
    """The answer, portion by portion; runs in a thread."""
    unreadable: dict[int, Refusal] = {}
    verbs = _verbs(body, block, unreadable)
    issued = refused = place = 0
    for portion in asking.services.in_bulk.perform(verbs, lambda: _caller(asking)):
        lines = []
        for outcome in portion:
            while place in unreadable:
                lines.append(rows.refused(place, unreadable.pop(place)))
                place, refused = place + 1, refused + 1
            told = rows.told(outcome, "register", "/api/v1/devices/bulk")
            if isinstance(told, Refusal):
                lines.append(rows.refused(place, told))
                refused += 1
            else:
                lines.append(_issued(asking, place, told))
                issued += 1
            place += 1
        yield b"".join(lines)
    lines = [rows.refused(place, unreadable[place]) for place in sorted(unreadable)]
    yield b"".join([*lines, rows.end(issued=issued, refused=refused + len(lines))])


def _caller(asking: Asking) -> Caller | Refusal:
    """Whoever asks, as he stands now: he may read slowly, and the last rows are done late."""
    try:
        now = asking.now()
    except StoreUnavailable:
        return Refusal("try_later", support_code=support_code())
    return now if isinstance(now, Refusal) else now.caller


def _verbs(
    body: RowsBody, block: Block, unreadable: dict[int, Refusal]
) -> Iterator[RegisterInBulk]:
    """The verb of each row; what cannot be read is put aside, before those that follow are done."""
    delivery = body.message.delivery()
    for place, given in enumerate(body.rows):
        try:
            row = RowGiven.model_validate(given)
        except ValidationError as error:
            unreadable[place] = unfit(error.errors(include_url=False, include_input=False))
            continue
        organization = row.organization
        register = Register(
            organization, row.user, row.details(), delivery, body.expires_at, body.grant
        )
        yield RegisterInBulk(register, block.of(place), block.repeated)


def _issued(asking: Asking, place: int, issued: Issued) -> bytes:
    made: dict[str, Any] = {
        "device_id": issued.device_id,
        "enrollment_id": issued.enrollment_id,
        "expires_at": rfc3339(issued.expires_at),
    }
    if issued.token is not None:
        token = issued.token.reveal()
        made["token"] = token
        made["link"] = enrollment_link(asking.services.public_url, issued.enrollment_id, token)
    return rows.line(place, 201, **made)
