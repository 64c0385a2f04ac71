"""How each part of the installation does, for whichever adapter tells of it.

What the database knows and what this process knows come together here and are judged by the rules
of `core.infrastructure`. Texts are English, as the console and the API are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core import infrastructure as judging
from enlist.core.caller import Caller
from enlist.core.diagnosis import Finding, Level, problem
from enlist.core.infrastructure import CHECKED, Part, Standing, State, Surroundings
from enlist.core.outcomes import Refusal
from enlist.verbs.channels import EMAIL, SMS
from enlist.verbs.infrastructure import InfrastructureDetail, ShowInfrastructure
from enlist.verbs.passcodes import PasscodeStatus
from enlist.web.services import Services

_WELL: Final = {
    Part.WEB: "Console, portal, enrollment pages and API are answered here.",
    Part.DEVICE: "Devices renew their certificates and stay connected here.",
    Part.ENLIST: "It decides who and what may join.",
    Part.DATABASE: "It answers.",
    Part.AUTHORITY: "It signs the certificates of devices.",
}
_AWAY: Final = {
    EMAIL: "The mail server is away, or refuses what it is given",
    SMS: "The SMS gateway is away, or refuses what it is given",
}
_MISSING: Final = {
    EMAIL: Finding(
        Level.SKIPPED,
        "No mail server is set up, so nothing goes out by e-mail.",
        "Start Enlist with ENLIST_SMTP_HOST and what belongs to it.",
    ),
    SMS: Finding(
        Level.SKIPPED,
        "No SMS gateway is set up, so nothing goes out by SMS.",
        "Start Enlist with ENLIST_SMS_DRIVER and what belongs to it.",
    ),
}
_ELSEWHERE: Final = "Renew it as enlist doctor on that machine says."
_MEND: Final = "Run enlist doctor on the server: it says which step fails."
_TOLD: Final = "Whoever runs this installation has been told."


@dataclass(frozen=True, slots=True)
class Standings:
    """An installation, or an organization's part of it, as it is right now."""

    found: InfrastructureDetail
    around: Surroundings
    parts: Mapping[Part, Standing]

    @property
    def overall(self) -> State:
        """As the part that does worst."""
        return judging.gravest(each.state for each in self.parts.values())


async def standings(services: Services, caller: Caller, organization: str) -> Standings | Refusal:
    """What somebody may see of it.

    Refusals: those of `ShowInfrastructure`.
    """
    found = await services.view(ShowInfrastructure(organization), caller)
    if isinstance(found, Refusal):
        return found
    around = await services.look_around() if found.whole else Surroundings()
    now = services.tools.clock()
    parts = {
        Part.SELF_SERVICE: _self_service(found.passcode),
        Part.ENLIST: judging.judged((), "It answers you."),
    }
    if found.whole is not None:
        parts |= {part: judging.judged(_amiss(part, found, around), _WELL[part]) for part in _WELL}
        parts |= {
            Part.LOG: judging.sealed_log(found.whole.unsealed_since, now),
            Part.DIRECTORIES: judging.off(
                "Not set up yet.",
                "People from LDAP, Active Directory and SCIM come with a later version.",
            ),
        }
    for part, name in ((Part.EMAIL, EMAIL), (Part.SMS, SMS)):
        parts[part] = _channel(name, found, name in services.tools.channels, now)
    return Standings(found, around, parts)


def _self_service(known: PasscodeStatus) -> Standing:
    failed = known.passcode.failed_in_a_row if known.passcode else 0
    return judging.self_service(known.state, failed, known.threshold)


def _amiss(part: Part, found: InfrastructureDetail, around: Surroundings) -> tuple[Finding, ...]:
    """What the doctor found here, and what other machines said of their certificates."""
    own = around.of(part)
    alerts = found.whole.expiring if found.whole else ()
    others = (
        problem(each.details, _ELSEWHERE)
        for each in alerts
        if each.subject.partition(" ")[0] in CHECKED[part]
        and not any(finding.found in each.details for finding in own)
    )
    return (*own, *others)


def _channel(name: str, found: InfrastructureDetail, set_up: bool, now: int) -> Standing:
    missing = _MISSING[name]
    return judging.channel(
        found.channels[name],
        now,
        set_up=set_up,
        away=_AWAY[name],
        remedy=_MEND if found.whole else _TOLD,
        missing=missing if found.whole else Finding(missing.level, missing.found),
    )
