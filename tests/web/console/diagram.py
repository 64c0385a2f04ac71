"""The infrastructure diagram as tests read it: states, popups, and the mark of what is shown."""

from __future__ import annotations

import re

from tests.web.console.conftest import Page


def states(page: Page) -> dict[str, str]:
    """Each part that is drawn, and the state that its look tells."""
    found = re.findall(r'<li class="part part-(\w+) part-([\w-]+) ', page.source)
    return {name: state for state, name in found}


def about(page: Page, part: str) -> str:
    """What the popup of a part says."""
    inner = page.source.partition(f'id="about-{part}"')[2].partition('</li>\n<li class="part ')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", inner.partition(">")[2]).split())


def marked(page: Page) -> str:
    """What the page says when it looks again, to be told of news alone."""
    (mark,) = re.findall(r"watched=(\w+)", page.source)
    return str(mark)
