"""Groups, enrollment restrictions, allow and deny lists on the command line."""

from __future__ import annotations

import pytest

from enlist.store.redemptions import DeviceReport
from tests.cli.conftest import Run
from tests.installation import Enlist, done


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def test_a_group_is_added_filled_changed_and_deleted(run: Run, enlist: Enlist) -> None:
    for name in ("ada", "grace"):
        enlist.user(name)
    group = run("group", "add", "--name", "Field staff", "--json").json["id"]
    both = run("group", "add-user", group, "ada", "grace", "nobody", "--json", expect=1).json
    assert [each["user"] for each in both["items"]] == ["ada", "grace"]
    assert both["refused"] == [{"id": "nobody", "code": "not_found"}]
    assert [
        each["username"] for each in run("group", "members", group, "--json").json["items"]
    ] == [
        "ada",
        "grace",
    ]
    run("group", "remove-user", group, "ada")
    run("group", "change", group, "--name", "Drivers")
    told = run("group", "list").out
    assert "Drivers" in told
    assert run("group", "list", "--json").json["items"][0]["members"] == 1
    assert "Deleted" in run("group", "delete", group).out
    assert "enlist group add" in run("group", "list").out


def test_a_restriction_is_added_changed_and_taken_away(run: Run, enlist: Enlist) -> None:
    enlist.organization("sales")
    run("restriction", "add", "--name", "House", "--most-devices", "3", "--platform", "ios")
    words = ("--organization", "sales", "--least-os", "ios=17.4", "--model", "iPad*", "--keep-out")
    made = run("restriction", "add", "--name", "Sales", *words, "--json").json
    assert (made["least_os"], made["models"], made["may_enroll"]) == (
        {"ios": "17.4"},
        ["iPad*"],
        False,
    )
    here = run("restriction", "list", "--organization", "sales", "--json").json["items"]
    assert [(each["name"], each["standing"]) for each in here] == [
        ("Sales", "in_force"),
        ("House", "overridden"),
    ]
    changing = ("restriction", "change", made["id"], "--organization", "sales")
    changed = run(*changing, "--let-in", "--rank", "7", "--clear", "least_os", "--json").json
    assert (changed["rank"], changed["least_os"], changed["models"]) == (7, {}, ["iPad*"])
    assert changed["may_enroll"] is True
    assert "must be among" in run(*changing, "--platform", "phone", expect=1).err
    assert "write PLATFORM=VERSION" in run(*changing, "--least-os", "17", expect=2).err
    run("restriction", "delete", made["id"], "--organization", "sales")
    assert "Sales" not in run("restriction", "list", "--organization", "sales").out


def test_devices_are_denied_and_taken_off_again(run: Run, enlist: Enlist) -> None:
    ticket = enlist.register("ada", name="Ada's laptop")
    done(enlist.redeem(ticket.token, report=DeviceReport(platform="linux", serial="PF-1234")))
    deny = ("device-list", "deny", "PF-1234", "PF-5678")
    assert "Ada's laptop of ada is un-enrolled" in run(*deny, "--dry-run").out
    shown = run(*deny, "--dry-run", "--json").json
    assert (shown["added"], shown["unenrolled"]) == (2, 1)
    assert len(shown["ends"][0]["consequences"]["credentials"]) == 1
    assert enlist.device(ticket.device_id).state == "enrolled"
    assert run(*deny, "--yes", "--json").json == {"added": 2, "known": 0, "unenrolled": 1}
    assert enlist.device(ticket.device_id).state == "unenrolled"
    many = run(
        "device-list", "allow", "-", stdin="\n".join(f"SN-{n:04}" for n in range(31)), expect=1
    )
    assert "entries: must be 1 to 30; import a CSV file for more" in many.err
    run("device-list", "allow", "SN-0001", "--ownership", "corporate_shared")
    listed = run("device-list", "list", "--list", "deny", "--json").json["items"]
    assert [each["value"] for each in listed] == ["PF-5678", "PF-1234"]
    run("device-list", "remove", listed[0]["id"])
    assert "PF-5678" not in run("device-list", "list").out
    assert "corporate_shared" in run("device-list", "list").out
