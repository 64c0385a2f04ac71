"""What events say, kind by kind: their sentences, their reasons, and the names of what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from enlist.core.caller import CallerKind
from enlist.web.console.navigation import N_

SENTENCES: Final[Mapping[str, str]] = {
    "installation.created": N_("Enlist was set up."),
    "installation.started": N_("%(who)s started the server, version %(version)s."),
    "installation.backed_up": N_("%(who)s made a backup of database and keys."),
    "installation.restored": N_("%(who)s restored a backup; what was active is on hold."),
    "key.added": N_("%(who)s added a key."),
    "key.listener_changed": N_(
        "The device listener has another key; JWTs that are out are useless."
    ),
    "key.compromised": N_("%(who)s replaced keys that leaked; live tokens were put on hold."),
    "network.lock_cleared": N_("%(who)s cleared the lock of the network %(network)s."),
    "organization.created": N_("%(who)s added the organization %(name)s (%(group_id)s)."),
    "organization.changed": N_("%(who)s changed the details of %(place)s."),
    "organization.domains_changed": N_("%(who)s changed the e-mail domains of %(place)s."),
    "organization.deleted": N_("%(who)s deleted the organization %(name)s (%(group_id)s)."),
    "branding.changed": N_("%(who)s changed how %(place)s looks."),
    "settings.changed": N_("%(who)s changed the enrollment settings of %(place)s."),
    "passcode.generated": N_("%(who)s generated the company passcode of %(place)s."),
    "passcode.disabled": N_("%(who)s disabled the company passcode of %(place)s."),
    "passcode.revealed": N_("%(who)s was shown the company passcode of %(place)s again."),
    "passcode.accepted": N_(
        "The company passcode of %(place)s was entered; one-time credentials are sent."
    ),
    "passcode.proof_asked": N_(
        "Somebody is asked to prove his mailbox before the passcode counts."
    ),
    "passcode.refused": N_("A company passcode, or the name beside it, was refused."),
    "passcode.locked": N_(
        "The company passcode of %(place)s was entered wrongly too often: self-service is off."
    ),
    "passcode.shielded": N_(
        "The company passcode of %(place)s was entered wrongly too often: it asks for more proof."
    ),
    "restriction.created": N_("%(who)s added the enrollment restriction %(name)s."),
    "restriction.changed": N_("%(who)s changed the enrollment restriction %(name)s."),
    "restriction.deleted": N_("%(who)s took away the enrollment restriction %(name)s."),
    "device_list.added": N_("%(who)s put devices on the %(list)s list of %(place)s."),
    "device_list.removed": N_("%(who)s took a device off the %(list)s list of %(place)s."),
    "group.created": N_("%(who)s added the group %(name)s."),
    "group.changed": N_("%(who)s changed the group %(name)s."),
    "group.deleted": N_("%(who)s deleted the group %(name)s."),
    "group.member_added": N_("%(who)s made %(user)s a member of the group %(name)s."),
    "group.member_removed": N_("%(who)s took %(user)s out of the group %(name)s."),
    "user.created": N_("%(who)s added the user %(user)s."),
    "user.changed": N_("%(who)s changed the details of %(user)s."),
    "user.authorized": N_("%(who)s changed where %(user)s may enroll."),
    "user.password_changed": N_("%(who)s set the password of %(user)s."),
    "user.lock_cleared": N_("%(who)s cleared the lock of %(user)s."),
    "user.password_link_sent": N_("%(user)s is sent a link to set a password."),
    "user.password_link_asked": N_("Somebody forgot a password, and was sent no link."),
    "user.password_link_used": N_("%(user)s set a password with the link that was sent."),
    "user.recovery_link_made": N_("%(who)s made a one-time sign-in link for %(user)s."),
    "user.recovered": N_("%(user)s set a new password with a one-time link."),
    "user.disabled": N_("%(who)s disabled %(user)s; all sign-ins ended."),
    "user.enabled": N_("%(who)s enabled %(user)s again."),
    "user.offboarding_planned": N_("%(who)s planned to offboard %(user)s."),
    "user.offboarding_cancelled": N_("%(who)s cancelled the offboarding of %(user)s."),
    "user.offboarding_held_up": N_("The planned offboarding of %(user)s could not be carried out."),
    "user.offboarded": N_("%(who)s offboarded %(user)s; all ways in have ended."),
    "user.erased": N_("%(who)s erased a person: names and addresses are gone."),
    "user.deleted": N_("%(who)s deleted the user %(user)s."),
    "import.created": N_("%(who)s brought %(name)s to be imported."),
    "import.started": N_("%(who)s started the import of %(name)s."),
    "import.stopped": N_("%(who)s stopped the import of %(name)s."),
    "import.ended": N_("The import of %(name)s came to its end."),
    "wave.started": N_("%(who)s started the wave %(name)s."),
    "wave.waiting": N_("The first share of the wave %(name)s is issued; the others wait."),
    "wave.continued": N_("The wave %(name)s went on after its first share."),
    "wave.paused": N_("%(who)s paused the wave %(name)s."),
    "wave.resumed": N_("%(who)s resumed the wave %(name)s."),
    "wave.stopped": N_("%(who)s stopped the wave %(name)s."),
    "wave.resent": N_(
        "%(who)s sent the tokens of the wave %(name)s again to who has not enrolled."
    ),
    "wave.ended": N_("Everybody of the wave %(name)s had his turn."),
    "role.created": N_("%(who)s put the role %(role)s together."),
    "role.changed": N_("%(who)s changed the role %(role)s, for everybody who holds it."),
    "role.deleted": N_("%(who)s deleted the role %(role)s."),
    "role.granted": N_("%(who)s gave %(user)s the role %(role)s on %(group_id)s."),
    "role.revoked": N_("%(who)s took the role %(role)s on %(group_id)s from %(user)s."),
    "second_factor.set_up": N_("%(user)s set up a second factor. Other sign-ins ended."),
    "second_factor.removed": N_("%(who)s took the second factor of %(user)s away. Sign-ins ended."),
    "second_factor.codes_renewed": N_("%(user)s asked for new recovery codes."),
    "second_factor.rule_changed": N_("%(who)s changed which roles need a second factor."),
    "sign_in.code_asked": N_("%(user)s gave the right password; the code is to come."),
    "sign_in.started": N_("%(user)s signed in."),
    "sign_in.refused": N_("%(who)s tried to sign in and was refused."),
    "sign_in.ended": N_("%(who)s signed out."),
    "sign_in.all_ended": N_("%(who)s ended all sign-ins of %(user)s."),
    "sign_in.confirmed": N_("%(who)s confirmed by password who he or she is."),
    "sign_in.confirmation_refused": N_(
        "%(who)s tried to confirm a sign-in by password and was refused."
    ),
    "api_key.created": N_("%(who)s made the API key %(name)s."),
    "api_key.revoked": N_("%(who)s revoked the API key %(name)s."),
    "api_key.refused": N_("A request with an API key was refused."),
    "webhook.created": N_("%(who)s added the webhook %(name)s."),
    "webhook.changed": N_("%(who)s changed the webhook %(name)s."),
    "webhook.secret_changed": N_("%(who)s gave the webhook %(name)s a new secret."),
    "webhook.disabled": N_("%(who)s stopped the webhook %(name)s."),
    "webhook.enabled": N_("%(who)s let the webhook %(name)s go on."),
    "webhook.deleted": N_("%(who)s deleted the webhook %(name)s."),
    "webhook.tested": N_("%(who)s tested the webhook %(name)s."),
    "webhook.replayed": N_("%(who)s had an event posted again to the webhook %(name)s."),
    "alert.opened": N_("An alert was raised: %(name)s."),
    "alert.reopened": N_("An alert is open again: %(name)s."),
    "alert.closed": N_("An alert is over: %(name)s."),
    "alert.routes_changed": N_("%(who)s changed who is told of alerts in %(place)s."),
    "alert.tested": N_("%(who)s tested who is told of alerts in %(place)s."),
    "request.refused": N_("%(who)s wanted to %(verb)s and was refused."),
    "device.registered": N_("%(who)s registered %(device)s for %(user)s."),
    "device.changed": N_("%(who)s changed the details of %(device)s."),
    "device.deleted": N_("%(who)s deleted the device %(device)s."),
    "device.reset": N_("%(who)s reset %(device)s; what it held has ended."),
    "device.reassigned": N_("%(who)s gave %(device)s to somebody else; what it held has ended."),
    "device.handed_out": N_("%(who)s handed %(device)s out, as it is: %(user)s has it no more."),
    "view.saved": N_("%(who)s saved the view %(name)s."),
    "view.changed": N_("%(who)s changed the saved view %(name)s."),
    "view.deleted": N_("%(who)s deleted the saved view %(name)s."),
    "device.moved": N_("%(who)s moved %(device)s to another organization, with its token."),
    "user.moved": N_("%(who)s moved %(user)s to another organization."),
    "device.lock_cleared": N_("%(who)s cleared the lock of %(device)s."),
    "device.denied": N_("%(device)s was put on a deny list; what it held has ended."),
    "device.replaced": N_("Another device took the place of %(device)s; what it held has ended."),
    "enrollment.issued": N_("%(who)s issued a new enrollment for %(device)s."),
    "enrollment.revealed": N_("%(who)s was shown the token for %(device)s."),
    "enrollment.printed": N_("%(who)s printed a card for %(device)s, without its token."),
    "enrollment.reissued": N_(
        "%(who)s reissued the token for %(device)s; the one before stopped working."
    ),
    "terms.published": N_(
        "%(who)s published version %(version)s of the terms of use %(name)s at %(place)s."
    ),
    "terms.withdrawn": N_("%(who)s withdrew the terms of use %(name)s of %(place)s."),
    "terms.exported": N_("%(who)s took the list of accepted terms away as a file."),
    "enrollment.exported": N_("%(who)s took enrollments away as a file."),
    "enrollment.resent": N_("%(who)s sent the token for %(device)s to its user."),
    "enrollment.expired": N_("The token for %(device)s ran out unused."),
    "enrollment.reactivated": N_("%(who)s freed the enrollment of %(device)s."),
    "enrollment.lock_cleared": N_("%(who)s cleared the lock of the enrollment of %(device)s."),
    "enrollment.revoked": N_("%(who)s revoked the enrollment of %(device)s."),
    "enrollment.deleted": N_("%(who)s deleted the enrollment of %(device)s."),
    "enrollment.opened": N_("%(who)s opened an enrollment link."),
    "enrollment.checked": N_("%(who)s looked at what a token is for."),
    "enrollment.redeemed": N_("%(device)s enrolled and belongs to %(user)s."),
    "enrollment.repeated": N_(
        "%(who)s repeated an enrollment request and got the same answer again."
    ),
    "enrollment.refused": N_("%(who)s tried to enroll and was refused."),
    "attempt.started": N_("%(who)s began to enroll %(device)s."),
    "attempt.cancelled": N_("%(who)s gave up an attempt to enroll."),
    "credential.refused": N_("A device showed a certificate that no longer counts."),
    "credential.extended": N_("%(device)s was given another certificate."),
    "credential.extension_requested": N_("%(who)s asked %(device)s to renew its certificate."),
    "credential.renewed": N_("%(device)s renewed its certificate; the old one has ended."),
    "api_session.started": N_("%(device)s proved itself by its certificate."),
    "api_session.ended": N_("%(device)s signed out."),
    "session.opened": N_("%(device)s connected."),
    "session.dropped": N_("A session of %(device)s was ended."),
    "session.closed": N_("%(device)s went offline."),
    "template.changed": N_("%(who)s changed the message template %(name)s."),
    "template.tested": N_(
        "%(who)s sent a sample of the message template %(name)s to %(recipient)s."
    ),
    "message.sent": N_("A message to %(recipient)s was handed over."),
    "message.delivered": N_("A message to %(recipient)s arrived, as the SMS gateway reports."),
    "message.failed": N_("A message to %(recipient)s was given up."),
}
"""Every kind of event as a sentence; a test compares the kinds with `core.events.KINDS`."""

COPIED: Final = N_(
    "The device had renewed this certificate, and never shows it again: somebody has a copy of its"
    " key."
)
NOBODYS: Final[Mapping[str, str]] = {
    "device.registered": N_("%(who)s registered %(device)s."),
    "enrollment.redeemed": N_("%(device)s enrolled."),
}
"""The sentences of a device that belongs to nobody, where they are others."""
HANDED: Final = N_("%(who)s handed %(device)s out, as it is: %(user)s has it now.")
"""The same of a device that is handed out, for whoever has it from then on."""

INTERCEPTED: Final = N_(
    "Another device had used this token before. If that was not the user, somebody may have"
    " intercepted the message."
)

ACTORS: Final[Mapping[str, str]] = {
    CallerKind.STRANGER.value: N_("Somebody"),
    CallerKind.USER.value: N_("A member of staff"),
    CallerKind.API_KEY.value: N_("An API key"),
    CallerKind.HOST.value: N_("Somebody at the command line"),
    CallerKind.DEVICE.value: N_("The device"),
    CallerKind.SYSTEM.value: N_("Enlist"),
}

FIELDS: Final[Mapping[str, str]] = {
    "name": N_("Name"),
    "time_zone": N_("Time zone"),
    "language": N_("Language"),
    "username": N_("User name"),
    "email_domains": N_("E-mail domains"),
    "second_factor_roles": N_("Roles that need a second factor"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "staging": N_("Staging"),
    "authorized": N_("May enroll at"),
    "ownership": N_("Ownership"),
    "asset_number": N_("Asset number"),
    "serial": N_("Serial number"),
    "model": N_("Model"),
    "tags": N_("Tags"),
    "custom_attributes": N_("Custom attributes"),
    "enrollment_mode": N_("Devices Enrollment Mode"),
    "require_registration_token": N_("Require Registration Token"),
    "token_type": N_("Registration Token Type"),
    "token_length": N_("Registration Token Length"),
    "token_expiration_hours": N_("Token Expiration Time (in hours)"),
    "lease_minutes": N_("Lease (in minutes)"),
    "allow_bare_enrollment": N_("Allow enrollment without a credential"),
    "sign_in_device_limit": N_("Devices per user by signing in"),
    "guard_known_devices": N_("Guard known devices"),
    "notify_users": N_("Notify users"),
    "sms_per_day": N_("SMS per day"),
    "passcode_attempts": N_("Wrong passcodes in a row"),
    "passcode_lockout": N_("After too many wrong passcodes"),
    "passcode_reveal": N_("Show the passcode again"),
    "passcode_credential_hours": N_("One-time credentials (in hours)"),
    "prompt_ownership": N_("Ask for the ownership type"),
    "prompt_asset_number": N_("Ask for the asset number"),
    "prompt_email": N_("Ask for the e-mail address"),
    "welcome_message": N_("Show a welcome message"),
    "installation_message": N_("Show a message before installing"),
    "transition_message": N_("Show a message on Android devices"),
    "windows_mutual_tls": N_("TLS mutual authentication for Windows"),
    "rank": N_("Rank"),
    "user_group_id": N_("User group"),
    "may_enroll": N_("May enroll"),
    "platforms": N_("Platforms"),
    "models": N_("Models"),
    "manufacturers": N_("Manufacturers"),
    "least_os": N_("Oldest operating system"),
    "most_devices": N_("Devices per user"),
    "most_corporate_dedicated": N_("Corporate dedicated devices per user"),
    "most_corporate_shared": N_("Corporate shared devices per user"),
    "most_employee_owned": N_("Employee owned devices per user"),
    "most_at_organization": N_("Devices here and below"),
    "description": N_("Description"),
    "permissions": N_("Permissions"),
    "roles": N_("Roles that are told"),
    "addresses": N_("Further addresses"),
    "switched_off": N_("Alerts switched off"),
    "source": N_("Said by"),
    "child_permission": N_("Child permission"),
    "logo": N_("Logo"),
    "accent_color": N_("Accent colour"),
    "header_color": N_("Header colour"),
    "support_email": N_("Support e-mail"),
    "support_phone": N_("Support phone"),
    "help_text": N_("Help text"),
    "welcome_text": N_("Welcome message"),
    "installation_text": N_("Message before installing"),
    "transition_text": N_("Message for Android devices"),
    "consent_text": N_("Consent text"),
    "landing_text": N_("Text once enrolled"),
    "landing_url": N_("Landing page"),
    "template_android": N_("Template for Android"),
    "template_ios": N_("Template for iOS"),
    "template_linux": N_("Template for Linux"),
    "template_macos": N_("Template for macOS"),
    "template_windows": N_("Template for Windows"),
    "subject": N_("Subject"),
    "body": N_("Body"),
}
"""What the fields of organizations, users, devices, settings and templates are called."""

MOMENTS: Final[Mapping[str, str]] = {
    "token_expired": N_("It had expired %(span)s before."),
    "credentials_expired": N_("They had expired %(span)s before."),
    "token_used": N_("It had been used %(span)s before."),
    "token_exhausted": N_("It had been used for the last time %(span)s before."),
    "token_replaced": N_("The newer one was made %(span)s before."),
    "token_revoked": N_("It had been revoked %(span)s before."),
    "attempt_over": N_("The attempt's time ran out %(span)s before."),
    "credential_expired": N_("The certificate ran out %(span)s before."),
    "credential_revoked": N_("The certificate was revoked %(span)s before."),
    "proof_too_old": N_("The last confirmation by password was %(span)s before."),
}
"""What the moment is that a refusal speaks of."""

COUNTS: Final = {
    "sign_ins_ended": N_("Sign-ins ended: %(count)s."),
    "ended": N_("Sign-ins ended: %(count)s."),
    "enrollments_revoked": N_("Enrollments revoked: %(count)s."),
    "credentials_revoked": N_("Certificates revoked: %(count)s."),
    "messages_cancelled": N_("Messages not sent any more: %(count)s."),
    "api_keys_revoked": N_("API keys revoked: %(count)s."),
    "held": N_("Times that it was held: %(count)s."),
    "counted": N_("Counted until then: %(count)s."),
    "terms_version": N_("Terms of use: version %(count)s."),
}
