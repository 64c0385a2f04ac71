"""The things that Enlist knows, as they come out of the store. Values; they do nothing.

In the words of Enlist a *device* enrolls, an *enrollment* authorizes it, a *credential* is what
stays. All moments are microseconds UTC, all ids UUIDv7 text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from enlist.core.ids import Id
from enlist.core.lifecycle import NOT_APPLICABLE, AttemptState, DeviceState, EnrollmentState
from enlist.core.outcomes import Subjects


class Platform(StrEnum):
    """What a device runs (ruling 30); iPadOS counts as iOS."""

    ANDROID = "android"
    IOS = "ios"
    MACOS = "macos"
    WINDOWS = "windows"
    LINUX = "linux"


class Ownership(StrEnum):
    """Whose property a device is (A32): these four, in any case of letters."""

    CORPORATE_DEDICATED = "corporate_dedicated"
    CORPORATE_SHARED = "corporate_shared"
    EMPLOYEE_OWNED = "employee_owned"
    NONE = "none"

    @classmethod
    def _missing_(cls, value: object) -> Ownership | None:
        """Lists from elsewhere write them in capitals."""
        lower = value.lower() if isinstance(value, str) else None
        return next((each for each in cls if each.value == lower), None)


class GrantKind(StrEnum):
    """How an enrollment was authorized."""

    REGISTRATION_TOKEN = "registration_token"
    SIGN_IN = "sign_in"
    ONE_TIME_JWT = "one_time_jwt"
    PASSCODE = "passcode"


class Source(StrEnum):
    """Where an enrollment was issued."""

    CONSOLE = "console"
    SELF_SERVICE = "self_service"
    API = "api"
    COMMAND_LINE = "command_line"
    SIGN_IN = "sign_in"


class Staging(StrEnum):
    """Whether a user enrolls devices for others, and how they go on to these (A63)."""

    DISABLED = "disabled"
    SINGLE_USER_STANDARD = "single_user_standard"
    SINGLE_USER_ADVANCED = "single_user_advanced"
    MULTIPLE_USER = "multiple_user"
    MULTIPLE_USER_SINGLE_USER_STANDARD = "multiple_user_single_user_standard"
    MULTIPLE_USER_SINGLE_USER_ADVANCED = "multiple_user_single_user_advanced"

    @property
    def gives(self) -> bool:
        """Whether his devices go to somebody for good, as they are."""
        return self.value.endswith("single_user_advanced")

    @property
    def lends(self) -> bool:
        """Whether his devices go from one to the next, as they are, and come back to him."""
        return self.value.startswith("multiple_user")


class UserState(StrEnum):
    """Whether a user may do anything at all."""

    ACTIVE = "active"
    DISABLED = "disabled"


class MessageState(StrEnum):
    """Where a message is on its way; `delivered` is what a gateway reported."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Organization:
    """A node of the tenant tree. `path` is the ids from the root to itself, each followed by /."""

    id: Id
    parent_id: Id | None
    group_id: str
    name: str
    path: str
    time_zone: str
    language: str
    created_at: int


def organization_at(path: str) -> Id:
    """The id of the organization at `path`; "" at the empty path."""
    return path.rstrip("/").rpartition("/")[2]


def stands_at(path: str, home: str, authorized: Sequence[Id]) -> bool:
    """Whether a device may be at `path` that belongs to a user of the organization at `home`.

    Args:
        authorized: the organizations where he may enroll (A49); none for his own and all below.
    """
    within = not authorized or not set(authorized).isdisjoint(path.split("/"))
    return within and path.startswith(home)


def display_name(first_name: str, last_name: str, username: str) -> str:
    """First and last name, else the user name."""
    return f"{first_name} {last_name}".strip() or username


@dataclass(frozen=True, slots=True)
class User:
    """A person.

    Attributes:
        authorized: the organizations where he may enroll, the default first; see `stands_at`.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    username: str
    email: str
    phone: str
    first_name: str
    last_name: str
    source: str
    state: UserState
    time_zone: str
    language: str
    created_at: int
    has_password: bool
    version: int = 1
    staging: Staging = Staging.DISABLED
    authorized: tuple[Id, ...] = ()

    @property
    def enrolls_at(self) -> Id:
        """The organization that his devices go to where nobody says otherwise."""
        return self.authorized[0] if self.authorized else self.organization_id

    def may_have_at(self, path: str) -> bool:
        """Whether a device of his may be in the organization at `path`."""
        return stands_at(path, self.organization_path, self.authorized)

    @property
    def display_name(self) -> str:
        """What people call him; see `display_name`."""
        return display_name(self.first_name, self.last_name, self.username)

    @property
    def subjects(self) -> Subjects:
        """What an event about this user is about."""
        return Subjects(self.organization_id, self.id)


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A set of users. `members` is how many there are now."""

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    name: str
    description: str
    source: str
    created_at: int
    members: int = 0
    version: int = 1

    @property
    def subjects(self) -> Subjects:
        """What an event about this group is about."""
        return Subjects(self.organization_id)


@dataclass(frozen=True, slots=True)
class Device:
    """Whatever enrolls and holds a credential.

    Attributes:
        staging_user_id: the staging user to whom it comes back; None while it is his own, and
            where it does not.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    user_id: Id | None
    username: str
    name: str
    platform: Platform
    ownership: Ownership
    state: DeviceState
    model: str
    os_version: str
    serial: str
    imei: str
    udid: str
    sim: str
    asset_number: str
    external_id: str
    registered_at: int
    enrolled_at: int | None
    last_seen_at: int | None
    version: int
    tags: tuple[str, ...] = ()
    custom_attributes: Mapping[str, str] = field(default_factory=dict)
    staging_user_id: Id | None = None

    @property
    def subjects(self) -> Subjects:
        """What an event about this device is about."""
        return Subjects(self.organization_id, self.user_id, self.id)


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One authorization to enroll.

    Attributes:
        replaces_device_id: the device that retires when it is used.
        device_state, ownership: its device's; "" where it has none.
        source: where it was issued, a `Source`; "" where that is not known.
        in_progress: somebody has begun and may still finish.
        token_type: what its token needs beside itself, as the settings say now.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    user_id: Id | None
    username: str
    device_id: Id | None
    device_name: str
    platform: str
    grant: GrantKind
    state: EnrollmentState
    generation: int
    uses: int
    max_uses: int
    expires_at: int
    issued_at: int
    issued_by: str
    opened_at: int | None
    used_at: int | None
    ended_at: int | None
    end_reason: str
    message_state: str
    message_reason: str
    message_to: str
    replaces_device_id: Id | None = None
    device_state: str = ""
    ownership: str = ""
    source: str = ""
    in_progress: bool = False
    token_type: str = NOT_APPLICABLE

    @property
    def subjects(self) -> Subjects:
        """What an event about this enrollment is about."""
        return Subjects(self.organization_id, self.user_id, self.device_id, self.id)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a presented token or code leads to: all that deciding about it needs.

    `presented_generation` is the generation that the presented secret belongs to; it is older
    than `generation` when a newer secret was sent at `replaced_at`. The `device_*` values are
    the registered device's. `attempt_*` are set when an attempt code was presented, or an
    attempt is being completed. `passcode_id` is the company passcode that it was got by.
    """

    enrollment_id: Id
    organization_id: Id
    organization_path: str
    user_id: Id | None
    username: str
    user_active: bool
    device_id: Id | None
    device_name: str
    device_platform: Platform | None
    device_state: DeviceState | None
    grant: GrantKind
    state: EnrollmentState
    generation: int
    presented_generation: int
    replaced_at: int | None
    uses: int
    max_uses: int
    not_before: int
    expires_at: int
    used_at: int | None
    ended_at: int | None
    end_reason: str
    wrong_logins: int
    attempt_id: Id | None = None
    attempt_state: AttemptState | None = None
    attempt_expires_at: int = 0
    attempt_user_id: Id | None = None
    replaces_device_id: Id | None = None
    passcode_id: Id | None = None

    @property
    def subjects(self) -> Subjects:
        """What an event about this enrollment, and the attempt at it, is about."""
        return Subjects(
            self.organization_id, self.user_id, self.device_id, self.enrollment_id, self.attempt_id
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One device's try at an enrollment, by one generation of it.

    Attributes:
        accepted_terms_id: the terms of use that were accepted when it began.
        answers: to what was asked when it began, packed; see `prompts`.
    """

    id: Id
    enrollment_id: Id | None
    generation: int
    organization_id: Id
    user_id: Id | None
    state: AttemptState
    started_at: int
    expires_at: int
    address: str
    accepted_terms_id: Id | None = None
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate that a device holds. `serial` is lower-case hex without a sign.

    Attributes:
        generation: rises when what was proved with it must not go on.
        renews_id: the credential that it took over from.
        extend_requested_at: since when the device is asked to renew it; with another key where
            `key_roll_requested`.
    """

    id: Id
    device_id: Id
    enrollment_id: Id | None
    kind: str
    serial: str
    fingerprint: str
    certificate: str
    not_before: int
    not_after: int
    issued_at: int
    revoked_at: int | None
    revocation_reason: str
    generation: int = 1
    renews_id: Id | None = None
    extend_requested_at: int | None = None
    key_roll_requested: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """Something sent, or to be sent, to a person. Its text is made when it is sent.

    Attributes:
        provider_id: what whoever took it calls it; "" where he said nothing.
    """

    id: Id
    organization_id: Id
    user_id: Id | None
    username: str
    enrollment_id: Id | None
    generation: int
    purpose: str
    template: str
    channel: str
    recipient: str
    state: MessageState
    tries: int
    next_try_at: int
    reason: str
    message_id: str
    queued_at: int
    sent_at: int | None
    provider_id: str = ""
    delivered_at: int | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it is read back; `personal` is empty once it was erased."""

    id: Id
    at: int
    kind: str
    actor_kind: str
    actor_id: Id | None
    organization_id: Id | None
    user_id: Id | None
    device_id: Id | None
    enrollment_id: Id | None
    support_code: str
    entry: str
    data: Mapping[str, object]
    personal: Mapping[str, str]
