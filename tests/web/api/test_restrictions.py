"""Groups, restrictions and lists as programs set them."""

from __future__ import annotations

import pytest

from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields


@pytest.fixture
def administrator(api: Api) -> Client:
    return api.key("administrator")


LOGIN = {"group_id": "main", "username": "ada", "password": "correct horse battery"}


def test_a_group_of_its_own_limits(api: Api, administrator: Client) -> None:
    """What is sent is what is shown, and what a device is held to."""
    api.enlist.user("ada")
    group = answered(administrator.post("/groups", {"name": "Field staff"}), 201)
    assert administrator.put(f"/groups/{group['id']}/members/ada").status_code == 204
    assert answered(administrator.get(f"/groups/{group['id']}"))["members"] == 1
    (member,) = answered(administrator.get(f"/users?group={group['id']}"))["items"]
    assert member["username"] == "ada"
    rules = {
        "name": "Field",
        "user_group_id": group["id"],
        "platforms": ["linux"],
        "manufacturers": ["lenovo"],
        "least_os": {"linux": "12"},
        "most_devices": 1,
    }
    path = "/organizations/main/restrictions"
    made = answered(administrator.post(path, rules), 201)
    (shown,) = answered(administrator.get(path))["items"]
    assert shown == {**made, **rules, "organization": "main", "user_group": "Field staff"} | {
        "organization_id": shown["organization_id"],
        "standing": "in_force",
    }
    body = {**LOGIN, "device": {"platform": "linux", "os_version": "12.5"}}
    assert refused(api.stranger.post("/redeem", body)) == (403, "device_not_approved")
    assert refused(administrator.delete(f"/groups/{group['id']}")) == (409, "conflict")
    assert administrator.delete(f"{path}/{made['id']}").status_code == 204
    assert administrator.delete(f"/groups/{group['id']}").status_code == 204


def test_thirty_devices_are_listed_at_once_and_no_more(api: Api, administrator: Client) -> None:
    """A44."""
    many = [{"attribute": "serial", "value": f"SN-{number:04}"} for number in range(31)]
    path = "/organizations/main/deny-list"
    assert wrong_fields(administrator.post(path, {"entries": many})) == {"entries"}
    put = answered(administrator.post(path, {"entries": many[:30]}))
    assert put == {"added": 30, "known": 0, "unenrolled": 0, "ends": [], "preview": ""}
    listed = answered(administrator.get("/listed-devices?list=deny&search=SN-0007"))["items"]
    assert [each["value"] for each in listed] == ["SN-0007"]
    entry = listed[0]["id"]
    assert refused(administrator.delete(f"/allow-list/{entry}")) == (404, "not_found")
    assert administrator.delete(f"/deny-list/{entry}").status_code == 204
