"""Redeem: a device presents what it has, and gets its certificate.

This is the one operation that thousands of devices may call at once. So it is answered in front of
all routing (see `hot`), with nothing between the socket and the verb but reading the body, and
without waiting for FastAPI to be loaded; `enrolling` declares it for the description.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import Id
from enlist.core.outcomes import Done, FieldError, Refusal
from enlist.core.secrets import Kind, Secret, fingerprint, strip_typing
from enlist.pki.csr import Csr, parse
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import DeviceReport
from enlist.verbs.idempotent import idempotency_key
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.repeating import Enrolled
from enlist.web.api.bodies import Shown
from enlist.web.callers import services_of, stranger
from enlist.web.hot import Hot
from enlist.web.peers import header
from enlist.web.problems import problem_response
from enlist.web.reading import failed, read_json, unfit
from enlist.web.services import Services
from enlist.web.values import EXAMPLE_ID, Line, SecretGiven

EXAMPLE_CSR: Final = (
    "-----BEGIN CERTIFICATE REQUEST-----\nMIHp…\n-----END CERTIFICATE REQUEST-----\n"
)
_EXAMPLE_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----\nMIIC…\n-----END CERTIFICATE-----\n"

CsrGiven = Annotated[str, Field(max_length=32_768)]
"""A certificate request in a body; `parse` has its own, lower limit and says so in words."""


class PublicBody(BaseModel):
    """A request of a device. What is not known is ignored: an old server serves newer devices."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class DeviceGiven(PublicBody):
    """What a device says of itself; it fills gaps, and never renames what was registered."""

    name: Line = ""
    platform: Line = ""
    """`android`, `ios`, `macos`, `windows` or `linux`."""
    model: Line = ""
    os_version: Line = ""
    serial: Line = ""
    imei: Line = ""
    udid: Line = ""
    manufacturer: Line = ""
    ownership: Line = ""
    """`corporate_dedicated`, `corporate_shared` or `employee_owned`, where nobody has said so."""
    asset_number: Line = ""
    """The number on the organization's sticker, where nobody has written it down."""
    email: Line = ""
    """Its user's e-mail address, where the organization asks for it; his account stays as it is."""

    def report(self) -> DeviceReport:
        """The same, as the verb takes it."""
        return DeviceReport(
            self.name,
            self.platform,
            self.model,
            self.os_version,
            self.serial,
            self.imei,
            self.udid,
            self.manufacturer,
            self.ownership,
            self.asset_number,
            self.email,
        )


class PresentedBody(PublicBody):
    """A token or code; or a Group ID with a login; or one-time credentials."""

    token: SecretGiven | None = None
    """A registration token or an attempt code."""
    group_id: Line = ""
    """Instead of a token, where the organization enrolls by sign-in."""
    username: Line = ""
    password: SecretGiven | None = None
    """With a Group ID, and where the organization asks for two factors; or one-time credentials,
    `BCDFGHJK@acme` and their password, alone."""
    device: DeviceGiven = DeviceGiven()
    accepted_terms: Line = ""
    """Id of the terms of use that are accepted; `terms_required` names it where it is asked for."""

    def presented(self) -> Presented | Refusal:
        """The same, as verbs take it.

        Refusals: `validation_failed`, unless exactly one of token and Group ID is given, or
        neither beside the user name of one-time credentials.
        """
        given = Presented(
            self.token,
            self.group_id,
            self.username,
            self.password,
            accepts=self.accepted_terms,
        )
        if (self.token is None) is not bool(self.group_id) and given.locator is None:
            problem = "give either a token or a group_id"
            return failed([FieldError("token", problem), FieldError("group_id", problem)])
        return given


class RedeemBody(PresentedBody):
    """What a device presents, and the key that it wants a certificate for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "8Kq2mWx7Rb",
                    "device": {"name": "ada-laptop", "platform": "linux", "os_version": "12"},
                    "csr": EXAMPLE_CSR,
                }
            ]
        }
    )

    csr: CsrGiven | None = None
    """A certificate request (PKCS#10) as PEM text. Nothing but its key is used."""


class EnrolledDevice(Shown):
    """The device that is enrolled now."""

    id: str
    name: str
    platform: str
    state: str = "enrolled"
    user: str | None


class Redeemed(Shown):
    """A device that is enrolled now, and its certificate."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "device": {
                        "id": EXAMPLE_ID,
                        "name": "Ada's laptop",
                        "platform": "linux",
                        "state": "enrolled",
                        "user": "ada",
                    },
                    "certificate": _EXAMPLE_CERTIFICATE,
                    "chain": _EXAMPLE_CERTIFICATE * 2,
                    "device_url": "https://devices.example.com",
                }
            ]
        }
    )

    device: EnrolledDevice
    certificate: str
    """PEM; empty where the device enrolled without a key."""
    chain: str
    """PEM: the issuing CA, then the root."""
    device_url: str
    """Where the device proves itself with its certificate."""

    @classmethod
    def of(cls, enrolled: Enrolled, services: Services) -> Redeemed:
        """The answer to a device; the same for the first time and for every repeat."""
        return cls.model_validate(_document(enrolled, services))


def _document(enrolled: Enrolled, services: Services) -> dict[str, object]:
    """What `Redeemed` describes, without the time that making models takes."""
    device = {
        "id": enrolled.device_id,
        "name": enrolled.device_name,
        "platform": enrolled.platform,
        "state": "enrolled",
        "user": enrolled.username or None,
    }
    return {
        "device": device,
        "certificate": enrolled.certificate,
        "chain": services.tools.authority.chain_of(enrolled.certificate),
        "device_url": services.tools.addresses.device_url,
    }


async def complete(
    request: Request,
    presented: Presented,
    device: DeviceGiven,
    csr: str | None,
    attempt_id: Id | None = None,
) -> Redeemed | Refusal:
    """Redeem what is presented, by itself or as the end of an attempt."""
    outcome = await _redeem(request, presented, device, csr, attempt_id)
    if isinstance(outcome, Refusal):
        return outcome
    return Redeemed.of(outcome, services_of(request))


async def _redeem(
    request: Request,
    presented: Presented,
    device: DeviceGiven,
    csr: str | None,
    attempt_id: Id | None = None,
) -> Enrolled | Refusal:
    verb = _verb(request, presented, device, csr, attempt_id)
    if isinstance(verb, Refusal):
        return verb
    outcome = await services_of(request).perform(verb, stranger(request))
    return outcome if isinstance(outcome, Refusal) else outcome.value


def _verb(
    request: Request,
    presented: Presented,
    device: DeviceGiven,
    csr: str | None,
    attempt_id: Id | None = None,
) -> Redeem | Refusal:
    parsed = None if csr is None else parse(csr)
    key = _key(request, services_of(request), presented, device, csr, parsed)
    if isinstance(key, Refusal):
        return key
    return Redeem(presented, device.report(), parsed, key, attempt_id)


def _key(
    request: Request,
    services: Services,
    presented: Presented,
    device: DeviceGiven,
    csr: str | None,
    parsed: Csr | Refusal | None,
) -> IdempotencyKey | Refusal | None:
    """The caller of a public request is the secret that it presents (ruling 25).

    A new request for the same key pair counts as the same. Digests are keyed: a password is among
    what they are made of.
    """
    sent = header(request.scope, b"idempotency-key")
    if sent is None:
        return None
    token = strip_typing(presented.token.reveal()) if presented.token else ""
    who = [token, presented.group_id, presented.username]
    password = presented.password.reveal() if presented.password else ""
    wanted = parsed.spki_digest if isinstance(parsed, Csr) else (csr or "").encode()
    asked = [*who, password, device.model_dump_json()]
    holder = Caller(CallerKind.STRANGER, id=_keyed(services, [w.encode() for w in who]).hex())
    return idempotency_key(holder, sent, _keyed(services, [*(a.encode() for a in asked), wanted]))


def _keyed(services: Services, parts: list[bytes]) -> bytes:
    digest = Secret(fingerprint(parts).hex())
    return services.tools.keys.digest(Kind.IDEMPOTENCY, digest).value


def _ask(request: Request, sent: bytes) -> Redeem | Response:
    verb = _read(request, sent)
    return problem_response(verb) if isinstance(verb, Refusal) else verb


def _read(request: Request, sent: bytes) -> Redeem | Refusal:
    value = read_json(sent)
    if isinstance(value, Refusal):
        return value
    try:
        body = RedeemBody.model_validate(value)
    except ValidationError as error:
        return unfit(error.errors(include_url=False, include_input=False))
    presented = body.presented()
    if isinstance(presented, Refusal):
        return presented
    return _verb(request, presented, body.device, body.csr)


def _answer(request: Request, outcome: Done[Enrolled] | Refusal) -> Response:
    if isinstance(outcome, Refusal):
        return problem_response(outcome)
    body = to_json(_document(outcome.value, services_of(request)))
    return Response(body, 201, media_type="application/json")


HOT: Final = Hot(_ask, _answer)
"""`POST /api/v1/redeem`."""
