"""A client proves itself by its certificate, and shows the token that it got beside it.

Nothing here tells a client why its session is over: `UNAUTHORIZED` makes it prove itself anew, and
`INVALID_AUTH` is what it then hears if it may not any more (D56-D62).
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.clock import SECOND
from enlist.core.outcomes import Refusal
from enlist.core.secrets import LONGEST_PRESENTED, Secret
from enlist.pki.chain import DeviceCertificate, Flawed, examine
from enlist.pki.csr import parse
from enlist.verbs.api_sessions import Authenticate, EndApiSession, Proved, UseApiSession
from enlist.verbs.extend import ConfirmExtension, ExtendCertificate
from enlist.web.callers import device, services_of, stranger
from enlist.web.client_certificates import client_certificate
from enlist.web.protocols.openziti.bodies import text_of, value_of
from enlist.web.protocols.openziti.envelopes import answered, listed, refused, refused_as, timestamp
from enlist.web.protocols.openziti.paths import Offered
from enlist.web.protocols.openziti.shapes import authenticator, named

SESSION: Final = "zt-session"
"""The header in which a session's token comes and goes."""


def presented(request: Request) -> DeviceCertificate | Flawed:
    """What the certificate of the request's connection is worth."""
    tools = services_of(request).tools
    return examine(client_certificate(request), tools.authority, tools.clock())


async def _authenticate(request: Request) -> Response:
    """`POST /authenticate?method=cert`; what a client says of itself is read, and not kept."""
    if request.query_params.get("method", "cert") != "cert":
        return refused_as("INVALID_AUTH", "Only the method 'cert' is offered here.")
    value = value_of(await request.body())
    if isinstance(value, Refusal):
        return refused(value)
    found = presented(request)
    sender = stranger(request) if isinstance(found, Flawed) else device(request, found.device_id)
    outcome = await services_of(request).perform(Authenticate(found), sender)
    if isinstance(outcome, Refusal):
        return refused(outcome)
    proved = outcome.value
    token = proved.token.reveal() if proved.token else ""
    return answered(_session(proved, token, request), headers={SESSION: token})


async def proved_by(request: Request) -> Proved | Response:
    """The session that a request shows, which lives on by it (D59, D60)."""
    services = services_of(request)
    verb = UseApiSession(_token(request), presented(request))
    outcome = await services.perform(verb, stranger(request))
    return _told(outcome) if isinstance(outcome, Refusal) else outcome.value


async def _show(request: Request) -> Response:
    found = await proved_by(request)
    if isinstance(found, Response):
        return found
    return answered(_session(found, _token(request).reveal(), request))


async def _end(request: Request) -> Response:
    verb = EndApiSession(_token(request), presented(request))
    outcome = await services_of(request).perform(verb, stranger(request))
    return _told(outcome) if isinstance(outcome, Refusal) else answered({})


async def _service_updates(request: Request) -> Response:
    found = await proved_by(request)
    if isinstance(found, Response):
        return found
    return answered({"lastChangeAt": timestamp(found.session.started_at)})


async def _identity(request: Request) -> Response:
    found = await proved_by(request)
    if isinstance(found, Response):
        return found
    device = found.device
    return answered(
        {
            **named(device.id, device.name),
            "isAdmin": False,
            "isDefaultAdmin": False,
            "isMfaEnabled": False,
            "hasApiSession": True,
            "disabled": False,
            "externalId": device.external_id or None,
            "roleAttributes": [],
            "authenticators": {
                "cert": {"id": found.credential.id, "fingerprint": found.credential.fingerprint}
            },
            "createdAt": timestamp(device.registered_at),
            "updatedAt": timestamp(device.enrolled_at or device.registered_at),
            "tags": {},
        }
    )


async def _authenticators(request: Request) -> Response:
    found = await proved_by(request)
    if isinstance(found, Response):
        return found
    return listed([authenticator(found.credential, found.device.name, f".{_OWN}")])


async def _no_items(request: Request) -> Response:
    """Services and routers: Enlist enrolls identities, and routes nothing."""
    found = await proved_by(request)
    return found if isinstance(found, Response) else listed([])


async def _no_signers(_request: Request) -> Response:
    """Asked before anybody is known."""
    return listed([])


async def _extend(request: Request) -> Response:
    """`POST …/extend`: another certificate for a client that has one (D63)."""
    csr = text_of(value_of(await request.body()), "clientCertCsr")
    if isinstance(csr, Response):
        return csr
    services = services_of(request)
    place = request.path_params["authenticator"]
    verb = ExtendCertificate(_token(request), place, presented(request), parse(csr))
    outcome = await services.perform(verb, stranger(request))
    if isinstance(outcome, Refusal):
        return _told(outcome)
    authority = services.tools.authority
    chain = outcome.value + authority.intermediate_of(outcome.value)
    return answered({"clientCert": chain, "ca": authority.trusted_pem})


async def _confirm(request: Request) -> Response:
    """`POST …/extend-verify`: the client has it; the one before ends."""
    confirmed = text_of(value_of(await request.body()), "clientCert")
    if isinstance(confirmed, Response):
        return confirmed
    place = request.path_params["authenticator"]
    verb = ConfirmExtension(_token(request), place, presented(request), confirmed)
    outcome = await services_of(request).perform(verb, stranger(request))
    return _told(outcome) if isinstance(outcome, Refusal) else answered({})


def _token(request: Request) -> Secret:
    return Secret(request.headers.get(SESSION, "")[: LONGEST_PRESENTED + 1])


def _told(refusal: Refusal) -> Response:
    if refusal.code == "unauthenticated":
        message = "There is no such session, or it is over. Authenticate with your certificate."
        return refused_as("UNAUTHORIZED", message, request_id=refusal.support_code)
    return refused(refusal)


def _session(proved: Proved, token: str, request: Request) -> dict[str, Any]:
    """A session as clients read it (4.10 of the client API)."""
    session, credential = proved.session, proved.credential
    return {
        "id": session.id,
        "token": token,
        "identityId": session.device_id,
        "identity": named(proved.device.id, proved.device.name),
        "authenticatorId": credential.id,
        "authQueries": [],
        "configTypes": [],
        "ipAddress": session.address,
        "expiresAt": timestamp(proved.expires_at),
        "expirationSeconds": services_of(request).tools.api_session_idle // SECOND,
        "lastActivityAt": timestamp(session.last_seen_at),
        "cachedLastActivityAt": timestamp(session.last_seen_at),
        "isMfaRequired": False,
        "isMfaComplete": True,
        "isCertExtendable": True,
        "isCertExtendRequested": credential.extend_requested_at is not None,
        "isCertKeyRollRequested": credential.key_roll_requested,
        "improperClientCertChain": False,
        "createdAt": timestamp(session.started_at),
        "updatedAt": timestamp(session.last_seen_at),
        "_links": {"self": {"href": "./current-api-session"}},
        "tags": {},
    }


_OWN: Final = "/current-identity/authenticators"

ROUTES: Final[tuple[Offered, ...]] = (
    ("/authenticate", "POST", _authenticate),
    ("/current-api-session", "GET", _show),
    ("/current-api-session", "DELETE", _end),
    ("/current-api-session/service-updates", "GET", _service_updates),
    ("/current-identity", "GET", _identity),
    (_OWN, "GET", _authenticators),
    (f"{_OWN}/{{authenticator}}/extend", "POST", _extend),
    (f"{_OWN}/{{authenticator}}/extend-verify", "POST", _confirm),
    ("/current-identity/edge-routers", "GET", _no_items),
    ("/services", "GET", _no_items),
    ("/external-jwt-signers", "GET", _no_signers),
)
