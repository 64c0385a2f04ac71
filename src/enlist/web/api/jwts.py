"""One-time JWTs for download: as the file that OpenZiti clients read, and as a QR code."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import segno
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.verbs.one_time_jwt import OneTimeJwt, ShowJwt, jwt_file_name
from enlist.web.api.operations import Operations, Staff

operations: Final = Operations("Enrollments")

REFUSED: Final = ("conflict", "token_used", "token_revoked", "token_expired", "token_on_hold")
_SCALE: Final = 5
"""Pixels of a module: a code of 600 characters is then more than 500 pixels wide."""


class JwtResponse(Response):
    """A JWT, and nothing else (RFC 7519 section 10.3.1)."""

    media_type = "application/jwt"


class PngResponse(Response):
    """A picture."""

    media_type = "image/png"


def qr_code(found: OneTimeJwt) -> bytes:
    """The very JWT as a QR code (PNG), black on white whatever the theme (D27)."""
    picture = BytesIO()
    code = segno.make(found.jwt.reveal(), error="m", micro=False)
    code.save(picture, kind="png", scale=_SCALE, border=4, light="white")
    return picture.getvalue()


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
    if isinstance(found, Refusal):
        return found
    named = {"content-disposition": f'attachment; filename="{jwt_file_name(found.device_name)}"'}
    return JwtResponse(found.jwt.reveal(), headers=named)


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
