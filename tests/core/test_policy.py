"""Settings along the tree, and rights on it."""

from __future__ import annotations

from itertools import product

import pytest

from enlist.core.outcomes import Refusal
from enlist.core.permissions import (
    ROLES,
    Permission,
    Right,
    Role,
    confined,
    held_at,
    outranks,
    permitted,
)
from enlist.core.policy import (
    SETTINGS,
    ChildPermission,
    EnrollmentPolicy,
    SettingValue,
    check_change,
    resolve,
)

Own = dict[str, SettingValue]


def in_force(*chain: tuple[str, Own]) -> dict[str, tuple[SettingValue, str]]:
    """Value and source of each setting; nearest first."""
    return {key: (e.value, e.source) for key, e in resolve(chain).settings.items()}


def test_without_any_setting_the_defaults_are_in_force() -> None:
    """Ruling 27."""
    assert in_force(("main", {})) == {
        key: (setting.default, "default") for key, setting in SETTINGS.items()
    }


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (({}, {}, {}), (10, "default")),
        (({}, {}, {"token_length": 7}), (7, "root")),
        (({}, {"token_length": 8}, {"token_length": 7}), (8, "middle")),
        (({"token_length": 9}, {"token_length": 8}, {"token_length": 7}), (9, "leaf")),
        (({"token_length": 9}, {}, {"token_length": 7}), (9, "leaf")),
    ],
)
def test_the_nearest_value_is_in_force(
    levels: tuple[Own, Own, Own], expected: tuple[int, str]
) -> None:
    """A09: looked up from the organization upwards, and its source is told."""
    chain = zip(("leaf", "middle", "root"), levels, strict=True)
    assert in_force(*chain)["token_length"] == expected


MATRIX = [
    (ChildPermission.INHERIT_ONLY, 12, "setting_inherited"),
    (ChildPermission.INHERIT_ONLY, None, "done"),
    (ChildPermission.OVERRIDE_ONLY, 12, "done"),
    (ChildPermission.OVERRIDE_ONLY, None, "setting_override_required"),
    (ChildPermission.BOTH, 12, "done"),
    (ChildPermission.BOTH, None, "done"),
]


@pytest.mark.parametrize(("permission", "value", "answer"), MATRIX)
@pytest.mark.parametrize("set_at", ["root", "middle"])
def test_what_the_children_may_do(
    permission: ChildPermission, value: int | None, answer: str, set_at: str
) -> None:
    """A10: the permission in force at the parent decides, wherever above it was set."""
    own: Own = {"child_permission": permission.value}
    chain = [
        ("middle", own if set_at == "middle" else {}),
        ("root", own if set_at == "root" else {}),
    ]
    outcome = check_change({"token_length": value}, {}, resolve(chain))
    assert (outcome.code if isinstance(outcome, Refusal) else "done") == answer


@pytest.mark.parametrize("permission", ChildPermission)
def test_the_top_may_always_change_itself(permission: ChildPermission) -> None:
    """A10: there is nobody above it."""
    own: Own = {"child_permission": permission.value}
    assert check_change({"token_length": 12}, own, None) == {"token_length": 12}
    assert check_change({"token_length": None}, own, None) == {"token_length": None}


def test_a_middle_level_may_loosen_or_tighten_for_those_below() -> None:
    """A10: three levels; each asks its own parent."""
    root: Own = {"child_permission": "both"}
    middle: Own = {"child_permission": "inherit_only"}
    at_root, at_middle = resolve([("root", root)]), resolve([("middle", middle), ("root", root)])
    assert not isinstance(check_change({"token_length": 12}, middle, at_root), Refusal)
    assert isinstance(check_change({"token_length": 12}, {}, at_middle), Refusal)


MODES = ["open", "registered_only"]


@pytest.mark.parametrize(("above", "own"), list(product(MODES, [*MODES, None])))
@pytest.mark.parametrize("toggled_at", ["above", "own"])
def test_a_token_is_required_only_of_registered_devices(
    above: str, own: str | None, toggled_at: str
) -> None:
    """A02: under `open` the toggle is off, wherever it was set, and says where that comes from."""
    upper: Own = {"enrollment_mode": above}
    lower: Own = {"enrollment_mode": own} if own else {}
    (lower if toggled_at == "own" else upper)["require_registration_token"] = True
    policy = resolve([("child", lower), ("root", upper)])
    mode = own or above
    assert policy.require_token is (mode == "registered_only")
    shown = policy.settings["require_registration_token"]
    if mode == "open":
        assert (shown.value, shown.source) == (False, "child" if own else "root")


@pytest.mark.parametrize(
    ("change", "own", "answer"),
    [
        ({"require_registration_token": True}, {}, "validation_failed"),
        (
            {"require_registration_token": True, "enrollment_mode": "registered_only"},
            {},
            {"require_registration_token": True, "enrollment_mode": "registered_only"},
        ),
        (
            {"enrollment_mode": "open"},
            {"enrollment_mode": "registered_only", "require_registration_token": True},
            {"enrollment_mode": "open", "require_registration_token": None},
        ),
        (
            {"enrollment_mode": None},
            {"enrollment_mode": "registered_only", "require_registration_token": True},
            {"enrollment_mode": None, "require_registration_token": None},
        ),
        ({"require_registration_token": False}, {}, {"require_registration_token": False}),
        (
            {"enrollment_mode": "open", "require_registration_token": True},
            {"enrollment_mode": "registered_only"},
            "validation_failed",
        ),
    ],
)
def test_the_toggle_follows_the_mode(change: Own, own: Own, answer: object) -> None:
    """A02: refused under `open`; going to `open`, or back to it by inheriting, clears it."""
    outcome = check_change(change, own, None)
    assert (outcome.code if isinstance(outcome, Refusal) else outcome) == answer


def test_everything_wrong_is_told_at_once() -> None:
    """A05, A06: field by field."""
    change = {"token_length": 5, "token_expiration_hours": 0, "colour": 1, "lease_minutes": 10}
    outcome = check_change(change, {}, None)
    assert isinstance(outcome, Refusal)
    assert {error.field for error in outcome.fields} == {
        "token_length",
        "token_expiration_hours",
        "colour",
    }


# --- rights -----------------------------------------------------------------------------------


def test_roles_are_as_agreed() -> None:
    """S50: readers see, the help desk resends, operators act, administrators decide."""
    assert ROLES[Role.READER] <= ROLES[Role.OPERATOR] <= ROLES[Role.ADMINISTRATOR]
    assert ROLES[Role.HELPDESK] <= ROLES[Role.OPERATOR]
    assert all(name.value.endswith((":read", ":export")) for name in ROLES[Role.READER])
    assert not ROLES[Role.HELPDESK] & {Permission.EVENTS_EXPORT, Permission.STAFF_READ}
    assert all(Permission.ENROLLMENTS_REVEAL not in held for held in ROLES.values())
    operator_lacks = ROLES[Role.ADMINISTRATOR] - ROLES[Role.OPERATOR]
    assert operator_lacks >= {
        Permission.SETTINGS_EDIT,
        Permission.ROLES_EDIT,
        Permission.API_KEYS_EDIT,
        Permission.ORGANIZATIONS_EDIT,
        Permission.TEMPLATES_EDIT,
    }


def test_a_right_holds_at_an_organization_and_below() -> None:
    """S52: not above, not beside, and not where a path only begins alike."""
    rights = [Right("a/b/", frozenset({Permission.DEVICES_READ}))]
    held = {
        path: permitted(rights, Permission.DEVICES_READ, path)
        for path in ("a/b/", "a/b/c/", "a/", "a/c/", "a/bb/", "")
    }
    assert held == {
        "a/b/": True,
        "a/b/c/": True,
        "a/": False,
        "a/c/": False,
        "a/bb/": False,
        "": False,
    }
    assert not permitted(rights, Permission.DEVICES_EDIT, "a/b/")
    assert not permitted([], Permission.DEVICES_READ, "a/b/")


def test_rights_from_several_places_add_up() -> None:
    read, edit = frozenset({Permission.DEVICES_READ}), frozenset({Permission.DEVICES_EDIT})
    rights = [Right("a/", read), Right("a/b/", edit)]
    assert held_at(rights, "a/b/c/") == read | edit
    assert held_at(rights, "a/") == read
    assert held_at(rights, "x/") == frozenset()


@pytest.mark.parametrize(
    ("actor", "target", "answer"),
    [
        ([("a/", Role.ADMINISTRATOR)], [("a/b/", Role.OPERATOR)], True),
        ([("a/", Role.OPERATOR)], [("a/b/", Role.OPERATOR)], True),
        ([("a/b/", Role.OPERATOR)], [("a/", Role.READER)], False),
        ([("a/", Role.OPERATOR)], [("a/", Role.ADMINISTRATOR)], False),
        ([("a/", Role.ADMINISTRATOR)], [("a/", Role.OPERATOR), ("x/", Role.READER)], False),
        ([("a/", Role.READER)], [], True),
        ([], [("a/", Role.READER)], False),
    ],
)
def test_nobody_acts_on_someone_with_more_rights(
    actor: list[tuple[str, Role]], target: list[tuple[str, Role]], answer: bool
) -> None:
    """S51, X56: wherever the other holds a right, the actor must hold it too."""

    def rights(held: list[tuple[str, Role]]) -> list[Right]:
        return [Right(path, ROLES[role]) for path, role in held]

    assert outranks(rights(actor), rights(target)) is answer


def test_a_policy_reads_as_words() -> None:
    policy: EnrollmentPolicy = resolve([("main", {"token_type": "two_factor", "lease_minutes": 5})])
    assert (policy.token_type, policy.lease_minutes, policy.token_expiration_hours) == (
        "two_factor",
        5,
        24,
    )
    assert policy.child_permission is ChildPermission.BOTH


_READ, _EDIT = Permission.DEVICES_READ, Permission.DEVICES_EDIT
_KEYS, _REVEAL = Permission.API_KEYS_EDIT, Permission.ENROLLMENTS_REVEAL


@pytest.mark.parametrize(
    ("held", "left"),
    [
        ({}, {}),
        ({"r/": {_READ, _EDIT}}, {"r/a/": {_READ}}),
        ({"r/a/": {_EDIT}}, {}),
        ({"r/a/x/": {_READ}}, {"r/a/x/": {_READ}}),
        ({"r/b/": {_READ}}, {}),
        ({"r/": {_KEYS, _EDIT}}, {}),
        ({"r/": ROLES[Role.ADMINISTRATOR]}, {"r/a/": {_READ, _REVEAL}}),
        ({"r/": {_EDIT}, "r/a/x/": {_READ}}, {"r/a/x/": {_READ}}),
    ],
)
def test_what_is_passed_on_is_never_more_than_what_is_held(
    held: dict[str, set[Permission]], left: dict[str, set[Permission]]
) -> None:
    """S54: reading and revealing at r/a/ were passed on."""
    parts = confined(
        Right("r/a/", frozenset({_READ, _REVEAL})),
        [Right(path, frozenset(permissions)) for path, permissions in held.items()],
    )
    assert {part.path: set(part.permissions) for part in parts} == left
