"""How events look in a list or timeline: an icon and a tone for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.model import EventRow
from enlist.verbs.clones import POSSIBLE_CLONE

INTERCEPTION: Final = "possible_interception"
"""Flag of a refusal: a used token came again with another key (X24)."""


@dataclass(frozen=True, slots=True)
class Manner:
    """An icon, and a tone as `words` has them; *calm* is neither good nor bad."""

    icon: str
    tone: str = "calm"


MANNERS: Final = {
    "installation.created": Manner("home"),
    "installation.started": Manner("server"),
    "installation.backed_up": Manner("database"),
    "installation.restored": Manner("history", "warn"),
    "key.added": Manner("key"),
    "key.listener_changed": Manner("key", "warn"),
    "key.compromised": Manner("key", "bad"),
    "network.lock_cleared": Manner("lock", "warn"),
    "organization.created": Manner("sitemap"),
    "organization.changed": Manner("sitemap"),
    "organization.domains_changed": Manner("mail"),
    "organization.deleted": Manner("trash", "warn"),
    "branding.changed": Manner("template"),
    "settings.changed": Manner("settings", "warn"),
    "passcode.generated": Manner("key"),
    "passcode.disabled": Manner("key", "warn"),
    "passcode.revealed": Manner("key", "warn"),
    "passcode.accepted": Manner("key"),
    "passcode.proof_asked": Manner("mail", "warn"),
    "passcode.refused": Manner("key", "bad"),
    "passcode.locked": Manner("lock", "bad"),
    "passcode.shielded": Manner("lock", "bad"),
    "restriction.created": Manner("settings", "warn"),
    "restriction.changed": Manner("settings", "warn"),
    "restriction.deleted": Manner("trash", "warn"),
    "device_list.added": Manner("settings", "warn"),
    "device_list.removed": Manner("settings", "warn"),
    "group.created": Manner("users"),
    "group.changed": Manner("pencil"),
    "group.deleted": Manner("trash", "warn"),
    "group.member_added": Manner("user-plus"),
    "group.member_removed": Manner("users"),
    "user.created": Manner("user-plus"),
    "user.changed": Manner("pencil"),
    "user.authorized": Manner("sitemap"),
    "user.password_changed": Manner("lock"),
    "user.lock_cleared": Manner("lock", "warn"),
    "user.disabled": Manner("ban", "warn"),
    "user.enabled": Manner("user-check", "good"),
    "user.offboarding_planned": Manner("hourglass", "wait"),
    "user.offboarding_cancelled": Manner("hourglass"),
    "user.offboarding_held_up": Manner("hourglass", "warn"),
    "user.offboarded": Manner("logout", "warn"),
    "user.erased": Manner("trash", "warn"),
    "user.deleted": Manner("trash", "warn"),
    "user.password_link_sent": Manner("mail"),
    "user.password_link_asked": Manner("mail", "warn"),
    "user.password_link_used": Manner("lock"),
    "user.recovery_link_made": Manner("link", "warn"),
    "user.recovered": Manner("lock-open", "warn"),
    "import.created": Manner("upload"),
    "import.started": Manner("upload"),
    "import.stopped": Manner("upload"),
    "import.ended": Manner("upload"),
    "wave.started": Manner("send"),
    "wave.waiting": Manner("send"),
    "wave.continued": Manner("send"),
    "wave.paused": Manner("send", "warn"),
    "wave.resumed": Manner("send"),
    "wave.stopped": Manner("send", "warn"),
    "wave.resent": Manner("send"),
    "wave.ended": Manner("send", "good"),
    "role.created": Manner("shield-check"),
    "role.changed": Manner("pencil", "warn"),
    "role.deleted": Manner("trash", "warn"),
    "role.granted": Manner("shield-check"),
    "role.revoked": Manner("shield-check", "warn"),
    "second_factor.set_up": Manner("shield-lock"),
    "second_factor.removed": Manner("lock-open", "warn"),
    "second_factor.codes_renewed": Manner("shield-lock"),
    "second_factor.rule_changed": Manner("shield-check"),
    "sign_in.code_asked": Manner("login"),
    "sign_in.started": Manner("login"),
    "sign_in.refused": Manner("lock", "warn"),
    "sign_in.ended": Manner("logout"),
    "sign_in.all_ended": Manner("logout"),
    "sign_in.confirmed": Manner("shield-lock"),
    "sign_in.confirmation_refused": Manner("lock", "warn"),
    "api_key.created": Manner("key"),
    "api_key.revoked": Manner("key", "warn"),
    "api_key.refused": Manner("key", "warn"),
    "webhook.created": Manner("send"),
    "webhook.changed": Manner("send"),
    "webhook.secret_changed": Manner("send"),
    "webhook.disabled": Manner("send", "warn"),
    "webhook.enabled": Manner("send"),
    "webhook.deleted": Manner("send", "warn"),
    "webhook.tested": Manner("send"),
    "webhook.replayed": Manner("send"),
    "alert.opened": Manner("alert-triangle", "bad"),
    "alert.reopened": Manner("alert-triangle", "warn"),
    "alert.closed": Manner("circle-check", "good"),
    "alert.routes_changed": Manner("bell"),
    "alert.tested": Manner("bell"),
    "request.refused": Manner("circle-x", "warn"),
    "device.registered": Manner("plus", "wait"),
    "device.changed": Manner("pencil"),
    "device.deleted": Manner("trash", "warn"),
    "device.reset": Manner("rotate", "warn"),
    "device.reassigned": Manner("user-plus", "warn"),
    "device.handed_out": Manner("user-plus"),
    "view.saved": Manner("search"),
    "view.changed": Manner("pencil"),
    "view.deleted": Manner("trash"),
    "device.moved": Manner("sitemap"),
    "user.moved": Manner("sitemap"),
    "device.lock_cleared": Manner("lock", "warn"),
    "device.denied": Manner("ban", "bad"),
    "device.replaced": Manner("refresh", "warn"),
    "enrollment.issued": Manner("ticket", "wait"),
    "enrollment.revealed": Manner("eye", "warn"),
    "enrollment.printed": Manner("qrcode"),
    "enrollment.reissued": Manner("refresh", "wait"),
    "enrollment.exported": Manner("download"),
    "terms.published": Manner("settings", "warn"),
    "terms.withdrawn": Manner("trash", "warn"),
    "terms.exported": Manner("download"),
    "enrollment.resent": Manner("mail-forward"),
    "enrollment.lock_cleared": Manner("lock", "warn"),
    "enrollment.revoked": Manner("ban", "warn"),
    "enrollment.deleted": Manner("trash", "warn"),
    "enrollment.expired": Manner("hourglass", "warn"),
    "enrollment.reactivated": Manner("rotate", "wait"),
    "enrollment.opened": Manner("external-link"),
    "enrollment.checked": Manner("eye"),
    "enrollment.redeemed": Manner("circle-check", "good"),
    "enrollment.repeated": Manner("rotate"),
    "enrollment.refused": Manner("circle-x", "bad"),
    "attempt.started": Manner("hourglass", "wait"),
    "attempt.cancelled": Manner("x"),
    "credential.refused": Manner("certificate", "bad"),
    "credential.extended": Manner("certificate"),
    "credential.extension_requested": Manner("certificate", "wait"),
    "credential.renewed": Manner("certificate", "good"),
    "api_session.started": Manner("plug"),
    "api_session.ended": Manner("plug"),
    "session.opened": Manner("plug", "good"),
    "session.dropped": Manner("ban", "warn"),
    "session.closed": Manner("plug"),
    "template.changed": Manner("template"),
    "template.tested": Manner("send"),
    "message.sent": Manner("mail"),
    "message.delivered": Manner("circle-check", "good"),
    "message.failed": Manner("mail-x", "bad"),
}
"""Every kind of event; a test compares the kinds with `core.events.KINDS`."""

_PLAIN: Final = Manner("circle-dashed")
_ALARM: Final = Manner("alert-triangle", "bad")


def manner_of(event: EventRow) -> Manner:
    """How an event looks; a possible interception or copy stands out among the refusals."""
    if event.data.get("flag") in (INTERCEPTION, POSSIBLE_CLONE):
        return _ALARM
    return MANNERS.get(event.kind, _PLAIN)
