"""Sending what is in the outbox without a worker, for tests that only care what was written."""

from __future__ import annotations

from collections.abc import Callable

from enlist.core.caller import SYSTEM
from enlist.verbs.deliver import Came, Claim, Compose, RecordVerdicts, Written
from enlist.verbs.letters import Letter
from enlist.verbs.verdicts import Verdict
from tests.installation import Enlist


def post_all(enlist: Enlist, take: Callable[[Letter], Verdict]) -> None:
    """Have every letter taken, and record what that says of each."""
    claimed = enlist.do(Claim(tuple(row["id"] for row in enlist.rows("message"))), SYSTEM)
    came = []
    letters: tuple[Written, ...] = enlist.do(Compose(claimed), SYSTEM)
    for message, written in zip(claimed, letters, strict=True):
        posted = isinstance(written, Letter)
        verdict = take(written) if isinstance(written, Letter) else written
        came.append(Came(message, verdict, posted))
    enlist.do(RecordVerdicts(tuple(came)), SYSTEM)
