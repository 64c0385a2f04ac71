"""Alerts of a server elsewhere, who is told of them, and a test of that."""

from __future__ import annotations

from typing import Final

from enlist.cli.remote.api import Api, Document, Ways, listed, part
from enlist.cli.remote.reviving import revived
from enlist.core.model import Organization
from enlist.core.outcomes import Refusal
from enlist.store.alert_messages import Tried
from enlist.store.alert_routes import Routes
from enlist.store.alerts import Alert
from enlist.verbs.alert_routes import RoutesAt, SetAlertRoutes, ShowAlertRoutes
from enlist.verbs.alert_tests import AlertTest, ShowAlertTest, TestAlerts
from enlist.verbs.alerts import ListAlerts


def _routes(api: Api, organization: str) -> str | Refusal:
    place = api.place(organization)
    return place if isinstance(place, Refusal) else f"/organizations/{part(place)}/alert-routes"


def _show_routes(api: Api, view: ShowAlertRoutes) -> RoutesAt | Refusal:
    path = _routes(api, view.organization)
    return path if isinstance(path, Refusal) else _told(api.get(path))


def _set_routes(api: Api, verb: SetAlertRoutes) -> RoutesAt | Refusal:
    path = _routes(api, verb.organization)
    if isinstance(path, Refusal):
        return path
    if verb.inherit:
        return _told(api.do("DELETE", path))
    names = ("roles", "addresses", "switched_off")
    return _told(api.do("PUT", path, {name: list(getattr(verb, name)) for name in names}))


def _test(api: Api, verb: TestAlerts) -> AlertTest | Refusal:
    return _tested(api.do("POST", "/alerts/test", {"organization": verb.organization}))


def _show_test(api: Api, view: ShowAlertTest) -> AlertTest | Refusal:
    return _tested(api.get(f"/alerts/tests/{part(view.test_id)}"))


def _told(found: Document | Refusal) -> RoutesAt | Refusal:
    if isinstance(found, Refusal):
        return found
    place = Organization("", None, found["organization"], "", "", "", "", 0)
    return RoutesAt(place, revived(Routes, found), found["people"])


def _tested(found: Document | Refusal) -> AlertTest | Refusal:
    if isinstance(found, Refusal):
        return found
    tried = (Tried(t["way"], t["to"], t["state"], t["reason"], "") for t in found["tried"])
    return AlertTest(found["id"], tuple(tried))


ALERTING: Final[Ways] = {
    ListAlerts: listed("/alerts", Alert),
    ShowAlertRoutes: _show_routes,
    SetAlertRoutes: _set_routes,
    TestAlerts: _test,
    ShowAlertTest: _show_test,
}
