"""Every operation names its permission, and the verbs behind it keep to it: role by route (S50)."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import new_id
from enlist.core.permissions import ROLES, Permission, Right, Role
from enlist.core.secrets import Secret
from enlist.verbs.saved_views import SaveView
from enlist.verbs.sign_in import StartSignIn
from enlist.web.api import operations
from enlist.web.api.myself import SIGNED_IN
from enlist.web.api.openapi import operations_of
from tests.installation import PASSWORD, done
from tests.web.api.conftest import Api, Client, answered, refused
from tests.web.api.trials import TRIALS
from tests.web.api.world import World


@pytest.fixture
def store_kind() -> str:
    """Rights are decided before a store is asked to change anything; one will do."""
    return "sqlite"


def declared(api: Api) -> dict[str, str]:
    """The permission that each operation declares."""
    document = answered(api.stranger.get("/api/openapi.json"))
    return {
        f"{method} {path.removeprefix('/api/v1')}": operation["x-permission"]
        for method, path, operation in operations_of(document)
    }


def test_every_operation_declares_who_may_use_it(api: Api) -> None:
    known = {permission.value for permission in Permission} | {"public", SIGNED_IN}
    found = declared(api)
    assert set(found.values()) <= known
    assert {name for name, permission in found.items() if permission == "public"} == {
        "POST /redeem",
        "POST /attempts",
        "POST /attempts/{attempt_id}/complete",
        "POST /attempts/{attempt_id}/cancel",
        "POST /password-links",
        "POST /password-links/use",
    }
    staff = {name for name, permission in found.items() if permission != "public"}
    assert staff == set(TRIALS), "every operation of staff must be tried below"


def test_staff_operations_refuse_strangers(api: Api) -> None:
    for name, permission in declared(api).items():
        method, path = name.split()
        if permission != "public":
            answer = api.stranger.ask(method, path, raw=b"not even JSON")
            assert refused(answer) == (401, "unauthenticated"), name


@pytest.mark.parametrize("role", list(Role))
def test_roles_may_do_what_their_permissions_say(api: Api, role: Role) -> None:
    world = _world(api, role)
    allowed = ROLES[role] | {SIGNED_IN}
    for name, permission in declared(api).items():
        if permission == "public":
            continue
        trial = TRIALS[name]
        path, body = trial if isinstance(trial, tuple) else trial(world)
        raw = body if isinstance(body, bytes) else None
        answer = world.client.ask(name.split()[0], path, body, raw=raw)
        if permission in allowed:
            assert answer.is_success, f"{role} may {permission}, but: {name} {answer.text}"
        else:
            assert refused(answer) == (403, "forbidden"), f"{role}: {name}"


BESIDES = {
    f"{method} /saved-views/{{view_id}}": [Permission.SETTINGS_EDIT]
    for method in ("PATCH", "DELETE")
}
"""What is asked besides, where what is done to is not one's own."""


def _shared_view(api: Api) -> str:
    """One that everybody sees."""
    return api.enlist.do(SaveView("main", new_id(api.enlist.clock()), shared=True)).id


READS = frozenset(permission for permission in Permission if permission.value.endswith(":read")) | {
    Permission.EVENTS_EXPORT,
    Permission.ENROLLMENTS_EXPORT,
}


@pytest.mark.parametrize("lacking", [True, False])
def test_the_permission_declared_is_the_one_that_counts(
    api: Api, monkeypatch: pytest.MonkeyPatch, lacking: bool
) -> None:
    """Everything but that permission is not enough; with it, the right to read is."""
    held: frozenset[Permission] = frozenset()

    async def somebody(_request: Request) -> Caller:
        root = api.enlist.root
        right = Right(root.path, held)
        return Caller(
            CallerKind.API_KEY, root.id, "somebody", (right,), root.path, root.id, "192.0.2.1"
        )

    monkeypatch.setattr(operations, "caller_of", somebody)
    world = World(api, api.stranger, "somebody")
    monkeypatch.setattr(world, "view", lambda: _shared_view(api))  # an API key has none of its own
    for name, declared_permission in declared(api).items():
        if declared_permission in ("public", SIGNED_IN):
            continue
        permission = Permission(declared_permission)
        enough = READS | {permission, *BESIDES.get(name, ())}
        held = frozenset(Permission) - {permission} if lacking else enough
        trial = TRIALS[name]
        path, body = trial if isinstance(trial, tuple) else trial(world)
        raw = body if isinstance(body, bytes) else None
        answer = world.client.ask(name.split()[0], path, body, raw=raw)
        if lacking:
            assert refused(answer) == (403, "forbidden"), name
        else:
            assert answer.is_success, f"{name} {answer.text}"


def _world(api: Api, role: Role) -> World:
    username = f"the-{role.value}"
    api.enlist.staff(role.value, username=username)
    signed_in = done(
        api.enlist.perform(StartSignIn(username, Secret(PASSWORD)), api.enlist.stranger())
    )
    headers = {
        **api.stranger.headers,
        "cookie": f"enlist={signed_in.cookie.reveal()}",
        "sec-fetch-site": "same-origin",
    }
    return World(api, Client(api.http, headers), username)
