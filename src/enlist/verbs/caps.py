"""How much may be sent: SMS cost money, and nobody's mailbox or phone is there to be flooded (S41).

An organization has a number of SMS for each day, an address a number of messages for each hour,
whoever sends them and by which enrollment. Each is counted by the statement that refuses. An
`apply` asks before it writes anything else, since a refusal is committed as well. Alerts are sent
by nobody who could be refused: they go to whom one more may be sent, and say who that left out.

Registering many in one request is not counted by address: each of them is sent to once. What
people ask for themselves, as a forgotten password, has limits of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from enlist.core.clock import DAY, HOUR, SECOND
from enlist.core.model import Enrollment
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.secrets import fingerprint
from enlist.store import limits, sms
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.channels import CHANNELS, SMS, address_of
from enlist.verbs.issuing import Prepared

MOST_PER_HOUR: Final = 30
"""Messages to one address: a cart full of devices for one user still goes through."""
MOST_RESENT: Final = 5
"""Times within an hour that the same message is sent again to the same address."""
AGAIN_AFTER: Final = 30 * SECOND
MOST_CREDENTIALS: Final = 5
"""Messages with one-time credentials within an hour to one address: any stranger who knows the
passcode can have them sent."""


def over_cap(
    tx: Tx, channel: str, address: str, about: Subjects, sms_per_day: int
) -> Refusal | None:
    """Count one more message to this address, or why it may not be sent."""
    source = _addressed(address)
    if not limits.count(tx, source, MOST_PER_HOUR, HOUR):
        wait = limits.used_up(tx, source, MOST_PER_HOUR) or 1
        reason = f"{MOST_PER_HOUR} an hour"
        return Refusal("recipient_cap_reached", retry_after=wait, about=about, reason=reason)
    organization_id = about.organization_id
    if channel != SMS or organization_id is None or sms.take(tx, organization_id, sms_per_day):
        return None
    return sms_cap_reached(tx, about, sms_per_day)


def resent_lately(tx: Tx, enrollment: Enrollment, address: str) -> Refusal | None:
    """Count one more of the same message to this address, or why it may not be sent again now."""
    about, digest = enrollment.subjects, fingerprint([address.casefold().encode()]).hex()
    what = f"{enrollment.id}:{enrollment.generation}:{digest}"
    once, often = f"{limits.RESENT_NOW}{what}", f"{limits.RESENT}{what}"
    if not limits.count(tx, once, 1, AGAIN_AFTER):
        wait, most = limits.used_up(tx, once, 1), f"once in {AGAIN_AFTER // SECOND} seconds"
    elif not limits.count(tx, often, MOST_RESENT, HOUR):
        wait, most = limits.used_up(tx, often, MOST_RESENT), f"{MOST_RESENT} times an hour"
    else:
        return None
    code, told = "recipient_cap_reached", f"The same message goes to the same address {most}."
    return Refusal(code, detail=told, retry_after=wait or 1, about=about, reason=f"the same {most}")


def over_cap_of_any(tx: Tx, addresses: Collection[str], about: Subjects) -> Refusal | None:
    """Count one more message to each of these addresses, or to none, and why it may not be sent.

    An address is that of a mailbox, or the id of a webhook.
    """
    sources = {_addressed(each) for each in addresses}
    waits = [limits.used_up(tx, source, MOST_PER_HOUR) for source in sources]
    longest = max(filter(None, waits), default=None)
    if longest is not None:
        reason = f"{MOST_PER_HOUR} an hour to one of them"
        return Refusal("recipient_cap_reached", retry_after=longest, about=about, reason=reason)
    if limits.count_each(tx, sources, MOST_PER_HOUR, HOUR) != sources:
        raise ConcurrentChange  # else the others would be counted, and sent nothing
    return None


def within_cap(tx: Tx, addresses: Collection[str]) -> frozenset[str]:
    """Count one more e-mail to each of these addresses to which one may be sent; answers those."""
    by_source = {_addressed(each): each for each in addresses}
    counted = limits.count_each(tx, by_source, MOST_PER_HOUR, HOUR)
    return frozenset(by_source[source] for source in counted)


def send_cap(tx: Tx, prepared: Prepared) -> Refusal | None:
    """The same for a message with this token, where one is sent."""
    target, channel = prepared.target, prepared.delivery.type
    if channel not in CHANNELS or target.user is None:
        return None
    address = address_of(target.user, channel)
    return over_cap(tx, channel, address, target.subjects, prepared.sms_per_day)


def credentials_cap(tx: Tx, prepared: Prepared) -> Refusal | None:
    """Count one more message with one-time credentials to this address, or why none may be sent."""
    target = prepared.target
    address = address_of(target.user, prepared.delivery.type) if target.user else ""
    digest = fingerprint([address.casefold().encode()]).hex()
    once, often = f"{limits.CREDENTIALS_TO_NOW}{digest}", f"{limits.CREDENTIALS_TO}{digest}"
    if not limits.count(tx, once, 1, AGAIN_AFTER):
        wait, most = limits.used_up(tx, once, 1), f"once in {AGAIN_AFTER // SECOND} seconds"
    elif not limits.count(tx, often, MOST_CREDENTIALS, HOUR):
        wait, most = (
            limits.used_up(tx, often, MOST_CREDENTIALS),
            f"{MOST_CREDENTIALS} times an hour",
        )
    else:
        return None
    told = f"Credentials go to the same address {most}."
    return Refusal(
        "recipient_cap_reached",
        detail=told,
        retry_after=wait or 1,
        about=target.subjects,
        reason=most,
    )


def sms_cap_reached(tx: Reader, about: Subjects, most: int) -> Refusal:
    """What is told where an organization has sent all the SMS that it may on one day."""
    midnight = (tx.now // DAY + 1) * DAY
    wait = (midnight - tx.now) // SECOND + 1
    reason = f"{most} a day"
    return Refusal("sms_cap_reached", at=midnight, retry_after=wait, about=about, reason=reason)


def _addressed(address: str) -> str:
    """What the throttle calls an address, which is nobody's to read there."""
    return f"{limits.SENT}{fingerprint([address.casefold().encode()]).hex()}"
