"""A thread that seals events and signs checkpoints; of several processes, one does at a time."""

from __future__ import annotations

import time
from typing import Final

import structlog
from prometheus_client import Counter

from enlist.core.faults import Unusable
from enlist.store.seals import LogDamaged
from enlist.store.tx import StoreUnavailable
from enlist.verbs.checkpoints import SealedLog
from enlist.verbs.sealing import Sealer
from enlist.wiring.background import Background

_EVERY: float = 0.25
_LONGEST_REST: float = 0.6
_SIGN_EVERY: float = 60.0
_LAST_WITHIN: float = 5.0
_log = structlog.get_logger("enlist.sealer")

SEALED: Final = Counter("enlist_sealed_events_total", "Events that got their place in the log.")
FAULTS: Final = Counter(
    "enlist_log_faults_total",
    "Times that the log could not be sealed or signed as it does not fit what was signed, or by "
    "an error that nobody expected; should stay zero.",
)


class SealerThread(Background):
    """Seals within a second and signs every minute, until it is stopped.

    Args:
        every: seconds between two looks where there is little to do; a look that took long is
            followed by a rest three times as long, so that sealing stays beside the requests, and
            one that found nothing by one twice as long as the last, so that of several processes
            one seals; but not by a longer one than leaves what happens unsealed for a second (P15).
        sign_every: seconds between two checkpoints.
    """

    def __init__(
        self, log: SealedLog, *, every: float = _EVERY, sign_every: float = _SIGN_EVERY
    ) -> None:
        super().__init__("sealer", first=0.0)
        self._sealed = log
        self._sealer = Sealer(log.store)
        self._every = every
        self._rest = every
        self._sign_every = sign_every
        self._signed_at = time.monotonic()

    def _again(self) -> float:
        rest = self._look()
        if time.monotonic() - self._signed_at >= self._sign_every:
            self._signed_at = time.monotonic()
            self._sign()
        return rest

    def _last(self) -> None:
        """Seal what there is, and sign it."""
        until = time.monotonic() + _LAST_WITHIN
        while self._look() == 0 and time.monotonic() < until:
            pass
        self._sign()

    def _look(self) -> float:
        """Seal a batch; answers how long to rest, 0 where there is more."""
        began = time.monotonic()
        try:
            look = self._sealer.look()
        except StoreUnavailable as error:
            _log.warning("sealing put off", reason=str(error))
            return 5 * self._every
        except LogDamaged as error:
            FAULTS.inc()
            _log.error("the audit log is damaged; run: enlist audit verify", reason=str(error))
            return self._sign_every
        except Exception:  # noqa: BLE001 - a worker that ends unnoticed would be worse
            FAULTS.inc()
            _log.exception("sealing failed")
            return 5 * self._every
        SEALED.inc(look.sealed)
        if look.more:
            return 0
        least = self._every if look.sealed else 2 * self._rest
        self._rest = min(max(least, 3 * (time.monotonic() - began)), _LONGEST_REST)
        return self._rest

    def _sign(self) -> None:
        try:
            made = self._sealed.sign()
        except StoreUnavailable as error:
            _log.warning("checkpoint put off", reason=str(error))
        except LogDamaged as error:
            FAULTS.inc()
            _log.error("no checkpoint was signed; run: enlist audit verify", reason=str(error))
        except (OSError, Unusable) as error:
            FAULTS.inc()
            _log.error("the checkpoint is not in the data folder", reason=str(error))
        except Exception:  # noqa: BLE001 - likewise
            FAULTS.inc()
            _log.exception("signing a checkpoint failed")
        else:
            if made is not None:
                _log.debug("checkpoint signed", size=made.size)
