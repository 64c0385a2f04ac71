"""Two tokens of the installation that would read the same: the second one is made anew."""

from __future__ import annotations

import pytest

from enlist.core import secrets
from enlist.store.tx import Query, UniqueViolation
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue
from tests.installation import MAILED, SHOWN, Enlist, code, done

COPY_DIGEST = Query(
    "test.copy_digest",
    """
    INSERT INTO enrollment_secret (enrollment_id, generation, digest, lookup_key_id,
                                   derive_key_id, kdf_version, length, alphabet, made_at)
    SELECT s.enrollment_id, s.generation + 1, s.digest, s.lookup_key_id, s.derive_key_id,
           s.kdf_version, s.length, s.alphabet, s.made_at
      FROM enrollment_secret s
    """,
)
letters = secrets._letters


def colliding(*generations: int) -> object:
    """A derivation in which these generations of every enrollment read the same."""

    def derive(
        key: secrets.Key, enrollment_id: str, generation: int, length: int, alphabet: str
    ) -> str:
        if generation in generations:
            return "S" * length
        return letters(key, enrollment_id, generation, length, alphabet)

    return derive


def test_the_database_itself_keeps_tokens_apart(enlist: Enlist) -> None:
    """A72: a unique index over the whole installation."""
    enlist.register("ada")
    with pytest.raises(UniqueViolation, match="digest"):
        enlist.store.write(lambda tx: tx.run(COPY_DIGEST))


def test_a_token_that_reads_like_another_is_made_anew(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A72: the next generation is taken, also in another organization; both tokens work."""
    enlist.organization("one")
    monkeypatch.setattr(secrets, "_letters", colliding(1))
    first = enlist.register("ada")
    second = enlist.register("bob", organization="one")
    assert (first.generation, second.generation) == (1, 2)
    assert first.token.reveal() == "SSSSSSSSSS" != second.token.reveal()
    for number, ticket in enumerate((first, second)):
        assert enlist.enrollment(ticket.enrollment_id).generation == ticket.generation
        assert done(enlist.redeem(ticket.token, key=number)).device_id == ticket.device_id


def test_a_message_carries_the_token_that_was_kept(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A72, A40: not the one that collided."""
    monkeypatch.setattr(secrets, "_letters", colliding(1))
    enlist.register("ada")
    issued = enlist.do(Register("", "ada", DeviceDetails("second", "linux"), MAILED))
    assert issued.generation == 2
    (message,) = enlist.rows("message", enrollment_id=issued.enrollment_id)
    assert message["generation"] == 2


def test_a_reissue_passes_over_a_collision(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    """A72, A41: the old holder is told, the new token works, the other's still does."""
    other = enlist.register("bob")
    ticket = enlist.register("ada")
    taken = other.token.reveal()
    monkeypatch.setattr(
        secrets,
        "_letters",
        lambda key, enrollment_id, generation, length, alphabet: (
            taken if generation == 2 else letters(key, enrollment_id, generation, length, alphabet)
        ),
    )
    newer = enlist.reissue(ticket.enrollment_id)
    assert newer.generation == 3
    assert code(enlist.redeem(ticket.token)) == "token_replaced"
    assert done(enlist.redeem(newer.token)).device_id == ticket.device_id
    assert done(enlist.redeem(other.token, key=1)).device_id == other.device_id


def test_where_everything_collides_nothing_is_issued(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A72: a fault of ours is told as such, and leaves nothing half done."""
    ticket = enlist.register("ada")
    before = enlist.rows("enrollment")
    taken = ticket.token.reveal()
    monkeypatch.setattr(secrets, "_letters", lambda *_arguments: taken)
    register = Register("", "ada", DeviceDetails("second", "linux"), SHOWN)
    assert code(enlist.perform(register)) == "try_later"
    assert code(enlist.perform(Reissue(ticket.enrollment_id, SHOWN))) == "try_later"
    assert enlist.rows("enrollment") == before
    assert len(enlist.devices()) == 1
    monkeypatch.undo()
    assert code(enlist.redeem(ticket.token)) == "done"
