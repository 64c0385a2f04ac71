"""A test of who is told of alerts: it goes the very ways that an alert goes, and says what came.

The e-mails lie in the outbox and the webhooks' deliveries in theirs, so that what came of each is
read from there; a test is known by the id of its event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, parse_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Send, Subjects
from enlist.core.permissions import Permission
from enlist.store import alert_messages, alert_routes, events, feed, webhooks
from enlist.store.alert_messages import Tried
from enlist.store.tx import Reader, Tx
from enlist.store.webhooks import Hook
from enlist.verbs.alerts import Post, post_of, queue
from enlist.verbs.caps import over_cap_of_any
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.finding import organization_named
from enlist.verbs.rights import lacks, missing
from enlist.verbs.webhooks import matching

PURPOSE: Final = "alert_test"
_KIND: Final = "alert.tested"


@dataclass(frozen=True, slots=True)
class AlertTest:
    """A test, and what came of it so far; no ways where nobody is told."""

    id: Id
    tried: tuple[Tried, ...]

    @property
    def over(self) -> bool:
        """Whether it is known of each way what came of it."""
        return all(each.state != "waiting" for each in self.tried)


@dataclass(frozen=True, slots=True)
class Testing:
    """Where a test is made, and the webhooks that hear of alerts there."""

    organization: Organization
    post: Post
    hooks: tuple[Hook, ...]


@dataclass(frozen=True)
class TestAlerts(QuickVerb[Testing, AlertTest]):
    """Write to everybody who is told of alerts at an organization, and post to its webhooks.

    Refusals: `not_found`, `forbidden`; `no_channel` where e-mail is not set up and no webhook
    hears of alerts; `recipient_cap_reached` where somebody was sent too much within the hour, or a
    webhook was tested too often.
    """

    __test__ = False

    organization: str = ""

    name = "test_alerts"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Testing | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.ALERTS_EDIT)
        if isinstance(place, Refusal):
            return place
        heard = tuple(
            hook
            for hook in webhooks.active(tx)
            if place.path.startswith(hook.organization_path)
            and "alert.opened" in matching(hook.kinds)
        )
        return Testing(place, post_of(tools), heard)

    def apply(self, tx: Tx, caller: Caller, ready: Testing) -> Done[AlertTest] | Refusal:
        place, post = ready.organization, ready.post
        about = Subjects(place.id)
        if not post.can_send and not ready.hooks:
            return Refusal("no_channel", about=about)
        routes = alert_routes.in_force(tx, place.path)
        people = alert_routes.addressees(tx, place.path, routes) if post.can_send else []
        # A webhook, too: it may be that of an organization above, whose pager rings.
        reached = [each.address for each in people] + [each.id for each in ready.hooks]
        refusal = over_cap_of_any(tx, reached, about)
        if refusal is not None:
            return refusal
        data = {"told": len(people), "webhooks": len(ready.hooks)}
        test_id = events.record(tx, caller, Happening(_KIND, about, data)).id
        effects = []
        for each in people:
            message_id = queue(tx, PURPOSE, place.id, each, post)
            alert_messages.insert(tx, message_id, test_id=test_id)
            effects.append(Send(message_id))
        for hook in ready.hooks:
            webhooks.add(tx, hook.id, test_id, _KIND)
        return Done(_came(tx, caller, test_id, routes.path), tuple(effects))


@dataclass(frozen=True)
class ShowAlertTest(View[AlertTest]):
    """What came of a test so far.

    Refusals: `not_found`, `forbidden`.
    """

    test_id: str

    def read(self, tx: Reader, caller: Caller) -> AlertTest | Refusal:
        by_id = parse_id(self.test_id)
        path = feed.path_of(tx, by_id) if by_id else None
        if by_id is None or path is None:
            return missing("test")
        refusal = lacks(caller, Permission.ALERTS_READ, path)
        if refusal is not None:
            return refusal
        found = _came(tx, caller, by_id, alert_routes.in_force(tx, path).path)
        return found if found.tried else missing("test")


def _came(tx: Reader, caller: Caller, test_id: Id, said_at: str) -> AlertTest:
    """What came of it; who belongs to an organization out of the caller's sight is not named.

    Args:
        said_at: the path of the organization whose addresses are written to.
    """

    def veiled(each: Tried) -> Tried:
        path = each.path or said_at
        seen = Permission.INTEGRATIONS_READ if each.way == "webhook" else Permission.USERS_READ
        if not path or caller.may(seen, path):
            return each
        return replace(each, target="", reason="")

    return AlertTest(test_id, tuple(map(veiled, alert_messages.of_test(tx, test_id))))
