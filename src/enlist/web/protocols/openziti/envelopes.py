"""Answers and refusals as OpenZiti's clients read them: `{"data": …}` or `{"error": …}` (D72).

Clients print code and message of a refusal, and know few of the codes. So the message is where a
person is told what happened and what to do (D54).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from enlist.core.clock import to_datetime
from enlist.core.outcomes import FieldError, Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import support_code
from enlist.web.problems import headers_of

_log = structlog.get_logger("enlist.openziti")

STATUS: Final = {
    "INVALID_ENROLLMENT_TOKEN": 400,
    "ENROLLMENT_EXPIRED": 400,
    "INVALID_ENROLL_METHOD": 400,
    "COULD_NOT_PROCESS_CSR": 400,
    "COULD_NOT_PARSE_BODY": 400,
    "COULD_NOT_VALIDATE": 400,
    "INVALID_FILTER": 400,
    "INVALID_PAGINATION": 400,
    "INVALID_SORT_IDENTIFIER": 400,
    "INVALID_AUTH": 401,
    "UNAUTHORIZED": 401,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "ENROLLMENT_EXISTS": 409,
    "ENROLLMENT_IDENTITY_ALREADY_ENROLLED": 409,
    "INVALID_ENROLLMENT_NOT_ALLOWED": 409,
    "REQUEST_ENTITY_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA": 415,
    "RATE_LIMITED": 429,
    "UNHANDLED": 500,
    "TIMEOUT": 503,
}
"""HTTP status of each code that is sent."""

CODES: Final = {
    "token_expired": "ENROLLMENT_EXPIRED",
    "csr_invalid": "COULD_NOT_PROCESS_CSR",
    "malformed": "COULD_NOT_PARSE_BODY",
    "validation_failed": "COULD_NOT_VALIDATE",
    "unauthenticated": "INVALID_AUTH",
    "credential_revoked": "INVALID_AUTH",
    "credential_expired": "INVALID_AUTH",
    "device_blocked": "INVALID_AUTH",
    "not_found": "NOT_FOUND",
    "cross_site": "UNAUTHORIZED",
    "method_not_allowed": "METHOD_NOT_ALLOWED",
    "too_large": "REQUEST_ENTITY_TOO_LARGE",
    "rate_limited": "RATE_LIMITED",
    "internal_error": "UNHANDLED",
    "try_later": "TIMEOUT",
}
"""What a refusal is called here; every other is one of an enrollment that cannot be used."""

_OTHER: Final = "INVALID_ENROLLMENT_TOKEN"

_MESSAGES: Final = {
    "token_invalid": "This enrollment token is not valid here. Ask your administrator for a new "
    "JWT, and enroll with it as it is.",
    "token_expired": "This enrollment token has expired. Ask your administrator to reissue it.",
    "token_used": "This enrollment token has already been used. If that was not you, tell your "
    "administrator at once; else ask for another JWT.",
    "token_replaced": "This enrollment token was replaced by a newer one. Use the newest JWT that "
    "you were given.",
    "token_revoked": "This enrollment token was withdrawn. Ask your administrator whether you "
    "should get another JWT.",
    "terms_required": "Your organization asks you to accept its terms of use, which this client "
    "cannot show. Accept them by enrolling another device on the enrollment page and try again, or "
    "ask your administrator.",
    "credential_revoked": "This device's certificate was withdrawn. Ask your administrator for a "
    "new JWT, and enroll again.",
    "unauthenticated": "This takes the certificate that the device was given when it enrolled.",
}
"""Where the catalogue's words are about something that an OpenZiti client has not."""

_META: Final = {"apiEnrollmentVersion": "0.0.1", "apiVersion": "0.0.1"}


def timestamp(moment: int) -> str:
    """A moment as OpenZiti writes it: RFC 3339, UTC, milliseconds (D73)."""
    return to_datetime(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answered(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer. Its type is `application/json` and nothing behind it: Go compares it (D45)."""
    body = to_json({"data": data, "meta": {}})
    return Response(body, status, headers, "application/json")


def listed(items: list[Any]) -> Response:
    """A list that is whole."""
    paging = {"limit": max(10, len(items)), "offset": 0, "totalCount": len(items)}
    meta = {"filterableFields": ["id"], "pagination": paging}
    return JSONResponse({"data": items, "meta": meta}, media_type="application/json")


def refused(refusal: Refusal) -> Response:
    """A refusal of Enlist's."""
    code = CODES.get(refusal.code, _OTHER)
    cause: dict[str, Any] | None = None
    if refusal.code == "csr_invalid":
        cause = {"code": "INVALID_CSR", "message": refusal.detail}
    elif refusal.fields:
        cause = field_cause(refusal.fields[0])
    request_id = refusal.support_code or support_code()
    return error(code, _message(refusal), request_id, cause, headers_of(refusal))


def refused_as(
    code: str, message: str, field: FieldError | None = None, *, request_id: str = ""
) -> Response:
    """A refusal of what has no other name than OpenZiti's; `request_id` where it has one."""
    cause = field_cause(field) if field else None
    return error(code, message, request_id or support_code(), cause, {})


def field_cause(wrong: FieldError) -> dict[str, Any]:
    """A field that is not right, as the cause of an error. Its value is not repeated."""
    return {"field": wrong.field, "reason": wrong.message, "value": None}


def _message(refusal: Refusal) -> str:
    known = _MESSAGES.get(refusal.code)
    if known is not None:
        return known
    meaning = CATALOGUE[refusal.code]
    return f"{meaning.title}. {refusal.detail or meaning.remedy}"


def error(
    code: str,
    message: str,
    request_id: str,
    cause: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> Response:
    """An error, which the log knows by the same `requestId`."""
    _log.info("refused", code=code, request_id=request_id)
    told: dict[str, Any] = {
        "code": code,
        "message": message,
        "requestId": request_id,
        "cause": cause,
        "args": {"urlVars": {}},
    }
    shown = {"cache-control": "no-store", **headers}
    shown.pop("www-authenticate", None)  # names API keys, which are of no use here
    return JSONResponse({"error": told, "meta": _META}, STATUS[code], shown, "application/json")


def accepts_json(request: Request) -> bool:
    """Whether the client reads JSON; one that says nothing reads everything."""
    wanted = [
        part.partition(";")[0].strip().lower()
        for value in request.headers.getlist("accept")
        for part in value.split(",")
    ]
    return not wanted or any(
        each in ("*/*", "application/*", "application/json") for each in wanted
    )
