"""SMS: is it set up in a way that can work, and does the gateway take us as we are?

Only what sends nothing is asked: whether somebody answers at the gateway's address, and, where its
API has a question for that, whether the login is right.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.delivery.channels.sms import Gateway
from enlist.settings import Sms
from enlist.verbs.verdicts import Retry
from enlist.wiring.delivery import sms_channel, sms_gateway
from enlist.wiring.doctor.check import CannotTell, Check, Ground
from enlist.wiring.doctor.mail import is_local
from enlist.wiring.installation import CannotStart

_PATIENCE: Final = 10.0


def _set(ground: Ground) -> Finding:
    _sms(ground)
    try:
        gateway = sms_gateway(ground.settings)
    except CannotStart as error:
        return problem(str(error), "Mend that setting; the guide to SMS has examples.")
    return fine(f"{ground.settings.sms.driver}, {gateway.place if gateway else ''}")


def _secure(ground: Ground) -> Finding:
    parts = urlsplit(_gateway(ground).place)
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        return problem(
            f"{parts.hostname} is spoken to without protection",
            "Set an ENLIST_SMS_URL that begins with https://.",
        )
    return fine("TLS" if parts.scheme == "https" else "this machine's own")


def _reaches(ground: Ground) -> Finding:
    place = _gateway(ground).place
    parts = urlsplit(place)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), _PATIENCE) as connection:
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=ground.settings.sms.ca_file)
                context.wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return problem(
            f"the certificate of {place} cannot be trusted ({error.verify_message})",
            "Renew the gateway's certificate, or name its authority in ENLIST_SMS_CA_FILE.",
        )
    except OSError as error:
        return problem(
            f"{place} cannot be reached: {error.strerror or error}",
            "Check ENLIST_SMS_URL, and whether a firewall lets this machine through.",
        )
    return fine("answers")


def _logs_in(ground: Ground) -> Finding:
    gateway = _gateway(ground)
    if gateway.rehearsal() is None:
        raise CannotTell("the gateway has no question for that which sends nothing")
    if not ground.settings.sms.password.get_secret_value():
        raise CannotTell(
            "the password is in the server's environment alone; run this with the same settings"
        )
    channel = sms_channel(ground.settings)
    try:
        found = channel.rehearse()
    finally:
        channel.release()
    if found is None or isinstance(found, Retry):
        raise CannotTell("it does not come that far")
    if found.status in (401, 403, 404):
        return problem(
            f"{gateway.place} refused the login of {ground.settings.sms.user}: {found.status}",
            "Set ENLIST_SMS_USER and ENLIST_SMS_PASSWORD_FILE to a login that works.",
        )
    if found.status != 200:
        raise CannotTell(f"{gateway.place} answered {found.status}")
    return fine(f"{ground.settings.sms.user} is let in")


def _reported(ground: Ground) -> Finding:
    gateway, given = _gateway(ground), ground.settings.sms
    if given.driver == "http" and "{ReportUrl}" not in given.url + given.body:
        return warning(
            "the gateway is told nowhere to report to",
            "Put {ReportUrl} into ENLIST_SMS_URL or ENLIST_SMS_BODY, where the gateway wants it.",
        )
    there = urlsplit(gateway.place).hostname or ""
    public = urlsplit(ground.addresses.public_url).hostname or ""
    if is_local(public) and not is_local(there):
        return warning(
            f"the gateway is to report to {public}, which is another machine for it",
            "Set ENLIST_PUBLIC_URL to an address that the gateway reaches.",
        )
    return fine(f"to {ground.addresses.public_url}")


def _sms(ground: Ground) -> Sms:
    if ground.server.mailbox or not ground.settings.sms.driver:
        raise CannotTell("no SMS gateway is set")
    return ground.settings.sms


def _gateway(ground: Ground) -> Gateway:
    _sms(ground)
    try:
        gateway = sms_gateway(ground.settings)
    except CannotStart as error:
        raise CannotTell(str(error)) from error
    if gateway is None:
        raise CannotTell("no SMS gateway is set")
    return gateway


CHECKS: Final = (
    Check("sms-set", "set up", "With settings that cannot work, no server starts.", _set),
    Check(
        "sms-secure",
        "protection",
        "Tokens and the gateway's password cross the network for everybody to read.",
        _secure,
    ),
    Check("sms-reachable", "reachable", "Messages wait and people do not get theirs.", _reaches),
    Check("sms-login", "login", "The gateway takes nothing; messages wait.", _logs_in),
    Check(
        "sms-reports",
        "delivery reports",
        "Nobody learns whether a message arrived: all stay at sent.",
        _reported,
    ),
)
