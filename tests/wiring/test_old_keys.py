"""What an old key still guards keeps it: the start counts all of it, and says how much (S06)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from enlist.core.faults import Unusable
from enlist.core.secrets import Secret
from enlist.store import holds
from enlist.verbs.api_keys import CreateApiKey, RevokeApiKey
from enlist.verbs.callers import BySignIn
from enlist.verbs.sign_in import EndSignIn, StartSignIn
from enlist.wiring.keys import TAKEN_UP, rotate
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, done, opened_on


def signed_in(enlist: Enlist) -> Callable[[], object]:
    start = StartSignIn(ADMINISTRATOR, Secret(PASSWORD))
    started = done(enlist.perform(start, enlist.stranger()))
    known = done(enlist.perform(BySignIn(started.cookie), enlist.stranger()))
    return lambda: enlist.do(EndSignIn(started.sign_in.id), known)


def api_key(enlist: Enlist) -> Callable[[], object]:
    made = enlist.do(CreateApiKey("nightly", "reader")).key
    return lambda: enlist.do(RevokeApiKey(made.id))


def token(enlist: Enlist) -> Callable[[], object]:
    ticket = enlist.register("ada")
    return lambda: enlist.revoke(ticket.enrollment_id)


def held(enlist: Enlist) -> Callable[[], object]:
    end = token(enlist)
    enlist.store.write(holds.hold_all)
    return end


def attempt(enlist: Enlist) -> Callable[[], object]:
    begun = done(enlist.begin(enlist.register("ada").token))
    enlist.clock.now = begun.expires_at - 2 * TAKEN_UP
    return lambda: enlist.clock.advance(hours=48)


@pytest.mark.parametrize(
    ("purpose", "make", "alive"),
    [
        ("lookup", signed_in, 1),
        ("lookup", api_key, 1),
        ("lookup", held, 1),
        ("lookup", attempt, 2),
        ("derive", token, 1),
        ("derive", held, 1),
    ],
)
def test_whatever_is_alive_holds_its_key(
    enlist: Enlist, purpose: str, make: Callable[[Enlist], Callable[[], object]], alive: int
) -> None:
    """S06: not tokens alone; once it has ended, the key may go."""
    ring = enlist.installation.tools.keys
    old = (ring.lookup if purpose == "lookup" else ring.derive)[0].id
    end = make(enlist)
    rotate(enlist.installation, enlist.settings, purpose)
    enlist.clock.advance(microseconds=TAKEN_UP)
    (gone,) = (enlist.settings.data / "keys").glob(f"*.{old}.key")
    gone.unlink()
    with pytest.raises(Unusable, match=f"keys {old} are missing .* {alive} live"):
        opened_on(enlist.settings, enlist.clock)
    end()
    opened_on(enlist.settings, enlist.clock).close()
