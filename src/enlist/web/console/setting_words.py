"""Enrollment settings in words: the names that seed 000 gives them, and what each choice means."""

from __future__ import annotations

from typing import Final

from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

CHOICES: Final = {
    "enrollment_mode": {
        "open": Word(
            N_("Open Enrollment"),
            meaning=N_("Whoever has an account may enroll devices; tokens work as well."),
        ),
        "registered_only": Word(
            N_("Registered Devices Only"),
            meaning=N_("Only devices that were registered for a user before may enroll."),
        ),
    },
    "token_type": {
        "single_factor": Word(
            N_("Single-Factor"), meaning=N_("The token is all that is needed to enroll.")
        ),
        "two_factor": Word(
            N_("Two-Factor"),
            meaning=N_("The token, and a sign-in of the very user it was made for."),
        ),
    },
    "passcode_lockout": {
        "disable": Word(
            N_("Self-service is switched off"),
            meaning=N_("Nobody enrolls by the passcode until a new one is generated."),
        ),
        "shield": Word(
            N_("Self-service asks for more"),
            meaning=N_(
                "Nobody is locked out: each has to open a link in his mailbox before the passcode "
                "is compared."
            ),
        ),
    },
    "child_permission": {
        "both": Word(
            N_("Inherit or override"), meaning=N_("Each organization below chooses for itself.")
        ),
        "inherit_only": Word(
            N_("Inherit only"), meaning=N_("All below take these settings and cannot change them.")
        ),
        "override_only": Word(
            N_("Override only"),
            meaning=N_("Each below keeps values of its own; a new one begins with a copy."),
        ),
    },
}
"""The settings that are a choice among a few, by key."""
