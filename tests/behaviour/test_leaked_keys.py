"""What a leaked key makes is never revived, sent or shown again, also by a half-done command (S06).

The replacing itself is told of in `tests/wiring/test_leaked_keys.py`.
"""

from __future__ import annotations

import pytest

from enlist.core.lifecycle import EnrollmentState
from enlist.store import holds, leaked_keys, outbox
from enlist.store.tx import Query
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.keys import ListLeakedWebhooks
from enlist.verbs.letters import read_letter
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.register import IssuedAgain, Register
from enlist.verbs.verdicts import Rejected
from enlist.verbs.webhooks import AddWebhook, DeleteWebhook, RenewWebhookSecret
from enlist.wiring.keys import replace_leaked
from tests.behaviour import jwts
from tests.installation import MAILED, Enlist, code

FREE = Query("test.free", "UPDATE enrollment SET state = 'active' WHERE id = :id")


def broken_off(enlist: Enlist) -> None:
    """The command, stopped once the tokens are, and before the first is made anew."""

    def power_cut(_: float) -> None:
        raise KeyboardInterrupt

    enlist.clock.advance(seconds=1)
    with pytest.raises(KeyboardInterrupt):
        replace_leaked(enlist.installation, enlist.settings, pause=power_cut)


def live_all_the_same(enlist: Enlist, *enrollments: str) -> None:
    """As what a server issued that had not heard of the new keys by then."""
    for each in enrollments:
        assert enlist.store.write(lambda tx, id_=each: tx.run(FREE, id=id_)) == 1  # type: ignore[misc]


def test_what_was_stopped_is_not_freed_by_hand_but_reissued(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    broken_off(enlist)
    safe = enlist.register("eve")
    assert code(enlist.perform(Reactivate(ticket.enrollment_id))) == "key_leaked"
    assert enlist.enrollment(ticket.enrollment_id).state is EnrollmentState.ON_HOLD
    fresh = enlist.reissue(ticket.enrollment_id)
    assert code(enlist.redeem(ticket.token)) == "token_replaced"
    assert code(enlist.redeem(fresh.token)) == "done"
    assert code(enlist.redeem(safe.token, key=1)) == "done"


def test_a_hold_by_a_restore_is_freed_also_beside_leaked_keys(enlist: Enlist) -> None:
    """Only what the leaked key makes is left on hold."""
    before = enlist.register("ada")
    broken_off(enlist)
    after = enlist.register("eve")
    enlist.store.write(holds.hold_all)
    assert code(enlist.perform(Reactivate(after.enrollment_id))) == "done"
    assert code(enlist.perform(Reactivate(before.enrollment_id))) == "key_leaked"


def test_nobody_is_sent_or_shown_such_a_token_again(enlist: Enlist) -> None:
    ticket, jwt = enlist.register("ada"), jwts.register(enlist, "eve")
    mailed = enlist.do(Register("", "ada", DeviceDetails("kiosk", "linux"), MAILED))
    broken_off(enlist)
    live_all_the_same(enlist, ticket.enrollment_id, jwt.enrollment_id, mailed.enrollment_id)
    assert code(enlist.resend(ticket.enrollment_id)) == "not_resendable"
    assert enlist.do(IssuedAgain(ticket.enrollment_id, revealed=True)).token is None
    assert code(enlist.perform(ShowJwt(jwt.enrollment_id))) == "key_leaked"
    (message,) = enlist.store.read(lambda tx: outbox.of_enrollment(tx, mailed.enrollment_id))
    tools = enlist.installation.tools
    letter = enlist.store.read(lambda tx: read_letter(tools, tx, message))
    assert letter == Rejected("the key of its token has leaked")
    assert enlist.store.read(leaked_keys.tokens) == 3


def test_webhooks_are_listed_until_they_have_a_new_secret(enlist: Enlist) -> None:
    one, gone = (
        enlist.do(AddWebhook(name, "https://hooks.example.com/")).hook.id
        for name in ("one", "gone")
    )
    broken_off(enlist)
    enlist.do(AddWebhook("later", "https://hooks.example.com/"))
    enlist.do(DeleteWebhook(gone))
    assert [each.id for each in enlist.see(ListLeakedWebhooks())] == [one]
    enlist.clock.advance(seconds=1)
    made = replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    assert [each["name"] for each in made.document()["webhooks"]] == ["one", "later"]
    for each in made.webhooks:
        enlist.do(RenewWebhookSecret(each.id))
    assert enlist.see(ListLeakedWebhooks()) == ()
