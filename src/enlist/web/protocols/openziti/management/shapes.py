"""Identities, enrollments and authenticators as the management API shows them."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.pki.listener import METHOD
from enlist.store.credentials import InUse
from enlist.store.outstanding import Outstanding
from enlist.verbs.identities import Identity
from enlist.verbs.one_time_jwt import OneTimeJwt
from enlist.web.protocols.openziti import shapes
from enlist.web.protocols.openziti.envelopes import answered, timestamp

TYPE: Final = "Default"
"""The type of every identity, as newer controllers have it: older ones told devices from users."""


def created(kind: str, made: Id) -> Response:
    """The answer to what made something: its id, and where it is."""
    links = {"self": {"href": f"./{kind}/{made}"}}
    return answered({"id": made, "_links": links}, status=201)


def identity(found: Identity, shown: OneTimeJwt | None = None) -> dict[str, Any]:
    """An identity; with the JWT of its enrollment where it is shown."""
    device, held, waiting = found.device, found.credential, found.enrollment
    return {
        **shapes.named(device.id, device.name),
        "type": _reference("identity-types", TYPE),
        "typeId": TYPE,
        "isAdmin": False,
        "isDefaultAdmin": False,
        "isMfaEnabled": False,
        "authenticators": {"cert": {"id": held.id, "fingerprint": held.fingerprint}}
        if held
        else {},
        "enrollment": {METHOD: _waiting(waiting, shown)} if waiting else {},
        "envInfo": {},
        "sdkInfo": {},
        "roleAttributes": [],
        "hasApiSession": found.has_session,
        "hasEdgeRouterConnection": False,
        "edgeRouterConnectionStatus": "unknown",
        "serviceHostingCosts": {},
        "serviceHostingPrecedences": {},
        "defaultHostingCost": 0,
        "defaultHostingPrecedence": "default",
        "authPolicyId": "default",
        "authPolicy": _reference("auth-policies", "default"),
        "externalId": device.external_id or None,
        "disabled": device.state is DeviceState.BLOCKED,
        "permissions": [],
        "appData": {},
        "createdAt": timestamp(device.registered_at),
        "updatedAt": timestamp(device.enrolled_at or device.registered_at),
        "tags": {"platform": device.platform.value},
    }


def enrollment(found: Outstanding, shown: OneTimeJwt | None = None) -> dict[str, Any]:
    """An enrollment; with its JWT where it is shown."""
    return {
        **_waiting(found, shown),
        "method": METHOD,
        "identityId": found.device_id,
        "identity": shapes.named(found.device_id, found.device_name),
        "caId": None,
        "edgeRouterId": "",
        "transitRouterId": "",
        "username": "",
        "createdAt": timestamp(found.issued_at),
        "updatedAt": timestamp(found.issued_at),
        "tags": {},
        "_links": {"self": {"href": f"./enrollments/{found.id}"}},
    }


def authenticator(found: InUse) -> dict[str, Any]:
    """A certificate that a device authenticates with."""
    return shapes.authenticator(found.credential, found.device_name, "./authenticators")


def _waiting(found: Outstanding, shown: OneTimeJwt | None) -> dict[str, Any]:
    return {
        "id": found.id,
        "token": shown.jti.reveal() if shown else "",
        "jwt": shown.jwt.reveal() if shown else "",
        "expiresAt": timestamp(found.expires_at),
    }


def _reference(kind: str, name: str) -> dict[str, Any]:
    links = {"self": {"href": f"./{kind}/{name}"}}
    return {"id": name, "entity": kind, "name": name, "_links": links}
