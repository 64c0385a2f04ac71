"""What Prometheus is told: the counts of all processes together.

A scrape reaches one of several workers. So where there are several, each keeps its counts in files
of its own, and whichever is asked adds all of them up; a worker that was put back does not
begin at zero.
"""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import PlainTextResponse, Response

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""By this environment variable prometheus-client learns where, before it is loaded."""

OUTCOMES: Final = Counter(
    "enlist_outcomes_total",
    "What was asked of Enlist, by verb, and what came of it: done, or a refusal's code.",
    ["verb", "outcome"],
)
OUTCOMES.labels("redeem", "done")  # from zero on: what appears at one has never risen


def exposition() -> Response:
    """All counts, in the form that Prometheus reads."""
    if SHARED not in os.environ:
        return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library's
    return PlainTextResponse(generate_latest(together), media_type=CONTENT_TYPE_LATEST)
