"""What makes the address unguessable at which an SMS gateway reports of a message.

It is a digest of the message's id with a key of the installation, so nothing of it is stored, and
an address that somebody made up is found out without asking the database.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import Final

from enlist.core.ids import Id, parse_id
from enlist.core.secrets import KeyRing, Kind, Secret

_BYTES: Final = 18
"""Of the digest, which nobody has to type: 144 bits."""


def handle(keys: KeyRing, message_id: Id) -> str:
    """The end of the address of a message's reports: the path tells which, the query proves it.

    A query, as our own log holds paths; what the key is worth is a false report about one message.
    """
    key = keys.digest(Kind.DELIVERY_REPORT, Secret(message_id)).value
    return f"{message_id}?key={_text(key)}"


def is_key(keys: KeyRing, message_id: str, given: str) -> bool:
    """Whether it is the key of this message, made with any key that is still accepted."""
    if parse_id(message_id) != message_id:
        return False
    digests = keys.digests(Kind.DELIVERY_REPORT, Secret(message_id))
    return any(hmac.compare_digest(_text(each).encode(), given.encode()) for each in digests)


def _text(digest: bytes) -> str:
    return urlsafe_b64encode(digest[:_BYTES]).decode()
