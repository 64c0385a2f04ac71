"""A model of an enrollment's life: what its states and moves come to, written a second time.

It is as plain as possible, and tells beforehand what the installation must answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from enlist.core.clock import MINUTE
from enlist.core.secrets import Secret

REPEATABLE = 10 * MINUTE


@dataclass
class DeviceModel:
    """A device, as it should be."""

    id: str
    state: str = "registered"
    gone: bool = False


@dataclass
class EnrollmentModel:
    """An enrollment, as it should be; `tokens` by generation."""

    id: str
    device: DeviceModel
    expires_at: int
    tokens: dict[int, Secret]
    state: str = "active"
    generation: int = 1
    used_key: int | None = None
    used_at: int = 0
    superseded: bool = False
    deleted: bool = False

    def end(self, state: str) -> None:
        if self.state == "active":
            self.state = state


@dataclass
class AttemptModel:
    """An attempt, as it should be."""

    id: str
    code: Secret
    enrollment: EnrollmentModel
    generation: int
    expires_at: int
    state: str = "open"


@dataclass
class Model:
    """One user, and what is his."""

    user_active: bool = True
    user_gone: bool = False
    devices: list[DeviceModel] = field(default_factory=list)
    enrollments: list[EnrollmentModel] = field(default_factory=list)
    attempts: list[AttemptModel] = field(default_factory=list)

    def gone(self, enrollment: EnrollmentModel) -> bool:
        return self.user_gone or enrollment.device.gone or enrollment.deleted

    def judge(
        self, enrollment: EnrollmentModel, generation: int, attempt: AttemptModel | None, now: int
    ) -> str:
        """What whoever presents this is told, before his request is looked at."""
        if self.gone(enrollment):
            return "token_invalid"
        if generation < enrollment.generation:
            return "token_replaced"
        if enrollment.superseded:
            return "token_replaced"
        if enrollment.state != "active":
            return f"token_{enrollment.state}"
        if enrollment.expires_at <= now:
            return "token_expired"
        if not self.user_active:
            return "user_not_allowed"
        if attempt is not None and (attempt.state != "open" or attempt.expires_at <= now):
            return "attempt_over"
        return "done"

    def repeats(self, enrollment: EnrollmentModel, key: int, now: int) -> bool:
        """Whether this key asks again for what it got."""
        fresh = enrollment.used_at > now - REPEATABLE
        return enrollment.used_key == key and fresh
