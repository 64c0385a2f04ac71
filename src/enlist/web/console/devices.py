"""Devices: the list. (The device's own page is in `device.py`, registering in `registering.py`.)"""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.views import ListDevices
from enlist.web.console import words
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query


async def show_list(desk: Desk) -> Response:
    """All devices of the organization in force and below."""
    query = read_query(desk.request, ("state", "platform", "ownership"))
    found = await desk.view(ListDevices(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    return desk.show("console/devices.html", {"query": query, "page": found, "words": words})


ROUTES = [page("devices", show_list)]
