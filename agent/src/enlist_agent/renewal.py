"""Renewing the certificate while the old one still counts, with a key of its own.

The old certificate asks for the next one, which takes over on the disk; then the next one says that
it has come, and only then does the server withdraw the old one. Both count until then, so a crash
or a lost answer between any two steps costs nothing, and the same steps go on. The old certificate
is never shown again: if it is, somebody has a copy of it, and the server raises an alarm.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from enlist_agent.client import Patience, Server
from enlist_agent.enrollment import checked
from enlist_agent.identity import device_tls, leaf_of
from enlist_agent.outcomes import Refusal, UnreachableError
from enlist_agent.state import CHAIN, StateDirectory, request_for
from enlist_agent.unreadable import UNREADABLE

PATH: Final = "/device/renewal"
CONFIRM_PATH: Final = "/device/renewal/confirm"


def renew(
    folder: StateDirectory, address: str, ca: Path | None, patience: Patience
) -> datetime | Refusal:
    """Get the next certificate, and let it take over; answers until when it is good.

    Raises:
        UsageError: the state directory cannot be used, or another process is using it.
        UnreachableError: no answer, none that can be trusted, or a certificate that does not fit.
    """
    with folder.settled(patience):
        if not folder.unconfirmed():
            refusal = _fetch(folder, Server(address, device_tls(folder, ca), patience))
            if refusal is not None:
                return refusal
        answer = _post(Server(address, device_tls(folder, ca), patience), CONFIRM_PATH, {})
        if isinstance(answer, Refusal):
            return answer
        folder.confirmed()
        return leaf_of(folder).not_valid_after_utc


def _fetch(folder: StateDirectory, server: Server) -> Refusal | None:
    key = folder.next_key()
    answer = _post(server, PATH, {"csr": request_for(key)})
    if isinstance(answer, Refusal):
        return answer
    try:
        certificate, chain = answer["certificate"], answer["chain"]
        checked(certificate, chain, key)
    except (KeyError, TypeError, AttributeError, *UNREADABLE, InvalidSignature):
        raise UnreachableError(
            f"{server.address} answered, but not with a certificate for this device's next key. "
            "The one that it has stays. Tell your administrator."
        ) from None
    folder.write(CHAIN, chain)
    folder.keep_next(certificate)
    return None


def _post(server: Server, path: str, body: dict[str, str]) -> dict[str, Any] | Refusal:
    headers = {"Content-Type": "application/json"}
    return server.ask("POST", path, json.dumps(body).encode(), headers)
