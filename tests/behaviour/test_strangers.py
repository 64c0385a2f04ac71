"""Strangers learn nothing; staff finds the exact reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE, Audience
from enlist.core.secrets import Kind, Secret, new_code, new_machine_secret, random_secret
from enlist.store.tx import Query
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import ByApiKey, BySignIn
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.sign_in import StartSignIn
from tests.installation import PASSWORD, Enlist, code, done, refusal

SET_USES = Query("test.set_uses", "UPDATE enrollment SET max_uses = 2 WHERE id = :id")


def shown(told: Refusal) -> dict[str, object]:
    """What an adapter may show of a refusal; the rest is for the log."""
    hidden = {"reason", "about", "data", "personal", "support_code", "holder", "counted_only"}
    return {f.name: getattr(told, f.name) for f in fields(told) if f.name not in hidden}


def test_without_credentials_every_wrong_token_looks_alike(enlist: Enlist) -> None:
    """X13, rulings 8 and 14: unknown, malformed, deleted, another kind, two factors asked."""
    deleted = enlist.register("ada", name="deleted")
    enlist.do(DeleteDevice(deleted.device_id))
    enlist.organization("strict", token_type="two_factor")
    enlist.user("eve", organization="strict")
    two_factor = enlist.register("eve", organization="strict")
    answers = [
        refusal(enlist.redeem(secret))
        for secret in (
            "abcdefghij",
            "?",
            deleted.token,
            two_factor.token,
            new_machine_secret("enk").text,
        )
    ]
    answers.append(refusal(enlist.redeem(group_id="main")))
    answers.append(refusal(enlist.redeem(group_id="nowhere")))
    assert [shown(each) for each in answers] == [shown(answers[0])] * len(answers)
    assert answers[0].code == "token_invalid"


def test_with_credentials_every_failure_looks_alike(enlist: Enlist) -> None:
    """X13, A04, A11, ruling 8: the shape of the request decides, not what was wrong."""
    enlist.user("ada")
    enlist.organization("one")
    enlist.user("eve", organization="one")
    enlist.set(token_type="two_factor")
    ticket = enlist.register("ada")
    right, wrong = ("ada", PASSWORD), ("ada", "wrong")
    answers = [
        refusal(enlist.redeem("abcdefghij", login=right)),
        refusal(enlist.redeem("?", login=wrong)),
        refusal(enlist.redeem(ticket.token, login=wrong)),
        refusal(enlist.redeem(ticket.token, login=("nobody", PASSWORD))),
        refusal(enlist.redeem(group_id="nowhere", login=wrong)),
        refusal(enlist.redeem(group_id="main", login=wrong)),
        refusal(enlist.redeem(group_id="main", login=("eve", PASSWORD))),
    ]
    assert [shown(each) for each in answers] == [shown(answers[0])] * len(answers)
    assert answers[0].code == "credentials_invalid"


def test_with_credentials_a_hash_is_always_computed(enlist: Enlist) -> None:
    """S07, ruling 8: unknown user, unknown token, a used-up try: the same slow work."""
    enlist.set(token_type="two_factor")
    ticket = enlist.register("ada")
    computed: list[bool] = []
    passwords = enlist.installation.tools.passwords
    compare = passwords.verify

    def counting(stored: str | None, password: Secret) -> bool:
        computed.append(stored is not None)
        return compare(stored, password)

    passwords.verify = counting  # type: ignore[method-assign]
    wrong = ("ada", "wrong")
    for token, group_id, login in (
        ("abcdefghij", "", ("nobody", "wrong")),
        ("abcdefghij", "", wrong),
        ("abcdefghij", "", wrong),  # the account must wait now
        ("?", "", wrong),
        (ticket.token, "", ("nobody", "wrong")),
        (ticket.token, "", wrong),
        (None, "nowhere", wrong),
        (None, "main", wrong),
    ):
        computed.clear()
        outcome = enlist.redeem(token, group_id=group_id, login=login)
        assert (code(outcome), len(computed)) == ("credentials_invalid", 1)


def test_every_refusal_to_a_stranger_is_one_that_anybody_may_hear(enlist: Enlist) -> None:
    """X13: the catalogue says who may hear what."""
    ticket = enlist.register("ada")
    enlist.revoke(ticket.enrollment_id)
    for outcome in (
        enlist.redeem("abcdefghij"),
        enlist.redeem("abcdefghij", login=("ada", "wrong")),
        enlist.cancel("0" * 32, Secret("BCDF-GHJK-L")),
    ):
        told = refusal(outcome)
        assert CATALOGUE[told.code].audience is Audience.ANYBODY
        assert not told.holder
    held = refusal(enlist.redeem(ticket.token))
    assert CATALOGUE[held.code].audience is Audience.HOLDER
    assert held.holder


def test_the_log_tells_apart_what_strangers_see_alike(enlist: Enlist) -> None:
    """X13: unknown, expired, used, revoked, replaced, wrong user: each by its name."""
    enlist.user("eve")
    tickets = {name: enlist.register("ada", name=name) for name in ("e", "u", "r", "p")}
    done(enlist.redeem(tickets["u"].token))
    enlist.revoke(tickets["r"].enrollment_id)
    enlist.clock.advance(seconds=1)
    enlist.reissue(tickets["p"].enrollment_id)
    for name in ("u", "r", "p"):
        enlist.redeem(tickets[name].token, key=1)
    enlist.clock.now = tickets["e"].expires_at
    enlist.redeem(tickets["e"].token)
    enlist.redeem("abcdefghij")
    codes = {event.device_id: event.data["code"] for event in enlist.events("enrollment.refused")}
    assert codes == {
        tickets["u"].device_id: "token_used",
        tickets["r"].device_id: "token_revoked",
        tickets["p"].device_id: "token_replaced",
        tickets["e"].device_id: "token_expired",
        None: "token_invalid",
    }


def test_a_support_code_leads_staff_to_the_exact_reason(enlist: Enlist) -> None:
    """S78, X13: the code itself says nothing."""
    enlist.user("ada")
    told = refusal(enlist.redeem(group_id="nowhere", login=("ada", PASSWORD)))
    (found,) = enlist.events(support_code=told.support_code)
    assert "Group ID" in str(found.data["reason"])
    assert len({refusal(enlist.redeem("abcdefghij")).support_code for _ in range(5)}) == 5


def test_a_secret_of_one_kind_is_nothing_where_another_is_asked(enlist: Enlist) -> None:
    """S11: the kind is part of the digest."""
    ticket = enlist.register("ada")
    api_key = enlist.do(CreateApiKey("key", "reader")).secret
    keys = enlist.installation.tools.keys
    digests = {kind: keys.digest(kind, ticket.token).value for kind in Kind}
    assert len(set(digests.values())) == len(Kind)
    begun = done(enlist.begin(ticket.token))
    assert code(enlist.redeem(api_key)) == "token_invalid"
    assert code(enlist.cancel(begun.attempt_id, ticket.token)) == "token_invalid"


def test_another_organizations_group_id_opens_nothing(enlist: Enlist) -> None:
    """S11, S52: a right login at the wrong place is a wrong login."""
    enlist.organization("one")
    enlist.organization("two")
    enlist.user("ada", organization="one")
    outcome = enlist.redeem(group_id="two", login=("ada", PASSWORD))
    assert code(outcome) == "credentials_invalid"


def test_the_log_tells_apart_users_organizations_and_uses(enlist: Enlist) -> None:
    """X13: exhausted, another user's login, another organization's Group ID, none at all."""
    enlist.organization("one")
    enlist.organization("two")
    enlist.user("ada", organization="one")
    enlist.user("eve", organization="two")
    enlist.redeem(group_id="two", login=("ada", PASSWORD))
    enlist.redeem(group_id="nowhere", login=("eve", PASSWORD))
    enlist.clock.advance(minutes=1)
    exhausted = enlist.register("ada", name="worn", organization="one")
    done(enlist.redeem(exhausted.token))
    enlist.store.write(lambda tx: tx.run(SET_USES, id=exhausted.enrollment_id))
    enlist.redeem(exhausted.token, key=1)
    enlist.set("one", token_type="two_factor")
    owned = enlist.register("ada", name="hers", organization="one")
    enlist.redeem(owned.token, login=("eve", PASSWORD))
    told = [
        (event.data["code"], event.data["reason"]) for event in enlist.events("enrollment.refused")
    ]
    assert told == [
        ("credentials_invalid", "another organization's user"),
        ("credentials_invalid", "unknown token or Group ID; "),
        ("token_exhausted", "token_exhausted"),
        ("wrong_user", "another user's login"),
    ]


@pytest.mark.parametrize("way", ["check", "begin", "redeem", "cancel", "API key", "cookie"])
def test_a_random_secret_costs_no_slow_hash(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """X61: neither a right one nor a guess; Argon2 is for what people thought of themselves."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    api_key = enlist.do(CreateApiKey("key", "reader")).secret
    cookie = enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()).cookie

    def slow(*_: object) -> bool:
        raise AssertionError("a password hash was computed")

    passwords = enlist.installation.tools.passwords
    monkeypatch.setattr(passwords, "verify", slow)
    monkeypatch.setattr(passwords, "hash", slow)
    guesses = ("abcdefghij", new_code(), new_machine_secret("enk").text, random_secret())
    for guess in guesses:
        secret = guess if isinstance(guess, Secret) else Secret(guess)
        if way in ("check", "begin", "redeem"):
            assert code(getattr(enlist, way)(secret)) == "token_invalid"
        elif way == "cancel":
            assert code(enlist.cancel(begun.attempt_id, secret)) == "token_invalid"
        else:
            verb: Any = ByApiKey(secret) if way == "API key" else BySignIn(secret)
            assert code(enlist.perform(verb, enlist.stranger())) == "unauthenticated"
    right: dict[str, Callable[[], object]] = {
        "check": lambda: enlist.check(ticket.token),
        "begin": lambda: enlist.begin(ticket.token),
        "redeem": lambda: enlist.redeem(ticket.token),
        "cancel": lambda: enlist.cancel(begun.attempt_id, begun.code),
        "API key": lambda: enlist.perform(ByApiKey(api_key), enlist.stranger()),
        "cookie": lambda: enlist.perform(BySignIn(cookie), enlist.stranger()),
    }
    assert code(right[way]()) == "done"


@pytest.mark.parametrize("verb", ["check", "begin", "redeem"])
def test_a_guess_about_nobody_belongs_to_the_top(enlist: Enlist, verb: str) -> None:
    """Ruling 26: events whose organization is unknown belong to the root."""
    enlist.organization("one")
    getattr(enlist, verb)("abcdefghij")
    (event,) = enlist.events("enrollment.refused")
    assert event.organization_id == enlist.root.id
    assert event.data["verb"] == verb
