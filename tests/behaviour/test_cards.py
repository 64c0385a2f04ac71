"""Cards on paper: what they hold, what they never hold, and who made which."""

from __future__ import annotations

import pytest

from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.verbs.branding import ChangeBranding
from enlist.verbs.cards import PrintCard
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import LATER
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.register import Register
from enlist.verbs.users import ChangeUser
from tests.installation import MAILED, Enlist, code


def registered(enlist: Enlist, grant: GrantKind = GrantKind.REGISTRATION_TOKEN) -> str:
    by_mail = grant is GrantKind.REGISTRATION_TOKEN
    details = DeviceDetails("Ada's laptop", "linux")
    verb = Register("", "ada", details, MAILED if by_mail else LATER, grant=grant)
    return enlist.do(verb).enrollment_id


@pytest.fixture(autouse=True)
def _ada(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(ChangeUser("ada", {"language": "de"}))


def test_the_card_of_a_token_does_not_hold_it(enlist: Enlist) -> None:
    """Ruling 6, X11: its code opens the page, and redeems nothing."""
    issued = registered(enlist)
    enlist.do(ChangeBranding("", {"support_phone": "+4930123456"}))
    card = enlist.do(PrintCard(issued))
    address = enlist.driver.tools.addresses.public_url
    assert card.code.reveal() == f"{address}/enroll/{issued}"
    assert (card.bearer, card.address) == (False, f"{address}/enroll")
    assert (card.person, card.language, card.organization.group_id) == ("ada", "de", "main")
    assert card.look.value("support_phone") == "+4930123456"
    assert code(enlist.redeem(issued)) == "token_invalid"
    (event,) = enlist.events("enrollment.printed")
    assert event.personal == {"actor": "root", "device": "Ada's laptop", "user": "ada"}
    assert enlist.events("enrollment.revealed") == []


def test_the_card_of_a_jwt_is_the_jwt_shown_once_more(enlist: Enlist) -> None:
    """D26, ruling 6: an event each time, like any other way to take it along."""
    issued = registered(enlist, GrantKind.ONE_TIME_JWT)
    card = enlist.do(PrintCard(issued))
    (event,) = enlist.events("enrollment.revealed")
    assert (event.data["form"], card.bearer, card.address) == ("card", True, "")
    assert card.code.reveal() == enlist.do(ShowJwt(issued)).jwt.reveal()


def test_what_is_over_has_no_card(enlist: Enlist) -> None:
    used = enlist.register("ada")
    assert code(enlist.redeem(used.token)) == "done"
    revoked = registered(enlist)
    enlist.revoke(revoked)
    late = registered(enlist)
    enlist.clock.advance(hours=25)
    told = [code(enlist.perform(PrintCard(each))) for each in (used.enrollment_id, revoked, late)]
    assert told == ["token_used", "token_revoked", "token_expired"]
    assert enlist.events("enrollment.printed") == []


def test_who_may_not_hand_out_prints_nothing(enlist: Enlist) -> None:
    issued = registered(enlist)
    enlist.organization("north")
    for caller in (enlist.staff("helpdesk"), enlist.staff("operator", "north", "nora")):
        found = enlist.perform(PrintCard(issued), caller)
        assert isinstance(found, Refusal)
    assert enlist.events("enrollment.printed") == []
