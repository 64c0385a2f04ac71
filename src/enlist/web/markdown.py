"""Markdown as a page shows it: what somebody wrote, and none of his HTML.

Pictures are left out, since pages fetch nothing from elsewhere; links open beside the page.
Headings stand below those of the page that shows them.
"""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).disable("image")


def rendered(text: str, *, below: int = 2) -> Markup:
    """Markdown as HTML.

    Args:
        below: the level of the heading that it stands under.
    """
    environment: dict[str, object] = {}
    tokens = _MARKDOWN.parse(text, environment)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + below)}"
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrSet("target", "_blank")
                inner.attrSet("rel", "noopener noreferrer")
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, environment))  # noqa: S704 - made here
