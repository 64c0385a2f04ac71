"""What the database knows of an installation and of one organization in it, to be drawn.

What is the whole installation's, such as its database and its log, is for whoever administers its
topmost organization. Others see how messages of theirs get out, and not why they do not: reasons
name machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.infrastructure import SEALED_SOON, SEALED_WITHIN, Channel
from enlist.core.model import Organization, organization_at
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store import alerts, channel_health, infrastructure, organizations
from enlist.store.alerts import Alert
from enlist.store.infrastructure import Counts, DatabaseKind
from enlist.store.tx import Reader
from enlist.verbs.alert_kinds import CERTIFICATE_EXPIRING, SMS_CAP_REACHED
from enlist.verbs.channels import EMAIL, SMS
from enlist.verbs.device_sessions import LEASE
from enlist.verbs.driver import View
from enlist.verbs.passcodes import PasscodeStatus, status
from enlist.verbs.rights import missing
from enlist.verbs.views import scope

PERMISSION: Final = Permission.PASSCODE_READ
"""Who sees the picture: administrators alone (B22)."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What is the whole installation's.

    Attributes:
        processes: how many server processes live, on all machines.
        unsealed_since: see `core.infrastructure.sealed_log`.
        expiring: open alerts of certificates, of every machine.
    """

    database: DatabaseKind
    processes: int
    unsealed_since: int | None
    expiring: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class InfrastructureDetail:
    """An organization's part of the installation.

    Attributes:
        channels: how messages get out, by channel; whether there is one the settings say.
        passcode: how self-service stands there.
        whole: None for whoever may not see it.
    """

    organization: Organization
    counts: Counts
    channels: Mapping[str, Channel]
    passcode: PasscodeStatus
    whole: Whole | None


@dataclass(frozen=True)
class ShowInfrastructure(View[InfrastructureDetail]):
    """What an installation is made of, as an organization's administrator may see it.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> InfrastructureDetail | Refusal:
        path = scope(tx, caller, self.organization, PERMISSION)
        if isinstance(path, Refusal):
            return path
        place, root = organizations.find(tx, organization_at(path)), organizations.root(tx)
        if place is None or root is None:
            return missing("organization")
        whole = _whole(tx, root.path) if caller.may(PERMISSION, root.path) else None
        return InfrastructureDetail(
            place,
            infrastructure.counts(tx, path, tx.now - LEASE),
            _channels(tx, path, told_why=whole is not None),
            status(tx, place),
            whole,
        )


def _channels(tx: Reader, path: str, *, told_why: bool) -> Mapping[str, Channel]:
    waiting = infrastructure.waiting(tx, path)
    health = {each.channel: each for each in channel_health.everything(tx)}
    capped = any(each.kind == SMS_CAP_REACHED for each in alerts.open_ones(tx, path))
    found = {}
    for name in (EMAIL, SMS):
        well, waits = health.get(name), waiting.get(name)
        found[name] = Channel(
            failing_since=well.failing_since if well else None,
            refused=well.refused if well else 0,
            reason=well.reason if well and told_why else "",
            waiting=waits.count if waits else 0,
            oldest=waits.oldest if waits else 0,
            at_limit=capped and name == SMS,
        )
    return found


def _whole(tx: Reader, path: str) -> Whole:
    late = infrastructure.unsealed_since(tx, tx.now - SEALED_SOON)
    # What is written without end is never the newest for long: then an older one tells.
    older = infrastructure.unsealed_since(tx, tx.now - SEALED_WITHIN)
    open_now = alerts.open_ones(tx, path)
    return Whole(
        infrastructure.database(tx),
        infrastructure.processes(tx, tx.now - LEASE),
        late if older is None else older,
        tuple(each for each in open_now if each.kind == CERTIFICATE_EXPIRING),
    )
