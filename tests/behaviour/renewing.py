"""Renewals of a device's certificate, as tests ask for and confirm them."""

from __future__ import annotations

from enlist.core.ids import Id
from enlist.core.model import Credential
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.renewal import ConfirmRenewal, RenewCertificate
from tests.connections import Enrolled
from tests.installation import Enlist, code
from tests.requests import csr


def held(enlist: Enlist, device_id: Id) -> list[Credential]:
    """A device's credentials, oldest first."""
    return sorted(enlist.credentials_of(device_id), key=lambda each: each.id)


def renewed(enlist: Enlist, device: Enrolled, key: int = 1) -> str:
    """The serial of another certificate, under another key."""
    verb = RenewCertificate(device.device_id, device.serial, csr(key))
    pem = enlist.do(verb, device.caller)
    (found,) = [each for each in held(enlist, device.device_id) if each.certificate == pem]
    return found.serial


def stands(enlist: Enlist, device: Enrolled, serial: str) -> str:
    return code(enlist.perform(DeviceStatus(device.device_id, serial), device.caller))


def confirm(enlist: Enlist, device: Enrolled, serial: str) -> str:
    return code(enlist.perform(ConfirmRenewal(device.device_id, serial), device.caller))
