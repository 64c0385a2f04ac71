"""What everybody does with his own devices (A18-A22): no rights asked, no token in sight."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.lifecycle import DeviceState
from enlist.core.model import User
from enlist.core.secrets import Secret
from enlist.store.enrollment_secrets import first_derivation
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import LATER, Delivery, Issued
from enlist.verbs.mine import (
    MOST_SENT,
    AddMine,
    DeleteMine,
    RenewMine,
    ResendMine,
)
from enlist.verbs.views_mine import MyDevices, MyMessage, ShowMyDevice, ShowMyMessage
from tests.installation import Enlist, code, done, refusal

LAPTOP = DeviceDetails("Ada's laptop", "linux")


@pytest.fixture
def ada(enlist: Enlist) -> User:
    return enlist.user("ada")


@pytest.fixture
def me(enlist: Enlist, ada: User) -> Caller:
    return enlist.caller(ada)


def add(enlist: Enlist, me: Caller, **contact: str) -> Issued:
    return done(enlist.perform(AddMine(LAPTOP, contact=contact), me))


def token_of(enlist: Enlist, issued: Issued) -> Secret:
    """The token that the message will hold."""
    row = enlist.store.read(lambda tx: first_derivation(tx, issued.enrollment_id))
    assert row is not None
    keys = enlist.installation.tools.keys
    return keys.derive_again(
        issued.enrollment_id, row.generation, row.key_id, row.length, row.alphabet
    )


def test_a_device_of_ones_own_is_registered_and_its_token_sent(enlist: Enlist, me: Caller) -> None:
    """A18, A20: one registration, one message to oneself, no token in the answer; it enrolls."""
    issued = add(enlist, me)
    assert issued.token is None
    (message,) = enlist.rows("message")
    assert (message["recipient"], message["state"]) == ("ada@example.com", "queued")
    assert message["enrollment_id"] == issued.enrollment_id
    (event,) = enlist.events("device.registered")
    assert (event.actor_id, event.user_id) == (me.id, me.id)
    assert code(enlist.redeem(token_of(enlist, issued))) == "done"
    (device,) = enlist.devices()
    assert (device.user_id, device.state) == (me.id, DeviceState.ENROLLED)


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        (AddMine(DeviceDetails("", "")), ["name", "platform"]),
        (AddMine(LAPTOP, Delivery("none")), ["message.type"]),
        (AddMine(LAPTOP, LATER), ["message.type"]),
        (AddMine(LAPTOP, Delivery("pigeon")), ["message.type"]),
        (AddMine(LAPTOP, contact={"email": "ada"}), ["email"]),
        (AddMine(LAPTOP, contact={"email": ""}), ["email"]),
        (AddMine(DeviceDetails("", "linux"), contact={"phone": "0171"}), ["name", "phone"]),
        (AddMine(LAPTOP, contact={"username": "root"}), None),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_left(
    enlist: Enlist, me: Caller, verb: AddMine, fields: list[str] | None
) -> None:
    """A18, A19: friendly name, platform and the address for the message must be there."""
    told = refusal(enlist.perform(verb, me))
    if fields is not None:
        assert [each.field for each in told.fields] == fields
    assert not enlist.devices()
    assert not enlist.rows("message")
    (row,) = enlist.rows("app_user", id=me.id)
    assert (row["email"], row["phone"]) == ("ada@example.com", "")


def test_the_address_is_completed_together_with_the_device(enlist: Enlist) -> None:
    """A19: by whoever has none yet; afterwards it stands at his account."""
    bob = enlist.user("bob", email="")
    me = enlist.caller(bob)
    assert code(enlist.perform(AddMine(LAPTOP), me)) == "email_missing"
    add(enlist, me, email="bob@example.com", phone="+49 171 1234567")
    (message,) = enlist.rows("message", purpose="registration")
    (row,) = enlist.rows("app_user", id=bob.id)
    assert message["recipient"] == row["email"] == "bob@example.com"
    assert row["phone"] == "+491711234567"
    enlist.user("eve", email="eve@example.com")
    taken = AddMine(LAPTOP, contact={"email": "eve@example.com"})
    assert code(enlist.perform(taken, me)) == "email_taken"
    assert len(enlist.devices()) == 1


def test_after_a_token_enrollment_the_address_is_locked_here_too(
    enlist: Enlist, ada: User, me: Caller
) -> None:
    """A21, A22: Add Device goes on working with the address that there is; no message is shown."""
    first = add(enlist, me)
    shown = enlist.driver.view(ShowMyMessage(first.device_id), me)
    assert isinstance(shown, MyMessage)
    assert code(enlist.redeem(token_of(enlist, first))) == "done"
    moved = AddMine(LAPTOP, contact={"email": "elsewhere@example.com"})
    told = refusal(enlist.perform(moved, me))
    assert (told.code, [each.field for each in told.fields]) == ("contact_locked", ["email"])
    second = add(enlist, me, email="ada@example.com", phone="")
    for device_id in (first.device_id, second.device_id):
        gone: Any = ShowMyMessage(device_id)
        assert code(enlist.driver.view(gone, me)) == "not_found"


def test_the_message_is_shown_without_its_token(enlist: Enlist, me: Caller) -> None:
    """Ruling 7: who it went to and how, and the letter with nothing in it that redeems."""
    issued = add(enlist, me)
    shown = enlist.driver.view(ShowMyMessage(issued.device_id), me)
    assert isinstance(shown, MyMessage)
    assert shown.message.recipient == "ada@example.com"
    assert shown.letter.token.reveal() == ""


def test_sending_again_and_sending_a_new_one(enlist: Enlist, me: Caller) -> None:
    """A40, A08: the same token while it lives; another one when it ran out."""
    issued = add(enlist, me)
    first = token_of(enlist, issued)
    done(enlist.perform(ResendMine(issued.device_id), me))
    assert len(enlist.rows("message")) == 2
    enlist.clock.now = issued.expires_at
    assert code(enlist.perform(ResendMine(issued.device_id), me)) == "not_resendable"
    assert code(enlist.perform(RenewMine(issued.device_id, Delivery("none")), me)) != "done"
    renewed = done(enlist.perform(RenewMine(issued.device_id), me))
    assert (renewed.generation, renewed.token) == (2, None)
    assert code(enlist.redeem(first)) == "token_replaced"


def test_only_so_many_messages_in_an_hour(enlist: Enlist, me: Caller) -> None:
    """The address may be somebody else's: nobody is flooded by it. Nothing is left of the last."""
    issued = [add(enlist, me) for _ in range(4)]
    for _ in range(MOST_SENT // 4 - 1):
        enlist.clock.advance(seconds=30)
        for each in issued:
            done(enlist.perform(ResendMine(each.device_id), me))
    enlist.clock.advance(seconds=30)
    mine = issued[0].device_id
    verbs: list[Any] = [ResendMine(mine), AddMine(LAPTOP), RenewMine(mine)]
    for verb in verbs:
        told = refusal(enlist.perform(verb, me))
        assert (told.code, told.retry_after) == ("rate_limited", 3600 - MOST_SENT // 4 * 30)
    assert (len(enlist.rows("message")), len(enlist.devices())) == (MOST_SENT, 4)
    enlist.clock.advance(hours=1)
    assert code(enlist.perform(ResendMine(mine), me)) == "done"


def test_a_registration_is_cancelled_and_a_device_deleted(enlist: Enlist, me: Caller) -> None:
    """Its token is unknown from then on; a blocked device stays, or the block would be worth
    nothing."""
    issued, kept = add(enlist, me), enlist.register("ada", name="enrolled")
    token = token_of(enlist, issued)
    done(enlist.perform(DeleteMine(issued.device_id), me))
    assert code(enlist.redeem(token)) == "token_invalid"
    assert code(enlist.redeem(kept.token)) == "done"
    enlist.put_device(kept.device_id, DeviceState.BLOCKED)
    assert code(enlist.perform(DeleteMine(kept.device_id), me)) == "device_blocked"
    enlist.put_device(kept.device_id, DeviceState.ENROLLED)
    done(enlist.perform(DeleteMine(kept.device_id), me))
    assert not enlist.devices()
    (credential,) = enlist.credentials_of(kept.device_id)
    assert credential.revoked_at is not None


def test_nobody_elses_exists(enlist: Enlist, me: Caller) -> None:
    """S52: not for a neighbour, not for staff, not for a stranger or a key without a person."""
    theirs = enlist.register("bob")
    verbs: list[Any] = [
        ResendMine(theirs.device_id),
        RenewMine(theirs.device_id),
        DeleteMine(theirs.device_id),
    ]
    views: list[Any] = [ShowMyDevice(theirs.device_id), ShowMyMessage(theirs.device_id)]
    for who, answer in (
        (me, "not_found"),
        (enlist.staff("administrator"), "not_found"),
        (enlist.host, "unauthenticated"),
        (enlist.stranger(), "unauthenticated"),
    ):
        assert {code(enlist.perform(verb, who)) for verb in verbs} == {answer}
        assert {code(enlist.driver.view(view, who)) for view in views} == {answer}
    mine = done_view(enlist, me)
    assert mine.devices == ()
    add(enlist, me)
    (only,) = done_view(enlist, me).devices
    assert only.enrollment is not None
    assert only.enrollment.device_id == only.device.id


def done_view(enlist: Enlist, me: Caller) -> Any:
    found = enlist.driver.view(MyDevices(), me)
    assert code(found) == "done"
    return found
