"""Every request of API and console, and each place in it where a thing can be named.

Operations are taken from the application: paths from its routes, queries and bodies from the
API's description, the fields of forms from the pages that show them. A name that nobody said
anything about fails the test, so that a new one is thought of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.routing import Route
from starlette.testclient import TestClient

from enlist.core.branding import TEXTS
from enlist.core.model import Ownership, Platform
from enlist.core.prompts import ASKING, TELLING, WINDOWS_MUTUAL_TLS
from enlist.web.api.openapi import operations_of
from enlist.web.console import routes
from tests.installation import PASSWORD
from tests.web.neighbours import REFERENCES, Things

SAME_AS: Final = {
    "device_id": "device",
    "enrollment_id": "enrollment",
    "import_id": "import",
    "imports/id": "import",
    "wave_id": "wave",
    "waves/id": "wave",
    "key_id": "key",
    "template_id": "template",
    "event_id": "event",
    "session_id": "device_session",
    "sessions/id": "device_session",
    "attempt_id": "attempt",
    "sign_in_id": "sign_in",
    "text": "search",
    "q": "search",
    "devices/id": "device",
    "enrollments/id": "enrollment",
    "users/id": "user",
    "events/id": "event",
    "messages/id": "message",
    "api-keys/id": "key",
    "templates/id": "template",
    "webhooks/id": "webhook",
    "tests/id": "alert_test",
    "test_id": "alert_test",
    "webhook_id": "webhook",
    "view_id": "saved_view",
    "views/id": "saved_view",
    "group": "user_group",
    "user_group_id": "user_group",
    "allow-list/entry": "allowed",
    "deny-list/entry": "denied",
    "device-lists/entry": "denied",
    "groups/id": "user_group",
    "role_id": "own_role",
    "roles/id": "own_role",
    "instead": "own_role",
    "target": "organization",
    "delivery_id": "delivery",
    "terms_id": "terms",
    "terms/id": "terms",
    "delivery": "delivery",
    **{f"template_{platform}": "template" for platform in Platform},
}


PLAIN: Final[dict[str, Any]] = {
    "body:external_id": "",  # given by whoever has the device; two may be the same
    "users/template": "",  # handed on to the form for a device
    "action": "revoke",
    "confirmed": "yes",
    "as": "",
    "back": "",
    "sharing": "asked",
    "next": "",
    "new": "yes",
    "nonce": "n",
    "name": "fresh",
    "url": "https://hooks.example.com/",
    "kinds": "device.*",
    "wait": "0",
    "roles": ["reader"],
    "switched_off": [],
    "inherit": "",
    "description": "",
    "rows": [{"user": "fresh", "name": "fresh", "platform": "linux"}],
    "tags": [],
    "custom_attributes": {},
    "users": ["fresh"],
    "csv": "",
    "expires_in_hours": 0,
    "per_minute": 600,
    "canary_percent": 0,
    "canary_needs": 0,
    "remind_hours": 0,
    "subject": "s",
    "body": "{EnrollmentUrl}",
    "purpose": "registration",
    "recipient": "fresh@example.com",
    "channel": "email",
    "language": "en",
    "time_zone": "UTC",
    "username": "fresh",
    "email": "fresh@example.com",
    "phone": "",
    "first_name": "",
    "last_name": "",
    "password": PASSWORD,
    "current": PASSWORD,
    "role": "reader",
    "domains": ["fresh.example"],
    "password_link": "",
    "staging": "",
    "organizations": [],
    "for_good": "",
    "link": "fresh",
    "account": "fresh",  # whoever it names, the answer is the same
    "needed": "reader",
    "networks/address": "192.0.2.77",
    "permissions": [],
    "shared": True,
    "below": False,
    "withdraw": False,
    "held": "withdraw",
    "like": "",
    "filters": {},
    "body:search": "",  # kept as it is, and looked for by whoever may see
    "views/q": "",
    "ids": ["0199a000-0000-7000-8000-000000000000"],
    "by": "serial",
    "values": ["SN-0001"],
    "addresses": [],
    "expires_at": None,
    "group_id": "fresh",
    "platform": "linux",
    "ownership": "corporate_dedicated",
    "manufacturer": "",
    "model": "",
    "os_version": "",
    "identifiers": {},
    "reason": "lost",
    "step": "1",
    "version": "1",
    "list": "deny",
    "attribute": "serial",
    "entries": [{"attribute": "serial", "value": "SN-0001"}],
    "at": "",
    "confirm": "",
    "rank": 100,
    "texts": [{"language": "en", "title": "Terms", "body": "Be kind."}],
    "accepted_terms": "",
    "accept": "",
    "en": "Be kind.",
    "de": "",
    "may_enroll": True,
    "platforms": [],
    "models": [],
    "manufacturers": [],
    "least_os": {},
    "most_devices": None,
    "most_corporate_dedicated": None,
    "most_corporate_shared": None,
    "most_employee_owned": None,
    "most_at_organization": None,
    **{f"platform_{each}": "" for each in Platform},
    **{f"least_os_{each}": "" for each in Platform},
    **{f"ownership_{each}": "" for each in Ownership},
    "numbers": "SN-0001",
    "device_name": "",
    "first_device": "",
    "serial": "",
    "imei": "",
    "udid": "",
    "sim": "",
    "asset_number": "",
    "type": "email",
    "keep_present": True,
    "csr": "",
    "token": "8Kq2mWx7Rb",
    "code": "BCDF-GHJK-L",
    "limit": "2",
    "sort": "",
    "cursor": "",
    "state": "",
    "device_state": "",
    "token_status": "",
    "first_seen": "",
    "source": "",
    "grant": "",
    "dry_run": "true",
    "preview": "",
    "send": "yes",
    "end_sign_ins": False,
    "message_state": "",
    "kind": "",
    "actor_kind": "",
    "since": "",
    "before": "",
    "flag": "",
    "child_permission": "both",
    "enrollment_mode": "open",
    "lease_minutes": 10,
    "token_type": "single_factor",
    "token_length": 12,
    "token_expiration_hours": 24,
    "require_registration_token": False,
    "allow_bare_enrollment": False,
    "sign_in_device_limit": 20,
    "guard_known_devices": False,
    "notify_users": False,
    "sms_per_day": 200,
    "overlap_hours": 0,
    "hours": 24,
    "old": "",
    "replaces": "",  # which passcode the form was shown for
    "passcode_attempts": 100,
    "passcode_lockout": "disable",
    "passcode_reveal": False,
    "passcode_credential_hours": 24,
    "message_type": "email",
    "logo": "",
    "png": "",
    "header_color": "",
    "accent_color": "",
    "support_email": "",
    "support_phone": "",
    "landing_url": "",
    **dict.fromkeys((*ASKING.values(), *TELLING.values(), WINDOWS_MUTUAL_TLS), False),
    **dict.fromkeys(TEXTS, ""),
}
"""What stands in the places that name nothing; a body holds only those that it needs."""

NESTED: Final[dict[str, dict[str, Any]]] = {
    "device": {"name": "fresh", "platform": "linux", "message": {"type": "email"}},
    "message": {"type": "email"},
}
WITHOUT_A_PAGE: Final = {
    "/console/{group_id}/language": ("language", "back"),
    "/console/{group_id}/devices/bulk": ("id", "action", "confirmed"),
    "/console/{group_id}/enrollments/bulk": ("id", "action", "confirmed"),
    "/console/{group_id}/users/bulk": ("id", "action", "confirmed"),
    "/console/{group_id}/enrollments/{id}/jwt": (),
    "/console/{group_id}/groups/{id}/members": ("user",),
    "/console/{group_id}/groups/{id}/members/remove": ("user",),
    "/console/{group_id}/locks/users/{id}": ("back",),
    "/console/{group_id}/locks/enrollments/{id}": ("back",),
    "/console/{group_id}/locks/devices/{id}": ("back",),
    "/console/{group_id}/locks/networks/{address}": ("back",),
    "/console/{group_id}/views": ("name", "q", "platform", "shared"),
    "/console/{group_id}/views/{id}/delete": (),
    "/console/{group_id}/alerts/test": (),
    "/console/{group_id}/views/{id}/edit": ("name", "shared", "sharing", "back"),
    "/console/{group_id}/views/{id}/replace": ("q", "platform"),
    "/console/{group_id}/infrastructure/passcode/disable": (),
    "/console/{group_id}/infrastructure/passcode/end-old": (),
    "/console/{group_id}/infrastructure/passcode/show": (),
    "/console/{group_id}/webhooks/{id}/test": (),
    "/console/{group_id}/webhooks/{id}/stop": (),
    "/console/{group_id}/webhooks/{id}/resume": (),
    "/console/{group_id}/webhooks/{id}/deliveries/{delivery}/replay": (),
    "/console/{group_id}/imports/{id}/start": (),
    "/console/{group_id}/users/{id}/keep": (),
    "/console/{group_id}/imports/{id}/stop": (),
    "/console/{group_id}/branding/message": ("template_ios", "help_text"),
    "/console/{group_id}/branding/page": ("template_ios", "help_text"),
    "/console/{group_id}/terms/preview": ("title.en", "body.en"),
    "/console/{group_id}/waves/{id}/pause": (),
    "/console/{group_id}/waves/{id}/resume": (),
    "/console/{group_id}/waves/{id}/continue": (),
    "/console/{group_id}/waves/{id}/stop": (),
    "/console/{group_id}/waves/{id}/resend": (),
    "/console/{group_id}/templates/preview": ("name", "purpose", "channel", "subject", "body"),
    "/console/{group_id}/templates/test": (
        "name",
        "purpose",
        "channel",
        "subject",
        "body",
        "recipient",
    ),
}
"""Forms that are sent from other pages."""

ASKED_OF_PAGES: Final = (
    "q", "user", "device", "enrollment", "organization", "parent", "template",
)  # fmt: skip
PARAMETER: Final = re.compile(r"([\w-]*)/\{(\w+)(?::\w+)?\}")
FIELD: Final = re.compile(r'<(?:input|select|textarea|button)[^>]*\bname="([^"]*)"')


@dataclass(frozen=True)
class Slot:
    """A place in a request where a thing is named: `kind` says which things fit."""

    where: str
    name: str
    kind: str


@dataclass(frozen=True)
class Operation:
    """A method and a path, with every place that names something."""

    method: str
    path: str
    slots: tuple[Slot, ...]
    body: tuple[str, ...] = ()
    """Names of the body's fields that are always sent."""

    @property
    def needed(self) -> tuple[Slot, ...]:
        """The places without which there is no such request."""
        return tuple(
            slot
            for slot in self.slots
            if slot.where == "path" or (slot.where == "body" and slot.name in self.body)
        )

    @property
    def is_page(self) -> bool:
        return self.path.startswith("/console")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def kind_of(where: str, name: str, before: str = "") -> str:
    """What a place names; "" for nothing."""
    if f"{where}:{name}" in PLAIN or f"{before}/{name}" in PLAIN:
        return ""
    for candidate in (f"{before}/{name}", f"{where}:{name}", name):
        found = SAME_AS.get(candidate, candidate)
        if found in REFERENCES:
            return found
    assert name in PLAIN, (
        f"say in REFERENCES what {where} {name} names, or in PLAIN that it does not"
    )
    return ""


def slots_of(where: str, names: Iterable[str], before: str = "") -> tuple[Slot, ...]:
    """The places among these, which may be nested: `message.template`."""
    # `source.x` says whether x is inherited; it names nothing.
    named = [name for name in names if not name.startswith("source.")]
    kinds = {name: kind_of(where, name.rpartition(".")[2], before) for name in named}
    return tuple(Slot(where, name, kind) for name, kind in kinds.items() if kind)


def path_slots(path: str) -> tuple[Slot, ...]:
    found = [(before, name) for before, name in PARAMETER.findall(path) if name != "rest"]
    slots = [Slot("path", name, kind_of("path", name, before)) for before, name in found]
    return tuple(slot for slot in slots if slot.kind)


def fields_of(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """The names of a body's fields, nested ones with dots between."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for each in [*schema.get("anyOf", ()), *schema.get("allOf", ())]:
        yield from fields_of(document, each)
    for name, inner in schema.get("properties", {}).items():
        below = [f"{name}.{each}" for each in fields_of(document, inner)]
        yield from below or [name]


def needed(document: dict[str, Any], schema: dict[str, Any]) -> tuple[str, ...]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return tuple(schema.get("required", ()))


def api_operations(http: TestClient) -> Iterator[Operation]:
    document = http.get("/api/openapi.json").json()
    for method, path, operation in operations_of(document):
        queries = [
            each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
        ]
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        yield Operation(
            method,
            path,
            path_slots(path)
            + slots_of("query", queries)
            + slots_of("body", dict.fromkeys(fields_of(document, schema))),
            needed(document, schema),
        )


def console_operations(
    http: TestClient, browser: dict[str, str], own: Things
) -> Iterator[Operation]:
    """Pages and forms.

    Args:
        browser: the headers of an administrator, to see the fields of forms.
        own: what his organization has.
    """
    asked = slots_of("query", ASKED_OF_PAGES)
    for route in routes():
        assert isinstance(route, Route)
        here = path_slots(route.path)
        yield Operation("GET", route.path, here + asked)
        if "POST" not in (route.methods or ()):
            continue
        names = WITHOUT_A_PAGE.get(route.path)
        if names is None:
            values = {slot: own.named(slot.kind)[0] for slot in (*here, *asked)}
            page = http.get(
                filled(route.path, values),
                params={"user": own.staff, "role": "operator"},
                headers=browser,
            )
            assert page.status_code == 200, (route.path, page.status_code)
            main = page.text.partition("<main")[2].partition("</main>")[0]
            names = tuple(dict.fromkeys(FIELD.findall(main)))
        slots = slots_of("body", names, route.path.split("/")[3])
        sent = tuple(name for name in names if name != "template")  # without one, the usual
        yield Operation("POST", route.path, here + slots, sent)


def filled(path: str, values: Mapping[Slot, str]) -> str:
    """The path with these values in it."""
    for slot, value in values.items():
        if slot.where == "path":
            path = re.sub(rf"\{{{slot.name}(?::\w+)?\}}", quote(value, safe=""), path)
    return path.replace("{rest:path}", "nothing").replace("{role}", "reader")
