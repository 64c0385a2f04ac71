"""Organizations of a server elsewhere: their settings, restrictions and lists of devices."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

from enlist.cli.remote.api import Api, Document, Ways, acted, listed, part
from enlist.cli.remote.reviving import revived
from enlist.core import model
from enlist.core.device_lists import DeviceList, ListedDevice
from enlist.core.outcomes import Refusal
from enlist.core.passcodes import Lockout, Passcode, SelfService, WrongSource
from enlist.core.policy import Effective
from enlist.core.restrictions import Restriction
from enlist.core.secrets import Secret
from enlist.store.listing import Page
from enlist.verbs import (
    device_lists,
    email_domains,
    organizations,
    passcodes,
    restrictions,
    views,
    views_details,
)
from enlist.verbs.consequences import Consequences

_ORGANIZATIONS: Final = listed("/organizations", model.Organization)


def _list_organizations(api: Api, view: views.ListOrganizations) -> Any:
    """With paths, of which only the depth is shown."""
    page = _ORGANIZATIONS(api, view)
    if isinstance(page, Refusal):
        return page
    paths: dict[str | None, str] = {}
    for each in page.items:
        paths[each.id] = f"{paths.get(each.parent_id, '')}{each.id}/"
    found = tuple(replace(each, path=paths[each.id]) for each in page.items)
    return Page(found, page.next_cursor)


def _set(api: Api, verb: organizations.ChangeSettings) -> Refusal | None:
    path = f"/organizations/{part(verb.organization)}/settings"
    found = api.do("PATCH", path, dict(verb.change))
    return found if isinstance(found, Refusal) else None


def _show_settings(api: Api, view: views_details.ShowOrganization) -> Any:
    found = api.get(f"/organizations/{part(view.organization)}/settings")
    if isinstance(found, Refusal):
        return found
    held = {key: Effective(each["value"], each["source"]) for key, each in found.items()}
    return SimpleNamespace(policy=SimpleNamespace(settings=held))


def _domains(api: Api, asked: Any) -> SimpleNamespace | Refusal:
    """Show or set: both answer the domains that the organization has then."""
    path = f"/organizations/{part(asked.organization)}/email-domains"
    changing = isinstance(asked, email_domains.SetEmailDomains)
    found = api.do("PUT", path, {"domains": list(asked.domains)}) if changing else api.get(path)
    return found if isinstance(found, Refusal) else SimpleNamespace(**found)


def _restrictions(api: Api, organization: str) -> str | Refusal:
    place = api.place(organization)
    if isinstance(place, Refusal):
        return place
    return f"/organizations/{part(place)}/restrictions"


def _list_restrictions(api: Api, view: restrictions.ListRestrictions) -> Any:
    path = _restrictions(api, view.organization)
    found = path if isinstance(path, Refusal) else api.get(path)
    if isinstance(found, Refusal):
        return found
    return tuple(
        restrictions.Shown(
            revived(Restriction, each),
            revived(
                model.Organization,
                {"id": each["organization_id"], "organization": each["organization"]},
            ),
            each["user_group"],
            restrictions.Standing(each["standing"]),
        )
        for each in found["items"]
    )


def _restrict(api: Api, verb: Any) -> Restriction | Refusal:
    path = _restrictions(api, verb.organization)
    if isinstance(path, Refusal):
        return path
    if isinstance(verb, restrictions.AddRestriction):
        found = api.do("POST", path, dict(verb.values))
    else:
        found = api.do("PATCH", f"{path}/{part(verb.restriction_id)}", dict(verb.values))
    return found if isinstance(found, Refusal) else revived(Restriction, found)


def _unrestrict(api: Api, verb: restrictions.DeleteRestriction) -> Refusal | None:
    path = _restrictions(api, verb.organization)
    if isinstance(path, Refusal):
        return path
    found = api.do("DELETE", f"{path}/{part(verb.restriction_id)}")
    return found if isinstance(found, Refusal) else None


def _on_list(found: Document) -> Document:
    """An entry by its own organization; what it says of one is where the device goes."""
    return {**found, "group_id": found["organization"], "target": found["group_id"]}


def _put(api: Api, verb: device_lists.PutOnList, **query: str) -> Any:
    place = api.place(verb.organization)
    if isinstance(place, Refusal):
        return place
    named = [
        {"attribute": each.attribute, "value": each.value}
        | {key: text for key in ("ownership", "group_id") if (text := getattr(each, key))}
        for each in verb.entries
    ]
    body: dict[str, Any] = {"entries": named}
    if verb.preview:
        body["preview"] = verb.preview
    return api.do("POST", f"/organizations/{part(place)}/{verb.list.value}-list", body, **query)


def _put_on_list(api: Api, verb: device_lists.PutOnList) -> device_lists.Put | Refusal:
    found = _put(api, verb)
    return found if isinstance(found, Refusal) else revived(device_lists.Put, found)


def _foresee_put(api: Api, view: device_lists.ForeseePut) -> device_lists.Foreseen | Refusal:
    found = _put(api, view.verb, dry_run="true")
    if isinstance(found, Refusal):
        return found
    ends = tuple(
        (
            revived(
                model.Device,
                {"id": each["device_id"], "name": each["device"], "user": each["user"] or ""},
            ),
            revived(Consequences, each["consequences"]),
        )
        for each in found["ends"]
    )
    unseen = found["unenrolled"] - len(ends)
    # How many differ is for the console's form; no command shows it.
    return device_lists.Foreseen(found["added"], found["known"], 0, ends, unseen, found["preview"])


def _take_off(api: Api, verb: device_lists.TakeOffList) -> Refusal | None:
    """Off whichever list it is on: the API has a path for each."""
    found: Any = None
    for each in (verb.list,) if verb.list else DeviceList:
        found = api.do("DELETE", f"/{each.value}-list/{part(verb.entry_id)}")
        if not isinstance(found, Refusal) or found.code != "not_found":
            break
    return found if isinstance(found, Refusal) else None


def _passcode_path(api: Api, organization: str) -> str | Refusal:
    place = api.place(organization)
    return place if isinstance(place, Refusal) else f"/organizations/{part(place)}/passcode"


def _show_passcode(api: Api, view: passcodes.ShowPasscode) -> Any:
    path = _passcode_path(api, view.organization)
    found = path if isinstance(path, Refusal) else api.get(path)
    if isinstance(found, Refusal):
        return found
    older = found["older"]
    return passcodes.PasscodeStatus(
        organization=revived(model.Organization, {"group_id": found["organization"]}),
        state=SelfService(found["state"]),
        passcode=revived(Passcode, found) if found["generated_at"] else None,
        governed_by=found["governed_by"],
        older=revived(Passcode, older) if older else None,
        sources=tuple(revived(WrongSource, each) for each in found["sources"]),
        source_count=found["source_count"],
        threshold=found["threshold"],
        lockout=Lockout(found["lockout"]),
        may_be_revealed=found["may_be_revealed"],
    )


def _read_passcode(api: Api, verb: Any) -> Any:
    """Generate, or reveal: both answer what is shown this once."""
    path = _passcode_path(api, verb.organization)
    if isinstance(path, Refusal):
        return path
    if isinstance(verb, passcodes.GeneratePasscode):
        found = api.do("POST", path, {"overlap_hours": verb.overlap_hours})
    else:
        found = api.do("POST", f"{path}/reveal")
    if isinstance(found, Refusal):
        return found
    secret = Secret(found["passcode"].replace("-", ""))
    return passcodes.PasscodeMade(revived(Passcode, found), secret)


def _disable_passcode(api: Api, verb: passcodes.DisablePasscode) -> Refusal | None:
    path = _passcode_path(api, verb.organization)
    if isinstance(path, Refusal):
        return path
    found = api.do("DELETE", f"{path}?old=true" if verb.old else path)
    return found if isinstance(found, Refusal) else None


PLACES: Final[Ways] = {
    passcodes.ShowPasscode: _show_passcode,
    passcodes.GeneratePasscode: _read_passcode,
    passcodes.RevealPasscode: _read_passcode,
    passcodes.DisablePasscode: _disable_passcode,
    views.ListOrganizations: _list_organizations,
    views_details.ShowOrganization: _show_settings,
    organizations.AddOrganization: acted(
        "POST",
        "/organizations",
        model.Organization,
        parent="parent",
        group_id="group_id",
        name_of_organization="name",
        time_zone="time_zone",
        language="language",
    ),
    organizations.ChangeSettings: _set,
    email_domains.ShowEmailDomains: _domains,
    email_domains.SetEmailDomains: _domains,
    restrictions.ListRestrictions: _list_restrictions,
    restrictions.AddRestriction: _restrict,
    restrictions.ChangeRestriction: _restrict,
    restrictions.DeleteRestriction: _unrestrict,
    device_lists.ListListed: listed("/listed-devices", ListedDevice, _on_list),
    device_lists.PutOnList: _put_on_list,
    device_lists.ForeseePut: _foresee_put,
    device_lists.TakeOffList: _take_off,
}
