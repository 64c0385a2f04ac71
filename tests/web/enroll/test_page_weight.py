"""What the enrollment page transfers: it must open at once on a phone (P19)."""

from __future__ import annotations

from tests.installation import Enlist
from tests.web.enroll.conftest import Visitor
from tests.web.weighing import weight

MOST = 120 * 1024


def test_the_enrollment_page_is_light_and_loads_nothing_from_elsewhere(
    enlist: Enlist, visitor: Visitor
) -> None:
    ticket = enlist.register("ada")
    for path in ("/enroll", f"/enroll/{ticket.enrollment_id}"):
        found = weight(visitor.client, path)
        assert len(found) > 1
        assert sum(found.values()) <= MOST, found
