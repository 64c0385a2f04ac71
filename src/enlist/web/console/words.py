"""What the console calls things: states, platforms, kinds; each with a tone or an icon.

Tones: *good* is as it should be, *wait* waits for somebody, *warn* needs a look, *bad* needs
doing, *gone* is over. Texts are translated where they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.web.console.navigation import N_


@dataclass(frozen=True, slots=True)
class Word:
    """How a value is shown.

    Attributes:
        meaning: a sentence for who meets it for the first time.
    """

    label: str
    tone: str = "gone"
    icon: str = ""
    meaning: str = ""


DEVICE_STATES: Final = {
    "registered": Word(N_("Registered"), "wait", meaning=N_("Announced; it has not enrolled yet.")),
    "enrolled": Word(N_("Enrolled"), "good", meaning=N_("It holds a credential of ours.")),
    "unenrolled": Word(N_("Unenrolled"), "gone", meaning=N_("It was enrolled once.")),
    "blocked": Word(N_("Blocked"), "bad", meaning=N_("It may not connect or enroll.")),
}

ENROLLMENT_STATES: Final = {
    "active": Word(N_("Waiting"), "wait", meaning=N_("Its token can be used once.")),
    "on_hold": Word(
        N_("On hold"), "warn", meaning=N_("Its token works again once somebody frees it.")
    ),
    "used": Word(N_("Used"), "good", meaning=N_("A device enrolled with it.")),
    "expired": Word(N_("Expired"), "warn", meaning=N_("Its token ran out unused.")),
    "revoked": Word(N_("Revoked"), "gone", meaning=N_("It was ended; its token is dead.")),
}

TOKEN_STATUSES: Final = {
    "active": Word(N_("Active")),
    "in_progress": Word(N_("In progress")),
    "used": Word(N_("Used")),
    "expired": Word(N_("Expired")),
    "revoked": Word(N_("Revoked")),
    "on_hold": Word(N_("On hold")),
    "not_applicable": Word(N_("Not applicable")),
}

TOKEN_TYPES: Final = {
    "single_factor": Word(N_("Single factor")),
    "two_factor": Word(N_("Two factors")),
    "not_applicable": Word(N_("Not applicable")),
}

SOURCES: Final = {
    "console": Word(N_("Console")),
    "self_service": Word(N_("Self-service")),
    "api": Word(N_("API")),
    "command_line": Word(N_("Command line")),
    "sign_in": Word(N_("Sign-in")),
}

FIRST_SEEN: Final = {
    "never": Word(N_("Never")),
    "day": Word(N_("Last 24 hours")),
    "week": Word(N_("Last 7 days")),
    "month": Word(N_("Last 30 days")),
    "earlier": Word(N_("Earlier")),
}

MESSAGE_STATES: Final = {
    "queued": Word(N_("Queued"), "wait", meaning=N_("It will be sent in a moment.")),
    "sending": Word(N_("Sending"), "wait", meaning=N_("It is being handed over right now.")),
    "sent": Word(N_("Sent"), "good", meaning=N_("The mail server or the SMS gateway took it.")),
    "delivered": Word(N_("Delivered"), "good", meaning=N_("It arrived, as the gateway reports.")),
    "failed": Word(N_("Failed"), "bad", meaning=N_("It was given up.")),
}

IMPORT_STATES: Final = {
    "uploading": Word(N_("Being read"), "wait", meaning=N_("The file is being read.")),
    "checking": Word(N_("Being looked at"), "wait", meaning=N_("Nothing is changed yet.")),
    "checked": Word(N_("Preview"), "calm", meaning=N_("Nothing is changed yet: this would be.")),
    "running": Word(
        N_("Running"), "wait", meaning=N_("You may leave this page: it goes on by itself.")
    ),
    "done": Word(N_("Done"), "good", meaning=N_("It came to its end.")),
    "stopped": Word(N_("Stopped"), "bad", meaning=N_("What was done until then stays.")),
}

WAVE_STATES: Final = {
    "running": Word(
        N_("Running"), "wait", meaning=N_("You may leave this page: it goes on by itself.")
    ),
    "waiting": Word(
        N_("First share sent"), "calm", meaning=N_("The others wait until it goes on.")
    ),
    "paused": Word(N_("Paused"), "warn", meaning=N_("Nothing is issued or sent meanwhile.")),
    "done": Word(N_("Done"), "good", meaning=N_("Everybody had a turn.")),
    "stopped": Word(N_("Stopped"), "bad", meaning=N_("What was issued until then stays.")),
}

MEMBER_STATES: Final = {
    "queued": Word(N_("Queued"), "wait"),
    "sent": Word(N_("Sent"), "calm"),
    "delivered": Word(N_("Delivered"), "calm"),
    "opened": Word(N_("Opened"), "calm"),
    "redeemed": Word(N_("Redeemed"), "good"),
    "failed": Word(N_("Failed"), "bad"),
}
"""How far somebody of a wave is."""

KINDS: Final = {
    "simple": Word(
        N_("People and devices, simple"),
        meaning=N_("People, and for each a device by its name and platform."),
    ),
    "advanced": Word(
        N_("People and devices, advanced"),
        meaning=N_("Also serial numbers, tags and attributes of your own."),
    ),
    "allow": Word(
        N_("Allow list"), meaning=N_("Devices that count as registered, by an identifier.")
    ),
    "deny": Word(N_("Deny list"), meaning=N_("Devices that shall be kept out, by an identifier.")),
    "move": Word(
        N_("Change organization of devices"),
        meaning=N_("People whose devices that wait to enroll go to another organization."),
    ),
    "transfer": Word(
        N_("Change organization of people"),
        meaning=N_("People who go to another organization, with their devices that wait."),
    ),
}
"""What a file holds."""

CHANNELS: Final = {
    "email": Word(N_("E-mail"), icon="mail"),
    "sms": Word(N_("SMS"), icon="device-mobile"),
}
"""The ways to send a message."""

MESSAGE_PURPOSES: Final = {
    "registration": Word(N_("Registration token")),
    "reminder": Word(N_("Reminder of a token")),
    "one_time_jwt": Word(N_("One-time JWT")),
    "credentials": Word(N_("One-time credentials")),
    "template_test": Word(N_("Sample of a template")),
    "recovery": Word(N_("Recovery of an administrator")),
    "password_link": Word(N_("Link to set a password")),
    "alert": Word(N_("Alert to staff")),
    "alert_over": Word(N_("Alert to staff that is over")),
    "alert_test": Word(N_("Test of alerts")),
    "device_enrolled": Word(N_("Notice: enrolled in his name")),
    "second_factor_set_up": Word(N_("Notice: second factor set up")),
    "second_factor_removed": Word(N_("Notice: second factor taken away")),
    "recovery_code_used": Word(N_("Notice: recovery code used")),
    "device_reset": Word(N_("Notice: device reset")),
    "token_reissued": Word(N_("Notice: token reissued")),
    "address_changed": Word(N_("Notice: address changed")),
}
"""What a message brings; the notices hold no secret."""

USER_STATES: Final = {
    "active": Word(N_("Active"), "good", meaning=N_("May sign in and enroll devices.")),
    "disabled": Word(N_("Disabled"), "bad", meaning=N_("May do nothing at all.")),
}

ATTEMPT_STATES: Final = {
    "open": Word(N_("Started, not finished"), "wait"),
    "over": Word(N_("Ran out unfinished"), "gone"),
    "completed": Word(N_("Finished"), "good"),
    "cancelled": Word(N_("Cancelled"), "gone"),
}

PLATFORMS: Final = {
    "android": Word("Android", icon="brand-android"),
    "ios": Word("iOS / iPadOS", icon="brand-apple"),
    "macos": Word("macOS", icon="brand-apple"),
    "windows": Word("Windows", icon="brand-windows"),
    "linux": Word("Linux", icon="terminal-2"),
}

OWNERSHIPS: Final = {
    "corporate_dedicated": Word(N_("Corporate – dedicated")),
    "corporate_shared": Word(N_("Corporate – shared")),
    "employee_owned": Word(N_("Employee owned")),
    "none": Word(N_("Not said")),
}

STAGINGS: Final = {
    "disabled": Word(N_("Off")),
    "single_user_standard": Word(N_("Single user, standard: each next user enrolls")),
    "single_user_advanced": Word(N_("Single user, advanced: handed out for good")),
    "multiple_user": Word(N_("Multiple users: handed out in turn")),
    "multiple_user_single_user_standard": Word(
        N_("Multiple users, or single user, standard: in turn, or each next user enrolls")
    ),
    "multiple_user_single_user_advanced": Word(
        N_("Multiple users, or single user, advanced: in turn, or for good")
    ),
}
"""How a user enrolls devices for others."""

GRANTS: Final = {
    "registration_token": Word(N_("Registration token"), icon="ticket"),
    "sign_in": Word(N_("Sign-in"), icon="login"),
    "one_time_jwt": Word(N_("One-time JWT"), icon="qrcode"),
    "passcode": Word(N_("One-time credentials"), icon="key"),
}

RESET_REASONS: Final = {
    "": Word(N_("Not said")),
    "new_device": Word(N_("The user has a new device")),
    "lost": Word(N_("The device, or what it held, is lost")),
    "corrupted": Word(N_("What it held is damaged")),
    "compromised": Word(N_("Others may have its key")),
}

UNKNOWN: Final = Word(N_("Unknown"))


def word(words: dict[str, Word], value: str) -> Word:
    """How a value is shown; one that is newer than this page as *unknown*."""
    return words.get(value, UNKNOWN)
