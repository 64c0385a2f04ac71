"""The exact reasons of refusals in plain words, for staff alone (X13, X38).

The log keeps a reason as short as a verb wrote it; here stands what it means. One that is missing
here is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from enlist.core.model import EventRow
from enlist.web.console.navigation import N_
from enlist.web.console.words import OWNERSHIPS

REASONS: Final[Mapping[str, str]] = {
    "unknown": N_("No enrollment has this token; it was mistyped, or never came from here."),
    "unknown key": N_("There is no such API key."),
    "unknown user": N_("There is no user of that name."),
    "wrong password": N_("The user exists; the password was wrong."),
    "disabled user": N_("The user is disabled."),
    "the user is disabled": N_("The user is disabled."),
    "another user's login": N_("The login was right, but it is another user's than the token's."),
    "another organization's user": N_("The login was right, but the user belongs elsewhere."),
    "not authorized for this organization": N_(
        "The login was right, but the user is authorized for other organizations alone."
    ),
    "unknown Group ID": N_("There is no organization with that Group ID."),
    "Group ID without a login": N_("A Group ID was given without user name and password."),
    "login missing": N_(
        "The token is right, but two factors are asked here, and no login came with it."
    ),
    "no login left on this token": N_("Too many wrong logins were tried with this token."),
    "unknown one-time user name": N_("No one-time credentials have this user name."),
    "wrong one-time password": N_("The one-time user name is known; the password was wrong."),
    "no try left": N_("Too many wrong passwords were tried with these credentials."),
    "the account must wait": N_("After wrong passwords, the account must wait for a while."),
    "an enrollment without a device": N_("The enrollment belongs to no device."),
    "deleted": N_("It was deleted."),
    "the device was deleted": N_("Its device was deleted."),
    "the user was deleted": N_("Its user was deleted."),
    "by an administrator": N_("It was revoked by staff."),
    "no such attempt code": N_("No attempt has this code."),
    "the code is another attempt's": N_("The code belongs to another attempt."),
    "not valid yet": N_("The token is not valid yet; a clock may be wrong."),
    "too_many_attempts": N_("Too many wrong logins or passwords were tried with it."),
    "expired": N_("It had expired."),
    "superseded": N_("The device was reset, and got another enrollment."),
    "the device was reset": N_("The device was reset since, and got another token."),
    "reassigned": N_("The device was given to somebody else."),
    "renewed": N_("The device renewed it."),
    "replaced": N_("Another device took its place."),
    "denied": N_("It was put on a deny list."),
    "as many as are allowed": N_("As many devices are enrolled as are allowed."),
    "at this very moment": N_("Others took the last free places at the same moment."),
    "reset": N_("No reason was given."),
    "offboarded": N_("Its user was offboarded."),
    "the user was offboarded": N_("Its user was offboarded."),
    "last_administrator": N_("Nobody else administers the installation."),
    "new_device": N_("The user has a new device."),
    "lost": N_("The device, or what it held, was lost."),
    "corrupted": N_("What the device held was damaged."),
    "compromised": N_("Somebody else may hold what the device held."),
    "revoked": N_("It was revoked."),
    "not from this address": N_("The key may not be used from this address."),
    "the other person has more rights": N_("Nobody may act on somebody with more rights."),
    "more than he holds himself": N_("Nobody may give rights that he or she does not hold."),
    "holds no role on any organization": N_("This user holds no role on any organization."),
    "no such sign-in, or over": N_("That sign-in had ended already."),
    "unknown, used or over": N_("The set-up link is unknown, used or over."),
    "somebody else was first": N_("Somebody else used the set-up link first."),
    "credential_revoked": N_("Its certificate was withdrawn."),
    "credential_expired": N_("Its certificate had run out."),
    "device_blocked": N_("The device was blocked, or its user disabled."),
    "disconnected": N_("It was disconnected; the device may come back."),
    "idle": N_("It gave no sign of life any more."),
    "too_old": N_("It had been open for long enough; the device should connect anew."),
    "too_slow": N_("The device did not read what was sent to it."),
    "malformed": N_("What was sent could not be read."),
    "unchecked": N_("The server could not ask the database whether it may go on."),
    "server_stopping": N_("The server stopped."),
    "newer_session": N_("A newer session of the device took its place."),
    "connection_lost": N_("The connection broke."),
    "left": N_("The device closed the connection."),
    "kept changing": N_("What it was about kept changing at the same moment."),
}
"""Reasons as the verbs write them, and what each means."""

_BEGINNINGS: Final[Mapping[str, str]] = {
    "lacks ": N_("The permission %(rest)s is missing."),
    "exceeds him: ": N_("The key would hold what its maker does not: %(rest)s."),
    "no such ": N_("There is no such %(rest)s."),
    "outside of his organizations: ": N_(
        "It lies outside of the organizations on which a role is held (%(rest)s)."
    ),
    "registered for ": N_("The device was registered for %(rest)s."),
    "the device is ": N_("The device is already in the state %(rest)s."),
    "the attempt is ": N_("The attempt is over: %(rest)s."),
    "it is ": N_("Its state is %(rest)s."),
}

VERBS: Final[Mapping[str, str]] = {
    "export_enrollments": N_("take enrollments away as a file"),
    "add_organization": N_("add an organization"),
    "change_organization": N_("change an organization"),
    "set_email_domains": N_("change e-mail domains"),
    "delete_organization": N_("delete an organization"),
    "change_settings": N_("change enrollment settings"),
    "add_restriction": N_("add an enrollment restriction"),
    "change_restriction": N_("change an enrollment restriction"),
    "delete_restriction": N_("take an enrollment restriction away"),
    "publish_terms": N_("publish terms of use"),
    "withdraw_terms": N_("withdraw terms of use"),
    "export_acceptances": N_("take the list of accepted terms away as a file"),
    "put_on_list": N_("put devices on an allow or deny list"),
    "take_off_list": N_("take a device off an allow or deny list"),
    "add_group": N_("add a group"),
    "change_group": N_("change a group"),
    "delete_group": N_("delete a group"),
    "add_member": N_("add a member to a group"),
    "remove_member": N_("take a member out of a group"),
    "add_import": N_("import a file"),
    "start_import": N_("start an import"),
    "stop_import": N_("stop an import"),
    "issue_credentials": N_("send one-time credentials"),
    "begin_bulk": N_("register many devices"),
    "register_in_bulk": N_("register one of many devices"),
    "start_wave": N_("start a wave"),
    "pause_wave": N_("pause a wave"),
    "resume_wave": N_("resume a wave"),
    "continue_wave": N_("let a wave go on"),
    "stop_wave": N_("stop a wave"),
    "resend_wave": N_("send the tokens of a wave again"),
    "issue_in_wave": N_("register a device in a wave"),
    "resend_in_wave": N_("send a token of a wave again"),
    "remind_in_wave": N_("remind somebody of a wave"),
    "add_user": N_("add a user"),
    "add_user_with_device": N_("add a user with a first device"),
    "change_user": N_("change a user"),
    "set_user_state": N_("disable or enable a user"),
    "erase": N_("erase a person"),
    "delete_user": N_("delete a user"),
    "authorize": N_("say where a user may enroll"),
    "offboard": N_("offboard a user"),
    "cancel_offboarding": N_("cancel an offboarding"),
    "set_password": N_("set a password"),
    "list_locks": N_("see what is locked"),
    "show_locks": N_("see what is locked"),
    "clear_lock": N_("clear a lock"),
    "end_sign_ins_of": N_("end a user's sign-ins"),
    "recover": N_("make a one-time sign-in link"),
    "grant_role": N_("give a role"),
    "add_role": N_("put a role together"),
    "change_role": N_("change a role"),
    "delete_role": N_("delete a role"),
    "withdraw_role": N_("take a role away"),
    "create_api_key": N_("make an API key"),
    "revoke_api_key": N_("revoke an API key"),
    "set_alert_routes": N_("say who is told of alerts"),
    "test_alerts": N_("test who is told of alerts"),
    "add_webhook": N_("add a webhook"),
    "change_webhook": N_("change a webhook"),
    "renew_webhook_secret": N_("give a webhook a new secret"),
    "switch_webhook": N_("stop a webhook or let it go on"),
    "delete_webhook": N_("delete a webhook"),
    "test_webhook": N_("test a webhook"),
    "replay_delivery": N_("post an event again to a webhook"),
    "register": N_("register a device"),
    "issue": N_("issue an enrollment"),
    "reissue": N_("reissue a token"),
    "request_extension": N_("ask a device to renew its certificate"),
    "renew_certificate": N_("renew a certificate"),
    "extend_certificate": N_("renew a certificate"),
    "print_card": N_("print a card"),
    "resend": N_("send a token again"),
    "reactivate": N_("free an enrollment"),
    "revoke": N_("revoke an enrollment"),
    "change_device": N_("change a device"),
    "delete_device": N_("delete a device"),
    "save_view": N_("save a view of enrollments"),
    "change_view": N_("change a saved view"),
    "delete_view": N_("delete a saved view"),
    "move_user": N_("move a user to another organization"),
    "move_device": N_("move a device to another organization"),
    "unregister": N_("delete a registration by its number"),
    "disconnect": N_("disconnect a device"),
    "reset": N_("reset a device"),
    "reassign": N_("give a device to somebody else"),
    "hand_out": N_("hand a device out"),
    "replace": N_("replace a device"),
    "delete_enrollment": N_("delete an enrollment"),
    "put_template": N_("change a message template"),
    "send_sample": N_("send a sample of a message template"),
    "change_branding": N_("change how an organization looks"),
    "delete_template": N_("delete a message template"),
    "sign_out": N_("sign out"),
    "sign_out_everywhere": N_("sign out everywhere"),
    "view": N_("look at something"),
}
"""What somebody wanted who was refused, by the name of the verb."""


def reason_in_words(reason: str, gettext: Callable[[str], str]) -> str:
    """A reason as a sentence."""
    # What a stranger was refused for may have two halves: what was presented, and the login.
    if reason.startswith("unknown token or Group ID; "):
        rest = reason.partition("; ")[2]
        return " ".join(
            (gettext("Neither a token nor a Group ID fits."), reason_in_words(rest, gettext))
        )
    if reason in REASONS:
        return gettext(REASONS[reason])
    for beginning, text in _BEGINNINGS.items():
        if reason.startswith(beginning):
            return gettext(text) % {"rest": reason.removeprefix(beginning)}
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def answers_in_words(event: EventRow, gettext: Callable[[str], str]) -> Iterator[str]:
    """What a user said of the device that he enrolled, as sentences (A58)."""
    if event.kind != "enrollment.redeemed":
        return
    data, personal = event.data, event.personal
    ownership = OWNERSHIPS.get(str(data.get("ownership", "")))
    if ownership is not None:
        text = gettext("Its user says whose it is: %(ownership)s.")
        yield text % {"ownership": gettext(ownership.label)}
    if data.get("asset_number"):
        text = gettext("Its user gave the asset number %(number)s.")
        yield text % {"number": data["asset_number"]}
    if personal.get("answered_email"):
        text = gettext("Its user gave the e-mail address %(email)s.")
        yield text % {"email": personal["answered_email"]}
