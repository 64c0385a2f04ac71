"""Users: people, their passwords and their sign-ins. Their roles: `roles`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core import model
from enlist.core.model import Staging, UserState
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.offboardings import Planned
from enlist.verbs import documents, views_details
from enlist.verbs.channels import usual
from enlist.verbs.first_device import AddUserWithDevice, BothAgain, FirstDevice
from enlist.verbs.second_factor import RemoveSecondFactor
from enlist.verbs.staff import EndSignInsOf, SetPassword
from enlist.verbs.users import AddUser, ChangeUser, DeleteUser, SetUserState, UserAgain
from enlist.verbs.views import ListUsers
from enlist.verbs.views_details import ShowUser
from enlist.web.api.bodies import Body, Page, Paging, Shown, changes, filters
from enlist.web.api.devices import Device
from enlist.web.api.enrollments import UNSENDABLE, Attempt, EnrollmentDetail
from enlist.web.api.operations import (
    IDEMPOTENT,
    Asking,
    IdempotencyHeader,
    IfMatch,
    Operations,
    Staff,
    shown,
    version_of,
)
from enlist.web.api.registering import DEVICE, NewDevice, registered
from enlist.web.api.roles import ROLE, RoleHeld
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment, SecretGiven

operations: Final = Operations("Users")


_EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "username": "ada",
    "email": "ada@example.com",
    "phone": "",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "source": "basic",
    "state": "active",
    "has_password": True,
    "time_zone": "Europe/London",
    "language": "en",
    "staging": "disabled",
    "authorized_organization_ids": [],
    "created_at": EXAMPLE_MOMENT,
    "version": 1,
}


class User(Shown):
    """A person."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    username: str
    """Unique in the installation, in any case of letters."""
    email: str
    phone: str
    """E.164."""
    first_name: str
    last_name: str
    organization: str
    organization_id: str
    source: str
    state: UserState
    has_password: bool
    time_zone: str
    language: str
    staging: Staging
    """Whether he enrolls devices for others, and how they go on to these."""
    authorized_organization_ids: list[str]
    """Where he may enroll, the default first; empty for his organization and all below it."""
    created_at: Moment
    version: int
    """Counts changes; the `ETag` is made of it."""

    @classmethod
    def of(cls, found: model.User) -> User:
        """A user of the store."""
        return cls(**documents.user(found))


class PlannedOffboarding(Shown):
    """When somebody leaves."""

    due_at: Moment
    planned_at: Moment
    reason: str
    """Why it could not be carried out when it was due; empty before, and where nothing is wrong."""

    @classmethod
    def of(cls, found: Planned) -> PlannedOffboarding:
        """What is planned in the store."""
        return cls(**documents.planned_offboarding(found))


class UserDetail(User):
    """A person, and what he may do. His devices: `/devices?user=`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "roles": [ROLE],
                    "second_factor": True,
                    "recovery_codes_left": 10,
                    "sign_ins": 1,
                    "attempts": [],
                    "offboarding": None,
                    "message_type": "email",
                }
            ]
        }
    )

    roles: list[RoleHeld]
    second_factor: bool
    """Whether signing in takes a code besides his password."""
    recovery_codes_left: int
    sign_ins: int
    """How many of his sign-ins are alive."""
    attempts: list[Attempt]
    """Begun by signing in, and not finished; those with a token are shown with its enrollment."""
    offboarding: PlannedOffboarding | None
    """What is planned; shown to those who may plan it."""
    message_type: str
    """What forms choose already for his messages: `sms` for basic users, `email` for others, as far
    as they can be reached so."""

    @classmethod
    def of_detail(
        cls, found: views_details.UserDetail, now: int, channels: Collection[str]
    ) -> UserDetail:
        """A user with his roles."""
        planned = found.offboarding
        return cls(
            **dict(User.of(found.user)),
            roles=[RoleHeld.of(each) for each in found.roles],
            second_factor=found.second_factor is not None,
            recovery_codes_left=found.second_factor.codes_left if found.second_factor else 0,
            sign_ins=found.sign_ins,
            attempts=[Attempt(**documents.attempt(each, now)) for each in found.attempts],
            offboarding=PlannedOffboarding.of(planned) if planned else None,
            message_type=usual(found.user, channels),
        )


class AddedUser(User):
    """A user who was added; with the first device, where one was registered along."""

    device: Annotated[Device | None, Field(exclude_if=lambda value: value is None)] = None
    enrollment: Annotated[
        EnrollmentDetail | None, Field(exclude_if=lambda value: value is None)
    ] = None


class UserQuery(Paging):
    """Sorts: `username`, `email`, `created_at`, `name`."""

    state: UserState | None = None
    source: Line | None = None
    role: Line | None = None
    """A built-in role, or the id of an organization's own."""
    group: Line | None = None
    """Id of a group of users."""


class AddUserBody(Body):
    """A new user."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization": "main",
                    "username": "ada",
                    "email": "ada@example.com",
                    "first_name": "Ada",
                    "last_name": "Lovelace",
                    "device": DEVICE,
                }
            ]
        }
    )

    organization: Line = ""
    """Id or Group ID; your own if left out."""
    username: Annotated[Line, Field(min_length=1)]
    email: Line = ""
    phone: Line = ""
    """With its country code."""
    first_name: Line = ""
    last_name: Line = ""
    password: SecretGiven | None = None
    """12 to 256 characters; without one, and without a link, the user cannot sign in."""
    password_link: bool = False
    """Send him a link by which he sets his password himself, within 24 hours. Goes with `email`,
    and without `password`."""
    time_zone: Line = ""
    language: Line = ""
    staging: Staging = Staging.DISABLED
    """Whether he enrolls devices for others; anything else takes `users:stage` as well."""
    device: NewDevice | None = None
    """A first device, registered along with the user: both are made, or neither. Takes
    `devices:register` as well."""

    def user(self) -> AddUser:
        """The user alone, as the verb takes it."""
        return AddUser(**{name: value for name, value in self if name != "device"})


@operations.staff("GET", "/users", Permission.USERS_READ, answers=Page[User])
async def list_users(asking: Staff, query: Annotated[UserQuery, Query()]) -> Page[User] | Refusal:
    """List users by name."""
    found = await asking.see(ListUsers(**filters(query)))
    return shown(found, lambda page: Page.of(page, User.of))


@operations.staff(
    "POST",
    "/users",
    Permission.USERS_EDIT,
    answers=AddedUser,
    status=201,
    refuses=(
        *IDEMPOTENT,
        "username_taken",
        "email_taken",
        "password_too_short",
        "email_missing",
        "no_channel",
        "too_many_enrollments",
        *UNSENDABLE,
    ),
)
async def add_user(
    asking: Staff, body: AddUserBody, _key: IdempotencyHeader = None
) -> AddedUser | Refusal:
    """Add a user, and perhaps register a first device and send its token in the same step.

    The token goes to the user. Only with `device.message.type` `none` or `qr`, which take the
    permission `enrollments:reveal`, the answer holds it, once, together with the link.
    """
    if body.device is None:
        added = await asking.do_once(body.user(), UserAgain)
        return shown(_versioned(asking, added), lambda user: AddedUser(**dict(user)))
    return await _add_with_device(asking, body.user(), body.device)


async def _add_with_device(asking: Asking, user: AddUser, device: NewDevice) -> AddedUser | Refusal:
    message = device.message.delivery()
    verb = AddUserWithDevice(user, FirstDevice(device.details(), message, device.expires_at))
    both = await asking.do_once(verb, lambda made: BothAgain(made, revealed=message.shown))
    if isinstance(both, Refusal):
        return both
    made = await registered(asking, both.issued, device.message)
    if isinstance(made, Refusal):
        return made
    asking.versioned(both.user.version)
    return AddedUser(**dict(User.of(both.user)), **dict(made))


@operations.staff("GET", "/users/{user}", Permission.USERS_READ, answers=UserDetail)
async def show_user(asking: Staff, user: str) -> UserDetail | Refusal:
    """Show a user, by id or user name."""
    found = await asking.see(ShowUser(user))
    if isinstance(found, Refusal):
        return found
    asking.versioned(found.user.version)
    tools = asking.services.tools
    return UserDetail.of_detail(found, tools.clock(), tools.channels)


class UserChanges(Body):
    """What to change; what is left out stays, null empties."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "+49 30 123456"}]})

    username: Line | None = None
    email: Line | None = None
    phone: Line | None = None
    first_name: Line | None = None
    last_name: Line | None = None
    time_zone: Line | None = None
    language: Line | None = None
    staging: Staging | None = None
    """To change it takes `users:stage` as well."""


@operations.staff(
    "PATCH",
    "/users/{user}",
    Permission.USERS_EDIT,
    answers=User,
    refuses=(
        *("precondition_failed", "contact_locked", "proof_too_old"),
        *("username_taken", "email_taken"),
    ),
)
async def change_user(
    asking: Staff, user: str, body: UserChanges, if_match: IfMatch = None
) -> User | Refusal:
    """Change a user's details."""
    changed = await asking.do(ChangeUser(user, changes(body), version_of(if_match)))
    return _versioned(asking, changed)


@operations.staff(
    "DELETE", "/users/{user}", Permission.USERS_EDIT, status=204, refuses=("last_administrator",)
)
async def delete_user(asking: Staff, user: str) -> Refusal | None:
    """Delete a user: his sign-ins end, his tokens become unknown, his certificates are revoked."""
    return await asking.do(DeleteUser(user))


class PasswordBody(Body):
    """A new password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"password": "correct horse battery staple"}]}
    )

    password: SecretGiven
    """12 to 256 characters."""
    current: SecretGiven | None = None
    """The present one, needed for your own."""


@operations.staff(
    "PUT",
    "/users/{user}/password",
    Permission.USERS_EDIT,
    status=204,
    refuses=("password_too_short", "proof_too_old", "sign_in_failed", "sign_in_delayed"),
)
async def set_password(asking: Staff, user: str, body: PasswordBody) -> Refusal | None:
    """Set a password. The user's other sign-ins end."""
    done = await asking.do(SetPassword(user, body.password, body.current))
    return done if isinstance(done, Refusal) else None


@operations.staff(
    "POST",
    "/users/{user}/disable",
    Permission.USERS_EDIT,
    answers=User,
    refuses=("last_administrator",),
)
async def disable_user(asking: Staff, user: str) -> User | Refusal:
    """Disable a user: his sign-ins end, and his tokens wait until he is enabled again."""
    disabled = await asking.do(SetUserState(user, UserState.DISABLED))
    return _versioned(asking, disabled)


@operations.staff("POST", "/users/{user}/enable", Permission.USERS_EDIT, answers=User)
async def enable_user(asking: Staff, user: str) -> User | Refusal:
    """Enable a disabled user."""
    enabled = await asking.do(SetUserState(user, UserState.ACTIVE))
    return _versioned(asking, enabled)


@operations.staff("POST", "/users/{user}/sign-out", Permission.USERS_EDIT, status=204)
async def sign_out_user(asking: Staff, user: str) -> Refusal | None:
    """End every sign-in of a user."""
    done = await asking.do(EndSignInsOf(user))
    return done if isinstance(done, Refusal) else None


class SignInsEnded(Shown):
    """What came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sign_ins": 2}]})

    sign_ins: int
    """How many sign-ins ended."""


@operations.staff(
    "DELETE",
    "/users/{user}/second-factor",
    Permission.USERS_EDIT,
    answers=SignInsEnded,
    refuses=("proof_too_old", "conflict"),
)
async def remove_second_factor(asking: Staff, user: str) -> SignInsEnded | Refusal:
    """Take away a second factor that was lost: his sign-ins end, and he is told by e-mail."""
    ended = await asking.do(RemoveSecondFactor(user))
    return shown(ended, lambda count: SignInsEnded(sign_ins=count))


def _versioned(asking: Asking, found: model.User | Refusal) -> User | Refusal:
    if isinstance(found, Refusal):
        return found
    asking.versioned(found.version)
    return User.of(found)
