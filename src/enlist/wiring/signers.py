"""Processes beside a server's that sign a share of each large batch of certificates (P03).

Python uses one processor at a time, and a certificate keeps it busy for a quarter of a millisecond,
half of what an enrollment with one costs. Where the machine has more processors than the server has
processes, as always on SQLite, half of a batch is signed by somebody else at the same time.

Nothing depends on a helper. A batch that one does not answer, or not soon, is signed here, and
another helper is tried a minute later. It reads the issuing key from the data folder itself, and
signs only by the same issuing CA as whoever asks: a key that was rotated meanwhile is read again.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import Counter

from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority, AuthorityExpired
from enlist.pki.csr import parse
from enlist.pki.signing import Order, Signed, Terms, sign_alone
from enlist.wiring import certificates
from enlist.wiring.helpers import begin_to_help

WORTH_HELP: Final = 8
"""Certificates in a batch below which asking somebody else takes longer than doing it."""
PATIENCE: Final = 5.0
"""Seconds that a helper has for its share, which takes it some milliseconds."""
REST: Final = 60.0
"""Seconds until another helper is tried after one has failed."""
_MOST: Final = 3

HELPED: Final = Counter(
    "enlist_certificates_by_helpers", "Certificates that were signed by a helper of a process."
)
_log = structlog.get_logger("enlist.signers")

_Asked = tuple[str, bytes]
"""A device's id, and its request in DER."""


class Unfaithful(Exception):
    """A helper cannot find the issuing CA of whoever asks."""


def spare_processors(workers: int) -> int:
    """How many helpers a process of a server with so many may have."""
    return min(_MOST, max(0, len(os.sched_getaffinity(0)) - workers))


class Signers:
    """A `Signing` that shares with helpers.

    Args:
        data: the folder that the helpers read the issuing key from.
        count: how many there may be. They start with the first batch that is worth their help.
        monotonic: seconds that pass.
    """

    def __init__(
        self, data: Path, count: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._data = data
        self._count = count
        self._monotonic = monotonic
        self._pool: ProcessPoolExecutor | None = None
        self._awake: list[Future[int]] = []
        self._not_before = 0.0

    def __call__(
        self, authority: Authority, orders: Sequence[Order], terms: Terms
    ) -> Sequence[Signed]:
        if not self._count or len(orders) < WORTH_HELP:
            return sign_alone(authority, orders, terms)
        shares = _shares(orders, self._count + 1)
        issuer = _name(authority.issuing)
        try:
            pool = self._ready_pool()
            if pool is None:
                return sign_alone(authority, orders, terms)
            theirs = [pool.submit(_sign, issuer, _plain(share), terms) for share in shares[1:]]
            signed = [*sign_alone(authority, shares[0], terms)]
            for share in theirs:
                signed += share.result(PATIENCE)
        except AuthorityExpired:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with them: it is signed here
            self._give_up(error)
            return sign_alone(authority, orders, terms)
        HELPED.inc(len(orders) - len(shares[0]))
        return signed

    def stop(self) -> None:
        """End them all."""
        self._not_before = float("inf")
        self._end()

    def _ready_pool(self) -> ProcessPoolExecutor | None:
        """The helpers, once all of them are awake; until then nobody waits for them."""
        if self._pool is None and self._monotonic() >= self._not_before:
            # Not forked: this process has threads, which a fork would leave in the middle of it.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, context, _begin, (self._data,))
            self._awake = [self._pool.submit(_awake) for _ in range(self._count)]
        awake = self._pool is not None and all(each.done() for each in self._awake)
        return self._pool if awake else None

    def _give_up(self, error: Exception) -> None:
        _log.warning("signing alone", error=type(error).__name__, detail=str(error)[:300])
        self._not_before = self._monotonic() + REST
        self._end()

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        known = {each.result() for each in self._awake if each.done() and not each.exception()}
        for child in multiprocessing.active_children():
            if child.pid in known:
                child.kill()  # one that hangs would keep the server from ending


def _shares(orders: Sequence[Order], count: int) -> list[Sequence[Order]]:
    """Alike but for one; the first is ours."""
    each, more = divmod(len(orders), count)
    ends = [place * each + min(place, more) for place in range(count + 1)]
    return [orders[begin:end] for begin, end in itertools.pairwise(ends)]


def _plain(orders: Sequence[Order]) -> list[_Asked]:
    return [(each.device_id, each.csr.request.public_bytes(Encoding.DER)) for each in orders]


def _name(issuing: x509.Certificate) -> bytes:
    """Of an issuing CA. Its id will not do: keys may be put back, or replaced by hand."""
    return issuing.fingerprint(SHA256())


# What follows runs in a helper.

_data: Path
_authority: Authority


def _begin(data: Path) -> None:
    global _data, _authority
    begin_to_help()
    _data, _authority = data, certificates.authority(data)


def _awake() -> int:
    """Answered by a helper that has begun."""
    return os.getpid()


def _sign(wanted: bytes, asked: Sequence[_Asked], terms: Terms) -> list[Signed]:
    authority = _by(wanted)
    signed: list[Signed] = []
    for device_id, request in asked:
        csr = parse(request)
        if isinstance(csr, Refusal):
            signed.append(csr)
        else:
            signed += sign_alone(authority, [Order(device_id, csr)], terms)
    return signed


def _by(wanted: bytes) -> Authority:
    """The authority whose issuing CA of that name signs; read again where it is not known yet."""
    global _authority  # noqa: PLW0603
    for _ in range(2):
        for issuer in _authority.issuers:
            if _name(issuer.issuing) == wanted:
                return Authority(_authority.root, (issuer,))
        _authority = certificates.authority(_data)
    raise Unfaithful(f"no issuing CA {wanted.hex()} in {_data}")
