"""Webhooks: an organization's events, posted to an address as they happen (A75).

Everything is posted without names and addresses of people: whoever receives it asks the API for
those, with a key of his own. The secret that signs is derived, as it is needed at every post: it is
shown once, when it is made, and stands in no table.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core import targets
from enlist.core.caller import Caller
from enlist.core.events import KINDS, Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import EventRow
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.core.secrets import KeyRing, Secret
from enlist.core.stages import KINDS_OF, STAGES, stage
from enlist.store import events, organizations, webhooks
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.store.webhooks import Hook, HookDelivery, HookState
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named, with_id
from enlist.verbs.rights import lacks, missing
from enlist.verbs.views import Listed

ENROLLMENTS: Final = tuple(STAGES)
"""What an enrollment goes through: what a webhook is for that names nothing."""

_MOST_KINDS: Final = 50
_LETTERS: Final = 43
_ALPHABET: Final = "full62"


@dataclass(frozen=True, slots=True)
class HookMade:
    """A webhook, and the secret of which its receiver needs a copy; shown this once."""

    hook: Hook
    secret: Secret


def signing_key(keys: KeyRing, hook: Hook) -> bytes:
    """What signs what is posted to it.

    Raises:
        KeyError: the key that it is derived from is gone.
    """
    text = keys.derive_again(hook.id, hook.generation, hook.derive_key_id, _LETTERS, _ALPHABET)
    return text.reveal().encode()


def matching(kinds: Sequence[str]) -> tuple[str, ...]:
    """Every kind of event that is, or may be, meant by these; see `wanted`."""
    staged = {kind for each in kinds for kind in KINDS_OF.get(each, ())}
    return tuple(kind for kind in KINDS if kind in staged or _named(kind, kinds))


def wanted(kinds: Sequence[str], event: EventRow) -> bool:
    """Whether an event is meant: by its kind, by `*` or how it begins, or by the stage it marks."""
    marks = stage(event.kind, event.enrollment_id, event.data)
    return marks in kinds or _named(event.kind, kinds)


def _named(kind: str, kinds: Sequence[str]) -> bool:
    return any(kind == each or (each[-1:] == "*" and kind.startswith(each[:-1])) for each in kinds)


def made_now(keys: KeyRing, hook: Hook) -> HookMade:
    """A webhook with its secret, in the form of Standard Webhooks."""
    return HookMade(hook, Secret(f"whsec_{b64encode(signing_key(keys, hook)).decode()}"))


@dataclass(frozen=True)
class AddWebhook(Verb[Hook, HookMade, HookMade]):
    """Post an organization's events, and those of organizations below, to an address from now on.

    Attributes:
        organization: id or Group ID; "" for the caller's own.
        kinds: of events, such as `device.reset`, `device.*` or `*`, or stages of enrollments,
            such as `issued`; none for `ENROLLMENTS`.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    name_of_hook: str
    url: str
    organization: str = ""
    kinds: Sequence[str] = ()

    name = "add_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.INTEGRATIONS_EDIT)
        if isinstance(place, Refusal):
            return place
        kinds = tuple(dict.fromkeys(self.kinds)) or ENROLLMENTS
        refusal = _problems(tools, self.name_of_hook, self.url, kinds)
        return refusal or Hook(
            id=new_id(tx.now),
            organization_id=place.id,
            organization_path=place.path,
            group_id=place.group_id,
            name=fields.label(self.name_of_hook),
            url=self.url.strip(),
            kinds=kinds,
            state=HookState.ACTIVE,
            reason="",
            generation=1,
            derive_key_id=tools.keys.derive[0].id,
            cursor=-1,
            tries=0,
            next_try_at=0,
            failing_since=None,
            created_at=tx.now,
            created_by=caller.name,
        )

    def work(self, tools: Tools, caller: Caller, seen: Hook) -> HookMade | Refusal:
        return made_now(tools.keys, seen)

    def apply(self, tx: Tx, caller: Caller, ready: HookMade) -> Done[HookMade] | Refusal:
        webhooks.insert(tx, ready.hook)
        if organizations.find(tx, ready.hook.organization_id) is None:
            raise ConcurrentChange
        _record(tx, caller, "webhook.created", ready.hook)
        return Done(ready)

    def made(self, value: HookMade) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.hook.id


@dataclass(frozen=True)
class WebhookAgain(Verb[Hook, HookMade, HookMade]):
    """The answer to a repeated AddWebhook: the same webhook, with the same secret.

    Refusals: `not_found`, `forbidden`.
    """

    hook_id: Id

    name = "webhook_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        return hook_named(tx, caller, self.hook_id)

    def work(self, tools: Tools, caller: Caller, seen: Hook) -> HookMade | Refusal:
        return made_now(tools.keys, seen)

    def apply(self, tx: Tx, caller: Caller, ready: HookMade) -> Done[HookMade] | Refusal:
        return Done(ready)


@dataclass(frozen=True)
class ChangeWebhook(QuickVerb[Hook, Hook]):
    """Give a webhook another name, address or other kinds of events; None leaves as it is.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    hook_id: str
    name_of_hook: str | None = None
    url: str | None = None
    kinds: Sequence[str] | None = None

    name = "change_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        found = hook_named(tx, caller, self.hook_id)
        if isinstance(found, Refusal):
            return found
        wanted = replace(
            found,
            name=found.name if self.name_of_hook is None else self.name_of_hook,
            url=found.url if self.url is None else self.url.strip(),
            kinds=found.kinds if self.kinds is None else tuple(dict.fromkeys(self.kinds)),
        )
        return _problems(tools, wanted.name, wanted.url, wanted.kinds) or wanted

    def apply(self, tx: Tx, caller: Caller, ready: Hook) -> Done[Hook] | Refusal:
        wanted = replace(ready, name=fields.label(ready.name))
        if not webhooks.change(tx, wanted):
            return missing("webhook")
        _record(tx, caller, "webhook.changed", wanted)
        return Done(wanted)


@dataclass(frozen=True)
class RenewWebhookSecret(Verb[Hook, HookMade, HookMade]):
    """Sign with a new secret from now on.

    Refusals: `not_found`, `forbidden`.
    """

    hook_id: str

    name = "renew_webhook_secret"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        return hook_named(tx, caller, self.hook_id)

    def work(self, tools: Tools, caller: Caller, seen: Hook) -> HookMade | Refusal:
        newest = tools.keys.derive[0].id
        return made_now(
            tools.keys, replace(seen, generation=seen.generation + 1, derive_key_id=newest)
        )

    def apply(self, tx: Tx, caller: Caller, ready: HookMade) -> Done[HookMade] | Refusal:
        before = replace(ready.hook, generation=ready.hook.generation - 1)
        if not webhooks.new_secret(tx, before, ready.hook.derive_key_id):
            raise ConcurrentChange
        _record(tx, caller, "webhook.secret_changed", ready.hook)
        return Done(ready)


@dataclass(frozen=True)
class SwitchWebhook(QuickVerb[Hook, Hook]):
    """Stop a webhook, or let it go on with what has happened since; twice changes nothing.

    Refusals: `not_found`, `forbidden`.
    """

    hook_id: str
    on: bool

    name = "switch_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        return hook_named(tx, caller, self.hook_id)

    def apply(self, tx: Tx, caller: Caller, ready: Hook) -> Done[Hook] | Refusal:
        state = HookState.ACTIVE if self.on else HookState.DISABLED
        reason = "" if self.on else webhooks.BY_HAND
        if webhooks.switch(tx, ready.id, state, reason):
            kind = "webhook.enabled" if self.on else "webhook.disabled"
            _record(tx, caller, kind, ready, reason=reason)
        return Done(webhooks.find(tx, ready.id) or ready)


@dataclass(frozen=True)
class DeleteWebhook(QuickVerb[Hook, None]):
    """Post nothing more to an address.

    Refusals: `not_found`, `forbidden`.
    """

    hook_id: str

    name = "delete_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        return hook_named(tx, caller, self.hook_id)

    def apply(self, tx: Tx, caller: Caller, ready: Hook) -> Done[None] | Refusal:
        if webhooks.delete(tx, ready.id):
            _record(tx, caller, "webhook.deleted", ready)
        return Done(None)


@dataclass(frozen=True)
class TestWebhook(QuickVerb[Hook, None]):
    """Have a test posted, whichever kinds of events the webhook is for.

    Refusals: `not_found`, `forbidden`, `webhook_disabled`.
    """

    __test__ = False

    hook_id: str

    name = "test_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        return hook_named(tx, caller, self.hook_id)

    def apply(self, tx: Tx, caller: Caller, ready: Hook) -> Done[None] | Refusal:
        if ready.state is not HookState.ACTIVE:
            return Refusal("webhook_disabled", about=Subjects(ready.organization_id))
        event = _record(tx, caller, "webhook.tested", ready)
        webhooks.add(tx, ready.id, event, "webhook.tested")
        return Done(None)


@dataclass(frozen=True)
class ReplayDelivery(QuickVerb[Hook, None]):
    """Post an event again, be it that it was taken or given up.

    Refusals: `not_found`, `forbidden`, `webhook_disabled`.
    """

    hook_id: str
    delivery_id: str

    name = "replay_delivery"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Hook | Refusal:
        found = hook_named(tx, caller, self.hook_id)
        if isinstance(found, Refusal):
            return found
        told = with_id(tx, self.delivery_id, webhooks.delivery, "delivery")
        if isinstance(told, Refusal):
            return told
        return found if told.webhook_id == found.id else missing("delivery")

    def apply(self, tx: Tx, caller: Caller, ready: Hook) -> Done[None] | Refusal:
        if ready.state is not HookState.ACTIVE:
            return Refusal("webhook_disabled", about=Subjects(ready.organization_id))
        if webhooks.replay(tx, ready.id, self.delivery_id.lower()):
            _record(tx, caller, "webhook.replayed", ready, delivery=self.delivery_id.lower())
        return Done(None)


@dataclass(frozen=True)
class ListWebhooks(Listed[Hook]):
    """Webhooks, never their secrets. Filters: state, id."""

    permission = Permission.INTEGRATIONS_READ
    of_people = False

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Hook] | Refusal:
        return webhooks.page(tx, request)


@dataclass(frozen=True)
class ListDeliveries(Listed[HookDelivery]):
    """What was posted to webhooks, and what came of it. Filters: webhook (an id), state."""

    permission = Permission.INTEGRATIONS_READ
    of_people = False

    def show(
        self, tx: Reader, caller: Caller, request: PageRequest
    ) -> Page[HookDelivery] | Refusal:
        return webhooks.log(tx, request)


def hook_named(tx: Reader, caller: Caller, hook_id: str) -> Hook | Refusal:
    """The webhook with this id, for whoever may change it."""
    found = with_id(tx, hook_id, webhooks.find, "webhook")
    if isinstance(found, Refusal):
        return found
    about = Subjects(found.organization_id)
    refusal = lacks(caller, Permission.INTEGRATIONS_EDIT, found.organization_path, about)
    return refusal or found


def _problems(tools: Tools, name: str, url: str, kinds: Sequence[str]) -> Refusal | None:
    read = Fields()
    read.read("name", name, fields.label)
    wrong = targets.problem(url.strip(), tools.outbound_allowed)
    if wrong is not None:
        read.errors.append(FieldError("url", wrong))
    if not kinds or len(kinds) > _MOST_KINDS:
        read.errors.append(FieldError("kinds", f"must be from 1 to {_MOST_KINDS}"))
    for kind in kinds:
        if not matching([kind]):
            read.errors.append(
                FieldError("kinds", f"{kind[:60]} is no kind of event, and no stage")
            )
    return read.refusal


def _record(tx: Tx, caller: Caller, kind: str, hook: Hook, **more: str) -> Id:
    """The address is left out where it may hold a secret: in its query."""
    data = {"webhook": hook.id, "name": hook.name, "url": targets.shown(hook.url)}
    about = Subjects(hook.organization_id)
    return events.record(tx, caller, Happening(kind, about, {**data, **more})).id
