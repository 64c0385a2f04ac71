"""A second factor: codes of an app, recovery codes, roles that need it, and taking it away."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from enlist.core.caller import Caller
from enlist.core.clock import SECOND
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import ROLES, Role
from enlist.core.secrets import Secret
from enlist.verbs import totp
from enlist.verbs.callers import BySignIn
from enlist.verbs.driver import Verb
from enlist.verbs.erase import Erase
from enlist.verbs.finish_sign_in import FinishSignIn
from enlist.verbs.keys import DropLeakedKeys
from enlist.verbs.own_roles import GIVEABLE, AddOwnRole
from enlist.verbs.recovery import Recover, UseRecoveryLink
from enlist.verbs.second_factor import NewRecoveryCodes, RemoveSecondFactor, SetUpSecondFactor
from enlist.verbs.second_factor_rules import Rules, SetSecondFactorRules, ShowSecondFactorRules
from enlist.verbs.sign_in import SignedIn, StartSignIn
from enlist.verbs.staff import GrantRole, SetPassword
from enlist.verbs.users import DeleteUser
from enlist.wiring.keys import TAKEN_UP, KeyWatch, listed, rotate
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, code, done, refusal

KEY = Secret(base64.b32encode(b"12345678901234567890").decode())
"""The secret of RFC 6238's test vectors."""


def shown(enlist: Enlist, later: int = 0, secret: Secret = KEY) -> str:
    """What the app shows now, or some seconds later."""
    generator = TOTP(base64.b32decode(secret.reveal()), 6, SHA1(), 30)  # noqa: S303
    return generator.generate(enlist.clock.now // SECOND + later).decode()


def password(enlist: Enlist, username: str) -> SignedIn:
    """Sign in as far as a password goes."""
    return done(enlist.perform(StartSignIn(username, Secret(PASSWORD)), enlist.stranger()))


def finish(enlist: Enlist, half: SignedIn, typed: str) -> Done[SignedIn] | Refusal:
    return enlist.perform(FinishSignIn(half.cookie, typed), enlist.stranger())


def known(enlist: Enlist, signed_in: SignedIn, *, setting_up: bool = False) -> Caller:
    verb = BySignIn(signed_in.cookie, setting_up=setting_up)
    return done(enlist.perform(verb, enlist.stranger()))


def set_up(enlist: Enlist, username: str) -> Sequence[str]:
    """Give somebody a second factor, and move on to a code that was not used for it."""
    caller = known(enlist, password(enlist, username), setting_up=True)
    codes = done(enlist.perform(SetUpSecondFactor(KEY, shown(enlist)), caller))
    enlist.clock.advance(seconds=60)
    return [each.reveal() for each in codes]


def test_codes_are_those_of_the_rfc(enlist: Enlist) -> None:
    """RFC 6238, appendix B, its last six digits."""
    vectors = {59: "287082", 1111111109: "081804", 20000000000: "353130"}
    for moment, expected in vectors.items():
        assert totp.step_of(KEY, expected, moment * SECOND) == moment // 30
    now = enlist.clock.now
    for step in (-1, 0, 1):
        assert totp.step_of(KEY, shown(enlist, 30 * step), now) == now // SECOND // 30 + step
    for typed in (shown(enlist, 60), shown(enlist, -60), "", "12345", "1234567", "٤٤٤٤٤٤"):
        assert totp.step_of(KEY, typed, now) is None
    assert totp.step_of(KEY, f" {shown(enlist)[:3]} {shown(enlist)[3:]} ", now) is not None


def test_a_password_alone_signs_nobody_in_who_has_one(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    half = password(enlist, "ada")
    assert half.code_to_come
    for setting_up in (False, True):
        asked = BySignIn(half.cookie, setting_up=setting_up)
        assert code(enlist.perform(asked, enlist.stranger())) == "unauthenticated"
    whole = done(finish(enlist, half, shown(enlist)))
    assert known(enlist, whole).name == "ada"
    assert whole.cookie != half.cookie
    assert code(finish(enlist, half, shown(enlist, 30))) == "sign_in_step_over"
    assert enlist.events("sign_in.started")[-1].data["second_factor"] == "totp"


def test_each_code_signs_in_once_even_at_the_same_moment(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    halves = [password(enlist, "ada") for _ in range(4)]
    typed = shown(enlist)
    outcomes = enlist.together([partial(finish, enlist, half, typed) for half in halves])
    ended = sorted(code(each) for each in outcomes)
    assert ended.count("done") == 1
    assert set(ended) <= {"done", "second_factor_wrong", "sign_in_delayed"}
    enlist.clock.advance(seconds=10)
    assert code(finish(enlist, password(enlist, "ada"), typed)) == "second_factor_wrong"
    enlist.clock.advance(seconds=30)
    earlier, present = shown(enlist, -30), shown(enlist)
    assert code(finish(enlist, password(enlist, "ada"), present)) == "done"
    assert code(finish(enlist, password(enlist, "ada"), earlier)) == "second_factor_wrong"


def test_the_code_of_the_set_up_does_not_sign_in(enlist: Enlist) -> None:
    enlist.user("ada")
    caller = known(enlist, password(enlist, "ada"))
    typed = shown(enlist)
    enlist.do(SetUpSecondFactor(KEY, typed), caller)
    assert code(finish(enlist, password(enlist, "ada"), typed)) == "second_factor_wrong"


def test_wrong_codes_count_like_wrong_passwords(enlist: Enlist) -> None:
    """Whoever knows the password is not given more tries by giving it again."""
    enlist.user("ada")
    set_up(enlist, "ada")
    waited = []
    for _ in range(6):
        half = password(enlist, "ada")
        assert code(finish(enlist, half, "000000")) == "second_factor_wrong"
        waits = enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
        assert refusal(waits).code == refusal(finish(enlist, half, "000000")).code
        assert refusal(waits).code == "sign_in_delayed"
        waited.append(refusal(waits).retry_after)
        enlist.clock.now += (refusal(waits).retry_after or 0) * SECOND
    assert waited == [1, 2, 4, 8, 16, 32]
    assert code(finish(enlist, password(enlist, "ada"), shown(enlist))) == "done"
    assert code(finish(enlist, password(enlist, "ada"), "000000")) == "second_factor_wrong"
    assert enlist.events("sign_in.refused")[-1].data["code"] == "second_factor_wrong"


def test_each_recovery_code_signs_in_once_and_its_owner_is_told(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.user("ben")
    codes = set_up(enlist, "ada")
    assert len(set(codes)) == 10
    set_up(enlist, "ben")
    assert code(finish(enlist, password(enlist, "ben"), codes[0])) == "second_factor_wrong"
    halves = [password(enlist, "ada") for _ in range(3)]
    outcomes = enlist.together([partial(finish, enlist, half, codes[0].lower()) for half in halves])
    assert sorted(code(each) for each in outcomes).count("done") == 1
    enlist.clock.advance(seconds=10)
    assert code(finish(enlist, password(enlist, "ada"), codes[0])) == "second_factor_wrong"
    enlist.clock.advance(seconds=10)
    assert code(finish(enlist, password(enlist, "ada"), codes[1])) == "done"
    told = [row["purpose"] for row in enlist.rows("message")]
    assert told.count("recovery_code_used") == 2
    caller = known(enlist, done(finish(enlist, password(enlist, "ada"), shown(enlist))))
    renewed = [each.reveal() for each in enlist.do(NewRecoveryCodes(), caller)]
    assert code(finish(enlist, password(enlist, "ada"), codes[2])) == "second_factor_wrong"
    enlist.clock.advance(seconds=10)
    assert code(finish(enlist, password(enlist, "ada"), renewed[2])) == "done"


def test_nothing_of_it_can_be_read_in_the_database(enlist: Enlist) -> None:
    enlist.user("ada")
    codes = set_up(enlist, "ada")
    tables = ("second_factor", "recovery_code", "sign_in_step", "event", "message", "throttle")
    kept = str([enlist.rows(table) for table in tables])
    for secret in (KEY.reveal(), *codes, *(each.replace("-", "") for each in codes)):
        assert secret not in kept
    (row,) = enlist.rows("second_factor")
    other = totp.Sealed(row["sealed"], row["derive_key_id"])
    keys = enlist.installation.tools.keys
    assert totp.unseal(keys, row["user_id"], other) == KEY


def test_set_up_takes_a_fresh_password_and_the_right_code(enlist: Enlist) -> None:
    enlist.user("ada")
    elsewhere = password(enlist, "ada")
    caller = known(enlist, password(enlist, "ada"))
    wrong = refusal(enlist.perform(SetUpSecondFactor(KEY, "000000"), caller))
    assert (wrong.code, wrong.fields[0].field) == ("validation_failed", "code")
    stale = replace(caller, proved_at=caller.proved_at - 660 * SECOND)
    assert code(enlist.perform(SetUpSecondFactor(KEY, shown(enlist)), stale)) == "proof_too_old"
    assert not password(enlist, "ada").code_to_come
    enlist.do(SetUpSecondFactor(KEY, shown(enlist)), caller)
    gone = enlist.perform(BySignIn(elsewhere.cookie), enlist.stranger())
    assert code(gone) == "unauthenticated"


def test_a_role_may_need_it_and_who_lacks_it_may_do_nothing_else(enlist: Enlist) -> None:
    enlist.organization("berlin")
    enlist.user("ada", organization="berlin")
    enlist.do(GrantRole("ada", "berlin", "operator"))
    signed_in = password(enlist, "ada")
    assert known(enlist, signed_in).rights
    enlist.do(SetSecondFactorRules("main", ("operator",)))
    assert code(enlist.perform(BySignIn(signed_in.cookie), enlist.stranger())) == "unauthenticated"
    caller = known(enlist, signed_in, setting_up=True)
    assert (caller.must_set_up, caller.rights) == (True, ())
    rules = enlist.driver.view(ShowSecondFactorRules("berlin"), enlist.host)
    assert isinstance(rules, Rules)
    assert (rules.own, dict(rules.in_force)) == (
        frozenset(),
        {"operator": "main", "administrator": "main"},
    )
    enlist.do(SetUpSecondFactor(KEY, shown(enlist)), caller)
    assert known(enlist, signed_in).rights
    enlist.clock.advance(seconds=60)
    whole = done(finish(enlist, password(enlist, "ada"), shown(enlist)))
    assert known(enlist, whole).rights
    above = known(enlist, password(enlist, ADMINISTRATOR), setting_up=True)
    assert above.must_set_up, "an administrator may do as much"


@pytest.mark.parametrize(
    "roles",
    [
        (GIVEABLE,),
        (tuple(each for each in GIVEABLE if each != "alerts:read"),),
        (GIVEABLE[::2], GIVEABLE[1::2]),
        (("roles:edit",),),
        (("settings:edit", "users:read"),),
    ],
    ids=["a copy", "one less", "two halves", "staff alone", "settings alone"],
)
def test_a_role_of_ones_own_sheds_no_rule_for_administrators(
    enlist: Enlist, roles: tuple[tuple[str, ...], ...]
) -> None:
    enlist.do(SetSecondFactorRules("main", ("administrator",)))
    enlist.organization("berlin")
    enlist.user("ada", organization="berlin")
    for number, permissions in enumerate(roles):
        enlist.do(AddOwnRole("berlin", f"part {number}", permissions))
        enlist.do(GrantRole("ada", "berlin", f"part {number}"))
    signed_in = password(enlist, "ada")
    assert code(enlist.perform(BySignIn(signed_in.cookie), enlist.stranger())) == "unauthenticated"
    assert known(enlist, signed_in, setting_up=True).must_set_up


def test_who_may_do_no_more_than_roles_without_it_needs_none(enlist: Enlist) -> None:
    """Nor does anybody beside the organization that asks, by whatever he holds."""
    enlist.organization("berlin")
    enlist.organization("bern")
    for name, place in (("ada", "berlin"), ("bob", "berlin"), ("eve", "bern")):
        enlist.user(name, organization=place)
    enlist.do(SetSecondFactorRules("berlin", ("administrator",)))
    enlist.do(AddOwnRole("berlin", "less", tuple(ROLES[Role.OPERATOR])))
    for role in ("less", "reader", "helpdesk"):
        enlist.do(GrantRole("ada", "berlin", role))
    enlist.do(GrantRole("bob", "berlin", "operator"))
    enlist.do(GrantRole("eve", "bern", "administrator"))
    for name in ("ada", "bob", "eve"):
        assert known(enlist, password(enlist, name)).rights
    assert known(enlist, password(enlist, ADMINISTRATOR)).rights, "he holds it above, not there"
    enlist.do(SetSecondFactorRules("berlin", ("less",)))
    assert known(enlist, password(enlist, "ada"), setting_up=True).must_set_up
    assert known(enlist, password(enlist, "bob"), setting_up=True).must_set_up, "he may as much"
    enlist.do(AddOwnRole("berlin", "least", ("devices:read", "devices:register")))
    enlist.do(SetSecondFactorRules("berlin", ("least",)))
    assert known(enlist, password(enlist, "bob"), setting_up=True).must_set_up, "he may more"


def test_nobody_loosens_what_guards_those_above_him(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(SetSecondFactorRules("main", ("administrator", "operator")))
    enlist.do(GrantRole("ada", "main", "operator"))
    operator = enlist.caller(enlist.user("eve"))
    assert code(enlist.perform(SetSecondFactorRules("main", ()), operator)) == "not_found"
    (changed,) = enlist.events("second_factor.rule_changed")
    assert changed.data["after.second_factor_roles"] == "administrator, operator"
    enlist.do(SetSecondFactorRules("main", ("administrator", "operator")))
    assert len(enlist.events("second_factor.rule_changed")) == 1


def test_a_lost_one_is_taken_away_and_its_owner_is_told(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    whole = done(finish(enlist, password(enlist, "ada"), shown(enlist)))
    half = password(enlist, "ada")
    assert enlist.do(RemoveSecondFactor("ada")) == 2
    assert code(enlist.perform(BySignIn(whole.cookie), enlist.stranger())) == "unauthenticated"
    assert code(finish(enlist, half, shown(enlist, 30))) == "sign_in_step_over"
    assert not password(enlist, "ada").code_to_come
    (event,) = enlist.events("second_factor.removed")
    assert (event.data["own"], event.actor_kind) == (False, "host")
    assert "second_factor_removed" in [row["purpose"] for row in enlist.rows("message")]
    assert code(enlist.perform(RemoveSecondFactor("ada"), enlist.host)) == "conflict"
    assert not enlist.rows("recovery_code")


def test_a_new_password_ends_what_waits_for_a_code(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    half = password(enlist, "ada")
    enlist.do(SetPassword("ada", Secret("another good password")))
    assert code(finish(enlist, half, shown(enlist))) == "sign_in_step_over"


def test_what_waits_too_long_is_over(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    half = password(enlist, "ada")
    enlist.clock.advance(minutes=10)
    assert code(finish(enlist, half, shown(enlist))) == "sign_in_step_over"


def test_recovering_an_administrator_leaves_the_second_factor(enlist: Enlist) -> None:
    codes = set_up(enlist, ADMINISTRATOR)
    made = enlist.do(Recover(ADMINISTRATOR))
    assert made.second_factor
    enlist.do(UseRecoveryLink(made.link, Secret(PASSWORD)), enlist.stranger())
    half = password(enlist, ADMINISTRATOR)
    assert half.code_to_come
    assert code(finish(enlist, half, codes[0])) == "done"


def guarded_by(enlist: Enlist) -> dict[str, int]:
    return {each.id: each.alive for each in listed(enlist.installation, enlist.settings)}


def test_a_rotated_key_seals_anew_at_the_next_sign_in(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    before = enlist.rows("second_factor")[0]["derive_key_id"]
    newest = rotate(enlist.installation, enlist.settings, "derive").id
    enlist.clock.advance(microseconds=TAKEN_UP)
    KeyWatch(enlist.settings.data, enlist.clock, enlist.installation.take_up).look()
    assert guarded_by(enlist)[before] == 1
    assert code(finish(enlist, password(enlist, "ada"), shown(enlist))) == "done"
    assert enlist.rows("second_factor")[0]["derive_key_id"] == newest
    assert guarded_by(enlist)[before] == 0
    enlist.clock.advance(seconds=60)
    assert code(finish(enlist, password(enlist, "ada"), shown(enlist))) == "done"


def test_leaked_keys_end_recovery_codes(enlist: Enlist) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    enlist.do(DropLeakedKeys("ffffffff-000001", "ffffffff-000002"))
    assert not enlist.rows("recovery_code")
    assert password(enlist, "ada").code_to_come


@pytest.mark.parametrize("verb", [DeleteUser("ada"), Erase("ada", "ada")], ids=["delete", "erase"])
def test_who_is_gone_leaves_none(enlist: Enlist, verb: Verb[Any, Any, Any]) -> None:
    enlist.user("ada")
    set_up(enlist, "ada")
    enlist.do(verb)
    assert not enlist.rows("second_factor")
    assert not enlist.rows("recovery_code")
