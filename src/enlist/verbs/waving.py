"""Working on waves: person after person, by whichever process has taken the wave.

What is done for a person is a verb like any other, `Register` or `Resend`, with the rights of
whoever started the wave. Its `apply` moves wave and person in the same transaction: whoever is
stopped in between has done all of it or nothing, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.ids import Id, new_id
from enlist.core.model import Device
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import support_code
from enlist.store import wave_members, waves
from enlist.store.lanes import Store
from enlist.store.tx import ConcurrentChange, Reader, StoreUnavailable, Tx
from enlist.store.wave_members import Task, Turn
from enlist.store.waves import NEVER, Phase, Wave, WaveState
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import Driver, Tools, Verb
from enlist.verbs.issuing import REMINDER, Delivery, Issued
from enlist.verbs.makers import maker
from enlist.verbs.register import Ready, Register
from enlist.verbs.register import Seen as SeenPlace
from enlist.verbs.reissue import Resend, Resending
from enlist.verbs.reissue import Seen as SeenEnrollment
from enlist.verbs.waves import USER, record

HELD: Final = MINUTE
"""How long a claim lasts without progress."""

AT_ONCE: Final = 200
"""People of one wave before another wave has its turn."""

_LOOK_AGAIN: Final = 10 * SECOND
"""How often it is asked whether enough of a first share have enrolled."""

_SOON: Final = MINUTE
"""How late somebody may be reminded whose token was issued meanwhile."""

_FOR_ALL: Final = frozenset({"no_channel", "too_many_enrollments"})
"""Refusals that everybody after him would get, too: the wave is paused, and nobody left out."""

_log = structlog.get_logger("enlist.waving")
_NOT_HIS_TURN: Final = Refusal("conflict", reason="not his turn", counted_only=True)


@dataclass(frozen=True, slots=True)
class Held:
    """A wave as whoever works on it holds it, and the person whose turn it is."""

    wave: Wave
    claim: str
    turn: Turn

    @property
    def canary(self) -> bool:
        """Whether he belongs to the share that comes first."""
        return self.wave.phase is Phase.CANARY

    def goes_on(self, tx: Reader) -> bool:
        """Whether it is still the holder's, and was not paused."""
        return waves.held(tx, self.wave.id, self.claim)


@dataclass(frozen=True)
class IssueInWave(Register):
    """Register a device for one person of a wave, and send him its token.

    Refusals: those of `Register`. Each is written down as the reason why he failed, in the same
    transaction; what everybody after him would be refused as well pauses the wave instead.
    """

    held: Held | None = None

    name = "issue_in_wave"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> SeenPlace | Refusal:
        if self.held is None or not self.held.goes_on(tx):
            return _NOT_HIS_TURN
        return super().look(tools, tx, caller)

    def write(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued]:
        held, made = self.held, ready.prepared.target.enrollment_id
        assert held is not None
        if not waves.issued(tx, held.wave.id, held.claim, tx.now + HELD):
            raise ConcurrentChange
        issued = super().write(tx, caller, ready)
        if not wave_members.issued(tx, held.turn.member_id, made, canary=held.canary):
            raise ConcurrentChange
        return issued

    def told(self, device: Device) -> dict[str, str | int]:
        wave = {"wave": self.held.wave.id} if self.held else {}
        return {**super().told(device), **wave}

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        held = self.held
        if held is None or refusal.code == "try_later":
            return None
        if refusal.code in _FOR_ALL:
            if waves.pause(tx, held.wave.id, refusal.code):
                record(tx, SYSTEM, "wave.paused", held.wave, reason=refusal.code)
        else:
            _pass_over(tx, held, refusal)
        return None


@dataclass(frozen=True)
class ResendInWave(Resend):
    """Send one person of a wave the same token again. Refusals: those of `Resend`."""

    held: Held | None = None

    name = "resend_in_wave"

    def look(
        self, tools: Tools, tx: Reader, caller: Caller
    ) -> tuple[SeenEnrollment, Delivery] | Refusal:
        if self.held is None or not self.held.goes_on(tx):
            return _NOT_HIS_TURN
        return super().look(tools, tx, caller)

    def write(self, tx: Tx, caller: Caller, ready: Resending) -> Done[Id]:
        held = self.held
        assert held is not None
        his = wave_members.sent(tx, held.turn.member_id, held.turn.task)
        if not his or not waves.sent(tx, held.wave.id, held.claim, tx.now + HELD):
            raise ConcurrentChange
        return super().write(tx, caller, ready)

    def told(self) -> dict[str, str | bool]:
        return {"wave": self.held.wave.id} if self.held else {}

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        held = self.held
        if held is None or refusal.code == "try_later":
            return None
        _pass_over(tx, held, refusal)
        return None


@dataclass(frozen=True)
class RemindInWave(ResendInWave):
    """Remind one person of a wave of his token before it expires."""

    name = "remind_in_wave"
    purpose = REMINDER

    def told(self) -> dict[str, str | bool]:
        return {**super().told(), "reminder": True}


class Waving:
    """Works on waves; one for each thread that does."""

    def __init__(self, driver: Driver, store: Store) -> None:
        self._driver = driver
        self._store = store
        self._claim = new_id(driver.tools.clock())

    def work(self, wave_id: Id | None = None, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Take a wave, any or this one, and go on with it for a while; whether anything was done.

        Raises:
            StoreUnavailable
        """
        found = wave_id or self._store.read(waves.due)
        if found is None or not self._store.write(lambda tx: self._take(tx, found)):
            return False
        done = 0
        while done < AT_ONCE and not stopping() and self._step(found):
            done += 1
        self.let_go(found)
        return done > 0

    def let_go(self, wave_id: Id) -> None:
        """Leave a wave to whoever comes next; else it waits until the claim runs out."""
        self._store.write(lambda tx: waves.let_go(tx, wave_id, self._claim))

    def _take(self, tx: Tx, wave_id: Id) -> bool:
        if not waves.claim(tx, wave_id, self._claim, tx.now + HELD):
            return False
        wave = waves.find(tx, wave_id)
        assert wave is not None
        if wave.plan.remind_hours:
            wave_members.ask_to_remind(tx, wave_id, wave.plan.remind_hours * HOUR)
        return True

    def _step(self, wave_id: Id) -> bool:
        """Do what comes next for a wave; False where that is nothing, for now."""
        seen = self._store.read(lambda tx: self._look(tx, wave_id))
        if seen is None:
            return False
        wave, turn, caller = seen
        if caller is None:
            self._store.write(lambda tx: _disown(tx, wave, self._claim))
            return False
        if turn is None:
            return self._store.write(lambda tx: self._settle(tx, wave))
        return self._take_turn(Held(wave, self._claim, turn), caller)

    def _take_turn(self, held: Held, caller: Caller) -> bool:
        """Do what it is somebody's turn for; False where it was not, after all."""
        verb: Verb[Any, Any, Any] = _verb(held, self._driver.tools.clock())
        try:
            outcome = self._driver.perform(verb, caller)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - somebody who breaks it must not hold up the others
            code = support_code()
            _log.exception("a turn in a wave failed", support_code=code)
            reason = f"Something went wrong in Enlist itself; the log has it under {code}"
            self._store.write(lambda tx: _leave_out(tx, held, reason))
            return True
        if not isinstance(outcome, Refusal):
            return True
        if outcome.code == "malformed":  # the only refusal of his that no verb is told of
            self._store.write(lambda tx: _leave_out(tx, held, outcome.code))
        return outcome.code not in ("conflict", "try_later")

    def _look(self, tx: Reader, wave_id: Id) -> tuple[Wave, Turn | None, Caller | None] | None:
        wave = waves.find(tx, wave_id)
        if wave is None or wave.next_at > tx.now or not waves.held(tx, wave_id, self._claim):
            return None
        share = wave.canary if wave.phase is Phase.CANARY else wave.people
        issuing = wave.state is WaveState.RUNNING and wave.done < share
        turn = wave_members.following(tx, wave_id, issuing=issuing)
        return wave, turn, maker(tx, wave, Permission.DEVICES_REGISTER)

    def _settle(self, tx: Tx, wave: Wave) -> bool:
        """Nobody has a turn: go on to the next state, or say when to look again."""
        later = self._later(tx, wave)
        if waves.end(tx, wave.id, self._claim):
            found = wave_members.counts(tx, wave.id)
            failed = found[wave_members.MemberState.FAILED]
            record(tx, SYSTEM, "wave.ended", wave, people=wave.people, failed=failed)
            return True
        if waves.wait(tx, wave.id, self._claim, later):
            record(tx, SYSTEM, "wave.waiting", wave, canary=wave.canary)
            return True
        needs = wave.plan.canary_needs
        if wave.state is WaveState.WAITING and needs:
            enrolled = wave_members.canaries_enrolled(tx, wave.id)
            if enrolled * 100 >= needs * wave.canary and waves.go_on(tx, wave.id):
                told = {"enrolled": enrolled, "canary": wave.canary}
                record(tx, SYSTEM, "wave.continued", wave, **told)
                return True
        waves.put_off(tx, wave.id, self._claim, later)
        return False

    def _later(self, tx: Reader, wave: Wave) -> int:
        """When there may be something to do again, where nobody asks for anything."""
        first_share = wave.phase is Phase.CANARY and wave.state is not WaveState.DONE
        if first_share and wave.plan.canary_needs:
            return tx.now + _LOOK_AGAIN
        if not wave.plan.remind_hours:
            return NEVER
        at = wave_members.next_reminder(tx, wave.id, wave.plan.remind_hours * HOUR)
        return NEVER if at is None else max(at, tx.now + _SOON)


def _pass_over(tx: Tx, held: Held, refusal: Refusal) -> None:
    """He comes again once SMS may be sent; else his turn is over."""
    if refusal.code == "sms_cap_reached":
        until = refusal.at or tx.now + HOUR
        waves.put_off(tx, held.wave.id, held.claim, until, refusal.code)
    else:
        _leave_out(tx, held, refusal.code)


def _leave_out(tx: Tx, held: Held, reason: str) -> None:
    """His turn is over, and nothing came of it."""
    turn = held.turn
    if turn.task is not Task.ISSUE:
        wave_members.sent(tx, turn.member_id, turn.task)
    elif wave_members.failed(tx, turn.member_id, reason, canary=held.canary):
        waves.passed_over(tx, held.wave.id)


def _disown(tx: Tx, wave: Wave, claim: str) -> None:
    """Whoever started it may not do this any more: somebody else has to take it over."""
    if waves.pause(tx, wave.id, "forbidden"):
        record(tx, SYSTEM, "wave.paused", wave, reason="forbidden")
    else:
        wave_members.stop(tx, wave.id)
        waves.put_off(tx, wave.id, claim, NEVER, "forbidden")


def _verb(held: Held, now: int) -> IssueInWave | ResendInWave:
    plan, turn = held.wave.plan, held.turn
    if turn.task is Task.ISSUE:
        name = turn.device_name or plan.device_name.replace(USER, turn.user_name)
        details = DeviceDetails(name, turn.platform or plan.platform, plan.ownership)
        message = Delivery(plan.channel, plan.template)
        until = now + plan.hours * HOUR if plan.hours else None
        return IssueInWave("", turn.user_id or "", details, message, until, held=held)
    kind = RemindInWave if turn.task is Task.REMIND else ResendInWave
    template = "" if turn.task is Task.REMIND else plan.template
    return kind(turn.enrollment_id or "", template, plan.channel, held=held)
