"""Terms of use: nobody enrolls without having accepted what is in force (A57)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest

from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Kind, Secret
from enlist.core.terms import Accepted, TermsText
from enlist.store.listing import Page
from enlist.store.redemptions import DeviceReport
from enlist.verbs.begin import Begin, Check
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.register_identity import RegisterIdentity
from enlist.verbs.terms import (
    BeginAcceptanceExport,
    Draft,
    ExportAcceptances,
    ListAcceptances,
    PublishTerms,
    ReadTerms,
    ShowTerms,
    WithdrawTerms,
    lines,
)
from enlist.verbs.together import Together
from tests.installation import PASSWORD, SHOWN, Enlist, code, done, refusal
from tests.requests import csr

ADA = ("ada", PASSWORD)
LINUX = DeviceReport(platform="linux")
EN = TermsText("en", "Use of devices", "Be **kind**.")
DE = TermsText("de", "Nutzung von Geräten", "Seien Sie **nett**.")


def publish(
    enlist: Enlist, organization: str = "main", platform: str = "any", *texts: TermsText
) -> str:
    """Publish a version; answers its id."""
    return enlist.do(PublishTerms(organization, Draft(texts or (EN,), platform))).id


def jti(enlist: Enlist, enrollment_id: str) -> str:
    """What the JWT of an enrollment brings along."""
    claims = enlist.do(ShowJwt(enrollment_id)).jwt.reveal().split(".")[1]
    found = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
    return str(found)


def accepted(enlist: Enlist, **filters: str) -> list[Accepted]:
    page = enlist.driver.view(ListAcceptances("main", filters=filters), enlist.host)
    assert isinstance(page, Page)
    return list(page.items)


def test_nobody_enrolls_without_having_accepted_and_nothing_is_used_up(enlist: Enlist) -> None:
    """By token and by sign-in alike; the refusal says what to accept and where to read it."""
    terms = publish(enlist)
    ticket = enlist.register("ada")
    told = refusal(enlist.redeem(ticket.token))
    assert (told.code, told.holder) == ("terms_required", True)
    assert told.data["terms_id"] == terms
    assert told.data["terms_version"] == 1
    assert str(told.data["terms_url"]).endswith(f"/enroll/terms/{terms}")
    assert terms in told.detail
    assert code(enlist.redeem(login=ADA, group_id="main", report=LINUX)) == "terms_required"
    assert code(enlist.redeem(ticket.token, accepts=ticket.device_id)) == "terms_required"
    assert accepted(enlist) == []
    assert code(enlist.redeem(ticket.token, accepts=terms.upper())) == "done"
    (row,) = accepted(enlist)
    assert (row.terms_id, row.version, row.username) == (terms, 1, "ada")
    assert (row.device_id, row.enrollment_id) == (ticket.device_id, ticket.enrollment_id)
    assert row.accepted_at == enlist.clock.now
    event = enlist.events("enrollment.redeemed")[0]
    assert (event.data["terms"], event.data["terms_version"]) == (terms, 1)


def test_strangers_hear_nothing_of_terms(enlist: Enlist) -> None:
    publish(enlist)
    enlist.user("ada")
    assert code(enlist.redeem(Secret("8Kq2mWx7Rb"))) == "token_invalid"
    wrong = enlist.redeem(login=("ada", "not her password"), group_id="main", report=LINUX)
    assert code(wrong) == "credentials_invalid"


def test_who_accepted_is_asked_again_for_a_new_version_alone(enlist: Enlist) -> None:
    """And his acceptance of the earlier one stays on record."""
    first = publish(enlist)
    done(enlist.redeem(enlist.register("ada").token, accepts=first))
    assert code(enlist.redeem(enlist.register("ada").token, key=1)) == "done"
    assert len(accepted(enlist)) == 1
    second = publish(enlist)
    ticket = enlist.register("ada")
    assert code(enlist.redeem(ticket.token, key=2)) == "terms_required"
    assert code(enlist.redeem(ticket.token, key=2, accepts=first)) == "terms_required"
    enlist.clock.advance(seconds=1)
    assert code(enlist.redeem(ticket.token, key=2, accepts=second)) == "done"
    assert [row.version for row in accepted(enlist, user="ada")] == [2, 1]
    assert [row.version for row in accepted(enlist, terms=first)] == [1]
    assert code(enlist.redeem(enlist.register("eve").token, key=3)) == "terms_required"


def test_what_was_accepted_on_the_page_holds_for_the_device_that_finishes(enlist: Enlist) -> None:
    """The attempt carries it; the moment is the person's, not the device's."""
    terms = publish(enlist)
    ticket = enlist.register("ada")
    stranger = enlist.stranger()
    shown = done(enlist.perform(Check(Presented(ticket.token), LINUX), stranger))
    assert shown.terms_id == terms
    without = enlist.perform(Begin(Presented(ticket.token), LINUX), stranger)
    assert code(without) == "terms_required"
    ticked = Presented(ticket.token, accepts=terms)
    begun = done(enlist.perform(Begin(ticked, LINUX), stranger))
    at = enlist.clock.now
    enlist.clock.advance(minutes=3)
    assert code(enlist.redeem(begun.code)) == "done"
    (row,) = accepted(enlist)
    assert (row.accepted_at, row.username, row.device_id) == (at, "ada", ticket.device_id)


def test_a_version_published_meanwhile_is_asked_for_by_the_device(enlist: Enlist) -> None:
    terms = publish(enlist)
    ticked = Presented(None, "main", "ada", Secret(PASSWORD), accepts=terms)
    enlist.user("ada")
    begun = done(enlist.perform(Begin(ticked, LINUX), enlist.stranger()))
    newer = publish(enlist)
    assert code(enlist.redeem(begun.code, report=LINUX)) == "terms_required"
    assert code(enlist.redeem(begun.code, report=LINUX, accepts=newer)) == "done"
    (row,) = accepted(enlist)
    assert (row.version, row.username) == (2, "ada")


def test_terms_are_inherited_and_the_nearest_count_those_for_the_platform_first(
    enlist: Enlist,
) -> None:
    enlist.organization("berlin")
    enlist.organization("mitte", "berlin")
    everywhere = publish(enlist)
    phones = publish(enlist, "main", "ios")
    own = publish(enlist, "berlin")

    def asked(place: str, platform: str) -> object:
        ticket = enlist.register(f"{place}-{platform}", organization=place, platform=platform)
        told = enlist.redeem(ticket.token, report=DeviceReport(platform=platform))
        return refusal(told).data["terms_id"]

    assert asked("main", "linux") == everywhere
    assert asked("main", "ios") == phones
    assert asked("berlin", "linux") == asked("berlin", "ios") == own
    assert asked("mitte", "linux") == own
    enlist.do(WithdrawTerms(own))
    assert asked("berlin", "android") == everywhere
    enlist.do(ChangeSettings("main", {"child_permission": "inherit_only"}))
    assert code(enlist.perform(PublishTerms("berlin", Draft((EN,))))) == "setting_inherited"


def test_withdrawn_terms_ask_nobody_and_their_acceptances_stay(enlist: Enlist) -> None:
    terms = publish(enlist)
    done(enlist.redeem(enlist.register("ada").token, accepts=terms))
    enlist.do(WithdrawTerms(terms))
    assert code(enlist.perform(WithdrawTerms(terms))) == "not_found"
    assert code(enlist.redeem(enlist.register("eve").token, key=1)) == "done"
    assert len(accepted(enlist)) == 1
    shown = enlist.driver.view(ShowTerms("main"), enlist.host)
    assert not isinstance(shown, Refusal)
    assert (dict(shown.in_force), [each.id for each in shown.own]) == ({}, [terms])
    assert publish(enlist) != terms
    assert [each["version"] for each in enlist.rows("terms")] == [1, 2]


def test_a_lost_answer_is_had_again_though_new_terms_came_meanwhile(enlist: Enlist) -> None:
    """X23: the device is enrolled; what it asks for is only its certificate."""
    ticket = enlist.register("ada")
    first = done(enlist.redeem(ticket.token))
    publish(enlist)
    again = done(enlist.redeem(ticket.token))
    assert (again.certificate, again.repeated) == (first.certificate, True)


def test_many_at_once_are_each_asked_for_themselves(enlist: Enlist) -> None:
    """The hot lane: acceptances of a batch are written with its claims, and nobody else's are."""
    terms = publish(enlist)
    tickets = [enlist.register(f"user-{number}") for number in range(6)]
    asked = [
        (Redeem(Presented(ticket.token, accepts=terms if n % 2 else ""), LINUX, csr(n)), stranger)
        for n, (ticket, stranger) in enumerate((each, enlist.stranger()) for each in tickets)
    ]
    outcomes = Together(enlist.driver, enlist.store).perform(asked)
    assert [code(each) for each in outcomes] == ["terms_required", "done"] * 3
    assert {row.username for row in accepted(enlist)} == {"user-1", "user-3", "user-5"}


def test_a_one_time_jwt_asks_too(enlist: Enlist) -> None:
    """A protocol that knows no terms refuses until they were accepted another way."""
    terms = publish(enlist)
    enlist.user("ada")
    details = DeviceDetails("gateway", "linux")
    issued = enlist.do(Register("", "ada", details, SHOWN, None, GrantKind.ONE_TIME_JWT))

    def redeem() -> str:
        presented = Presented(Secret(jti(enlist, issued.enrollment_id)), kind=Kind.ONE_TIME_JWT)
        return code(enlist.perform(Redeem(presented, DeviceReport(), csr(1)), enlist.stranger()))

    assert redeem() == "terms_required"
    done(enlist.redeem(enlist.register("ada").token, accepts=terms))
    assert redeem() == "done"


def test_a_device_of_nobodys_has_nobody_who_could_accept(enlist: Enlist) -> None:
    publish(enlist)
    details = DeviceDetails("gateway", "linux")
    issued = enlist.do(RegisterIdentity("", "", details, SHOWN, None, GrantKind.ONE_TIME_JWT))
    presented = Presented(Secret(jti(enlist, issued.enrollment_id)), kind=Kind.ONE_TIME_JWT)
    verb = Redeem(presented, DeviceReport(), csr(1))
    assert code(enlist.perform(verb, enlist.stranger())) == "done"
    assert accepted(enlist) == []


def test_texts_are_read_in_the_readers_language_else_in_the_first_one(enlist: Enlist) -> None:
    terms = publish(enlist, "main", "any", DE, EN)
    found = enlist.driver.view(ReadTerms(terms), enlist.stranger())
    assert not isinstance(found, Refusal)
    assert found.terms.text(["en-GB", "de"]) == EN
    assert found.terms.text(["fr"]) == DE


@pytest.mark.parametrize(
    ("draft", "wrong"),
    [
        (Draft(()), {"texts"}),
        (Draft((EN, EN)), {"texts.1.language"}),
        (Draft((replace(EN, language="english"),)), {"texts.0.language"}),
        (Draft((replace(EN, title=" "),)), {"texts.0.title"}),
        (Draft((replace(EN, body="\n"),)), {"texts.0.body"}),
        (Draft((replace(EN, body="a\x00b"),)), {"texts.0.body"}),
        (Draft((replace(EN, body="a" * 20_001),)), {"texts.0.body"}),
        (Draft((EN,), "palm"), {"platform"}),
    ],
)
def test_what_is_wrong_with_a_draft_is_said_at_its_field(
    enlist: Enlist, draft: Draft, wrong: set[str]
) -> None:
    told = refusal(enlist.perform(PublishTerms("main", draft)))
    assert {each.field for each in told.fields} == wrong
    assert enlist.rows("terms") == []


def test_acceptances_are_taken_away_as_csv_and_an_event_tells(enlist: Enlist) -> None:
    terms = publish(enlist, "main", "any", replace(EN, title="=cmd()"))
    done(enlist.redeem(enlist.register("ada").token, accepts=terms))
    view = ExportAcceptances("main")
    enlist.do(BeginAcceptanceExport(view))
    page = enlist.driver.view(view, enlist.host)
    assert isinstance(page, Page)
    (line,) = lines(page.items).splitlines()
    assert line.split(",")[1] == "ada"
    assert ",'=cmd()," in line
    assert len(enlist.events("terms.exported")) == 1
