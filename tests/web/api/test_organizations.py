"""Organizations by API: the tree, the settings, and that siblings never meet."""

from __future__ import annotations

from base64 import b64encode

import pytest

from enlist.core.prompts import ASKING, TELLING, WINDOWS_MUTUAL_TLS
from tests.pictures import png
from tests.web.api.conftest import Api, Client, answered, csr_text, refused, wrong_fields

PROMPTS = (*ASKING.values(), *TELLING.values(), WINDOWS_MUTUAL_TLS)


@pytest.fixture
def administrator(api: Api) -> Client:
    return api.key("administrator")


def test_the_tree(api: Api, administrator: Client) -> None:
    body = {"parent": "main", "group_id": "berlin", "name": "Berlin", "language": "de"}
    made = answered(administrator.post("/organizations", body), 201)
    assert made["parent_id"] == api.enlist.root.id
    for named in (made["id"], "berlin", "BERLIN"):
        assert answered(administrator.get(f"/organizations/{named}")) == made
    change = {"name": "Berlin West", "time_zone": "Europe/Berlin"}
    changed = answered(administrator.patch("/organizations/berlin", change))
    assert (changed["name"], changed["language"]) == ("Berlin West", "de")
    listed = answered(administrator.get("/organizations"))["items"]
    assert [each["group_id"] for each in listed] == ["main", "berlin"]
    assert refused(administrator.post("/organizations", {**body, "group_id": "BERLIN"})) == (
        409,
        "group_id_taken",
    )
    assert refused(administrator.delete("/organizations/main")) == (409, "organization_not_empty")
    assert administrator.delete("/organizations/berlin").status_code == 204
    assert refused(administrator.get("/organizations/berlin")) == (404, "not_found")


def test_a_repeated_request_adds_one_organization(administrator: Client) -> None:
    key, body = {"idempotency-key": "add"}, {"group_id": "berlin", "name": "Berlin"}
    first = answered(administrator.post("/organizations", body, headers=key), 201)
    assert answered(administrator.post("/organizations", body, headers=key), 201) == first


def test_an_email_domain_is_one_organizations(administrator: Client) -> None:
    """A66: the same domain at a second one is a conflict."""
    for group_id in ("north", "south"):
        body = {"parent": "main", "group_id": group_id, "name": group_id}
        answered(administrator.post("/organizations", body), 201)
    named = {"domains": ["A.example", "b.example"]}
    put = answered(administrator.put("/organizations/north/email-domains", named))
    assert put == {"organization": "north", "domains": ["a.example", "b.example"]}
    assert answered(administrator.get("/organizations/north/email-domains")) == put
    second = administrator.put("/organizations/south/email-domains", {"domains": ["a.example"]})
    assert refused(second) == (409, "domain_taken")
    wrong = administrator.put("/organizations/south/email-domains", {"domains": ["a b"]})
    assert wrong_fields(wrong) == {"domains"}


def test_what_is_wrong_with_an_organization(administrator: Client) -> None:
    for group_id in ("", "a b", "x" * 41, "\u00fc", "a\n"):
        body = {"group_id": group_id, "name": "B"}
        assert wrong_fields(administrator.post("/organizations", body)) == {"group_id"}
    body = {"group_id": "b", "name": "B", "time_zone": "Mars", "language": "tlh"}
    assert wrong_fields(administrator.post("/organizations", body)) == {"time_zone", "language"}
    assert refused(administrator.post("/organizations", {"parent": "x", "group_id": "b"}))[0] == 422


def test_settings_say_where_they_come_from(api: Api, administrator: Client) -> None:
    api.enlist.organization("berlin")
    path = "/organizations/berlin/settings"
    shown = answered(administrator.get(path))
    assert shown == {
        "enrollment_mode": {"value": "open", "source": "default"},
        "require_registration_token": {"value": False, "source": "default"},
        "token_type": {"value": "single_factor", "source": "default"},
        "token_length": {"value": 10, "source": "default"},
        "token_expiration_hours": {"value": 24, "source": "default"},
        "lease_minutes": {"value": 10, "source": "default"},
        "allow_bare_enrollment": {"value": False, "source": "default"},
        "sign_in_device_limit": {"value": 20, "source": "default"},
        "guard_known_devices": {"value": False, "source": "default"},
        "notify_users": {"value": False, "source": "default"},
        "sms_per_day": {"value": 200, "source": "default"},
        "passcode_attempts": {"value": 100, "source": "default"},
        "passcode_lockout": {"value": "disable", "source": "default"},
        "passcode_reveal": {"value": False, "source": "default"},
        "passcode_credential_hours": {"value": 24, "source": "default"},
        **{key: {"value": False, "source": "default"} for key in PROMPTS},
        "child_permission": {"value": "both", "source": "default"},
    }
    above = {"enrollment_mode": "registered_only", "token_length": 12}
    answered(administrator.patch("/organizations/main/settings", above))
    own = {"require_registration_token": True, "token_length": 8}
    changed = answered(administrator.patch(path, own))
    assert changed["enrollment_mode"] == {"value": "registered_only", "source": "main"}
    assert changed["require_registration_token"] == {"value": True, "source": "berlin"}
    assert changed["token_length"] == {"value": 8, "source": "berlin"}
    inherited = answered(administrator.patch(path, {"token_length": None}))
    assert inherited["token_length"] == {"value": 12, "source": "main"}
    assert answered(administrator.get(path)) == inherited
    assert answered(administrator.patch(path, {})) == inherited


def test_settings_that_do_not_fit(api: Api, administrator: Client) -> None:
    api.enlist.organization("berlin")
    path = "/organizations/berlin/settings"
    wrong = {
        "enrollment_mode": "closed",
        "token_type": 2,
        "token_length": 5,
        "token_expiration_hours": 0,
        "lease_minutes": "10",
        "allow_bare_enrollment": "yes",
        "sign_in_device_limit": -1,
        "guard_known_devices": 1,
        "notify_users": 1,
        "sms_per_day": -1,
        "passcode_attempts": 2,
        "passcode_lockout": "open",
        "passcode_reveal": 1,
        "passcode_credential_hours": 0,
        "colour": "blue",
    }
    assert wrong_fields(administrator.patch(path, wrong)) == set(wrong)
    for much in (21, 10**400, 10.5, True):
        assert wrong_fields(administrator.patch(path, {"token_length": much})) == {"token_length"}
    only_there = {"require_registration_token": True}
    assert wrong_fields(administrator.patch(path, only_there)) == {"require_registration_token"}
    above = "/organizations/main/settings"
    answered(administrator.patch(above, {"child_permission": "inherit_only"}))
    assert refused(administrator.patch(path, {"token_length": 8})) == (409, "setting_inherited")
    answered(administrator.patch(above, {"child_permission": "override_only"}))
    assert refused(administrator.patch(path, {"token_length": None})) == (
        409,
        "setting_override_required",
    )


def test_siblings_do_not_exist_for_each_other(api: Api) -> None:
    """Whatever is asked about a sibling's things is answered as if they did not exist (S52)."""
    api.enlist.organization("berlin")
    api.enlist.organization("munich")
    api.enlist.user("greta", organization="berlin")
    ticket = api.enlist.register("greta", organization="berlin")
    answered(api.stranger.post("/attempts", {"token": ticket.token.reveal()}), 201)
    berlin = api.key("administrator", organization="berlin")
    event = answered(berlin.get("/events"))["items"][0]
    key = answered(berlin.post("/api-keys", {"name": "mine", "role": "reader"}), 201)
    munich = api.key("administrator", "enrollments:reveal", organization="munich")
    for path in (
        f"/devices/{ticket.device_id}",
        f"/enrollments/{ticket.enrollment_id}",
        "/users/greta",
        "/organizations/berlin",
        "/organizations/berlin/settings",
        f"/events/{event['id']}",
    ):
        assert answered(berlin.get(path))
        theirs = munich.get(path)
        assert refused(theirs) == (404, "not_found")
        missing = refused(munich.get(path.replace(ticket.device_id, "x").replace("greta", "x")))
        assert missing == (404, "not_found")
    for method, path, body in (
        ("PATCH", f"/devices/{ticket.device_id}", {"name": "mine"}),
        ("DELETE", f"/devices/{ticket.device_id}", None),
        ("POST", f"/devices/{ticket.device_id}/enrollments", None),
        ("POST", f"/enrollments/{ticket.enrollment_id}/reissue", {"message": {"type": "none"}}),
        ("POST", f"/enrollments/{ticket.enrollment_id}/revoke", None),
        ("PATCH", "/users/greta", {"email": "mine@example.com"}),
        ("DELETE", "/users/greta", None),
        ("PUT", "/users/greta/password", {"password": "mine from now on"}),
        ("POST", "/users/greta/roles", {"role": "reader", "organization": "munich"}),
        ("PATCH", "/organizations/berlin", {"name": "Mine"}),
        ("PATCH", "/organizations/berlin/settings", {"token_length": 6}),
        ("DELETE", "/organizations/berlin", None),
        ("DELETE", f"/api-keys/{key['id']}", None),
        ("POST", "/devices", {"user": "greta", "name": "x", "platform": "linux"}),
        ("POST", "/users", {"organization": "berlin", "username": "spy"}),
        ("PUT", "/templates", {"organization": "berlin", "subject": "s", "body": "b"}),
    ):
        assert refused(munich.ask(method, path, body)) == (404, "not_found"), f"{method} {path}"
    for path in ("/devices", "/enrollments", "/users", "/messages", "/organizations", "/api-keys"):
        assert "greta" not in munich.get(path).text
        assert refused(munich.get(f"{path}?organization=berlin")) == (404, "not_found")
    assert answered(munich.get("/search?text=greta"))["users"] == []
    assert answered(munich.get(f"/search?text={ticket.device_id}"))["devices"] == []
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    answered(api.stranger.post("/redeem", redeem), 201)


def test_how_it_looks(administrator: Client, api: Api) -> None:
    """A59, A60: values inherit, what is wrong stands at its field, null takes one back."""
    answered(administrator.post("/organizations", {"group_id": "berlin", "name": "Berlin"}), 201)
    change = {"accent_color": "#FFCC00", "support_email": "it@example.test"}
    made = answered(administrator.patch("/organizations/main/branding", change))
    assert made["values"]["accent_color"] == {"value": "#ffcc00", "source": "main"}
    assert made["shown"]["light"] != "#ffcc00"
    logo = {"png": b64encode(png()).decode()}
    answered(administrator.put("/organizations/main/branding/logo", logo))
    below = answered(administrator.get("/organizations/berlin/branding"))
    assert below["values"]["logo"]["source"] == "main"
    wrong = {"landing_url": "https://evil.test/", "support_phone": "030 1", "template_ios": "x"}
    found = administrator.patch("/organizations/main/branding", wrong)
    assert wrong_fields(found) <= {"landing_url", "support_phone", "template_ios"}
    svg = {"png": b64encode(b"<svg><script/></svg>").decode()}
    assert wrong_fields(administrator.put("/organizations/main/branding/logo", svg)) == {"logo"}
    gone = administrator.patch("/organizations/main/branding", {"logo": None})
    assert "logo" not in answered(gone)["values"]
    reader = api.key("reader")
    answered(reader.get("/organizations/main/branding"))
    assert refused(reader.patch("/organizations/main/branding", change)) == (403, "forbidden")
