"""The page on the peers says what their modules say."""

from __future__ import annotations

from tests.architecture.source import ROOT
from tests.peers.catalogue import PEERS


def test_every_peer_is_in_the_table() -> None:
    page = (ROOT / "docs/reference/test-peers.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    stated = [[cell.strip() for cell in row.split("|")[1:5]] for row in rows]
    assert stated == [
        [
            f"`{peer.NAME}`",
            ", ".join(peer.PACKAGES) or "–",
            ".".join(str(part) for part in peer.MIN_VERSION),
            "yes" if peer.NEEDS_ROOT else "no",
        ]
        for peer in PEERS
    ]
