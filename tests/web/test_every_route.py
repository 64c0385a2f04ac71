"""Every address of both listeners: looking changes nothing, and other sites get nowhere.

The routes are taken from the applications themselves, so that one that is added is asked as well:
by a stranger and by an administrator, with ids of things that are there and a live token at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.core.terms import TermsText
from enlist.delivery.channels.mailbox import CapturedMessage
from enlist.store import limits
from enlist.verbs.alert_tests import TestAlerts
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import Driver
from enlist.verbs.groups import AddGroup
from enlist.verbs.imports import AddImport
from enlist.verbs.issuing import Delivery
from enlist.verbs.own_roles import AddOwnRole
from enlist.verbs.register import Register
from enlist.verbs.restrictions import AddRestriction
from enlist.verbs.saved_views import SaveView
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.terms import Draft, PublishTerms
from enlist.verbs.waves import StartWave, Whom
from enlist.verbs.webhooks import AddWebhook, ListDeliveries, TestWebhook
from enlist.web.api.application import fastapi_application
from enlist.web.app import LARGE, device_application, web_application
from enlist.web.services import Services
from tests.connections import live_session
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, Ticket, done, refusal
from tests.web.bells import stopping
from tests.web.enroll.conftest import Box
from tests.web.enroll.headers import EXPECTED
from tests.web.neighbours import PLAN

SAFE = ("GET", "HEAD", "OPTIONS")
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
FRAMED = (
    "/demo/mailbox/1",
    *(
        f"/console/main/{of}/{page}"
        for of in ("templates", "terms")
        for page in ("write", "preview")
    ),
    "/console/main/branding",
)
"""Mails, shown in a frame: these alone have a content policy of their own."""
BEHIND_LINKS = ("/enroll", "/setup", "/recover", "/set-password")
NOTED = ("enrollment.opened", "request.refused")
"""What looking may leave in the log: that a link was opened, and that a JWT was asked for."""
COUNTED = limits.TOLD
"""And that of such a refusal only the first ones are written down: the others are counted."""
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


@pytest.fixture
def store_kind() -> str:
    """Routes are the same on both stores."""
    return "sqlite"


def routes_of(app: ASGIApp) -> Iterator[tuple[str, str]]:
    """Method and path of everything that an application offers itself."""
    while not hasattr(app, "routes"):
        app = app.app  # type: ignore[attr-defined]  # the wrappers of `boundary`
    for route in app.routes:
        if isinstance(route, Route):
            yield from ((method, route.path) for method in sorted(route.methods or ()))
        else:
            assert isinstance(route, Mount)
            assert route.path.startswith(("/api", "/static")), route.path


def _is_noted(row: Mapping[str, Any]) -> bool:
    """Whether looking may leave such a row."""
    return row.get("kind") in NOTED or str(row.get("source", "")).startswith(COUNTED)


@dataclass
class Site:
    """Both listeners over one installation, and what their addresses can be about."""

    enlist: Enlist
    services: Services
    ticket: Ticket
    named: dict[str, str]

    @property
    def web(self) -> list[tuple[str, str]]:
        """Method and path of every route of the web listener."""
        rest = fastapi_application().state.routes
        api = [(method, f"/api/v1{each.path}") for each in rest for method in each.methods]
        more = ["/api/openapi.json", "/api/docs", "/static/test/public.css"]
        found = [
            *routes_of(web_application(self.services)),
            *api,
            *(("GET", path) for path in more),
        ]
        return [(method, self.filled(path)) for method, path in found]

    @property
    def device(self) -> list[tuple[str, str]]:
        return list(routes_of(device_application(self.services)))

    def filled(self, path: str) -> str:
        """A path with ids of things that are there."""

        def value(found: re.Match[str]) -> str:
            before = path[: found.start()].rstrip("/").rpartition("/")[2]
            return self.named.get(found[1]) or self.named[before]

        return PARAMETER.sub(value, path)

    def state(self, *, opened: bool = False) -> dict[str, list[str]]:
        """Everything that is stored; `opened`: but for what looking may note."""
        noted = ("opened_at", "opened_count") if opened else ()
        tables = [row["name"] for row in self.enlist.rows("sqlite_master", type="table")]
        return {
            table: sorted(
                str({name: value for name, value in row.items() if name not in noted})
                for row in self.enlist.rows(table)
                if not (opened and _is_noted(row))
            )
            for table in tables
        }

    def client(self, app: ASGIApp, *, signed_in: bool) -> TestClient:
        client = TestClient(app, self.services.public_url, follow_redirects=False)
        if signed_in:
            signed = StartSignIn(ADMINISTRATOR, Secret(PASSWORD))
            cookie = done(self.enlist.perform(signed, self.enlist.stranger())).cookie
            name = "__Host-enlist" if self.services.secure else "enlist"
            client.headers["cookie"] = f"{name}={cookie.reveal()}"
        return client


DRAFT = Draft((TermsText("en", "Terms", "Be kind."),))


def made(enlist: Enlist, services: Services) -> Site:
    """A site with one of everything."""
    ticket = enlist.register("ada")
    enlist.organization("alpha")
    enlist.set(token_length=12)
    mailed = enlist.do(Register("", "ada", DeviceDetails("phone", "ios"), Delivery("email")))
    wording = Wording("w", "registration", "email", "en", "s", "{EnrollmentUrl}")
    signed = done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()))
    event = enlist.events("device.registered")[0].id
    session_id = live_session(enlist.store, ticket.device_id)
    hook = enlist.do(AddWebhook("hook", "https://hooks.example.com/")).hook.id
    enlist.do(TestWebhook(hook))
    enlist.do(AddWebhook("pager", "https://hooks.example.com/", kinds=("alert.*",)))
    told = enlist.driver.view(ListDeliveries(filters={"webhook": hook}), enlist.host)
    assert not isinstance(told, Refusal)
    view = enlist.do(SaveView("main", "laptops", shared=True))
    named = {
        "issuer": "unknown",
        "group_id": "main",
        "named": "alpha",
        "organization": "alpha",
        "role": "reader",
        "rest": "nothing/here",
        "address": "192.0.2.77",
        "handle": ticket.enrollment_id,
        "look": "7a1fa2-0",
        "roles": enlist.do(AddOwnRole("main", "field support", ("users:read",))).id,
        "groups": enlist.do(AddGroup("main", "staff")).id,
        "restrictions": enlist.do(AddRestriction("alpha", {"name": "rule"})).id,
        "terms": enlist.do(PublishTerms("alpha", DRAFT)).id,
        "members": enlist.device(ticket.device_id).user_id or "",
        "allow-list": ticket.device_id,
        "deny-list": ticket.device_id,
        "device-lists": ticket.device_id,
        "number": "1",
        "devices": ticket.device_id,
        "my-devices": ticket.device_id,
        "enrollments": ticket.enrollment_id,
        "sessions": session_id,
        "device-sessions": session_id,
        "organizations": "alpha",
        "users": enlist.device(ticket.device_id).user_id or "",
        "events": event,
        "messages": mailed.message_id or "",
        "reports": mailed.message_id or "",
        "api-keys": enlist.do(CreateApiKey("key", "reader")).key.id,
        "webhooks": hook,
        "tests": enlist.do(TestAlerts("main")).id,
        "deliveries": told.items[0].id,
        "imports": enlist.do(AddImport("", "simple", "people.csv", "", ("username",), 1)).id,
        "views": view.id,
        "saved-views": view.id,
        "waves": enlist.do(StartWave("", PLAN, Whom(users=("ada",)))).id,
        "kind": "simple",
        "templates": enlist.do(PutTemplate(enlist.root.id, wording)).id,
        "sign-ins": signed.sign_in.id,
        "support-codes": refusal(enlist.redeem("abcdefghij")).support_code,
        "attempts": done(enlist.begin(ticket.token)).attempt_id,
    }
    return Site(enlist, services, ticket, named)


@pytest.fixture
def site(enlist: Enlist) -> Site:
    box = Box([CapturedMessage("a@example.com", "s", "t", "<head></head>", enlist.clock(), ())])
    services = Services(
        driver=enlist.driver, store=enlist.store, mailbox=box, bell=stopping(), version="test"
    )
    return made(enlist, services)


@pytest.fixture
def secure(site: Site) -> Site:
    """The same, where people come over HTTPS."""
    tools = site.services.tools
    addresses = replace(tools.addresses, public_url="https://enroll.example.com")
    driver = Driver(site.enlist.store, replace(tools, addresses=addresses), lambda _effects: None)
    return replace(site, services=replace(site.services, driver=driver))


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("listener", ["web", "device"])
def test_looking_changes_nothing_anywhere(site: Site, listener: str, signed_in: bool) -> None:
    """S30, X01, X02: every route, by every safe method, with the token in its query as well."""
    app = {"web": web_application, "device": device_application}[listener](site.services)
    client = site.client(app, signed_in=signed_in)
    before, last = site.state(opened=True), site.state()
    enrollment = site.ticket.enrollment_id
    noted = {f"/enroll/{enrollment}"}
    noted |= {f"/api/v1/enrollments/{enrollment}/{form}" for form in ("jwt", "qr")}
    statuses: list[int] = []
    for path in sorted({path for _, path in getattr(site, listener)}):
        for method in SAFE:
            secret = {"t": site.ticket.token.reveal(), "token": site.ticket.token.reveal()}
            answer = client.request(method, path, params=secret)
            statuses.append(answer.status_code)
            assert answer.status_code < 500, f"{method} {path}"
            cookies = {each.partition("=")[0] for each in answer.headers.get_list("set-cookie")}
            assert cookies <= {"enlist-visit"}, f"{method} {path}"
        after, last = last, site.state()
        if after != last:
            assert path in noted
    assert site.state(opened=True) == before
    assert statuses.count(200) > (100 if listener == "web" and signed_in else 6)
    assert done(site.enlist.redeem(site.ticket.token)).device_id == site.ticket.device_id


@pytest.mark.parametrize("signed_in", [False, True])
def test_every_page_is_guarded(secure: Site, signed_in: bool) -> None:
    """S32, X05: HSTS included; and cookies are tied to the host (ASVS 3.3.1)."""
    client = secure.client(web_application(secure.services), signed_in=signed_in)
    expected = {**EXPECTED, "strict-transport-security": "max-age=31536000; includeSubDomains"}
    pages = 0
    for method, path in secure.web:
        sent = {"accept": "text/html", "sec-fetch-site": "same-origin"}
        answer = client.request("GET" if method in SAFE else method, path, headers=sent)
        for cookie in answer.headers.get_list("set-cookie"):
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert attributes >= {"secure", "httponly", "samesite=lax"}, path
            assert cookie.startswith("__Host-") or "path=/console" in attributes, path
        found = dict(answer.headers)
        if path.startswith(FRAMED):
            own = found["content-security-policy"]
            assert "default-src 'none'" in own, path
            assert "script-src" not in own.replace("script-src 'self'", ""), path
            found["content-security-policy"] = expected["content-security-policy"]
        if not path.startswith(BEHIND_LINKS):
            assert found["referrer-policy"] == "same-origin", path
            found["referrer-policy"] = expected["referrer-policy"]
        if path.startswith(("/static/", "/pki/", "/look/")) and answer.is_success:
            found["cache-control"] = expected["cache-control"]
        assert {name: found.get(name) for name in expected} == expected, path
        pages += answer.headers.get("content-type", "").startswith("text/html")
    assert pages > (50 if signed_in else 15)


@pytest.mark.parametrize("foreign", [{"sec-fetch-site": "cross-site"}, {"origin": "null"}])
def test_other_sites_change_nothing_anywhere(site: Site, foreign: dict[str, str]) -> None:
    """S39: every route that changes something, as another site's form would send it."""
    client = site.client(web_application(site.services), signed_in=True)
    before = site.state()
    asked = 0
    for method, path in site.web:
        if method in SAFE:
            continue
        answer = client.request(method, path, content=b"a=b", headers={**FORM, **foreign})
        assert answer.status_code == 403, path
        # Where browsers hide the origin, the nonce in the form is what other sites lack.
        if not (path.startswith(BEHIND_LINKS) and "origin" in foreign):
            assert answer.json()["code"] == "cross_site", path
        asked += 1
    assert asked > 60
    assert site.state() == before


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("listener", ["web", "device"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_that_is_too_large_is_refused_everywhere(
    site: Site, listener: str, chunked: bool, signed_in: bool
) -> None:
    """S46, X57: before anything is asked of it, with its length told or not."""
    app = {"web": web_application, "device": device_application}[listener](site.services)
    client = site.client(app, signed_in=signed_in)
    before = site.state()
    routes = getattr(site, listener)
    asked = {(method, path) for method, path in routes if method not in SAFE}
    asked |= {("POST", path) for _, path in routes}
    assert len(asked) > (90 if listener == "web" else 3)
    own = {"sec-fetch-site": "same-origin", **FORM}
    for method, path in sorted(asked):
        most = LARGE.get(path, 0) if listener == "web" else 0
        if most and chunked and not signed_in:
            continue  # nothing of it is read
        parts = max(most, 65536) // 16384
        body = iter([b"a=b&" * 4096] * parts + [b"x"]) if chunked else b"a=b&" * 4096 * parts + b"x"
        answer = client.request(method, path, content=body, headers=own)
        assert answer.status_code == 413, f"{method} {path}"
        told = answer.json()
        ziti = told.get("error", {}).get("code") == "REQUEST_ENTITY_TOO_LARGE"
        assert ziti or told["code"] == "too_large", f"{method} {path}"
    assert site.state() == before
