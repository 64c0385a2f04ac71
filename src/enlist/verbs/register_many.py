"""Register in bulk: thousands of rows of one request, each registered as by itself.

A row is a `Register` like any other, looked at and refused like any other: what is different is
that hundreds of them share one snapshot, one transaction and one flush of the disk (`together`).
`RegisterInBulk` is what the hot lane does to one row; `BeginBulk` what is asked before the first:
it takes a block of ids for all of them. A request that is repeated with its Idempotency-Key gets
the same block, so each row finds what it made the first time, also where that was cut short by a
power failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.ids import Id, in_block, new_block
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Send, Subjects, invalid
from enlist.core.policy import Permission
from enlist.store import devices, enrollments, issues, limits, roles, users
from enlist.store.ahead import ReadAhead
from enlist.store.limits import IdempotencyKey
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.channels import SMS
from enlist.verbs.driver import Answered, HotVerb, QuickVerb, Tools
from enlist.verbs.fields import readable
from enlist.verbs.finding import organization_named
from enlist.verbs.idempotent import LIFETIME
from enlist.verbs.issuing import (
    Issued,
    Prepared,
    Target,
    cap_reached,
    happenings,
    message_of,
    prepare,
    shows_token,
)
from enlist.verbs.register import IssuedAgain, Register, Seen, new_enrollment

MOST_ROWS: Final = 10_000
"""Of one request."""

_CANDIDATES: Final = 2
"""Tokens that are made for a row: that both read like tokens of others happens to nobody."""


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of one row, known before it is issued."""

    device: Id
    enrollment: Id


@dataclass(frozen=True, slots=True)
class Block:
    """The ids of all rows of one request.

    Attributes:
        repeated: the request came before, so that its rows may have been issued.
    """

    first: Id
    rows: int
    repeated: bool = False

    def of(self, place: int) -> Ids:
        """Those of the row at `place`."""
        return Ids(in_block(self.first, place), in_block(self.first, self.rows + place))


@dataclass(frozen=True)
class BeginBulk(QuickVerb[Organization, Block]):
    """Take the ids for the rows of a request.

    Attributes:
        organization: id or Group ID of where the rows are registered that name none themselves;
            "" for the caller's own.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `idempotency_key_reused`.
    """

    organization: str
    rows: int
    key: IdempotencyKey | None = None

    name = "begin_bulk"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        if not 1 <= self.rows <= MOST_ROWS:
            return invalid("rows", f"must be 1 to {MOST_ROWS} rows; send the others by themselves")
        named = self.organization or caller.organization_id or ""
        return organization_named(tx, caller, named, Permission.DEVICES_REGISTER)

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[Block] | Refusal:
        first = new_block(tx.now, 2 * self.rows)
        if self.key is None or limits.remember(tx, self.key, first, LIFETIME):
            return Done(Block(first, self.rows))
        known = limits.recall(tx, self.key)
        if known is None:
            raise ConcurrentChange
        if not known.same_request:
            return Refusal("idempotency_key_reused", about=Subjects(ready.id))
        return Done(Block(known.made_id, self.rows, repeated=True))


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is about to be issued, and what its answer is made of."""

    issue: issues.Issue
    prepared: Prepared


def _issue(tx: Tx, claims: Sequence[Claim]) -> list[int]:
    return issues.issue(tx, [each.issue for each in claims])


@dataclass(frozen=True)
class RegisterInBulk(HotVerb[Seen | Issued, Claim, Claim, Issued]):
    """Register one of many devices and issue its enrollment.

    Attributes:
        ids: from the request's `Block`; its device and its enrollment will have them.
        repeated: it may have been issued before, and is then answered again.

    Refusals: those of `Register`.
    """

    row: Register
    ids: Ids
    repeated: bool = False

    name = "register_in_bulk"
    apply_many = _issue

    @classmethod
    def read_ahead(cls, _tools: Tools, ahead: ReadAhead, verbs: Sequence[RegisterInBulk]) -> None:
        names = {verb.row.user for verb in verbs}
        users.read_ahead(
            ahead, filter(readable, names), lambda found: roles.read_ahead(ahead, found)
        )
        repeated = [verb.ids.enrollment for verb in verbs if verb.repeated]
        if repeated:
            enrollments.read_ahead(ahead, repeated)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Issued | Refusal:
        if self.repeated and enrollments.find(tx, self.ids.enrollment) is not None:
            revealed = self.row.message.shown
            return IssuedAgain(self.ids.enrollment, revealed).look(tools, tx, caller)
        return self.row.look(tools, tx, caller)

    def work(
        self, tools: Tools, caller: Caller, seen: Seen | Issued
    ) -> Claim | Answered[Issued] | Refusal:
        if isinstance(seen, Issued):
            return Answered(Done(seen))
        row, now = self.row, tools.clock()
        device = replace(row.new_device(seen, now), id=self.ids.device)
        target = Target(
            enrollment_id=self.ids.enrollment,
            generation=1,
            device_id=device.id,
            device_name=device.name,
            organization_id=device.organization_id,
            path=seen.organization.path,
            user=seen.user,
            grant=row.grant,
        )
        delivery, until = row.message, row.expires_at
        prepared = prepare(tools, caller, target, seen.policy, delivery, until, _CANDIDATES)
        if isinstance(prepared, Refusal):
            return prepared
        message = message_of(prepared, 1, now)
        data = {"platform": device.platform.value}
        told = tuple(happenings(prepared, "device.registered", data, 1))
        secrets = tuple(each.row for each in prepared.minted)
        enrollment = new_enrollment(prepared, caller)
        claim = issues.Issue(
            device, enrollment, secrets, message, told, caller, prepared.sms_per_day
        )
        return Claim(claim, prepared)

    @classmethod
    def complete(
        cls, _tools: Tools, ready: Sequence[tuple[RegisterInBulk, Caller, Claim]]
    ) -> Sequence[Claim | Refusal]:
        return [claim for _, _, claim in ready]

    def won(self, claim: Claim, answer: int) -> Done[Issued]:
        prepared, message = claim.prepared, claim.issue.message
        target, token = prepared.target, prepared.minted[answer - 1].token
        issued = Issued(
            target.enrollment_id,
            target.device_id,
            prepared.expires_at,
            answer,
            token if shows_token(prepared) else None,
            message.id if message else None,
            target.grant,
        )
        return Done(issued, () if message is None else (Send(message.id),))

    def lost(self, tools: Tools, tx: Reader, caller: Caller, claim: Claim) -> Refusal:
        if enrollments.find(tx, self.ids.enrollment) is not None:
            raise ConcurrentChange  # the same request was faster than itself: answer it again
        seen = self.row.look(tools, tx, caller)
        if isinstance(seen, Refusal):
            return seen
        external_id = self.row.details.external_id
        if devices.with_external_id(tx, seen.organization.id, external_id):
            return invalid("external_id", "another device here has it")
        prepared = claim.prepared
        if prepared.delivery.type == SMS:
            return cap_reached(tx, prepared.target.subjects, prepared.sms_per_day)
        raise ConcurrentChange
