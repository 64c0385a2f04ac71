"""The company passcode by the API: generated once, seen as it stands, disabled and revealed."""

from __future__ import annotations

import re

import pytest

from enlist.core.secrets import Secret
from enlist.verbs.self_service import AskForCredentials
from tests.web.api.conftest import Api, Client, answered, refused

PATH = "/organizations/main/passcode"


@pytest.fixture
def administrator(api: Api) -> Client:
    return api.key("administrator")


def test_from_generating_to_disabling(api: Api, administrator: Client) -> None:
    """B01, B05, B11: 201 with the passcode, when and by whom; the rest never holds it."""
    before = answered(administrator.get(PATH))
    assert (before["state"], before["generated_at"]) == ("none", None)
    made = answered(administrator.post(PATH), 201)
    assert set(made) == {"passcode", "generated_at", "generated_by"}
    assert re.fullmatch(r"\w{4}-\w{4}-\w{4}", made["passcode"])
    wrong = AskForCredentials("root@example.com", Secret("aaaaBBBB1111"), "linux")
    stranger = api.enlist.stranger("198.51.100.7")
    api.enlist.perform(wrong, stranger)
    found = answered(administrator.get(PATH))
    assert made["passcode"] not in str(found)
    assert (found["state"], found["failed_in_a_row"], found["failed"]) == ("active", 1, 1)
    assert found["last_failed_from"] == "198.51.100.7"
    assert [each["source"] for each in found["sources"]] == ["198.51.100.7"]
    assert found["generated_by"] == made["generated_by"]
    assert administrator.delete(PATH).status_code == 204
    assert refused(administrator.delete(PATH)) == (409, "passcode_not_active")
    assert answered(administrator.get(PATH))["state"] == "disabled"


def test_an_overlap(administrator: Client) -> None:
    assert administrator.post(PATH, {"overlap_hours": 2}).status_code == 422
    answered(administrator.post(PATH, {}), 201)
    answered(administrator.post(PATH, {"overlap_hours": 2}), 201)
    assert answered(administrator.get(PATH))["older"]["ends_at"]
    assert administrator.delete(f"{PATH}?old=true").status_code == 204
    found = answered(administrator.get(PATH))
    assert (found["older"], found["state"]) == (None, "active")


def test_it_is_shown_again_where_the_settings_allow(api: Api, administrator: Client) -> None:
    answered(administrator.post(PATH), 201)
    assert refused(administrator.post(f"{PATH}/reveal")) == (409, "passcode_not_shown_again")
    api.enlist.set(passcode_reveal=True)
    made = answered(administrator.post(PATH), 201)
    assert answered(administrator.post(f"{PATH}/reveal")) == made


def test_a_repeated_request_is_not_shown_it(administrator: Client) -> None:
    """Ruling 25: the same key makes nothing anew, and shows nothing."""
    key = {"Idempotency-Key": "once"}
    answered(administrator.post(PATH, {}, headers=key), 201)
    again = administrator.post(PATH, {}, headers=key)
    assert refused(again) == (409, "already_shown")
