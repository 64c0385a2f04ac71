"""The authority's lists of what was revoked, for whoever checks a certificate (S62)."""

from __future__ import annotations

import threading
from typing import Final

from enlist.core.clock import DAY, HOUR
from enlist.pki.authority import Issuer
from enlist.pki.revocation import build_crl
from enlist.store import credentials
from enlist.store.lanes import Store
from enlist.verbs.driver import Tools

CRL_LIFETIME: Final = DAY
_FRESH: Final = HOUR


class RevocationList:
    """Signs the list when something was revoked, or hourly; else hands out the last one.

    Whoever asks needs no rights, and asking makes no event. So many may ask at once, and whoever
    does while the list is made waits for it: a long one takes a good part of a second.
    """

    def __init__(self, store: Store, tools: Tools) -> None:
        self._store = store
        self._tools = tools
        self._signed: dict[str, tuple[tuple[int, int], int, bytes]] = {}
        self._signing = threading.Lock()

    def current(self, issuer_id: str = "") -> bytes | None:
        """The list of one issuing CA as DER, the first one's where none is named; None where there
        is no such CA.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        issuers = {each.id: each for each in self._tools.authority.issuers}
        if issuer_id not in issuers:
            return None
        mark = self._store.read(credentials.revoked_mark)
        found = self._signed_at(issuer_id, mark)
        if found is None:
            with self._signing:
                found = self._made(issuers[issuer_id])
        return found

    def _signed_at(self, issuer_id: str, mark: tuple[int, int]) -> bytes | None:
        """The last list, where nothing was revoked since and it is not old."""
        signed = self._signed.get(issuer_id)
        fresh = self._tools.clock() - _FRESH
        return signed[2] if signed and signed[0] == mark and signed[1] > fresh else None

    def _made(self, issuer: Issuer) -> bytes:
        """A list that is new, unless somebody else has made it meanwhile."""
        mark, now = self._store.read(credentials.revoked_mark), self._tools.clock()
        found = self._signed_at(issuer.id, mark)
        if found is None:
            revoked = self._store.read(credentials.revoked)
            found = build_crl(issuer, revoked, now, CRL_LIFETIME)
            self._signed[issuer.id] = (mark, now, found)
        return found
