"""API keys: made once, shown once, revoked for good."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core import access
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission, Role
from enlist.verbs import documents
from enlist.verbs.api_keys import ApiKeyAgain, CreateApiKey, CreatedApiKey, RevokeApiKey
from enlist.verbs.views import ListApiKeys
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import (
    IDEMPOTENT,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment, MomentGiven

operations: Final = Operations("API keys")

State = Literal["active", "expired", "revoked"]

_EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "public_id": "7Qd2mWx9RbLk",
    "name": "Inventory",
    "state": "active",
    "role": "operator",
    "permissions": ["enrollments:reveal"],
    "in_force": "some",
    "permissions_in_force": ["devices:read", "enrollments:read"],
    "addresses": ["192.0.2.0/24"],
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "created_at": EXAMPLE_MOMENT,
    "created_by": "admin@example.com",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
    "last_used_from": "",
}


class ApiKey(Shown):
    """An API key, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    public_id: str
    """The readable part of the key."""
    name: str
    state: State
    role: Role
    permissions: list[str]
    """Beyond the role's."""
    in_force: access.InForce
    """How much of its rights its maker still holds, and so the key; with `none` it is refused."""
    permissions_in_force: list[str]
    """What it may do now, somewhere in its organization, while its state is `active`."""
    addresses: list[str]
    """Networks that it may be used from; none for everywhere."""
    organization: str
    organization_id: str
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    """Null for never."""
    revoked_at: Moment | None
    last_used_at: Moment | None
    last_used_from: str

    @classmethod
    def of(cls, found: access.ApiKey, now: int) -> ApiKey:
        """An API key as it stands now."""
        return cls(**documents.api_key(found, now))


class ApiKeyCreated(ApiKey):
    """An API key that was just made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_EXAMPLE, "key": "enk_7Qd2mWx9RbLk_" + "•" * 32 + "_0aB3dE"}]
        }
    )

    key: str
    """The key itself; shown this once and never again."""

    @classmethod
    def of_created(cls, made: CreatedApiKey, now: int) -> ApiKeyCreated:
        """The one answer that holds the key."""
        return cls(**dict(ApiKey.of(made.key, now)), key=made.secret.reveal())


class ApiKeyQuery(Paging):
    """Sorts: `created_at`, `name`, `last_used_at`."""

    state: State | None = None


class CreateApiKeyBody(Body):
    """A new API key; it never exceeds what its maker may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Inventory",
                    "role": "operator",
                    "permissions": ["enrollments:reveal"],
                    "addresses": ["192.0.2.0/24"],
                }
            ]
        }
    )

    name: Annotated[Line, Field(min_length=1)]
    role: Role
    organization: Line = ""
    """Id or Group ID; your own if left out."""
    permissions: Annotated[tuple[Permission, ...], Field(max_length=50)] = ()
    addresses: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    expires_at: MomentGiven | None = None


@operations.staff("GET", "/api-keys", Permission.API_KEYS_READ, answers=Page[ApiKey])
async def list_api_keys(
    asking: Staff, query: Annotated[ApiKeyQuery, Query()]
) -> Page[ApiKey] | Refusal:
    """List API keys, newest first; never their secrets."""
    now = asking.services.tools.clock()
    found = await asking.see(ListApiKeys(**filters(query)))
    return shown(found, lambda page: Page.of(page, lambda each: ApiKey.of(each, now)))


@operations.staff(
    "POST",
    "/api-keys",
    Permission.API_KEYS_EDIT,
    answers=ApiKeyCreated,
    status=201,
    refuses=(*IDEMPOTENT, "already_shown", "proof_too_old"),
)
async def create_api_key(
    asking: Staff, body: CreateApiKeyBody, _key: IdempotencyHeader = None
) -> ApiKeyCreated | Refusal:
    """Make an API key. The answer holds it, once; a repeated request hears `already_shown`."""
    verb = CreateApiKey(
        body.name,
        body.role,
        body.organization,
        body.permissions,
        body.addresses,
        body.expires_at,
    )
    made = await asking.do_once(verb, ApiKeyAgain)
    now = asking.services.tools.clock()
    return shown(made, lambda created: ApiKeyCreated.of_created(created, now))


@operations.staff("DELETE", "/api-keys/{key_id}", Permission.API_KEYS_EDIT, status=204)
async def revoke_api_key(asking: Staff, key_id: str) -> Refusal | None:
    """Revoke an API key: its next request is refused. It stays in the list."""
    return await asking.do(RevokeApiKey(key_id))


@operations.staff("POST", "/api-keys/{key_id}/revoke", Permission.API_KEYS_EDIT, status=204)
async def revoke_api_key_by_post(asking: Staff, key_id: str) -> Refusal | None:
    """The same as deleting it, by the word that enrollments use."""
    return await revoke_api_key(asking, key_id)
