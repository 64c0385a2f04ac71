"""How devices and their certificates look to OpenZiti's clients, of either API."""

from __future__ import annotations

from typing import Any

from enlist.core.ids import Id
from enlist.core.model import Credential
from enlist.web.protocols.openziti.envelopes import timestamp


def named(device_id: Id, name: str) -> dict[str, Any]:
    """An identity, as far as something else names it."""
    links = {"self": {"href": f"./identities/{device_id}"}}
    return {"id": device_id, "entity": "identities", "name": name, "_links": links}


def authenticator(credential: Credential, device_name: str, folder: str) -> dict[str, Any]:
    """A certificate that a device authenticates with.

    Args:
        folder: where authenticators are found, as links have it.
    """
    asked_at = credential.extend_requested_at
    return {
        "id": credential.id,
        "method": "cert",
        "identityId": credential.device_id,
        "identity": named(credential.device_id, device_name),
        "fingerprint": credential.fingerprint,
        "certPem": credential.certificate,
        "isIssuedByNetwork": True,
        "isExtendRequested": asked_at is not None,
        "isKeyRollRequested": credential.key_roll_requested,
        "extendRequestedAt": timestamp(asked_at) if asked_at is not None else None,
        "lastAuthResolvedToRoot": True,
        "username": "",
        "createdAt": timestamp(credential.issued_at),
        "updatedAt": timestamp(asked_at or credential.issued_at),
        "_links": {
            "self": {"href": f"{folder}/{credential.id}"},
            "identity": {"href": f"./identities/{credential.device_id}"},
        },
        "tags": {},
    }
