"""Every verb and every view of staff, each once, with a target that is made fresh.

`REQUESTS` says who of the staff may ask for it; `ON_PEOPLE` what is done to somebody or to his;
`HOST_ALONE` and `ELSEWHERE` are what staff cannot ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from enlist.core.device_lists import DeviceList
from enlist.core.permissions import Role
from enlist.core.secrets import Secret
from enlist.verbs import (
    afresh,
    alert_routes,
    alert_tests,
    alerts,
    api_keys,
    authenticators,
    authorizing,
    backups,
    cards,
    device_lists,
    device_sessions,
    devices,
    email_domains,
    erase,
    exporting,
    feed,
    first_device,
    groups,
    identities,
    imports,
    infrastructure,
    keys,
    lock_list,
    locks,
    move,
    move_people,
    offboard,
    one_time_credentials,
    one_time_jwt,
    organizations,
    own_role_changes,
    own_roles,
    passcodes,
    reactivate,
    reassign,
    recovery,
    register,
    register_many,
    rehearsing,
    reissue,
    replace,
    reset,
    restrictions,
    revocations,
    saved_views,
    second_factor,
    second_factor_rules,
    staff,
    staging,
    terms,
    unregister,
    users,
    views,
    views_details,
    views_overview,
    waves,
    webhooks,
    workplace,
)
from tests.verbs import fresh
from tests.verbs.fresh import DRAFT, NEW, PLAN
from tests.verbs.world import World

ADMINISTRATOR, OPERATOR, HELPDESK, READER = Role
ALL = frozenset(Role)
OPERATORS = frozenset({ADMINISTRATOR, OPERATOR})
HELPERS = OPERATORS | {HELPDESK}
ADMINISTRATORS = frozenset({ADMINISTRATOR})
STAFF_READERS = ALL - {HELPDESK}


@dataclass(frozen=True)
class Asked:
    """A request on something in an organization, and who of its staff may make it.

    `events` is how many lines it leaves in the log when it is done.
    """

    request: Callable[[World, str], Any]
    allowed: frozenset[Role]
    events: int = 1


REQUESTS: dict[str, Asked] = {
    "AddOrganization": Asked(
        lambda w, p: organizations.AddOrganization(p, f"g{w.number()}", "G"), ADMINISTRATORS
    ),
    "ChangeOrganization": Asked(
        lambda _w, p: organizations.ChangeOrganization(p, "Changed"), ADMINISTRATORS
    ),
    "DeleteOrganization": Asked(
        lambda w, p: organizations.DeleteOrganization(fresh.child(w, p)), ADMINISTRATORS
    ),
    "ChangeSettings": Asked(
        lambda _w, p: organizations.ChangeSettings(p, {"token_length": 12}), ADMINISTRATORS
    ),
    "ShowInfrastructure": Asked(
        lambda _w, p: infrastructure.ShowInfrastructure(p), ADMINISTRATORS, 0
    ),
    "AddRestriction": Asked(
        lambda _w, p: restrictions.AddRestriction(p, {"name": "r"}), ADMINISTRATORS
    ),
    "ChangeRestriction": Asked(
        lambda w, p: restrictions.ChangeRestriction(p, fresh.restriction(w, p), {"rank": 7}),
        ADMINISTRATORS,
    ),
    "DeleteRestriction": Asked(
        lambda w, p: restrictions.DeleteRestriction(p, fresh.restriction(w, p)), ADMINISTRATORS
    ),
    "RestrictionAgain": Asked(
        lambda w, p: restrictions.RestrictionAgain(p, fresh.restriction(w, p)), ALL, 0
    ),
    "ListRestrictions": Asked(lambda _w, p: restrictions.ListRestrictions(p), ALL, 0),
    "PublishTerms": Asked(lambda _w, p: terms.PublishTerms(p, DRAFT), ADMINISTRATORS),
    "TermsAgain": Asked(lambda w, p: terms.TermsAgain(p, fresh.terms(w, p)), ALL, 0),
    "WithdrawTerms": Asked(lambda w, p: terms.WithdrawTerms(fresh.terms(w, p)), ADMINISTRATORS),
    "ShowTerms": Asked(lambda _w, p: terms.ShowTerms(p), ALL, 0),
    "ShowTermsVersion": Asked(lambda w, p: terms.ShowTermsVersion(fresh.terms(w, p)), ALL, 0),
    "ListAcceptances": Asked(lambda _w, p: terms.ListAcceptances(p), ALL, 0),
    "ExportAcceptances": Asked(lambda _w, p: terms.ExportAcceptances(p), STAFF_READERS, 0),
    "BeginAcceptanceExport": Asked(
        lambda _w, p: terms.BeginAcceptanceExport(terms.ExportAcceptances(p)), STAFF_READERS
    ),
    "PutOnList": Asked(
        lambda w, p: device_lists.PutOnList(
            p, DeviceList.DENY, (device_lists.Entry("serial", f"SN-{w.number():06}"),)
        ),
        OPERATORS,
    ),
    "ForeseePut": Asked(
        lambda w, p: device_lists.ForeseePut(
            device_lists.PutOnList(
                p, DeviceList.DENY, (device_lists.Entry("serial", f"SN-{w.number():06}"),)
            )
        ),
        OPERATORS,
        0,
    ),
    "TakeOffList": Asked(lambda w, p: device_lists.TakeOffList(fresh.listed(w, p)), OPERATORS),
    "ListListed": Asked(lambda _w, p: device_lists.ListListed(p), ALL, 0),
    "ListGroups": Asked(lambda _w, p: groups.ListGroups(p), ALL, 0),
    "ShowGroup": Asked(lambda w, p: groups.ShowGroup(fresh.group(w, p)), ALL, 0),
    "AddGroup": Asked(lambda w, p: groups.AddGroup(p, f"group {w.number()}"), OPERATORS),
    "GroupAgain": Asked(lambda w, p: groups.GroupAgain(fresh.group(w, p)), ALL, 0),
    "ChangeGroup": Asked(
        lambda w, p: groups.ChangeGroup(fresh.group(w, p), {"description": "changed"}), OPERATORS
    ),
    "DeleteGroup": Asked(lambda w, p: groups.DeleteGroup(fresh.group(w, p)), OPERATORS),
    "AddMember": Asked(
        lambda w, p: groups.AddMember(fresh.group(w, p), w.add_user(p).id), OPERATORS
    ),
    "RemoveMember": Asked(lambda w, p: groups.RemoveMember(*fresh.member(w, p)), OPERATORS),
    "AddUser": Asked(lambda w, p: users.AddUser(p, f"new{w.number()}"), OPERATORS),
    "AddUserWithDevice": Asked(
        lambda w, p: first_device.AddUserWithDevice(
            users.AddUser(p, f"new{w.number()}", "new@example.com"), first_device.FirstDevice(NEW)
        ),
        OPERATORS,
        2,
    ),
    "ChangeUser": Asked(
        lambda w, p: users.ChangeUser(w.add_user(p).id, {"phone": "+49301234567"}), OPERATORS
    ),
    "SetUserState": Asked(lambda w, p: users.SetUserState(w.add_user(p).id, "disabled"), OPERATORS),
    "DeleteUser": Asked(lambda w, p: users.DeleteUser(w.add_user(p).id), OPERATORS),
    "Offboard": Asked(lambda w, p: offboard.Offboard(w.add_user(p).id), OPERATORS),
    "Erase": Asked(lambda w, p: fresh.erasing(w.add_user(p)), ADMINISTRATORS, 2),
    "CancelOffboarding": Asked(
        lambda w, p: offboard.CancelOffboarding(fresh.planned(w, p)), OPERATORS
    ),
    "SetPassword": Asked(
        lambda w, p: staff.SetPassword(w.add_user(p).id, Secret("long enough here")), OPERATORS
    ),
    "ListLocks": Asked(lambda _w, p: lock_list.ListLocks(p), ALL, 0),
    "ShowLocks": Asked(lambda w, p: locks.ShowLocks(named=w.add_user(p).id), ALL, 0),
    "ClearLock": Asked(
        lambda w, p: locks.ClearLock("user", fresh.delayed(w, w.add_user(p).id)), OPERATORS
    ),
    "SendPasswordLink": Asked(
        lambda w, p: staff.SendPasswordLink(fresh.mailed(w, w.add_user(p).id)), OPERATORS
    ),
    "EndSignInsOf": Asked(lambda w, p: staff.EndSignInsOf(w.add_user(p).id), OPERATORS),
    "RemoveSecondFactor": Asked(
        lambda w, p: second_factor.RemoveSecondFactor(fresh.guarded(w, w.add_user(p).id)), OPERATORS
    ),
    "ShowSecondFactorRules": Asked(
        lambda _w, p: second_factor_rules.ShowSecondFactorRules(p), STAFF_READERS, events=0
    ),
    "SetSecondFactorRules": Asked(
        lambda _w, p: second_factor_rules.SetSecondFactorRules(p, ("reader",)), ADMINISTRATORS
    ),
    "ShowPasscode": Asked(lambda _w, p: passcodes.ShowPasscode(p), ADMINISTRATORS, 0),
    "GeneratePasscode": Asked(lambda _w, p: passcodes.GeneratePasscode(p), ADMINISTRATORS),
    "DisablePasscode": Asked(
        lambda w, p: passcodes.DisablePasscode(fresh.with_passcode(w, p)), ADMINISTRATORS
    ),
    "RevealPasscode": Asked(
        lambda w, p: passcodes.RevealPasscode(fresh.with_passcode(w, p)), ADMINISTRATORS
    ),
    "ShowEmailDomains": Asked(lambda _w, p: email_domains.ShowEmailDomains(p), ALL, 0),
    "SetEmailDomains": Asked(
        lambda w, p: email_domains.SetEmailDomains(p, (f"d{w.number()}.example",)), ADMINISTRATORS
    ),
    "AddOwnRole": Asked(
        lambda w, p: own_roles.AddOwnRole(p, f"role {w.number()}", ("users:read",)), ADMINISTRATORS
    ),
    "OwnRoleAgain": Asked(
        lambda w, p: own_roles.OwnRoleAgain(fresh.own_role(w, p)), STAFF_READERS, 0
    ),
    "ChangeOwnRole": Asked(
        lambda w, p: own_role_changes.ChangeOwnRole(
            fresh.own_role(w, p), {"name": f"x{w.number()}"}
        ),
        ADMINISTRATORS,
    ),
    "DeleteOwnRole": Asked(
        lambda w, p: own_role_changes.DeleteOwnRole(fresh.own_role(w, p)), ADMINISTRATORS
    ),
    "ListOwnRoles": Asked(lambda _w, p: own_roles.ListOwnRoles(p), STAFF_READERS, 0),
    "ShowOwnRole": Asked(
        lambda w, p: own_roles.ShowOwnRole(fresh.own_role(w, p)), STAFF_READERS, 0
    ),
    "GrantRole": Asked(lambda w, p: staff.GrantRole(w.add_user(p).id, p, "reader"), ADMINISTRATORS),
    "WithdrawRole": Asked(
        lambda w, p: staff.WithdrawRole(fresh.helper(w, p), p, "helpdesk"), ADMINISTRATORS
    ),
    "CreateApiKey": Asked(lambda _w, p: api_keys.CreateApiKey("k", "reader", p), ADMINISTRATORS),
    "RevokeApiKey": Asked(lambda w, p: api_keys.RevokeApiKey(fresh.key(w, p)), ADMINISTRATORS),
    "ChangeDevice": Asked(
        lambda w, p: devices.ChangeDevice(fresh.device(w, p), {"name": "changed"}), OPERATORS
    ),
    "DeleteDevice": Asked(lambda w, p: devices.DeleteDevice(fresh.device(w, p)), OPERATORS, 2),
    "ListSavedViews": Asked(lambda _w, p: saved_views.ListSavedViews(p), ALL, 0),
    "SaveView": Asked(lambda w, p: saved_views.SaveView(p, f"view {w.number()}", shared=True), ALL),
    "ViewAgain": Asked(lambda w, p: saved_views.ViewAgain(fresh.view(w, p)), ALL, 0),
    "ChangeView": Asked(
        lambda w, p: saved_views.ChangeView(fresh.view(w, p), {"sort": "expires_at"}),
        ADMINISTRATORS,
    ),
    "DeleteView": Asked(lambda w, p: saved_views.DeleteView(fresh.view(w, p)), ADMINISTRATORS),
    "MoveDevice": Asked(
        lambda w, p: move.MoveDevice(fresh.device(w, p), fresh.child(w, p)), OPERATORS, 2
    ),
    "Authorize": Asked(
        lambda w, p: authorizing.Authorize(w.add_user(p).id, (fresh.child(w, p),)), OPERATORS
    ),
    "MoveUser": Asked(
        lambda w, p: move_people.MoveUser(w.add_user(p).id, fresh.child(w, p)), OPERATORS, 2
    ),
    "Unregister": Asked(
        lambda w, p: unregister.Unregister("serial", fresh.numbered(w, p), p), OPERATORS, 2
    ),
    "Register": Asked(lambda w, p: register.Register("", w.add_user(p).id, NEW), OPERATORS),
    "IssueCredentials": Asked(
        lambda w, p: one_time_credentials.IssueCredentials(w.add_user(p).id, "linux"), OPERATORS
    ),
    "BeginBulk": Asked(lambda _w, p: register_many.BeginBulk(p, 2), OPERATORS, events=0),
    "RegisterInBulk": Asked(lambda w, p: fresh.one_of_many(w, w.add_user(p).id), OPERATORS),
    "AddImport": Asked(
        lambda _w, p: imports.AddImport(p, "simple", "people.csv", "", ("username",), 1), OPERATORS
    ),
    "StartImport": Asked(lambda w, p: imports.StartImport(fresh.import_job(w, p)), OPERATORS),
    "StopImport": Asked(lambda w, p: imports.StopImport(fresh.import_job(w, p)), OPERATORS),
    "ListImports": Asked(lambda _w, p: imports.ListImports(p), ALL, events=0),
    "ShowImport": Asked(lambda w, p: imports.ShowImport(fresh.import_job(w, p)), ALL, events=0),
    "ReadImportErrors": Asked(
        lambda w, p: imports.ReadImportErrors(fresh.import_job(w, p)), OPERATORS, events=0
    ),
    "StartWave": Asked(
        lambda w, p: waves.StartWave(p, PLAN, waves.Whom(users=(w.add_user(p).id,))), OPERATORS
    ),
    "WaveAgain": Asked(lambda w, p: waves.WaveAgain(fresh.wave(w, p)), OPERATORS, events=0),
    "PauseWave": Asked(lambda w, p: waves.PauseWave(fresh.wave(w, p)), OPERATORS),
    "ResumeWave": Asked(lambda w, p: waves.ResumeWave(fresh.paused_wave(w, p)), OPERATORS),
    "ContinueWave": Asked(lambda w, p: waves.ContinueWave(fresh.waiting_wave(w, p)), OPERATORS),
    "StopWave": Asked(lambda w, p: waves.StopWave(fresh.wave(w, p)), OPERATORS),
    "ResendWave": Asked(lambda w, p: waves.ResendWave(fresh.wave(w, p)), OPERATORS),
    "ListWaves": Asked(lambda _w, p: waves.ListWaves(p), ALL, events=0),
    "ShowWave": Asked(lambda w, p: waves.ShowWave(fresh.wave(w, p)), ALL, events=0),
    "ListWaveMembers": Asked(lambda _w, p: waves.ListWaveMembers(p), ALL, events=0),
    "Issue": Asked(lambda w, p: register.Issue(fresh.revoked(w, w.add_user(p).id)), OPERATORS),
    "Reissue": Asked(lambda w, p: reissue.Reissue(fresh.enrollment(w, p)), HELPERS),
    "Resend": Asked(lambda w, p: reissue.Resend(fresh.enrollment(w, p)), HELPERS),
    "Revoke": Asked(lambda w, p: reissue.Revoke(fresh.enrollment(w, p)), OPERATORS),
    "DeleteEnrollment": Asked(
        lambda w, p: reissue.DeleteEnrollment(fresh.enrollment(w, p)), OPERATORS
    ),
    "Reset": Asked(lambda w, p: reset.Reset(fresh.device(w, p)), OPERATORS, 2),
    "DryRun": Asked(lambda w, p: rehearsing.DryRun(reset.Reset(fresh.device(w, p))), OPERATORS, 0),
    "Reassign": Asked(
        lambda w, p: reassign.Reassign(fresh.device(w, p), w.add_user(p).id), OPERATORS, 3
    ),
    "HandOut": Asked(
        lambda w, p: staging.HandOut(fresh.staged(w, p), w.add_user(p).id), OPERATORS, 2
    ),
    "Replace": Asked(lambda w, p: replace.Replace(fresh.device(w, p)), OPERATORS),
    "ReEnroll": Asked(
        lambda w, p: authenticators.ReEnroll("", authenticator_id=fresh.authenticator(w, p)),
        OPERATORS,
    ),
    "RequestExtension": Asked(
        lambda w, p: authenticators.RequestExtension(fresh.authenticator(w, p)), OPERATORS
    ),
    "ShowAuthenticator": Asked(
        lambda w, p: authenticators.ShowAuthenticator(fresh.authenticator(w, p)), ALL, 0
    ),
    "ShowIdentity": Asked(lambda w, p: identities.ShowIdentity(fresh.device(w, p), 0), ALL, 0),
    "ShowOutstanding": Asked(lambda w, p: identities.ShowOutstanding(fresh.jwt(w, p)), ALL, 0),
    "ListAlerts": Asked(lambda _w, p: alerts.ListAlerts(p), STAFF_READERS, 0),
    "ShowAlertRoutes": Asked(lambda _w, p: alert_routes.ShowAlertRoutes(p), STAFF_READERS, 0),
    "SetAlertRoutes": Asked(
        lambda _w, p: alert_routes.SetAlertRoutes(p, ("operator",)), ADMINISTRATORS
    ),
    "TestAlerts": Asked(lambda _w, p: alert_tests.TestAlerts(p), ADMINISTRATORS),
    "ShowAlertTest": Asked(
        lambda w, p: alert_tests.ShowAlertTest(w.do(alert_tests.TestAlerts(p)).id),
        STAFF_READERS,
        0,
    ),
    "ListWebhooks": Asked(lambda _w, p: webhooks.ListWebhooks(p), STAFF_READERS, 0),
    "ListDeliveries": Asked(lambda _w, p: webhooks.ListDeliveries(p), STAFF_READERS, 0),
    "AddWebhook": Asked(
        lambda _w, p: webhooks.AddWebhook("Inventory", "https://hooks.example.com/", p),
        ADMINISTRATORS,
    ),
    "WebhookAgain": Asked(
        lambda w, p: webhooks.WebhookAgain(fresh.webhook(w, p)), ADMINISTRATORS, 0
    ),
    "ChangeWebhook": Asked(
        lambda w, p: webhooks.ChangeWebhook(fresh.webhook(w, p), "Other"), ADMINISTRATORS
    ),
    "RenewWebhookSecret": Asked(
        lambda w, p: webhooks.RenewWebhookSecret(fresh.webhook(w, p)), ADMINISTRATORS
    ),
    "SwitchWebhook": Asked(
        lambda w, p: webhooks.SwitchWebhook(fresh.webhook(w, p), on=False), ADMINISTRATORS
    ),
    "DeleteWebhook": Asked(
        lambda w, p: webhooks.DeleteWebhook(fresh.webhook(w, p)), ADMINISTRATORS
    ),
    "TestWebhook": Asked(lambda w, p: webhooks.TestWebhook(fresh.webhook(w, p)), ADMINISTRATORS),
    "ReplayDelivery": Asked(
        lambda w, p: webhooks.ReplayDelivery(*fresh.delivery(w, p)), ADMINISTRATORS, 0
    ),
    "ReadEvents": Asked(lambda _w, p: feed.ReadEvents(organization=p), ALL, 0),
    "ReadRevocations": Asked(
        lambda _w, p: revocations.ReadRevocations(organization=p), STAFF_READERS, 0
    ),
    "BegunAgain": Asked(
        lambda w, p: afresh.BegunAgain(fresh.enrollment(w, p), revealed=False), ALL, 0
    ),
    "Reactivate": Asked(lambda w, p: reactivate.Reactivate(fresh.held(w, p)), HELPERS),
    "UserAgain": Asked(lambda w, p: users.UserAgain(w.add_user(p).id), ALL, 0),
    "OrganizationAgain": Asked(
        lambda w, p: organizations.OrganizationAgain(w.organizations[p].id), ALL, 0
    ),
    "BothAgain": Asked(
        lambda w, p: first_device.BothAgain(fresh.enrollment(w, p), revealed=False), ALL, 0
    ),
    "PrintCard": Asked(lambda w, p: cards.PrintCard(fresh.enrollment(w, p)), OPERATORS),
    "ShowJwt": Asked(lambda w, p: one_time_jwt.ShowJwt(fresh.jwt(w, p)), OPERATORS),
    "IssuedAgain": Asked(
        lambda w, p: register.IssuedAgain(fresh.enrollment(w, p), revealed=False), ALL, 0
    ),
    "ListDeviceSessions": Asked(lambda _w, p: device_sessions.ListDeviceSessions(p), ALL, 0),
    "ShowDeviceSession": Asked(
        lambda w, p: device_sessions.ShowDeviceSession(fresh.session(w, p)), ALL, 0
    ),
    "Disconnect": Asked(lambda w, p: device_sessions.Disconnect(fresh.session(w, p)), OPERATORS),
    "ListDevices": Asked(lambda _w, p: views.ListDevices(p), ALL, 0),
    "ListEnrollments": Asked(lambda _w, p: views.ListEnrollments(p), ALL, 0),
    "ListUsers": Asked(lambda _w, p: views.ListUsers(p), ALL, 0),
    "ListRoles": Asked(lambda _w, p: views.ListRoles(p), STAFF_READERS, 0),
    "ListOrganizations": Asked(lambda _w, p: views.ListOrganizations(p), ALL, 0),
    "ListMessages": Asked(lambda _w, p: views.ListMessages(p), ALL, 0),
    "ListEvents": Asked(lambda _w, p: views.ListEvents(p), ALL, 0),
    "ExportEnrollments": Asked(lambda _w, p: exporting.ExportEnrollments(p), STAFF_READERS, 0),
    "BeginExport": Asked(
        lambda _w, p: exporting.BeginExport(exporting.ExportEnrollments(p)), STAFF_READERS
    ),
    "ExportEvents": Asked(lambda _w, p: views.ExportEvents(p), STAFF_READERS, 0),
    "ListApiKeys": Asked(lambda _w, p: views.ListApiKeys(p), STAFF_READERS, 0),
    "ShowDevice": Asked(lambda w, p: views_details.ShowDevice(fresh.device(w, p)), ALL, 0),
    "ShowEnrollment": Asked(
        lambda w, p: views_details.ShowEnrollment(fresh.enrollment(w, p)), ALL, 0
    ),
    "ShowUser": Asked(lambda w, p: views_details.ShowUser(w.add_user(p).id), ALL, 0),
    "ShowOrganization": Asked(lambda _w, p: views_details.ShowOrganization(p), ALL, 0),
    "ShowEvent": Asked(lambda w, p: views_details.ShowEvent(fresh.event(w, p)), ALL, 0),
    "FindWorkplace": Asked(lambda _w, p: workplace.FindWorkplace(p), ALL, 0),
    "Overview": Asked(lambda _w, p: views_overview.Overview(p), ALL, 0),
}

ELSEWHERE = {
    # Whoever works on a wave, with the rights of whoever started it.
    "IssueInWave",
    "ResendInWave",
    "RemindInWave",
    # The thread of a server that posts to webhooks.
    "ActiveWebhooks",
    "RaiseAlerts",
    "WatchOver",
    "DueDeliveries",
    "QueueDeliveries",
    "ClaimDelivery",
    "NotePosted",
    "TellExpired",
    "NoteLogged",
    "LetGoOfSyslog",
    "FurtherEvents",
    "ClaimSyslog",
    # A server process, about the sessions that it holds; OpenSession is a device's.
    "OpenSession",
    "WhichEnded",
    "Heartbeat",
    "EndSessions",
    # Presented by strangers with a secret of their own, or about the caller himself.
    "BySignIn",
    "ByApiKey",
    "SetUp",
    "InviteAdministrator",
    "UseSetupLink",
    "StartSignIn",
    "ConfirmSignIn",
    "EndSignIn",
    "EndAllSignIns",
    "Check",
    "Begin",
    "Cancel",
    "Redeem",
    "Opened",
    "DeviceStatus",
    "Authenticate",
    "UseApiSession",
    "EndApiSession",
    "ExtendCertificate",
    "ConfirmExtension",
    "RenewCertificate",
    "ConfirmRenewal",
    "NoteListenerKey",
    "MySignIns",
    "AddMine",
    "AddedAgain",
    "ResendMine",
    "RenewMine",
    "DeleteMine",
    "MyDevices",
    "ShowMyDevice",
    "ShowMyMessage",
    # The enrollment page and the workers: no rights are asked there.
    "AsksForSignIn",
    "WhichGroupId",
    "LookAround",
    "DueMessages",
    "Claim",
    "Compose",
    "RecordVerdicts",
    "RecordReport",
    "Sweep",
    "TakeUpRevocations",
    "ClaimWebhook",
    "NoteTold",
    "LetGo",
    "DueOffboardings",
    "CarryOut",
    # They name no place: what they show or make is the caller's own organization's. What roles may
    # there is tested where OpenZiti's management is served.
    "Sliced",
    "ListIdentities",
    "ListAuthenticators",
    "ListOutstanding",
    "RegisterIdentity",
    "RegisterAlone",
    # The server itself, when it starts.
    "RecordStart",
    # Templates have tests of their own.
    "PutTemplate",
    "DeleteTemplate",
    "ListTemplates",
    "ListLookups",
    "ShowBranding",
    "ChangeBranding",
    "PutLogo",
    # A form's check before ChangeBranding, by its own rules.
    "PreviewBranding",
    # What public pages fetch; nothing of it is secret.
    "PublicBranding",
    # Whoever is asked to accept terms of use must be able to read them.
    "ReadTerms",
    "Logo",
    "PreviewTemplate",
    "SendSample",
    # Answers what this caller's key made before.
    "SampleAgain",
    # A form's check before Register, by Register's own rules.
    "ReviewRegistration",
    # Asks for a right and names nothing; what is done then asks for its own.
    "MayAnywhere",
    # What a form shows of a message before it is sent; tested in the console.
    "ReviewMessage",
    # Answer only with what the caller may see; tested with the views.
    "FindSupportCode",
    "SearchEverything",
    # Of the whole installation's log; with the API, as is what proves an event.
    "ShowCheckpoint",
    "ProveGrowth",
    # Whoever began an attempt in this browser; whoever was given the link.
    "FollowAttempt",
    "UseRecoveryLink",
    "AskForPasswordLink",
    "UsePasswordLink",
    # Whoever knows the company passcode, which is compared inside.
    "AskForCredentials",
    "AnswerRequest",
    "ProveMailbox",
    "ShowSelfService",
    # Of oneself alone; whoever has just given his password.
    "SetUpSecondFactor",
    "NewRecoveryCodes",
    "FinishSignIn",
    "ProveEvent",
    # Always refuses; wraps others; what Reset and Reassign share, and both links.
    "ApiKeyAgain",
    "PasscodeAgain",
    "Idempotent",
    "Again",
    "Afresh",
    "ByLink",
}

HOST_ALONE: dict[str, Any] = {
    "ListKeys": keys.ListKeys(),
    "NameKey": keys.NameKey("key", "lookup", 1),
    "DropLeakedKeys": keys.DropLeakedKeys("one", "two"),
    "ListLeaked": keys.ListLeaked("one"),
    "ListLeakedFactors": keys.ListLeakedFactors("one", 1),
    "ListLeakedWebhooks": keys.ListLeakedWebhooks(),
    "ListHeld": reactivate.ListHeld(),
    "RecordBackup": backups.RecordBackup("backup", ("key",)),
    "HoldAfterRestore": backups.HoldAfterRestore("2026-01-01T00:00:00Z"),
    "Recover": recovery.Recover("root"),
}
"""What nobody may do over the network, however many rights he has."""

ON_PEOPLE: dict[str, Callable[[World, str], Any]] = {
    "ChangeUser": lambda _w, u: users.ChangeUser(u, {"email": "mine@example.com"}),
    "SetUserState": lambda _w, u: users.SetUserState(u, "disabled"),
    "DeleteUser": lambda _w, u: users.DeleteUser(u),
    "AddMember": lambda w, u: groups.AddMember(fresh.group(w, "acme"), u),
    "Erase": lambda w, u: erase.Erase(u, w.person(u).name),
    "Offboard": lambda _w, u: offboard.Offboard(u),
    "SetPassword": lambda _w, u: staff.SetPassword(u, Secret("long enough here")),
    "EndSignInsOf": lambda _w, u: staff.EndSignInsOf(u),
    "SendPasswordLink": lambda w, u: staff.SendPasswordLink(fresh.mailed(w, u)),
    "ClearLock": lambda w, u: locks.ClearLock("user", fresh.delayed(w, u)),
    "RemoveSecondFactor": lambda w, u: second_factor.RemoveSecondFactor(fresh.guarded(w, u)),
    "GrantRole": lambda _w, u: staff.GrantRole(u, "acme", "reader"),
    "Register": lambda _w, u: register.Register("", u, NEW),
    "RegisterInBulk": fresh.one_of_many,
    "IssueCredentials": lambda _w, u: one_time_credentials.IssueCredentials(u, "linux"),
    "Issue": lambda w, u: register.Issue(fresh.revoked(w, u)),
    "Reissue": lambda w, u: reissue.Reissue(w.register(u).enrollment_id),
    "Resend": lambda w, u: reissue.Resend(w.register(u).enrollment_id),
    "Revoke": lambda w, u: reissue.Revoke(w.register(u).enrollment_id),
    "ChangeDevice": lambda w, u: devices.ChangeDevice(w.register(u).device_id, {"name": "n"}),
    "DeleteDevice": lambda w, u: devices.DeleteDevice(w.register(u).device_id),
}
"""What is done to somebody in particular, or to what is his."""
