"""Where a secret can be read: in the message, or once in an audited answer. Nowhere else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from enlist.core.secrets import Key, KeyRing, Kind, Secret, random_secret
from enlist.store import outbox, setup_links
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue
from enlist.verbs.sign_in import StartSignIn
from tests.installation import MAILED, PASSWORD, SHOWN, Enlist, code, done
from tests.peers.postgres import Cluster

ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def stored(enlist: Enlist, request: pytest.FixtureRequest) -> bytes:
    """Everything that the database holds, as bytes: file and log, or dump."""
    if enlist.store.dialect == "sqlite":
        files = sorted(Path(enlist.settings.data).glob("*.sqlite3*"))
        assert files
        return b"".join(path.read_bytes() for path in files)
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.dump(enlist.settings.database).encode()


def test_no_secret_is_readable_in_the_database(
    enlist: Enlist, request: pytest.FixtureRequest
) -> None:
    """A17, S04: after a whole life of every kind; not reversed, not in hex, not in base64."""
    secrets: list[Secret] = [Secret(PASSWORD)]
    enlist.user("bob")
    mailed = enlist.do(Register("", "bob", DeviceDetails("mailed", "linux"), MAILED))
    (row,) = enlist.rows("enrollment_secret", enrollment_id=mailed.enrollment_id)
    keys = enlist.installation.tools.keys
    derive = (mailed.enrollment_id, 1, row["derive_key_id"], row["length"], row["alphabet"])
    secrets.append(keys.derive_again(*derive))
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    newer = enlist.reissue(ticket.enrollment_id)
    enlist.redeem(newer.token, login=("ada", PASSWORD))
    enlist.redeem("Wr0ngT0ken", login=("nobody", "wr0ng-passw0rd"))
    secrets += [ticket.token, begun.code, newer.token, Secret("Wr0ngT0ken")]
    secrets += [Secret("wr0ng-passw0rd"), enlist.do(CreateApiKey("key", "reader")).secret]
    secrets.append(enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()).cookie)
    secrets.append(random_secret())
    set_up = keys.digest(Kind.SETUP_LINK, secrets[-1])
    enlist.store.write(lambda tx: setup_links.put(tx, set_up, tx.now + 1))
    found = stored(enlist, request)
    assert b"ada@example.com" in found  # the search sees what is there
    for secret in secrets:
        text = secret.reveal().encode()
        for form in (text, text[::-1], text.hex().encode(), text.replace(b"-", b"")):
            assert form not in found


def test_what_is_stored_is_found_by_a_key_that_is_not(enlist: Enlist) -> None:
    """A17, S29: a keyed digest, and how to derive it anew; without the keys both are nothing."""
    ticket = enlist.register("ada")
    (row,) = enlist.rows("enrollment_secret", enrollment_id=ticket.enrollment_id)
    keys = enlist.installation.tools.keys
    assert bytes(row["digest"]) == keys.digest(Kind.REGISTRATION_TOKEN, ticket.token).value
    assert (row["lookup_key_id"], row["derive_key_id"]) == (keys.lookup[0].id, keys.derive[0].id)
    assert keys.lookup[0].material != keys.derive[0].material
    assert (row["kdf_version"], row["length"], row["alphabet"]) == (1, 10, "base58")


def written(enlist: Enlist, name: str, delivery: Delivery) -> list[str]:
    """The rows that a registration makes, without what is new each time: ids and digests."""

    def rows() -> list[str]:
        return [
            f"{table} {column}={value if not isinstance(value, bytes) else len(value)}"
            for table in ("device", "enrollment", "enrollment_secret", "message")
            for row in enlist.rows(table)
            for column, value in row.items()
        ]

    before = Counter(ID.sub("ID", line) for line in rows())
    enlist.do(Register("", "ada", DeviceDetails(name, "linux"), delivery))
    return sorted((Counter(ID.sub("ID", line) for line in rows()) - before).elements())


@pytest.mark.parametrize("delivery", [MAILED, SHOWN], ids=["mailed", "shown"])
def test_what_is_stored_of_a_token_is_its_digest_alone(enlist: Enlist, delivery: Delivery) -> None:
    """A17: no encrypted copy either. Under another key other tokens make the very same rows."""
    enlist.user("ada")
    first = written(enlist, "laptop", delivery)
    tools = enlist.driver.tools
    other = KeyRing(tools.keys.lookup, (Key(tools.keys.derive[0].id, bytes(32)),))
    enlist.driver._tools = replace(tools, keys=other)
    assert written(enlist, "laptop", delivery) == first
    digests = {bytes(row["digest"]) for row in enlist.rows("enrollment_secret")}
    assert len(digests) == 2
    assert {len(digest) for digest in digests} == {32}


def test_an_issued_token_is_shown_to_nobody_by_default(enlist: Enlist) -> None:
    """A16, X11: register, reissue and resend answer without it."""
    enlist.user("ada")
    administrator = enlist.staff("administrator")
    issued = enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), MAILED), administrator)
    assert issued.token is None
    assert issued.message_id is not None
    assert enlist.do(Reissue(issued.enrollment_id, MAILED), administrator).token is None
    assert enlist.events("enrollment.revealed") == []


@pytest.mark.parametrize("role", ["administrator", "operator"])
def test_no_role_may_have_a_token_shown(enlist: Enlist, role: str) -> None:
    """A16, X11: it takes a permission that no role holds; nothing is made."""
    enlist.user("ada")
    verb = Register("", "ada", DeviceDetails("laptop", "linux"), SHOWN)
    assert code(enlist.perform(verb, enlist.staff(role))) == "forbidden"
    assert enlist.devices() == ()


def test_every_reveal_is_an_event(enlist: Enlist) -> None:
    """A16, S05, S10: who was shown which enrollment's token; without the token."""
    ticket = enlist.register("ada")
    newer = enlist.reissue(ticket.enrollment_id)
    revealed = enlist.events("enrollment.revealed")
    assert [event.enrollment_id for event in revealed] == [ticket.enrollment_id] * 2
    assert {event.personal["actor"] for event in revealed} == {"root"}
    for event in enlist.events():
        for token in (ticket.token, newer.token):
            assert token.reveal() not in f"{event.entry}{event.personal}"


def test_an_api_key_is_shown_once(enlist: Enlist) -> None:
    """S10, X11, X30: what is kept of it can be listed, not used."""
    created = enlist.do(CreateApiKey("key", "reader"))
    (row,) = enlist.rows("api_key")
    assert created.secret.reveal() not in str(row)
    assert created.key.public_id in created.secret.reveal()


def test_secrets_are_dots_wherever_they_are_printed(enlist: Enlist) -> None:
    """S04, X36: requests, answers and claims can be logged as they are."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    for printed in (repr(ticket), str(ticket.token), f"{begun}", repr(enlist.installation.tools)):
        assert ticket.token.reveal() not in printed
        assert begun.code.reveal() not in printed
    assert "•••" in repr(ticket)


def test_a_message_holds_no_token(enlist: Enlist) -> None:
    """A16, A17: the row says whom to write to; the text is made when it is sent."""
    enlist.user("ada")
    issued = enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), Delivery("email")))
    assert issued.message_id is not None
    found = enlist.store.read(lambda tx: outbox.find(tx, issued.message_id or ""))
    assert found is not None
    assert (found.recipient, found.state, found.generation) == ("ada@example.com", "queued", 1)
    assert found.message_id == f"<{found.id}@localhost>"
