"""The work that waits: messages, the sealed log, room for more, and somebody to administer it."""

from __future__ import annotations

from typing import Final

from enlist.core.clock import DAY, MINUTE
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.core.infrastructure import PATIENCE, SEALED_WITHIN
from enlist.store import enrollment_status, inspection, roles
from enlist.wiring.doctor.check import CannotTell, Check, Ground

_NEARLY: Final = 0.9


def _waiting(ground: Ground) -> Finding:
    unsent = ground.read(lambda tx: inspection.waiting(tx, ground.now - PATIENCE))
    if not unsent.count:
        return fine("nothing waits longer than 15 minutes")
    messages = counted(unsent.count, "message waits", "messages wait")
    minutes = (ground.now - unsent.since) // MINUTE
    why = f": {unsent.reason}" if unsent.reason else ""
    return problem(
        f"{messages}, the oldest for {minutes} minutes{why}",
        "Mend what the section Mail names; they go out by themselves. See: Console, Messages",
    )


def _failed(ground: Ground) -> Finding:
    unsent = ground.read(lambda tx: inspection.failed(tx, ground.now - DAY))
    if not unsent.count:
        return fine("none was given up in the last day")
    messages = counted(unsent.count, "message of the last day was", "messages of the last day were")
    return warning(
        f"{messages} given up: {unsent.reason}",
        "Correct the user's address, then send it again: Console, Messages, filter failed.",
    )


def _administrators(ground: Ground) -> Finding:
    found = ground.read(roles.administrators)
    if not found:
        return warning(
            "nobody administers this installation",
            "Restart the server and open the link that it prints, within 24 hours.",
        )
    return fine(f"{found}")


def _room(ground: Ground) -> Finding:
    most = ground.settings.most_live_enrollments
    live = ground.read(lambda tx: enrollment_status.live(tx, most))
    told = f"{live} of {most} live enrollments"
    remedy = "Revoke what nobody needs, or raise ENLIST_MOST_LIVE_ENROLLMENTS."
    if live >= most:
        return problem(told, remedy)
    return warning(told, remedy) if live >= most * _NEARLY else fine(told)


def _sealed(ground: Ground) -> Finding:
    oldest = ground.read(
        lambda tx: inspection.unsealed(tx, ground.now - DAY, ground.now - SEALED_WITHIN)
    )
    if oldest is None:
        return fine("every event of the last day")
    if ground.server.pid == 0:
        raise CannotTell("no server has started here yet")
    minutes = counted((ground.now - oldest) // MINUTE, "minute")
    return problem(
        f"an event waits for {minutes} to be sealed",
        "See what the server says of it (journalctl -u enlist), then restart it.",
    )


CHECKS: Final = (
    Check("messages-waiting", "outbox", "People wait for tokens that do not come.", _waiting),
    Check("messages-failed", "given up", "Somebody will never get his message.", _failed),
    Check(
        "administrators",
        "administrators",
        "Whoever finds the set-up link first becomes the administrator.",
        _administrators,
    ),
    Check("room", "room", "Beyond the limit nothing is registered or issued.", _room),
    Check(
        "log-sealed",
        "sealed log",
        "What is not sealed can be changed without anybody noticing.",
        _sealed,
    ),
)
