"""Actions on many at once: asked for, and confirmed."""

from __future__ import annotations

from tests.web.console.conftest import Desk, Page


def confirm(desk: Desk, address: str, page: Page, **more: str) -> Page:
    """Press the button of the page as it is, and let the next portions come."""
    while True:
        said = {name: values[-1] for name, values in page.fields.items() if name}
        page = desk.send(address, said | more | {"id": page.fields["id"]})
        if "Leave this page open" not in page.main:
            return page


def asked(desk: Desk, address: str, action: str, ids: list[str]) -> Page:
    page = desk.send(address, {"action": action, "id": ids})
    assert page.status == 200
    return page
