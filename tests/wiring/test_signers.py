"""Helpers sign a share of a batch, as whoever asks would, and nothing depends on them (P03)."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from enlist import keyfolder
from enlist.core.clock import DAY, system_clock
from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority, IssuedCertificate, signed_by
from enlist.pki.csr import Csr
from enlist.pki.profiles import PkiUrls
from enlist.pki.signing import Order, Signed, Terms
from enlist.wiring import signers
from enlist.wiring.signers import HELPED, REST, WORTH_HELP, Signers
from tests.peers.base import wait_until
from tests.pki.samples import read, request_der, request_of

NOW = system_clock()
TERMS = Terms(NOW, 365 * DAY, PkiUrls.under("http://enroll.example.com/pki"))


class Passing:
    """Seconds that pass when the test says so."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def data(tmp_path: Path) -> Path:
    keyfolder.create(tmp_path, name="Acme", trust_domain="enroll.example.com", now=NOW)
    return tmp_path


@pytest.fixture
def passing() -> Passing:
    return Passing()


@pytest.fixture
def helped(data: Path, passing: Passing) -> Iterator[Signers]:
    """With one helper, which is awake."""
    made = Signers(data, 1, passing)
    _awaken(made, keyfolder.load(data).authority)
    yield made
    made.stop()


def test_a_batch_is_answered_in_its_order_by_both(data: Path, helped: Signers) -> None:
    """Certificates alike, whoever signed them; what is wrong with a request is told likewise."""
    authority = keyfolder.load(data).authority
    orders = _orders(WORTH_HELP + 3)
    wrong = {1, len(orders) - 2}
    for place in wrong:  # one in each share
        orders[place] = Order(orders[place].device_id, _not_proved())
    before = _by_helpers()
    signed = helped(authority, orders, TERMS)
    assert _by_helpers() - before == len(orders) // 2
    for place, (order, answer) in enumerate(zip(orders, signed, strict=True)):
        if place in wrong:
            assert isinstance(answer, Refusal)
            assert answer.code == "csr_invalid"
            assert "does not fit its key" in answer.detail
        else:
            _fits(authority, order, answer)
    serials = {answer.serial for answer in signed if isinstance(answer, IssuedCertificate)}
    assert len(serials) == len(orders) - len(wrong)


def test_a_small_batch_and_no_helpers_are_no_other_process(data: Path) -> None:
    authority = keyfolder.load(data).authority
    none, idle = Signers(data, 0), Signers(data, 1)
    for made, orders in ((none, _orders(WORTH_HELP)), (idle, _orders(WORTH_HELP - 1))):
        for order, answer in zip(orders, made(authority, orders, TERMS), strict=True):
            _fits(authority, order, answer)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_what_a_helper_does_not_answer_is_signed_here(
    data: Path,
    helped: Signers,
    passing: Passing,
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
) -> None:
    """One that was killed, or hangs. Another is tried after a rest, not before."""
    monkeypatch.setattr(signers, "PATIENCE", 0.2)
    authority, orders = keyfolder.load(data).authority, _orders(WORTH_HELP)
    (helper,) = multiprocessing.active_children()
    assert helper.pid is not None
    os.kill(helper.pid, how)
    before = _by_helpers()
    for order, answer in zip(orders, helped(authority, orders, TERMS), strict=True):
        _fits(authority, order, answer)
    assert _by_helpers() == before
    _until_alone()
    helped(authority, orders, TERMS)
    assert multiprocessing.active_children() == []
    passing.seconds += REST
    _awaken(helped, authority)
    assert _by_helpers() > before


def test_a_helper_signs_by_the_key_that_came_meanwhile(data: Path, helped: Signers) -> None:
    """And by the one before, as long as whoever asks has not taken the new one up."""
    before = keyfolder.load(data).authority
    keyfolder.add_issuer(data, NOW, NOW)
    after = keyfolder.load(data).authority
    assert after.issuing != before.issuing
    for authority in (before, after, before):
        orders, count = _orders(WORTH_HELP), _by_helpers()
        for order, answer in zip(orders, helped(authority, orders, TERMS), strict=True):
            _fits(authority, order, answer)
        assert _by_helpers() > count


def test_a_helper_signs_by_no_key_that_was_replaced_in_its_place(
    data: Path, helped: Signers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Put back from a backup, or replaced by hand after a leak: files and id are the same."""
    other = tmp_path_factory.mktemp("other")
    keyfolder.create(other, name="Acme", trust_domain="enroll.example.com", now=NOW)
    for file in (other / "pki").iterdir():
        (data / "pki" / file.name).write_bytes(file.read_bytes())
    authority, orders, count = keyfolder.load(data).authority, _orders(WORTH_HELP), _by_helpers()
    for order, answer in zip(orders, helped(authority, orders, TERMS), strict=True):
        _fits(authority, order, answer)
    assert _by_helpers() > count


def test_a_helper_that_cannot_read_the_folder_is_given_up(data: Path, helped: Signers) -> None:
    keyfolder.add_issuer(data, NOW, NOW)
    authority, orders = keyfolder.load(data).authority, _orders(WORTH_HELP)
    (data / "pki" / "root.pem").unlink()
    for order, answer in zip(orders, helped(authority, orders, TERMS), strict=True):
        _fits(authority, order, answer)
    _until_alone()


def test_a_helper_that_cannot_find_the_key_is_given_up(
    data: Path, helped: Signers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    keyfolder.create(other, name="Acme", trust_domain="enroll.example.com", now=NOW)
    keyfolder.add_issuer(other, NOW, NOW)
    authority, orders = keyfolder.load(other).authority, _orders(WORTH_HELP)
    for order, answer in zip(orders, helped(authority, orders, TERMS), strict=True):
        _fits(authority, order, answer)
    _until_alone()


def test_a_machine_that_allows_no_helper_is_signed_for_here(
    data: Path, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may be forbidden what processes share, or more of them."""
    tried = 0

    def forbidden(*_given: object) -> None:
        nonlocal tried
        tried += 1
        raise PermissionError("no further process here")

    monkeypatch.setattr(multiprocessing, "get_context", forbidden)
    made = Signers(data, 1, passing)
    authority, orders = keyfolder.load(data).authority, _orders(WORTH_HELP)
    for _ in range(3):
        for order, answer in zip(orders, made(authority, orders, TERMS), strict=True):
            _fits(authority, order, answer)
    assert tried == 1, "it rests after a failure"


def test_large_requests_are_not_sent_to_a_helper(
    data: Path, helped: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the line holds would keep us waiting for one that hangs; it is no fault of his."""
    authority, orders, count = keyfolder.load(data).authority, _orders(WORTH_HELP), _by_helpers()
    with monkeypatch.context() as patch:
        patch.setattr(signers, "_MOST_BYTES", 1000)
        for order, answer in zip(orders, helped(authority, orders, TERMS), strict=True):
            _fits(authority, order, answer)
        assert _by_helpers() == count
    helped(authority, orders, TERMS)
    assert _by_helpers() > count


def test_two_batches_at_once_are_not_mixed_up(data: Path, helped: Signers) -> None:
    authority, lots = keyfolder.load(data).authority, [_orders(WORTH_HELP) for _ in range(12)]
    with ThreadPoolExecutor(4) as threads:
        answered = list(threads.map(lambda orders: helped(authority, orders, TERMS), lots))
    for orders, answers in zip(lots, answered, strict=True):
        for order, answer in zip(orders, answers, strict=True):
            _fits(authority, order, answer)


def test_helpers_end_with_whoever_had_them(data: Path, helped: Signers) -> None:
    assert len(multiprocessing.active_children()) == 1
    helped.stop()
    _until_alone()
    authority, orders = keyfolder.load(data).authority, _orders(WORTH_HELP)
    helped(authority, orders, TERMS)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("processors", "workers", "helpers"), [(1, 1, 0), (2, 1, 1), (2, 2, 0), (4, 3, 1), (16, 2, 3)]
)
def test_only_processors_to_spare_help(
    monkeypatch: pytest.MonkeyPatch, processors: int, workers: int, helpers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)))
    assert signers.spare_processors(workers) == helpers


def _orders(count: int) -> list[Order]:
    key = ec.generate_private_key(ec.SECP256R1())
    csr = request_of(key)
    return [Order(f"0197a2c4-77aa-7c3e-8a51-{place:012}", csr) for place in range(count)]


def _not_proved() -> Csr:
    """A request whose signature is somebody else's."""
    der = bytearray(request_der(ec.generate_private_key(ec.SECP256R1())))
    der[-1] ^= 1
    return read(bytes(der))


def _fits(authority: Authority, order: Order, answer: Signed) -> None:
    assert isinstance(answer, IssuedCertificate)
    certificate = x509.load_der_x509_certificate(answer.der)
    assert signed_by(certificate, authority.issuing)
    assert certificate.public_key() == order.csr.public_key
    assert certificate.subject.rfc4514_string() == f"CN={order.device_id}"
    assert answer.spki_digest == order.csr.spki_digest


def _awaken(made: Signers, authority: Authority) -> None:
    """Ask until a helper has signed something."""
    before, orders = _by_helpers(), _orders(WORTH_HELP)

    def signed() -> bool:
        made(authority, orders, TERMS)
        return _by_helpers() > before

    wait_until(signed, "a helper")


def _until_alone() -> None:
    wait_until(lambda: not multiprocessing.active_children(), "the end of the helper")


def _by_helpers() -> float:
    return float(HELPED._value.get())
