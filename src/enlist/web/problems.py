"""From refusals to HTTP: a status, and an RFC 9457 problem document.

The same refusal may mean different things to different people: a spent token is *gone* (410) for
whoever presents it, but a *conflict* (409) for an administrator who wants to do something with its
enrollment (rulings 2, 29).
"""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE

STATUS: Final = {
    "token_invalid": 404,
    "credentials_invalid": 403,
    "token_expired": 410,
    "credentials_expired": 410,
    "token_used": 410,
    "token_exhausted": 410,
    "token_revoked": 410,
    "token_replaced": 410,
    "token_on_hold": 409,
    "attempt_over": 410,
    "wrong_user": 403,
    "user_not_allowed": 403,
    "token_required": 403,
    "terms_required": 403,
    "answers_required": 403,
    "device_not_registered": 403,
    "device_limit_reached": 403,
    "device_not_approved": 403,
    "device_denied": 403,
    "device_revoked": 409,
    "os_version_too_old": 403,
    "platform_mismatch": 409,
    "platform_not_supported": 403,
    "csr_invalid": 422,
    "completion_required": 422,
    "credential_revoked": 403,
    "credential_expired": 403,
    "device_blocked": 403,
    "rate_limited": 429,
    "try_later": 503,
    "internal_error": 500,
    "validation_failed": 422,
    "malformed": 400,
    "too_large": 413,
    "method_not_allowed": 405,
    "cross_site": 403,
    "form_expired": 403,
    "idempotency_key_reused": 422,
    "webhook_disabled": 409,
    "already_shown": 409,
    "passcode_not_active": 409,
    "passcode_not_shown_again": 409,
    "passcode_invalid": 403,
    "passcode_wrong": 403,
    "proof_link_invalid": 410,
    "self_service_off": 403,
    "precondition_failed": 412,
    "unauthenticated": 401,
    "sign_in_failed": 401,
    "sign_in_delayed": 429,
    "second_factor_wrong": 401,
    "sign_in_step_over": 401,
    "proof_too_old": 403,
    "setup_link_invalid": 410,
    "recovery_link_invalid": 410,
    "password_link_invalid": 410,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "preview_outdated": 409,
    "enrollment_exists": 409,
    "key_leaked": 409,
    "device_enrolled": 409,
    "not_resendable": 409,
    "too_many_enrollments": 409,
    "no_channel": 409,
    "email_missing": 422,
    "phone_missing": 422,
    "phone_invalid": 422,
    "sms_cap_reached": 429,
    "recipient_cap_reached": 429,
    "template_invalid": 422,
    "setting_inherited": 409,
    "setting_override_required": 409,
    "username_taken": 409,
    "contact_locked": 403,
    "email_taken": 409,
    "group_id_taken": 409,
    "domain_taken": 409,
    "organization_not_empty": 409,
    "last_administrator": 409,
    "password_too_short": 422,
}
"""HTTP status of each refusal; a test compares it with the catalogue."""

MEDIA_TYPE: Final = "application/problem+json"


BY_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
"""The refusal that is meant where routing, or a body, ends in nothing but a status."""


def is_fault(refusal: Refusal) -> bool:
    """Whether Enlist itself is in trouble, and not what was asked of it."""
    return STATUS[refusal.code] >= 500


def status_of(refusal: Refusal, *, staff: bool = False) -> int:
    """The HTTP status; for staff, what is gone is a conflict."""
    status = STATUS[refusal.code]
    return 409 if staff and status == 410 else status


def problem(refusal: Refusal, *, staff: bool = False) -> dict[str, Any]:
    """The problem document of a refusal. For strangers it is alike but for the support code."""
    meaning = CATALOGUE[refusal.code]
    document: dict[str, Any] = {
        "type": f"urn:enlist:refusal:{refusal.code}",
        "title": meaning.title,
        "status": status_of(refusal, staff=staff),
        "code": refusal.code,
        "detail": refusal.detail or meaning.remedy,
    }
    if refusal.at is not None:
        document["at"] = rfc3339(refusal.at)
    if refusal.retry_after is not None:
        document["retry_after"] = refusal.retry_after
    if refusal.fields:
        document["fields"] = [
            {"field": error.field, "message": error.message} for error in refusal.fields
        ]
    if refusal.code == "already_shown" and "id" in refusal.data:
        document["id"] = refusal.data["id"]
    if refusal.code == "terms_required":
        named = ("id", "version", "url")
        document["terms"] = {name: refusal.data[f"terms_{name}"] for name in named}
    if refusal.code == "answers_required":
        document["questions"] = str(refusal.data["questions"]).split()
    if refusal.support_code:
        document["support_code"] = refusal.support_code
    return document


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Headers that belong to a refusal."""
    headers = {"cache-control": "no-store"}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    elif refusal.code == "try_later":
        headers["retry-after"] = "5"
    if refusal.code == "unauthenticated":
        headers["www-authenticate"] = 'Bearer realm="enlist"'
    return headers


def problem_response(refusal: Refusal, *, staff: bool = False) -> Response:
    """The problem document as a response."""
    return JSONResponse(
        problem(refusal, staff=staff),
        status_code=status_of(refusal, staff=staff),
        media_type=MEDIA_TYPE,
        headers=headers_of(refusal),
    )
