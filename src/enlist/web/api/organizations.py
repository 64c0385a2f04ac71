"""Organizations: the tenant tree, and the enrollment settings of each."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from enlist.core import model
from enlist.core.outcomes import Refusal
from enlist.core.passcodes import Lockout
from enlist.core.permissions import Permission
from enlist.core.policy import (
    SETTINGS,
    ChildPermission,
    EnrollmentMode,
    EnrollmentPolicy,
    SettingValue,
    TokenType,
)
from enlist.verbs import documents
from enlist.verbs.organizations import (
    AddOrganization,
    ChangeOrganization,
    ChangeSettings,
    DeleteOrganization,
    OrganizationAgain,
)
from enlist.verbs.views import ListOrganizations
from enlist.verbs.views_details import ShowOrganization
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import (
    IDEMPOTENT,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Organizations")


class Organization(Shown):
    """A node of the tenant tree."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "group_id": "berlin",
                    "name": "Berlin",
                    "parent_id": EXAMPLE_ID,
                    "time_zone": "Europe/Berlin",
                    "language": "de",
                    "created_at": EXAMPLE_MOMENT,
                }
            ]
        }
    )

    id: str
    group_id: str
    name: str
    parent_id: str | None
    """Null at the top."""
    time_zone: str
    """IANA name; empty for the one from above."""
    language: str
    """BCP 47 tag; empty for the one from above."""
    created_at: Moment

    @classmethod
    def of(cls, found: model.Organization) -> Organization:
        """An organization of the store."""
        return cls(**documents.organization(found))


class Setting(Shown):
    """A setting in force, and where it comes from."""

    value: SettingValue
    source: str
    """Group ID of the organization that it comes from, or `default`."""


class Settings(Shown):
    """The enrollment settings in force at an organization."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    key: {"value": setting.default, "source": "default"}
                    for key, setting in SETTINGS.items()
                }
            ]
        }
    )

    enrollment_mode: Setting
    require_registration_token: Setting
    """Exists only under `registered_only`."""
    token_type: Setting
    token_length: Setting
    token_expiration_hours: Setting
    lease_minutes: Setting
    """Not in force yet: how long a token will wait for a device that installs its profile."""
    allow_bare_enrollment: Setting
    sign_in_device_limit: Setting
    """How many devices a user may have before signing in alone adds no further one; 0 for any."""
    guard_known_devices: Setting
    """Whether a device on record stays its user's even where a token says otherwise."""
    notify_users: Setting
    sms_per_day: Setting
    """SMS that the organization may send on one day (UTC)."""
    passcode_attempts: Setting
    """Wrong entries of the company passcode in a row that switch self-service off."""
    passcode_lockout: Setting
    """What they lead to: `disable`, or `shield`, which asks for the proof of a mailbox instead."""
    passcode_reveal: Setting
    """Whether administrators may see a passcode again that is generated from now on."""
    passcode_credential_hours: Setting
    """How long the one-time credentials work that self-service sends."""
    prompt_ownership: Setting
    """Whether people are asked whose the device is."""
    prompt_asset_number: Setting
    """Whether they are asked for its asset number, unless it is their own."""
    prompt_email: Setting
    """Whether they are asked for their e-mail address, which is kept in the log."""
    welcome_message: Setting
    """Whether the enrollment page welcomes them."""
    installation_message: Setting
    """Whether it says something before the device is changed."""
    transition_message: Setting
    """Whether it says something more for Android devices."""
    windows_mutual_tls: Setting
    """Whether Windows devices need a certificate even where others may enroll without."""
    child_permission: Setting

    @classmethod
    def of(cls, policy: EnrollmentPolicy) -> Settings:
        """The settings in force."""
        return cls(
            **{
                key: Setting(value=found.value, source=found.source)
                for key, found in policy.settings.items()
            }
        )


def _bounds(key: str) -> Any:
    """The least and the most that a setting takes."""
    return Field(ge=SETTINGS[key].least, le=SETTINGS[key].most)


class SettingsChange(Body):
    """Settings to change; what is left out stays, null inherits from above."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enrollment_mode": "registered_only",
                    "require_registration_token": True,
                    "token_type": "two_factor",
                    "token_length": None,
                }
            ]
        }
    )

    enrollment_mode: EnrollmentMode | None = None
    require_registration_token: StrictBool | None = None
    token_type: TokenType | None = None
    token_length: Annotated[StrictInt, _bounds("token_length")] | None = None
    token_expiration_hours: Annotated[StrictInt, _bounds("token_expiration_hours")] | None = None
    lease_minutes: Annotated[StrictInt, _bounds("lease_minutes")] | None = None
    """Not in force yet: how long a token will wait for a device that installs its profile."""
    allow_bare_enrollment: StrictBool | None = None
    sign_in_device_limit: Annotated[StrictInt, _bounds("sign_in_device_limit")] | None = None
    """How many devices a user may have before signing in alone adds no further one; 0 for any."""
    guard_known_devices: StrictBool | None = None
    """Whether a device on record stays its user's even where a token says otherwise."""
    notify_users: StrictBool | None = None
    sms_per_day: Annotated[StrictInt, _bounds("sms_per_day")] | None = None
    """SMS that the organization may send on one day (UTC)."""
    passcode_attempts: Annotated[StrictInt, _bounds("passcode_attempts")] | None = None
    """Wrong entries of the company passcode in a row that switch self-service off."""
    passcode_lockout: Lockout | None = None
    """What they lead to: `disable`, or `shield`, which asks for the proof of a mailbox instead."""
    passcode_reveal: StrictBool | None = None
    """Whether administrators may see a passcode again that is generated from now on."""
    passcode_credential_hours: Annotated[StrictInt, _bounds("passcode_credential_hours")] | None = (
        None
    )
    """How long the one-time credentials work that self-service sends."""
    prompt_ownership: StrictBool | None = None
    """Whether people are asked whose the device is."""
    prompt_asset_number: StrictBool | None = None
    """Whether they are asked for its asset number, unless it is their own."""
    prompt_email: StrictBool | None = None
    """Whether they are asked for their e-mail address, which is kept in the log."""
    welcome_message: StrictBool | None = None
    """Whether the enrollment page welcomes them."""
    installation_message: StrictBool | None = None
    """Whether it says something before the device is changed."""
    transition_message: StrictBool | None = None
    """Whether it says something more for Android devices."""
    windows_mutual_tls: StrictBool | None = None
    """Whether Windows devices need a certificate even where others may enroll without."""
    child_permission: ChildPermission | None = None

    def named(self) -> dict[str, SettingValue | None]:
        """The settings that were named, as the verb takes them."""
        found: dict[str, SettingValue | None] = self.model_dump(mode="json", exclude_unset=True)
        return found


class AddOrganizationBody(Body):
    """A new organization."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"parent": "main", "group_id": "berlin", "name": "Berlin"}]}
    )

    parent: Line = ""
    """Id or Group ID of the one above; your own if left out."""
    group_id: Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,40}$")]
    """A short code, unique in the installation in any case of letters."""
    name: Annotated[Line, Field(min_length=1)]
    time_zone: Line = ""
    language: Line = ""


class OrganizationChanges(Body):
    """What to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"time_zone": "Europe/Berlin"}]})

    name: Line | None = None
    time_zone: Line | None = None
    language: Line | None = None


@operations.staff(
    "GET", "/organizations", Permission.ORGANIZATIONS_READ, answers=Page[Organization]
)
async def list_organizations(
    asking: Staff, query: Annotated[Paging, Query()]
) -> Page[Organization] | Refusal:
    """List organizations in tree order. Sorts: `path`, `name`, `created_at`."""
    found = await asking.see(ListOrganizations(**filters(query)))
    return shown(found, lambda page: Page.of(page, Organization.of))


@operations.staff(
    "POST",
    "/organizations",
    Permission.ORGANIZATIONS_EDIT,
    answers=Organization,
    status=201,
    refuses=(*IDEMPOTENT, "group_id_taken"),
)
async def add_organization(
    asking: Staff, body: AddOrganizationBody, _key: IdempotencyHeader = None
) -> Organization | Refusal:
    """Add an organization below another one."""
    verb = AddOrganization(body.parent, body.group_id, body.name, body.time_zone, body.language)
    added = await asking.do_once(verb, OrganizationAgain)
    return shown(added, Organization.of)


@operations.staff(
    "GET", "/organizations/{organization}", Permission.ORGANIZATIONS_READ, answers=Organization
)
async def show_organization(asking: Staff, organization: str) -> Organization | Refusal:
    """Show an organization, by id or Group ID."""
    found = await asking.see(ShowOrganization(organization))
    return shown(found, lambda detail: Organization.of(detail.organization))


@operations.staff(
    "PATCH", "/organizations/{organization}", Permission.ORGANIZATIONS_EDIT, answers=Organization
)
async def change_organization(
    asking: Staff, organization: str, body: OrganizationChanges
) -> Organization | Refusal:
    """Change what people see of an organization. Its Group ID stays."""
    verb = ChangeOrganization(organization, body.name, body.time_zone, body.language)
    changed = await asking.do(verb)
    return shown(changed, Organization.of)


@operations.staff(
    "DELETE",
    "/organizations/{organization}",
    Permission.ORGANIZATIONS_EDIT,
    status=204,
    refuses=("organization_not_empty",),
)
async def delete_organization(asking: Staff, organization: str) -> Refusal | None:
    """Delete an organization that holds no organizations, users or devices."""
    return await asking.do(DeleteOrganization(organization))


@operations.staff(
    "GET",
    "/organizations/{organization}/settings",
    Permission.ORGANIZATIONS_READ,
    answers=Settings,
)
async def show_settings(asking: Staff, organization: str) -> Settings | Refusal:
    """Show the enrollment settings in force, and where each comes from."""
    found = await asking.see(ShowOrganization(organization))
    return shown(found, lambda detail: Settings.of(detail.policy))


@operations.staff(
    "PATCH",
    "/organizations/{organization}/settings",
    Permission.SETTINGS_EDIT,
    answers=Settings,
    refuses=("setting_inherited", "setting_override_required"),
)
async def change_settings(
    asking: Staff, organization: str, body: SettingsChange
) -> Settings | Refusal:
    """Change an organization's own settings; null inherits from above."""
    changed = await asking.do(ChangeSettings(organization, body.named()))
    return shown(changed, Settings.of)
