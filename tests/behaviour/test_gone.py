"""Deleted things stay dead: their tokens, and whatever comes after them under the same name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from enlist.core.outcomes import Drop
from enlist.store import credentials, organizations
from enlist.store.tx import QUERIES, Query
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.issuing import mint
from enlist.verbs.organizations import DeleteOrganization
from enlist.verbs.register import Issue, Register
from enlist.verbs.users import DeleteUser, SetUserState
from tests.installation import PASSWORD, SHOWN, Enlist, code, done


@pytest.mark.parametrize("what", ["device", "user"])
@pytest.mark.parametrize("state", ["live", "begun", "used", "revoked"])
def test_the_token_of_what_was_deleted_is_unknown(enlist: Enlist, what: str, state: str) -> None:
    """A37, X31, ruling 29: nothing is told, not even to whoever holds it."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    if state == "used":
        done(enlist.redeem(ticket.token))
    elif state == "revoked":
        done(enlist.revoke(ticket.enrollment_id))
    enlist.do(DeleteDevice(ticket.device_id) if what == "device" else DeleteUser("ada"))
    for secret in (ticket.token, begun.code):
        for key in (0, 1):
            assert code(enlist.redeem(secret, key=key)) == "token_invalid"
        assert code(enlist.check(secret)) == "token_invalid"
    assert enlist.enrollments_of(ticket.device_id) == []
    (row,) = enlist.rows("enrollment", id=ticket.enrollment_id)
    assert row["state"] == ("used" if state == "used" else "revoked")


@pytest.mark.parametrize("what", ["device", "user", "organization"])
def test_the_attempt_of_a_sign_in_ends_with_what_it_was_for(enlist: Enlist, what: str) -> None:
    """X31, rulings 21 and 29: it has no token, but its code must open nothing either."""
    enlist.organization("one", enrollment_mode="registered_only")
    ticket = enlist.register("ada", organization="one")
    begun = done(enlist.begin(group_id="one", login=("ada", PASSWORD)))
    enlist.do(DeleteDevice(ticket.device_id))
    if what != "device":
        enlist.do(DeleteUser("ada"))
    if what == "organization":
        enlist.do(DeleteOrganization("one"))
    told = "device_not_registered" if what == "device" else "token_invalid"
    for verb in (enlist.check, enlist.begin, enlist.redeem):
        assert code(verb(begun.code)) == told
    if what != "device":
        login = ("ada", PASSWORD)
        assert code(enlist.redeem(begun.code, login=login)) == "credentials_invalid"
    assert enlist.rows("credential") == []


@pytest.mark.parametrize("factors", ["single_factor", "two_factor"])
@pytest.mark.parametrize("verb", ["check", "begin", "redeem"])
def test_what_is_left_of_a_deleted_organization_opens_nothing(
    enlist: Enlist, factors: str, verb: str
) -> None:
    """X31: an organization with devices is not deleted; should it be all the same, no fault."""
    enlist.organization("one", token_type=factors)
    ticket = enlist.register("ada", organization="one")
    query = QUERIES.get("test.bury") or Query(
        "test.bury", "UPDATE organization SET deleted_at = :now WHERE group_id = 'one'"
    )
    enlist.store.write(lambda tx: tx.run(query, now=tx.now))
    present = getattr(enlist, verb)
    assert code(present(ticket.token)) == "token_invalid"
    if factors == "two_factor":
        assert code(present(ticket.token, login=("ada", PASSWORD))) == "credentials_invalid"


def test_a_new_registration_is_needed_after_a_deletion(enlist: Enlist) -> None:
    """A37, S24: under the same name, for the same user; the old token stays dead."""
    old = enlist.register("ada", name="laptop")
    enlist.do(DeleteDevice(old.device_id))
    new = enlist.register("ada", name="laptop")
    assert code(enlist.redeem(old.token)) == "token_invalid"
    assert code(enlist.redeem(new.token)) == "done"
    assert enlist.device(new.device_id).state == "enrolled"


def test_a_new_user_of_the_same_name_inherits_nothing(enlist: Enlist) -> None:
    """X31, S24: neither token nor device nor password."""
    old = enlist.register("ada")
    enlist.do(DeleteUser("ada"))
    enlist.user("ada", password="another long password")
    assert code(enlist.redeem(old.token)) == "token_invalid"
    assert code(enlist.redeem(group_id="main", login=("ada", PASSWORD))) == "credentials_invalid"
    enlist.clock.advance(seconds=2)
    enrolled = done(enlist.redeem(group_id="main", login=("ada", "another long password")))
    assert enrolled.device_id != old.device_id


def test_a_new_organization_of_the_same_group_id_inherits_nothing(enlist: Enlist) -> None:
    """X31, S24: settings, roles and tokens end with the organization."""
    place = enlist.organization("one", token_length=17, enrollment_mode="registered_only")
    ticket = enlist.register("ada", organization="one")
    staff = enlist.staff("administrator", "one", username="boss")
    assert code(enlist.perform(DeleteOrganization("one"))) == "organization_not_empty"
    enlist.do(DeleteDevice(ticket.device_id))
    for user in ("ada", "boss"):
        enlist.do(DeleteUser(user))
    enlist.do(DeleteOrganization("one"))
    again = enlist.organization("one")
    assert again.id != place.id
    assert code(enlist.redeem(ticket.token)) == "token_invalid"
    policy = enlist.store.read(lambda tx: organizations.policy(tx, again.path))
    assert (policy.token_length, policy.mode) == (10, "open")
    assert not any(again.path.startswith(right.path) for right in staff.rights)


def test_the_certificates_of_what_was_deleted_are_on_the_list(enlist: Enlist) -> None:
    """X31, ruling 29: and its open sessions are dropped."""
    one, two = enlist.register("ada", name="one"), enlist.register("ada", name="two")
    for number, ticket in enumerate((one, two)):
        done(enlist.redeem(ticket.token, key=number))
    (first,), (second,) = enlist.credentials_of(one.device_id), enlist.credentials_of(two.device_id)
    deleted = enlist.perform(DeleteDevice(one.device_id))
    assert getattr(deleted, "effects", ()) == (Drop(one.device_id),)
    revoked = enlist.store.read(credentials.revoked)
    assert [each.serial for each in revoked] == [first.serial]
    gone = enlist.perform(DeleteUser("ada"))
    assert getattr(gone, "effects", ()) == (Drop(two.device_id),)
    revoked = enlist.store.read(credentials.revoked)
    assert {each.serial for each in revoked} == {first.serial, second.serial}
    assert enlist.device(two.device_id).state == "unenrolled"


def test_a_disabled_users_token_waits_until_he_is_enabled(enlist: Enlist) -> None:
    """A04, ruling 29: told to the holder; nothing is consumed."""
    ticket = enlist.register("ada")
    enlist.do(SetUserState("ada", "disabled"))
    assert code(enlist.redeem(ticket.token)) == "user_not_allowed"
    enlist.do(SetUserState("ada", "active"))
    assert code(enlist.redeem(ticket.token)) == "done"


def test_disabling_and_redeeming_in_the_same_moment(enlist: Enlist) -> None:
    """S54: a user who is disabled while his certificate is signed enrolls nothing."""
    ticket = enlist.register("ada")
    authority = type(enlist.installation.tools.authority)
    sign = authority.issue_device

    def meanwhile(*arguments: object) -> object:
        enlist.do(SetUserState("ada", "disabled"))
        return sign(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authority, "issue_device", meanwhile)
        assert code(enlist.redeem(ticket.token)) == "user_not_allowed"
    assert enlist.device(ticket.device_id).state == "registered"


@pytest.mark.parametrize("what", ["device", "user"])
def test_deleting_and_redeeming_in_the_same_moment(enlist: Enlist, what: str) -> None:
    """A37, X31: what is deleted while its certificate is signed is not enrolled."""
    ticket = enlist.register("ada")
    authority = type(enlist.installation.tools.authority)
    sign = authority.issue_device

    def meanwhile(*arguments: object) -> object:
        enlist.do(DeleteDevice(ticket.device_id) if what == "device" else DeleteUser("ada"))
        return sign(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authority, "issue_device", meanwhile)
        assert code(enlist.redeem(ticket.token)) == "token_invalid"
    assert enlist.rows("credential") == []


def test_nothing_is_issued_for_what_is_gone(enlist: Enlist) -> None:
    """Ruling 29: deleted answers as unknown."""
    ticket = enlist.register("ada")
    enlist.do(DeleteDevice(ticket.device_id))
    assert code(enlist.perform(Issue(ticket.device_id, SHOWN))) == "not_found"
    assert code(enlist.revoke(ticket.enrollment_id)) == "not_found"
    assert code(enlist.resend(ticket.enrollment_id)) == "not_found"


@pytest.mark.parametrize("what", ["device", "user"])
def test_nothing_is_issued_for_what_goes_in_the_same_moment(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """X31: a deletion between looking and writing leaves nothing live behind."""
    ticket = enlist.register("ada")
    done(enlist.revoke(ticket.enrollment_id))

    def meanwhile(*arguments: Any) -> object:
        monkeypatch.setattr("enlist.verbs.issuing.mint", mint)
        enlist.do(DeleteDevice(ticket.device_id) if what == "device" else DeleteUser("ada"))
        return mint(*arguments)

    monkeypatch.setattr("enlist.verbs.issuing.mint", meanwhile)
    told = code(enlist.perform(Issue(ticket.device_id, SHOWN)))
    assert told == ("not_found" if what == "device" else "conflict")
    assert [row["state"] for row in enlist.rows("enrollment")] == ["revoked"]


def test_no_device_is_registered_for_somebody_who_goes_in_the_same_moment(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X31."""
    enlist.user("ada")

    def meanwhile(*arguments: Any) -> object:
        monkeypatch.setattr("enlist.verbs.issuing.mint", mint)
        enlist.do(DeleteUser("ada"))
        return mint(*arguments)

    monkeypatch.setattr("enlist.verbs.issuing.mint", meanwhile)
    verb = Register("", "ada", DeviceDetails("laptop", "linux"), SHOWN)
    assert code(enlist.perform(verb)) == "not_found"
    assert enlist.rows("device") == []


def test_issuing_and_deleting_at_once_leave_nothing_live(enlist: Enlist) -> None:
    """X31: whoever was first, the deleted device has no live enrollment."""
    for number in range(8):
        ticket = enlist.register("ada", name=f"laptop {number}")
        done(enlist.revoke(ticket.enrollment_id))
        moves: list[Callable[[], object]] = [
            partial(enlist.perform, Issue(ticket.device_id, SHOWN)),
            partial(enlist.perform, DeleteDevice(ticket.device_id)),
        ]
        enlist.together(moves)
        states = {row["state"] for row in enlist.rows("enrollment", device_id=ticket.device_id)}
        assert states == {"revoked"}


def test_the_history_of_what_is_gone_stays(enlist: Enlist) -> None:
    """Ruling 29: rows stay for events and the revocation list."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    enlist.do(DeleteDevice(ticket.device_id))
    kinds = [event.kind for event in enlist.events(device=ticket.device_id)]
    assert {"device.registered", "enrollment.redeemed", "device.deleted"} <= set(kinds)
