"""The sealed log: checkpoints to keep, and proofs for whoever holds one."""

from __future__ import annotations

import base64
from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.views_log import (
    Growth,
    ProveEvent,
    ProveGrowth,
    Receipt,
    ShowCheckpoint,
    SignedCheckpoint,
)
from enlist.web.api.bodies import Shown
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Moment

operations: Final = Operations("Sealed log")

_HASH: Final = "Pb+Thj2zkMlRIgOgkGUGa5YaMFm8Yx8tfI1bIsBcn7U="
_NOTE: Final = (
    f"enlist/{EXAMPLE_ID}\n18\n{_HASH}\ntime {EXAMPLE_MOMENT}\n\n"
    f"— enlist/{EXAMPLE_ID} 2DXd+Gvv59UN2/CQ92zaFHZ3zBkV3uVl901pAFXOV437xO6P1ppm\n"
)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


class Checkpoint(Shown):
    """How long the log was at a moment, and the root of its tree then, signed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"size": 18, "root": _HASH, "made_at": EXAMPLE_MOMENT, "note": _NOTE}]
        }
    )

    size: int
    """How many events there were."""
    root: str
    """The root of their tree, in base64."""
    made_at: Moment
    note: str
    """The same as a signed note (C2SP), which is what to keep: `enlist audit verify` takes it."""

    @classmethod
    def of(cls, found: SignedCheckpoint) -> Checkpoint:
        said = found.checkpoint
        return cls(size=said.size, root=_text(said.root), made_at=said.made_at, note=found.note)


class Inclusion(Shown):
    """That an event is in the log: its place and the way to the root (RFC 9162, 2.1.3)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"index": 4, "entry": "{}", "proof": [_HASH], "checkpoint": None}]
        }
    )

    index: int | None
    """Counted from 0; null for the minute until a checkpoint covers the event."""
    entry: str
    """What was sealed. Its hash is SHA-256 of a zero byte and this text in UTF-8."""
    proof: list[str]
    """Hashes in base64."""
    checkpoint: Checkpoint | None

    @classmethod
    def of(cls, found: Receipt) -> Inclusion:
        return cls(
            index=found.index,
            entry=found.event.entry,
            proof=[_text(each) for each in found.proof],
            checkpoint=Checkpoint.of(found.signed) if found.signed else None,
        )


class Consistency(Shown):
    """That the log begins with what an older checkpoint says (RFC 9162, 2.1.4)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "since": 12,
                    "proof": [_HASH],
                    "checkpoint": {
                        "size": 18,
                        "root": _HASH,
                        "made_at": EXAMPLE_MOMENT,
                        "note": _NOTE,
                    },
                }
            ]
        }
    )

    since: int
    """How many events there were in the older one."""
    proof: list[str]
    """Hashes in base64."""
    checkpoint: Checkpoint

    @classmethod
    def of(cls, found: Growth) -> Consistency:
        proof = [_text(each) for each in found.proof]
        return cls(since=found.since, proof=proof, checkpoint=Checkpoint.of(found.signed))


@operations.staff("GET", "/log/checkpoint", Permission.EVENTS_READ, answers=Checkpoint)
async def newest_checkpoint(asking: Staff) -> Checkpoint | Refusal:
    """Show the newest signed checkpoint of the audit log, to be kept elsewhere.

    Before the first minute is over there is none.
    """
    found = await asking.see(ShowCheckpoint())
    return shown(found, Checkpoint.of)


@operations.staff("GET", "/log/consistency", Permission.EVENTS_READ, answers=Consistency)
async def prove_consistency(
    asking: Staff, since: Annotated[int, Query(ge=1, le=2**62, description="An older size.")]
) -> Consistency | Refusal:
    """Prove that the log still begins with the events of an older checkpoint."""
    found = await asking.see(ProveGrowth(since))
    return shown(found, Consistency.of)


@operations.staff("GET", "/events/{event_id}/proof", Permission.EVENTS_READ, answers=Inclusion)
async def prove_event(asking: Staff, event_id: str) -> Inclusion | Refusal:
    """Prove that an event is in the log, at its place and as it was sealed."""
    found = await asking.see(ProveEvent(event_id))
    return shown(found, Inclusion.of)
