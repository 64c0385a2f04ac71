"""Keys rotate beside what is running, and are replaced at once where they leaked (S06)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from enlist import keyfolder
from enlist.core.caller import Caller
from enlist.core.clock import MINUTE, SECOND
from enlist.core.faults import Unusable
from enlist.core.lifecycle import EnrollmentState
from enlist.core.outcomes import Refusal
from enlist.core.secrets import KeyRing, Kind, Secret, begins, new_key
from enlist.pki.chain import DeviceCertificate, examine
from enlist.store import enrollments, holds, second_factors
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import Tools
from enlist.verbs.keys import ListLeakedFactors
from enlist.verbs.reissue import Revoke, Seen
from enlist.verbs.revocation_list import RevocationList
from enlist.verbs.users import AddUser, DeleteUser
from enlist.wiring.backup.making import back_up
from enlist.wiring.backup.sealing import Cost
from enlist.wiring.certificates import DEVICE_LISTENER, listener_certificate
from enlist.wiring.doctor.check import Ground
from enlist.wiring.keys import TAKEN_UP, KeyWatch, listed, replace_leaked, rotate
from tests.installation import Enlist, Ticket, code, done, opened_on
from tests.wiring.doctoring import well


@pytest.fixture
def other(enlist: Enlist) -> Enlist:
    """A second process on the same folder."""
    return enlist.again()


def watch(enlist: Enlist) -> KeyWatch:
    """What looks into the folder; it looks when it is told to."""
    return KeyWatch(enlist.settings.data, enlist.clock, enlist.installation.take_up)


def made_by(enlist: Enlist, enrollment_id: str) -> tuple[str, str]:
    """The keys that made the newest token of an enrollment."""
    rows = enlist.rows("enrollment_secret", enrollment_id=enrollment_id)
    newest = max(rows, key=lambda row: row["generation"])
    return newest["lookup_key_id"], newest["derive_key_id"]


def key_file(enlist: Enlist, key_id: str) -> Path:
    (found,) = (enlist.settings.data / "keys").glob(f"*.{key_id}.key")
    return found


# --- rotation -------------------------------------------------------------------------------------


def test_a_new_key_is_accepted_by_all_before_any_uses_it(enlist: Enlist, other: Enlist) -> None:
    """S06: whichever process makes a token, the other finds it, at every moment in between."""
    first, second = watch(enlist), watch(other)
    before = enlist.register("ada", name="before")
    lookup = rotate(enlist.installation, enlist.settings, "lookup")
    derive = rotate(enlist.installation, enlist.settings, "derive")
    first.look()
    second.look()
    early = enlist.register("ada", name="early")
    assert made_by(enlist, early.enrollment_id) == made_by(enlist, before.enrollment_id)
    enlist.clock.advance(microseconds=TAKEN_UP)
    first.look()
    late = enlist.register("ada", name="late")
    assert made_by(enlist, late.enrollment_id) == (lookup.id, derive.id)
    for number, ticket in enumerate((before, early, late)):
        assert code(other.redeem(ticket.token, key=number)) == "done"
    second.look()
    assert other.installation.tools.keys.lookup[0].id == lookup.id


def test_what_the_old_keys_made_stays_good(enlist: Enlist) -> None:
    """S06, S29: found by the old look-up key, and sent again by the old derivation key."""
    ticket = enlist.register("ada")
    looking = watch(enlist)
    for purpose in ("lookup", "derive"):
        rotate(enlist.installation, enlist.settings, purpose)
    enlist.clock.advance(microseconds=TAKEN_UP)
    looking.look()
    assert code(enlist.resend(ticket.enrollment_id)) == "done"
    old = made_by(enlist, ticket.enrollment_id)[1]
    keys = enlist.installation.tools.keys
    assert keys.derive_again(ticket.enrollment_id, 1, old, 10, "base58") == ticket.token
    assert code(enlist.redeem(ticket.token)) == "done"


def test_the_database_names_a_new_key_and_the_log_tells_of_it(enlist: Enlist) -> None:
    made = rotate(enlist.installation, enlist.settings, "lookup", minutes=90)
    assert begins(made.id) == made.begins - made.begins % SECOND
    assert made.begins == enlist.clock.now + 90 * MINUTE
    assert enlist.rows("known_key", id=made.id)
    (event,) = enlist.events("key.added")
    assert event.data == {"key": made.id, "purpose": "lookup", "begins": made.begins}
    assert key_file(enlist, made.id).stat().st_mode & 0o777 == 0o600


def test_signing_the_log_takes_up_a_new_key(enlist: Enlist) -> None:
    """S73: and checkpoints of before still verify."""
    looking = watch(enlist)
    old = enlist.installation.log.signers[0].key_id
    made = rotate(enlist.installation, enlist.settings, "checkpoint")
    looking.look()
    assert enlist.installation.log.signers[0].key_id == old
    enlist.clock.advance(microseconds=TAKEN_UP)
    looking.look()
    assert [each.key_id for each in enlist.installation.log.signers] == [made.id, old]


def test_a_repeated_request_is_the_same_across_a_rotation(enlist: Enlist) -> None:
    """Ruling 25: what is only compared with itself stays under the oldest key."""
    keys = enlist.installation.tools.keys
    before = {kind: keys.digest(kind, Secret("x")).value for kind in Kind}
    rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(microseconds=TAKEN_UP)
    enlist.installation.take_up(keyfolder.load(enlist.settings.data, enlist.clock.now))
    after = {kind: keys.digest(kind, Secret("x")).value for kind in Kind}
    same = {kind for kind in Kind if before[kind] == after[kind]}
    assert same == {Kind.IDEMPOTENCY, Kind.USERNAME}


def test_what_came_while_a_process_started_is_taken_up(enlist: Enlist, other: Enlist) -> None:
    """A key that was made between reading the folder and watching it is not missed."""
    replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    ticket = enlist.register("ada")
    assert code(other.redeem(ticket.token)) == "token_invalid"
    starting = watch(other)
    starting.start()
    starting.stop()
    assert code(other.redeem(ticket.token)) == "done"


def test_a_damaged_new_key_changes_nothing(enlist: Enlist) -> None:
    looking = watch(enlist)
    ticket = enlist.register("ada")
    (enlist.settings.data / "keys" / "lookup.ffffffff-000000.key").write_text("nonsense")
    looking.look()
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_key_file_that_vanishes_is_in_use_until_the_next_start(enlist: Enlist) -> None:
    """A slip of somebody's hand must not end live tokens before the start has counted them."""
    looking = watch(enlist)
    ticket = enlist.register("ada")
    old = made_by(enlist, ticket.enrollment_id)[0]
    rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(microseconds=TAKEN_UP)
    key_file(enlist, old).unlink()
    looking.look()
    assert code(enlist.redeem(ticket.token)) == "done"


def test_the_list_says_what_each_key_is_needed_for(enlist: Enlist) -> None:
    enlist.register("ada")
    old = enlist.installation.tools.keys.lookup[0].id
    made = rotate(enlist.installation, enlist.settings, "lookup")

    def shown() -> dict[str, tuple[str, int]]:
        keys = listed(enlist.installation, enlist.settings)
        return {key.id: (key.state, key.alive) for key in keys if key.purpose == "lookup"}

    assert shown() == {old: ("in use", 1), made.id: ("not yet", 0)}
    enlist.clock.advance(microseconds=TAKEN_UP)
    assert shown() == {old: ("accepted", 1), made.id: ("in use", 0)}


# --- old keys go ----------------------------------------------------------------------------------


def test_a_key_that_guards_something_alive_cannot_go(enlist: Enlist) -> None:
    """S06: the start is refused, with the count."""
    tickets = [enlist.register("ada", name=str(number)) for number in range(3)]
    old = made_by(enlist, tickets[0].enrollment_id)[0]
    made = rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(microseconds=TAKEN_UP)
    gone = key_file(enlist, old)
    content = gone.read_text()
    gone.unlink()
    with pytest.raises(Unusable, match=f"keys {old} are missing .* 3 live"):
        opened_on(enlist.settings, enlist.clock)
    for ticket in tickets:
        enlist.revoke(ticket.enrollment_id)
    opened_on(enlist.settings, enlist.clock).close()
    keyfolder.write_secret(gone, content.encode())
    key_file(enlist, made.id).unlink()
    with pytest.raises(Unusable, match=f"keys {made.id} are missing"):
        opened_on(enlist.settings, enlist.clock)


def test_an_old_key_that_guards_nothing_may_go(enlist: Enlist, tmp_path: Path) -> None:
    """S06: servers start, backups are made and doctor is content without it."""
    ticket = enlist.register("ada")
    old = made_by(enlist, ticket.enrollment_id)
    for purpose in ("lookup", "derive"):
        rotate(enlist.installation, enlist.settings, purpose)
    enlist.clock.advance(microseconds=TAKEN_UP)
    enlist.revoke(ticket.enrollment_id)
    for key_id in old:
        key_file(enlist, key_id).unlink()
    opened_on(enlist.settings, enlist.clock).close()
    cheap = Cost(memory_kib=64, passes=1, lanes=1)
    back_up(enlist.settings, tmp_path / "shelf", Secret("twelve letters"), cost=cheap)
    ground = Ground(enlist.settings, clock=enlist.clock)
    try:
        well(ground, "keys-present")
    finally:
        ground.close()


# --- leaked keys ----------------------------------------------------------------------------------


def replaced(enlist: Enlist) -> tuple[int, list[str], list[str]]:
    """Replace leaked keys; how many were reissued, and the devices revoked and left."""
    waited: list[float] = []
    made = replace_leaked(enlist.installation, enlist.settings, pause=waited.append)
    assert waited
    names = [[each.device_name for each in these] for these in (made.revoked, made.left)]
    return made.reissued, names[0], names[1]


def test_every_live_token_is_replaced_at_once(enlist: Enlist) -> None:
    """The old ones are dead, new ones are on their way."""
    used = enlist.register("ada", name="used")
    enlist.redeem(used.token)
    live = [enlist.register("ada", name=f"live-{number}") for number in range(3)]
    begun = done(enlist.begin(live[0].token))
    leaked = enlist.installation.tools.keys.derive[0]
    assert replaced(enlist) == (3, [], [])
    for number, ticket in enumerate(live):
        assert code(enlist.redeem(ticket.token, key=number)) == "token_replaced"
        after = enlist.enrollment(ticket.enrollment_id)
        assert (after.state, after.generation) == ("active", 2)
        assert after.expires_at == ticket.expires_at
        assert after.message_state == "queued"
        by_thief = KeyRing(enlist.installation.tools.keys.lookup, (leaked,)).derive_token(
            ticket.enrollment_id, 2, 10
        )
        assert code(enlist.redeem(by_thief.secret, key=number)) == "token_invalid"
    assert code(enlist.redeem(begun.code, key=7)) != "done"
    assert code(enlist.redeem(used.token, key=8)) == "token_used"
    (event,) = enlist.events("key.compromised")
    assert event.data["held"] == 3
    opened_on(enlist.settings, enlist.clock).close()


def test_whoever_cannot_be_sent_a_new_one_is_listed(enlist: Enlist) -> None:
    enlist.user("eve", email="")
    ticket = enlist.register("eve", name="kiosk")
    assert replaced(enlist) == (0, ["kiosk"], [])
    assert code(enlist.redeem(ticket.token)) == "token_revoked"
    assert code(enlist.redeem(enlist.issue(ticket.device_id).token)) == "done"


def test_whoever_has_a_phone_alone_is_sent_a_new_one_by_sms(enlist: Enlist) -> None:
    enlist.do(AddUser(enlist.root.id, "eve", phone="+4930123456"))
    enlist.register("eve", name="kiosk")
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset({"email", "sms"}))
    assert replaced(enlist) == (1, [], [])
    sent = [(row["channel"], row["recipient"]) for row in enlist.rows("message")]
    assert sent == [("sms", "+4930123456")]


def test_what_a_restore_held_cannot_come_back_by_a_leaked_key(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    assert replaced(enlist) == (1, [], [])
    assert code(enlist.redeem(ticket.token)) == "token_replaced"


def test_what_a_newer_token_has_overtaken_ends(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    enlist.redeem(enlist.issue(ticket.device_id).token)
    made = replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    assert (made.reissued, made.revoked, made.left) == (0, (), ())
    assert [each.enrollment_id for each in made.overtaken] == [ticket.enrollment_id]
    assert made.document()["overtaken"][0]["enrollment_id"] == ticket.enrollment_id
    assert enlist.enrollment(ticket.enrollment_id).state == "revoked"


def test_what_cannot_be_ended_is_listed(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else is faster; whoever ran the command must hear of every token."""
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    enlist.redeem(enlist.issue(ticket.device_id).token)
    work = Revoke.work

    def beaten(self: Revoke, tools: Tools, caller: Caller, seen: Seen) -> Seen | Refusal:
        enlist.store.write(lambda tx: enrollments.revoke(tx, self.enrollment_id, "faster"))
        ended = replace(seen.enrollment, state=EnrollmentState.REVOKED)
        return work(self, tools, caller, replace(seen, enrollment=ended))

    monkeypatch.setattr(Revoke, "work", beaten)
    made = replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    assert [each.enrollment_id for each in made.left] == [ticket.enrollment_id]
    assert (made.reissued, made.revoked, made.overtaken) == (0, (), ())


def test_what_another_server_issues_before_it_has_looked_is_replaced_too(
    enlist: Enlist, other: Enlist
) -> None:
    """A server looks into the folder each second; until then it makes tokens that a thief can."""
    issued: list[Ticket] = []

    def meanwhile(_: float) -> None:
        issued.append(other.register("ada"))

    made = replace_leaked(enlist.installation, enlist.settings, pause=meanwhile)
    assert (made.reissued, made.revoked, made.left) == (1, (), ())
    assert code(other.redeem(issued[0].token)) == "token_replaced"


def test_second_factors_that_a_leaked_key_opens_are_listed(enlist: Enlist) -> None:
    """Also one that its owner used while the command ran: under the new key it is the same secret.

    What is set up afterwards is not.
    """
    ring = enlist.installation.tools.keys
    for name in ("ada", "eve", "gone"):
        user = enlist.user(name).id
        enlist.store.write(
            lambda tx, user=user: second_factors.put(tx, user, "sealed", ring.derive[0].id, 1)  # type: ignore[misc]  # it has a default
        )
    enlist.do(DeleteUser("gone"))
    enlist.clock.advance(minutes=1)
    ada = enlist.rows("app_user", username="ada")[0]["id"]

    def signs_in(_: float) -> None:
        new = enlist.installation.tools.keys.derive[0].id
        enlist.store.write(lambda tx: second_factors.seal_anew(tx, ada, "sealed", "again", new))

    made = replace_leaked(enlist.installation, enlist.settings, pause=signs_in)
    assert sorted(each.username for each in made.factors) == ["ada", "eve"]
    listed = made.document()["second_factors"]
    assert {each["set_up_at"] for each in listed} == {enlist.clock.now - 60_000_000}
    assert "sealed" not in str(listed)
    enlist.clock.advance(minutes=1)
    new = enlist.installation.tools.keys.derive[0].id
    enlist.store.write(lambda tx: second_factors.put(tx, ada, "anew", new, 1))
    left = enlist.driver.view(ListLeakedFactors(new, enlist.clock.now, limit=1), enlist.host)
    assert not isinstance(left, Refusal)
    assert [each.username for each in left] == ["eve"]


def test_a_key_made_in_advance_leaked_with_the_others(enlist: Enlist) -> None:
    """It must not become the newest an hour later."""
    waiting = rotate(enlist.installation, enlist.settings, "derive", minutes=60)
    replaced(enlist)
    enlist.clock.advance(hours=2)
    enlist.installation.take_up(keyfolder.load(enlist.settings.data, enlist.clock.now))
    assert enlist.installation.tools.keys.derive[0].id != waiting.id
    assert not enlist.rows("known_key", id=waiting.id)
    opened_on(enlist.settings, enlist.clock).close()


def test_broken_off_halfway_nothing_works_and_a_second_run_goes_on(enlist: Enlist) -> None:
    """The tokens are stopped in one statement, before the first is made anew."""
    tickets = [enlist.register("ada", name=str(number)) for number in range(3)]

    def power_cut(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_leaked(enlist.installation, enlist.settings, pause=power_cut)
    for number, ticket in enumerate(tickets):
        assert code(enlist.redeem(ticket.token, key=number)) == "token_on_hold"
    enlist.clock.advance(seconds=1)
    assert replaced(enlist) == (3, [], [])


# --- the order of keys ----------------------------------------------------------------------------


def test_ids_say_when_a_key_begins() -> None:
    key = new_key(1_800_000_000 * SECOND)
    assert begins(key.id) == 1_800_000_000 * SECOND
    assert begins("of another form") == 0


# --- the certificate authority --------------------------------------------------------------------


def test_another_issuing_ca_takes_over_and_what_the_first_signed_stays_good(
    enlist: Enlist, other: Enlist
) -> None:
    """Certificates of both prove their devices, in every process, before and after."""
    first, second = watch(enlist), watch(other)
    before = certificate_of(enlist, enlist.register("ada", name="before"), 1)
    made = rotate(enlist.installation, enlist.settings, "ca")
    first.look()
    second.look()
    early = certificate_of(enlist, enlist.register("ada", name="early"), 2)
    assert early.issuer == before.issuer
    enlist.clock.advance(microseconds=TAKEN_UP)
    first.look()
    late = certificate_of(enlist, enlist.register("ada", name="late"), 3)
    assert made.id in late.issuer.rfc4514_string()
    for installation in (enlist.installation, other.installation):
        authority = installation.tools.authority
        for certificate in (before, early, late):
            der = certificate.public_bytes(Encoding.DER)
            assert isinstance(examine(der, authority, enlist.clock.now), DeviceCertificate)
    assert enlist.installation.tools.authority.root == other.installation.tools.authority.root


def test_a_listener_is_renewed_by_the_ca_that_signs_now(enlist: Enlist, other: Enlist) -> None:
    """Workers renew by a function of their parent, who read the keys when the server started."""
    made = rotate(other.installation, other.settings, "ca")
    enlist.clock.advance(microseconds=TAKEN_UP)
    tools = enlist.installation.tools
    listener, _ = listener_certificate(
        enlist.settings.data, tools.addresses, tools.clock, DEVICE_LISTENER
    )
    own, issuing = x509.load_pem_x509_certificates(listener.read_bytes())
    assert made.id in own.issuer.rfc4514_string()
    own.verify_directly_issued_by(issuing)


def test_each_issuing_ca_signs_a_list_of_its_own(enlist: Enlist) -> None:
    """RFC 5280 section 6.3.3: a list is believed where its issuer is the certificate's."""
    looking = watch(enlist)
    ticket = enlist.register("ada", name="before")
    old = certificate_of(enlist, ticket, 1)
    made = rotate(enlist.installation, enlist.settings, "ca")
    enlist.clock.advance(microseconds=TAKEN_UP)
    looking.look()
    new = certificate_of(enlist, enlist.register("ada", name="after"), 2)
    enlist.do(DeleteDevice(ticket.device_id))
    lists = RevocationList(enlist.store, enlist.installation.tools)
    authority = enlist.installation.tools.authority
    for certificate, issuer_id in ((old, ""), (new, made.id)):
        (point,) = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert point.full_name is not None
        name = f"issuing-{issuer_id}.crl" if issuer_id else "issuing.crl"
        assert point.full_name[0].value.endswith(f"/pki/{name}")
        der = lists.current(issuer_id)
        assert der is not None
        crl = x509.load_der_x509_crl(der)
        assert crl.issuer == certificate.issuer
        (issuer,) = [each for each in authority.issuers if each.id == issuer_id]
        key = issuer.issuing.public_key()
        assert isinstance(key, EllipticCurvePublicKey)
        assert crl.is_signature_valid(key)
        assert crl.get_revoked_certificate_by_serial_number(old.serial_number) is not None
    assert lists.current("unknown") is None


def test_without_the_roots_key_the_line_says_where_to_put_it(enlist: Enlist) -> None:
    """It may be kept elsewhere."""
    (enlist.settings.data / "pki" / "root.key").unlink()
    with pytest.raises(Unusable, match=r"Put root\.key there"):
        rotate(enlist.installation, enlist.settings, "ca")
    assert len(keyfolder.load(enlist.settings.data).authority.issuers) == 1


def test_a_start_without_an_issuing_ca_is_refused(enlist: Enlist) -> None:
    """Whatever it signed could not be proved any more."""
    made = rotate(enlist.installation, enlist.settings, "ca")
    for path in (enlist.settings.data / "pki").glob(f"issuing.{made.id}.*"):
        path.unlink()
    with pytest.raises(Unusable, match=f"keys {made.id} are missing"):
        opened_on(enlist.settings, enlist.clock)


def certificate_of(enlist: Enlist, ticket: Ticket, key: int) -> x509.Certificate:
    """What a device is given for its token."""
    done(enlist.redeem(ticket.token, key=key))
    (row,) = enlist.rows("credential", device_id=ticket.device_id)
    return x509.load_pem_x509_certificate(row["certificate"].encode())
