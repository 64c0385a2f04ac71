"""What a first view of the console transfers (P19)."""

from __future__ import annotations

from tests.installation import Enlist
from tests.web.console.conftest import Console
from tests.web.weighing import weight

MOST = 250 * 1024


def test_a_first_view_is_light_and_loads_nothing_from_elsewhere(
    console: Console, enlist: Enlist
) -> None:
    """P19: all its styles and scripts with it; the stylesheet alone would be twice that."""
    for number in range(60):
        enlist.register("ada", name=f"laptop {number}")
    desk = console.sign_in()
    for path in ("/console/main/", "/console/main/enrollments", "/console/main/devices"):
        found = weight(desk.client, path)
        assert len(found) > 4
        assert sum(found.values()) <= MOST, found


def test_files_are_packed_for_whoever_takes_them_so(console: Console) -> None:
    desk = console.stranger()
    address = next(a for a in weight(desk.client, "/sign-in") if a.endswith(".css"))
    plain = desk.client.get(address, headers={"accept-encoding": "identity"})
    refused = desk.client.get(address, headers={"accept-encoding": "br, gzip;q=0"})
    packed = desk.client.get(address, headers={"accept-encoding": "gzip"})
    assert plain.content == refused.content == packed.content
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers.keys() | refused.headers.keys()
    assert {each.headers["vary"] for each in (plain, refused, packed)} == {"accept-encoding"}
    assert int(packed.headers["content-length"]) < len(plain.content)
    again = {"if-none-match": plain.headers["etag"], "accept-encoding": "identity"}
    assert desk.client.get(address, headers=again).status_code == 304
