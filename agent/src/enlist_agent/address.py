"""Where to go and what to show there: links, tokens, codes and server addresses.

A link carries its secret in the fragment, `https://host/enroll/<handle>#t=<token>`, so that no
web server or proxy on the way ever saw it. The agent takes it out and sends it in a POST body,
only over TLS; plain HTTP is for this very machine.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from enlist_agent.outcomes import UsageError
from enlist_agent.secret import Secret

LONGEST_SECRET: Final = 256


@dataclass(frozen=True, slots=True)
class Target:
    """A server's base address, without a slash at its end, and the secret to show there."""

    server: str
    secret: Secret | None


def target(given: Secret | None, server: str | None) -> Target:
    """What a link, token or code (or None, with a Group ID) and `--server` mean together.

    A given server wins over the link's: the network inside may know it by another name.

    Raises:
        UsageError: the link lost its secret, or nothing says where the server is.
    """
    if given is not None and "://" in given.reveal():
        origin, secret = _from_link(given.reveal().strip().strip("<>"))
        return Target(server_address(server) if server else origin, secret)
    if server is None:
        raise UsageError(
            "Which server? Give --server https://HOST, or the whole link of your message."
        )
    return Target(server_address(server), None if given is None else _typed(given.reveal()))


def server_address(text: str) -> str:
    """A base address in its normal form.

    Raises:
        UsageError: not an address, or plain HTTP to another machine.
    """
    parts = _split(text.strip())
    if parts.scheme not in ("http", "https"):
        raise UsageError(
            "A server's address is written in full, for example https://enlist.example.com"
        )
    return _origin(parts, parts.path)


def is_loopback(address: str) -> bool:
    """Whether an address names this very machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_link(link: str) -> tuple[str, Secret]:
    parts = _split(link)
    before, found, _ = f"{parts.path}/".rpartition("/enroll/")
    if not found:
        raise UsageError(
            "This is not an enrollment link; its path has no /enroll. Copy it once more."
        )
    origin = _origin(parts, before)
    # Mail trackers append "?utm_…" or "&utm_…", some of them behind the fragment.
    for pair in parts.fragment.replace("?", "&").split("&"):
        name, _, value = pair.partition("=")
        if name == "t" and value:
            return origin, _typed(unquote(value))
    raise UsageError(
        "This link has lost its end, the part after #t= that holds the token. Copy the whole "
        f"link from your message, or type the token: enroll TOKEN --server {origin}"
    )


def _typed(text: str) -> Secret:
    text = text.strip()
    if not text:
        raise UsageError("The token is empty.")
    if len(text) > LONGEST_SECRET or not text.isprintable() or any(sign in text for sign in "/#?"):
        raise UsageError(
            "This is neither a token nor a code. A link must begin with https:// and be in quotes."
        )
    return Secret(text)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise UsageError("This address cannot be read. Copy it once more.") from None
    return parts


def _origin(parts: SplitResult, path: str) -> str:
    host = parts.hostname
    if not host or "@" in parts.netloc:
        raise UsageError("The address must name a host, and nothing before it.")
    netloc = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        netloc = f"{netloc}:{parts.port}"
    origin = f"{parts.scheme}://{netloc}{path.rstrip('/')}"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(origin)):
        return origin
    raise UsageError(
        f"{parts.scheme}://{netloc} is not encrypted: everybody on the way could read the token "
        "and use it first. Plain http:// is for localhost only; use https://"
    )
