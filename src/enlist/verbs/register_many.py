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
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.ids import Id, in_block, new_block
from enlist.core.model import Device, Organization
from enlist.core.outcomes import Done, Refusal, Send, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy
from enlist.store import devices, enrollments, issues, limits, roles, users
from enlist.store.ahead import ReadAhead
from enlist.store.limits import IdempotencyKey
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.caps import sms_cap_reached
from enlist.verbs.channels import SMS
from enlist.verbs.driver import Answered, HotVerb, QuickVerb, Tools
from enlist.verbs.fields import readable
from enlist.verbs.finding import organization_named
from enlist.verbs.idempotent import LIFETIME
from enlist.verbs.issuing import (
    Issued,
    Minted,
    Prepared,
    Target,
    happenings,
    message_of,
    mint,
    prepare,
    shows_token,
)
from enlist.verbs.register import IssuedAgain, Places, Register, Seen, new_enrollment

MOST_ROWS: Final = 10_000
"""Of one request."""

_TOKENS_ALONE: Final = 2
"""Tokens that are made for a row that is alone: that both read like tokens of others happens to
nobody. Among others it has one, and is done alone where that one is taken."""


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
class Ready:
    """A row that can be issued, but for its token."""

    device: Device
    prepared: Prepared
    policy: EnrollmentPolicy


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is about to be issued, and what its answer is made of."""

    issue: issues.Issue
    prepared: Prepared
    minted: tuple[Minted, ...]


def _claim(tools: Tools, caller: Caller, ready: Ready, tokens: int, now: int) -> Claim:
    prepared = ready.prepared
    minted = mint(tools, prepared.target, ready.policy, tokens)
    data = {"platform": ready.device.platform.value}
    issue = issues.Issue(
        ready.device,
        new_enrollment(prepared, caller),
        tuple(each.row for each in minted),
        message_of(prepared, 1, now),
        tuple(happenings(prepared, "device.registered", data, 1)),
        caller,
        prepared.sms_per_day,
    )
    return Claim(issue, prepared, minted)


def _issue(tx: Tx, claims: Sequence[Claim]) -> list[int]:
    return issues.issue(tx, [each.issue for each in claims])


@dataclass(frozen=True)
class RegisterInBulk(HotVerb[Seen | Issued, Ready, Claim, Issued]):
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

    @classmethod
    def look_each(
        cls, tools: Tools, tx: Reader, asked: Sequence[tuple[RegisterInBulk, Caller]]
    ) -> list[Seen | Issued | Refusal]:
        places: dict[int, Places] = {}
        for _, caller in asked:
            if id(caller) not in places:
                places[id(caller)] = Places(tx, caller)
        return [verb.look_among(tools, tx, caller, places[id(caller)]) for verb, caller in asked]

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Issued | Refusal:
        return self.look_among(tools, tx, caller, Places(tx, caller))

    def look_among(
        self, tools: Tools, tx: Reader, caller: Caller, places: Places
    ) -> Seen | Issued | Refusal:
        """The same among the others of its portion."""
        if self.repeated and enrollments.find(tx, self.ids.enrollment) is not None:
            revealed = self.row.message.shown
            return IssuedAgain(self.ids.enrollment, revealed).look(tools, tx, caller)
        return self.row.look_among(tools, tx, caller, places)

    def work(
        self, tools: Tools, caller: Caller, seen: Seen | Issued
    ) -> Ready | Answered[Issued] | Refusal:
        if isinstance(seen, Issued):
            return Answered(Done(seen))
        row = self.row
        device = row.new_device(seen, tools.clock(), self.ids.device)
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
        prepared = prepare(tools, caller, target, seen.policy, delivery, until, spares=0)
        if isinstance(prepared, Refusal):
            return prepared
        return Ready(device, prepared, seen.policy)

    @classmethod
    def complete(
        cls, tools: Tools, ready: Sequence[tuple[RegisterInBulk, Caller, Ready]]
    ) -> Sequence[Claim | Refusal]:
        tokens = _TOKENS_ALONE if len(ready) == 1 else 1
        now = tools.clock()
        return [_claim(tools, caller, one, tokens, now) for _, caller, one in ready]

    def won(self, claim: Claim, answer: int) -> Done[Issued]:
        prepared, message = claim.prepared, claim.issue.message
        target, token = prepared.target, claim.minted[answer - 1].token
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
        if seen.organization.id != claim.prepared.target.organization_id:
            raise ConcurrentChange  # its user moved: it belongs where he is now
        external_id = self.row.details.external_id
        if devices.with_external_id(tx, seen.organization.id, external_id):
            return invalid("external_id", "another device here has it")
        prepared = claim.prepared
        if prepared.delivery.type == SMS:
            return sms_cap_reached(tx, prepared.target.subjects, prepared.sms_per_day)
        raise ConcurrentChange
