"""Syslog: is the receiver there and who he should be, and does he hear what happens?"""

from __future__ import annotations

import ssl
from typing import Final

from enlist.core.clock import MINUTE
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, fine, problem
from enlist.verbs.syslog import receiver_id, standing
from enlist.wiring.doctor.check import CannotTell, Check, Ground
from enlist.wiring.installation import CannotStart
from enlist.wiring.syslog import reached

_WITHIN: Final = 15 * MINUTE


def _reaches(ground: Ground) -> Finding:
    address = _address(ground)
    try:
        receiver = reached(ground.settings)
    except CannotStart as error:
        return problem(str(error), "Name a file that is there and can be read, in PEM.")
    try:
        receiver.connect()
    except ssl.SSLCertVerificationError as error:
        return problem(
            f"the certificate of {address} cannot be trusted ({error.verify_message})",
            "Renew the receiver's certificate, or name its authority in ENLIST_SYSLOG_CA_FILE.",
        )
    except OSError as error:
        return problem(
            f"{address} cannot be reached: {error.strerror or error}",
            "Check ENLIST_SYSLOG, and whether a firewall lets this machine through.",
        )
    finally:
        receiver.close()
    return fine("answers")


def _hears(ground: Ground) -> Finding:
    address = _address(ground)
    behind, oldest = ground.read(lambda tx: standing(tx, receiver_id(address)))
    if not behind or oldest > ground.now - _WITHIN:
        return fine("nothing waits longer than 15 minutes")
    events = counted(behind, "event waits", "events wait")
    minutes = (ground.now - oldest) // MINUTE
    return problem(
        f"{events}, the oldest for {minutes} minutes",
        "Mend what the check before names; the server sends them by itself, in order.",
    )


def _address(ground: Ground) -> str:
    if not ground.settings.syslog:
        raise CannotTell("no syslog receiver is set")
    return ground.settings.syslog


CHECKS: Final = (
    Check("syslog-reachable", "reachable", "Nobody sees what happens here.", _reaches),
    Check("syslog-behind", "up to date", "What happens is seen too late, or never.", _hears),
)
