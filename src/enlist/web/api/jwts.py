"""One-time JWTs for download: as the file that OpenZiti clients read, and as a QR code."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.web.api.operations import Operations, Staff
from enlist.web.jwts import JwtResponse, jwt_file, qr_code

operations: Final = Operations("Enrollments")

REFUSED: Final = (
    "conflict",
    "token_used",
    "token_revoked",
    "token_expired",
    "token_on_hold",
    "key_leaked",
)


class PngResponse(Response):
    """A picture."""

    media_type = "image/png"


@operations.staff(
    "GET",
    "/enrollments/{enrollment_id}/jwt",
    Permission.ENROLLMENTS_DOWNLOAD,
    answers=JwtResponse,
    refuses=REFUSED,
)
async def download_jwt(asking: Staff, enrollment_id: str) -> Response | Refusal:
    """Download the one-time JWT of an enrollment that nobody used yet; each time is an event."""
    found = await asking.do(ShowJwt(enrollment_id, "file"))
    return found if isinstance(found, Refusal) else jwt_file(found)


@operations.staff(
    "GET",
    "/enrollments/{enrollment_id}/qr",
    Permission.ENROLLMENTS_DOWNLOAD,
    answers=PngResponse,
    refuses=REFUSED,
)
async def show_qr_code(asking: Staff, enrollment_id: str) -> Response | Refusal:
    """Show the same JWT as a QR code (PNG), to be read by a phone; each time is an event."""
    found = await asking.do(ShowJwt(enrollment_id, "qr"))
    return found if isinstance(found, Refusal) else PngResponse(qr_code(found))
