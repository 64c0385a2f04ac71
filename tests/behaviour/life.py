"""A machine that lives an enrollment's life at random, beside a model of it (see `life_model`).

Each step says beforehand what the installation must answer. After every step the rows are looked
at without the model: whatever happened, nobody won twice, nothing came back from its end, and the
log alone tells how everything stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.lifecycle import MOVES, EnrollmentState
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.register import Issue
from enlist.verbs.reissue import Reissue
from enlist.verbs.users import DeleteUser, SetUserState
from tests.behaviour.life_model import AttemptModel, DeviceModel, EnrollmentModel, Model
from tests.installation import SHOWN, Enlist, code, done
from tests.requests import tampered

T = TypeVar("T")

KEYS = st.integers(0, 3)
PLACE = st.integers(0, 99)
"""Which of what there is: taken modulo how many there are."""


class Life(RuleBasedStateMachine):
    """Lives one user's enrollments. `enlist` is set by the test; so are the counts."""

    enlist: ClassVar[Enlist]
    runs: ClassVar[list[int]]
    """How many steps each run had."""
    seen: ClassVar[Counter[str]]
    """How often each step ended how."""

    @initialize()
    def begin_life(self) -> None:
        self.model = Model()
        self.steps = 0
        self.ended: dict[str, str] = {}
        self.user = self.enlist.user(f"ada-{len(self.runs)}-{self.enlist.stranger().address}")

    def teardown(self) -> None:
        self.runs.append(getattr(self, "steps", 0))

    # --- helpers --------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.enlist.clock.now

    def step(self, what: str, answer: object, expected: str) -> None:
        """One step was taken: compare, count, and let a second pass."""
        self.seen[f"{what}: {expected}"] += 1
        assert code(answer) == expected, (what, answer)
        self.steps += 1
        self.enlist.clock.advance(seconds=1)

    def pick(self, things: Sequence[T], place: int) -> T:
        return things[place % len(things)]

    def issued(self, device: DeviceModel, ticket: Any) -> None:
        self.model.enrollments.append(
            EnrollmentModel(
                ticket.enrollment_id, device, ticket.expires_at, {ticket.generation: ticket.token}
            )
        )

    def redeemed(
        self, enrollment: EnrollmentModel, attempt: AttemptModel | None, answer: str, key: int
    ) -> None:
        if answer != "done" or enrollment.state != "active":
            return
        enrollment.state, enrollment.used_key, enrollment.used_at = "used", key, self.now
        enrollment.device.state = "enrolled"
        if attempt is not None:
            attempt.state = "completed"

    # --- rules ----------------------------------------------------------------------------

    @precondition(lambda self: not self.model.user_gone and len(self.model.devices) < 3)
    @rule(hours=st.sampled_from([1, 24]))
    def register(self, hours: int) -> None:
        ticket = self.enlist.register(self.user.username, expires_at=self.now + hours * HOUR)
        device = DeviceModel(ticket.device_id)
        self.model.devices.append(device)
        self.issued(device, ticket)
        self.step("register", None, "done")

    @precondition(lambda self: self.model.devices)
    @rule(place=PLACE)
    def issue(self, place: int) -> None:
        device = self.pick(self.model.devices, place)
        live = [e for e in self.model.enrollments if e.device is device and e.state == "active"]
        expected = "done"
        if device.gone:
            expected = "not_found"
        elif device.state != "registered":
            expected = "device_enrolled"
        elif self.model.user_gone:
            expected = "conflict"
        elif any(each.expires_at > self.now for each in live):
            expected = "enrollment_exists"
        answer = self.enlist.perform(Issue(device.id, SHOWN))
        if expected == "done":
            for each in live:
                each.end("revoked")
            self.issued(device, done(answer))
        self.step("issue", answer, expected)

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE, generation=PLACE)
    def check(self, place: int, generation: int) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        number = self.pick(sorted(enrollment.tokens), generation)
        expected = self.model.judge(enrollment, number, None, self.now)
        self.step("check", self.enlist.check(enrollment.tokens[number]), expected)

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE)
    def begin(self, place: int) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        token = enrollment.tokens[enrollment.generation]
        expected = self.model.judge(enrollment, enrollment.generation, None, self.now)
        answer = self.enlist.begin(token)
        if expected == "done":
            begun = done(answer)
            until = min(self.now + 10 * MINUTE, enrollment.expires_at)
            assert begun.expires_at == until
            self.model.attempts.append(
                AttemptModel(begun.attempt_id, begun.code, enrollment, enrollment.generation, until)
            )
        self.step("begin", answer, expected)

    @precondition(lambda self: self.model.attempts)
    @rule(place=PLACE)
    def cancel(self, place: int) -> None:
        attempt = self.pick(self.model.attempts, place)
        over = attempt.state != "open" or attempt.expires_at <= self.now
        answer = self.enlist.cancel(attempt.id, attempt.code)
        if not over:
            attempt.state = "cancelled"
        self.step("cancel", answer, "attempt_over" if over else "done")

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE, generation=PLACE, key=KEYS, newest=st.booleans())
    def redeem(self, place: int, generation: int, key: int, newest: bool) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        number = enrollment.generation
        if not newest:
            number = self.pick(sorted(enrollment.tokens), generation)
        expected = self.model.judge(enrollment, number, None, self.now)
        if expected == "token_used" and self.model.repeats(enrollment, key, self.now):
            expected = "done"
        answer = self.enlist.redeem(enrollment.tokens[number], key=key)
        self.redeemed(enrollment, None, expected, key)
        self.step("redeem", answer, expected)

    @precondition(lambda self: self.model.attempts)
    @rule(place=PLACE, key=KEYS)
    def complete(self, place: int, key: int) -> None:
        attempt = self.pick(self.model.attempts, place)
        enrollment = attempt.enrollment
        expected = self.model.judge(enrollment, attempt.generation, attempt, self.now)
        repeats = self.model.repeats(enrollment, key, self.now)
        if expected in ("token_used", "attempt_over") and repeats:
            expected = "done"
        answer = self.enlist.redeem(attempt.code, key=key)
        self.redeemed(enrollment, attempt, expected, key)
        self.step("complete", answer, expected)

    @precondition(lambda self: any(e.state == "used" for e in self.model.enrollments))
    @rule(place=PLACE)
    def repeat(self, place: int) -> None:
        used = [e for e in self.model.enrollments if e.state == "used"]
        enrollment = self.pick(used, place)
        key = enrollment.used_key or 0
        expected = self.model.judge(enrollment, enrollment.generation, None, self.now)
        if expected == "token_used" and self.model.repeats(enrollment, key, self.now):
            expected = "done"
        answer = self.enlist.redeem(enrollment.tokens[enrollment.generation], key=key)
        if expected == "done":
            assert done(answer).repeated
        self.step("repeat", answer, expected)

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE, what=st.sampled_from(["no request", "bad request", "platform"]))
    def redeem_badly(self, place: int, what: str) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        token = enrollment.tokens[enrollment.generation]
        expected = self.model.judge(enrollment, enrollment.generation, None, self.now)
        if expected == "done":
            expected = {
                "no request": "completion_required",
                "bad request": "csr_invalid",
                "platform": "platform_mismatch",
            }[what]
        if what == "no request":
            answer = self.enlist.redeem(token, key=None)
        elif what == "bad request":
            answer = self.enlist.redeem(token, key=tampered())
        else:
            answer = self.enlist.redeem(token, key=9, platform="ios")
        self.step(f"redeem with {what}", answer, expected)

    @rule()
    def guess(self) -> None:
        self.step("guess", self.enlist.redeem("abcdefghij"), "token_invalid")

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE)
    def resend(self, place: int) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        expected = "done"
        if self.model.gone(enrollment):
            expected = "not_found"
        elif enrollment.state != "active" or enrollment.expires_at <= self.now:
            expected = "not_resendable"
        self.step("resend", self.enlist.resend(enrollment.id), expected)

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE, hours=st.sampled_from([1, 24]))
    def reissue(self, place: int, hours: int) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        until = self.now + hours * HOUR
        expected = "done"
        if self.model.gone(enrollment):
            expected = "not_found"
        elif enrollment.state != "active":
            expected = f"token_{enrollment.state}"
        answer = self.enlist.perform(Reissue(enrollment.id, SHOWN, until))
        if expected == "done":
            made = done(answer)
            assert made.token is not None
            enrollment.generation += 1
            enrollment.expires_at = until
            enrollment.tokens[enrollment.generation] = made.token
            assert made.generation == enrollment.generation
        self.step("reissue", answer, expected)

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE)
    def revoke(self, place: int) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        expected = "done"
        if self.model.gone(enrollment):
            expected = "not_found"
        elif enrollment.state != "active":
            expected = f"token_{enrollment.state}"
        answer = self.enlist.revoke(enrollment.id)
        enrollment.end("revoked")
        self.step("revoke", answer, expected)

    @rule(pass_by=st.sampled_from([MINUTE, 10 * MINUTE, HOUR - 5 * SECOND, HOUR, 24 * HOUR]))
    def let_time_pass(self, pass_by: int) -> None:
        self.enlist.clock.now += pass_by
        self.step("let time pass", None, "done")

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE, early=st.booleans())
    def go_to_its_end(self, place: int, early: bool) -> None:
        """To the last microsecond in which a token works, or to the first in which it does not."""
        enrollment = self.pick(self.model.enrollments, place)
        end = enrollment.expires_at - (1 if early else 0)
        if end <= self.now or self.model.gone(enrollment):
            return
        self.enlist.clock.now = end
        expected = self.model.judge(enrollment, enrollment.generation, None, end)
        answer = self.enlist.check(enrollment.tokens[enrollment.generation])
        self.step("at its end", answer, expected)

    @precondition(lambda self: not self.model.user_gone)
    @rule()
    def disable_or_enable_user(self) -> None:
        wanted = "disabled" if self.model.user_active else "active"
        answer = self.enlist.perform(SetUserState(self.user.username, wanted))
        self.model.user_active = not self.model.user_active
        self.step(f"make user {wanted}", answer, "done")

    @precondition(lambda self: self.model.devices)
    @rule(place=PLACE)
    def delete_device(self, place: int) -> None:
        device = self.pick(self.model.devices, place)
        answer = self.enlist.perform(DeleteDevice(device.id))
        expected = "not_found" if device.gone else "done"
        device.gone = True
        if device.state == "enrolled":
            device.state = "unenrolled"
        for enrollment in self.model.enrollments:
            if enrollment.device is device:
                enrollment.end("revoked")
        self.step("delete device", answer, expected)

    @precondition(lambda self: not self.model.user_gone and self.steps > 20)
    @rule()
    def delete_user(self) -> None:
        answer = self.enlist.perform(DeleteUser(self.user.username))
        self.model.user_gone = True
        self.model.user_active = False
        for enrollment in self.model.enrollments:
            enrollment.end("revoked")
        for device in self.model.devices:
            if device.state == "enrolled":
                device.state = "unenrolled"
        self.step("delete user", answer, "done")

    # --- invariants -----------------------------------------------------------------------

    @invariant()
    def everything_is_as_it_should_be(self) -> None:
        if not hasattr(self, "user"):
            return
        rows = self.enlist.rows("enrollment", user_id=self.user.id)
        events = sorted(
            self.enlist.rows("event", user_id=self.user.id),
            key=lambda row: (row["at"], row["id"]),
        )
        self._the_model_agrees(rows)
        self._nobody_won_twice(rows, events)
        self._the_end_is_the_end(rows)
        self._one_secret_is_live(rows)
        self._the_log_tells_it_all(rows, events)

    def _the_model_agrees(self, rows: Sequence[Any]) -> None:
        stored = {row["id"]: (row["state"], row["generation"], row["expires_at"]) for row in rows}
        assert stored == {
            e.id: (e.state, e.generation, e.expires_at) for e in self.model.enrollments
        }

    def _nobody_won_twice(self, rows: Sequence[Any], events: Sequence[Any]) -> None:
        wins = Counter(e["enrollment_id"] for e in events if e["kind"] == "enrollment.redeemed")
        for row in rows:
            assert wins[row["id"]] == row["uses"] == (row["state"] == "used")

    def _the_end_is_the_end(self, rows: Sequence[Any]) -> None:
        final = {
            state.value
            for state in EnrollmentState
            if not any(move.origin is state for move in MOVES)
        }
        for row in rows:
            before = self.ended.get(row["id"])
            assert before in (None, row["state"])
            if row["state"] in final:
                self.ended[row["id"]] = row["state"]

    def _one_secret_is_live(self, rows: Sequence[Any]) -> None:
        live = Counter(row["device_id"] for row in rows if row["state"] == "active")
        assert set(live.values()) <= {1}
        for row in rows:
            kept = self.enlist.rows("enrollment_secret", enrollment_id=row["id"])
            generations = [secret["generation"] for secret in kept]
            assert generations.count(row["generation"]) == 1
            assert max(generations) == row["generation"]

    def _the_log_tells_it_all(self, rows: Sequence[Any], events: Sequence[Any]) -> None:
        enrollments, devices = replayed(events)
        assert enrollments == {row["id"]: row["state"] for row in rows}
        assert devices == {
            row["id"]: row["state"] for row in self.enlist.rows("device", user_id=self.user.id)
        }


def replayed(events: Sequence[Any]) -> tuple[dict[str, str], dict[str, str]]:
    """How enrollments and devices stand, by the log alone."""
    enrollments: dict[str, str] = {}
    devices: dict[str, str] = {}
    device_of: dict[str, str] = {}
    for event in events:
        kind, device, enrollment = event["kind"], event["device_id"], event["enrollment_id"]
        if kind in ("device.registered", "enrollment.issued"):
            enrollments[enrollment], device_of[enrollment] = "active", device
            devices.setdefault(device, "registered")
        elif kind == "enrollment.redeemed":
            enrollments[enrollment], devices[device] = "used", "enrolled"
        elif kind == "device.reset":
            enrollments[enrollment], devices[device] = "active", "registered"
            device_of[enrollment] = device
        elif kind in ("enrollment.revoked", "enrollment.deleted"):
            enrollments[enrollment] = "revoked"
        elif kind in ("device.deleted", "user.deleted"):
            for each in [each for each in enrollments if device in (None, device_of[each])]:
                enrollments[each] = _after(enrollments[each], "active", "revoked")
            for each in [each for each in devices if device in (None, each)]:
                devices[each] = _after(devices[each], "enrolled", "unenrolled")
    return enrollments, devices


def _after(state: str, living: str, ended: str) -> str:
    return ended if state == living else state
