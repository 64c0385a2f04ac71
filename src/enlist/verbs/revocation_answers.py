"""Answers about single certificates, for whoever checks one (OCSP, see `pki.ocsp`).

Each is made when it is asked for, from what the store says then: a reset counts from the next one
on. Whoever asks needs no rights, and asking makes no event.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.x509.ocsp import OCSPResponseStatus

from enlist.core.model import Credential
from enlist.pki import ocsp
from enlist.pki.authority import Issuer, serial_text
from enlist.pki.ocsp import Question, Responder
from enlist.store import credentials
from enlist.store.credentials import Revoked
from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Tools


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer (DER), and what it says: `good`, `revoked`, `unknown`, or why there is none."""

    told: str
    der: bytes


class RevocationAnswers:
    """Answers as the authority's responder, one for each issuing CA."""

    def __init__(self, store: Store, tools: Tools) -> None:
        self._store = store
        self._tools = tools
        self._responders: dict[str, Responder] = {}

    def answer(self, der: bytes) -> Answer:
        """The answer to a request; to one that cannot be answered, why."""
        question, now = ocsp.read(der), self._tools.clock()
        if question is None:
            return _none(OCSPResponseStatus.MALFORMED_REQUEST)
        issuer = self._issuer_of(question)
        if issuer is None or issuer.not_after <= now:
            return _none(OCSPResponseStatus.UNAUTHORIZED)
        try:
            credential = self._credential(question, issuer)
        except StoreUnavailable:
            return _none(OCSPResponseStatus.TRY_LATER)
        revoked = None if credential is None else _revoked(credential)
        told = "revoked" if revoked else "unknown" if credential is None else "good"
        responder = self._responder(issuer, now)
        return Answer(told, responder.answer(question, revoked, credential is not None, now))

    def _issuer_of(self, question: Question) -> Issuer | None:
        found = filter(question.is_about, self._tools.authority.issuers)
        return next(found, None)

    def _credential(self, question: Question, issuer: Issuer) -> Credential | None:
        """What is stored of the certificate, if that very issuing CA has signed it."""
        serial = serial_text(question.serial)
        found = self._store.read(lambda tx: credentials.by_serial(tx, serial))
        if found is None:
            return None
        signed_by = self._tools.authority.intermediate_of(found.certificate)
        return found if signed_by == issuer.issuing_pem else None

    def _responder(self, issuer: Issuer, now: int) -> Responder:
        found = self._responders.get(issuer.id)
        if found is None or found.renew_at <= now:
            found = self._responders[issuer.id] = Responder(issuer, now)
        return found


def _revoked(credential: Credential) -> Revoked | None:
    if credential.revoked_at is None:
        return None
    return Revoked(credential.serial, credential.revoked_at, credential.revocation_reason)


def _none(status: OCSPResponseStatus) -> Answer:
    return Answer(status.name.lower(), ocsp.unsuccessful(status))
