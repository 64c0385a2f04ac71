"""Webhooks: an organization's events, posted to an address of somebody else's."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.webhooks import Hook, HookDelivery
from enlist.verbs import documents
from enlist.verbs.webhooks import (
    AddWebhook,
    ChangeWebhook,
    DeleteWebhook,
    HookMade,
    ListDeliveries,
    ListWebhooks,
    RenewWebhookSecret,
    ReplayDelivery,
    SwitchWebhook,
    TestWebhook,
    WebhookAgain,
)
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import (
    IDEMPOTENT,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment

operations: Final = Operations("Webhooks")

State = Literal["active", "disabled"]
Url = Annotated[str, Field(min_length=1, max_length=1_000)]
Kinds = Annotated[tuple[Line, ...], Field(max_length=50)]

_EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "name": "Inventory",
    "url": "https://hooks.example.com/enlist",
    "kinds": ["enrollment.*", "device.reset"],
    "state": "active",
    "reason": "",
    "failing_since": None,
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "created_at": EXAMPLE_MOMENT,
    "created_by": "admin@example.com",
}
_SECRET: Final = "whsec_" + "•" * 60


class Webhook(Shown):
    """An address that events are posted to."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    name: str
    url: str
    """Without its query, which may hold a secret."""
    kinds: list[str]
    """Of events; `device.*` stands for all that begin so, `*` for all."""
    state: State
    reason: str
    """Why it was stopped."""
    failing_since: Moment | None
    """Since when nothing was taken; null where the last post was."""
    organization: str
    organization_id: str
    created_at: Moment
    created_by: str

    @classmethod
    def of(cls, found: Hook) -> Webhook:
        """A webhook of the store."""
        return cls(**documents.webhook(found))


class WebhookMade(Webhook):
    """A webhook with its secret, for the receiver."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "secret": _SECRET}]})

    secret: str
    """Signs what is posted, as Standard Webhooks has it; not shown again."""

    @classmethod
    def of_made(cls, made: HookMade) -> WebhookMade:
        """The one answer that holds the secret."""
        return cls(**documents.webhook(made.hook), secret=made.secret.reveal())


class Delivery(Shown):
    """One event for one webhook, and what came of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "event_id": EXAMPLE_ID,
                    "kind": "enrollment.redeemed",
                    "state": "waiting",
                    "tries": 1,
                    "made_at": EXAMPLE_MOMENT,
                    "tried_at": EXAMPLE_MOMENT,
                    "next_try_at": EXAMPLE_MOMENT,
                    "status": 503,
                    "answer": "try later",
                }
            ]
        }
    )

    id: str
    event_id: str
    kind: str
    state: Literal["waiting", "delivered", "failed"]
    tries: int
    made_at: Moment
    tried_at: Moment | None
    next_try_at: Moment | None
    """Null where it is over."""
    status: int | None
    """Of the last answer; null where there was none."""
    answer: str
    """How the answer began, or why there was none."""

    @classmethod
    def of(cls, found: HookDelivery) -> Delivery:
        """A delivery of the store."""
        return cls(**documents.delivery(found))


class WebhookQuery(Paging):
    """Sorts: `created_at`, `name`."""

    state: State | None = None


class DeliveryQuery(Paging):
    """Sorts: `made_at`."""

    state: Literal["waiting", "delivered", "failed"] | None = None


class AddWebhookBody(Body):
    """A new webhook."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Inventory",
                    "url": "https://hooks.example.com/enlist",
                    "kinds": ["enrollment.*", "device.reset"],
                }
            ]
        }
    )

    name: Annotated[Line, Field(min_length=1)]
    url: Url
    """`https://…`; a public address, unless the server's settings allow another."""
    organization: Line = ""
    """Id or Group ID; your own if left out. Events of it and below are posted."""
    kinds: Kinds = ()
    """If left out, what an enrollment goes through."""


class ChangeWebhookBody(Body):
    """What shall be otherwise; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kinds": ["*"]}]})

    name: Annotated[Line, Field(min_length=1)] | None = None
    url: Url | None = None
    kinds: Kinds | None = None
    state: State | None = None
    """`disabled` stops it; `active` lets it go on with what has happened since."""


_READ, _EDIT = Permission.INTEGRATIONS_READ, Permission.INTEGRATIONS_EDIT


@operations.staff("GET", "/webhooks", _READ, answers=Page[Webhook])
async def list_webhooks(
    asking: Staff, query: Annotated[WebhookQuery, Query()]
) -> Page[Webhook] | Refusal:
    """List webhooks, newest first; never their secrets."""
    found = await asking.see(ListWebhooks(**filters(query)))
    return shown(found, lambda page: Page.of(page, Webhook.of))


@operations.staff("POST", "/webhooks", _EDIT, answers=WebhookMade, status=201, refuses=IDEMPOTENT)
async def add_webhook(
    asking: Staff, body: AddWebhookBody, _key: IdempotencyHeader = None
) -> WebhookMade | Refusal:
    """Post events to an address from now on. The answer holds the secret that signs them."""
    verb = AddWebhook(body.name, body.url, body.organization, body.kinds)
    made = await asking.do_once(verb, WebhookAgain)
    return shown(made, WebhookMade.of_made)


@operations.staff("PATCH", "/webhooks/{webhook_id}", _EDIT, answers=Webhook)
async def change_webhook(
    asking: Staff, webhook_id: str, body: ChangeWebhookBody
) -> Webhook | Refusal:
    """Change a webhook, stop it, or let it go on."""
    verb = ChangeWebhook(webhook_id, body.name, body.url, body.kinds)
    if body.state is None or body.model_fields_set - {"state"}:
        changed = await asking.do(verb)
        if body.state is None or isinstance(changed, Refusal):
            return shown(changed, Webhook.of)
    switched = await asking.do(SwitchWebhook(webhook_id, on=body.state == "active"))
    return shown(switched, Webhook.of)


@operations.staff("DELETE", "/webhooks/{webhook_id}", _EDIT, status=204)
async def delete_webhook(asking: Staff, webhook_id: str) -> Refusal | None:
    """Delete a webhook; nothing more is posted, also not what waits."""
    return await asking.do(DeleteWebhook(webhook_id))


@operations.staff("POST", "/webhooks/{webhook_id}/secret", _EDIT, answers=WebhookMade)
async def renew_webhook_secret(asking: Staff, webhook_id: str) -> WebhookMade | Refusal:
    """Sign with a new secret from now on; the last one signs no more."""
    made = await asking.do(RenewWebhookSecret(webhook_id))
    return shown(made, WebhookMade.of_made)


@operations.staff(
    "POST", "/webhooks/{webhook_id}/test", _EDIT, status=204, refuses=("webhook_disabled",)
)
async def test_webhook(asking: Staff, webhook_id: str) -> Refusal | None:
    """Post a test, of the kind `webhook.tested`; see the deliveries for what came of it."""
    return await asking.do(TestWebhook(webhook_id))


@operations.staff("GET", "/webhooks/{webhook_id}/deliveries", _READ, answers=Page[Delivery])
async def list_deliveries(
    asking: Staff, webhook_id: IdGiven, query: Annotated[DeliveryQuery, Query()]
) -> Page[Delivery] | Refusal:
    """List what was posted in the last thirty days, or waits to be, newest first."""
    named = filters(query)
    named["filters"]["webhook"] = webhook_id
    found = await asking.see(ListDeliveries(**named))
    return shown(found, lambda page: Page.of(page, Delivery.of))


@operations.staff(
    "POST",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    _EDIT,
    status=204,
    refuses=("webhook_disabled",),
)
async def replay_delivery(asking: Staff, webhook_id: str, delivery_id: str) -> Refusal | None:
    """Post an event again, under the same id, be it that it was taken or given up."""
    return await asking.do(ReplayDelivery(webhook_id, delivery_id))
