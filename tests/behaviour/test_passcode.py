"""The company passcode: generated, replaced, counted, locked, and only generating unlocks it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.passcodes import SelfService
from enlist.core.secrets import BASE58, Key, KeyRing, Kind, Secret, random_passcode
from enlist.store import credential_requests, key_use
from enlist.verbs.driver import AnyVerb
from enlist.verbs.email_domains import SetEmailDomains
from enlist.verbs.keys import DropLeakedKeys
from enlist.verbs.lock_list import ListLocks
from enlist.verbs.passcodes import (
    DisablePasscode,
    GeneratePasscode,
    PasscodeStatus,
    RevealPasscode,
    ShowPasscode,
)
from enlist.verbs.self_service import AskForCredentials, ProveMailbox
from enlist.verbs.users import SetUserState
from tests.behaviour.alerting import World, world
from tests.installation import ADMINISTRATOR, Enlist, Outcome, code, done, refusal

__all__ = ["world"]

SHAPE = re.compile("[1-9A-HJ-NP-Za-km-z]{12}")
WRONG = "aaaaBBBB1111"
CLASSES: tuple[Callable[[str], bool], ...] = (str.isdigit, str.islower, str.isupper)


def generate(enlist: Enlist, organization: str = "", overlap_hours: int = 0) -> str:
    return enlist.do(GeneratePasscode(organization, overlap_hours)).secret.reveal()


def ask(
    enlist: Enlist,
    passcode: str,
    named: str = "ada@example.com",
    *,
    organization: str = "",
    caller: Caller | None = None,
) -> Outcome[None]:
    verb = AskForCredentials(named, Secret(passcode), "linux", organization)
    return enlist.perform(verb, caller or enlist.stranger())


def status(enlist: Enlist, organization: str = "") -> PasscodeStatus:
    return enlist.see(ShowPasscode(organization))


def counts(enlist: Enlist, organization: str = "") -> tuple[int, int]:
    found = status(enlist, organization).passcode
    assert found is not None
    return found.failed_in_a_row, found.failed


def waiting(enlist: Enlist) -> list[tuple[str, str]]:
    """Who is to be sent credentials, and for which organization."""
    found = enlist.store.read(lambda tx: credential_requests.waiting(tx, 100))
    return [(each.user_id, each.organization_id) for each in found]


def wrong(
    enlist: Enlist, times: int, named: str = "ada@example.com", organization: str = ""
) -> None:
    for _ in range(times):
        outcome = ask(enlist, WRONG, named, organization=organization)
        assert code(outcome) == "passcode_invalid"


# --- generating ------------------------------------------------------------------------------


def test_ten_thousand_are_different_and_of_all_classes() -> None:
    """B01, B02: twelve letters of Base58, with a digit, a capital and a small letter."""
    made = [random_passcode().reveal() for _ in range(10_000)]
    ring = KeyRing((), (Key("1-a", bytes(range(32))),))
    made += [ring.derive_passcode(f"id-{n}")[0].secret.reveal() for n in range(500)]
    assert len(set(made)) == len(made)
    for each in made:
        assert SHAPE.fullmatch(each)
        assert any(map(str.isdigit, each))
        assert any(map(str.islower, each))
        assert any(map(str.isupper, each))
    letters = Counter("".join(made))
    assert len(letters) == 58
    # 57 degrees of freedom: a fair generator is beyond 140 once in 10**8 runs.
    expected = {each: 12 * len(made) * likelihood(each) for each in BASE58}
    assert sum((letters[each] - n) ** 2 / n for each, n in expected.items()) < 140


def likelihood(letter: str) -> float:
    """How likely a letter is where passcodes without all three classes are thrown away."""
    sizes = [sum(map(of, BASE58)) for of in CLASSES]

    def with_all(length: int, needed: list[int]) -> int:
        """Texts that have each of the needed classes, counted by what they lack."""
        return sum(
            (-1) ** count * (58 - sum(lacking)) ** length
            for count in range(len(needed) + 1)
            for lacking in itertools.combinations(needed, count)
        )

    own = next(size for size, of in zip(sizes, CLASSES, strict=True) if of(letter))
    others = list(sizes)
    others.remove(own)
    return with_all(11, others) / with_all(12, sizes)


def test_a_derived_one_is_the_same_for_ever() -> None:
    """A golden vector: what was generated must be readable by every later version."""
    ring = KeyRing((), (Key("1-a", bytes(range(32))),))
    derived, number = ring.derive_passcode("0198c0de-0000-7000-8000-000000000000")
    again = ring.derive_again("0198c0de-0000-7000-8000-000000000000", number, "1-a", 12, "base58")
    assert derived.secret == again
    assert derived.secret.reveal() == "ZNgL7yFhKcC8"


def test_the_next_one_ends_the_last_at_once_and_counts_anew(enlist: Enlist) -> None:
    """B01, B06: one is active; the counters begin at 0."""
    enlist.user("ada")
    old = generate(enlist)
    wrong(enlist, 2)
    new = generate(enlist)
    assert old != new
    assert [row["state"] for row in enlist.rows("passcode")].count("active") == 1
    assert counts(enlist) == (0, 0)
    assert code(ask(enlist, old)) == "passcode_invalid"
    assert code(ask(enlist, new)) == "done"
    made = [event for event in enlist.events() if event.kind == "passcode.generated"]
    assert [event.data["number"] for event in made] == [1, 2]


def test_many_who_generate_at_once_leave_one(enlist: Enlist) -> None:
    enlist.user("ada")
    made = enlist.together([lambda: enlist.perform(GeneratePasscode())] * 8)
    secrets = [each.secret.reveal() for each in map(done, made)]
    assert [row["state"] for row in enlist.rows("passcode")].count("active") == 1
    assert [code(ask(enlist, each)) for each in secrets].count("done") == 1


def test_it_is_kept_as_a_keyed_digest_alone(enlist: Enlist) -> None:
    """B26: neither the database nor the log holds it; the digest is reproduced with the key."""
    enlist.set(passcode_reveal=True)
    enlist.user("ada")
    for reveal in (True, False):
        enlist.set(passcode_reveal=reveal)
        made = generate(enlist)
        done(ask(enlist, made))
        enlist.clock.advance(minutes=1)
        [row] = [each for each in enlist.rows("passcode") if each["state"] == "active"]
        digest = enlist.driver.tools.keys.digest(Kind.PASSCODE, Secret(made))
        assert bytes(row["digest"]) == digest.value
        assert bool(row["derive_key_id"]) is reveal
        told = repr([*enlist.rows("passcode"), *enlist.rows("event"), *enlist.rows("message")])
        assert made not in told


def test_it_is_shown_again_only_where_the_settings_say_so(enlist: Enlist) -> None:
    """Ruling 6: once, or again where the setting allows; each time is an event."""
    assert code(enlist.perform(RevealPasscode())) == "passcode_not_active"
    generate(enlist)
    enlist.set(passcode_reveal=True)
    assert code(enlist.perform(RevealPasscode())) == "passcode_not_shown_again"
    made = generate(enlist)
    assert status(enlist).may_be_revealed
    assert enlist.do(RevealPasscode()).secret.reveal() == made
    assert [event.kind for event in enlist.events()].count("passcode.revealed") == 1
    enlist.set(passcode_reveal=False)
    assert code(enlist.perform(RevealPasscode())) == "passcode_not_shown_again"


def test_only_administrators(enlist: Enlist) -> None:
    """B22: neither operators nor readers see how it stands, generate or disable it."""
    generate(enlist)
    for role in ("operator", "helpdesk", "reader"):
        caller = enlist.staff(role)
        found = enlist.driver.view(ShowPasscode(), caller)
        verbs: list[AnyVerb[Any, Any, Any]] = [GeneratePasscode(), DisablePasscode()]
        outcomes = [enlist.perform(each, caller) for each in (*verbs, RevealPasscode())]
        assert code(found) == "forbidden"
        assert [code(each) for each in outcomes] == ["forbidden"] * 3
    administrator = enlist.staff("administrator")
    assert enlist.see(ShowPasscode(), administrator).state is SelfService.ACTIVE
    made = enlist.do(GeneratePasscode(), administrator).passcode
    assert made.generated_by_email == f"{administrator.name}@example.com"


def test_who_belongs_below_is_told_no_names(enlist: Enlist) -> None:
    """S51: whose passcode it is, and how it stands, but nobody of the organization above."""
    enlist.organization("alpha")
    enlist.user("ada")
    enlist.do(GeneratePasscode(), enlist.staff("administrator"))
    wrong(enlist, 1)
    below = enlist.see(ShowPasscode("alpha"), enlist.staff("administrator", "alpha"))
    assert (below.state, below.governed_by) == (SelfService.ACTIVE, enlist.root.group_id)
    assert below.passcode is not None
    told = (below.passcode.generated_by, below.passcode.generated_by_email)
    assert (*told, below.passcode.last_failed_from, below.sources) == ("", "", "", ())
    above = enlist.see(ShowPasscode("alpha"))
    assert above.passcode is not None
    assert above.passcode.generated_by_email
    assert above.sources


def test_keys_are_needed_while_it_is_in_force(enlist: Enlist) -> None:
    """S06: whoever takes an old key away is told first that a passcode rests on it."""

    def alive() -> dict[str, int]:
        return {key.purpose: key.alive for key in enlist.store.read(key_use.known)}

    before = alive()
    enlist.set(passcode_reveal=True)
    generate(enlist)
    during = alive()
    assert (during["lookup"], during["derive"]) == (before["lookup"] + 1, before["derive"] + 1)
    enlist.do(DisablePasscode())
    assert alive() == before


def test_a_leaked_key_ends_what_it_makes(enlist: Enlist) -> None:
    """One that can be derived again ends with the key; one that was drawn goes on."""
    enlist.organization("alpha", passcode_reveal=True)
    generate(enlist, "alpha")
    generate(enlist)
    enlist.do(DropLeakedKeys("another", "another"))
    assert status(enlist, "alpha").state is SelfService.DISABLED
    assert status(enlist).state is SelfService.ACTIVE
    [event] = [event for event in enlist.events() if event.kind == "passcode.disabled"]
    assert event.data["reason"] == "key_leaked"


def test_an_overlap_lets_both_live_until_it_ends(enlist: Enlist) -> None:
    """X41: after generating of one's own free will; killed at once whenever somebody says so."""
    assert code(enlist.perform(GeneratePasscode(overlap_hours=4))) == "validation_failed"
    for name in ("ada", "grace", "alan"):
        enlist.user(name)
    old = generate(enlist)
    new = generate(enlist, overlap_hours=4)
    found = status(enlist)
    assert found.older is not None
    assert found.older.ends_at == enlist.clock() + 4 * 3_600_000_000
    assert code(ask(enlist, old)) == "done"
    assert code(ask(enlist, new, "grace@example.com")) == "done"
    accepted = status(enlist)
    assert accepted.older is not None
    assert accepted.passcode is not None
    assert (accepted.older.accepted, accepted.passcode.accepted) == (1, 1)
    enlist.clock.advance(hours=4)
    assert status(enlist).older is None
    assert code(ask(enlist, old, "alan@example.com")) == "passcode_invalid"
    newest = generate(enlist, overlap_hours=4)
    enlist.do(DisablePasscode(old=True))
    assert code(ask(enlist, new, "alan@example.com")) == "passcode_invalid"
    assert code(ask(enlist, newest, "alan@example.com")) == "done"
    assert code(enlist.perform(DisablePasscode(old=True))) == "passcode_not_active"


# --- disabling -------------------------------------------------------------------------------


def test_disabled_is_off_until_generated(enlist: Enlist) -> None:
    """B11: self-service alone; a registration token still works."""
    enlist.user("ada")
    made = generate(enlist)
    enlist.do(DisablePasscode())
    assert status(enlist).state is SelfService.DISABLED
    assert code(ask(enlist, made)) == "passcode_invalid"
    assert counts(enlist) == (0, 0)
    assert code(enlist.redeem(enlist.register("ada").token)) == "done"
    assert code(enlist.perform(DisablePasscode())) == "passcode_not_active"
    assert code(ask(enlist, generate(enlist))) == "done"


# --- what is entered -------------------------------------------------------------------------


def test_case_counts_and_spaces_do_not(enlist: Enlist) -> None:
    """B03."""
    enlist.user("ada")
    made = generate(enlist)
    assert code(ask(enlist, made.swapcase())) == "passcode_invalid"
    assert counts(enlist) == (1, 1)
    typed = f" {made[:4]}-{made[4:8]} {made[8:]} "
    assert code(ask(enlist, typed, "  ADA@Example.com ")) == "done"
    assert counts(enlist) == (0, 1)
    assert len(waiting(enlist)) == 1


@pytest.mark.parametrize(
    ("named", "passcode", "field"), [("", WRONG, "email"), ("ada@example.com", " ", "passcode")]
)
def test_both_are_asked(enlist: Enlist, named: str, passcode: str, field: str) -> None:
    """B12: what is missing is said, and counts nothing."""
    generate(enlist)
    outcome = ask(enlist, passcode, named)
    assert code(outcome) == "validation_failed"
    assert [each.field for each in refusal(outcome).fields] == [field]
    assert counts(enlist) == (0, 0)


def test_nobody_known_gets_nothing(enlist: Enlist) -> None:
    """B13: the right passcode with an unknown address queues nothing, and is no wrong entry."""
    enlist.user("ada")
    made = generate(enlist)
    assert code(ask(enlist, made, "eve@example.com")) == "passcode_invalid"
    assert waiting(enlist) == []
    assert counts(enlist) == (0, 0)


def test_the_passcode_says_where_the_device_goes(enlist: Enlist) -> None:
    """B04: two organizations, one page; somebody who belongs above both goes to either."""
    alpha, beta = enlist.organization("alpha"), enlist.organization("beta")
    ada = enlist.user("ada")
    of_alpha, of_beta = generate(enlist, "alpha"), generate(enlist, "beta")
    assert code(ask(enlist, of_alpha)) == "done"
    enlist.clock.advance(minutes=1)
    assert code(ask(enlist, of_beta, "ada")) == "done"
    assert waiting(enlist) == [(ada.id, alpha.id), (ada.id, beta.id)]
    enlist.user("bea", organization="beta")
    assert code(ask(enlist, of_alpha, "bea@example.com")) == "passcode_invalid"
    assert code(ask(enlist, of_alpha, organization="beta")) == "passcode_invalid"
    assert counts(enlist, "beta") == (1, 1)


def test_one_passcode_serves_the_organizations_below(enlist: Enlist) -> None:
    alpha = enlist.organization("alpha")
    bea = enlist.user("bea", organization="alpha")
    made = generate(enlist)
    assert status(enlist, "alpha").governed_by == enlist.root.group_id
    assert code(ask(enlist, made, "bea@example.com")) == "done"
    assert waiting(enlist) == [(bea.id, alpha.id)]
    enlist.clock.advance(minutes=1)
    generate(enlist, "alpha")
    assert code(ask(enlist, made, "bea@example.com")) == "passcode_invalid"


def test_who_is_not_active_is_nobody(enlist: Enlist) -> None:
    ada = enlist.user("ada")
    enlist.user("noaddress", email="")
    made = generate(enlist)
    assert code(ask(enlist, made, "noaddress")) == "passcode_invalid"
    enlist.do(SetUserState(ada.id, "disabled"))
    assert code(ask(enlist, made)) == "passcode_invalid"


def test_a_mailbox_is_not_filled(enlist: Enlist) -> None:
    """One within half a minute, five within an hour; the answer is the same."""
    enlist.user("ada")
    made = generate(enlist)
    assert [code(ask(enlist, made)) for _ in range(3)] == ["done"] * 3
    assert len(waiting(enlist)) == 1
    for _ in range(7):
        enlist.clock.advance(seconds=31)
        done(ask(enlist, made))
    assert len(waiting(enlist)) == 5


# --- counting --------------------------------------------------------------------------------


def test_wrong_entries_in_a_row_lock_it(enlist: Enlist) -> None:
    """B07, B08, recipe 1: a right one begins anew; only generating unlocks (B10)."""
    enlist.set(passcode_attempts=5)
    enlist.user("ada")
    made = generate(enlist)
    wrong(enlist, 4)
    assert code(ask(enlist, made)) == "done"
    assert counts(enlist) == (0, 4)
    wrong(enlist, 4)
    assert status(enlist).state is SelfService.ACTIVE
    wrong(enlist, 1)
    assert status(enlist).state is SelfService.LOCKED
    assert counts(enlist) == (5, 9)
    enlist.clock.advance(hours=30 * 24)
    enlist.set(passcode_attempts=100, passcode_lockout="shield")
    assert code(ask(enlist, made)) == "passcode_invalid"
    wrong(enlist, 3)
    assert counts(enlist) == (5, 9)
    [locked] = [event for event in enlist.events() if event.kind == "passcode.locked"]
    assert (locked.data["failed"], locked.data["sources"]) == (5, 9)
    assert code(ask(enlist, generate(enlist))) == "done"


def test_no_reset_of_locks_touches_it(enlist: Enlist) -> None:
    """X17, B10: it is not among the locks that staff can clear."""
    enlist.set(passcode_attempts=3)
    enlist.user("ada")
    generate(enlist)
    wrong(enlist, 3)
    assert status(enlist).state is SelfService.LOCKED
    causes = {each.cause.value for each in enlist.do(ListLocks()).items}
    assert not any("passcode" in cause for cause in causes)


@pytest.mark.parametrize(("lockout", "kind"), [("disable", "locked"), ("shield", "shielded")])
def test_many_at_once_lock_it_once(enlist: Enlist, lockout: str, kind: str) -> None:
    """B08, recipe 2: the last one missing, and 32 wrong entries at the same moment."""
    enlist.set(passcode_attempts=5, passcode_lockout=lockout)
    enlist.user("ada")
    generate(enlist)
    wrong(enlist, 4)
    callers = [enlist.stranger() for _ in range(32)]
    enlist.together([partial(ask, enlist, WRONG, caller=each) for each in callers])
    assert counts(enlist) == (5, 5)
    assert [event.kind for event in enlist.events()].count(f"passcode.{kind}") == 1


def test_no_right_one_counts_after_the_lock(enlist: Enlist) -> None:
    """Recipe 3: right and wrong ones together; whatever is accepted was so before the lock."""
    enlist.set(passcode_attempts=5)
    people = [f"user{n}@example.com" for n in range(16)]
    for each in people:
        enlist.user(each.partition("@")[0])
    made = generate(enlist)
    wrong(enlist, 4)
    asks: list[Callable[[], object]] = [
        part
        for each in people
        for part in (
            partial(ask, enlist, made, each, caller=enlist.stranger()),
            partial(ask, enlist, WRONG, each, caller=enlist.stranger()),
        )
    ]
    answers = enlist.together(asks)
    state = status(enlist)
    accepted = [code(each) for each in answers[::2]].count("done")
    assert state.passcode is not None
    assert accepted == len(waiting(enlist)) == state.passcode.accepted
    locks = [event.kind for event in enlist.events()].count("passcode.locked")
    assert locks == (state.state is SelfService.LOCKED)
    assert code(ask(enlist, made, people[0])) == ("passcode_invalid" if locks else "done")


def test_one_network_adds_ten_in_ten_minutes(enlist: Enlist) -> None:
    """S44, B27, recipe 4: it is told to wait, and neither compared nor counted."""
    enlist.user("ada")
    made = generate(enlist)
    eve = enlist.stranger()
    answers = [code(ask(enlist, WRONG, caller=eve)) for _ in range(500)]
    assert answers == ["passcode_invalid"] * 10 + ["rate_limited"] * 490
    assert counts(enlist) == (10, 10)
    assert code(ask(enlist, made, caller=eve)) == "rate_limited"
    assert code(ask(enlist, made)) == "done"
    assert status(enlist).state is SelfService.ACTIVE
    enlist.clock.advance(minutes=10)
    assert code(ask(enlist, WRONG, caller=eve)) == "passcode_invalid"
    assert counts(enlist) == (1, 11)


def test_nor_does_it_add_more_at_the_same_moment(enlist: Enlist) -> None:
    enlist.user("ada")
    generate(enlist)
    eve = enlist.stranger()
    enlist.together([partial(ask, enlist, WRONG, caller=eve)] * 32)
    assert counts(enlist) == (10, 10)


def test_whose_counter_moves(enlist: Enlist) -> None:
    """Recipe 5: by the address of the page, else whoever is known, else his domain's owner."""
    for each in ("alpha", "beta", "gamma"):
        enlist.organization(each)
        generate(enlist, each)
    enlist.user("ada", organization="alpha")
    enlist.do(SetEmailDomains("gamma", ("gamma.example",)))

    def found() -> list[int]:
        return [counts(enlist, each)[0] for each in ("alpha", "beta", "gamma")]

    wrong(enlist, 1)
    assert found() == [1, 0, 0]
    wrong(enlist, 1, named="eve@nowhere.example")
    assert found() == [1, 0, 0]
    wrong(enlist, 1, organization="beta")
    assert found() == [1, 1, 0]
    wrong(enlist, 1, named="new@gamma.example")
    assert found() == [1, 1, 1]


# --- the shield ------------------------------------------------------------------------------


def test_shielded_it_asks_for_the_mailbox_first(enlist: Enlist) -> None:
    """X49: nobody is locked out, and nothing that strangers type is compared any more."""
    enlist.set(passcode_attempts=5, passcode_lockout="shield")
    ada = enlist.user("ada")
    made = generate(enlist)
    wrong(enlist, 5)
    assert status(enlist).state is SelfService.SHIELDED
    assert counts(enlist) == (5, 5)
    for passcode in (WRONG, made):
        assert code(ask(enlist, passcode)) == "done"
        enlist.clock.advance(minutes=1)
    assert code(ask(enlist, made, "eve@example.com")) == "passcode_invalid"
    assert counts(enlist) == (5, 5)
    assert waiting(enlist) == []
    letters = [row for row in enlist.rows("message") if row["purpose"] == "self_service_proof"]
    assert [row["recipient"] for row in letters] == ["ada@example.com"] * 2
    link = proof_link(enlist, letters[0]["id"])
    assert code(enlist.perform(ProveMailbox(link, Secret(WRONG)), enlist.stranger())) == (
        "passcode_wrong"
    )
    assert code(enlist.perform(ProveMailbox(link, Secret(made)), enlist.stranger())) == "done"
    assert waiting(enlist) == [(ada.id, enlist.root.id)]
    assert code(enlist.perform(ProveMailbox(link, Secret(made)), enlist.stranger())) == (
        "proof_link_invalid"
    )
    assert status(enlist).state is SelfService.SHIELDED
    generate(enlist)
    assert status(enlist).state is SelfService.ACTIVE


def test_a_proof_bears_five_wrong_ones(enlist: Enlist) -> None:
    """S18: also when they come together, and the right one is refused afterwards."""
    enlist.set(passcode_attempts=3, passcode_lockout="shield")
    enlist.user("ada")
    made = generate(enlist)
    wrong(enlist, 3)
    done(ask(enlist, made))
    [letter] = [row for row in enlist.rows("message") if row["purpose"] == "self_service_proof"]
    link = proof_link(enlist, letter["id"])
    tries = [partial(enlist.perform, ProveMailbox(link, Secret(WRONG)), enlist.stranger())] * 20
    answers = Counter(map(code, enlist.together(tries)))
    assert answers["passcode_wrong"] == 5
    assert code(enlist.perform(ProveMailbox(link, Secret(made)), enlist.stranger())) == (
        "proof_link_invalid"
    )


def test_a_proof_ends_after_an_hour(enlist: Enlist) -> None:
    enlist.set(passcode_attempts=3, passcode_lockout="shield")
    enlist.user("ada")
    made = generate(enlist)
    wrong(enlist, 3)
    done(ask(enlist, made))
    [letter] = [row for row in enlist.rows("message") if row["purpose"] == "self_service_proof"]
    enlist.clock.advance(hours=1)
    outcome = enlist.perform(
        ProveMailbox(proof_link(enlist, letter["id"]), Secret(made)), enlist.stranger()
    )
    assert code(outcome) == "proof_link_invalid"


def proof_link(enlist: Enlist, message_id: str) -> Secret:
    keys = enlist.driver.tools.keys
    return keys.derive_link_again(message_id, keys.derive[0].id)


# --- the alert -------------------------------------------------------------------------------


@pytest.mark.parametrize("lockout", ["disable", "shield"])
def test_each_lock_is_told_once_to_every_administrator(world: World, lockout: str) -> None:
    """B09: to nobody else; a second one within the hour is told as well."""
    enlist = world.enlist
    second = enlist.staff("administrator")
    for role in ("operator", "reader"):
        enlist.staff(role)
    enlist.set(passcode_attempts=3, passcode_lockout=lockout)
    enlist.user("ada")
    for times in (1, 2):
        generate(enlist)
        world.look()
        assert world.open == []
        wrong(enlist, 3)
        world.look()
        world.look()
        assert world.open == ["passcode_locked"]
        assert sorted(world.told) == sorted([ADMINISTRATOR, f"{second.name}@example.com"] * times)
    [alert] = world.alerts(state="open")
    assert "3 wrong entries in a row, from 3 networks" in alert.details
