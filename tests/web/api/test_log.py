"""Checkpoints and proofs over the API: whoever holds one believes nothing but arithmetic."""

from __future__ import annotations

import base64

from enlist.core import merkle
from enlist.core.ids import NOTHING
from enlist.core.merkle import leaf_hash
from enlist.pki.notes import open_note
from enlist.verbs.sealing import Sealer
from tests.installation import Enlist
from tests.web.api.conftest import Api, answered, refused, wrong_fields


def sign(enlist: Enlist) -> None:
    Sealer(enlist.store).seal_all()
    assert enlist.installation.log.sign() is not None


def hashes(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


def test_an_event_is_proved_with_the_public_key_alone(api: Api) -> None:
    """X47, S73: from its entry to the signature."""
    enlist, administrator = api.enlist, api.key()
    enlist.register("ada")
    event = enlist.events("device.registered")[0]
    waiting = answered(administrator.get(f"/events/{event.id}/proof"))
    assert (waiting["index"], waiting["proof"], waiting["checkpoint"]) == (None, [], None)
    sign(enlist)
    enlist.register("grace")
    late = enlist.events("device.registered")[-1]
    assert answered(administrator.get(f"/events/{late.id}/proof"))["index"] is None

    shown = answered(administrator.get(f"/events/{event.id}/proof"))
    signed = shown["checkpoint"]
    body = open_note(signed["note"], enlist.installation.log.verifiers)
    assert body.split("\n")[1:3] == [str(signed["size"]), signed["root"]]
    leaf = leaf_hash(shown["entry"].encode())
    (root,) = hashes([signed["root"]])
    proof = hashes(shown["proof"])
    assert merkle.verify_inclusion(leaf, shown["index"], signed["size"], proof, root)
    assert f'"id":"{event.id}"' in shown["entry"]


def test_a_log_is_proved_to_have_only_grown(api: Api) -> None:
    """X47: from one checkpoint to the next."""
    enlist, administrator = api.enlist, api.key()
    sign(enlist)
    old = answered(administrator.get("/log/checkpoint"))
    enlist.register("ada")
    enlist.clock.advance(minutes=1)
    sign(enlist)
    shown = answered(administrator.get(f"/log/consistency?since={old['size']}"))
    new = shown["checkpoint"]
    assert new == answered(administrator.get("/log/checkpoint"))
    assert new["size"] > old["size"]
    old_root, new_root = hashes([old["root"], new["root"]])
    proof = hashes(shown["proof"])
    assert merkle.verify_consistency(old["size"], new["size"], proof, old_root, new_root)


def test_what_cannot_be_proved_is_said(api: Api) -> None:
    enlist, administrator = api.enlist, api.key()
    assert refused(administrator.get("/log/checkpoint")) == (404, "not_found")
    assert refused(administrator.get("/log/consistency?since=1")) == (404, "not_found")
    sign(enlist)
    for since in ("0", "-1", "999999", "x", ""):
        assert wrong_fields(administrator.get(f"/log/consistency?since={since}")) == {"since"}
    for event_id in (NOTHING, "x"):
        assert refused(administrator.get(f"/events/{event_id}/proof")) == (404, "not_found")
