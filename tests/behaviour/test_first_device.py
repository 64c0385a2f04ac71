"""A user and the first device in one call (X42): one transaction, both or neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import Refusal, Send
from enlist.core.permissions import ROLES, Permission, Right, Role
from enlist.core.secrets import Secret
from enlist.store import enrollments
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.first_device import AddUserWithDevice, BothAgain, FirstDevice
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.users import AddUser
from tests.installation import MAILED, PASSWORD, SHOWN, Enlist, code, done, refusal

LAPTOP = DeviceDetails("laptop", "linux")


def both(
    details: DeviceDetails = LAPTOP,
    message: Delivery = MAILED,
    *,
    organization: str = "",
    username: str = "ada",
    email: str = "ada@example.com",
    password: Secret | None = None,
    expires_at: int | None = None,
) -> AddUserWithDevice:
    user = AddUser(organization, username, email, password=password)
    return AddUserWithDevice(user, FirstDevice(details, message, expires_at))


def nothing_was_written(enlist: Enlist) -> None:
    """Neither of the two, and nothing that belongs to them."""
    assert not enlist.rows("app_user", username_folded="ada")
    for table in ("device", "enrollment", "enrollment_secret", "message"):
        assert enlist.rows(table) == [], table
    kinds = {event.kind for event in enlist.events()}
    assert not kinds & {"device.registered", "enrollment.revealed"}
    assert not [event for event in enlist.events("user.created") if event.personal["user"] == "ada"]


def test_both_exist_and_the_message_waits(enlist: Enlist) -> None:
    outcome = enlist.perform(both())
    made = done(outcome)
    assert made.user.username == "ada"
    device = enlist.device(made.issued.device_id)
    assert (device.user_id, device.name) == (made.user.id, "laptop")
    assert device.organization_id == made.user.organization_id == enlist.root.id
    (message,) = enlist.rows("message", enrollment_id=made.issued.enrollment_id)
    assert (message["recipient"], message["state"]) == ("ada@example.com", "queued")
    assert made.issued.token is None
    assert not isinstance(outcome, Refusal)
    assert outcome.effects == (Send(message["id"]),)
    # Beside those of its founding: another test's clock may have dated these ids after ours.
    about = [event.kind for event in enlist.events() if event.user_id == made.user.id]
    assert about == ["user.created", "device.registered"]


def test_a_token_that_is_shown_enrolls_the_device(enlist: Enlist) -> None:
    made = enlist.do(both(message=SHOWN, email=""))
    assert made.issued.token is not None
    assert enlist.rows("message") == []
    assert done(enlist.redeem(made.issued.token)).device_id == made.issued.device_id
    assert len(enlist.events("enrollment.revealed")) == 1


def test_the_settings_of_the_users_organization_hold(enlist: Enlist) -> None:
    enlist.organization("sales", token_length=16)
    made = enlist.do(both(message=SHOWN, organization="sales"))
    assert made.issued.token is not None
    assert len(made.issued.token.reveal()) == 16
    assert enlist.device(made.issued.device_id).group_id == "sales"


@pytest.mark.parametrize(
    ("verb", "told", "fields"),
    [
        (both(email=""), "email_missing", {"email"}),
        (both(replace(LAPTOP, name=" ")), "validation_failed", {"device.name"}),
        (both(replace(LAPTOP, platform="toaster")), "validation_failed", {"device.platform"}),
        (both(replace(LAPTOP, platform="x"), email="x"), "validation_failed",
         {"email", "device.platform"}),
        (both(message=Delivery("pigeon")), "validation_failed", {"device.message.type"}),
        (both(message=Delivery("email", "none")), "validation_failed",
         {"device.message.template"}),
        (both(expires_at=1), "validation_failed", {"device.expires_at"}),
        (both(password=Secret("short")), "password_too_short", set()),
        (both(username=""), "validation_failed", {"username"}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_leaves_neither(
    enlist: Enlist, verb: AddUserWithDevice, told: str, fields: set[str]
) -> None:
    refused = refusal(enlist.perform(verb))
    assert refused.code == told
    assert {each.field for each in refused.fields} >= fields
    nothing_was_written(enlist)


def test_a_device_that_clashes_leaves_no_user(enlist: Enlist) -> None:
    """Found out by the store's own index, after the user was written."""
    named = replace(LAPTOP, external_id="asset-1")
    enlist.user("bob")
    enlist.do(Register("", "bob", named, SHOWN))
    refused = refusal(enlist.perform(both(named)))
    assert [each.field for each in refused.fields] == ["device.external_id"]
    assert not enlist.rows("app_user", username_folded="ada")
    assert len(enlist.rows("device")) == 1


def test_a_fault_in_the_last_statement_leaves_neither(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the cable was pulled")

    monkeypatch.setattr(enrollments, "set_message", broken)
    with pytest.raises(RuntimeError):
        enlist.perform(both())
    nothing_was_written(enlist)


def test_a_taken_name_registers_nothing(enlist: Enlist) -> None:
    enlist.user("ada")
    assert code(enlist.perform(both())) == "username_taken"
    assert code(enlist.perform(both(username="eve"))) == "email_taken"
    assert enlist.rows("device") == []


def caller_with(enlist: Enlist, *permissions: Permission) -> Caller:
    """Somebody who sees everything, and has these permissions beside."""
    root = enlist.root
    right = Right(root.path, ROLES[Role.READER] | set(permissions))
    return Caller(CallerKind.API_KEY, None, "some", (right,), root.path, root.id, "192.0.2.1")


@pytest.mark.parametrize("lacking", [Permission.USERS_EDIT, Permission.DEVICES_REGISTER])
def test_it_takes_both_permissions(enlist: Enlist, lacking: Permission) -> None:
    needed = {Permission.USERS_EDIT, Permission.DEVICES_REGISTER}
    assert code(enlist.perform(both(), caller_with(enlist, *needed - {lacking}))) == "forbidden"
    nothing_was_written(enlist)
    assert code(enlist.perform(both(), caller_with(enlist, *needed))) == "done"


def test_seeing_the_token_takes_its_own_permission(enlist: Enlist) -> None:
    needed = [Permission.USERS_EDIT, Permission.DEVICES_REGISTER]
    shown = both(message=SHOWN)
    assert code(enlist.perform(shown, caller_with(enlist, *needed))) == "forbidden"
    nothing_was_written(enlist)
    reveals = caller_with(enlist, *needed, Permission.ENROLLMENTS_REVEAL)
    assert code(enlist.perform(shown, reveals)) == "done"


def test_of_two_at_once_one_wins(enlist: Enlist) -> None:
    verb = both(message=SHOWN, email="")
    outcomes = enlist.together([lambda: enlist.perform(verb)] * 2)
    assert sorted(code(each) for each in outcomes) == ["done", "username_taken"]
    assert len(enlist.rows("device")) == len(enlist.rows("enrollment")) == 1


def test_a_repeated_request_answers_the_same(enlist: Enlist) -> None:
    """Ruling 25: the token that was shown is derived and shown again."""
    key = idempotency_key(enlist.host, "one", b"body")
    assert not isinstance(key, Refusal)
    verb = both(message=SHOWN, password=Secret(PASSWORD))

    def ask(made: str) -> BothAgain:
        return BothAgain(made, revealed=True)

    first = enlist.do(Idempotent(verb, key, ask))
    again = enlist.do(Idempotent(verb, key, ask))
    assert first.issued.token is not None
    assert again.issued.token == first.issued.token
    assert (again.user, again.issued.device_id) == (first.user, first.issued.device_id)
    assert len(enlist.rows("device")) == 1
