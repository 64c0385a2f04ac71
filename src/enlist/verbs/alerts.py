"""Alerts: what is amiss is told to staff once, and shown until it is well again.

Who is told is the organization's to say; its administrators, where it says nothing. An e-mail goes
through the outbox like every other message, and counts like one: strangers can make things amiss
without end, so whoever was sent enough within the hour is left out, and the alert says so. That an
alert opens and closes are events, so that a webhook for `alert.*` hears of it at once: mail cannot
tell that mail is down.

What the audit log tells is read in its sealed order, and whoever moves on in it raises what he
passed in the same transaction: of many processes one does, and nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import EventRow
from enlist.core.outcomes import Done, Effect, Refusal, Send, Subjects
from enlist.core.permissions import Permission, permitted
from enlist.store import (
    alert_messages,
    alert_routes,
    alerts,
    events,
    feed,
    organizations,
    outbox,
    roles,
)
from enlist.store.alert_routes import Addressee
from enlist.store.alerts import Alert, Amiss
from enlist.store.feed import Stretch
from enlist.store.listing import Page, PageRequest
from enlist.store.outbox import NewMessage
from enlist.store.tx import Reader, Tx
from enlist.verbs.alert_kinds import (
    ALERT_KINDS,
    event_kinds,
    refusals_marks,
    shown_by,
    subject_of,
)
from enlist.verbs.caps import within_cap
from enlist.verbs.channels import EMAIL
from enlist.verbs.driver import Answered, Tools, Verb
from enlist.verbs.views import Listed

PURPOSE: Final = "alert"
"""Of the message that tells of one."""
SETTLED: Final = HOUR
"""How long something has to be well until people are told anew that it is not."""
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Post:
    """What whoever writes to people has to know.

    Attributes:
        can_send: whether e-mail is set up.
        sender_domain: behind the @ of a Message-ID.
    """

    can_send: bool
    sender_domain: str


def post_of(tools: Tools) -> Post:
    """How messages are sent here."""
    return Post(EMAIL in tools.channels, tools.addresses.mail_domain)


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the log, where it begins, and how people are written to."""

    begins: int
    stretch: Stretch
    post: Post


@dataclass(frozen=True)
class RaiseAlerts(Verb[Passage, Passage, bool]):
    """Raise and close what the log tells since; True where there is more of it."""

    name = "raise_alerts"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Passage | Refusal:
        begins, root = alerts.place(tx), organizations.root(tx)
        if root is None:
            return Passage(begins, Stretch((), begins, more=False), post_of(tools))
        kinds, marks = event_kinds(), refusals_marks()
        found = feed.after(tx, begins, root.path, _AT_ONCE, kinds=kinds, marks=marks)
        return Passage(begins, found, post_of(tools))

    def work(
        self, tools: Tools, caller: Caller, seen: Passage
    ) -> Passage | Answered[bool] | Refusal:
        return seen if seen.stretch.last > seen.begins else Answered(Done(False))

    def apply(self, tx: Tx, caller: Caller, ready: Passage) -> Done[bool] | Refusal:
        if not alerts.move(tx, ready.begins, ready.stretch.last):
            return Done(False)  # another process reads on
        effects: list[Effect] = []
        for each in ready.stretch.items:
            effects += _heed(tx, caller, each.event, each.path, ready.post)
        return Done(ready.stretch.more, tuple(effects))


def _heed(tx: Tx, caller: Caller, event: EventRow, path: str, post: Post) -> Iterable[Effect]:
    """What one event raises and closes."""
    effects: list[Effect] = []
    for name, kind in ALERT_KINDS.items():
        subject, place = subject_of(kind, event), event.organization_id
        if subject is None or place is None:
            continue
        if shown_by(kind.closes, event):
            alerts.reset(tx, place, name, subject)
            found = alerts.of(tx, place, name, subject)
            if found is not None and found.state == "open":
                close(tx, caller, found)
        elif shown_by(kind.raises, event):
            amiss = Amiss(
                organization_id=place,
                kind=name,
                subject=subject,
                details=_details(event),
                at=event.at,
                user_id=event.user_id,
                device_id=event.device_id,
                event_id=event.id,
            )
            effects += raise_(tx, caller, amiss, path, post)
    return effects


def _details(event: EventRow) -> str:
    """What an event says of how bad it is, where it counts something."""
    failed, sources = event.data.get("failed"), event.data.get("sources")
    if not event.kind.startswith("passcode.") or failed is None:
        return ""
    return f"{failed} wrong entries in a row, from {sources} networks"


def raise_(tx: Tx, caller: Caller, amiss: Amiss, path: str, post: Post) -> tuple[Effect, ...]:
    """Note that something is amiss; open an alert where it was not open, and tell of it."""
    kind, routes = ALERT_KINDS[amiss.kind], alert_routes.in_force(tx, path)
    if amiss.kind in routes.switched_off:
        return ()
    alerts.note(tx, amiss, amiss.at - kind.quiet)
    if not alerts.open_(tx, amiss, kind.after):
        return ()
    found = alerts.of(tx, amiss.organization_id, amiss.kind, amiss.subject)
    assert found is not None, "it was opened just now"
    tells = alerts.tell(tx, found.id, tx.now - SETTLED)
    people = alert_routes.addressees(tx, path, routes) if tells and post.can_send else []
    mailed = within_cap(tx, [each.address for each in people])
    effects = [_write(tx, found, each, post) for each in people if each.address in mailed]
    told, left_out = len(effects), len(people) - len(effects)
    if tells:
        alerts.left_out(tx, found.id, left_out)
    counted = {"told": told, **({"left_out": left_out} if left_out else {})}
    _record(tx, caller, "alert.opened" if tells else "alert.reopened", found, **counted)
    return tuple(effects)


def close(tx: Tx, caller: Caller, alert: Alert) -> bool:
    """It is well again; False where it was seen once more, or somebody else closed it."""
    closed = alerts.close(tx, alert)
    if closed:
        _record(tx, caller, "alert.closed", alert)
    return closed


def _record(tx: Tx, caller: Caller, kind: str, alert: Alert, **more: int) -> None:
    about = Subjects(alert.organization_id, alert.user_id, alert.device_id)
    data = {"alert": alert.id, "alert_kind": alert.kind, "details": alert.details}
    severity = ALERT_KINDS[alert.kind].severity.value if alert.kind in ALERT_KINDS else ""
    events.record(tx, caller, Happening(kind, about, {**data, "severity": severity, **more}))


def _write(tx: Tx, alert: Alert, to: Addressee, post: Post) -> Effect:
    message_id = queue(tx, PURPOSE, alert.organization_id, to, post)
    alert_messages.insert(tx, message_id, alert_id=alert.id)
    return Send(message_id)


def as_told(tx: Reader, alert: Alert, reader_id: Id | None) -> Alert:
    """An alert as it is written to somebody: of staff he is told no name unless he may know staff.

    Args:
        reader_id: None for an address that is no user's.
    """
    whose = alert.user_id
    if whose is None or whose == reader_id or not roles.of_user(tx, whose):
        return alert
    rights = roles.rights(tx, reader_id) if reader_id else ()
    if permitted(rights, Permission.STAFF_READ, alert.organization_path):
        return alert
    return replace(alert, username="", device_name="")


def queue(tx: Tx, purpose: str, organization_id: Id, to: Addressee, post: Post) -> Id:
    """Queue a message to somebody who is told of alerts."""
    message_id = new_id(tx.now)
    message = NewMessage(
        id=message_id,
        organization_id=organization_id,
        user_id=to.user_id,
        enrollment_id=None,
        generation=0,
        purpose=purpose,
        template="",
        channel=EMAIL,
        recipient=to.address,
        message_id=f"<{message_id}@{post.sender_domain}>",
    )
    outbox.insert(tx, message)
    return message_id


@dataclass(frozen=True)
class ListAlerts(Listed[Alert]):
    """Alerts, open and over. Filters: state (`open`, `closed`), kind."""

    permission = Permission.ALERTS_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Alert] | Refusal:
        return alerts.page(tx, replace(request, people=None, myself=None))
