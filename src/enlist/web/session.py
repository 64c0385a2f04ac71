"""`/session`: where a device stays connected, as a WebSocket (docs/reference/device-sessions.md).

On the device listener its certificate, proved in the TLS handshake, opens the session at once.
Where none came, because TLS ends at a proxy, the device signs a nonce with its key and sends the
certificate along; so it does on the web listener, which never asks for certificates.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64decode
from collections.abc import MutableSet
from typing import Any, Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import BaseModel, Field, ValidationError
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketState
from uvicorn.protocols.utils import ClientDisconnected

from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.core.sessions import Ending, ProvedBy
from enlist.pki.chain import DeviceCertificate, Flawed, examine
from enlist.pki.possession import challenge, proves
from enlist.sessions.keeper import Keeper
from enlist.sessions.open_sessions import OpenSession
from enlist.sessions.socket import DeviceSocket
from enlist.store.tx import StoreUnavailable
from enlist.verbs.device_sessions import Opened
from enlist.verbs.device_sessions import OpenSession as Open
from enlist.web import callers
from enlist.web.boundary import FAULTS
from enlist.web.callers import services_of, stranger
from enlist.web.client_certificates import accepted, client_certificate
from enlist.web.places import Places
from enlist.web.problems import problem_response
from enlist.web.services import Services
from enlist.web.upgrading import GONE, adopt

ANSWER_WITHIN: Final = 10.0
"""Seconds that a device has to sign a nonce."""
MOST_ASKED: Final = 1_000
"""Devices that may be about to sign one at the same time, in one process."""
MOST_ASKED_AT_ONE: Final = 100
"""Of them at one address, or one stranger who signs nothing would keep all of them out."""
REFUSED: Final = {
    "credential_revoked": 4401,
    "credential_expired": 4401,
    "unauthenticated": 4401,
    "device_blocked": 4403,
    "malformed": 1008,
}
"""How a refusal is told once the WebSocket is open; any other is `try again later`, 1013."""

_log = structlog.get_logger("enlist.sessions")


class Proof(BaseModel):
    """What a device answers to a challenge.

    Attributes:
        certificate: its own, as PEM.
        server: the address that it believes to speak to, such as `https://devices.example.com`.
        signature: of the challenge (`enlist.pki.possession`), in base64.
    """

    certificate: str = Field(max_length=12_000)
    server: str = Field(max_length=300)
    signature: str = Field(max_length=2_000)


def session_routes() -> list[BaseRoute]:
    """The route of both listeners."""
    return [WebSocketRoute("/session", Door().enter)]


class Door:
    """Lets devices in."""

    def __init__(self) -> None:
        self._asked = Places(MOST_ASKED, MOST_ASKED_AT_ONE)

    async def enter(self, websocket: WebSocket) -> None:
        """One device, until its session is open or refused."""
        try:
            await self._enter(websocket)
        except GONE:
            raise ClientDisconnected from None  # which the server takes for no fault of ours

    async def _enter(self, websocket: WebSocket) -> None:
        services = services_of(websocket)
        keeper = services.sessions
        assert keeper is not None  # noqa: S101 - the route is there only where there is one
        der = client_certificate(websocket)
        try:
            if der is not None:
                await self._by_certificate(websocket, services, keeper, der)
            else:
                with self._asked.taken(stranger(websocket).source) as room:
                    if not room:
                        raise StoreUnavailable("too many devices are about to sign a challenge")
                    await self._by_challenge(websocket, services, keeper)
        except GONE:
            raise
        except StoreUnavailable as error:
            _log.warning("session not opened", reason=str(error)[:300])
            await _refuse(websocket, Refusal("try_later", support_code=support_code()))
        except Exception as error:  # noqa: BLE001 - the last line before the device
            code = support_code()
            FAULTS.inc()
            _log.error("fault", support_code=code, path="/session", exc_info=error)
            await _refuse(websocket, Refusal("internal_error", support_code=code))

    async def _by_certificate(
        self, websocket: WebSocket, services: Services, keeper: Keeper, der: bytes
    ) -> None:
        found = accepted(der, services)
        if isinstance(found, Refusal):
            await _refuse(websocket, found)
            return
        await self._open(websocket, services, keeper, found, ProvedBy.CERTIFICATE)

    async def _by_challenge(self, websocket: WebSocket, services: Services, keeper: Keeper) -> None:
        await websocket.accept()
        nonce = secrets.token_urlsafe(32)
        await websocket.send_json({"type": "challenge", "nonce": nonce})
        try:
            # Not `wait_for`: until Python 3.12 it and what it raises hold each other, and with them
            # the connection, until the collector of garbage comes.
            async with asyncio.timeout(ANSWER_WITHIN):
                said = await websocket.receive_text()
        except (TimeoutError, KeyError):  # nothing, or bytes instead of text
            said = ""
        found = proved(said, nonce, services)
        if isinstance(found, Refusal):
            await _refuse(websocket, found)
            return
        await self._open(websocket, services, keeper, found, ProvedBy.CHALLENGE)

    async def _open(
        self,
        websocket: WebSocket,
        services: Services,
        keeper: Keeper,
        device: DeviceCertificate,
        proved_by: ProvedBy,
    ) -> None:
        wait = keeper.openings.wait(device.serial, asyncio.get_running_loop().time())
        if wait is not None:
            refusal = Refusal("rate_limited", retry_after=wait, support_code=support_code())
            await _refuse(websocket, refusal)
            return
        session = await keeper.admit(device.device_id)
        verb = Open(
            session.id,
            keeper.process_id,
            device.device_id,
            device.serial,
            proved_by,
            keeper.rhythm.most,
        )
        try:
            outcome = await services.perform(verb, callers.device(websocket, device.device_id))
        except BaseException:
            keeper.dismiss(session, Ending.LOST)  # it may have been written down all the same
            raise
        if isinstance(outcome, Refusal):
            keeper.dismiss(session)
            await _refuse(websocket, outcome)
            return
        try:
            if proved_by is ProvedBy.CERTIFICATE:
                await websocket.accept()
            _hand_over(websocket, keeper, session, outcome.value)
        except BaseException:
            keeper.dismiss(session, Ending.LOST)
            raise


def _hand_over(websocket: WebSocket, keeper: Keeper, session: OpenSession, known: Opened) -> None:
    """From here on the connection is a socket among those that the keeper holds."""
    lines: list[DeviceSocket] = []

    def make(transport: asyncio.Transport, among: MutableSet[Any]) -> DeviceSocket:
        lines.append(DeviceSocket(transport, keeper.owner(session), among))
        return lines[0]

    adopt(websocket.scope, make)
    heartbeat = keeper.rhythm.heartbeat
    lines[0].say({"type": "open", "session": session.id, "heartbeat": heartbeat})
    keeper.begin(session, known, lines[0])


def proved(said: str, nonce: str, services: Services) -> DeviceCertificate | Refusal:
    """Whose certificate it is that signed the challenge, for one of our own addresses."""
    code = support_code()
    try:
        proof = Proof.model_validate_json(said)
        certificate = x509.load_pem_x509_certificate(proof.certificate.encode())
        signature = b64decode(proof.signature, validate=True)
    except (ValidationError, ValueError, x509.InvalidVersion):
        return Refusal("malformed", support_code=code)
    tools = services.tools
    found = examine(certificate.public_bytes(Encoding.DER), tools.authority, tools.clock())
    ours = {tools.addresses.device_url, tools.addresses.public_url}
    signed = challenge(proof.server, nonce)
    if (
        isinstance(found, Flawed)
        or proof.server not in ours
        or not proves(certificate, signed, signature)
    ):
        return Refusal("unauthenticated", support_code=code)
    return found


async def _refuse(websocket: WebSocket, refusal: Refusal) -> None:
    """Say no: as an answer to the handshake, or, once that is over, as the reason of its end."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.send_denial_response(problem_response(refusal))
    else:
        await websocket.close(REFUSED.get(refusal.code, 1013), refusal.code)
