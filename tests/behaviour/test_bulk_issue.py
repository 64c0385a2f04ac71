"""Issuing in bulk: thousands of rows of one request, each like one by itself (P05, X09, X28)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Kind
from enlist.store import enrollment_secrets
from enlist.store.limits import IdempotencyKey
from enlist.verbs import in_bulk
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.in_bulk import InBulk
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.register_many import BeginBulk, Block, RegisterInBulk
from enlist.verbs.together import Outcome, Together
from enlist.verbs.users import DeleteUser
from tests.installation import MAILED, SHOWN, Enlist, code

KEY = IdempotencyKey("somebody", "wave-1", b"digest")


def row(user: str, name: str = "laptop", message: Delivery = SHOWN, **details: str) -> Register:
    return Register("", user, DeviceDetails(name, "linux", **details), message)


def issue(
    enlist: Enlist,
    rows: Sequence[Register],
    caller: Caller | None = None,
    key: IdempotencyKey | None = None,
) -> list[Outcome]:
    """What comes of each row of one request."""
    block = enlist.do(BeginBulk("", len(rows), key), caller)
    return finish(enlist, rows, block, caller)


def finish(
    enlist: Enlist, rows: Sequence[Register], block: Block, caller: Caller | None = None
) -> list[Outcome]:
    verbs = (RegisterInBulk(each, block.of(n), block.repeated) for n, each in enumerate(rows))
    bulk = InBulk(Together(enlist.driver, enlist.store))
    try:
        return list(chain.from_iterable(bulk.perform(verbs, lambda: caller or enlist.host)))
    finally:
        bulk.close()


def made(outcome: Outcome) -> Issued:
    assert isinstance(outcome, Done), outcome
    value: Issued = outcome.value
    return value


@pytest.fixture
def people(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A few users, and portions so small that a request has several."""
    monkeypatch.setattr(in_bulk, "PORTION", 3)
    names = [f"user{number}" for number in range(7)]
    for name in names:
        enlist.user(name, password="")
    return names


def test_each_row_has_its_own_secret_event_and_message(enlist: Enlist, people: list[str]) -> None:
    """P05, X28: and the token of each enrolls its device, once."""
    mailed = issue(enlist, [row(each, message=MAILED) for each in people])
    messages = {message["enrollment_id"]: message for message in enlist.rows("message")}
    for name, each in zip(people, map(made, mailed), strict=True):
        assert messages[each.enrollment_id]["recipient"] == f"{name}@example.com"
        (event,) = [e for e in enlist.rows("event") if e["enrollment_id"] == each.enrollment_id]
        assert (event["kind"], event["device_id"]) == ("device.registered", each.device_id)
    shown = [made(each) for each in issue(enlist, [row(each) for each in people])]
    assert len({each.enrollment_id for each in shown}) == len(people)
    for each in shown:
        assert each.token is not None
        assert code(enlist.redeem(each.token, key=0)) == "done"
        assert code(enlist.redeem(each.token, key=1)) == "token_used"


def test_a_bad_row_stops_no_good_row(enlist: Enlist, people: list[str]) -> None:
    """X09: each row is answered in its place, by the reason that it would get by itself."""
    rows = [row(each) for each in people]
    rows[1] = row("nobody")
    rows[2] = row(people[2], name="")
    rows[4] = Register("nowhere", people[4], DeviceDetails("laptop", "linux"), SHOWN)
    found = issue(enlist, rows)
    assert [code(each) for each in found] == [
        *("done", "not_found", "validation_failed", "done", "not_found", "done", "done"),
    ]
    refused = [each for each in found if isinstance(each, Refusal)]
    assert all(each.support_code for each in refused)
    assert len(enlist.rows("device")) == len(enlist.rows("enrollment")) == 4
    assert len([e for e in enlist.rows("event") if e["kind"] == "request.refused"]) == 3


def test_sent_again_it_makes_nothing_new(enlist: Enlist, people: list[str]) -> None:
    """Ruling 25: also where the first was cut off in the middle."""
    rows = [row(each, external_id=f"x-{each}") for each in people]
    block = enlist.do(BeginBulk("", len(rows), KEY))
    first = [made(each) for each in finish(enlist, rows[:4], block)]
    again = [made(each) for each in issue(enlist, rows, key=KEY)]
    assert [each.enrollment_id for each in again[:4]] == [each.enrollment_id for each in first]
    assert [each.token for each in again[:4]] == [each.token for each in first]
    assert len(enlist.rows("enrollment")) == len(people)
    once_more = [made(each) for each in issue(enlist, rows, key=KEY)]
    assert [each.token for each in once_more] == [each.token for each in again]
    other = replace(KEY, request_digest=b"another")
    assert code(enlist.perform(BeginBulk("", 1, other))) == "idempotency_key_reused"


def test_what_changes_meanwhile_leaves_out_its_row_alone(enlist: Enlist, people: list[str]) -> None:
    """A user who is deleted after he was looked at gets nothing; an external id is taken once."""
    rows = [row(each, external_id="one") for each in people[:2]] + [row(people[2])]
    found = issue(enlist, rows)
    assert [code(each) for each in found] == ["done", "validation_failed", "done"]
    block = enlist.do(BeginBulk("", 2))
    verbs = [RegisterInBulk(row(each), block.of(n)) for n, each in enumerate(people[3:5])]
    tools, host = enlist.driver.tools, enlist.host
    looked = enlist.store.read(lambda tx: [verb.look(tools, tx, host) for verb in verbs])
    pairs = zip(verbs, looked, strict=True)
    ready: list[Any] = [(verb, host, verb.work(tools, host, seen)) for verb, seen in pairs]  # type: ignore[arg-type]
    claims: list[Any] = list(RegisterInBulk.complete(tools, ready))
    enlist.do(DeleteUser(people[3]))
    assert list(enlist.store.claim(RegisterInBulk.apply_many, claims)) == [0, 1]
    assert code(enlist.perform(verbs[0])) == "not_found"


def test_a_token_that_reads_like_another_is_not_given_out(
    enlist: Enlist, people: list[str]
) -> None:
    """A72: the row gets the next generation instead, and that one works."""
    block = enlist.do(BeginBulk("", 2))
    keys = enlist.driver.tools.keys
    token = keys.derive_token(block.of(1).enrollment, 1, 10)
    digest = keys.digest(Kind.REGISTRATION_TOKEN, token.secret)
    other = enlist.register("eve")
    taken = enrollment_secrets.NewSecret(
        other.enrollment_id, 9, digest, token.key_id, 1, 10, "base58"
    )
    enlist.store.write(lambda tx: enrollment_secrets.insert(tx, taken))
    first, second = map(made, finish(enlist, [row(people[0]), row(people[1])], block))
    assert (first.generation, second.generation) == (1, 2)
    assert code(enlist.redeem(second.token)) == "done"
    (told,) = [e for e in enlist.rows("event") if e["enrollment_id"] == second.enrollment_id][:1]
    assert '"generation":2' in told["entry"]


def test_it_takes_the_right_for_each_row(enlist: Enlist, people: list[str]) -> None:
    """S50: an operator of one organization registers nothing next door, and shows no token."""
    enlist.organization("north")
    enlist.organization("south")
    enlist.user("nora", organization="north")
    enlist.user("sam", organization="south")
    operator = enlist.staff("operator", "north")
    rows = [row("nora", message=MAILED), row("sam", message=MAILED), row("nora")]
    found = issue(enlist, rows, operator)
    assert [code(each) for each in found] == ["done", "not_found", "forbidden"]
    assert code(enlist.perform(BeginBulk("south", 1), operator)) == "not_found"
    assert code(enlist.perform(BeginBulk("", 10_001))) == "validation_failed"
