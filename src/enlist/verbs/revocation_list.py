"""The authority's lists of what was revoked, for whoever checks a certificate (S62)."""

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
        self._signed: dict[str, tuple[tuple[int, int], int, bytes]] = {}

    def current(self, issuer_id: str = "") -> bytes | None:
        """The list of one issuing CA as DER, the first one's where none is named; None where there
        is no such CA.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        issuers = {each.id: each for each in self._tools.authority.issuers}
        if issuer_id not in issuers:
            return None
        now = self._tools.clock()
        mark = self._store.read(credentials.revoked_mark)
        signed = self._signed.get(issuer_id)
        if signed is not None and signed[0] == mark and signed[1] > now - _FRESH:
            return signed[2]
        revoked = self._store.read(credentials.revoked)
        der = build_crl(issuers[issuer_id], revoked, now, CRL_LIFETIME)
        self._signed[issuer_id] = (mark, now, der)
        return der
