"""What a refusal is called in OpenZiti's management API: by its code, else by its HTTP status.

There is no code for *forbidden*: who may not do something hears `UNAUTHORIZED`, as on OpenZiti's
own controller, and the message says what is missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import FieldError, Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import support_code
from enlist.web.problems import headers_of, status_of
from enlist.web.protocols.openziti import envelopes

_CODES: Final = {
    "enrollment_exists": "ENROLLMENT_EXISTS",
    "device_enrolled": "ENROLLMENT_IDENTITY_ALREADY_ENROLLED",
    "malformed": "COULD_NOT_PARSE_BODY",
    # What was used or has ended is no enrollment any more, and what was revoked no authenticator.
    "token_used": "NOT_FOUND",
    "token_revoked": "NOT_FOUND",
    "credential_revoked": "NOT_FOUND",
    "credential_expired": "NOT_FOUND",
}
_BY_STATUS: Final = {
    400: "COULD_NOT_PARSE_BODY",
    401: "UNAUTHORIZED",
    403: "UNAUTHORIZED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "INVALID_ENROLLMENT_NOT_ALLOWED",
    412: "INVALID_ENROLLMENT_NOT_ALLOWED",
    413: "REQUEST_ENTITY_TOO_LARGE",
    422: "COULD_NOT_VALIDATE",
    429: "RATE_LIMITED",
    500: "UNHANDLED",
    503: "TIMEOUT",
}
_OF_FIELD: Final = {
    "filter": "INVALID_FILTER",
    "sort": "INVALID_SORT_IDENTIFIER",
    "limit": "INVALID_PAGINATION",
    "offset": "INVALID_PAGINATION",
}
"""What is wrong with a list's query has codes of its own."""

_FIELDS: Final = {"expires_at": "expiresAt", "external_id": "externalId", "device": "identityId"}
"""Fields of verbs, by the names that they have here."""

_MESSAGES: Final = {
    "unauthenticated": "Send an API key of Enlist's: 'Authorization: Bearer enk_…'.",
    "enrollment_exists": "This identity has an enrollment that was not used. Refresh it, or delete "
    "it first.",
    "device_enrolled": "This identity is enrolled. Re-enroll its authenticator instead.",
}
"""Where the catalogue's words are about something that is called otherwise here."""


def code_of(refusal: Refusal) -> str:
    """OpenZiti's code for a refusal."""
    if refusal.fields and refusal.fields[0].field in _OF_FIELD:
        return _OF_FIELD[refusal.fields[0].field]
    return _CODES.get(refusal.code) or _BY_STATUS[status_of(refusal, staff=True)]


def refused(refusal: Refusal) -> Response:
    """A refusal of Enlist's."""
    wrong = refusal.fields[0] if refusal.fields else None
    if wrong is not None:
        wrong = replace(wrong, field=_FIELDS.get(wrong.field, wrong.field))
    elif refusal.code == "enrollment_exists":
        wrong = FieldError("method", "is taken by an enrollment that was not used")
    cause = None if wrong is None else envelopes.field_cause(wrong)
    request_id = refusal.support_code or support_code()
    message = _message(refusal, wrong)
    return envelopes.error(code_of(refusal), message, request_id, cause, headers_of(refusal))


def _message(refusal: Refusal, wrong: FieldError | None) -> str:
    if refusal.code in _MESSAGES:
        return _MESSAGES[refusal.code]
    meaning = CATALOGUE[refusal.code]
    if refusal.code == "validation_failed" and wrong is not None:
        return f"The field {wrong.field} is not right: {wrong.message}."
    return f"{meaning.title}. {refusal.detail or meaning.remedy}"
