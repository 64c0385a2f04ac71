"""Enrolling as OpenZiti's clients do: a one-time JWT's token and a request in, a chain out (P03).

Before and after stand the certificates that one core makes of requests in a loop. The 64
connections are TLS and stay open, so the handshakes are not in the figure.
"""

from __future__ import annotations

import os
from pathlib import Path

from enlist.core.model import GrantKind
from tests.bench import many, redeem, report
from tests.bench.signing import certified
from tests.serving import launch_server


def run(folder: Path, database: str, store: str, tokens: int, seconds: int) -> bool:
    """Measure and print; whether the share of the loop's certificates is large enough."""
    workers = 2 if database else 1
    data, csr = folder / "data", folder / "request.pem"
    data.mkdir()
    csr.write_text(redeem.certificate_request())
    bodies = many.prepare(data, database, tokens, tokens, grant=GrantKind.ONE_TIME_JWT)
    first, second = redeem.parted(bodies)
    before = certified()
    server = launch_server(
        data, database, workers=workers, environment={"ENLIST_LOG_LEVEL": "warning"}
    )
    try:
        warm = redeem.load(server.device_url, first, redeem.WARM, csr=csr)
        seen = redeem.load(server.device_url, second, seconds, csr=csr)
    finally:
        server.stop()
    redeem.check(data, database, [warm, seen], with_csr=True)
    loop = (before + certified()) / 2 * min(workers, os.cpu_count() or 1)
    return report.show_aims(
        f"{store}: {seen.rate:,.0f} one-time JWTs a second, p50 {seen.p50:.0f} ms, "
        f"p99 {seen.p99:.0f} ms; {loop:,.0f} certificates in a loop",
        [report.at_least("share of the certificates in a loop", seen.rate, loop, 0.4)],
    )
