"""What people and programs take along to enroll: a JWT's file, and QR codes (D26, D27, A70)."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import segno
from starlette.responses import Response

from enlist.verbs.one_time_jwt import OneTimeJwt, jwt_file_name

_SCALE: Final = 5
"""Pixels of a module: a code of 600 characters is then more than 500 pixels wide."""


class JwtResponse(Response):
    """A JWT, and nothing else (RFC 7519 section 10.3.1)."""

    media_type = "application/jwt"


def jwt_file(found: OneTimeJwt) -> JwtResponse:
    """The JWT as a file, named after its device."""
    named = {"content-disposition": f'attachment; filename="{jwt_file_name(found.device_name)}"'}
    return JwtResponse(found.jwt.reveal(), headers=named)


def qr_code(found: OneTimeJwt) -> bytes:
    """The very JWT as a QR code (PNG), black on white whatever the theme."""
    picture = BytesIO()
    code = segno.make(found.jwt.reveal(), error="m", micro=False)
    code.save(picture, kind="png", scale=_SCALE, border=4, light="white")
    return picture.getvalue()


def link_picture(link: str) -> str:
    """An enrollment link as a QR code, a PNG in a `data:` address."""
    return segno.make(link, error="m", micro=False).png_data_uri(
        scale=_SCALE, border=4, light="white"
    )
