"""What stands at the top of every page while something is amiss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from enlist.store.alerts import Alert
from enlist.verbs.alert_kinds import ALERT_KINDS, Severity


@dataclass(frozen=True, slots=True)
class Banner:
    """An open alert, as far as there is room for it."""

    title: str
    remedy: str
    grave: bool


def banners(alerts: Iterable[Alert]) -> list[Banner]:
    """The grave ones first, of each sort the newest first."""
    kinds = [ALERT_KINDS[each.kind] for each in alerts if each.kind in ALERT_KINDS]
    found = [Banner(k.title, k.remedy, k.severity is Severity.PROBLEM) for k in kinds]
    return sorted(found, key=lambda each: not each.grave)
