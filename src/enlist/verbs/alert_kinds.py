"""Every kind of alert: what raises it, how it reads, and the one thing to do about it.

A new kind that the audit log tells of is one more entry here: which events raise it, about what,
and which close it; and a row in `docs/how-to/alerts.md`, and its German texts. The others are
looked for, see `watching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from enlist.core.clock import DAY
from enlist.core.events import KINDS as EVENT_KINDS
from enlist.core.ids import Id
from enlist.core.model import EventRow
from enlist.locales import N_
from enlist.verbs.clones import POSSIBLE_CLONE


class Severity(StrEnum):
    """How urgent it is: `warning` for this week, `problem` for now."""

    WARNING = "warning"
    PROBLEM = "problem"


class About(StrEnum):
    """What of an event an alert is about: one alert for each of these."""

    USER = "user"
    DEVICE = "device"
    ENROLLMENT = "enrollment"
    ORGANIZATION = "organization"
    PASSCODE = "passcode"


@dataclass(frozen=True, slots=True)
class Sign:
    """Events that mean something: of one of these kinds, with these values in their data."""

    kinds: tuple[str, ...]
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> tuple[str, ...]:
        """What stands in the canonical JSON of each such event."""
        return tuple(f'"{name}":"{value}"' for name, value in self.data.items())

    def shows(self, event: EventRow) -> bool:
        """Whether an event is such a one."""
        wanted = all(event.data.get(name) == value for name, value in self.data.items())
        return event.kind in self.kinds and wanted


@dataclass(frozen=True, slots=True)
class AlertKind:
    """One kind of alert.

    Attributes:
        title, meaning, remedy: what is wrong, what that means, and what to do; for people.
        raises: events that raise it; none where it is looked for.
        closes: events about the same thing after which it is well again.
        after: how many of them it takes, with less than `quiet` between two.
        quiet: after how long without another one it is over.
    """

    severity: Severity
    title: str
    meaning: str
    remedy: str
    raises: tuple[Sign, ...] = ()
    closes: tuple[Sign, ...] = ()
    about: About = About.ORGANIZATION
    after: int = 1
    quiet: int = DAY


_REFUSALS: Final = tuple(kind for kind in EVENT_KINDS if kind.endswith(".refused"))
_DEVICE_ENDED: Final = (
    Sign(("device.reset", "device.replaced", "device.reassigned", "device.deleted")),
    Sign(("device.denied",)),
)
_LET_IN_AGAIN: Final = (
    *("sign_in.started", "user.password_changed", "user.password_link_used"),
    *("user.recovered", "user.deleted"),
)

PASSCODE_LOCKED: Final = "passcode_locked"
EMAIL_FAILING: Final = "email_failing"
SMS_FAILING: Final = "sms_failing"
SMS_CAP_REACHED: Final = "sms_cap_reached"
WEBHOOK_FAILING: Final = "webhook_failing"
CERTIFICATE_EXPIRING: Final = "certificate_expiring"

ALERT_KINDS: Final[Mapping[str, AlertKind]] = {
    EMAIL_FAILING: AlertKind(
        Severity.PROBLEM,
        N_("E-mail cannot be sent"),
        N_("The mail server is away or refuses what it is given. Messages wait for up to a day."),
        N_("Run enlist doctor on the server: it says which step with the mail server fails."),
    ),
    SMS_FAILING: AlertKind(
        Severity.PROBLEM,
        N_("SMS cannot be sent"),
        N_("The SMS gateway is away or refuses what it is given. Messages wait for up to a day."),
        N_("Run enlist doctor on the server: it says what is wrong with the gateway."),
    ),
    SMS_CAP_REACHED: AlertKind(
        Severity.WARNING,
        N_("As many SMS were sent today as may be"),
        N_("Further SMS are refused until midnight UTC. E-mail still goes out."),
        N_("If that is not a misuse, raise the number of SMS a day in the settings."),
    ),
    WEBHOOK_FAILING: AlertKind(
        Severity.WARNING,
        N_("A webhook is not taken"),
        N_("Its receiver has taken nothing for an hour or more. What it is owed is kept."),
        N_("See the log of the webhook, mend the receiver, and let the webhook go on."),
    ),
    CERTIFICATE_EXPIRING: AlertKind(
        Severity.PROBLEM,
        N_("A certificate needs somebody"),
        N_("When it ends, devices or browsers refuse to connect."),
        N_("Renew it as enlist doctor on that machine says."),
    ),
    "sign_in_guessed": AlertKind(
        Severity.WARNING,
        N_("Somebody tries passwords of a user"),
        N_("After ten wrong ones each further try has to wait for minutes, also the user's own."),
        N_("Ask the user. If it was not him, have him set up a second factor."),
        raises=(Sign(("sign_in.refused",), {"reason": "wrong password"}),),
        closes=(Sign(_LET_IN_AGAIN),),
        about=About.USER,
        after=10,
    ),
    "token_guessed": AlertKind(
        Severity.WARNING,
        N_("A token was revoked after ten wrong logins"),
        N_("Somebody holds the token, and does not know the password that belongs to it."),
        N_("Ask its user. Issue a new token once you know who it was."),
        raises=(Sign(("enrollment.revoked",), {"reason": "too_many_attempts"}),),
        about=About.ENROLLMENT,
    ),
    "token_intercepted": AlertKind(
        Severity.PROBLEM,
        N_("A used token came again with another key"),
        N_("Two machines had the same token. The first one is enrolled, be it the right one."),
        N_("Ask the user which device is his. If in doubt, reset the device."),
        raises=(Sign(_REFUSALS, {"flag": "possible_interception"}),),
        closes=_DEVICE_ENDED,
        about=About.DEVICE,
        quiet=7 * DAY,
    ),
    "key_copied": AlertKind(
        Severity.PROBLEM,
        N_("Two machines hold the key of one device"),
        N_("A certificate was shown again after it was renewed: a copy, or an old backup."),
        N_("Reset the device, unless its user restored it from a backup."),
        raises=(Sign(_REFUSALS, {"flag": POSSIBLE_CLONE}),),
        closes=_DEVICE_ENDED,
        about=About.DEVICE,
        quiet=7 * DAY,
    ),
    PASSCODE_LOCKED: AlertKind(
        Severity.PROBLEM,
        N_("The company passcode was entered wrongly too often"),
        N_("Self-service enrollment is off, or asks for more proof. Other ways to enroll go on."),
        N_("Generate a new passcode in the infrastructure diagram, and tell your people."),
        raises=(Sign(("passcode.locked", "passcode.shielded")),),
        closes=(Sign(("passcode.generated", "passcode.disabled")),),
        about=About.PASSCODE,
        quiet=365 * DAY,
    ),
    "revoked_device_returned": AlertKind(
        Severity.WARNING,
        N_("A device that was taken out tries to enroll again"),
        N_("It was un-enrolled or blocked, and came with a token that still works."),
        N_("Find out who has it. If it may come back, reset the device."),
        raises=(Sign(_REFUSALS, {"code": "device_revoked"}),),
        about=About.USER,
    ),
}
"""Every kind by name; `docs/how-to/alerts.md` lists the same."""

LOOKED_FOR: Final = frozenset(name for name, kind in ALERT_KINDS.items() if not kind.raises)
"""The kinds that no event raises."""


def event_kinds() -> tuple[str, ...]:
    """Every kind of event that raises or closes an alert."""
    return tuple(dict.fromkeys(each for sign in _signs() for each in sign.kinds))


def refusals_marks() -> tuple[str, ...]:
    """One of these texts stands in each refusal that raises an alert; in hardly any other."""
    of_refusals = (sign for sign in _signs() if not set(_REFUSALS).isdisjoint(sign.kinds))
    return tuple(dict.fromkeys(sign.marks[0] for sign in of_refusals))


def _signs() -> Iterator[Sign]:
    for kind in ALERT_KINDS.values():
        yield from (*kind.raises, *kind.closes)


def subject_of(kind: AlertKind, event: EventRow) -> Id | None:
    """What an event is about to this kind; None where it is about nothing of that sort."""
    match kind.about:
        case About.USER:
            return event.user_id
        case About.DEVICE:
            return event.device_id
        case About.ENROLLMENT:
            return event.enrollment_id
        case About.PASSCODE:
            ended = event.data.get("replaces") or event.data.get("passcode")
            return ended if isinstance(ended, str) else None
    return event.organization_id


def shown_by(signs: Iterable[Sign], event: EventRow) -> bool:
    """Whether one of these shows in an event."""
    return any(sign.shows(event) for sign in signs)
