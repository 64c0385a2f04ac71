"""Redeem: somebody presents a token, a code or a login, and the device is enrolled, or not.

The parts, on this screen: `look` finds what is presented, and strangers stop there; `work` checks
login and rules; `complete` has the certificates signed, for all that are done together; the claim
is one guarded statement in `enlist.store.redemptions`, whose row count decides. Many devices that
come with one token make one enrollment. A device that repeats its request after a lost answer gets
the same answer again; see `repeating`. What a sign-in without a token enrolls is decided in
`targeting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from enlist.completions import certificate
from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.judgement import judge
from enlist.core.model import Platform
from enlist.core.outcomes import Done, Drop, Refusal, Subjects
from enlist.core.policy import EnrollmentPolicy
from enlist.pki.csr import Csr
from enlist.pki.signing import Order
from enlist.store import allowances, events, limits, sightings
from enlist.store.ahead import ReadAhead
from enlist.store.credentials import NewCertificate
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import DeviceReport, Redemption, redeem
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import admitting, agreeing, notices, presenting, prompting, repeating, targeting
from enlist.verbs.agreeing import Agreement
from enlist.verbs.driver import Answered, HotVerb, Tools, Try
from enlist.verbs.presenting import Found, Presented, Reported
from enlist.verbs.repeating import Earlier, Enrolled
from enlist.verbs.targeting import Target


@dataclass(frozen=True, slots=True)
class Seen:
    """What `look` found: what is presented, and what it led to before."""

    found: Found
    earlier: Earlier


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom `work` let through: what is to be enrolled, under which rules and terms of use.

    Attributes:
        report: what is said of the device, by its user when he began as well.
    """

    target: Target
    policy: EnrollmentPolicy | None
    agreement: Agreement | None
    report: DeviceReport


@dataclass(frozen=True, slots=True)
class Redeem(HotVerb[Seen, Admitted, Redemption, Enrolled]):
    """Enroll a device.

    Attributes:
        csr: the parsed certificate request, or why it could not be read (told to holders only).
        attempt_id: set when a named attempt is completed; the code must be that attempt's.

    Refusals: every code of the catalogue for holders, members and strangers.
    """

    presented: Presented
    report: DeviceReport
    csr: Csr | Refusal | None
    idempotency: IdempotencyKey | None = None
    attempt_id: Id | None = None

    name = "redeem"
    refused_as = "enrollment.refused"
    throttled = True
    apply_many = redeem

    @property
    def hashes(self) -> bool:
        return self.presented.with_credentials

    @classmethod
    def read_ahead(cls, tools: Tools, ahead: ReadAhead, verbs: Sequence[Redeem]) -> None:
        presenting.read_ahead(tools, ahead, (verb.presented for verb in verbs))

    def unread(self) -> Refusal | None:
        if isinstance(presenting.platform_of(self.report.platform), Refusal):
            return None  # told, and written down, before anything presented is looked at
        return presenting.unread(self.presented)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        platform = presenting.platform_of(self.report.platform)
        if isinstance(platform, Refusal):
            return platform
        reported = Reported(self.report, platform, whole=True)
        found = presenting.find(tools, tx, caller, self.presented, reported)
        if isinstance(found, Refusal):
            return found
        if self.attempt_id not in (None, found.attempt_id):
            return Refusal("token_invalid", reason="the code is another attempt's")
        earlier = repeating.look_back(tx, found, self.csr, self.idempotency)
        return Seen(found, earlier)

    def reserve(self, seen: Seen) -> Try | None:
        return admitting.reserve(seen.found)

    def work(
        self, tools: Tools, caller: Caller, seen: Seen
    ) -> Admitted | Answered[Enrolled] | Refusal:
        now = tools.clock()
        admitted = admitting.admit(tools, seen.found, now)
        reused, first = seen.earlier.reused, seen.earlier.first_use
        another = isinstance(self.csr, Csr) and not seen.earlier.same_key
        if reused is not None and not (isinstance(admitted, Refusal) and not admitted.holder):
            return repeating.flag(reused, first, key=another)
        again = repeating.answer_again(seen.found, seen.earlier, admitted)
        if again is not None:
            return again
        if isinstance(admitted, Refusal):
            return repeating.flag(admitted, first, key=another)
        unready = admitting.unready(tools, admitted)
        if unready is not None:
            return unready
        found = seen.found
        target = targeting.choose(found, found.report, now)
        if isinstance(target, Refusal):
            return target
        unfit = self._unfit(found)
        if unfit is not None:
            return _told(unfit, target)
        return Admitted(target, found.policy, found.agreement, found.report)

    @classmethod
    def complete(
        cls, tools: Tools, ready: Sequence[tuple[Redeem, Caller, Admitted]]
    ) -> list[Redemption | Refusal]:
        orders = [
            Order(admitted.target.device_id, verb.csr)
            for verb, _, admitted in ready
            if isinstance(verb.csr, Csr)
        ]
        signed = iter(certificate.prepare_each(tools, orders))
        return [
            verb.claim(tools, caller, admitted, next(signed) if verb.csr else None)
            for verb, caller, admitted in ready
        ]

    def claim(
        self,
        tools: Tools,
        caller: Caller,
        admitted: Admitted,
        signed: NewCertificate | Refusal | None,
    ) -> Redemption | Refusal:
        """What is asked of the store, now that there is a certificate, or need not be one."""
        if isinstance(signed, Refusal):
            return _told(signed, admitted.target)
        claim = admitted.target.claim(caller, admitted.report, signed, self.idempotency)
        claim = prompting.answered_with(admitted.policy, claim)
        claim = agreeing.accepted_with(admitted.agreement, claim, tools.clock())
        return notices.about_enrolling(tools, admitted.policy, claim)

    def won(self, claim: Redemption, answer: bool) -> Done[Enrolled]:
        old = claim.replaces_device_id
        return Done(repeating.enrolled(claim), () if old is None else (Drop(old),))

    def lost(self, tools: Tools, tx: Reader, caller: Caller, claim: Redemption) -> Refusal:
        wait = limits.throttled(tx, caller.source)
        if wait is not None:
            return Refusal("rate_limited", retry_after=wait)
        if repeating.is_own(tx, claim):
            raise ConcurrentChange  # the same device was faster than itself: answer it again
        used_up = allowances.used_up(tx, claim.allowance) if claim.allowance else None
        if used_up is not None:
            return Refusal(used_up, reason="at this very moment", about=_there(claim), holder=True)
        sighting = sightings.by_id(tx, claim.enrollment_id, claim.generation)
        if sighting is None:
            return Refusal("token_invalid", reason="deleted", about=claim.happening.about)
        refusal = judge(sighting, tx.now)
        if refusal is None and claim.attempt_id is None:
            raise ConcurrentChange  # whatever was in the way is gone: look again
        if refusal is None:
            return Refusal("attempt_over", about=claim.happening.about, holder=True)
        first = events.first_use(tx, claim.enrollment_id)
        return repeating.flag(refusal, first, key=claim.certificate is not None)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> None:
        admitting.outguessed(tx, caller, refusal, self.presented)

    def clash(self, index: str) -> Refusal | None:
        return Refusal("try_later", reason=f"clash on {index}", holder=True)

    def _unfit(self, found: Found) -> Refusal | None:
        """Why there can be no completion: a certificate, or none where the rules allow that."""
        if isinstance(self.csr, Refusal):
            return self.csr
        if self.csr is not None or _bare_allowed(found):
            return None
        return Refusal("completion_required")


def _bare_allowed(found: Found) -> bool:
    """Whether the device may enroll without a certificate."""
    policy = found.policy
    if policy is None or not policy.allow_bare_enrollment:
        return False
    registered = found.sighting.device_platform if found.sighting else None
    windows = Platform.WINDOWS in (found.platform, registered)
    return not (windows and policy.windows_mutual_tls)


def _told(unfit: Refusal, target: Target) -> Refusal:
    """A completion that is refused, told to whoever has proved his right to it."""
    return replace(unfit, about=target.happening.about, holder=True)


def _there(claim: Redemption) -> Subjects:
    """What a claim is about, without what was not made after all."""
    about = claim.happening.about
    device_id = None if claim.fresh_device else about.device_id
    enrollment_id = None if claim.fresh_enrollment else about.enrollment_id
    return replace(about, device_id=device_id, enrollment_id=enrollment_id)
