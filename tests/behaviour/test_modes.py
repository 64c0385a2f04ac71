"""Who may enroll at all: modes, required tokens, Group IDs, and settings along the tree."""

from __future__ import annotations

import pytest

from enlist.core.policy import SETTINGS
from enlist.store import limits, organizations
from enlist.verbs.organizations import ChangeSettings
from tests.installation import PASSWORD, Enlist, code, done, refusal

ADA = ("ada", PASSWORD)


def in_force(enlist: Enlist, path: str) -> dict[str, object]:
    policy = enlist.store.read(lambda tx: organizations.policy(tx, path))
    return {key: found.value for key, found in policy.settings.items()}


PROMPTS = (
    *("prompt_ownership", "prompt_asset_number", "prompt_email", "windows_mutual_tls"),
    *("welcome_message", "installation_message", "transition_message"),
)


def test_a_new_installation_lets_anybody_with_an_account_enroll(enlist: Enlist) -> None:
    """A01, ruling 27: open, no token required, single factor, 10 characters, 24 hours; no prompt
    (A58)."""
    assert in_force(enlist, enlist.root.path) == {
        "enrollment_mode": "open",
        "require_registration_token": False,
        "token_type": "single_factor",
        "token_length": 10,
        "token_expiration_hours": 24,
        "lease_minutes": 10,
        "allow_bare_enrollment": False,
        "sign_in_device_limit": 20,
        "guard_known_devices": False,
        "notify_users": False,
        "sms_per_day": 200,
        "passcode_attempts": 100,
        "passcode_lockout": "disable",
        "passcode_reveal": False,
        "passcode_credential_hours": 24,
        "child_permission": "both",
        **dict.fromkeys(PROMPTS, False),
    }
    enlist.user("ada")
    enrolled = done(enlist.redeem(login=ADA, group_id="main"))
    device = enlist.device(enrolled.device_id)
    assert (device.username, device.state, device.platform) == ("ada", "enrolled", "linux")


def test_registered_only_refuses_a_device_that_nobody_registered(enlist: Enlist) -> None:
    """A01, A79: told to the user after his login; nothing is made."""
    enlist.set(enrollment_mode="registered_only")
    enlist.user("ada")
    assert code(enlist.redeem(login=ADA, group_id="main")) == "device_not_registered"
    assert enlist.devices() == ()


def test_registered_only_without_a_token_takes_the_oldest_device_of_that_platform(
    enlist: Enlist,
) -> None:
    """A79, ruling 28."""
    enlist.set(enrollment_mode="registered_only")
    phone = enlist.register("ada", name="phone", platform="ios")
    oldest = enlist.register("ada", name="old laptop")
    enlist.clock.advance(seconds=1)
    newer = enlist.register("ada", name="new laptop")
    assert done(enlist.redeem(login=ADA, group_id="main")).device_id == oldest.device_id
    enlist.clock.advance(seconds=1)
    assert done(enlist.redeem(login=ADA, group_id="main", key=1)).device_id == newer.device_id
    enlist.clock.advance(seconds=1)
    outcome = enlist.redeem(login=ADA, group_id="main", key=2)
    assert code(outcome) == "device_not_registered"
    assert enlist.device(phone.device_id).state == "registered"


def test_a_device_enrolled_by_sign_in_uses_up_its_live_token(enlist: Enlist) -> None:
    """A79, A28: one device, one enrollment, whichever way it was claimed."""
    ticket = enlist.register("ada")
    assert code(enlist.redeem(login=ADA, group_id="main")) == "done"
    assert enlist.enrollment(ticket.enrollment_id).state == "used"
    assert code(enlist.redeem(ticket.token, key=1)) == "token_used"


def test_where_tokens_are_required_a_login_alone_is_not_enough(enlist: Enlist) -> None:
    """A02, A79: the same registered device, without its token, is refused."""
    enlist.set(enrollment_mode="registered_only", require_registration_token=True)
    ticket = enlist.register("ada")
    assert code(enlist.redeem(login=ADA, group_id="main")) == "token_required"
    assert enlist.device(ticket.device_id).state == "registered"
    assert code(enlist.redeem(ticket.token)) == "done"


def test_the_rules_of_the_devices_own_organization_hold(enlist: Enlist) -> None:
    """A09, A11: a Group ID with looser rules opens no device registered where they are strict."""
    enlist.user("ada")
    enlist.organization(
        "strict", enrollment_mode="registered_only", require_registration_token=True
    )
    ticket = enlist.register("ada", organization="strict")
    enrolled = done(enlist.redeem(login=ADA, group_id="main"))
    assert enrolled.device_id != ticket.device_id
    assert enlist.device(ticket.device_id).state == "registered"


def test_requiring_a_token_exists_only_under_registered_only(enlist: Enlist) -> None:
    """A02: refused under `open`; going back to `open` clears it."""
    wanted = ChangeSettings("main", {"require_registration_token": True})
    assert code(enlist.perform(wanted)) == "validation_failed"
    enlist.set(enrollment_mode="registered_only", require_registration_token=True)
    assert in_force(enlist, enlist.root.path)["require_registration_token"] is True
    enlist.set(enrollment_mode="open")
    enlist.set(enrollment_mode="registered_only")
    assert in_force(enlist, enlist.root.path)["require_registration_token"] is False


def test_single_factor_asks_for_nothing_but_the_token(enlist: Enlist) -> None:
    """A03: what else is given changes nothing."""
    first, second = enlist.register("ada"), enlist.register("ada", name="second")
    assert code(enlist.redeem(first.token)) == "done"
    assert code(enlist.redeem(second.token, login=("nobody", "wrong"), key=1)) == "done"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enrollment_mode", "closed"),
        ("token_type", "three_factor"),
        ("token_length", 5),
        ("token_length", 21),
        ("token_length", "10"),
        ("token_length", 10.0),
        ("token_expiration_hours", 0),
        ("token_expiration_hours", -1),
        ("token_expiration_hours", 1.5),
        ("token_expiration_hours", True),
        ("token_expiration_hours", 8761),
        ("token_expiration_hours", 10**30),
        ("lease_minutes", 0),
        ("allow_bare_enrollment", "yes"),
        ("colour", "red"),
    ],
)
def test_impossible_settings_are_refused_by_name(enlist: Enlist, key: str, value: object) -> None:
    """A01, A05, A06, S21."""
    outcome = refusal(enlist.perform(ChangeSettings("main", {key: value})))
    assert outcome.code == "validation_failed"
    assert [error.field for error in outcome.fields] == [key]
    assert in_force(enlist, enlist.root.path) == {k: s.default for k, s in SETTINGS.items()}


@pytest.mark.parametrize("length", [6, 20])
def test_a_token_has_the_length_that_was_set_when_it_was_issued(
    enlist: Enlist, length: int
) -> None:
    """A05, ruling 27: changing the setting changes no token that is out."""
    enlist.set(token_length=length)
    ticket = enlist.register("ada")
    enlist.set(token_length=26 - length)
    assert len(ticket.token.reveal()) == length
    assert ticket.token.reveal().isalnum()
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_child_inherits_until_it_overrides(enlist: Enlist) -> None:
    """A09: an override leaves parent and sibling alone; the parent's change reaches heirs."""
    one, two = enlist.organization("one"), enlist.organization("two")
    before = in_force(enlist, two.path)
    enlist.set("one", token_length=15)
    assert in_force(enlist, one.path) == {**before, "token_length": 15}
    assert in_force(enlist, two.path) == in_force(enlist, enlist.root.path) == before
    enlist.set(token_length=12, token_expiration_hours=48)
    assert in_force(enlist, two.path) == in_force(enlist, enlist.root.path)
    assert in_force(enlist, one.path)["token_length"] == 15
    assert in_force(enlist, one.path)["token_expiration_hours"] == 48


def test_a_device_gets_a_token_by_the_rules_of_its_own_organization(enlist: Enlist) -> None:
    """A09: the user's organization says one thing, the device's another."""
    enlist.user("ada")
    enlist.organization("one", token_length=17, token_expiration_hours=3)
    ticket = enlist.register("ada", organization="one")
    assert len(ticket.token.reveal()) == 17
    assert ticket.expires_at == enlist.clock.now + 3 * 3_600_000_000


def test_the_parent_says_what_children_may_do(enlist: Enlist) -> None:
    """A10, ruling 27: override under `inherit_only`, inherit under `override_only`: refused."""
    enlist.organization("one")
    enlist.set(child_permission="inherit_only")
    change = ChangeSettings("one", {"token_length": 12})
    assert code(enlist.perform(change)) == "setting_inherited"
    enlist.set(child_permission="override_only", token_length=9)
    assert code(enlist.perform(change)) == "done"
    back = ChangeSettings("one", {"token_length": None})
    assert code(enlist.perform(back)) == "setting_override_required"
    copied = enlist.organization("two")
    enlist.set(token_length=14)
    assert in_force(enlist, copied.path)["token_length"] == 9
    enlist.set(child_permission="both")
    assert code(enlist.perform(back)) == "done"


def test_a_wrong_group_id_and_a_wrong_password_look_alike(enlist: Enlist) -> None:
    """A11, ruling 8: one answer, two reasons in the log."""
    enlist.user("ada")
    elsewhere = refusal(enlist.redeem(login=ADA, group_id="nowhere"))
    enlist.clock.advance(minutes=1)
    wrong = refusal(enlist.redeem(login=("ada", "wrong"), group_id="main"))
    assert elsewhere.code == wrong.code == "credentials_invalid"
    assert (elsewhere.at, elsewhere.detail, elsewhere.retry_after) == (
        wrong.at,
        wrong.detail,
        wrong.retry_after,
    )
    reasons = [event.data["reason"] for event in enlist.events("enrollment.refused")]
    assert len(set(reasons)) == 2


def test_a_group_id_is_read_in_any_case_of_letters(enlist: Enlist) -> None:
    """A11, ruling 31."""
    enlist.user("ada")
    assert code(enlist.redeem(login=("ADA", PASSWORD), group_id="MaIn")) == "done"


def test_a_user_enrolls_only_at_his_organization_or_below(enlist: Enlist) -> None:
    """A11, S11, S52: with a sibling's Group ID he is told what a stranger is told."""
    enlist.organization("one")
    enlist.organization("two")
    enlist.organization("below", parent="one")
    enlist.user("ada", organization="one")
    for place in ("two", "main"):
        assert code(enlist.redeem(login=ADA, group_id=place)) == "credentials_invalid"
        enlist.clock.advance(minutes=5)
    enrolled = done(enlist.redeem(login=ADA, group_id="below"))
    assert enlist.device(enrolled.device_id).group_id == "below"


def test_signing_in_to_enroll_leaves_no_trace_of_failure(enlist: Enlist) -> None:
    """Ruling 21: a right login gives its try back, so that the next one need not wait."""
    enlist.user("ada")
    for number in range(3):
        assert code(enlist.redeem(login=ADA, group_id="main", key=number)) == "done"
    assert enlist.rows("throttle") == []


def test_a_refused_enrollment_after_a_right_login_does_not_slow_the_next(enlist: Enlist) -> None:
    """Ruling 21, S17: the login was right, whatever was wrong with the rest."""
    enlist.set(enrollment_mode="registered_only")
    enlist.user("ada")
    for _ in range(3):
        assert code(enlist.redeem(login=ADA, group_id="main")) == "device_not_registered"
    counted = [row["source"] for row in enlist.rows("throttle")]
    assert all(source.startswith(limits.TOLD) for source in counted), "only what was written down"
