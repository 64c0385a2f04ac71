"""What permissions are tried with: for every operation of staff a request that succeeds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

from enlist.core.device_lists import DeviceList
from tests.installation import PASSWORD
from tests.pictures import png
from tests.web.api.world import HOOK_URL, World

WORDING: Final = {"subject": "s", "body": "{EnrollmentUrl}"}
TERMS: Final = {"texts": [{"language": "en", "title": "Terms", "body": "Be kind."}]}
LOGO: Final = b64encode(png()).decode()


Asked = tuple[str, Any]
Trial = Asked | Callable[[World], Asked]

TRIALS: dict[str, Trial] = {
    "GET /devices": ("/devices", None),
    "POST /devices": lambda w: ("/devices", w.registering()),
    "POST /devices/bulk": lambda w: ("/devices/bulk", {"rows": [w.registering()]}),
    "POST /devices/bulk/move": lambda w: (
        "/devices/bulk/move",
        {"ids": [w.ticket().device_id], "organization": w.organization()},
    ),
    "POST /devices/bulk/ownership": lambda w: (
        "/devices/bulk/ownership",
        {"ids": [w.ticket().device_id], "ownership": "corporate_shared"},
    ),
    "POST /devices/bulk/delete": (
        "/devices/bulk/delete",
        {"by": "serial", "values": ["SN-0001"]},
    ),
    "POST /devices/{device_id}/move": lambda w: (
        f"/devices/{w.ticket().device_id}/move",
        {"organization": w.organization()},
    ),
    "GET /imports": ("/imports", None),
    "POST /imports": ("/imports", b"username\nimported\n"),
    "GET /imports/templates/{kind}": ("/imports/templates/simple", None),
    "GET /imports/{import_id}": lambda w: (f"/imports/{w.imported()}", None),
    "GET /imports/{import_id}/errors": lambda w: (f"/imports/{w.imported()}/errors", None),
    "POST /imports/{import_id}/start": lambda w: (f"/imports/{w.imported()}/start", None),
    "POST /imports/{import_id}/stop": lambda w: (f"/imports/{w.imported()}/stop", None),
    "GET /waves": ("/waves", None),
    "POST /waves": lambda w: ("/waves", {"name": "w", "users": [w.user()], "platform": "linux"}),
    "GET /waves/{wave_id}": lambda w: (f"/waves/{w.wave()}", None),
    "GET /waves/{wave_id}/people": lambda w: (f"/waves/{w.wave()}/people", None),
    "POST /waves/{wave_id}/pause": lambda w: (f"/waves/{w.wave()}/pause", None),
    "POST /waves/{wave_id}/resume": lambda w: (f"/waves/{w.held_wave()}/resume", None),
    "POST /waves/{wave_id}/continue": lambda w: (f"/waves/{w.waiting_wave()}/continue", None),
    "POST /waves/{wave_id}/stop": lambda w: (f"/waves/{w.wave()}/stop", None),
    "POST /waves/{wave_id}/resend": lambda w: (f"/waves/{w.wave()}/resend", None),
    "GET /devices/{device_id}": lambda w: (f"/devices/{w.ticket().device_id}", None),
    "PATCH /devices/{device_id}": lambda w: (f"/devices/{w.ticket().device_id}", {"name": "x"}),
    "DELETE /devices/{device_id}": lambda w: (f"/devices/{w.ticket().device_id}", None),
    "GET /device-sessions": ("/device-sessions", None),
    "GET /revocations": ("/revocations", None),
    "GET /revocations/stream": ("/revocations/stream", None),
    "GET /device-sessions/{session_id}": lambda w: (f"/device-sessions/{w.session()}", None),
    "DELETE /device-sessions/{session_id}": lambda w: (f"/device-sessions/{w.session()}", None),
    "POST /devices/{device_id}/enrollments": lambda w: (
        f"/devices/{w.revoked()}/enrollments",
        None,
    ),
    "POST /devices/{device_id}/reset": lambda w: (f"/devices/{w.ticket().device_id}/reset", None),
    "POST /devices/{device_id}/reassign": lambda w: (
        f"/devices/{w.ticket().device_id}/reassign",
        {"user": w.user()},
    ),
    "POST /devices/{device_id}/hand-out": lambda w: (
        f"/devices/{w.staged()}/hand-out",
        {"user": w.user()},
    ),
    "POST /devices/{device_id}/replace": lambda w: (
        f"/devices/{w.ticket().device_id}/replace",
        None,
    ),
    "DELETE /enrollments/{enrollment_id}": lambda w: (
        f"/enrollments/{w.ticket().enrollment_id}",
        None,
    ),
    "GET /enrollments": ("/enrollments", None),
    "GET /enrollments/export": ("/enrollments/export", None),
    "GET /enrollments/{enrollment_id}": lambda w: (
        f"/enrollments/{w.ticket().enrollment_id}",
        None,
    ),
    "GET /enrollments/{enrollment_id}/jwt": lambda w: (f"/enrollments/{w.by_jwt()}/jwt", None),
    "GET /enrollments/{enrollment_id}/qr": lambda w: (f"/enrollments/{w.by_jwt()}/qr", None),
    "POST /enrollments/{enrollment_id}/revoke": lambda w: (
        f"/enrollments/{w.ticket().enrollment_id}/revoke",
        None,
    ),
    "POST /enrollments/{enrollment_id}/reactivate": lambda w: (
        f"/enrollments/{w.held()}/reactivate",
        None,
    ),
    "POST /enrollments/{enrollment_id}/resend": lambda w: (
        f"/enrollments/{w.ticket().enrollment_id}/resend",
        None,
    ),
    "POST /enrollments/{enrollment_id}/reissue": lambda w: (
        f"/enrollments/{w.ticket().enrollment_id}/reissue",
        None,
    ),
    **{
        f"POST /enrollments/bulk/{act}": lambda w, act=act: (  # type: ignore[misc]
            f"/enrollments/bulk/{act}",
            {"ids": [w.ticket().enrollment_id]},
        )
        for act in ("resend", "reissue", "revoke", "delete")
    },
    "GET /saved-views": ("/saved-views", None),
    "POST /saved-views": lambda w: ("/saved-views", {"name": w.name(), "shared": True}),
    "PATCH /saved-views/{view_id}": lambda w: (
        f"/saved-views/{w.view()}",
        {"name": w.name()},
    ),
    "DELETE /saved-views/{view_id}": lambda w: (f"/saved-views/{w.view()}", None),
    "GET /locks": ("/locks", None),
    "DELETE /locks/users/{user}": lambda w: (f"/locks/users/{w.user()}", None),
    "DELETE /locks/enrollments/{enrollment_id}": lambda w: (
        f"/locks/enrollments/{w.ticket().enrollment_id}",
        None,
    ),
    "DELETE /locks/devices/{device_id}": lambda w: (f"/locks/devices/{w.ticket().device_id}", None),
    "DELETE /locks/networks/{address}": ("/locks/networks/192.0.2.77", None),
    "GET /users": ("/users", None),
    "POST /users": lambda w: ("/users", {"username": w.name()}),
    "GET /users/{user}": lambda w: (f"/users/{w.user()}", None),
    "PATCH /users/{user}": lambda w: (f"/users/{w.user()}", {"first_name": "x"}),
    "DELETE /users/{user}": lambda w: (f"/users/{w.user()}", None),
    "PUT /users/{user}/password": lambda w: (
        f"/users/{w.user()}/password",
        {"password": PASSWORD},
    ),
    "POST /users/{user}/enrollment-credentials": lambda w: (
        f"/users/{w.user()}/enrollment-credentials",
        {"platform": "linux"},
    ),
    "POST /users/enrollment-credentials": lambda w: (
        "/users/enrollment-credentials",
        {"ids": [w.user()], "platform": "linux"},
    ),
    "POST /users/{user}/disable": lambda w: (f"/users/{w.user()}/disable", None),
    "POST /users/{user}/enable": lambda w: (f"/users/{w.user()}/enable", None),
    "POST /users/{user}/move": lambda w: (
        f"/users/{w.user()}/move",
        {"organization": w.organization()},
    ),
    "PUT /users/{user}/authorized-organizations": lambda w: (
        f"/users/{w.user()}/authorized-organizations",
        {"organizations": [w.organization()]},
    ),
    "POST /users/{user}/offboard": lambda w: (f"/users/{w.user()}/offboard", {}),
    "POST /users/{user}/erase": lambda w: (f"/users/{w.user()}/erase?dry_run=true", None),
    "DELETE /users/{user}/offboarding": lambda w: (f"/users/{w.planned()}/offboarding", None),
    "POST /users/{user}/sign-out": lambda w: (f"/users/{w.user()}/sign-out", None),
    "GET /organizations/{organization}/email-domains": ("/organizations/main/email-domains", None),
    "PUT /organizations/{organization}/email-domains": (
        "/organizations/main/email-domains",
        {"domains": ["example.com"]},
    ),
    "GET /organizations/{organization}/passcode": ("/organizations/main/passcode", None),
    "POST /organizations/{organization}/passcode": ("/organizations/main/passcode", {}),
    "DELETE /organizations/{organization}/passcode": lambda w: (
        f"/organizations/{w.with_passcode()}/passcode",
        None,
    ),
    "POST /organizations/{organization}/passcode/reveal": lambda w: (
        f"/organizations/{w.with_passcode()}/passcode/reveal",
        None,
    ),
    "POST /users/{user}/password-link": lambda w: (f"/users/{w.user()}/password-link", None),
    "DELETE /users/{user}/second-factor": lambda w: (
        f"/users/{w.guarded()}/second-factor",
        None,
    ),
    "GET /organizations/{organization}/second-factor-roles": (
        "/organizations/main/second-factor-roles",
        None,
    ),
    "PUT /organizations/{organization}/second-factor-roles": (
        "/organizations/main/second-factor-roles",
        {"roles": []},
    ),
    "GET /role-assignments": ("/role-assignments", None),
    "POST /users/{user}/roles": lambda w: (
        f"/users/{w.user()}/roles",
        {"role": "reader", "organization": "main"},
    ),
    "DELETE /users/{user}/roles/{organization}/{role}": lambda w: (
        f"/users/{w.user()}/roles/main/reader",
        None,
    ),
    "GET /organizations": ("/organizations", None),
    "POST /organizations": lambda w: ("/organizations", {"group_id": w.name(), "name": "x"}),
    "GET /organizations/{organization}": ("/organizations/main", None),
    "PATCH /organizations/{organization}": ("/organizations/main", {"name": "x"}),
    "DELETE /organizations/{organization}": lambda w: (f"/organizations/{w.organization()}", None),
    "GET /organizations/{organization}/settings": ("/organizations/main/settings", None),
    "PATCH /organizations/{organization}/settings": (
        "/organizations/main/settings",
        {"token_length": 12},
    ),
    "GET /api-keys": ("/api-keys", None),
    "POST /api-keys": ("/api-keys", {"name": "x", "role": "reader"}),
    "DELETE /api-keys/{key_id}": lambda w: (f"/api-keys/{w.api_key()}", None),
    "POST /api-keys/{key_id}/revoke": lambda w: (f"/api-keys/{w.api_key()}/revoke", None),
    "GET /messages": ("/messages", None),
    "GET /templates/lookups": ("/templates/lookups", None),
    "GET /templates": ("/templates", None),
    "PUT /templates": ("/templates", WORDING),
    "POST /templates/preview": ("/templates/preview", WORDING),
    "POST /templates/test": ("/templates/test", {**WORDING, "recipient": "ada@example.com"}),
    "DELETE /templates/{template_id}": lambda w: (f"/templates/{w.template()}", None),
    "GET /events": ("/events", None),
    "GET /events/export": ("/events/export", None),
    "GET /events/{event_id}": lambda w: (f"/events/{w.event()}", None),
    "GET /events/{event_id}/proof": lambda w: (f"/events/{w.event()}/proof", None),
    "GET /log/checkpoint": lambda w: (w.sealed("/log/checkpoint"), None),
    "GET /log/consistency": lambda w: (w.sealed("/log/consistency?since=1"), None),
    "GET /support-codes/{code}": lambda w: (f"/support-codes/{w.support_code()}", None),
    "GET /me": ("/me", None),
    "GET /me/sign-ins": ("/me/sign-ins", None),
    "DELETE /me/sign-ins/{sign_in_id}": lambda w: (f"/me/sign-ins/{w.sign_in()}", None),
    "POST /me/sign-out": ("/me/sign-out", {"keep_present": True}),
    "GET /me/devices": ("/me/devices", None),
    "POST /me/devices": ("/me/devices", {"name": "laptop", "platform": "linux"}),
    "GET /me/devices/{device_id}": lambda w: (f"/me/devices/{w.mine()}", None),
    "POST /me/devices/{device_id}/resend": lambda w: (f"/me/devices/{w.mine()}/resend", None),
    "POST /me/devices/{device_id}/renew": lambda w: (f"/me/devices/{w.mine()}/renew", None),
    "GET /me/devices/{device_id}/message": lambda w: (f"/me/devices/{w.mine()}/message", None),
    "DELETE /me/devices/{device_id}": lambda w: (f"/me/devices/{w.mine()}", None),
    "GET /roles": ("/roles", None),
    "POST /roles": lambda w: ("/roles", {"name": w.name(), "permissions": ["users:read"]}),
    "GET /roles/{role_id}": lambda w: (f"/roles/{w.own_role()}", None),
    "PATCH /roles/{role_id}": lambda w: (f"/roles/{w.own_role()}", {"description": "d"}),
    "DELETE /roles/{role_id}": lambda w: (f"/roles/{w.own_role()}", None),
    "GET /groups": ("/groups", None),
    "POST /groups": lambda w: ("/groups", {"name": w.name()}),
    "GET /groups/{group}": lambda w: (f"/groups/{w.group()}", None),
    "PATCH /groups/{group}": lambda w: (f"/groups/{w.group()}", {"description": "d"}),
    "DELETE /groups/{group}": lambda w: (f"/groups/{w.group()}", None),
    "PUT /groups/{group}/members/{user}": lambda w: (
        f"/groups/{w.group()}/members/{w.user()}",
        None,
    ),
    "DELETE /groups/{group}/members/{user}": lambda w: (
        f"/groups/{w.group()}/members/{w.user()}",
        None,
    ),
    "GET /organizations/{organization}/restrictions": ("/organizations/main/restrictions", None),
    "POST /organizations/{organization}/restrictions": (
        "/organizations/main/restrictions",
        {"name": "rule"},
    ),
    "PATCH /organizations/{organization}/restrictions/{restriction}": lambda w: (
        f"/organizations/main/restrictions/{w.restriction()}",
        {"rank": 3},
    ),
    "DELETE /organizations/{organization}/restrictions/{restriction}": lambda w: (
        f"/organizations/main/restrictions/{w.restriction()}",
        None,
    ),
    "GET /organizations/{organization}/terms": ("/organizations/main/terms", None),
    "POST /organizations/{organization}/terms": ("/organizations/main/terms", TERMS),
    "GET /terms/{terms_id}": lambda w: (f"/terms/{w.terms()}", None),
    "DELETE /terms/{terms_id}": lambda w: (f"/terms/{w.terms()}", None),
    "GET /terms/acceptances": ("/terms/acceptances", None),
    "GET /terms/acceptances/export": ("/terms/acceptances/export", None),
    "GET /listed-devices": ("/listed-devices", None),
    "POST /organizations/{organization}/allow-list": (
        "/organizations/main/allow-list",
        {"entries": [{"attribute": "serial", "value": "SN-0001"}]},
    ),
    "POST /organizations/{organization}/deny-list": (
        "/organizations/main/deny-list",
        {"entries": [{"attribute": "serial", "value": "SN-0001"}]},
    ),
    "DELETE /allow-list/{entry}": lambda w: (f"/allow-list/{w.listed(DeviceList.ALLOW)}", None),
    "DELETE /deny-list/{entry}": lambda w: (f"/deny-list/{w.listed(DeviceList.DENY)}", None),
    "GET /overview": ("/overview", None),
    "GET /infrastructure": ("/infrastructure", None),
    "GET /search": ("/search?text=x", None),
    "GET /organizations/{organization}/branding": ("/organizations/main/branding", None),
    "PATCH /organizations/{organization}/branding": (
        "/organizations/main/branding",
        {"accent_color": "#7a1fa2"},
    ),
    "PUT /organizations/{organization}/branding/logo": (
        "/organizations/main/branding/logo",
        {"png": LOGO},
    ),
    "GET /alerts": ("/alerts", None),
    "POST /alerts/test": ("/alerts/test", {}),
    "GET /alerts/tests/{test_id}": lambda w: (f"/alerts/tests/{w.alert_test()}", None),
    "GET /organizations/{organization}/alert-routes": ("/organizations/main/alert-routes", None),
    "PUT /organizations/{organization}/alert-routes": (
        "/organizations/main/alert-routes",
        {"roles": ["operator"]},
    ),
    "DELETE /organizations/{organization}/alert-routes": (
        "/organizations/main/alert-routes",
        None,
    ),
    "GET /webhooks": ("/webhooks", None),
    "POST /webhooks": ("/webhooks", {"name": "hook", "url": HOOK_URL}),
    "PATCH /webhooks/{webhook_id}": lambda w: (f"/webhooks/{w.webhook()}", {"name": "x"}),
    "DELETE /webhooks/{webhook_id}": lambda w: (f"/webhooks/{w.webhook()}", None),
    "POST /webhooks/{webhook_id}/secret": lambda w: (f"/webhooks/{w.webhook()}/secret", None),
    "POST /webhooks/{webhook_id}/test": lambda w: (f"/webhooks/{w.webhook()}/test", None),
    "GET /webhooks/{webhook_id}/deliveries": lambda w: (
        f"/webhooks/{w.webhook()}/deliveries",
        None,
    ),
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": lambda w: (
        w.delivered() + "/replay",
        None,
    ),
}
