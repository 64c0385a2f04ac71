"""One-time JWTs as tests issue, read and use them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

from enlist.core.model import GrantKind
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Kind, Secret
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Issued
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.repeating import Enrolled
from tests.installation import SHOWN, Enlist
from tests.requests import csr

JWT = GrantKind.ONE_TIME_JWT


def register(enlist: Enlist, user: str = "ada", expires_at: int | None = None) -> Issued:
    """A device that is to enroll with a JWT."""
    if user not in {row["username"] for row in enlist.rows("app_user")}:
        enlist.user(user)
    details = DeviceDetails("laptop", "linux")
    return enlist.do(Register("", user, details, SHOWN, expires_at, JWT))


def parts(jwt: Secret) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what was signed, and the signature."""
    signed, _, signature = jwt.reveal().rpartition(".")
    header, claims = (json.loads(unpadded(part)) for part in signed.split("."))
    return header, claims, signed.encode(), unpadded(signature)


def unpadded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jti(enlist: Enlist, enrollment_id: str) -> Secret:
    """What the JWT of an enrollment, shown now, brings along."""
    claims = parts(enlist.do(ShowJwt(enrollment_id)).jwt)[1]
    return Secret(claims["jti"])


def redeem(enlist: Enlist, secret: Secret, key: int = 0) -> Done[Enrolled] | Refusal:
    presented = Presented(secret, kind=Kind.ONE_TIME_JWT)
    return enlist.perform(Redeem(presented, DeviceReport(), csr(key)), enlist.stranger())
