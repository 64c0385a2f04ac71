"""Watching for what no event tells: a mail server that is away, a certificate that will end.

What is amiss now is compared with the alerts that are open: what is new is raised, what is gone is
closed. Everything that the database knows is seen alike by every process. What only a machine
knows of itself, such as its files, it brings along, and judges its own alerts alone; those of a
machine that is gone run out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import DAY, HOUR
from enlist.core.infrastructure import Channel
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Effect, Refusal
from enlist.store import alert_routes, alerts, channel_health, organizations, sms, webhooks
from enlist.store.alerts import Alert, Amiss
from enlist.store.tx import Reader, Tx
from enlist.verbs.alert_kinds import (
    ALERT_KINDS,
    CERTIFICATE_EXPIRING,
    EMAIL_FAILING,
    LOOKED_FOR,
    SMS_CAP_REACHED,
    SMS_FAILING,
    WEBHOOK_FAILING,
)
from enlist.verbs.alerts import Post, close, post_of, raise_
from enlist.verbs.channels import EMAIL, SMS
from enlist.verbs.driver import Answered, Tools, Verb

NOT_TAKEN: Final = HOUR
"""How long a receiver of webhooks may take nothing."""
_AGAIN: Final = HOUR
"""How often an open alert is noted anew, for those who look at when it was seen last."""
GONE: Final = 2 * DAY
"""After how long the alerts of a machine that says nothing any more are over."""
_CHANNELS: Final = {EMAIL: EMAIL_FAILING, SMS: SMS_FAILING}


@dataclass(frozen=True, slots=True)
class OfMachine:
    """What a machine says of one thing of its own.

    Attributes:
        subject: which thing, on which machine.
        details: what is amiss; "" where it is well.
    """

    subject: str
    details: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be raised, each with the path of its organization, and what to be closed."""

    raised: tuple[tuple[Amiss, str], ...]
    closed: tuple[Alert, ...]
    post: Post


@dataclass(frozen=True)
class WatchOver(Verb[Comparison, Comparison, int]):
    """Raise what is amiss now and close what is well; answers how many changed.

    Attributes:
        machine: what this machine knows of itself.
    """

    machine: Sequence[OfMachine] = ()

    name = "watch_over"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Comparison | Refusal:
        root = organizations.root(tx)
        if root is None:
            return Comparison((), (), post_of(tools))
        everything = (*_channels(tx, root), *_caps(tx), *_hooks(tx), *self._of_machine(tx, root))
        amiss = [(each, path) for each, path in everything if _wanted(tx, each.kind, path)]
        open_now = alerts.open_ones(tx, root.path)
        known = {(each.organization_id, each.kind, each.subject): each for each in open_now}
        raised = [
            (each, path)
            for each, path in amiss
            if _news(known.get((each.organization_id, each.kind, each.subject)), each)
        ]
        there = {(each.organization_id, each.kind, each.subject) for each, _ in amiss}
        closed = [
            alert
            for alert in open_now
            if (alert.organization_id, alert.kind, alert.subject) not in there
            and (not _wanted(tx, alert.kind, alert.organization_path) or self._over(alert, tx.now))
        ]
        return Comparison(tuple(raised), tuple(closed), post_of(tools))

    def _of_machine(self, tx: Reader, root: Organization) -> Iterator[tuple[Amiss, str]]:
        for each in self.machine:
            if each.details:
                found = Amiss(root.id, CERTIFICATE_EXPIRING, each.subject, each.details, tx.now)
                yield found, root.path

    def _over(self, alert: Alert, now: int) -> bool:
        """Whether an open alert of what is not amiss is over."""
        if alert.kind == CERTIFICATE_EXPIRING:
            own = alert.subject in {each.subject for each in self.machine}
            return own or alert.last_at <= now - GONE
        if alert.kind in LOOKED_FOR:
            return True
        return alert.last_at <= now - ALERT_KINDS[alert.kind].quiet

    def work(
        self, tools: Tools, caller: Caller, seen: Comparison
    ) -> Comparison | Answered[int] | Refusal:
        return seen if seen.raised or seen.closed else Answered(Done(0))

    def apply(self, tx: Tx, caller: Caller, ready: Comparison) -> Done[int] | Refusal:
        effects: list[Effect] = []
        for amiss, path in ready.raised:
            effects += raise_(tx, caller, amiss, path, ready.post)
        for alert in ready.closed:
            close(tx, caller, alert)
        return Done(len(ready.raised) + len(ready.closed), tuple(effects))


def _news(known: Alert | None, amiss: Amiss) -> bool:
    """Whether it is worth noting: new, otherwise than before, or seen long ago."""
    if known is None or known.details != amiss.details[: alerts.LONGEST]:
        return True
    return known.last_at <= amiss.at - _AGAIN


def _wanted(tx: Reader, kind: str, path: str) -> bool:
    """Whether people want to hear of such a thing; of what a later version knew, nobody does."""
    return kind in ALERT_KINDS and kind not in alert_routes.in_force(tx, path).switched_off


def _channels(tx: Reader, root: Organization) -> Iterator[tuple[Amiss, str]]:
    for health in channel_health.everything(tx):
        known = Channel(failing_since=health.failing_since, refused=health.refused)
        kind = _CHANNELS.get(health.channel)
        if kind is not None and known.failing(tx.now):
            yield Amiss(root.id, kind, health.channel, health.reason, tx.now), root.path


def _caps(tx: Reader) -> Iterator[tuple[Amiss, str]]:
    for organization_id, path, queued in sms.busiest(tx):
        most = organizations.policy(tx, path).sms_per_day
        if queued >= most:
            details = f"{queued} of {most}"
            yield Amiss(organization_id, SMS_CAP_REACHED, "sms", details, tx.now), path


def _hooks(tx: Reader) -> Iterator[tuple[Amiss, str]]:
    for hook in webhooks.in_trouble(tx, tx.now - NOT_TAKEN):
        details = f"{hook.name}: {hook.reason}" if hook.reason else hook.name
        found = Amiss(hook.organization_id, WEBHOOK_FAILING, hook.id, details, tx.now)
        yield found, hook.organization_path
