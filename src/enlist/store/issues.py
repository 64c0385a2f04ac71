"""Many enrollments issued at once: the hot lane's other work beside redeeming.

`issue` takes a sequence of plain claims, each a device with its enrollment, secret, message and
events, and writes all of them with one statement a table. Whatever could have changed since they
were looked at is asked once more for all: that their users are still there, that nothing else has
their devices' external ids, and that no other token reads like theirs. A claim for which that does
not hold is left out, and the others do not notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.events import Happening, make_events
from enlist.core.ids import Id
from enlist.core.model import Device
from enlist.store import devices, enrollment_secrets, enrollments, events, outbox, sms, users
from enlist.store.enrollment_secrets import NewSecret
from enlist.store.enrollments import NewEnrollment
from enlist.store.outbox import NewMessage
from enlist.store.tx import ConcurrentChange, Tx


@dataclass(frozen=True, slots=True)
class Issue:
    """A device to be registered with its first enrollment, complete.

    Attributes:
        secrets: what is stored of its token: of the first generation, or of the one after it
            where another token reads like the first.
        message: what brings it to its user; None where nothing is sent.
        happenings: what the log tells of it, in this order.
        sms_per_day: how many SMS its organization may send on one day.
    """

    device: Device
    enrollment: NewEnrollment
    secrets: tuple[NewSecret, ...]
    message: NewMessage | None
    happenings: tuple[Happening, ...]
    caller: Caller
    sms_per_day: int = 0

    @property
    def secret(self) -> NewSecret:
        """What is stored of its token."""
        return self.secrets[0]

    @property
    def following(self) -> Issue:
        """The same with the token's next generation."""
        generation = self.secrets[1].generation
        first, *others = self.happenings
        told = replace(first, data={**first.data, "generation": generation})
        message = self.message and replace(self.message, generation=generation)
        return replace(self, secrets=self.secrets[1:], message=message, happenings=(told, *others))


def issue(tx: Tx, claims: Sequence[Issue]) -> list[int]:
    """Apply claims; the generation that each was issued with, 0 where it was not.

    Raises:
        ConcurrentChange: another token of the same letters was stored at this moment; nothing
            was written.
    """
    owners = {each.device.user_id for each in claims if each.device.user_id}
    there = users.hold_each(tx, owners)
    taken = enrollment_secrets.taken(tx, (each.secret for each in claims))
    fit = [
        each.following if each.secret.digest.value in taken else each
        for each in claims
        if _belongs(each.device, there) and _may_be_sent(tx, each)
    ]
    made = devices.insert_each(tx, [each.device for each in fit])
    issued = {each.device.id: each for each in fit if each.device.id in made}
    _write(tx, list(issued.values()))
    return [
        issued[each.device.id].secret.generation if each.device.id in issued else 0
        for each in claims
    ]


def _belongs(device: Device, there: Mapping[Id, Callable[[str], bool]]) -> bool:
    """Whether its user, if it has one, is there still, and may have it where it shall stand."""
    if device.user_id is None:
        return True
    may_have_at = there.get(device.user_id)
    return may_have_at is not None and may_have_at(device.organization_path)


def _may_be_sent(tx: Tx, claim: Issue) -> bool:
    """Whether its message is within the SMS that the organization may send today (S41)."""
    if claim.message is None or claim.message.channel != "sms":
        return True
    return sms.take(tx, claim.device.organization_id, claim.sms_per_day)


def _write(tx: Tx, issued: Sequence[Issue]) -> None:
    """What belongs to devices that were just made."""
    rows = [
        enrollments.row_of(
            each.enrollment, each.secret.generation, each.message.id if each.message else None
        )
        for each in issued
    ]
    back_dated = tx.now - enrollments.BACK_DATED
    secrets = [enrollment_secrets.row_of(each.secret) for each in issued]
    messages = [outbox.row_of(each.message) for each in issued if each.message is not None]
    told = [(each.caller, one) for each in issued for one in each.happenings]
    happened = [events.row_of(event) for event in make_events(told, tx.now)]
    answers = tx.each_of(
        [
            (enrollments.INSERT_EACH, rows, {"now": tx.now, "not_before": back_dated}),
            (enrollment_secrets.INSERT_EACH, secrets, {"now": tx.now}),
            (outbox.INSERT_EACH, messages, {"now": tx.now}),
            (events.INSERT_EACH, happened, {}),
        ]
    )
    if len(answers[1]) != len(issued):
        raise ConcurrentChange
