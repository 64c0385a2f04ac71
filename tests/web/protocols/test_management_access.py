"""Who may use OpenZiti's management API, and what everybody else is told (D24, D72, S52).

The tests of Enlist's own API and console (`tests/web/test_nothing_leaks.py`) do not know this API,
which has no description that they could read. What they look for is looked for here, by every
address that it offers.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from structlog.testing import capture_logs

from enlist.core.outcomes import FieldError, Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import Secret
from enlist.verbs.api_keys import RevokeApiKey
from enlist.verbs.sign_in import StartSignIn
from enlist.web.problems import status_of
from enlist.web.protocols.openziti.envelopes import STATUS
from enlist.web.protocols.openziti.management import OFFERED
from enlist.web.protocols.openziti.management.refusals import code_of
from tests.architecture.source import ROOT
from tests.fuzzing import effort
from tests.installation import ADMINISTRATOR, PASSWORD
from tests.web.neighbours import unknown
from tests.web.protocols.conftest import ADDRESS, Ziti, error_of
from tests.web.protocols.managing import PREFIX, Manager, managing

BODIES: dict[str, dict[str, Any]] = {
    "POST /identities": {"name": "x", "type": "User", "isAdmin": False},
    "PATCH /identities/{id}": {"name": "x"},
    "POST /enrollments": {"method": "ott", "expiresAt": "", "identityId": ""},
    "POST /enrollments/{id}/refresh": {"expiresAt": ""},
    "POST /authenticators/{id}/re-enroll": {"expiresAt": ""},
    "POST /authenticators/{id}/request-extend": {"rollKeys": True},
}
"""A body that is right, but for its moment and its id, of each address that takes one."""


def ask(manager: Manager, method: str, path: str, named: str, **more: Any) -> Any:
    """Ask an address about something."""
    body = dict(BODIES.get(f"{method} {path}", {}))
    if "expiresAt" in body:
        body["expiresAt"] = manager.in_days(1)
    if "identityId" in body:
        body["identityId"] = named
    content = {"json": body} if body else {}
    return manager.ask(method, path.replace("{id}", named), **content, **more)


# --- by which key -----------------------------------------------------------------------------


def test_every_address_asks_for_a_key(ziti: Ziti) -> None:
    """D72: none, a wrong one, a revoked one, another kind, and a sign-in's cookie."""
    manager = managing(ziti)
    identity, held, device = manager.enrolled()
    signed = ziti.enlist.do(StartSignIn(ADMINISTRATOR, Secret(PASSWORD)), ziti.enlist.stranger())
    (key,) = ziti.enlist.rows("api_key")
    ziti.enlist.do(RevokeApiKey(key["id"]))
    cookie = signed.cookie.reveal()
    session = device.post("/authenticate", content=b"{}").headers["zt-session"]
    wrong: list[dict[str, str]] = [
        {"authorization": ""},
        {"authorization": "Bearer "},
        {"authorization": "Basic cm9vdDpyb290"},
        {"authorization": f"Bearer {session}"},
        {"authorization": f"Bearer {manager.key}"},
        {"authorization": "", "zt-session": session},
        {"authorization": "", "cookie": f"enlist={cookie}; __Host-enlist={cookie}"},
    ]
    before = [ziti.enlist.device(identity), ziti.enlist.rows("enrollment")]
    for path, method, _ in OFFERED:
        for headers in wrong:
            answer = ask(manager, method, path, identity, headers=headers)
            told = error_of(answer)
            assert told == (401, "UNAUTHORIZED"), (method, path, headers)
            assert "www-authenticate" not in answer.headers
    assert [ziti.enlist.device(identity), ziti.enlist.rows("enrollment")] == before
    assert ziti.enlist.credentials_of(identity)[0].id == held


def test_the_key_may_stand_where_a_session_does(ziti: Ziti) -> None:
    """Tools of OpenZiti's that take a token send it so."""
    manager = managing(ziti)
    for headers in ({"authorization": f"bearer  {manager.key} "}, {"zt-session": manager.key}):
        answer = ziti.get(f"{PREFIX}/identities", headers=headers)
        assert answer.status_code == 200, answer.text


def test_who_keeps_coming_with_a_wrong_key_must_wait(ziti: Ziti) -> None:
    """D53: as everywhere else."""
    here = {ADDRESS: "198.51.100.7"}
    manager = managing(ziti)
    (key,) = ziti.enlist.rows("api_key")
    ziti.enlist.do(RevokeApiKey(key["id"]))
    told = [error_of(manager.ask("GET", "/identities", headers=here)) for _ in range(11)]
    assert told == [(401, "UNAUTHORIZED")] * 10 + [(429, "RATE_LIMITED")]


# --- what is elsewhere ------------------------------------------------------------------------


def test_what_is_elsewhere_is_as_what_does_not_exist(ziti: Ziti) -> None:
    """S52: at each address: the same answer, and nothing changed."""
    ziti.enlist.organization("acme")
    beside = managing(ziti)
    identity, held, _ = beside.enrolled()
    waiting = beside.create("waiting")
    named = {
        "identities": [identity, waiting],
        "enrollments": [beside.ott(waiting)["id"]],
        "authenticators": [held],
    }
    callers = [managing(ziti, role, "acme") for role in ("administrator", "helpdesk")]
    before = [ziti.enlist.rows(table) for table in ("device", "enrollment", "credential")]
    asked = 0
    for path, method, _ in OFFERED:
        of_identity = path.startswith("/identities") or f"{method} {path}" == "POST /enrollments"
        kind = "identities" if of_identity else path.split("/")[1]
        if "{id}" not in path and f"{method} {path}" != "POST /enrollments":
            continue
        for caller in callers:
            for each in named[kind]:
                told = _plain(ask(caller, method, path, each), each)
                nothing = _plain(ask(caller, method, path, unknown(each)), unknown(each))
                assert told == nothing, (method, path)
                assert told[0] == 404, (method, path)
                asked += 1
    assert asked > 30
    for path in ("/identities", "/enrollments", "/authenticators"):
        for caller in callers:
            shown = caller.get(path).json()
            assert (shown["data"], shown["meta"]["pagination"]["totalCount"]) == ([], 0)
    assert [ziti.enlist.rows(table) for table in ("device", "enrollment", "credential")] == before


def _plain(answer: Any, named: str) -> tuple[int, Any]:
    """An answer without what was asked about, and without what is drawn by lot."""
    body = answer.json()
    body.get("error", {}).pop("requestId", None)
    return answer.status_code, str(body).replace(named, "")


# --- what is told -----------------------------------------------------------------------------


def test_every_refusal_has_a_code_that_is_known() -> None:
    """And it keeps what its status says: that it was the caller, or us, or that he may wait."""
    for code in CATALOGUE:
        refusal = Refusal(code)
        told = code_of(refusal)
        ours, theirs = STATUS[told], status_of(refusal, staff=True)
        assert ours // 100 == theirs // 100, code
        assert (ours >= 500) == (theirs >= 500), code
    for field, told in (
        ("filter", "INVALID_FILTER"),
        ("sort", "INVALID_SORT_IDENTIFIER"),
        ("limit", "INVALID_PAGINATION"),
        ("name", "COULD_NOT_VALIDATE"),
    ):
        assert code_of(Refusal("validation_failed", fields=(FieldError(field, "x"),))) == told


def test_the_reference_lists_every_code_with_its_status() -> None:
    known = {code_of(Refusal(code)) for code in CATALOGUE} | {"UNSUPPORTED_MEDIA"}
    known |= {"INVALID_FILTER", "INVALID_SORT_IDENTIFIER", "INVALID_PAGINATION"}
    page = (ROOT / "docs/reference/openziti-management.md").read_text()
    listed = re.findall(r"^\| (\d{3}) \| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert {code: int(status) for status, code in listed} == {code: STATUS[code] for code in known}


def test_a_refusals_request_id_is_in_the_log(ziti: Ziti) -> None:
    """D72: and it is the support code of the event, where there is one."""
    manager = managing(ziti, "reader")
    made = managing(ziti).create()
    for method, path, recorded in (
        ("DELETE", f"/identities/{made}", True),
        ("GET", "/identities?filter=((", False),
        ("POST", "/enrollments", False),
        ("GET", "/nothing", False),
        ("PUT", "/identities", False),
    ):
        with capture_logs() as lines:
            error = manager.ask(method, path).json()["error"]
        logged = [line["request_id"] for line in lines if line["event"] == "refused"]
        assert logged == [error["requestId"]]
        found = ziti.enlist.events(support_code=error["requestId"])
        assert bool(found) is recorded


def test_what_is_not_offered_is_told_so(ziti: Ziti) -> None:
    manager = managing(ziti)
    made = manager.create()
    assert error_of(manager.get("/services")) == (404, "NOT_FOUND")
    assert error_of(manager.get("/")) == (404, "NOT_FOUND")
    for path in (f"/identities/{made}", "/authenticators", "/enrollments"):
        assert error_of(manager.ask("PUT", path)) == (405, "METHOD_NOT_ALLOWED")
    body = manager.ask("POST", "/identities", content=b"{")
    assert error_of(body) == (400, "COULD_NOT_PARSE_BODY")
    large = manager.ask("POST", "/identities", content=b" " * 65_537)
    assert error_of(large) == (413, "REQUEST_ENTITY_TOO_LARGE")
    html = manager.ask("GET", "/identities", headers={"accept": "text/html"})
    assert error_of(html) == (415, "UNSUPPORTED_MEDIA")


# --- anything at all --------------------------------------------------------------------------

WORDS = some.sampled_from(
    [
        *("name", "isAdmin", "identity", "id", "externalId", "fingerprint", "tags"),
        *("and", "or", "not", "true", "false", "null", "contains", "icontains", "in", "=", "!="),
        *("sort", "by", "asc", "desc", ",", "skip", "limit", "none", "0", "5", "99999999999"),
        *("(", ")", "[", "]", '"a"', '"%"', '"\\""', "datetime(2026-01-01T00:00:00Z)"),
    ]
)
FILTERS = some.one_of(
    some.lists(WORDS, max_size=12).map(" ".join),
    some.text(max_size=40),
    some.tuples(
        some.sampled_from(["name", "id", "isAdmin", "externalId", "identity", "method"]),
        some.sampled_from(["=", "!=", " contains ", " icontains "]),
        some.one_of(some.text(max_size=20).map(lambda text: f'"{text}"'), WORDS),
    ).map("".join),
)


def test_no_query_is_a_fault_of_ours(ziti: Ziti) -> None:
    """D66: whatever a filter says, it finds something or is refused with its code."""
    manager = managing(ziti)
    manager.create("a%b")
    known = {"INVALID_FILTER", "INVALID_SORT_IDENTIFIER", "INVALID_PAGINATION"}

    @settings(**effort(60), database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        some.sampled_from(["/identities", "/enrollments", "/authenticators"]),
        FILTERS,
        some.one_of(some.none(), FILTERS),
        some.one_of(some.none(), some.integers().map(str), some.text(max_size=5)),
    )
    @example("/identities", 'name = "\ud800"', None, None)
    @example("/identities", "not " * 400 + "true", None, None)
    @example("/identities", "(" * 1000, "name" + ", name" * 100, "0")
    def look(path: str, wanted: str, order: str | None, limit: str | None) -> None:
        query = {"filter": wanted, "sort": order, "limit": limit, "offset": limit}
        sent = {
            name: value.encode("utf-8", "surrogatepass")
            for name, value in query.items()
            if value is not None
        }
        answer = manager.get(path, **sent)
        if answer.status_code != 200:
            assert error_of(answer)[0] == 400
            assert error_of(answer)[1] in known

    look()


def test_no_body_is_a_fault_of_ours(ziti: Ziti) -> None:
    """Any JSON at each address that takes one, with the fields that it knows."""
    manager = managing(ziti)
    identity, held, _ = manager.enrolled()
    waiting = manager.create("waiting")
    named = {"identities": identity, "enrollments": manager.ott(waiting)["id"]}
    places = [each for each in BODIES if not each.endswith("re-enroll")]
    leaf = some.one_of(
        some.none(), some.booleans(), some.integers(), some.text(max_size=8), some.just(waiting)
    )
    fields = some.sampled_from(
        [
            *("name", "type", "isAdmin", "enrollment", "ott", "externalId", "tags", "platform"),
            *("roleAttributes", "appData", "method", "expiresAt", "identityId", "rollKeys"),
        ]
    )
    anything = some.recursive(
        leaf,
        lambda inner: some.lists(inner, max_size=2) | some.dictionaries(fields, inner, max_size=6),
        max_leaves=6,
    )

    @settings(**effort(40), database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(some.sampled_from(places), anything)
    def send(place: str, body: Any) -> None:
        method, path = place.split()
        about = named.get(path.split("/")[1], held)
        answer = manager.ask(method, path.replace("{id}", about), json=body)
        assert answer.status_code in (200, 201) or error_of(answer)[0] in (400, 404, 409), answer

    send()
