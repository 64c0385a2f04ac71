"""Every verb and every view of staff, each once, with a target that is made fresh.

`REQUESTS` says who of the staff may ask for it; `ON_PEOPLE` what is done to somebody or to his;
`HOST_ALONE` and `ELSEWHERE` are what staff cannot ask for.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from enlist.core.clock import HOUR
from enlist.core.ids import new_id
from enlist.core.model import DeviceList, GrantKind, User
from enlist.core.outcomes import Refusal
from enlist.core.policy import Role
from enlist.core.secrets import Secret
from enlist.core.terms import TermsText
from enlist.store import credentials, holds, limits, second_factors
from enlist.store.waves import Plan
from enlist.verbs import (
    afresh,
    alert_routes,
    alert_tests,
    alerts,
    api_keys,
    authenticators,
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
    hooks,
    identities,
    imports,
    keys,
    lock_list,
    locks,
    move,
    move_people,
    offboard,
    one_time_jwt,
    organizations,
    own_role_changes,
    own_roles,
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
    terms,
    unregister,
    users,
    views,
    views_details,
    views_overview,
    waves,
    workplace,
)
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.importing import Importing
from enlist.verbs.issuing import Delivery
from enlist.verbs.waving import Waving
from tests.connections import live_session
from tests.verbs.world import World

ADMINISTRATOR, OPERATOR, HELPDESK, READER = Role
PLAN = Plan("wave", "linux", "none", "laptop", "email", "", 0, 0, 0, 0, 0)
FIRST_SHARE = Plan("wave", "linux", "none", "laptop", "email", "", 0, 0, 50, 0, 0)
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


def _device(world: World, place: str) -> str:
    return world.register(world.add_user(place)).device_id


def _planned(world: World, place: str) -> str:
    """Somebody who leaves in an hour."""
    user = world.add_user(place)
    world.do(offboard.Offboard(user.id, world.installation.tools.clock() + HOUR))
    return user.id


def _numbered(world: World, place: str) -> str:
    """The serial number of a registered device."""
    serial = f"SN-{world.number():06}"
    details = DeviceDetails("box", "linux", serial=serial)
    world.do(register.Register("", world.add_user(place).id, details))
    return serial


def _erasing(user: User) -> erase.Erase:
    return erase.Erase(user.id, user.username)


def _view(world: World, place: str) -> str:
    """One that is shared."""
    verb = saved_views.SaveView(place, f"view {world.number()}", shared=True)
    return world.do(verb).id


def _session(world: World, place: str) -> str:
    return live_session(world.installation.store, _device(world, place))


def _one_of_many(world: World, user: str) -> register_many.RegisterInBulk:
    now = world.installation.tools.clock()
    ids = register_many.Ids(new_id(now), new_id(now))
    return register_many.RegisterInBulk(register.Register("", user, NEW), ids)


def _webhook(world: World, place: str) -> str:
    return world.do(hooks.AddWebhook("Inventory", "https://hooks.example.com/", place)).hook.id


def _delivery(world: World, place: str) -> tuple[str, str]:
    """One that waits, so that there is nothing to replay yet."""
    hook = _webhook(world, place)
    world.do(hooks.TestWebhook(hook))
    return hook, world.see(hooks.ListDeliveries(filters={"webhook": hook})).items[0].id


def _import(world: World, place: str) -> str:
    """One whose preview is ready."""
    installation = world.installation
    job = imports.bring(
        installation.driver,
        installation.store,
        world.host,
        io.BytesIO(b"username\nimported\n"),
        organization=place,
        kind="simple",
        name="people.csv",
        preview=True,
    )
    assert not isinstance(job, Refusal), job
    Importing(installation.driver, installation.store).work(job.id)
    return job.id


def _mailed(world: World, user: str) -> str:
    """Somebody with an e-mail address, nobody else's."""
    change = users.ChangeUser(user, {"email": f"u{world.number()}@example.com"})
    world.do(change)
    return user


def _guarded(world: World, user: str) -> str:
    """Somebody with a second factor, whatever its secret."""
    world.installation.store.write(lambda tx: second_factors.put(tx, user, "sealed", "key", 1))
    return user


def _delayed(world: World, user: str) -> str:
    """Somebody of whom something is counted."""
    world.installation.store.write(lambda tx: limits.count(tx, f"{limits.BEGUN}{user}", 30, HOUR))
    return user


def _wave(world: World, place: str, plan: Plan | None = None) -> str:
    whom = waves.Whom(users=(world.add_user(place).id, world.add_user(place).id))
    return world.do(waves.StartWave(place, plan or PLAN, whom)).id


def _paused_wave(world: World, place: str) -> str:
    wave = _wave(world, place)
    world.do(waves.PauseWave(wave))
    return wave


def _waiting_wave(world: World, place: str) -> str:
    wave = _wave(world, place, FIRST_SHARE)
    Waving(world.installation.driver, world.installation.store).work(wave)
    return wave


def _enrollment(world: World, place: str) -> str:
    return world.register(world.add_user(place)).enrollment_id


def _jwt(world: World, place: str) -> str:
    user, details = world.add_user(place), DeviceDetails("box", "linux")
    verb = register.Register("", user.id, details, Delivery("none"), grant=GrantKind.ONE_TIME_JWT)
    return world.do(verb).enrollment_id


def _held(world: World, place: str) -> str:
    enrollment_id = _enrollment(world, place)
    world.installation.store.write(holds.hold_all)
    return enrollment_id


def _authenticator(world: World, place: str) -> str:
    """The credential of a device that is enrolled."""
    issued = world.register(world.add_user(place))
    world.enroll(issued)

    def held(tx: Any) -> Any:
        return credentials.of_device(tx, issued.device_id)

    (found,) = world.installation.store.read(held)
    return str(found.id)


def _revoked(world: World, user_id: str) -> str:
    """A device of his whose enrollment was revoked."""
    issued = world.register(user_id)
    world.do(reissue.Revoke(issued.enrollment_id))
    return issued.device_id


def _restriction(world: World, place: str) -> str:
    return world.do(restrictions.AddRestriction(place, {"name": "rule"})).id


def _group(world: World, place: str) -> str:
    return world.do(groups.AddGroup(place, f"group {world.number()}")).id


def _own_role(world: World, place: str) -> str:
    permissions = ("users:read",)
    return world.do(own_roles.AddOwnRole(place, f"role {world.number()}", permissions)).id


def _member(world: World, place: str) -> tuple[str, str]:
    group, user = _group(world, place), world.add_user(place).id
    world.do(groups.AddMember(group, user))
    return group, user


def _listed(world: World, place: str) -> str:
    serial = f"SN-{world.number():06}"
    entry = device_lists.Entry("serial", serial)
    world.do(device_lists.PutOnList(place, DeviceList.ALLOW, (entry,)))
    return world.see(device_lists.ListListed(place, search=serial)).items[0].id


def _key(world: World, place: str) -> str:
    return world.do(api_keys.CreateApiKey("k", "reader", place)).key.id


def _helper(world: World, place: str) -> str:
    held = world.staff(HELPDESK, place).id
    assert held is not None
    return held


def _event(world: World, place: str) -> str:
    user = world.add_user(place)
    return world.events(kind="user.created", user=user.id)[-1].id


def _child(world: World, place: str) -> str:
    return world.add_organization(f"child{world.number()}", place).id


def _terms(world: World, place: str) -> str:
    return world.do(terms.PublishTerms(place, DRAFT)).id


NEW = DeviceDetails("new", "linux")
DRAFT = terms.Draft((TermsText("en", "Terms", "Be kind."),), "windows")

REQUESTS: dict[str, Asked] = {
    "AddOrganization": Asked(
        lambda w, p: organizations.AddOrganization(p, f"g{w.number()}", "G"), ADMINISTRATORS
    ),
    "ChangeOrganization": Asked(
        lambda _w, p: organizations.ChangeOrganization(p, "Changed"), ADMINISTRATORS
    ),
    "DeleteOrganization": Asked(
        lambda w, p: organizations.DeleteOrganization(_child(w, p)), ADMINISTRATORS
    ),
    "ChangeSettings": Asked(
        lambda _w, p: organizations.ChangeSettings(p, {"token_length": 12}), ADMINISTRATORS
    ),
    "AddRestriction": Asked(
        lambda _w, p: restrictions.AddRestriction(p, {"name": "r"}), ADMINISTRATORS
    ),
    "ChangeRestriction": Asked(
        lambda w, p: restrictions.ChangeRestriction(p, _restriction(w, p), {"rank": 7}),
        ADMINISTRATORS,
    ),
    "DeleteRestriction": Asked(
        lambda w, p: restrictions.DeleteRestriction(p, _restriction(w, p)), ADMINISTRATORS
    ),
    "RestrictionAgain": Asked(
        lambda w, p: restrictions.RestrictionAgain(p, _restriction(w, p)), ALL, 0
    ),
    "ListRestrictions": Asked(lambda _w, p: restrictions.ListRestrictions(p), ALL, 0),
    "PublishTerms": Asked(lambda _w, p: terms.PublishTerms(p, DRAFT), ADMINISTRATORS),
    "TermsAgain": Asked(lambda w, p: terms.TermsAgain(p, _terms(w, p)), ALL, 0),
    "WithdrawTerms": Asked(lambda w, p: terms.WithdrawTerms(_terms(w, p)), ADMINISTRATORS),
    "ShowTerms": Asked(lambda _w, p: terms.ShowTerms(p), ALL, 0),
    "ShowTermsVersion": Asked(lambda w, p: terms.ShowTermsVersion(_terms(w, p)), ALL, 0),
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
    "TakeOffList": Asked(lambda w, p: device_lists.TakeOffList(_listed(w, p)), OPERATORS),
    "ListListed": Asked(lambda _w, p: device_lists.ListListed(p), ALL, 0),
    "ListGroups": Asked(lambda _w, p: groups.ListGroups(p), ALL, 0),
    "ShowGroup": Asked(lambda w, p: groups.ShowGroup(_group(w, p)), ALL, 0),
    "AddGroup": Asked(lambda w, p: groups.AddGroup(p, f"group {w.number()}"), OPERATORS),
    "GroupAgain": Asked(lambda w, p: groups.GroupAgain(_group(w, p)), ALL, 0),
    "ChangeGroup": Asked(
        lambda w, p: groups.ChangeGroup(_group(w, p), {"description": "changed"}), OPERATORS
    ),
    "DeleteGroup": Asked(lambda w, p: groups.DeleteGroup(_group(w, p)), OPERATORS),
    "AddMember": Asked(lambda w, p: groups.AddMember(_group(w, p), w.add_user(p).id), OPERATORS),
    "RemoveMember": Asked(lambda w, p: groups.RemoveMember(*_member(w, p)), OPERATORS),
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
    "Erase": Asked(lambda w, p: _erasing(w.add_user(p)), ADMINISTRATORS, 2),
    "CancelOffboarding": Asked(lambda w, p: offboard.CancelOffboarding(_planned(w, p)), OPERATORS),
    "SetPassword": Asked(
        lambda w, p: staff.SetPassword(w.add_user(p).id, Secret("long enough here")), OPERATORS
    ),
    "ListLocks": Asked(lambda _w, p: lock_list.ListLocks(p), ALL, 0),
    "ShowLocks": Asked(lambda w, p: locks.ShowLocks(named=w.add_user(p).id), ALL, 0),
    "ClearLock": Asked(
        lambda w, p: locks.ClearLock("user", _delayed(w, w.add_user(p).id)), OPERATORS
    ),
    "SendPasswordLink": Asked(
        lambda w, p: staff.SendPasswordLink(_mailed(w, w.add_user(p).id)), OPERATORS
    ),
    "EndSignInsOf": Asked(lambda w, p: staff.EndSignInsOf(w.add_user(p).id), OPERATORS),
    "RemoveSecondFactor": Asked(
        lambda w, p: second_factor.RemoveSecondFactor(_guarded(w, w.add_user(p).id)), OPERATORS
    ),
    "ShowSecondFactorRules": Asked(
        lambda _w, p: second_factor_rules.ShowSecondFactorRules(p), STAFF_READERS, events=0
    ),
    "SetSecondFactorRules": Asked(
        lambda _w, p: second_factor_rules.SetSecondFactorRules(p, ("reader",)), ADMINISTRATORS
    ),
    "ShowEmailDomains": Asked(lambda _w, p: email_domains.ShowEmailDomains(p), ALL, 0),
    "SetEmailDomains": Asked(
        lambda w, p: email_domains.SetEmailDomains(p, (f"d{w.number()}.example",)), ADMINISTRATORS
    ),
    "AddOwnRole": Asked(
        lambda w, p: own_roles.AddOwnRole(p, f"role {w.number()}", ("users:read",)), ADMINISTRATORS
    ),
    "OwnRoleAgain": Asked(lambda w, p: own_roles.OwnRoleAgain(_own_role(w, p)), STAFF_READERS, 0),
    "ChangeOwnRole": Asked(
        lambda w, p: own_role_changes.ChangeOwnRole(_own_role(w, p), {"name": f"x{w.number()}"}),
        ADMINISTRATORS,
    ),
    "DeleteOwnRole": Asked(
        lambda w, p: own_role_changes.DeleteOwnRole(_own_role(w, p)), ADMINISTRATORS
    ),
    "ListOwnRoles": Asked(lambda _w, p: own_roles.ListOwnRoles(p), STAFF_READERS, 0),
    "ShowOwnRole": Asked(lambda w, p: own_roles.ShowOwnRole(_own_role(w, p)), STAFF_READERS, 0),
    "GrantRole": Asked(lambda w, p: staff.GrantRole(w.add_user(p).id, p, "reader"), ADMINISTRATORS),
    "WithdrawRole": Asked(
        lambda w, p: staff.WithdrawRole(_helper(w, p), p, "helpdesk"), ADMINISTRATORS
    ),
    "CreateApiKey": Asked(lambda _w, p: api_keys.CreateApiKey("k", "reader", p), ADMINISTRATORS),
    "RevokeApiKey": Asked(lambda w, p: api_keys.RevokeApiKey(_key(w, p)), ADMINISTRATORS),
    "ChangeDevice": Asked(
        lambda w, p: devices.ChangeDevice(_device(w, p), {"name": "changed"}), OPERATORS
    ),
    "DeleteDevice": Asked(lambda w, p: devices.DeleteDevice(_device(w, p)), OPERATORS, 2),
    "ListSavedViews": Asked(lambda _w, p: saved_views.ListSavedViews(p), ALL, 0),
    "SaveView": Asked(lambda w, p: saved_views.SaveView(p, f"view {w.number()}", shared=True), ALL),
    "ViewAgain": Asked(lambda w, p: saved_views.ViewAgain(_view(w, p)), ALL, 0),
    "ChangeView": Asked(
        lambda w, p: saved_views.ChangeView(_view(w, p), {"sort": "expires_at"}), ADMINISTRATORS
    ),
    "DeleteView": Asked(lambda w, p: saved_views.DeleteView(_view(w, p)), ADMINISTRATORS),
    "MoveDevice": Asked(lambda w, p: move.MoveDevice(_device(w, p), _child(w, p)), OPERATORS, 2),
    "MoveUser": Asked(
        lambda w, p: move_people.MoveUser(w.add_user(p).id, _child(w, p)), OPERATORS, 2
    ),
    "Unregister": Asked(
        lambda w, p: unregister.Unregister("serial", _numbered(w, p), p), OPERATORS, 2
    ),
    "Register": Asked(lambda w, p: register.Register("", w.add_user(p).id, NEW), OPERATORS),
    "BeginBulk": Asked(lambda _w, p: register_many.BeginBulk(p, 2), OPERATORS, events=0),
    "RegisterInBulk": Asked(lambda w, p: _one_of_many(w, w.add_user(p).id), OPERATORS),
    "AddImport": Asked(
        lambda _w, p: imports.AddImport(p, "simple", "people.csv", "", ("username",), 1), OPERATORS
    ),
    "StartImport": Asked(lambda w, p: imports.StartImport(_import(w, p)), OPERATORS),
    "StopImport": Asked(lambda w, p: imports.StopImport(_import(w, p)), OPERATORS),
    "ListImports": Asked(lambda _w, p: imports.ListImports(p), ALL, events=0),
    "ShowImport": Asked(lambda w, p: imports.ShowImport(_import(w, p)), ALL, events=0),
    "ReadImportErrors": Asked(
        lambda w, p: imports.ReadImportErrors(_import(w, p)), OPERATORS, events=0
    ),
    "StartWave": Asked(
        lambda w, p: waves.StartWave(p, PLAN, waves.Whom(users=(w.add_user(p).id,))), OPERATORS
    ),
    "WaveAgain": Asked(lambda w, p: waves.WaveAgain(_wave(w, p)), OPERATORS, events=0),
    "PauseWave": Asked(lambda w, p: waves.PauseWave(_wave(w, p)), OPERATORS),
    "ResumeWave": Asked(lambda w, p: waves.ResumeWave(_paused_wave(w, p)), OPERATORS),
    "ContinueWave": Asked(lambda w, p: waves.ContinueWave(_waiting_wave(w, p)), OPERATORS),
    "StopWave": Asked(lambda w, p: waves.StopWave(_wave(w, p)), OPERATORS),
    "ResendWave": Asked(lambda w, p: waves.ResendWave(_wave(w, p)), OPERATORS),
    "ListWaves": Asked(lambda _w, p: waves.ListWaves(p), ALL, events=0),
    "ShowWave": Asked(lambda w, p: waves.ShowWave(_wave(w, p)), ALL, events=0),
    "ListWaveMembers": Asked(lambda _w, p: waves.ListWaveMembers(p), ALL, events=0),
    "Issue": Asked(lambda w, p: register.Issue(_revoked(w, w.add_user(p).id)), OPERATORS),
    "Reissue": Asked(lambda w, p: reissue.Reissue(_enrollment(w, p)), HELPERS),
    "Resend": Asked(lambda w, p: reissue.Resend(_enrollment(w, p)), HELPERS),
    "Revoke": Asked(lambda w, p: reissue.Revoke(_enrollment(w, p)), OPERATORS),
    "DeleteEnrollment": Asked(lambda w, p: reissue.DeleteEnrollment(_enrollment(w, p)), OPERATORS),
    "Reset": Asked(lambda w, p: reset.Reset(_device(w, p)), OPERATORS, 2),
    "DryRun": Asked(lambda w, p: rehearsing.DryRun(reset.Reset(_device(w, p))), OPERATORS, 0),
    "Reassign": Asked(
        lambda w, p: reassign.Reassign(_device(w, p), w.add_user(p).id), OPERATORS, 3
    ),
    "Replace": Asked(lambda w, p: replace.Replace(_device(w, p)), OPERATORS),
    "ReEnroll": Asked(
        lambda w, p: authenticators.ReEnroll("", authenticator_id=_authenticator(w, p)),
        OPERATORS,
    ),
    "RequestExtension": Asked(
        lambda w, p: authenticators.RequestExtension(_authenticator(w, p)), OPERATORS
    ),
    "ShowAuthenticator": Asked(
        lambda w, p: authenticators.ShowAuthenticator(_authenticator(w, p)), ALL, 0
    ),
    "ShowIdentity": Asked(lambda w, p: identities.ShowIdentity(_device(w, p), 0), ALL, 0),
    "ShowOutstanding": Asked(lambda w, p: identities.ShowOutstanding(_jwt(w, p)), ALL, 0),
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
    "ListWebhooks": Asked(lambda _w, p: hooks.ListWebhooks(p), STAFF_READERS, 0),
    "ListDeliveries": Asked(lambda _w, p: hooks.ListDeliveries(p), STAFF_READERS, 0),
    "AddWebhook": Asked(
        lambda _w, p: hooks.AddWebhook("Inventory", "https://hooks.example.com/", p),
        ADMINISTRATORS,
    ),
    "WebhookAgain": Asked(lambda w, p: hooks.WebhookAgain(_webhook(w, p)), ADMINISTRATORS, 0),
    "ChangeWebhook": Asked(
        lambda w, p: hooks.ChangeWebhook(_webhook(w, p), "Other"), ADMINISTRATORS
    ),
    "RenewWebhookSecret": Asked(
        lambda w, p: hooks.RenewWebhookSecret(_webhook(w, p)), ADMINISTRATORS
    ),
    "SwitchWebhook": Asked(
        lambda w, p: hooks.SwitchWebhook(_webhook(w, p), on=False), ADMINISTRATORS
    ),
    "DeleteWebhook": Asked(lambda w, p: hooks.DeleteWebhook(_webhook(w, p)), ADMINISTRATORS),
    "TestWebhook": Asked(lambda w, p: hooks.TestWebhook(_webhook(w, p)), ADMINISTRATORS),
    "ReplayDelivery": Asked(lambda w, p: hooks.ReplayDelivery(*_delivery(w, p)), ADMINISTRATORS, 0),
    "ReadEvents": Asked(lambda _w, p: feed.ReadEvents(organization=p), ALL, 0),
    "ReadRevocations": Asked(
        lambda _w, p: revocations.ReadRevocations(organization=p), STAFF_READERS, 0
    ),
    "BegunAgain": Asked(lambda w, p: afresh.BegunAgain(_enrollment(w, p), revealed=False), ALL, 0),
    "Reactivate": Asked(lambda w, p: reactivate.Reactivate(_held(w, p)), HELPERS),
    "UserAgain": Asked(lambda w, p: users.UserAgain(w.add_user(p).id), ALL, 0),
    "OrganizationAgain": Asked(
        lambda w, p: organizations.OrganizationAgain(w.organizations[p].id), ALL, 0
    ),
    "BothAgain": Asked(
        lambda w, p: first_device.BothAgain(_enrollment(w, p), revealed=False), ALL, 0
    ),
    "PrintCard": Asked(lambda w, p: cards.PrintCard(_enrollment(w, p)), OPERATORS),
    "ShowJwt": Asked(lambda w, p: one_time_jwt.ShowJwt(_jwt(w, p)), OPERATORS),
    "IssuedAgain": Asked(
        lambda w, p: register.IssuedAgain(_enrollment(w, p), revealed=False), ALL, 0
    ),
    "ListDeviceSessions": Asked(lambda _w, p: device_sessions.ListDeviceSessions(p), ALL, 0),
    "ShowDeviceSession": Asked(
        lambda w, p: device_sessions.ShowDeviceSession(_session(w, p)), ALL, 0
    ),
    "Disconnect": Asked(lambda w, p: device_sessions.Disconnect(_session(w, p)), OPERATORS),
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
    "ShowDevice": Asked(lambda w, p: views_details.ShowDevice(_device(w, p)), ALL, 0),
    "ShowEnrollment": Asked(lambda w, p: views_details.ShowEnrollment(_enrollment(w, p)), ALL, 0),
    "ShowUser": Asked(lambda w, p: views_details.ShowUser(w.add_user(p).id), ALL, 0),
    "ShowOrganization": Asked(lambda _w, p: views_details.ShowOrganization(p), ALL, 0),
    "ShowEvent": Asked(lambda w, p: views_details.ShowEvent(_event(w, p)), ALL, 0),
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
    "Deliver",
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
    # Of oneself alone; whoever has just given his password.
    "SetUpSecondFactor",
    "NewRecoveryCodes",
    "FinishSignIn",
    "ProveEvent",
    # Always refuses; wraps others; what Reset and Reassign share.
    "ApiKeyAgain",
    "Idempotent",
    "Afresh",
}

HOST_ALONE: dict[str, Any] = {
    "ListKeys": keys.ListKeys(),
    "NameKey": keys.NameKey("key", "lookup", 1),
    "DropLeakedKeys": keys.DropLeakedKeys("one", "two"),
    "ListLeaked": keys.ListLeaked("one"),
    "ListLeakedFactors": keys.ListLeakedFactors("one", 1),
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
    "AddMember": lambda w, u: groups.AddMember(_group(w, "acme"), u),
    "Erase": lambda w, u: erase.Erase(u, w.person(u).name),
    "Offboard": lambda _w, u: offboard.Offboard(u),
    "SetPassword": lambda _w, u: staff.SetPassword(u, Secret("long enough here")),
    "EndSignInsOf": lambda _w, u: staff.EndSignInsOf(u),
    "SendPasswordLink": lambda w, u: staff.SendPasswordLink(_mailed(w, u)),
    "ClearLock": lambda w, u: locks.ClearLock("user", _delayed(w, u)),
    "RemoveSecondFactor": lambda w, u: second_factor.RemoveSecondFactor(_guarded(w, u)),
    "GrantRole": lambda _w, u: staff.GrantRole(u, "acme", "reader"),
    "Register": lambda _w, u: register.Register("", u, NEW),
    "RegisterInBulk": _one_of_many,
    "Issue": lambda w, u: register.Issue(_revoked(w, u)),
    "Reissue": lambda w, u: reissue.Reissue(w.register(u).enrollment_id),
    "Resend": lambda w, u: reissue.Resend(w.register(u).enrollment_id),
    "Revoke": lambda w, u: reissue.Revoke(w.register(u).enrollment_id),
    "ChangeDevice": lambda w, u: devices.ChangeDevice(w.register(u).device_id, {"name": "n"}),
    "DeleteDevice": lambda w, u: devices.DeleteDevice(w.register(u).device_id),
}
"""What is done to somebody in particular, or to what is his."""
