"""Webhooks, and the audit log, of a server elsewhere."""

from __future__ import annotations

from typing import Final

from enlist.cli.remote.api import Api, Document, Ways, acted, listed, part, some
from enlist.cli.remote.reviving import revived
from enlist.core import model
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.store.webhooks import Hook, HookDelivery
from enlist.verbs import views, webhooks


def _made_hook(api: Api, path: str, body: Document | None) -> webhooks.HookMade | Refusal:
    found = api.do("POST", path, body)
    if isinstance(found, Refusal):
        return found
    return webhooks.HookMade(revived(Hook, found), Secret(found["secret"]))


def _add_hook(api: Api, verb: webhooks.AddWebhook) -> webhooks.HookMade | Refusal:
    body = some(name=verb.name_of_hook, url=verb.url, organization=verb.organization)
    return _made_hook(api, "/webhooks", body | {"kinds": list(verb.kinds)})


def _renew_secret(api: Api, verb: webhooks.RenewWebhookSecret) -> webhooks.HookMade | Refusal:
    return _made_hook(api, f"/webhooks/{part(verb.hook_id)}/secret", None)


def _switch(api: Api, verb: webhooks.SwitchWebhook) -> Refusal | Hook:
    state = {"state": "active" if verb.on else "disabled"}
    found = api.do("PATCH", f"/webhooks/{part(verb.hook_id)}", state)
    return found if isinstance(found, Refusal) else revived(Hook, found)


WEBHOOKS: Final[Ways] = {
    views.ListEvents: listed("/events", model.EventRow),
    webhooks.ListWebhooks: listed("/webhooks", Hook),
    webhooks.ListDeliveries: listed("/webhooks/{webhook}/deliveries", HookDelivery),
    webhooks.AddWebhook: _add_hook,
    webhooks.RenewWebhookSecret: _renew_secret,
    webhooks.SwitchWebhook: _switch,
    webhooks.TestWebhook: acted("POST", "/webhooks/{hook_id}/test"),
    webhooks.DeleteWebhook: acted("DELETE", "/webhooks/{hook_id}"),
    webhooks.ReplayDelivery: acted("POST", "/webhooks/{hook_id}/deliveries/{delivery_id}/replay"),
}
