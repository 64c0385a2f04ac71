"""Who may enroll which devices, and how many: restrictions, their ranks, and their limits."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from enlist.core.lifecycle import DeviceState
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import QUERIES
from enlist.verbs.devices import ChangeDevice, DeleteDevice
from enlist.verbs.groups import AddGroup, AddMember, DeleteGroup, RemoveMember
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.reset import Reset
from enlist.verbs.restrictions import (
    AddRestriction,
    ChangeRestriction,
    DeleteRestriction,
    ListRestrictions,
)
from tests.installation import PASSWORD, Enlist, Ticket, code, done, refusal

ADA = ("ada", PASSWORD)
BOB = ("bob", PASSWORD)


def restrict(enlist: Enlist, place: str = "main", /, **values: Any) -> str:
    return enlist.do(AddRestriction(place, {"name": "rule", **values})).id


def group(enlist: Enlist, *members: str) -> str:
    made = enlist.do(AddGroup("main", f"group of {' '.join(members) or 'nobody'}"))
    for member in members:
        enlist.do(AddMember(made.id, member))
    return made.id


def report(**values: str) -> DeviceReport:
    return DeviceReport(**{"platform": "linux", **values})


def owned(enlist: Enlist, ownership: str, user: str = "ada") -> Ticket:
    ticket = enlist.register(user)
    enlist.do(ChangeDevice(ticket.device_id, {"ownership": ownership}))
    return ticket


@pytest.mark.parametrize(
    ("rule", "fits", "unfit", "told"),
    [
        ({"ownership": ["corporate_dedicated"]}, {}, None, "device_not_approved"),
        ({"platforms": ["linux"]}, {}, {"platform": "ios"}, "device_not_approved"),
        (
            {"models": ["ThinkPad*", "XPS 13"]},
            {"model": "thinkpad X1"},
            {"model": "iMac"},
            "device_not_approved",
        ),
        (
            {"manufacturers": ["Lenovo"]},
            {"manufacturer": "LENOVO"},
            {"manufacturer": ""},
            "device_not_approved",
        ),
        (
            {"least_os": {"linux": "12.4", "ios": "17"}},
            {"os_version": "Debian 12.10"},
            {"os_version": "12.3.9"},
            "os_version_too_old",
        ),
        ({"least_os": {"linux": "12"}}, {"os_version": "12.0"}, {}, "os_version_too_old"),
    ],
    ids=["ownership", "platform", "model", "manufacturer", "os_version", "version not told"],
)
def test_each_dimension_lets_in_and_keeps_out(
    enlist: Enlist, rule: dict[str, Any], fits: dict[str, str], unfit: dict[str, str], told: str
) -> None:
    """A54; nothing is used up, and what a device does not tell is not taken for allowed."""
    restrict(enlist, **rule)
    platform = (unfit or {}).get("platform", "linux")
    refused = enlist.register("ada", platform=platform)
    enlist.do(ChangeDevice(refused.device_id, {"ownership": "employee_owned"}))
    assert code(enlist.redeem(refused.token, report=report(**(unfit or {})))) == told
    assert enlist.enrollment(refused.enrollment_id).state == "active"
    ticket = owned(enlist, "corporate_dedicated")
    assert code(enlist.redeem(ticket.token, report=report(**fits), key=1)) == "done"


def test_selected_groups_only(enlist: Enlist) -> None:
    """A51: a default that keeps everybody out, and a group that may; told after the login."""
    enlist.user("ada")
    enlist.user("bob")
    staff = group(enlist, "ada")
    restrict(enlist, may_enroll=False)
    restrict(enlist, user_group_id=staff)
    assert code(enlist.redeem(login=BOB, group_id="main")) == "user_not_allowed"
    assert code(enlist.check(login=BOB, group_id="main")) == "user_not_allowed"
    assert code(enlist.redeem(login=("bob", "wrong"), group_id="main")) == "credentials_invalid"
    assert code(enlist.redeem(login=ADA, group_id="main", key=1)) == "done"
    enlist.do(RemoveMember(staff, "ada"))
    assert code(enlist.redeem(login=ADA, group_id="main", key=2)) == "user_not_allowed"
    assert code(enlist.perform(DeleteGroup(staff))) == "conflict"


def test_a_group_beats_the_default_and_the_lower_rank_the_higher(enlist: Enlist) -> None:
    """A55, in the order of the ranks, whichever was made first; the nearest organization before."""
    enlist.user("ada")
    enlist.organization("berlin")
    mine, others = group(enlist, "ada"), group(enlist)
    restrict(enlist, platforms=["ios"])
    later = restrict(enlist, user_group_id=mine, rank=20, platforms=["macos"])
    restrict(enlist, user_group_id=mine, rank=10, platforms=["linux"])
    restrict(enlist, user_group_id=others, rank=1, may_enroll=False)

    def enrolls(place: str, number: int) -> str:
        return code(enlist.redeem(login=ADA, group_id=place, key=number))

    assert enrolls("main", 1) == "done"
    enlist.do(ChangeRestriction("main", later, {"rank": 5}))
    assert enrolls("main", 2) == "device_not_approved"
    assert enrolls("berlin", 3) == "device_not_approved"
    restrict(enlist, "berlin", user_group_id=mine, rank=999, platforms=["linux"])
    assert enrolls("berlin", 4) == "done"
    enlist.do(DeleteRestriction("main", later))
    assert enrolls("main", 5) == "done"


def test_an_organization_below_one_that_lets_only_inherit_restricts_nothing(
    enlist: Enlist,
) -> None:
    enlist.user("ada")
    enlist.organization("berlin")
    restrict(enlist, "berlin", may_enroll=False)
    enlist.set(child_permission="inherit_only")
    assert code(enlist.redeem(login=ADA, group_id="berlin")) == "done"
    verb = AddRestriction("berlin", {"name": "another"})
    assert code(enlist.perform(verb)) == "setting_inherited"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"rank": 1000}, "rank"),
        ({"most_devices": -1}, "most_devices"),
        ({"most_devices": True}, "most_devices"),
        ({"platforms": ["amiga"]}, "platforms"),
        ({"models": [""]}, "models"),
        ({"least_os": {"ios": "new"}}, "least_os"),
        ({"user_group_id": "nobody"}, "user_group_id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    enlist: Enlist, values: dict[str, Any], field: str
) -> None:
    outcome = enlist.perform(AddRestriction("main", {"name": "rule", **values}))
    assert [error.field for error in refusal(outcome).fields] == [field]


def test_a_user_has_as_many_devices_as_his_limits_let_him(enlist: Enlist) -> None:
    """A52: by ownership and in total; a device that is not enrolled any more does not count."""
    rule = restrict(enlist, most_devices=2, most_corporate_dedicated=1)
    first = owned(enlist, "corporate_dedicated")
    assert code(enlist.redeem(first.token, key=0)) == "done"
    another = owned(enlist, "corporate_dedicated")
    assert code(enlist.redeem(another.token, key=1)) == "device_limit_reached"
    assert enlist.enrollment(another.enrollment_id).state == "active"
    private = owned(enlist, "employee_owned")
    assert code(enlist.redeem(private.token, key=2)) == "done"
    third = owned(enlist, "employee_owned")
    assert code(enlist.redeem(third.token, key=3)) == "device_limit_reached"
    assert code(enlist.check(third.token)) == "device_limit_reached"
    enlist.do(DeleteDevice(first.device_id))
    assert code(enlist.redeem(third.token, key=3)) == "done"
    enlist.do(ChangeRestriction("main", rule, {"most_devices": None}))
    assert code(enlist.redeem(another.token, key=1)) == "done"


def test_a_login_alone_adds_no_devices_without_end(enlist: Enlist) -> None:
    """A52, without any restriction; the same request again is answered again, and counts once."""
    enlist.set(sign_in_device_limit=2)
    enlist.user("ada")
    for number in range(2):
        assert code(enlist.redeem(login=ADA, group_id="main", key=number)) == "done"
    assert done(enlist.redeem(login=ADA, group_id="main", key=1)).repeated
    assert code(enlist.redeem(login=ADA, group_id="main", key=2)) == "device_limit_reached"
    assert code(enlist.redeem(enlist.register("ada").token, key=3)) == "done"
    assert len(enlist.devices()) == 3


@pytest.mark.parametrize("way", ["token", "sign_in"])
def test_no_limit_of_a_user_is_outrun(enlist: Enlist, way: str) -> None:
    """Twelve at the same moment, of whom three fit, through two processes' worth of stores."""
    restrict(enlist, most_devices=3)
    enlist.user("ada")
    other = enlist.again() if enlist.store.dialect == "postgres" else enlist
    if way == "token":
        tokens = [enlist.register("ada").token for _ in range(12)]
    else:
        tokens = [done(enlist.begin(login=ADA, group_id="main")).code for _ in range(12)]

    def try_one(number: int) -> str:
        return code((enlist, other)[number % 2].redeem(tokens[number], key=number))

    told = enlist.together([partial(try_one, number) for number in range(12)])
    assert sorted(told) == ["device_limit_reached"] * 9 + ["done"] * 3
    assert sum(each.state == "enrolled" for each in enlist.devices()) == 3


def test_a_cap_counts_what_is_enrolled_below(enlist: Enlist) -> None:
    """A53: under concurrency, for different users in different organizations."""
    enlist.organization("berlin")
    enlist.organization("munich")
    restrict(enlist, most_at_organization=4)
    restrict(enlist, "berlin", most_at_organization=1)
    other = enlist.again() if enlist.store.dialect == "postgres" else enlist
    tickets = [
        enlist.register(f"{place}{number}", organization=place)
        for number in range(6)
        for place in ("berlin", "munich")
    ]

    def try_one(number: int) -> str:
        return code((enlist, other)[number % 2].redeem(tickets[number].token, key=number))

    told = enlist.together([partial(try_one, number) for number in range(12)])
    assert told.count("done") == 4
    assert set(told) == {"done", "device_limit_reached"}
    assert sum(code == "done" for code in told[::2]) <= 1


def test_who_restricts_nothing_asks_nothing_more(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redemption by token reads what it read before there were restrictions."""
    tickets = [enlist.register("ada") for _ in range(2)]
    asked: list[str] = []

    names = ("group.of_user", "listed_device.naming", "allowance.", "known_device.")
    for module in ("enlist.store.postgres", "enlist.store.sqlite", "enlist.store.keyed"):
        _watch(monkeypatch, module, asked)
    assert code(enlist.redeem(tickets[0].token)) == "done"
    assert asked
    assert not [name for name in asked if name.startswith(names)]
    restrict(enlist, most_devices=5)
    assert code(enlist.redeem(tickets[1].token, key=1)) == "done"
    assert [name for name in asked if name.startswith(names)]


def _watch(monkeypatch: pytest.MonkeyPatch, module: str, asked: list[str]) -> None:
    """Note the name of each statement that a store's transactions are given."""
    import importlib

    for kind in vars(importlib.import_module(module)).values():
        if not isinstance(kind, type) or kind.__module__ != module:
            continue
        for method in ("all", "one", "run", "each"):
            before = kind.__dict__.get(method)
            if before is None:
                continue

            def noting(
                self: Any, query: Any, *rest: Any, _before: Any = before, **named: Any
            ) -> Any:
                if query.name in QUERIES:
                    asked.append(query.name)
                return _before(self, query, *rest, **named)

            monkeypatch.setattr(kind, method, noting)


# --- devices that are on record ----------------------------------------------------------------


def test_a_device_on_record_is_its_users_until_the_record_is_deleted(enlist: Enlist) -> None:
    """A34, A36, X14: nobody else signs in on it; its user, once it was withdrawn, by a reset."""
    enlist.user("ada")
    enlist.user("bob")
    mine = report(serial="PF-1234", model="X1")
    enrolled = done(enlist.redeem(login=ADA, group_id="main", report=mine))
    again = report(serial="pf-1234")
    assert code(enlist.redeem(login=BOB, group_id="main", report=again, key=1)) == (
        "device_not_approved"
    )
    enlist.put_device(enrolled.device_id, DeviceState.UNENROLLED)
    for login, told in ((BOB, "device_not_approved"), (ADA, "device_revoked")):
        assert code(enlist.redeem(login=login, group_id="main", report=again, key=2)) == told
    enlist.do(Reset(enrolled.device_id))
    assert code(enlist.redeem(login=BOB, group_id="main", report=again, key=3)) == "wrong_user"
    once_more = done(enlist.redeem(login=ADA, group_id="main", report=again, key=4))
    assert once_more.device_id == enrolled.device_id
    enlist.do(DeleteDevice(enrolled.device_id))
    assert code(enlist.redeem(login=BOB, group_id="main", report=again, key=5)) == "done"


def test_where_known_devices_are_guarded_a_token_takes_none_over_either(enlist: Enlist) -> None:
    enlist.user("ada")
    known = report(serial="PF-1234")
    done(enlist.redeem(login=ADA, group_id="main", report=known))
    ticket = enlist.register("bob")
    enlist.set(guard_known_devices=True)
    assert code(enlist.redeem(ticket.token, report=known, key=1)) == "device_not_approved"
    assert code(enlist.redeem(ticket.token, report=report(serial="PF-9999"), key=1)) == "done"
    assert enlist.device(ticket.device_id).serial == "PF-9999"  # A35


def test_what_boards_have_in_common_identifies_nothing(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.user("bob")
    for number, login in enumerate((ADA, BOB)):
        plain = report(serial="To Be Filled By O.E.M.", udid="00000000")
        outcome = enlist.redeem(login=login, group_id="main", report=plain, key=number)
        assert code(outcome) == "done"


def test_what_becomes_of_each_is_told_in_the_order_in_which_they_are_looked_through(
    enlist: Enlist,
) -> None:
    """A10, A55: groups before defaults, the nearest first, then by rank."""
    enlist.user("ada")
    staff = group(enlist, "ada")
    enlist.organization("berlin")
    for place, name, rank, of in (
        ("main", "house", 1, None),
        ("main", "staff", 5, staff),
        ("berlin", "second", 9, None),
        ("berlin", "first", 3, None),
    ):
        restrict(enlist, place, name=name, rank=rank, user_group_id=of)

    def told(place: str) -> list[tuple[str, str, str]]:
        found = enlist.driver.view(ListRestrictions(place), enlist.host)
        assert isinstance(found, tuple)
        return [
            (each.restriction.name, each.organization.group_id, each.standing) for each in found
        ]

    assert told("berlin") == [
        ("staff", "main", "in_force"),
        ("first", "berlin", "in_force"),
        ("second", "berlin", "overridden"),
        ("house", "main", "overridden"),
    ]
    enlist.do(ChangeSettings("main", {"child_permission": "inherit_only"}))
    assert [standing for _, _, standing in told("berlin")] == [
        "in_force",
        "disregarded",
        "disregarded",
        "in_force",
    ]
