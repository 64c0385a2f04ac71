"""People, their passwords and roles; above all the last administrator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from enlist.core.caller import Caller, CallerKind
from enlist.core.lifecycle import DeviceState
from enlist.core.outcomes import Done, Drop, Refusal
from enlist.core.permissions import ROLES, Permission, Right, Role
from enlist.core.secrets import Secret
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.driver import Tools
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.sign_in import FRESH, StartSignIn
from enlist.verbs.staff import EndSignInsOf, GrantRole, SetPassword, WithdrawRole
from enlist.verbs.users import AddUser, ChangeUser, DeleteUser, SetUserState
from enlist.verbs.views_details import ShowDevice, ShowUser
from tests.verbs.world import ADMINISTRATOR, PASSWORD, STRANGER, World, request

NEW = Secret("a whole new password")


def fields(refusal: Any) -> set[str]:
    assert refusal.code == "validation_failed", refusal
    return {error.field for error in refusal.fields}


def sign_in(world: World, username: str, password: Secret) -> Any:
    return world.perform(StartSignIn(username, password), STRANGER)


# --- adding and changing --------------------------------------------------------------------------


def test_what_is_typed_is_kept_in_its_canonical_form(world: World) -> None:
    user = world.do(
        AddUser(
            "acme",
            " Ada ",
            email="Ada@EXAMPLE.com",
            phone="+49 (30) 123-4567",
            first_name="Ada",
            time_zone="Europe/Berlin",
            language="DE",
        )
    )
    assert (user.username, user.email, user.phone) == ("Ada", "Ada@example.com", "+49301234567")
    assert (user.time_zone, user.language, user.has_password) == ("Europe/Berlin", "de", False)
    assert world.see(ShowUser("ADA")).user == user


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "a\nb"),
        ("username", "\x00"),
        ("username", "\ud800"),
        ("username", "a" * 201),
        ("username", "00000000-0000-7000-8000-000000000000"),
        ("email", "nobody"),
        ("email", "a@b@c"),
        ("email", "a@example.com\r\nBcc: b@example.com"),
        ("phone", "030 1234567"),
        ("phone", "call me"),
        ("first_name", "\x1b[31m"),
        ("time_zone", "Berlin"),
        ("time_zone", "../../etc/passwd"),
        ("language", "klingon"),
    ],
)
def test_what_cannot_be_is_refused_by_field(world: World, field: str, value: str) -> None:
    given: dict[str, Any] = {"username": "ada", field: value}
    assert fields(world.refused(AddUser("acme", **given))) == {field}
    user = world.add_user("acme")
    assert fields(world.refused(ChangeUser(user.id, {field: value}))) == {field}


@pytest.mark.parametrize("address", ["a@corp.local", "a@mail.test", "a@bücher.example"])
def test_a_mail_server_of_ones_own_is_no_mistake(world: World, address: str) -> None:
    assert world.do(AddUser("acme", "ada", email=address)).email.isascii()


def test_names_are_unique_in_any_case(either: World) -> None:
    """Ruling 31: user names in the installation, e-mail within an organization."""
    either.do(AddUser("acme", "Ada", email="ada@example.com"))
    assert either.refused(AddUser("beta", "ADA")).code == "username_taken"
    twice = AddUser("acme", "other", email="ADA@example.com")
    assert either.refused(twice).code == "email_taken"
    either.do(AddUser("beta", "elsewhere", email="ada@example.com"))
    other = either.add_user("acme")
    assert either.refused(ChangeUser(other.id, {"username": "ada"})).code == "username_taken"


def test_a_deleted_users_name_is_free_again(either: World) -> None:
    either.do(DeleteUser(either.add_user("acme", "ada@example.com").id))
    either.add_user("acme", "ada@example.com")


def test_an_older_version_changes_nothing(world: World) -> None:
    user = world.add_user("acme")
    world.do(ChangeUser(user.id, {"first_name": "Ada"}, version=user.version))
    late = ChangeUser(user.id, {"first_name": "Eve"}, version=user.version)
    assert world.refused(late).code == "precondition_failed"
    assert world.see(ShowUser(user.id)).user.first_name == "Ada"


def test_everybody_may_change_his_own_name_and_no_more(world: World) -> None:
    user = world.add_user("acme")
    himself = world.person(user.id)
    changed = world.do(ChangeUser(user.id, {"first_name": "Ada", "language": "de"}), himself)
    assert (changed.first_name, changed.language) == ("Ada", "de")
    for field in ("email", "phone", "username"):
        assert isinstance(world.perform(ChangeUser(user.id, {field: "x"}), himself), Refusal)


def test_a_change_is_told_but_only_in_erasable_words(world: World) -> None:
    user = world.add_user("acme", "ada@example.com")
    world.do(ChangeUser(user.id, {"phone": "+49301234567"}))
    event = world.events(kind="user.changed")[-1]
    assert event.data == {"fields": "phone"}
    assert event.personal["after.phone"] == "+49301234567"
    assert "+4930" not in event.entry


# --- disabling and deleting -----------------------------------------------------------------------


def test_disabling_ends_sign_ins_and_enabling_allows_new_ones(world: World) -> None:
    user = world.add_user("acme", password=PASSWORD)
    assert isinstance(sign_in(world, user.username, PASSWORD), Done)
    assert world.see(ShowUser(user.id)).sign_ins == 1
    world.do(SetUserState(user.id, "disabled"))
    assert world.see(ShowUser(user.id)).sign_ins == 0
    assert sign_in(world, user.username, PASSWORD).code == "sign_in_failed"
    world.clock.forward(FRESH)
    world.do(SetUserState(user.id, "active"))
    assert isinstance(sign_in(world, user.username, PASSWORD), Done)


def test_a_state_that_he_has_already_is_no_event(world: World) -> None:
    user = world.add_user("acme")
    before = len(world.events())
    world.do(SetUserState(user.id, "active"))
    assert len(world.events()) == before


def test_deleting_a_user_takes_everything_that_was_his_to_use(either: World) -> None:
    """X31, ruling 29: tokens unknown, certificates revoked, devices unenrolled."""
    user = either.add_user("acme", password=PASSWORD)
    waiting, used = either.register(user), either.register(user)
    enrolled = either.enroll(used)
    serial = either.serial(enrolled.device_id)
    outcome = either.perform(DeleteUser(user.id))
    assert outcome == Done(None, (Drop(enrolled.device_id),))
    assert either.look(ShowUser(user.id)).code == "not_found"  # type: ignore[union-attr]
    for issued in (waiting, used):
        assert issued.token is not None
        again = Redeem(Presented(token=issued.token), DeviceReport(platform="linux"), request())
        assert either.refused(again, STRANGER).code == "token_invalid"
    status = either.refused(DeviceStatus(enrolled.device_id, serial), STRANGER)
    assert status.code == "credential_revoked"
    device = either.see(ShowDevice(enrolled.device_id))
    assert device.device.state is DeviceState.UNENROLLED
    assert [c.revocation_reason for c in device.credentials] == ["deleted"]
    assert sign_in(either, user.username, PASSWORD).code == "sign_in_failed"


# --- the last administrator -----------------------------------------------------------------------

LAST: dict[str, Callable[[str], Any]] = {
    "withdraw": lambda user: WithdrawRole(user, "main", "administrator"),
    "disable": lambda user: SetUserState(user, "disabled"),
    "delete": DeleteUser,
}


@pytest.mark.parametrize("way", LAST)
def test_the_last_administrator_stays(either: World, way: str) -> None:
    root = either.administrator()
    assert root.id is not None
    either.staff(Role.OPERATOR, "main")
    either.staff(Role.ADMINISTRATOR, "acme")
    before = either.everything()
    for caller in (root, either.host):
        assert either.refused(LAST[way](root.id), caller).code == "last_administrator"
    assert either.everything() == before
    either.staff(Role.ADMINISTRATOR, "main")
    either.do(LAST[way](root.id))


@pytest.mark.parametrize("way", LAST)
def test_a_disabled_administrator_is_none(either: World, way: str) -> None:
    root, other = either.administrator(), either.staff(Role.ADMINISTRATOR, "main")
    assert root.id is not None
    assert other.id is not None
    either.do(SetUserState(other.id, "disabled"))
    assert either.refused(LAST[way](root.id)).code == "last_administrator"


@pytest.mark.parametrize("one", LAST)
@pytest.mark.parametrize("other", LAST)
def test_two_administrators_cannot_remove_each_other_at_once(
    either: World, one: str, other: str
) -> None:
    root, second = either.administrator(), either.staff(Role.ADMINISTRATOR, "main")
    assert root.id is not None
    assert second.id is not None
    start = threading.Barrier(2)
    outcomes: list[Any] = []

    def act(verb: Any, caller: Caller) -> None:
        start.wait()
        outcomes.append(either.perform(verb, caller))

    threads = [
        threading.Thread(target=act, args=(LAST[one](second.id), root)),
        threading.Thread(target=act, args=(LAST[other](root.id), second)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Both callers were read before, with all their rights, as in two requests at once.
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "Refusal"]
    refusal = next(outcome for outcome in outcomes if isinstance(outcome, Refusal))
    assert refusal.code == "last_administrator"


# --- roles ----------------------------------------------------------------------------------------


def test_nobody_gives_more_than_he_holds(world: World) -> None:
    caller, user = world.staff(Role.ADMINISTRATOR, "acme"), world.add_user("acme")
    world.do(GrantRole(user.id, "labs", "administrator"), caller)
    assert world.refused(GrantRole(user.id, "main", "reader"), caller).code == "not_found"
    path = world.organizations["acme"].path
    rights = ROLES[Role.READER] | {Permission.ROLES_EDIT}
    clerk = replace(caller, kind=CallerKind.API_KEY, rights=(Right(path, rights),))
    other = world.add_user("acme")
    world.do(GrantRole(other.id, "acme", "reader"), clerk)
    assert world.refused(GrantRole(other.id, "acme", "operator"), clerk).code == "forbidden"


def test_a_role_is_gone_with_the_next_request(world: World) -> None:
    """S54."""
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    assert caller.id is not None
    left = world.do(WithdrawRole(caller.id, "acme", "administrator"))
    assert left == ()
    again = world.person(caller.id)
    assert world.refused(AddUser("acme", "x"), again).code == "not_found"


def test_giving_a_role_twice_is_one_role_and_one_event(world: World) -> None:
    user = world.add_user("acme")
    for _ in range(2):
        roles = world.do(GrantRole(user.id, "acme", "reader"))
        assert [held.role for held in roles] == [Role.READER]
    assert len(world.events(kind="role.granted", user=user.id)) == 1


@pytest.mark.parametrize("age", [FRESH, FRESH - 1_000_000])
def test_roles_take_a_fresh_proof(world: World, age: int) -> None:
    caller, user = world.staff(Role.ADMINISTRATOR, "acme"), world.add_user("acme")
    proved = replace(caller, proved_at=world.clock.now - age)
    outcome = world.perform(GrantRole(user.id, "acme", "reader"), proved)
    stale = age >= FRESH
    assert isinstance(outcome, Refusal) == stale
    assert not isinstance(outcome, Refusal) or outcome.code == "proof_too_old"


def test_an_api_key_has_no_password_to_prove_itself_with(world: World) -> None:
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    key = replace(caller, kind=CallerKind.API_KEY, proved_at=0)
    world.do(GrantRole(world.add_user("acme").id, "acme", "reader"), key)


# --- passwords and sign-ins -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "answer"), [(Role.OPERATOR, "forbidden"), (Role.ADMINISTRATOR, "proof_too_old")]
)
def test_a_password_is_not_set_for_whoever_got_a_role_meanwhile(
    either: World, role: Role, answer: str
) -> None:
    """S51: while it was hashed, he became staff; who may set it was decided before."""
    user = either.add_user("acme", password=PASSWORD)
    caller = replace(either.staff(role, "acme"), proved_at=either.clock.now - FRESH)

    class Slow(SetPassword):
        def work(self, tools: Tools, caller: Caller, seen: Any) -> Any:
            either.do(GrantRole(user.id, "acme", "reader"))
            return super().work(tools, caller, seen)

    assert either.refused(Slow(user.id, NEW), caller).code == answer
    assert isinstance(sign_in(either, user.username, PASSWORD), Done)


def test_ones_own_password_takes_the_present_one(world: World) -> None:
    user = world.add_user("acme", password=PASSWORD)
    himself = world.person(user.id)
    assert fields(world.refused(SetPassword("", NEW), himself)) == {"current"}
    wrong = SetPassword("", NEW, Secret("not my password"))
    assert world.refused(wrong, himself).code == "sign_in_failed"
    assert world.refused(wrong, himself).code == "sign_in_delayed"
    world.clock.forward(FRESH)
    world.do(SetPassword("", NEW, PASSWORD), himself)
    assert sign_in(world, user.username, PASSWORD).code == "sign_in_failed"
    world.clock.forward(FRESH)
    assert isinstance(sign_in(world, user.username, NEW), Done)


def test_a_new_password_ends_all_other_sign_ins(world: World) -> None:
    user = world.add_user("acme", password=PASSWORD)
    kept, _ = [sign_in(world, user.username, PASSWORD).value.sign_in for _ in range(2)]
    himself = replace(world.person(user.id), sign_in_id=kept.id)
    assert world.do(SetPassword("", NEW, PASSWORD), himself) == 1
    assert world.see(ShowUser(user.id)).sign_ins == 1
    assert world.do(SetPassword(user.id, PASSWORD)) == 1
    assert world.see(ShowUser(user.id)).sign_ins == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [("x" * 11, "password_too_short"), ("x" * 257, "validation_failed"), ("x" * 12, None)],
)
def test_a_password_has_a_length(world: World, text: str, code: str | None) -> None:
    user = world.add_user("acme")
    outcomes: list[Any] = [
        world.perform(SetPassword(user.id, Secret(text))),
        world.perform(AddUser("acme", "new", password=Secret(text))),
    ]
    for outcome in outcomes:
        assert (outcome.code if isinstance(outcome, Refusal) else None) == code


def test_the_password_of_staff_takes_a_fresh_proof(world: World) -> None:
    caller, other = world.staff(Role.ADMINISTRATOR, "acme"), world.staff(Role.READER, "acme")
    assert other.id is not None
    stale = replace(caller, proved_at=0)
    assert world.refused(SetPassword(other.id, NEW), stale).code == "proof_too_old"
    world.do(SetPassword(world.add_user("acme").id, NEW), stale)
    world.do(SetPassword(other.id, NEW), caller)


def test_sign_ins_of_somebody_else_can_be_ended(world: World) -> None:
    sign_in(world, ADMINISTRATOR, PASSWORD)
    assert world.do(EndSignInsOf(ADMINISTRATOR)) == 1
    event = world.events(kind="sign_in.all_ended")[-1]
    assert event.data == {"ended": 1}
