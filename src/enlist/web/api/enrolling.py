"""Enrolling: redeem, and attempts that begin here and finish on the device.

A person begins in a browser with a token and gets a short code for the agent; or a device does
both by itself. Beginning consumes nothing.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import ConfigDict

from enlist.core.outcomes import Refusal
from enlist.verbs.begin import Begin, Begun, Cancel
from enlist.verbs.presenting import Presented
from enlist.web.api.bodies import Shown
from enlist.web.api.operations import IDEMPOTENT, Anybody, IdempotencyHeader, Operations, shown
from enlist.web.api.redeem import (
    EXAMPLE_CSR,
    CsrGiven,
    DeviceGiven,
    PresentedBody,
    PublicBody,
    RedeemBody,
    Redeemed,
    complete,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment, SecretGiven

operations: Final = Operations("Enrolling")

HOLDERS: Final = (
    "token_invalid",
    "credentials_invalid",
    "token_expired",
    "credentials_expired",
    "token_used",
    "token_exhausted",
    "token_revoked",
    "token_replaced",
    "platform_not_supported",
    "wrong_user",
    "user_not_allowed",
    "token_required",
    "device_not_registered",
    "device_limit_reached",
    "device_not_approved",
    "device_denied",
    "device_revoked",
    "os_version_too_old",
    "terms_required",
    "answers_required",
)
"""How presenting a token, a code or a login may be refused."""

COMPLETING: Final = (
    *HOLDERS,
    *IDEMPOTENT,
    "attempt_over",
    "platform_mismatch",
    "csr_invalid",
    "completion_required",
)
"""How redeeming may be refused."""


@operations.public("POST", "/redeem", answers=Redeemed, status=201, refuses=COMPLETING)
async def redeem(
    asking: Anybody, body: RedeemBody, _key: IdempotencyHeader = None
) -> Redeemed | Refusal:
    """Enroll a device: present a token, code or login, and get a certificate for its key.

    Many devices that come with one token make exactly one enrollment. A device that repeats its
    request within ten minutes, because the answer was lost, gets the same answer again: it is
    recognised by its key, or by its `Idempotency-Key`.
    """
    presented = body.presented()
    if isinstance(presented, Refusal):
        return presented
    return await complete(asking.request, presented, body.device, body.csr)


class BeginBody(PresentedBody):
    """What somebody presents, and which device he is at."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": "8Kq2mWx7Rb", "device": {"platform": "linux"}}]}
    )


class AttemptBegun(Shown):
    """An open attempt."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "code": "BCDF-GHJK-L",
                    "expires_at": EXAMPLE_MOMENT,
                    "next": "certificate",
                }
            ]
        }
    )

    id: str
    code: str
    """For the device that finishes; it may be typed with or without its hyphens."""
    expires_at: Moment
    next: Literal["certificate", "other_device"]
    """`other_device`: it was registered for another platform than this one; open it there."""

    @classmethod
    def of(cls, begun: Begun) -> AttemptBegun:
        """An attempt that was just begun."""
        return cls(
            id=begun.attempt_id,
            code=begun.code.reveal(),
            expires_at=begun.expires_at,
            next=begun.purpose.next.value,
        )


@operations.public(
    "POST",
    "/attempts",
    answers=AttemptBegun,
    status=201,
    refuses=(*HOLDERS, "attempt_over"),
)
async def begin_attempt(asking: Anybody, body: BeginBody) -> AttemptBegun | Refusal:
    """Begin an attempt. It consumes nothing and may be repeated, 30 times in ten minutes."""
    presented = body.presented()
    if isinstance(presented, Refusal):
        return presented
    begun = await asking.do(Begin(presented, body.device.report()))
    return shown(begun, AttemptBegun.of)


class CompleteBody(PublicBody):
    """The attempt's code, and the key that the device wants a certificate for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "BCDF-GHJK-L", "csr": EXAMPLE_CSR}]}
    )

    code: SecretGiven
    device: DeviceGiven = DeviceGiven()
    csr: CsrGiven | None = None
    accepted_terms: Line = ""
    """Id of the terms of use that are accepted, where the attempt began without."""


@operations.public(
    "POST",
    "/attempts/{attempt_id}/complete",
    answers=Redeemed,
    status=201,
    refuses=COMPLETING,
)
async def complete_attempt(
    asking: Anybody, attempt_id: str, body: CompleteBody, _key: IdempotencyHeader = None
) -> Redeemed | Refusal:
    """Finish an attempt: the device is enrolled and gets its certificate."""
    presented = Presented(token=body.code, accepts=body.accepted_terms)
    return await complete(asking.request, presented, body.device, body.csr, attempt_id)


class CancelBody(PublicBody):
    """The attempt's code."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "BCDF-GHJK-L"}]})

    code: SecretGiven


@operations.public(
    "POST",
    "/attempts/{attempt_id}/cancel",
    status=204,
    refuses=("token_invalid", "attempt_over"),
)
async def cancel_attempt(asking: Anybody, attempt_id: str, body: CancelBody) -> Refusal | None:
    """End an attempt early: its code stops working, the token stays usable."""
    return await asking.do(Cancel(attempt_id, body.code))
