"""Staging: who may say who enrolls devices for others, and how these go on (A63, A64)."""

from __future__ import annotations

from functools import partial

import pytest

from enlist.core.model import Staging
from enlist.core.permissions import Permission
from enlist.core.terms import TermsText
from enlist.store import users
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.mine import DeleteMine
from enlist.verbs.own_roles import AddOwnRole
from enlist.verbs.reassign import Reassign
from enlist.verbs.reset import Reset
from enlist.verbs.restrictions import AddRestriction
from enlist.verbs.staff import GrantRole
from enlist.verbs.staging import HandOut
from enlist.verbs.terms import Draft, PublishTerms
from enlist.verbs.users import AddUser, ChangeUser, DeleteUser, SetUserState
from tests.behaviour.interrupting import interrupted
from tests.installation import Enlist, code, done, refusal

STAGING = [each for each in Staging if each is not Staging.DISABLED]
AS_IT_IS = [each for each in STAGING if each is not Staging.SINGLE_USER_STANDARD]
LENDS = Staging.MULTIPLE_USER
GIVES = Staging.SINGLE_USER_ADVANCED
BOTH = Staging.MULTIPLE_USER_SINGLE_USER_ADVANCED


def staged(enlist: Enlist, staging: Staging, organization: str = "", key: int = 0) -> str:
    """A device that a staging user, `depot`, has enrolled; grace and bob are there to have it."""
    enlist.do(AddUser(organization or enlist.root.id, "depot", staging=staging))
    for name in ("grace", "bob"):
        enlist.user(name)
    return another(enlist, key)


def another(enlist: Enlist, key: int) -> str:
    ticket = enlist.register("depot", name=f"tablet {key}")
    done(enlist.redeem(ticket.token, key=key))
    return ticket.device_id


def stands(enlist: Enlist, device_id: str) -> str:
    """What its certificate is answered when it is shown."""
    (held,) = enlist.credentials_of(device_id)
    return code(enlist.perform(DeviceStatus(device_id, held.serial), enlist.stranger()))


@pytest.mark.parametrize("staging", STAGING)
def test_staging_users_take_a_permission_of_their_own(enlist: Enlist, staging: Staging) -> None:
    """A63: an operator edits people, and makes nobody a staging user, nor ends it."""
    operator = enlist.staff("operator")
    made = AddUser("", "depot", staging=staging)
    assert code(enlist.perform(made, operator)) == "forbidden"
    assert enlist.rows("app_user", username="depot") == []
    enlist.do(AddUser("", "ada", staging="disabled"), operator)
    change = ChangeUser("ada", {"staging": staging, "first_name": "Ada"})
    assert code(enlist.perform(change, operator)) == "forbidden"
    enlist.do(AddOwnRole("main", "stager", ("users:read", "users:edit", "users:stage")))
    enlist.do(GrantRole(operator.id or "", "main", "stager"))
    him = enlist.store.read(lambda tx: users.find(tx, operator.id or ""))
    assert him is not None
    stager = enlist.caller(him)
    assert stager.may(Permission.USERS_STAGE, enlist.root.path)
    assert enlist.do(made, stager).staging is staging
    assert enlist.do(change, stager).staging is staging
    told = [each.data.get("staging") for each in enlist.events("user.created")]
    assert [each for each in told if each] == [staging]
    unknown = refusal(enlist.perform(AddUser("", "eve", staging="everybody")))
    assert (unknown.code, unknown.fields[0].field) == ("validation_failed", "staging")


@pytest.mark.parametrize("staging", AS_IT_IS)
def test_a_staged_device_goes_to_another_user_as_it_is(enlist: Enlist, staging: Staging) -> None:
    """A64: its owner changes, what it holds stays, and the log holds both owners."""
    device_id = staged(enlist, staging)
    before = enlist.device(device_id)
    after = enlist.do(HandOut(device_id, "grace"), enlist.staff("operator"))
    assert (after.username, after.state, after.enrolled_at) == (
        "grace",
        "enrolled",
        before.enrolled_at,
    )
    assert stands(enlist, device_id) == "done"
    told = enlist.events("device.handed_out", device=device_id)
    ids = {"from": before.user_id, "to": after.user_id}
    assert [ids.items() <= each.data.items() for each in told] == [True, True]
    assert {(each.user_id, each.personal["user"]) for each in told} == {
        (before.user_id, "depot"),
        (after.user_id, "grace"),
    }
    assert code(enlist.perform(HandOut(device_id, "grace"))) == "conflict"


def test_the_log_names_terms_that_whoever_gets_it_has_not_accepted(enlist: Enlist) -> None:
    """He is asked for nothing, as he enrolls nothing; what he accepted for another device counts.

    The log of the one before learns nothing of it: he may be of another organization.
    """
    device_id = staged(enlist, LENDS)
    text = TermsText("en", "Terms of use", "Be kind.")
    terms = enlist.do(PublishTerms("main", Draft((text,), "any")))
    done(enlist.redeem(enlist.register("bob").token, key=1, accepts=terms.id))
    for name in ("grace", "bob"):
        enlist.do(HandOut(device_id, name))
    told = [
        (each.personal["user"], each.data.get("unaccepted_terms"), each.data.get("terms_version"))
        for each in enlist.events("device.handed_out")
    ]
    assert told == [
        ("depot", None, None),
        ("grace", terms.id, terms.version),
        ("grace", None, None),
        ("bob", None, None),
    ]


def test_what_is_lent_goes_in_turn_and_comes_back(enlist: Enlist) -> None:
    device_id = staged(enlist, LENDS)
    depot = enlist.device(device_id).user_id
    for name in ("grace", "bob"):
        enlist.do(HandOut(device_id, name))
        held = enlist.device(device_id)
        assert (held.username, held.staging_user_id) == (name, depot)
    assert "Reassign" in refusal(enlist.perform(HandOut(device_id, "grace", for_good=True))).detail
    enlist.do(HandOut(device_id, "depot"))
    back = enlist.device(device_id)
    assert (back.username, back.staging_user_id, stands(enlist, device_id)) == (
        "depot",
        None,
        "done",
    )


def test_what_is_given_for_good_stays(enlist: Enlist) -> None:
    """Where one type allows both, whoever hands it out says which."""
    device_id = staged(enlist, BOTH)
    enlist.do(HandOut(device_id, "grace"))
    enlist.do(HandOut(device_id, "bob", for_good=True))
    assert enlist.device(device_id).staging_user_id is None
    assert code(enlist.perform(HandOut(device_id, "grace"))) == "conflict"
    enlist.do(ChangeUser("depot", {"staging": GIVES}))
    second = another(enlist, 1)
    enlist.do(HandOut(second, "grace"))
    assert code(enlist.perform(HandOut(second, "depot"))) == "conflict"


def test_where_each_next_user_enrolls_the_device_is_reassigned(enlist: Enlist) -> None:
    """The standard type: nobody has it as it is. Of a reassignment, too, the log names both."""
    device_id = staged(enlist, Staging.SINGLE_USER_STANDARD)
    told = refusal(enlist.perform(HandOut(device_id, "grace")))
    assert (told.code, "Reassign it instead" in told.detail) == ("conflict", True)
    before = enlist.device(device_id).user_id
    enlist.do(Reassign(device_id, "grace"))
    after = enlist.device(device_id)
    assert (after.username, after.state) == ("grace", "registered")
    (event,) = enlist.events("device.reassigned")
    assert (event.data["from"], event.data["to"]) == (before, after.user_id)


def test_what_nobody_staged_is_not_handed_out(enlist: Enlist) -> None:
    """Nor what is not enrolled, what a staging user of before lent, or to whom may do nothing."""
    device_id = staged(enlist, LENDS)
    own = enlist.register("grace", name="own")
    done(enlist.redeem(own.token, key=5))
    assert code(enlist.perform(HandOut(own.device_id, "bob"))) == "conflict"
    waiting = enlist.register("depot", name="waiting")
    assert code(enlist.perform(HandOut(waiting.device_id, "bob"))) == "conflict"
    enlist.do(SetUserState("bob", "disabled"))
    assert refusal(enlist.perform(HandOut(device_id, "bob"))).fields[0].field == "user"
    enlist.do(HandOut(device_id, "grace"))
    enlist.do(DeleteUser("depot"))
    enlist.do(SetUserState("bob", "active"))
    assert code(enlist.perform(HandOut(device_id, "bob"))) == "conflict"
    assert enlist.device(device_id).username == "grace"


def test_what_was_reassigned_does_not_come_back(enlist: Enlist) -> None:
    """After a reset it still does: it is the same loan."""
    device_id = staged(enlist, LENDS)
    enlist.do(HandOut(device_id, "grace"))
    enlist.do(Reset(device_id))
    assert enlist.device(device_id).staging_user_id is not None
    enlist.do(Reassign(device_id, "bob"))
    assert enlist.device(device_id).staging_user_id is None


def test_who_has_it_is_restricted_as_if_he_enrolled_it(enlist: Enlist) -> None:
    """A52, A53: his own limits; a cap in which the device is counted already is no hindrance."""
    device_id = staged(enlist, LENDS)
    own = enlist.register("grace", name="own")
    done(enlist.redeem(own.token, key=5))
    rule = {"name": "one each", "most_devices": 1, "most_at_organization": 2}
    enlist.do(AddRestriction("main", rule))
    assert code(enlist.perform(HandOut(device_id, "grace"))) == "device_limit_reached"
    assert enlist.device(device_id).username == "depot"
    enlist.do(HandOut(device_id, "bob"))
    enlist.organization("north")
    enlist.user("nora", organization="north")
    enlist.do(AddRestriction("north", {"name": "no Linux", "platforms": ["ios"]}))
    assert code(enlist.perform(HandOut(device_id, "nora"))) == "device_not_approved"


def test_it_moves_where_its_user_is(enlist: Enlist) -> None:
    """Both organizations have it in their logs, and each learns of the other owner's id alone."""
    enlist.organization("north")
    enlist.organization("south")
    device_id = staged(enlist, GIVES, "north")
    enlist.user("sue", organization="south")
    assert enlist.do(HandOut(device_id, "sue")).group_id == "south"
    here, there = sorted(enlist.events("device.handed_out"), key=lambda each: each.personal["user"])
    assert here.organization_id != there.organization_id
    assert "sue" not in repr(here.personal)
    assert "depot" not in repr(there.personal)
    north = enlist.staff("operator", "north")
    assert code(enlist.perform(HandOut(device_id, "depot"), north)) == "not_found"


def test_whoever_is_lent_a_device_does_not_delete_it(enlist: Enlist) -> None:
    device_id = staged(enlist, BOTH)
    grace = enlist.do(ChangeUser("grace", {"first_name": "Grace"}))
    enlist.do(HandOut(device_id, "grace"))
    assert code(enlist.perform(DeleteMine(device_id), enlist.caller(grace))) == "forbidden"
    enlist.do(HandOut(device_id, "depot"))
    enlist.do(HandOut(device_id, "grace", for_good=True))
    assert code(enlist.perform(DeleteMine(device_id), enlist.caller(grace))) == "done"


def test_staging_that_ends_meanwhile_counts(enlist: Enlist) -> None:
    device_id = staged(enlist, GIVES)
    driver = interrupted(enlist, lambda: enlist.do(ChangeUser("depot", {"staging": None})))
    assert code(driver.perform(HandOut(device_id, "grace"), enlist.host)) == "conflict"
    assert enlist.device(device_id).username == "depot"


def test_of_two_who_hand_it_out_at_once_one_does(enlist: Enlist) -> None:
    for key in range(6):
        device_id = staged(enlist, GIVES) if key == 0 else another(enlist, key)
        moves = [partial(enlist.perform, HandOut(device_id, name)) for name in ("grace", "bob")]
        assert sorted(code(each) for each in enlist.together(moves)) == ["conflict", "done"]
        assert len(enlist.events("device.handed_out", device=device_id)) == 2
