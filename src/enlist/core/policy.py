"""By which settings an organization enrolls.

Each setting is looked up from an organization upwards; the nearest value is in force, and its
source is shown. `child_permission` says what the children of an organization may do: keep what is
above (`inherit_only`), hold values of their own (`override_only`), or either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.core.outcomes import FieldError, Refusal, invalid
from enlist.core.passcodes import Lockout
from enlist.core.prompts import ASKING, TELLING, WINDOWS_MUTUAL_TLS, Message, Question
from enlist.core.restrictions import Restrictions
from enlist.core.terms import InForce


class EnrollmentMode(StrEnum):
    """Who may enroll at all (A01)."""

    OPEN = "open"
    REGISTERED_ONLY = "registered_only"


class TokenType(StrEnum):
    """What a registration token needs beside itself (A03, A04)."""

    SINGLE_FACTOR = "single_factor"
    TWO_FACTOR = "two_factor"


class ChildPermission(StrEnum):
    """What the organizations below may do with their settings (A10)."""

    INHERIT_ONLY = "inherit_only"
    OVERRIDE_ONLY = "override_only"
    BOTH = "both"


SettingValue = str | int | bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One enrollment setting: its default, and which values it takes."""

    key: str
    default: SettingValue
    choices: type[StrEnum] | None = None
    least: int = 0
    most: int = 0

    def problem(self, value: object) -> str | None:
        """What is wrong with `value`, in words for the person who typed it, or None."""
        if self.choices is not None:
            allowed = [choice.value for choice in self.choices]
            return None if value in allowed else f"must be one of {', '.join(allowed)}"
        if isinstance(self.default, bool):
            return None if isinstance(value, bool) else "must be true or false"
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number from {self.least} to {self.most}"
        if not self.least <= value <= self.most:
            return f"must be from {self.least} to {self.most}"
        return None


SETTINGS: Final[Mapping[str, Setting]] = {
    setting.key: setting
    for setting in (
        Setting("enrollment_mode", EnrollmentMode.OPEN.value, EnrollmentMode),
        Setting("require_registration_token", False),
        Setting("token_type", TokenType.SINGLE_FACTOR.value, TokenType),
        Setting("token_length", 10, least=6, most=20),
        Setting("token_expiration_hours", 24, least=1, most=8760),
        Setting("lease_minutes", 10, least=1, most=60),
        Setting("allow_bare_enrollment", False),
        Setting("sign_in_device_limit", 20, least=0, most=100_000),
        Setting("guard_known_devices", False),
        Setting("notify_users", False),
        Setting("sms_per_day", 200, least=0, most=1_000_000),
        Setting("passcode_attempts", 100, least=3, most=100),
        Setting("passcode_lockout", Lockout.DISABLE.value, Lockout),
        Setting("passcode_reveal", False),
        Setting("passcode_credential_hours", 24, least=1, most=8760),
        *(Setting(key, False) for key in (*ASKING.values(), *TELLING.values())),
        Setting(WINDOWS_MUTUAL_TLS, False),
        Setting("child_permission", ChildPermission.BOTH.value, ChildPermission),
    )
}
"""The enrollment settings of an organization (A01-A10, A36, A52, A58, ruling 27)."""


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting in force: its value, and the `group_id` that it comes from, or `default`."""

    value: SettingValue
    source: str


@dataclass(frozen=True, slots=True)
class EnrollmentPolicy:
    """The settings in force at one organization, what restricts enrolling there, and the terms.

    Attributes:
        restrictions: None where nothing does, so that nobody has to look further.
        terms: empty where nothing must be accepted.
    """

    settings: Mapping[str, Effective]
    restrictions: Restrictions | None = None
    terms: InForce = ()

    @property
    def mode(self) -> EnrollmentMode:
        return EnrollmentMode(str(self.settings["enrollment_mode"].value))

    @property
    def require_token(self) -> bool:
        """Only ever true where only registered devices may enroll (A02)."""
        wanted = bool(self.settings["require_registration_token"].value)
        return wanted and self.mode is EnrollmentMode.REGISTERED_ONLY

    @property
    def token_type(self) -> TokenType:
        return TokenType(str(self.settings["token_type"].value))

    @property
    def token_length(self) -> int:
        return int(self.settings["token_length"].value)

    @property
    def token_expiration_hours(self) -> int:
        return int(self.settings["token_expiration_hours"].value)

    @property
    def lease_minutes(self) -> int:
        return int(self.settings["lease_minutes"].value)

    @property
    def allow_bare_enrollment(self) -> bool:
        return bool(self.settings["allow_bare_enrollment"].value)

    @property
    def sign_in_device_limit(self) -> int:
        """How many devices a user may have before signing in alone adds no further one (A52)."""
        return int(self.settings["sign_in_device_limit"].value)

    @property
    def guard_known_devices(self) -> bool:
        """Whether a device on record stays its user's even where a token says otherwise (A36)."""
        return bool(self.settings["guard_known_devices"].value)

    @property
    def notify_users(self) -> bool:
        """Whether users hear what becomes of their devices and their account (D25, S57)."""
        return bool(self.settings["notify_users"].value)

    @property
    def sms_per_day(self) -> int:
        """How many SMS the organization may send on one day (UTC); each costs money (S41)."""
        return int(self.settings["sms_per_day"].value)

    @property
    def passcode_attempts(self) -> int:
        """How many wrong entries of the passcode in a row switch self-service off (B08)."""
        return int(self.settings["passcode_attempts"].value)

    @property
    def passcode_lockout(self) -> Lockout:
        """What that many lead to (X49)."""
        return Lockout(str(self.settings["passcode_lockout"].value))

    @property
    def passcode_reveal(self) -> bool:
        """Whether administrators may see the passcode again after it was generated (ruling 6)."""
        return bool(self.settings["passcode_reveal"].value)

    @property
    def passcode_credential_hours(self) -> int:
        """How long the one-time credentials work that self-service sends (B15)."""
        return int(self.settings["passcode_credential_hours"].value)

    @property
    def questions(self) -> tuple[Question, ...]:
        """What people are asked while they enroll (A58)."""
        return tuple(each for each, key in ASKING.items() if self.settings[key].value)

    @property
    def messages(self) -> frozenset[Message]:
        """What people are told while they enroll (A58)."""
        return frozenset(each for each, key in TELLING.items() if self.settings[key].value)

    @property
    def windows_mutual_tls(self) -> bool:
        """Whether Windows devices must have a certificate, whatever others need (A58)."""
        return bool(self.settings[WINDOWS_MUTUAL_TLS].value)

    @property
    def child_permission(self) -> ChildPermission:
        return ChildPermission(str(self.settings["child_permission"].value))


def resolve(chain: Sequence[tuple[str, Mapping[str, SettingValue]]]) -> EnrollmentPolicy:
    """The settings in force, from the organization itself up to the root.

    Args:
        chain: `(group_id, own values)`, nearest first.

    `require_registration_token` belongs to the mode: where the mode in force comes from nearer
    than the toggle, and is `open`, the toggle is off, and so says its source.
    """
    found = {key: Effective(setting.default, "default") for key, setting in SETTINGS.items()}
    for group_id, own in reversed(chain):
        # Values that an organization held before the one above allowed none count for nothing.
        if found["child_permission"].value != ChildPermission.INHERIT_ONLY.value:
            found |= {key: Effective(value, group_id) for key, value in own.items()}
    mode = found["enrollment_mode"]
    if mode.value == EnrollmentMode.OPEN.value:
        found["require_registration_token"] = Effective(False, mode.source)
    return EnrollmentPolicy(found)


def check_change(
    change: Mapping[str, object],
    own: Mapping[str, SettingValue],
    parent: EnrollmentPolicy | None,
) -> dict[str, SettingValue | None] | Refusal:
    """What a change of an organization's own settings comes to, or why it may not be made.

    Args:
        change: key to value, or None for *inherit from above*.
        own: what the organization holds itself now.
        parent: the settings in force at its parent; None at the root.

    Refusals: `validation_failed`, `setting_inherited`, `setting_override_required`.
    """
    errors = tuple(
        FieldError(key, problem)
        for key, value in change.items()
        if (problem := _setting_problem(key, value)) is not None
    )
    if errors:
        return Refusal("validation_failed", fields=errors)
    wanted: dict[str, SettingValue | None] = {
        key: value for key, value in change.items() if value is None or isinstance(value, str | int)
    }
    refusal = _child_permission(wanted, parent)
    if refusal is not None:
        return refusal
    return _tie_token_to_mode(wanted, own, parent)


def _setting_problem(key: str, value: object) -> str | None:
    if key not in SETTINGS:
        return "unknown setting"
    return None if value is None else SETTINGS[key].problem(value)


def _child_permission(
    wanted: Mapping[str, SettingValue | None], parent: EnrollmentPolicy | None
) -> Refusal | None:
    if parent is None:
        return None
    if parent.child_permission is ChildPermission.INHERIT_ONLY:
        if any(value is not None for value in wanted.values()):
            return Refusal("setting_inherited")
    elif parent.child_permission is ChildPermission.OVERRIDE_ONLY and None in wanted.values():
        return Refusal("setting_override_required")
    return None


def _tie_token_to_mode(
    wanted: dict[str, SettingValue | None],
    own: Mapping[str, SettingValue],
    parent: EnrollmentPolicy | None,
) -> dict[str, SettingValue | None] | Refusal:
    """Requiring a token exists only under `registered_only` (A02); `open` clears it."""
    after = {key: value for key, value in {**own, **wanted}.items() if value is not None}
    above = [("parent", {k: e.value for k, e in parent.settings.items()})] if parent else []
    mode = resolve([("self", after), *above]).mode
    if mode is EnrollmentMode.REGISTERED_ONLY:
        return wanted
    if wanted.get("require_registration_token") is True:
        return invalid(
            "require_registration_token", "exists only when enrollment_mode is registered_only"
        )
    if own.get("require_registration_token"):
        wanted["require_registration_token"] = None
    return wanted
