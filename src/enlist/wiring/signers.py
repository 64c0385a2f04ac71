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
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import Counter

from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority
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
_MOST_BYTES: Final = 64 * 1024
"""Of a share: as much as a line takes while nobody reads, so that one who hangs delays nobody."""

HELPED: Final = Counter(
    "enlist_certificates_by_helpers", "Certificates that were signed by a helper of a process."
)
_log = structlog.get_logger("enlist.signers")

_Asked = tuple[str, bytes]
"""A device's id, and its request in DER."""

_Share = tuple[bytes, Sequence[_Asked], Terms]
"""The name of the issuing CA that signs, and what it signs."""


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
        self._helpers: list[_Helper] = []
        self._not_before = 0.0
        self._one_batch = threading.Lock()

    def __call__(
        self, authority: Authority, orders: Sequence[Order], terms: Terms
    ) -> Sequence[Signed]:
        alone = not self._count or len(orders) < WORTH_HELP
        if alone or not self._one_batch.acquire(blocking=False):
            return sign_alone(authority, orders, terms)
        try:
            return self._together(authority, orders, terms)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with them: it is signed here
            # Also where we ourselves could not: what they still answer belongs to no later batch.
            self._give_up(error)
            return sign_alone(authority, orders, terms)
        finally:
            self._one_batch.release()

    def stop(self) -> None:
        """End them all."""
        self._not_before = float("inf")
        self._end()

    def _together(
        self, authority: Authority, orders: Sequence[Order], terms: Terms
    ) -> Sequence[Signed]:
        helpers = self._awake()
        ours, *theirs = _shares(orders, 1 + len(helpers))
        issuer = _name(authority.issuing)
        asked = [pickle.dumps((issuer, _plain(share), terms)) for share in theirs]
        if any(len(share) > _MOST_BYTES for share in asked):
            return sign_alone(authority, orders, terms)
        for helper, share in zip(helpers, asked, strict=True):
            helper.ask(share)
        signed = sign_alone(authority, ours, terms)
        for helper in helpers:
            signed += helper.answer()
        HELPED.inc(len(orders) - len(ours))
        return signed

    def _awake(self) -> list[_Helper]:
        """The helpers, once all of them are awake; until then nobody waits for them."""
        if not self._helpers and self._monotonic() >= self._not_before:
            for _ in range(self._count):
                self._helpers.append(_Helper(self._data))
        return self._helpers if all(helper.awake() for helper in self._helpers) else []

    def _give_up(self, error: Exception) -> None:
        _log.warning("signing alone", error=type(error).__name__, detail=str(error)[:300])
        self._not_before = max(self._not_before, self._monotonic() + REST)
        self._end()

    def _end(self) -> None:
        helpers, self._helpers = self._helpers, []
        for helper in helpers:
            helper.end()


class _Helper:
    """A process, and the line to it.

    No thread stands between, as in a pool: each would have to wait for Python's lock, and the share
    would leave when ours is half signed.
    """

    def __init__(self, data: Path) -> None:
        # Not forked: this process has threads, which a fork would leave in the middle of something.
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_help, args=(theirs, data), daemon=True)
        self._process.start()
        theirs.close()  # else its end would not be seen here
        self._ready = False

    def awake(self) -> bool:
        """Whether it has read the key and can be asked."""
        if not self._ready and self._line.poll():
            self._told()
            self._ready = True
        return self._ready

    def ask(self, share: bytes) -> None:
        """Have a `_Share` signed.

        Raises:
            OSError: it is gone.
        """
        self._line.send_bytes(share)

    def answer(self) -> Sequence[Signed]:
        """What was signed.

        Raises:
            TimeoutError, EOFError: it hangs, or is gone.
            Exception: what kept it from signing.
        """
        if not self._line.poll(PATIENCE):
            raise TimeoutError(f"no answer in {PATIENCE} seconds")
        return self._told()

    def end(self) -> None:
        """End it, whatever it is doing: one that hangs would keep the server from ending."""
        self._line.close()
        self._process.kill()
        self._process.join()

    def _told(self) -> Sequence[Signed]:
        told: Sequence[Signed] | Exception = self._line.recv()
        if isinstance(told, Exception):
            raise told
        return told


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


def _help(line: Connection, data: Path) -> None:
    global _data, _authority
    begin_to_help()
    _data, _authority = data, certificates.authority(data)
    line.send([])  # awake
    while True:
        share: _Share = line.recv()
        try:
            line.send(_sign(*share))
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            line.send(RuntimeError(f"{type(error).__name__}: {error}"))


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
