"""What to do where a JWT does not enroll its device: one page, linked from where it is handed over.

Clients say little, and some nothing at all; whoever hands a JWT over is asked first (D74).
"""

from __future__ import annotations

from starlette.responses import Response

from enlist.web.console.layout import Desk, page


async def about_jwts(desk: Desk) -> Response:
    """What people see, why, and what to do."""
    addresses = desk.services.tools.addresses
    return desk.show("console/help_jwt.html", {"device_url": addresses.device_url})


ROUTES = [page("help/jwt", about_jwts)]
