"""Devices: changed, deleted, and asking how they stand themselves; links that are opened."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.core.clock import DAY, MINUTE
from enlist.core.outcomes import Done, Drop
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.devices import EDITABLE, ChangeDevice, DeleteDevice
from enlist.verbs.opened import MOST, Opened
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.views import ListDevices, ListEnrollments
from enlist.verbs.views_details import ShowDevice, ShowEnrollment
from tests.verbs.world import STRANGER, World, request


def fields(refusal: Any) -> set[str]:
    assert refusal.code == "validation_failed", refusal
    return {error.field for error in refusal.fields}


def test_what_can_be_edited_is_kept(world: World) -> None:
    """A31."""
    device_id = world.register(world.add_user("acme")).device_id
    wanted: dict[str, Any] = {key: f"new {key}" for key in EDITABLE}
    wanted["ownership"] = "corporate_shared"
    wanted["tags"] = ("field", "Füße")
    wanted["custom_attributes"] = {"cost center": "4711", "note": "a=b, c"}
    world.do(ChangeDevice(device_id, wanted))
    device = world.see(ShowDevice(device_id)).device
    assert {key: getattr(device, key) for key in EDITABLE} == wanted
    nothing = dict.fromkeys(("serial", "ownership", "tags", "custom_attributes"))
    cleared = world.do(ChangeDevice(device_id, nothing))
    assert (cleared.serial, cleared.ownership.value) == ("", "none")
    assert (cleared.tags, cleared.custom_attributes) == ((), {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "a" * 201),
        ("serial", "a\x00b"),
        ("ownership", "stolen"),
        ("tags", ["a, b"]),
        ("tags", "x" * 41),
        ("tags", ",".join(map(str, range(21)))),
        ("custom_attributes", "no equals sign"),
        ("custom_attributes", "twice=1\nTwice=2"),
        ("custom_attributes", {"": "x"}),
        ("platform", "linux"),
        ("user_id", "x"),
    ],
)
def test_what_cannot_be_is_refused_by_field(world: World, field: str, value: object) -> None:
    device_id = world.register(world.add_user("acme")).device_id
    assert fields(world.refused(ChangeDevice(device_id, {field: value}))) == {field}


@pytest.mark.parametrize(
    "wanted", ["CORPORATE_DEDICATED", "corporate_shared", "EMPLOYEE_OWNED", "NONE"]
)
def test_the_four_ownerships_are_taken_in_capitals_too(world: World, wanted: str) -> None:
    """A32."""
    user = world.add_user("acme")
    device_id = world.do(Register("", user.id, DeviceDetails("d", "linux", wanted))).device_id
    assert world.see(ShowDevice(device_id)).device.ownership.value == wanted.lower()
    wrong = world.refused(Register("", user.id, DeviceDetails("d", "linux", "LEASED")))
    assert fields(wrong) == {"ownership"}


def test_tags_and_attributes_are_read_as_they_are_typed(world: World) -> None:
    device_id = world.register(world.add_user("acme")).device_id
    typed = {"tags": " field,Field, loan ,", "custom_attributes": "room = 12\n\nempty=\nurl=a?b=c"}
    changed = world.do(ChangeDevice(device_id, typed))
    assert changed.tags == ("field", "loan")
    assert changed.custom_attributes == {"room": "12", "url": "a?b=c"}


def test_an_external_id_is_unique_within_an_organization(either: World) -> None:
    user = either.add_user("acme")
    details = DeviceDetails("first", "linux", external_id="e1")
    either.do(Register("", user.id, details))
    second = either.register(user).device_id
    assert fields(either.refused(ChangeDevice(second, {"external_id": "e1"}))) == {"external_id"}
    elsewhere = either.register(user, "labs").device_id
    either.do(ChangeDevice(elsewhere, {"external_id": "e1"}))


def test_an_older_version_changes_nothing(world: World) -> None:
    device_id = world.register(world.add_user("acme")).device_id
    version = world.see(ShowDevice(device_id)).device.version
    world.do(ChangeDevice(device_id, {"model": "a"}, version))
    late = ChangeDevice(device_id, {"model": "b"}, version)
    assert world.refused(late).code == "precondition_failed"


def test_a_deleted_device_is_gone_with_its_token(either: World) -> None:
    """A37."""
    issued = either.register(either.add_user("acme"))
    assert either.perform(DeleteDevice(issued.device_id)) == Done(None, (Drop(issued.device_id),))
    assert either.refused(DeleteDevice(issued.device_id)).code == "not_found"
    assert either.see(ListDevices()).items == ()
    assert either.see(ListEnrollments()).items == ()
    assert issued.token is not None
    late = Redeem(Presented(token=issued.token), DeviceReport(platform="linux"), request())
    assert either.refused(late, STRANGER).code == "token_invalid"
    kinds = [event.kind for event in either.events(device=issued.device_id)]
    assert kinds[-1] == "device.deleted"


def test_deleting_revokes_the_certificate(either: World) -> None:
    enrolled = either.enroll(either.register(either.add_user("acme")))
    serial = either.serial(enrolled.device_id)
    either.do(DeleteDevice(enrolled.device_id))
    refusal = either.refused(DeviceStatus(enrolled.device_id, serial), STRANGER)
    assert (refusal.code, refusal.reason) == ("credential_revoked", "deleted")
    data = either.events(kind="device.deleted")[-1].data
    assert data == {"credentials_revoked": 1, "enrollments_revoked": 0}


# --- the device asks ------------------------------------------------------------------------------


def test_a_device_hears_how_it_stands_and_was_seen(world: World) -> None:
    user = world.add_user("acme")
    enrolled = world.enroll(world.register(user))
    serial = world.serial(enrolled.device_id)
    before, log = world.clock.now, len(world.events())
    world.clock.forward(2 * MINUTE)
    standing = world.do(DeviceStatus(enrolled.device_id, serial), STRANGER)
    assert (standing.device.id, standing.username) == (enrolled.device_id, user.username)
    assert standing.credential.serial == serial
    seen = world.see(ShowDevice(enrolled.device_id)).device.last_seen_at
    assert seen is not None
    assert seen > before + MINUTE
    assert len(world.events()) == log


def test_being_seen_is_written_once_a_minute(world: World) -> None:
    enrolled = world.enroll(world.register(world.add_user("acme")))
    verb = DeviceStatus(enrolled.device_id, world.serial(enrolled.device_id))
    world.clock.forward(2 * MINUTE)
    world.do(verb, STRANGER)
    rows = world.everything()["device"]
    world.do(verb, STRANGER)
    assert world.everything()["device"] == rows


def test_a_certificate_of_another_device_tells_nothing(world: World) -> None:
    user = world.add_user("acme")
    one, other = (world.enroll(world.register(user)).device_id for _ in range(2))
    refusal = world.refused(DeviceStatus(one, world.serial(other)), STRANGER)
    assert refusal.code == "credential_revoked"
    assert world.refused(DeviceStatus(one, "00"), STRANGER).code == "credential_revoked"


def test_a_certificate_runs_out(world: World) -> None:
    enrolled = world.enroll(world.register(world.add_user("acme")))
    verb = DeviceStatus(enrolled.device_id, world.serial(enrolled.device_id))
    world.clock.forward(2000 * DAY)
    assert world.refused(verb, STRANGER).code == "credential_expired"


# --- links that are opened ------------------------------------------------------------------------


def test_a_link_is_opened_by_scanners_and_people(world: World) -> None:
    """X06: told apart, and nothing about the enrollment changes but when it was opened."""
    handle = world.register(world.add_user("acme")).enrollment_id
    world.do(Opened(handle, by_person=False), STRANGER)
    assert world.see(ShowEnrollment(handle)).enrollment.opened_at is None
    world.do(Opened(handle, by_person=True), STRANGER)
    assert world.see(ShowEnrollment(handle)).enrollment.opened_at is not None
    opened = world.events(kind="enrollment.opened")
    assert [event.data for event in opened] == [{"scanner": True}, {"scanner": False}]
    assert opened[0].personal["address"] == STRANGER.address


def test_opening_is_written_down_twenty_times_at_most(world: World) -> None:
    handle = world.register(world.add_user("acme")).enrollment_id
    for _ in range(MOST + 5):
        world.do(Opened(handle, by_person=True), STRANGER)
    assert len(world.events(kind="enrollment.opened")) == MOST == 20


@pytest.mark.parametrize("handle", ["", "x", "00000000-0000-7000-8000-000000000000"])
def test_an_unknown_handle_answers_like_a_known_one(world: World, handle: str) -> None:
    known = world.register(world.add_user("acme")).enrollment_id
    before = len(world.events())
    unknown = world.perform(Opened(handle, by_person=True), STRANGER)
    assert len(world.events()) == before
    assert unknown == world.perform(Opened(known, by_person=True), STRANGER)
