"""The stages of an enrollment, as whoever follows one asks for them (A75).

The log tells what was done: a device was reset, a message was sent. Who keeps a ticket or an
inventory in step asks what became of the enrollment instead. An event marks one stage at most, so
that nobody who asks for stages is told of one twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from enlist.core.ids import Id
from enlist.core.lifecycle import SUPERSEDED
from enlist.core.templates import PURPOSES

STAGES: Final[Mapping[str, str]] = {
    "issued": "There is a new enrollment; one that begins with a sign-in begins with `used`.",
    "sent": "A message with its token was handed to the mail server or the SMS gateway; again "
    "where it was sent again.",
    "opened": "A person opened its link; again each time, twenty times at most.",
    "leased": "A device began to enroll with it; again each time.",
    "used": "A device is enrolled with it, and bound to its owner.",
    "expired": "Its token ran out unused; once for each token.",
    "revoked": "It was taken back, or deleted, by itself or with its device or user.",
    "superseded": "A newer token took its place: of the same enrollment after a reissue, of a new "
    "one after a reset or where it had expired.",
}
"""Every stage; the reference lists the same."""

KINDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "issued": ("device.registered", "enrollment.issued", "device.reset"),
    "sent": ("message.sent",),
    "opened": ("enrollment.opened",),
    "leased": ("attempt.started",),
    "used": ("enrollment.redeemed",),
    "expired": ("enrollment.expired",),
    "revoked": ("enrollment.revoked", "enrollment.deleted"),
    "superseded": ("enrollment.reissued", "enrollment.revoked"),
}
"""By which kinds of events a stage may be marked."""

EXPIRED: Final = "expired"
"""Why an expired enrollment was revoked to make room for a new one."""

_MADE_WAY: Final = frozenset({SUPERSEDED, EXPIRED})


def stage(kind: str, enrollment_id: Id | None, data: Mapping[str, Any]) -> str:
    """Which stage of its enrollment an event marks; "" for none."""
    if enrollment_id is None:
        return ""
    if kind == "message.sent":
        return "sent" if data.get("purpose") in PURPOSES else ""
    if kind == "enrollment.opened":
        return "" if data.get("scanner") else "opened"
    if kind == "enrollment.revoked":
        return "superseded" if data.get("reason") in _MADE_WAY else "revoked"
    return _STAGE.get(kind, "")


_STAGE: Final = {kind: name for name, kinds in KINDS_OF.items() for kind in kinds}
