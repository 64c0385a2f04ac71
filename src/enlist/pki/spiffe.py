"""Names of devices: `spiffe://<trust domain>/device/<device id>` (ruling 4).

The trust domain is fixed when the authority is made and written into its certificates (SPIFFE
X509-SVID section 3.2), so that a later change of the public address renames no device.
"""

from __future__ import annotations

import re

_NOT_IN_A_TRUST_DOMAIN = re.compile(r"[^a-z0-9._-]+")
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST = 255


def trust_domain(host: str) -> str:
    """The trust domain for a host name or address; `::1` becomes `1`, as colons may not stand.

    Raises:
        ValueError: nothing of the name is left.
    """
    name = _NOT_IN_A_TRUST_DOMAIN.sub("-", host.lower())[:_MOST].strip(".-")
    if not name:
        raise ValueError("a trust domain needs a host name, for example enroll.example.com")
    return name


def domain_uri(domain: str) -> str:
    """What an authority of this trust domain is called."""
    return f"spiffe://{domain}"


def device_uri(domain: str, device_id: str) -> str:
    """What a device is called.

    Raises:
        ValueError: the id could be read as something else than one segment of a path.
    """
    if not _is_segment(device_id):
        raise ValueError("a device id has 1 to 64 letters, digits, dots, dashes, underscores")
    return f"spiffe://{domain}/device/{device_id}"


def device_of(domain: str, uri: str) -> str | None:
    """The device that a URI of this trust domain names; None for every other URI."""
    prefix = f"spiffe://{domain}/device/"
    device_id = uri.removeprefix(prefix)
    return device_id if uri.startswith(prefix) and _is_segment(device_id) else None


def _is_segment(text: str) -> bool:
    return _PATH_SEGMENT.fullmatch(text) is not None and text not in (".", "..")
