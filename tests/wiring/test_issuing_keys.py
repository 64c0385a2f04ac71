"""Issuing CAs take over from one another, and what each signed stays good."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from enlist import keyfolder
from enlist.core.faults import Unusable
from enlist.pki.chain import DeviceCertificate, examine
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.revocation_list import RevocationList
from enlist.wiring.certificates import DEVICE_LISTENER, listener_certificate
from enlist.wiring.keys import TAKEN_UP, rotate
from tests.installation import Enlist, Ticket, done, opened_on
from tests.wiring.rotating import watch


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
