"""The same lives with resets and deletions in them (see `life`)."""

from __future__ import annotations

from hypothesis.stateful import precondition, rule

from enlist.verbs.reissue import DeleteEnrollment
from enlist.verbs.reset import Reset
from tests.behaviour.life import PLACE, Life
from tests.installation import SHOWN, done


class LifeWithResets(Life):
    """Its rules are those of `Life`, and these."""

    @precondition(lambda self: self.model.devices)
    @rule(place=PLACE)
    def reset(self, place: int) -> None:
        device = self.pick(self.model.devices, place)
        expected = "done"
        if device.gone:
            expected = "not_found"
        elif self.model.user_gone:
            expected = "conflict"
        answer = self.enlist.perform(Reset(device.id, "lost", SHOWN))
        if expected == "done":
            device.state = "registered"
            for enrollment in self.model.enrollments:
                if enrollment.device is device:
                    enrollment.used_key = None  # what it got counts no more, and is not got again
                    enrollment.superseded |= enrollment.state == "active"
                    enrollment.end("revoked")
            self.issued(device, done(answer).issued)
            held = self.enlist.credentials_of(device.id)
            assert all(credential.revoked_at is not None for credential in held)
        self.step("reset", answer, expected)

    @precondition(lambda self: self.model.enrollments)
    @rule(place=PLACE)
    def delete_enrollment(self, place: int) -> None:
        enrollment = self.pick(self.model.enrollments, place)
        expected = "done"
        if self.model.gone(enrollment):
            expected = "not_found"
        elif enrollment.state != "active":
            expected = f"token_{enrollment.state}"
        answer = self.enlist.perform(DeleteEnrollment(enrollment.id))
        if expected == "done":
            enrollment.end("revoked")
            enrollment.deleted = True
        self.step("delete enrollment", answer, expected)
