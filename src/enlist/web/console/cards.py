"""Cards to be printed: one page of paper for each device, for whoever is to enroll it.

The sheet is the console's, in English; a card speaks the language of its reader, tells moments in
his time zone, and looks as his organization does. What stands on it is the verb's to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.verbs.cards import Card, PrintCard
from enlist.web.console.bulk import Row
from enlist.web.console.layout import Desk
from enlist.web.jwts import link_picture
from enlist.web.look import shown_as
from enlist.web.pages import environment


async def show_cards(desk: Desk, rows: Sequence[Row]) -> Response:
    """The cards of those that were ticked; whoever gets none is named, with the reason."""
    cards: list[Card] = []
    left: list[tuple[Row, str]] = []
    for row in rows:
        if row.left:
            left.append((row, row.left))
            continue
        outcome = await desk.perform(PrintCard(row.id))
        if isinstance(outcome, Refusal):
            left.append((row, desk.gettext(CATALOGUE[outcome.code].title)))
        else:
            cards.append(outcome.value)
    styles = {card.look.style for card in cards}
    context = {
        "cards": [_shown(desk, card) for card in cards],
        "left": left,
        "style": styles.pop() if len(styles) == 1 else "",
        "back": desk.address("enrollments"),
    }
    return desk.show("console/cards.html", context)


def _shown(desk: Desk, card: Card) -> Markup:
    """One card, in its reader's words."""
    text = (
        environment(card.language)
        .get_template("card.html")
        .render(
            {
                "card": card,
                "look": shown_as(card.look, frozenset()),
                "picture": link_picture(card.code.reveal()),
                "language": card.language,
                "zone": card.time_zone,
                "now": desk.now,
            }
        )
    )
    return Markup(text)  # noqa: S704 - made by a template that escapes
