"""Permissions in words, for the roles' table and for what an API key may do besides its role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.web.console.navigation import N_
from enlist.web.console.words import Word


@dataclass(frozen=True, slots=True)
class Group:
    """Permissions about one thing, each by its name."""

    label: str
    permissions: Mapping[str, Word]


PERMISSIONS: Final = {
    "organizations:read": Word(N_("See organizations and their settings")),
    "organizations:edit": Word(N_("Add, change and delete organizations")),
    "settings:edit": Word(N_("Change enrollment settings")),
    "users:read": Word(N_("See users")),
    "users:edit": Word(N_("Add, change, disable and delete users")),
    "users:erase": Word(N_("Erase people for good")),
    "users:stage": Word(N_("Say who enrolls devices for others")),
    "staff:read": Word(N_("See people who hold roles, and what they did")),
    "roles:edit": Word(N_("Give and take roles; change people who hold roles")),
    "devices:read": Word(N_("See devices")),
    "devices:register": Word(N_("Register devices")),
    "devices:edit": Word(N_("Change a device's details")),
    "devices:delete": Word(N_("Delete devices")),
    "devices:reset": Word(N_("Reset devices: end what they hold, and enroll them anew")),
    "devices:reassign": Word(N_("Give a device to another user")),
    "devices:replace": Word(N_("Register a device that takes the place of another")),
    "revocations:read": Word(N_("Read which certificates were revoked, for gateways")),
    "enrollments:read": Word(N_("See enrollments")),
    "enrollments:export": Word(N_("Take enrollments away as a file")),
    "enrollments:issue": Word(N_("Issue new tokens for devices")),
    "enrollments:resend": Word(N_("Send the same token again")),
    "enrollments:download": Word(N_("Download one-time JWTs, or show their QR code")),
    "enrollments:reissue": Word(N_("Make a new token that replaces the last one")),
    "enrollments:revoke": Word(N_("Revoke enrollments")),
    "enrollments:delete": Word(N_("Delete unused enrollments for good")),
    "enrollments:reveal": Word(N_("Be shown tokens instead of having them sent")),
    "passcode:read": Word(N_("See how self-service stands, never the company passcode")),
    "passcode:edit": Word(N_("Generate, disable and be shown the company passcode")),
    "messages:read": Word(N_("See messages and whether they arrived")),
    "templates:read": Word(N_("See message templates, and choose one for a message")),
    "templates:edit": Word(N_("Write message templates")),
    "events:read": Word(N_("See events")),
    "events:export": Word(N_("Take events away as a file")),
    "api_keys:read": Word(N_("See API keys, never the keys themselves")),
    "api_keys:edit": Word(N_("Make and revoke API keys")),
    "integrations:read": Word(N_("See webhooks, never their secrets")),
    "integrations:edit": Word(N_("Add, change and test webhooks")),
    "alerts:read": Word(N_("See alerts, and who is told of them")),
    "alerts:edit": Word(N_("Say who is told of alerts, and test it")),
}
"""Every permission, in the order of the console's map; a test compares with `core.permissions`."""

_KINDS: Final = (
    (N_("Organizations"), ("organizations", "settings")),
    (N_("People and roles"), ("users", "roles", "staff")),
    (N_("Devices"), ("devices", "revocations")),
    (N_("Enrollments"), ("enrollments", "passcode")),
    (N_("Messages"), ("messages", "templates")),
    (N_("Events and alerts"), ("events", "alerts")),
    (N_("Programs"), ("api_keys", "integrations")),
)

GROUPS: Final = tuple(
    Group(
        label,
        {name: word for name, word in PERMISSIONS.items() if name.partition(":")[0] in kinds},
    )
    for label, kinds in _KINDS
)
"""The same, by what they are about."""
