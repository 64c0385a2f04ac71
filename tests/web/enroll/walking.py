"""The steps of the enrollment page, walked without a browser."""

from __future__ import annotations

import html
import re

from tests.installation import Enlist
from tests.web.enroll.conftest import Page, Visitor

TYPED_CODE = re.compile(r"[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]")


def code_on(page: Page) -> str:
    """The attempt code that a page shows."""
    assert page.status == 200, page.text
    found = TYPED_CODE.search(page.text)
    assert found is not None, page.text
    return found[0]


def progress_on(page: Page) -> str:
    """Where the page leads whoever wants to know whether the device has joined."""
    found = re.search(r'data-progress="([^"]*)"', page.source)
    assert found is not None, page.text
    address = html.unescape(found[1])
    assert f'href="{found[1]}"' in page.source, "a plain link, for who has no scripts"
    return address


def begun(enlist: Enlist, visitor: Visitor, name: str = "Ada's laptop") -> tuple[str, str]:
    """The code and the address of an attempt that was just begun."""
    ticket = enlist.register("ada", name=name)
    visitor.open()
    visitor.check(ticket.token)
    page = visitor.begin()
    return code_on(page), progress_on(page)
