"""Every way to say no: one catalogue for all adapters (A76).

`audience` decides what a caller may hear. A code for holders is only ever used after the
presented secret was found (and, with two factors, after the right login); a stranger gets
`token_invalid` or `credentials_invalid`, alike in body, status and time (rulings 8, 14).
HTTP statuses belong to `enlist.web`, exit codes to `enlist.cli`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who may be told a code."""

    ANYBODY = "anybody"
    HOLDER = "holder of the secret"
    MEMBER = "user, after login or token"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says: a title, and what the person who reads it can do next."""

    audience: Audience
    title: str
    remedy: str


def _of(audience: Audience, title: str, remedy: str) -> Meaning:
    return Meaning(audience, title, remedy)


_ANYBODY, _HOLDER, _MEMBER, _STAFF = Audience

CATALOGUE: dict[str, Meaning] = {
    # --- presenting a secret -------------------------------------------------------------
    "token_invalid": _of(
        _ANYBODY,
        "This token is not valid here",
        "Check that you typed it exactly as in your message. If your organization asks you to "
        "sign in, add your user name and password.",
    ),
    "credentials_invalid": _of(
        _ANYBODY,
        "That did not work",
        "Check the token or Group ID, your user name and your password, and try again.",
    ),
    "passcode_invalid": _of(
        _ANYBODY,
        "That did not work",
        "Check the e-mail address and the passcode, and try again.",
    ),
    "passcode_wrong": _of(
        _HOLDER,
        "This is not the company passcode",
        "Type it as your administrator gave it to you; capitals and small letters differ.",
    ),
    "proof_link_invalid": _of(
        _ANYBODY,
        "This link does not work any more",
        "It works for an hour, and once. Ask for another one on the self-service page.",
    ),
    "self_service_off": _of(
        _HOLDER,
        "Self-service enrollment is not available",
        "Ask your administrator for another way to enroll.",
    ),
    "token_expired": _of(
        _HOLDER,
        "This token has expired",
        "Ask your administrator to send you a new one; an expired token never works again.",
    ),
    "credentials_expired": _of(
        _HOLDER,
        "These credentials have expired",
        "Ask for new ones on your organization's self-service page; expired ones never work again.",
    ),
    "token_used": _of(
        _HOLDER,
        "This token has already been used",
        "If that was not you, tell your administrator at once. "
        "For another device, ask for another token.",
    ),
    "token_exhausted": _of(
        _HOLDER,
        "This token has been used as often as it allows",
        "Ask your administrator for another one.",
    ),
    "token_revoked": _of(
        _HOLDER,
        "This token was withdrawn",
        "Ask your administrator whether you should get a new one.",
    ),
    "token_replaced": _of(
        _HOLDER,
        "A newer message was sent to you",
        "Use the token or link in the newest message; older ones stopped working when it was sent.",
    ),
    "token_on_hold": _of(
        _HOLDER,
        "This token is on hold",
        "Ask your administrator to free it; then the same token works. Nothing was used up.",
    ),
    "attempt_over": _of(
        _HOLDER,
        "This code has run out",
        "Open your link or type your token again to get a new code; your token still works.",
    ),
    "wrong_user": _of(
        _MEMBER,
        "This token belongs to somebody else",
        "Sign in as the person to whom the message was sent, or ask for a token of your own.",
    ),
    "user_not_allowed": _of(
        _MEMBER,
        "Your account is not allowed to enroll",
        "Ask your administrator.",
    ),
    "token_required": _of(
        _MEMBER,
        "Your organization asks for a registration token",
        "Use the token in the message that your administrator sends you.",
    ),
    "terms_required": _of(
        _MEMBER,
        "Your organization asks you to accept its terms of use",
        "Read them, and say that you accept them. Nothing was used up.",
    ),
    "answers_required": _of(
        _MEMBER,
        "Your organization asks something about this device first",
        "Answer what is asked, and send it again. Nothing was used up.",
    ),
    "device_not_registered": _of(
        _MEMBER,
        "This device is not registered",
        "Ask your administrator to register it for you first.",
    ),
    "device_limit_reached": _of(
        _MEMBER,
        "The maximum number of enrolled devices is reached",
        "Ask your administrator to take away a device that is not needed any more, or to allow "
        "more. Nothing was used up.",
    ),
    "device_not_approved": _of(
        _MEMBER,
        "This device is not approved for enrollment",
        "Use a device that your organization allows, or ask your administrator. "
        "Nothing was used up.",
    ),
    "device_denied": _of(
        _MEMBER,
        "This device may not enroll",
        "It is on a list of devices that are kept out. Ask your administrator. "
        "Nothing was used up.",
    ),
    "device_revoked": _of(
        _MEMBER,
        "This device was withdrawn",
        "Ask your administrator to reset it, which lets it enroll once more.",
    ),
    "os_version_too_old": _of(
        _MEMBER,
        "The operating system of this device is too old",
        "Update it, then try again. Nothing was used up.",
    ),
    "platform_mismatch": _of(
        _MEMBER,
        "This token is for another kind of device",
        "Open the link or type the token on the device that it was made for. Nothing was used up.",
    ),
    "platform_not_supported": _of(
        _ANYBODY,
        "This kind of device cannot enroll here",
        "Enlist enrolls Android, iOS, macOS, Windows and Linux devices. Nothing was used up.",
    ),
    "csr_invalid": _of(
        _MEMBER,
        "The certificate request cannot be accepted",
        "Make a new request and try again; your token still works.",
    ),
    "credential_revoked": _of(
        _MEMBER,
        "This device's certificate was withdrawn",
        "Ask your administrator for a new token, link or JWT, and enroll again.",
    ),
    "credential_expired": _of(
        _MEMBER,
        "This device's certificate has run out",
        "Ask your administrator for a new token, link or JWT, and enroll again.",
    ),
    "device_blocked": _of(
        _MEMBER,
        "This device is blocked",
        "Ask your administrator.",
    ),
    "completion_required": _of(
        _MEMBER,
        "Nothing was given to bind the device with",
        "Send a certificate request (csr) along; your token still works.",
    ),
    "rate_limited": _of(
        _ANYBODY,
        "Too many tries",
        "Wait until the time given has passed, then try again. Nothing was checked or counted.",
    ),
    "try_later": _of(
        _ANYBODY,
        "Enlist cannot answer right now",
        "Nothing was used up. Try again in a moment; if it lasts, tell your administrator.",
    ),
    "internal_error": _of(
        _ANYBODY,
        "Something went wrong on our side",
        "Nothing is half done. Try again; if it happens again, give your administrator the "
        "support code.",
    ),
    # --- requests ------------------------------------------------------------------------
    "validation_failed": _of(
        _ANYBODY, "Some fields are not right", "Correct the fields named and send it again."
    ),
    "malformed": _of(
        _ANYBODY, "The request could not be read", "Send well-formed UTF-8 JSON or form data."
    ),
    "too_large": _of(
        _ANYBODY,
        "The request is too large",
        "Send at most 64 KiB; a certificate request is far smaller.",
    ),
    "method_not_allowed": _of(
        _ANYBODY, "That method is not offered here", "See /api/docs for what this address offers."
    ),
    "cross_site": _of(
        _ANYBODY,
        "This request came from another site",
        "Open the page in this browser yourself and try again.",
    ),
    "form_expired": _of(
        _ANYBODY,
        "This page was open for too long",
        "Reload the page and try again; nothing was changed.",
    ),
    "idempotency_key_reused": _of(
        _ANYBODY,
        "This Idempotency-Key was used for another request",
        "Use a new key for a new request.",
    ),
    "webhook_disabled": _of(
        _STAFF,
        "This webhook is stopped",
        "Let it go on first; it then posts what has happened since.",
    ),
    "passcode_not_active": _of(
        _STAFF,
        "There is no passcode that is in force",
        "Generate one; that also switches self-service on again.",
    ),
    "passcode_not_shown_again": _of(
        _STAFF,
        "This passcode cannot be shown again",
        "Generate a new one. Whether the next can be shown again is an enrollment setting, "
        "passcode_reveal; it must be on when the passcode is generated.",
    ),
    "already_shown": _of(
        _STAFF,
        "This secret was already shown once",
        "It cannot be shown again. Revoke it and make a new one.",
    ),
    "precondition_failed": _of(
        _STAFF, "Somebody changed this in the meantime", "Load it again and repeat your change."
    ),
    # --- signing in ----------------------------------------------------------------------
    "unauthenticated": _of(
        _ANYBODY, "Sign in first", "Sign in, or send an API key as a Bearer token."
    ),
    "sign_in_failed": _of(
        _ANYBODY, "That user name and password do not fit", "Check both and try again."
    ),
    "sign_in_delayed": _of(
        _ANYBODY,
        "Too many wrong passwords or codes for this account",
        "Wait until the time given has passed, then try again.",
    ),
    "second_factor_wrong": _of(
        _ANYBODY,
        "That code is not right, or was used already",
        "Wait for the next code in your app, or use a recovery code that you have not used yet.",
    ),
    "sign_in_step_over": _of(
        _ANYBODY,
        "Sign in again",
        "Your password was too long ago, or it was changed. Enter it again, then the code.",
    ),
    "proof_too_old": _of(
        _STAFF, "Confirm that it is you", "Enter your password again, then repeat the action."
    ),
    "setup_link_invalid": _of(
        _ANYBODY,
        "This set-up link does not work any more",
        "Start the server again to get a new one; it is printed while there is no administrator.",
    ),
    "recovery_link_invalid": _of(
        _ANYBODY,
        "This one-time link does not work any more",
        "Make another one on the server: enlist user recover. It works once, for an hour.",
    ),
    "password_link_invalid": _of(
        _ANYBODY,
        "This link does not work any more",
        "It works once and for the time that its message tells, and a newer one ends it. "
        "Ask for another one: “Forgot your password?” on the page for signing in.",
    ),
    # --- staff ---------------------------------------------------------------------------
    "forbidden": _of(
        _STAFF, "You may not do this", "Ask an administrator for the right, or to do it for you."
    ),
    "not_found": _of(_ANYBODY, "There is nothing here", "Check the address or the id."),
    "conflict": _of(_STAFF, "This does not fit what is there", "Load the page again and look."),
    "preview_outdated": _of(
        _STAFF,
        "The situation has changed since you looked",
        "Nothing was done. Look at what would happen now, and confirm that.",
    ),
    "enrollment_exists": _of(
        _STAFF,
        "This device already has a live enrollment",
        "Resend or reissue it, or revoke it first.",
    ),
    "key_leaked": _of(
        _STAFF,
        "Others can make this token: its key has leaked",
        "Reissue it instead: the new token is made by a key that nobody else has.",
    ),
    "device_enrolled": _of(
        _STAFF,
        "This device is already enrolled",
        "Reset it first if it must enroll again.",
    ),
    "not_resendable": _of(
        _STAFF,
        "Only a live token can be sent again",
        "Reissue it: that sends a new token and ends the old one.",
    ),
    "too_many_enrollments": _of(
        _STAFF,
        "Too many enrollments are live",
        "Revoke those that nobody needs, or let the server hold more: "
        "ENLIST_MOST_LIVE_ENROLLMENTS.",
    ),
    "no_channel": _of(
        _STAFF,
        "There is no way to send this message",
        "Set up SMTP (ENLIST_SMTP_HOST) or SMS (ENLIST_SMS_DRIVER), "
        "or choose another way to deliver it.",
    ),
    "email_missing": _of(
        _STAFF, "This user has no e-mail address", "Add one to the user, then try again."
    ),
    "phone_missing": _of(
        _STAFF, "This user has no phone number", "Add one to the user, then try again."
    ),
    "phone_invalid": _of(
        _STAFF,
        "This user's phone number cannot be dialled",
        "Give the user a number with its country code, such as +49 30 123456, or send it by "
        "e-mail.",
    ),
    "sms_cap_reached": _of(
        _STAFF,
        "This organization has sent as many SMS today as it may",
        "Send it by e-mail, wait until midnight UTC, "
        "or let the organization send more: its setting sms_per_day.",
    ),
    "recipient_cap_reached": _of(
        _STAFF,
        "This address was sent as many messages within the hour as it may",
        "Wait as long as the answer says, or hand the token over without a message.",
    ),
    "template_invalid": _of(
        _STAFF,
        "This message template cannot be used",
        "Use only the lookup values listed beside the editor, "
        "and give a fallback for those that may be empty.",
    ),
    "setting_inherited": _of(
        _STAFF,
        "This organization takes its settings from above",
        "Change the setting at the organization named as its source.",
    ),
    "setting_override_required": _of(
        _STAFF,
        "This organization must have settings of its own",
        "Give a value instead of inheriting.",
    ),
    "username_taken": _of(_STAFF, "This user name is taken", "Choose another one."),
    "contact_locked": _of(
        _MEMBER,
        "E-mail address and phone number can no longer be changed here",
        "A device of this account was enrolled with a token. "
        "Ask your administrator to change them.",
    ),
    "email_taken": _of(
        _MEMBER, "Another user here has this e-mail address", "Use another address."
    ),
    "domain_taken": _of(
        _STAFF,
        "This e-mail domain belongs to another organization",
        "A domain leads to one organization alone: take it away there first.",
    ),
    "group_id_taken": _of(_STAFF, "This Group ID is taken", "Choose another one."),
    "organization_not_empty": _of(
        _STAFF, "This organization still holds something", "Move or delete what it holds first."
    ),
    "last_administrator": _of(
        _STAFF,
        "Nobody could administer the installation afterwards",
        "Make somebody else an administrator of the top organization first.",
    ),
    "password_too_short": _of(_ANYBODY, "This password is too short", "Use 12 characters or more."),
}
"""Every refusal code, its audience and its text; `docs/reference/refusals.md` lists the same."""

UNRECORDED = frozenset({"too_large", "malformed", "rate_limited", "sign_in_delayed"})
"""Refusals that are counted in a metric and never become an event (ruling 11)."""
