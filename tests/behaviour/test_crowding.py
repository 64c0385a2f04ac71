"""How many enrollments may be live at a time: as many as the server's settings say (ruling 17)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.clock import SECOND
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.first_device import AddUserWithDevice, FirstDevice
from enlist.verbs.issuing import Issued
from enlist.verbs.register import Issue, Register
from enlist.verbs.room import Room
from enlist.verbs.users import AddUser
from enlist.wiring.beside import tell
from enlist.wiring.installation import opened
from tests.installation import PASSWORD, SHOWN, Enlist, Outcome, code, done

LAPTOP = DeviceDetails("one too many", "linux")


def register(enlist: Enlist) -> Outcome[Issued]:
    return enlist.perform(Register("", "ada", LAPTOP, SHOWN))


@pytest.fixture
def crowded(enlist: Enlist) -> Enlist:
    """Two enrollments are live, and no more may be."""
    enlist.driver._tools = replace(enlist.driver.tools, room=Room(2))
    enlist.organization("one")
    enlist.register("ada", name="first")
    enlist.register("bob", name="second", organization="one")
    return enlist


def test_it_is_a_setting_of_the_server(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ruling 17: 100,000 unless it is set."""
    assert enlist.driver.tools.room.most == 100_000
    monkeypatch.setenv("ENLIST_MOST_LIVE_ENROLLMENTS", "10000000")
    assert Settings().most_live_enrollments == 10_000_000


def test_a_command_beside_the_server_counts_as_it_does(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shell has not the server's environment; what it is given itself counts more."""
    most = enlist.settings.model_copy(update={"most_live_enrollments": 2})
    tell(most, enlist.driver.tools.addresses, frozenset())
    with opened(enlist.settings) as beside:
        assert beside.tools.room.most == 2
    monkeypatch.setenv("ENLIST_MOST_LIVE_ENROLLMENTS", "3")
    with opened(Settings(data=enlist.settings.data)) as beside:
        assert beside.tools.room.most == 3


def test_beyond_it_nothing_is_issued(crowded: Enlist) -> None:
    """Ruling 17: counted over the installation; refused with an event, and nothing half done."""
    user = AddUser(crowded.root.id, "cyd", "cyd@example.com", password=Secret(PASSWORD))
    both = crowded.perform(AddUserWithDevice(user, FirstDevice(LAPTOP, SHOWN)))
    assert code(register(crowded)) == code(both) == "too_many_enrollments"
    assert isinstance(both, Refusal)
    (event,) = crowded.events(support_code=both.support_code)
    assert event.data["code"] == "too_many_enrollments"
    assert {device.name for device in crowded.devices()} == {"first", "second"}
    assert crowded.rows("app_user", username="cyd") == []


@pytest.mark.parametrize("end", ["used", "revoked", "expired"])
def test_what_has_ended_makes_room(crowded: Enlist, end: str) -> None:
    """Ruling 17: only what could still be redeemed counts."""
    first = next(device for device in crowded.devices() if device.name == "first")
    (live,) = crowded.enrollments_of(first.id)
    if end == "used":
        enrolled = crowded.redeem(group_id="main", login=("ada", PASSWORD))
        assert done(enrolled).device_id == first.id
    elif end == "revoked":
        done(crowded.revoke(live.id))
    else:
        crowded.clock.now = live.expires_at
    done(register(crowded))


def test_a_new_enrollment_of_an_old_device_needs_room_too(crowded: Enlist) -> None:
    """Ruling 17: a reissue takes none; it is the same enrollment."""
    first = next(device for device in crowded.devices() if device.name == "first")
    (live,) = crowded.enrollments_of(first.id)
    assert crowded.reissue(live.id).generation == 2
    done(crowded.revoke(live.id))
    done(register(crowded))
    assert code(crowded.perform(Issue(first.id, SHOWN))) == "too_many_enrollments"


def test_others_fill_the_room_unseen_for_a_moment_only(crowded: Enlist) -> None:
    """Another process issues, too: a count is believed for seconds, not for ever."""
    enlist, other = crowded, Room(4)
    assert enlist.store.read(other.take), "two are live: it may go on for two"
    enlist.driver._tools = replace(enlist.driver.tools, room=Room(4))
    done(register(enlist))
    done(register(enlist))
    enlist.clock.now += 10 * SECOND
    assert not enlist.store.read(other.take)
