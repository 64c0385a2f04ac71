"""The console's map: what stands on the left, and the words by which search finds a page.

One table for both. The words are those of the seeds (S: the console that seed 000 describes says
*Devices > Device Settings > Devices & Users > General > Enrollment > Authentication*), so that
who knows another product finds ours by its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from enlist.core.permissions import Permission
from enlist.verbs.infrastructure import PERMISSION


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Marks a text for translation where it is only kept."""
    return text


@dataclass(frozen=True, slots=True)
class Entry:
    """One page that can be gone to.

    Attributes:
        address: below the organization; "" is the overview.
        words: how people call it elsewhere; search finds the page by any of these paths.
        permission: without it the page is neither shown nor found.
        listed: whether it stands in the navigation, or search alone leads to it.
    """

    address: str
    label: str
    icon: str
    permission: Permission
    words: tuple[str, ...] = ()
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading; no heading for those that stand alone."""

    label: str
    entries: tuple[Entry, ...]


_P = Permission
_ENROLLMENT: Final = "Devices & Users > General > Enrollment"

MAP: Final = (
    Group(
        "",
        (
            Entry(
                "",
                N_("Overview"),
                "layout-dashboard",
                _P.DEVICES_READ,
                ("Hub", "Dashboard", "Getting Started"),
            ),
            Entry(
                "devices",
                N_("Devices"),
                "devices",
                _P.DEVICES_READ,
                (
                    "Devices > List View",
                    "Identities",
                    "Edit Identity > Enrollment",
                    "Device Details",
                    "Reset Enrollment",
                ),
            ),
            Entry(
                "devices/new",
                N_("Register a device"),
                "plus",
                _P.DEVICES_REGISTER,
                ("Add Device", "Register Device", "Save and Add Device", "Send token", "Whitelist"),
                listed=False,
            ),
            Entry(
                "enrollments",
                N_("Enrollments"),
                "ticket",
                _P.ENROLLMENTS_READ,
                (
                    "Devices > Lifecycle > Enrollment Status",
                    "Tokens",
                    "Resend Message",
                    "Reset Token",
                    "Reissue Enrollment",
                    "Revoke Token",
                    "Delete Enrollment",
                ),
            ),
            Entry(
                "device-lists",
                N_("Allow and deny lists"),
                "list",
                _P.DEVICES_READ,
                ("Whitelist", "Blacklist", "IMEI, serial number, UDID", "Blocklist"),
            ),
            Entry(
                "device-lists/allow",
                N_("Allow devices"),
                "check",
                _P.DEVICES_REGISTER,
                (
                    "Devices > Lifecycle > Enrollment Status > Add > Whitelisted Devices",
                    "Add allowed devices",
                ),
                listed=False,
            ),
            Entry(
                "device-lists/deny",
                N_("Deny devices"),
                "ban",
                _P.DEVICES_RESET,
                (
                    "Devices > Lifecycle > Enrollment Status > Add > Blacklisted Devices",
                    "Add denied devices",
                    "Stolen device",
                ),
                listed=False,
            ),
            Entry(
                "waves",
                N_("Waves"),
                "send",
                _P.ENROLLMENTS_READ,
                ("Bulk enrollment", "Canary", "Throttle", "Resend to those who have not", "Remind"),
            ),
            Entry(
                "waves/new",
                N_("Start a wave"),
                "send",
                _P.DEVICES_REGISTER,
                ("Issue tokens to a group", "Batch tokens", "Bulk registration tokens"),
                listed=False,
            ),
            Entry(
                "sessions",
                N_("Sessions"),
                "plug",
                _P.DEVICES_READ,
                ("Device sessions", "Connected devices", "Online", "Active sessions"),
            ),
        ),
    ),
    Group(
        N_("Accounts"),
        (
            Entry(
                "users",
                N_("Users"),
                "users",
                _P.USERS_READ,
                (
                    "Accounts > Users > List View",
                    "Edit User",
                    "Message Type",
                    "People",
                ),
            ),
            Entry(
                "locks",
                N_("Locks"),
                "lock",
                _P.USERS_READ,
                ("Unlock account", "Locked accounts", "Wrong passwords", "Throttle", "Lockout"),
                listed=False,
            ),
            Entry(
                "users/new",
                N_("Add a user"),
                "user-plus",
                _P.USERS_EDIT,
                ("Add / Edit User", "Create user", "Invite"),
                listed=False,
            ),
            Entry(
                "groups",
                N_("Groups"),
                "users-group",
                _P.USERS_READ,
                (
                    "Accounts > User Groups > List View",
                    "User Groups",
                    "Members of a group",
                ),
            ),
            Entry(
                "imports",
                N_("Batch status"),
                "upload",
                _P.USERS_READ,
                ("Accounts > Users > Batch Status", "Batch Import", "CSV", "Bulk import"),
            ),
            Entry(
                "imports/new",
                N_("Import a file"),
                "upload",
                _P.USERS_EDIT,
                (
                    "Enrollment Status > Add > Batch Import",
                    "Batch Type: Whitelisted Devices, Blacklisted Devices",
                    "Batch Type: Change Organization Group",
                    "Upload CSV",
                ),
                listed=False,
            ),
            Entry(
                "roles",
                N_("Roles"),
                "shield-check",
                _P.USERS_READ,
                ("Accounts > Administrators > Roles", "Permissions", "Admin"),
            ),
        ),
    ),
    Group(
        N_("Organization"),
        (
            Entry(
                "organizations",
                N_("Organizations"),
                "sitemap",
                _P.ORGANIZATIONS_READ,
                (
                    "Groups & Settings > Groups > Organization Groups > Details",
                    "Tenants",
                    "Sites",
                    "Group ID",
                ),
            ),
            Entry(
                "settings",
                N_("Settings"),
                "settings",
                _P.ORGANIZATIONS_READ,
                (
                    f"Devices > Device Settings > {_ENROLLMENT} > Authentication",
                    f"Groups & Settings > All Settings > {_ENROLLMENT}",
                    "Devices Enrollment Mode",
                    "Registered Devices Only",
                    "Require Registration Token",
                    "Registration Token Type",
                    "Registration Token Length",
                    "Token Expiration Time (in hours)",
                    "Single-Factor",
                    "Two-Factor",
                    "Notify users: e-mail notices",
                ),
            ),
            Entry(
                "settings/restrictions",
                N_("Enrollment restrictions"),
                "shield-lock",
                _P.ORGANIZATIONS_READ,
                (
                    f"Devices > Device Settings > {_ENROLLMENT} > Restrictions",
                    f"Groups & Settings > All Settings > {_ENROLLMENT} > Restrictions",
                    "Restrict Enrollment to Known Users",
                    "Restrict Enrollment to Configured Groups",
                    "Set a limit for maximum enrolled devices at this Organization Group and below",
                    "Device limit per user",
                    "Allowed Device Types: platform, model, OS version, manufacturer",
                    "Policy settings: group assignment, rank",
                ),
                listed=False,
            ),
            Entry(
                "settings/email-domains",
                N_("E-mail domains"),
                "mail",
                _P.ORGANIZATIONS_READ,
                (
                    f"Devices > Device Settings > {_ENROLLMENT} > Authentication",
                    "Add Email Domain",
                    "Autodiscovery domain",
                ),
                listed=False,
            ),
            Entry(
                "settings/prompts",
                N_("Optional prompts"),
                "message",
                _P.ORGANIZATIONS_READ,
                (
                    f"Devices > Device Settings > {_ENROLLMENT} > Optional Prompt",
                    f"Groups & Settings > All Settings > {_ENROLLMENT} > Optional Prompt",
                    "Prompt for Device Ownership Type",
                    "Enable Device Asset Number Prompt",
                    "Enable Enrollment Email Prompt",
                    "Display Welcome Message",
                    "Display MDM Installation Message",
                    "Display Enrollment Transition Message (Android)",
                    "Enable TLS Mutual Auth for Windows",
                ),
                listed=False,
            ),
            Entry(
                "branding",
                N_("Branding"),
                "palette",
                _P.ORGANIZATIONS_READ,
                (
                    f"Devices > Device Settings > {_ENROLLMENT} > Customization",
                    "Groups & Settings > All Settings > System > Branding",
                    "Logo",
                    "Colors, colours",
                    "Enrollment Support Email",
                    "Enrollment Support Phone",
                    "Post-Enrollment Landing URL",
                    "Assign Platform Specific Message Template",
                ),
            ),
            Entry(
                "terms",
                N_("Terms of use"),
                "certificate",
                _P.ORGANIZATIONS_READ,
                (
                    f"Devices > Device Settings > {_ENROLLMENT} > Terms of Use",
                    "EULA",
                    "License agreement",
                    "Acceptance",
                ),
            ),
        ),
    ),
    Group(
        N_("Activity"),
        (
            Entry(
                "messages",
                N_("Messages"),
                "mail",
                _P.MESSAGES_READ,
                ("Outbox", "E-mail", "SMS", "Enrollment message", "View Enrollment Message"),
            ),
            Entry(
                "alerts",
                N_("Alerts"),
                "bell",
                _P.ALERTS_READ,
                (
                    "Settings > Alerts",
                    "Monitor > Alerts",
                    "Notifications to administrators",
                    "Security alert",
                    "Test of alerts",
                ),
            ),
            Entry(
                "events",
                N_("Events"),
                "history",
                _P.EVENTS_READ,
                ("Monitor > Reports & Analytics > Events", "Audit log", "History", "Support code"),
            ),
        ),
    ),
    Group(
        N_("Integrations"),
        (
            Entry(
                "webhooks",
                N_("Webhooks"),
                "send",
                _P.INTEGRATIONS_READ,
                (
                    "System > Advanced > API > Event Notifications",
                    "Integrations > Webhooks",
                    "Event hooks",
                ),
            ),
        ),
    ),
    Group(
        N_("System"),
        (
            Entry(
                "infrastructure",
                N_("Infrastructure diagram"),
                "topology-star-3",
                PERMISSION,
                (
                    "System > Infrastructure diagram",
                    "Company passcode",
                    "Self-service enrollment",
                    "Company PIN",
                    "Generating the Company passcode: Generate new, Disable",
                    "Failed attempts",
                    "Health, status of mail server, SMS gateway, database",
                ),
            ),
            Entry(
                "api-keys",
                N_("API keys"),
                "key",
                _P.API_KEYS_READ,
                ("System > Advanced > API > REST API", "Tokens for programs", "Service accounts"),
            ),
            Entry(
                "templates",
                N_("Message templates"),
                "template",
                _P.TEMPLATES_READ,
                (
                    "Devices & Users > General > Message Templates",
                    "Message Template",
                    "E-mail",
                    "SMS",
                ),
            ),
        ),
    ),
)
"""What the console has now; an entry is added together with its page."""


NOWHERE: Final = "?"
"""Stands for the entry of a page that belongs to none, such as search."""


def entries() -> list[Entry]:
    """All pages, in the order of the map."""
    return [entry for group in MAP for entry in group.entries]


def current(address: str) -> str:
    """The address of the listed entry that a page below the organization belongs to."""
    section = address.partition("/")[0]
    return next((e.address for e in entries() if e.listed and e.address == section), NOWHERE)


def found(text: str, label: str, words: tuple[str, ...]) -> str | None:
    """The name by which `text` finds a page: its label or one of its paths; None if none does.

    Every word of the text must begin a word of that name; `>` and other signs do not count.
    """
    wanted = _words(text)
    if not wanted:
        return None
    for name in (label, *words):
        there = _words(name)
        if all(any(word.startswith(part) for word in there) for part in wanted):
            return name
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
