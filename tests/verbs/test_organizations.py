"""Organizations and the settings that they inherit."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.core.outcomes import Done
from enlist.core.permissions import Role
from enlist.core.policy import SETTINGS
from enlist.verbs.organizations import (
    AddOrganization,
    ChangeOrganization,
    ChangeSettings,
    DeleteOrganization,
)
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import AddUser, DeleteUser
from enlist.verbs.views_details import ShowOrganization
from tests.verbs.world import World


def in_force(world: World, group_id: str, key: str) -> tuple[Any, str]:
    found = world.see(ShowOrganization(group_id)).policy.settings[key]
    return found.value, found.source


def fields(refusal: Any) -> set[str]:
    assert refusal.code == "validation_failed", refusal
    return {error.field for error in refusal.fields}


def test_an_organization_stands_below_its_parent(world: World) -> None:
    made = world.do(
        AddOrganization("acme", "Acme.North_1", " North ", time_zone="Europe/Berlin", language="DE")
    )
    detail = world.see(ShowOrganization("ACME.north_1"))
    assert detail.organization == made
    assert (made.name, made.time_zone, made.language) == ("North", "Europe/Berlin", "de")
    assert detail.parent == world.organizations["acme"]
    assert made in world.see(ShowOrganization("acme")).children


@pytest.mark.parametrize("group_id", ["", "a" * 41, "a b", "ä", "a/b", "0" * 32])
def test_a_group_id_is_short_typeable_and_no_id(world: World, group_id: str) -> None:
    assert fields(world.refused(AddOrganization("main", group_id, "X"))) == {"group_id"}


def test_everything_wrong_is_told_at_once(world: World) -> None:
    refusal = world.refused(AddOrganization("main", "?", "", "Mars/Olympus", "xx"))
    assert fields(refusal) == {"group_id", "name", "time_zone", "language"}


def test_a_group_id_is_unique_in_any_case(either: World) -> None:
    assert either.refused(AddOrganization("beta", "ACME", "X")).code == "group_id_taken"


def test_a_deleted_organization_leaves_its_group_id_but_nothing_else(world: World) -> None:
    world.do(ChangeSettings("labs", {"token_length": 7}))
    world.do(DeleteOrganization("labs"))
    assert world.refused(ChangeOrganization("labs", "X")).code == "not_found"
    world.do(AddOrganization("acme", "labs", "Labs again"))
    assert in_force(world, "labs", "token_length") == (10, "default")


@pytest.mark.parametrize("what", ["organization", "user", "device"])
def test_only_an_empty_organization_can_be_deleted(either: World, what: str) -> None:
    if what == "organization":
        either.add_organization("deep", "labs")
    else:
        user = either.add_user("labs" if what == "user" else "acme")
        if what == "device":
            either.register(user, "labs")
    assert either.refused(DeleteOrganization("labs")).code == "organization_not_empty"


def test_an_organization_is_empty_once_its_users_are_deleted(either: World) -> None:
    user = either.add_user("labs")
    either.do(DeleteUser(user.id))
    either.do(DeleteOrganization("labs"))


def test_the_top_cannot_be_deleted(world: World) -> None:
    assert world.refused(DeleteOrganization("main")).code == "organization_not_empty"


def test_roles_on_a_deleted_organization_end(world: World) -> None:
    helper = world.add_user("acme")
    world.do(GrantRole(helper.id, "labs", Role.HELPDESK.value))
    world.do(DeleteOrganization("labs"))
    assert world.person(helper.id).rights == ()
    assert helper.id not in repr(world.everything()["role_assignment"])


def test_changing_keeps_what_is_not_named(world: World) -> None:
    world.do(ChangeOrganization("acme", time_zone="Asia/Tokyo"))
    after = world.do(ChangeOrganization("acme", language="de"))
    assert (after.name, after.time_zone, after.language) == ("Acme", "Asia/Tokyo", "de")
    data = world.events(kind="organization.changed")[-1].data
    assert data == {"before.language": "", "after.language": "de"}


# --- settings ------------------------------------------------------------------------------------

OTHER: dict[str, Any] = {
    "enrollment_mode": "registered_only",
    "require_registration_token": True,
    "token_type": "two_factor",
    "token_length": 16,
    "token_expiration_hours": 48,
    "lease_minutes": 20,
    "allow_bare_enrollment": True,
    "sign_in_device_limit": 3,
    "guard_known_devices": True,
    "notify_users": True,
    "sms_per_day": 5,
    "passcode_attempts": 5,
    "passcode_lockout": "shield",
    "passcode_reveal": True,
    "passcode_credential_hours": 48,
    "prompt_ownership": True,
    "prompt_asset_number": True,
    "prompt_email": True,
    "welcome_message": True,
    "installation_message": True,
    "transition_message": True,
    "windows_mutual_tls": True,
    "child_permission": "inherit_only",
}


def test_the_table_names_every_setting() -> None:
    assert set(OTHER) == set(SETTINGS)


@pytest.mark.parametrize("key", sorted(set(OTHER) - {"child_permission"}))
def test_a_child_inherits_until_it_overrides(either: World, key: str) -> None:
    """A09: parent changes reach at once; overriding leaves parent and sibling as they were."""
    value, default = OTHER[key], SETTINGS[key].default
    ground = {"enrollment_mode": "registered_only"} if key == "require_registration_token" else {}
    either.do(ChangeSettings("main", ground | {key: value}))
    assert in_force(either, "labs", key) == (value, "main")
    before = [in_force(either, name, key) for name in ("main", "beta")]
    either.do(ChangeSettings("acme", {key: default}))
    assert in_force(either, "acme", key) == (default, "acme")
    assert in_force(either, "labs", key) == (default, "acme")
    assert [in_force(either, name, key) for name in ("main", "beta")] == before
    either.do(ChangeSettings("acme", {key: None}))
    assert in_force(either, "labs", key) == (value, "main")


@pytest.mark.parametrize(
    ("permission", "value", "outcome"),
    [
        ("both", 8, None),
        ("both", None, None),
        ("inherit_only", 8, "setting_inherited"),
        ("inherit_only", None, None),
        ("override_only", 8, None),
        ("override_only", None, "setting_override_required"),
    ],
)
def test_the_parent_says_what_a_child_may_do(
    either: World, permission: str, value: int | None, outcome: str | None
) -> None:
    """A10."""
    either.do(ChangeSettings("acme", {"child_permission": permission}))
    answer = either.perform(ChangeSettings("labs", {"token_length": value}))
    assert (None if isinstance(answer, Done) else answer.code) == outcome


def test_a_new_child_under_override_only_begins_with_a_copy(world: World) -> None:
    world.do(ChangeSettings("acme", {"child_permission": "override_only", "token_length": 12}))
    world.add_organization("fresh", "acme")
    assert in_force(world, "fresh", "token_length") == (12, "fresh")
    assert set(world.see(ShowOrganization("fresh")).own) == set(SETTINGS)
    world.do(ChangeSettings("acme", {"token_length": 14}))
    assert in_force(world, "fresh", "token_length") == (12, "fresh")


def test_requiring_a_token_exists_only_for_registered_devices(world: World) -> None:
    """A02."""
    change = {"require_registration_token": True}
    assert fields(world.refused(ChangeSettings("acme", change))) == set(change)
    world.do(ChangeSettings("acme", change | {"enrollment_mode": "registered_only"}))
    world.do(ChangeSettings("acme", {"enrollment_mode": "open"}))
    assert "require_registration_token" not in world.see(ShowOrganization("acme")).own


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token_length", 5),
        ("token_length", 21),
        ("token_length", "10"),
        ("token_length", 10.5),
        ("token_length", True),
        ("token_expiration_hours", 0),
        ("token_expiration_hours", -1),
        ("enrollment_mode", "closed"),
        ("token_type", ["single_factor"]),
        ("allow_bare_enrollment", 1),
        ("colour", "blue"),
    ],
)
def test_a_setting_takes_only_what_it_can_be(world: World, key: str, value: object) -> None:
    assert fields(world.refused(ChangeSettings("acme", {key: value}))) == {key}


def test_a_change_of_settings_says_before_and_after(world: World) -> None:
    world.do(ChangeSettings("acme", {"token_length": 8}))
    world.do(ChangeSettings("acme", {"token_length": 9, "lease_minutes": None}))
    assert world.events(kind="settings.changed")[-1].data == {
        "before.token_length": 8,
        "after.token_length": 9,
        "before.lease_minutes": None,
        "after.lease_minutes": None,
    }


def test_nobody_is_put_into_an_organization_that_is_gone(either: World) -> None:
    either.do(DeleteOrganization("labs"))
    gone = either.organizations["labs"].id
    assert either.refused(AddUser(gone, "late@example.com")).code == "not_found"
