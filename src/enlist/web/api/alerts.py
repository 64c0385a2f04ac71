"""Alerts: what is amiss, who is told of it, and a test of that."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission, Role
from enlist.store.alerts import Alert as Found
from enlist.verbs import documents
from enlist.verbs.alert_kinds import Severity
from enlist.verbs.alert_routes import MOST_ADDRESSES, RoutesAt, SetAlertRoutes, ShowAlertRoutes
from enlist.verbs.alert_tests import AlertTest, ShowAlertTest, TestAlerts
from enlist.verbs.alerts import ListAlerts
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment

operations: Final = Operations("Alerts")

State = Literal["open", "closed"]
_UNTESTED: Final = ("no_channel", "recipient_cap_reached")
_READ, _EDIT = Permission.ALERTS_READ, Permission.ALERTS_EDIT


class Alert(Shown):
    """Something that is amiss, or was."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "kind": "email_failing",
                    "severity": "problem",
                    "title": "E-mail cannot be sent",
                    "text": "The mail server is away or refuses what it is given.",
                    "remedy": "Run enlist doctor on the server.",
                    "details": "mail.example.com:587 cannot be reached: Connection refused",
                    "state": "open",
                    "times": 1,
                    "opened_at": EXAMPLE_MOMENT,
                    "closed_at": None,
                    "last_at": EXAMPLE_MOMENT,
                    "told_at": EXAMPLE_MOMENT,
                    "left_out": 0,
                    "username": "",
                    "user_id": None,
                    "device_name": "",
                    "device_id": None,
                    "event_id": None,
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                }
            ]
        }
    )

    id: str
    kind: str
    severity: Severity
    title: str
    text: str
    """What it means."""
    remedy: str
    """The one thing to do."""
    details: str
    """What is known of it."""
    state: State
    times: int
    """How often it was seen since it began."""
    opened_at: Moment
    closed_at: Moment | None
    """When it was well again last; null where it never was."""
    last_at: Moment
    """When it was seen last."""
    told_at: Moment | None
    """When people were told last."""
    left_out: int
    """How many of them were written no e-mail then, as they had been sent too many in the hour."""
    username: str
    """Whom it is about; empty for nobody, or somebody of an organization above."""
    user_id: str | None
    device_name: str
    device_id: str | None
    event_id: str | None
    """Of what happened last, where it is something in the log."""
    organization: str
    organization_id: str

    @classmethod
    def of(cls, found: Found) -> Alert:
        """An alert of the store."""
        return cls(**documents.alert(found))


class AlertQuery(Paging):
    """Sorts: `opened_at`, `kind`."""

    state: State | None = None
    kind: Line | None = None


class AlertRoutes(Shown):
    """Who is told of what is amiss at an organization."""

    organization: str
    roles: list[str]
    """Whose holders get an e-mail: those there, or, where there are none, the nearest above."""
    addresses: list[str]
    """That get one as well; empty where an organization out of your sight says so."""
    switched_off: list[str]
    """Kinds of alerts that are not raised."""
    source: str
    """Group ID of the organization that says so, or `default`."""
    people: int
    """How many get an e-mail by that now."""

    @classmethod
    def of(cls, found: RoutesAt) -> AlertRoutes:
        """The routes of the store."""
        return cls(**documents.alert_routes(found))


class AlertRoutesBody(Body):
    """Who shall be told."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"roles": ["administrator"], "addresses": ["it@example.com"]}]
        }
    )

    roles: Annotated[list[Role], Field(max_length=10)] = Field(default_factory=list)
    addresses: Annotated[list[Line], Field(max_length=MOST_ADDRESSES)] = Field(default_factory=list)
    switched_off: Annotated[list[Line], Field(max_length=50)] = Field(default_factory=list)


class AlertTestBody(Body):
    """Where a test is made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organization": "main"}]})

    organization: Line = ""
    """Id or Group ID; your own if left out."""


class TriedWay(Shown):
    """One way of a test, and what came of it."""

    way: Literal["email", "webhook"]
    to: str
    """An address, or a webhook's name; empty for one of an organization above."""
    state: Literal["waiting", "done", "failed"]
    reason: str


class AlertTested(Shown):
    """A test, and what came of it so far."""

    id: str
    over: bool
    """Whether what came of it is known of each way."""
    tried: list[TriedWay]

    @classmethod
    def of(cls, found: AlertTest) -> AlertTested:
        """A test of the store."""
        return cls(**documents.alert_test(found))


@operations.staff("GET", "/alerts", _READ, answers=Page[Alert])
async def list_alerts(
    asking: Staff, query: Annotated[AlertQuery, Query()]
) -> Page[Alert] | Refusal:
    """List alerts, those that opened last first; open ones and those that are over."""
    found = await asking.see(ListAlerts(**filters(query)))
    return shown(found, lambda page: Page.of(page, Alert.of))


@operations.staff("GET", "/organizations/{organization}/alert-routes", _READ, answers=AlertRoutes)
async def show_alert_routes(asking: Staff, organization: str) -> AlertRoutes | Refusal:
    """Show who is told of alerts at an organization."""
    found = await asking.see(ShowAlertRoutes(organization))
    return shown(found, AlertRoutes.of)


@operations.staff("PUT", "/organizations/{organization}/alert-routes", _EDIT, answers=AlertRoutes)
async def set_alert_routes(
    asking: Staff, organization: str, body: AlertRoutesBody
) -> AlertRoutes | Refusal:
    """Say who is told of alerts there and below, in place of what was said above."""
    verb = SetAlertRoutes(organization, body.roles, body.addresses, body.switched_off)
    found = await asking.do(verb)
    return shown(found, AlertRoutes.of)


@operations.staff(
    "DELETE", "/organizations/{organization}/alert-routes", _EDIT, answers=AlertRoutes
)
async def inherit_alert_routes(asking: Staff, organization: str) -> AlertRoutes | Refusal:
    """Say nothing there any more; what is said above counts."""
    found = await asking.do(SetAlertRoutes(organization, inherit=True))
    return shown(found, AlertRoutes.of)


@operations.staff("POST", "/alerts/test", _EDIT, answers=AlertTested, refuses=_UNTESTED)
async def test_alerts(asking: Staff, body: AlertTestBody) -> AlertTested | Refusal:
    """Send a test to everybody who is told of alerts; ask again for what came of it."""
    found = await asking.do(TestAlerts(body.organization))
    return shown(found, AlertTested.of)


@operations.staff("GET", "/alerts/tests/{test_id}", _READ, answers=AlertTested)
async def show_alert_test(asking: Staff, test_id: IdGiven) -> AlertTested | Refusal:
    """Show what came of a test so far."""
    found = await asking.see(ShowAlertTest(test_id))
    return shown(found, AlertTested.of)
