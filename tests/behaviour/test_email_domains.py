"""A66: the domain of an e-mail address leads to one organization, beside what A65 leads by."""

from __future__ import annotations

from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.verbs.email_domains import EmailDomains, SetEmailDomains, ShowEmailDomains
from enlist.verbs.landing import WhichGroupId
from enlist.verbs.organizations import DeleteOrganization
from tests.installation import Enlist, code, refusal


def put(enlist: Enlist, organization: str, *domains: str) -> object:
    return enlist.perform(SetEmailDomains(organization, domains))


def shown(enlist: Enlist, organization: str) -> tuple[str, ...]:
    found = enlist.driver.view(ShowEmailDomains(organization), enlist.host)
    assert isinstance(found, EmailDomains)
    return found.domains


def leads_to(enlist: Enlist, typed: str, username: str = "ada") -> str:
    found = enlist.driver.view(WhichGroupId(Secret(typed), username), enlist.stranger())
    assert not isinstance(found, Refusal)
    return found


def test_a_domain_leads_to_its_organization(enlist: Enlist) -> None:
    enlist.organization("north")
    assert leads_to(enlist, "someone@north.example") == ""
    assert code(put(enlist, "north", "North.Example", "@bücher.example")) == "done"
    assert shown(enlist, "north") == ("north.example", "xn--bcher-kva.example")
    for typed in ("someone@north.example", " X@NORTH.example ", "a@bücher.example"):
        assert leads_to(enlist, typed) == "north"
    for typed in ("a@mail.north.example", "north.example", "@north.example", "a@other.example"):
        assert leads_to(enlist, typed) == ""
    (event,) = enlist.events("organization.domains_changed")
    assert event.data["after.email_domains"] == "north.example, xn--bcher-kva.example"


def test_a_users_own_address_and_a_group_id_come_first(enlist: Enlist) -> None:
    """A65 as before: a Group ID, then the address of whoever signs in."""
    enlist.organization("north")
    enlist.organization("south")
    enlist.user("ada", organization="south", email="ada@north.example")
    put(enlist, "north", "north.example")
    assert leads_to(enlist, "ada@north.example", "ada") == "south"
    assert leads_to(enlist, "ada@north.example", "bob") == "north"
    assert leads_to(enlist, "SOUTH") == "south"


def test_whoever_is_found_by_it_enrolls_there(enlist: Enlist) -> None:
    enlist.organization("north")
    enlist.user("ada", organization="north", email="")
    put(enlist, "north", "north.example")
    found = leads_to(enlist, "ada@north.example")
    assert code(enlist.begin(login=("ada", "correct horse battery"), group_id=found)) == "done"


def test_a_domain_belongs_to_one_organization_alone(enlist: Enlist) -> None:
    for place in ("north", "south"):
        enlist.organization(place)
    assert code(put(enlist, "north", "a.example", "b.example")) == "done"
    second = refusal(put(enlist, "south", "c.example", "B.example"))
    assert (second.code, second.fields[0].field) == ("domain_taken", "domains")
    assert second.fields[0].message.endswith("of another organization: b.example")
    assert shown(enlist, "south") == ()
    assert code(put(enlist, "north", "a.example")) == "done"
    assert code(put(enlist, "south", "b.example")) == "done"
    assert leads_to(enlist, "x@b.example") == "south"


def test_only_one_of_two_gets_it_at_the_same_moment(enlist: Enlist) -> None:
    places = [f"place{number}" for number in range(6)]
    for place in places:
        enlist.organization(place)
    asked = [lambda place=place: put(enlist, place, "same.example") for place in places]
    outcomes = enlist.together(asked)
    assert sorted(map(code, outcomes)) == ["domain_taken"] * 5 + ["done"]


def test_what_is_no_domain_is_told_at_its_field_and_nothing_is_half_done(enlist: Enlist) -> None:
    put(enlist, "", "good.example")
    for wrong in ("nonsense", "a b.example", "", "x@y@z.example", "-.example"):
        told = refusal(put(enlist, "", "other.example", wrong))
        assert (told.code, told.fields[0].field) == ("validation_failed", "domains"), wrong
    many = [f"d{number}.example" for number in range(101)]
    assert code(put(enlist, "", *many)) == "validation_failed"
    assert shown(enlist, "") == ("good.example",)


def test_a_deleted_organization_frees_its_domains(enlist: Enlist) -> None:
    for place in ("north", "south"):
        enlist.organization(place)
    put(enlist, "north", "a.example")
    enlist.do(DeleteOrganization("north"))
    assert leads_to(enlist, "x@a.example") == ""
    assert code(put(enlist, "south", "a.example")) == "done"
