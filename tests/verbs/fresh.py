"""What a verb is asked to act on, made fresh at a place of the world, or for somebody in it."""

from __future__ import annotations

import io
from typing import Any

from enlist.core.clock import HOUR
from enlist.core.device_lists import DeviceList
from enlist.core.ids import new_id
from enlist.core.model import GrantKind, User
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Role
from enlist.core.terms import TermsText
from enlist.store import credentials, holds, limits, second_factors
from enlist.store.waves import Plan
from enlist.verbs import (
    api_keys,
    device_lists,
    erase,
    groups,
    imports,
    offboard,
    organizations,
    own_roles,
    passcodes,
    register,
    register_many,
    reissue,
    restrictions,
    saved_views,
    users,
    waves,
    webhooks,
)
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.importing import Importing
from enlist.verbs.issuing import Delivery
from enlist.verbs.terms import Draft, PublishTerms
from enlist.verbs.waving import Waving
from tests.connections import live_session
from tests.verbs.world import World

PLAN = Plan("wave", "linux", "none", "laptop", "email", "", 0, 0, 0, 0, 0)
FIRST_SHARE = Plan("wave", "linux", "none", "laptop", "email", "", 0, 0, 50, 0, 0)
NEW = DeviceDetails("new", "linux")
DRAFT = Draft((TermsText("en", "Terms", "Be kind."),), "windows")


def with_passcode(world: World, place: str) -> str:
    """The same place, which has a passcode that may be shown again."""
    world.do(organizations.ChangeSettings(place, {"passcode_reveal": True}))
    world.do(passcodes.GeneratePasscode(place))
    return place


def device(world: World, place: str) -> str:
    return world.register(world.add_user(place)).device_id


def staged(world: World, place: str) -> str:
    """The enrolled device of somebody who stages devices for others."""
    user = world.add_user(place, staging="multiple_user")
    issued = world.register(user)
    world.enroll(issued)
    return issued.device_id


def planned(world: World, place: str) -> str:
    """Somebody who leaves in an hour."""
    user = world.add_user(place)
    world.do(offboard.Offboard(user.id, world.installation.tools.clock() + HOUR))
    return user.id


def numbered(world: World, place: str) -> str:
    """The serial number of a registered device."""
    serial = f"SN-{world.number():06}"
    details = DeviceDetails("box", "linux", serial=serial)
    world.do(register.Register("", world.add_user(place).id, details))
    return serial


def erasing(user: User) -> erase.Erase:
    return erase.Erase(user.id, user.username)


def view(world: World, place: str) -> str:
    """One that is shared."""
    verb = saved_views.SaveView(place, f"view {world.number()}", shared=True)
    return world.do(verb).id


def session(world: World, place: str) -> str:
    return live_session(world.installation.store, device(world, place))


def one_of_many(world: World, user: str) -> register_many.RegisterInBulk:
    now = world.installation.tools.clock()
    ids = register_many.Ids(new_id(now), new_id(now))
    return register_many.RegisterInBulk(register.Register("", user, NEW), ids)


def webhook(world: World, place: str) -> str:
    return world.do(webhooks.AddWebhook("Inventory", "https://hooks.example.com/", place)).hook.id


def delivery(world: World, place: str) -> tuple[str, str]:
    """One that waits, so that there is nothing to replay yet."""
    hook = webhook(world, place)
    world.do(webhooks.TestWebhook(hook))
    return hook, world.see(webhooks.ListDeliveries(filters={"webhook": hook})).items[0].id


def import_job(world: World, place: str) -> str:
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


def mailed(world: World, user: str) -> str:
    """Somebody with an e-mail address, nobody else's."""
    change = users.ChangeUser(user, {"email": f"u{world.number()}@example.com"})
    world.do(change)
    return user


def guarded(world: World, user: str) -> str:
    """Somebody with a second factor, whatever its secret."""
    world.installation.store.write(lambda tx: second_factors.put(tx, user, "sealed", "key", 1))
    return user


def delayed(world: World, user: str) -> str:
    """Somebody of whom something is counted."""
    world.installation.store.write(lambda tx: limits.count(tx, f"{limits.BEGUN}{user}", 30, HOUR))
    return user


def wave(world: World, place: str, plan: Plan | None = None) -> str:
    whom = waves.Whom(users=(world.add_user(place).id, world.add_user(place).id))
    return world.do(waves.StartWave(place, plan or PLAN, whom)).id


def paused_wave(world: World, place: str) -> str:
    paused = wave(world, place)
    world.do(waves.PauseWave(paused))
    return paused


def waiting_wave(world: World, place: str) -> str:
    waiting = wave(world, place, FIRST_SHARE)
    Waving(world.installation.driver, world.installation.store).work(waiting)
    return waiting


def enrollment(world: World, place: str) -> str:
    return world.register(world.add_user(place)).enrollment_id


def jwt(world: World, place: str) -> str:
    user, details = world.add_user(place), DeviceDetails("box", "linux")
    verb = register.Register("", user.id, details, Delivery("none"), grant=GrantKind.ONE_TIME_JWT)
    return world.do(verb).enrollment_id


def held(world: World, place: str) -> str:
    enrollment_id = enrollment(world, place)
    world.installation.store.write(holds.hold_all)
    return enrollment_id


def authenticator(world: World, place: str) -> str:
    """The credential of a device that is enrolled."""
    issued = world.register(world.add_user(place))
    world.enroll(issued)

    def held(tx: Any) -> Any:
        return credentials.of_device(tx, issued.device_id)

    (found,) = world.installation.store.read(held)
    return str(found.id)


def revoked(world: World, user_id: str) -> str:
    """A device of his whose enrollment was revoked."""
    issued = world.register(user_id)
    world.do(reissue.Revoke(issued.enrollment_id))
    return issued.device_id


def restriction(world: World, place: str) -> str:
    return world.do(restrictions.AddRestriction(place, {"name": "rule"})).id


def group(world: World, place: str) -> str:
    return world.do(groups.AddGroup(place, f"group {world.number()}")).id


def own_role(world: World, place: str) -> str:
    permissions = ("users:read",)
    return world.do(own_roles.AddOwnRole(place, f"role {world.number()}", permissions)).id


def member(world: World, place: str) -> tuple[str, str]:
    found, user = group(world, place), world.add_user(place).id
    world.do(groups.AddMember(found, user))
    return found, user


def listed(world: World, place: str) -> str:
    serial = f"SN-{world.number():06}"
    entry = device_lists.Entry("serial", serial)
    world.do(device_lists.PutOnList(place, DeviceList.ALLOW, (entry,)))
    return world.see(device_lists.ListListed(place, search=serial)).items[0].id


def key(world: World, place: str) -> str:
    return world.do(api_keys.CreateApiKey("k", "reader", place)).key.id


def helper(world: World, place: str) -> str:
    held = world.staff(Role.HELPDESK, place).id
    assert held is not None
    return held


def event(world: World, place: str) -> str:
    user = world.add_user(place)
    return world.events(kind="user.created", user=user.id)[-1].id


def child(world: World, place: str) -> str:
    return world.add_organization(f"child{world.number()}", place).id


def terms(world: World, place: str) -> str:
    return world.do(PublishTerms(place, DRAFT)).id
