"""Alerts as tests need them: one that is open, without a server that watches."""

from __future__ import annotations

from enlist.core.caller import SYSTEM
from enlist.core.ids import Id
from enlist.core.model import Organization
from enlist.store.alerts import Amiss
from enlist.store.lanes import Store
from enlist.store.tx import Tx
from enlist.verbs.alerts import Post, raise_


def raise_alert(
    store: Store,
    place: Organization,
    user_id: Id | None = None,
    *,
    kind: str = "revoked_device_returned",
    details: str = "",
    device_id: Id | None = None,
    can_send: bool = False,
) -> None:
    """Something is amiss at an organization."""

    def write(tx: Tx) -> None:
        subject = user_id or device_id or place.id
        amiss = Amiss(place.id, kind, subject, details, tx.now, user_id, device_id)
        raise_(tx, SYSTEM, amiss, place.path, Post(can_send, sender_domain="localhost"))

    store.write(write)
