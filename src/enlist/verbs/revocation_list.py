"""The authority's list of what was revoked, for whoever checks a certificate (S62)."""

from __future__ import annotations

from typing import Final

from enlist.core.clock import DAY, HOUR
from enlist.pki.revocation import build_crl
from enlist.store import credentials
from enlist.store.lanes import Store
from enlist.verbs.driver import Tools

CRL_LIFETIME: Final = DAY
_FRESH: Final = HOUR


class RevocationList:
    """Signs the list when something was revoked, or hourly; else hands out the last one.

    Whoever asks needs no rights, and asking makes no event.
    """

    def __init__(self, store: Store, tools: Tools) -> None:
        self._store = store
        self._tools = tools
        self._signed: tuple[tuple[int, int], int, bytes] | None = None

    def current(self) -> bytes:
        """The list as DER.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        now = self._tools.clock()
        mark = self._store.read(credentials.revoked_mark)
        signed = self._signed
        if signed is not None and signed[0] == mark and signed[1] > now - _FRESH:
            return signed[2]
        revoked = self._store.read(credentials.revoked)
        der = build_crl(self._tools.authority, revoked, now, CRL_LIFETIME)
        self._signed = (mark, now, der)
        return der
