"""What an enrollment binds: the token's user, the registered device, a certificate for its key."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from tests.installation import PASSWORD, SHOWN, Enlist, code, done, refusal
from tests.requests import device_key, garbage, tampered, weak


def test_the_device_belongs_to_the_tokens_user(enlist: Enlist) -> None:
    """A25: whoever typed it in, whoever else's name was given along."""
    enlist.user("eve")
    ticket = enlist.register("ada")
    enrolled = done(enlist.redeem(ticket.token, login=("eve", PASSWORD)))
    assert enrolled.username == "ada"
    device = enlist.device(ticket.device_id)
    assert (device.username, device.state) == ("ada", "enrolled")


def test_the_certificate_is_for_the_devices_key_and_names_the_device(enlist: Enlist) -> None:
    """Ruling 4, S28: CN and SAN are the device's id; the key is the request's."""
    ticket = enlist.register("ada")
    enrolled = done(enlist.redeem(ticket.token, key=5))
    certificate = x509.load_pem_x509_certificate(enrolled.certificate.encode())
    assert certificate.subject.rfc4514_string() == f"CN={ticket.device_id}"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uri.endswith(f"/device/{ticket.device_id}")
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert certificate.public_key().public_bytes(*form) == device_key(5).public_key().public_bytes(
        *form
    )


def test_device_token_certificate_and_event_tell_one_story(enlist: Enlist) -> None:
    """Ruling 3, X25: used in the transaction that stores the certificate."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.clock.advance(minutes=1)
    enrolled = done(enlist.redeem(begun.code))
    (credential,) = enlist.credentials_of(ticket.device_id)
    assert credential.certificate == enrolled.certificate
    assert credential.enrollment_id == ticket.enrollment_id
    found = enlist.enrollment(ticket.enrollment_id)
    assert (found.state, found.uses, found.used_at) == ("used", 1, enlist.clock.now)
    (event,) = enlist.events("enrollment.redeemed")
    assert (event.user_id, event.device_id, event.enrollment_id) == (
        found.user_id,
        ticket.device_id,
        ticket.enrollment_id,
    )
    assert event.data["serial"] == credential.serial


def test_another_platform_is_refused_and_nothing_is_used_up(enlist: Enlist) -> None:
    """Ruling 30: told to the holder."""
    ticket = enlist.register("ada", platform="ios")
    told = refusal(enlist.redeem(ticket.token, platform="android"))
    assert (told.code, told.holder) == ("platform_mismatch", True)
    assert code(enlist.redeem(ticket.token, platform="ipados")) == "done"


def test_a_device_that_does_not_say_what_it_runs_is_taken_at_the_tokens_word(
    enlist: Enlist,
) -> None:
    """Ruling 30: the registered platform stands; without one, it must be said."""
    ticket = enlist.register("ada")
    assert code(enlist.redeem(ticket.token, platform="")) == "done"
    told = refusal(enlist.redeem(group_id="main", login=("ada", PASSWORD), platform="", key=1))
    assert (told.code, [error.field for error in told.fields]) == (
        "validation_failed",
        ["device.platform"],
    )


def test_another_platform_is_not_supported(enlist: Enlist) -> None:
    """Ruling 12."""
    ticket = enlist.register("ada")
    told = refusal(enlist.redeem(ticket.token, platform="beos"))
    assert refusal(enlist.redeem("ABCDEFGHJK", platform="beos")).code == told.code, "no oracle"
    assert told.code == "platform_not_supported"
    assert code(enlist.redeem(ticket.token)) == "done"


def test_what_the_device_reports_fills_gaps_and_renames_nothing(enlist: Enlist) -> None:
    """Ruling 30: the administrator's name for it stays."""
    ticket = enlist.register("ada", name="Ada's laptop")
    report = DeviceReport(
        name="localhost", platform="linux", model="X1", os_version="13", serial="SN-1"
    )
    done(enlist.redeem(ticket.token, report=report))
    device = enlist.device(ticket.device_id)
    assert (device.name, device.model, device.os_version, device.serial) == (
        "Ada's laptop",
        "X1",
        "13",
        "SN-1",
    )


@pytest.mark.parametrize("bad", [tampered, weak, garbage])
def test_a_bad_request_burns_nothing(enlist: Enlist, bad: object) -> None:
    """S17, S28: refused before the claim, recorded, and the token works on."""
    ticket = enlist.register("ada")
    told = refusal(enlist.redeem(ticket.token, key=bad()))  # type: ignore[operator]  # a function
    assert (told.code, told.holder) == ("csr_invalid", True)
    assert told.detail
    (event,) = enlist.events("enrollment.refused", enrollment=ticket.enrollment_id)
    assert event.data["code"] == "csr_invalid"
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_stranger_causes_no_signature_and_no_look_at_his_request(enlist: Enlist) -> None:
    """S28: a bad request with a wrong token is a wrong token."""
    assert code(enlist.redeem("abcdefghij", key=tampered())) == "token_invalid"


def test_without_a_request_nothing_is_bound(enlist: Enlist) -> None:
    """Ruling 22: bare enrollments are off by default."""
    ticket = enlist.register("ada")
    assert code(enlist.redeem(ticket.token, key=None)) == "completion_required"
    assert enlist.enrollment(ticket.enrollment_id).state == "active"


def test_a_bare_enrollment_where_the_organization_allows_it(enlist: Enlist) -> None:
    """Ruling 22: the device is enrolled and holds nothing; once."""
    enlist.set(allow_bare_enrollment=True)
    ticket = enlist.register("ada")
    assert done(enlist.redeem(ticket.token, key=None)).certificate == ""
    assert enlist.device(ticket.device_id).state == "enrolled"
    assert enlist.credentials_of(ticket.device_id) == []
    assert code(enlist.redeem(ticket.token, key=None)) == "token_used"


def test_a_device_stands_where_its_user_does_or_below(enlist: Enlist) -> None:
    """Ruling 31: not beside him, not above; nothing is made."""
    enlist.organization("acme")
    enlist.organization("labs", "acme")
    enlist.organization("beta")
    enlist.user("ada", organization="acme")
    for place in ("beta", "main"):
        verb = Register(place, "ada", DeviceDetails("laptop", "linux"), SHOWN)
        told = refusal(enlist.perform(verb))
        assert (told.code, [error.field for error in told.fields]) == (
            "validation_failed",
            ["organization"],
        )
    assert enlist.devices() == ()
    for named, place in (("", "acme"), ("ACME", "acme"), ("labs", "labs")):
        ticket = enlist.register("ada", organization=named)
        assert enlist.device(ticket.device_id).group_id == place


def test_two_tokens_of_one_user_enroll_two_devices(enlist: Enlist) -> None:
    """A25, A28: each token names its device."""
    one, two = enlist.register("ada", name="one"), enlist.register("ada", name="two")
    assert done(enlist.redeem(two.token)).device_id == two.device_id
    assert enlist.device(one.device_id).state == "registered"
    assert done(enlist.redeem(one.token)).device_id == one.device_id
