"""Settings: from flags, the environment (`ENLIST_*`), and for secrets from files (`*_FILE`).

Each section is a class; each attribute's docstring is its documentation, which the reference page
repeats. Only `wiring` reads this module; everything else is handed plain values.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z"
)
"""As TLS carries one (RFC 6066 section 3): never an IP address, whose last part is a number."""


class ListenerName(NamedTuple):
    """A host name of the device listener, and the files for it; without, Enlist's CA issues."""

    name: str
    certificate: Path | None = None
    key: Path | None = None


class Smtp(BaseSettings):
    """Where mail is handed over. Without a host, nothing can be sent by e-mail."""

    model_config = SettingsConfigDict(
        env_prefix="ENLIST_SMTP_", use_attribute_docstrings=True, extra="ignore"
    )

    host: str = ""
    """Host name of the mail server."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port; 0 means 587 for starttls, 465 for tls, 25 for none."""
    security: Literal["none", "starttls", "tls"] = "starttls"
    """How the connection is protected. `none` is for a mail server on this machine only."""
    user: str = ""
    """User name, if the server asks for one."""
    password: SecretStr = SecretStr("")
    """Password of that user."""
    password_file: Path | None = None
    """A file with that password."""
    ca_file: Path | None = None
    """Certificate of the CA that signed the mail server's certificate, if it is a private one."""
    connections: int = Field(default=4, ge=1, le=50)
    """How many messages are handed to the mail server at the same time, where many wait. Where it
    takes fewer connections from one client, as many are used as it takes."""

    @property
    def effective_port(self) -> int:
        """The port in force."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]

    @model_validator(mode="after")
    def _password_from_file(self) -> Smtp:
        if self.password_file is not None:
            self.password = SecretStr(_secret(self.password_file, "ENLIST_SMTP_PASSWORD_FILE"))
        return self


class Sms(BaseSettings):
    """Where text messages are handed over. Without a driver, nothing can be sent by SMS."""

    model_config = SettingsConfigDict(
        env_prefix="ENLIST_SMS_", use_attribute_docstrings=True, extra="ignore"
    )

    driver: Literal["", "http", "twilio"] = ""
    """How the gateway is spoken to: `http`, as the settings below say, or `twilio`."""
    url: str = ""
    """`http`: the address that is asked, with placeholders. `twilio`: where that API is; default
    `https://api.twilio.com`."""
    method: Literal["GET", "POST", "PUT"] = "POST"
    """`http`: the method."""
    headers: dict[str, str] = {}
    """`http`: headers as a JSON object, `{"Authorization": "Bearer {Password}"}`."""
    body: str = ""
    """`http`: the body, with placeholders; each value is escaped as the content type asks."""
    sender: str = ""
    """Who it comes from, as the gateway allows it; for `twilio` perhaps a messaging service."""
    user: str = ""
    """User name at the gateway; for `twilio` the account SID."""
    password: SecretStr = SecretStr("")
    """Password at the gateway; for `twilio` the auth token."""
    password_file: Path | None = None
    """A file with that password."""
    ca_file: Path | None = None
    """Certificate of the CA that signed the gateway's certificate, if it is a private one."""
    accepted: str = ""
    """`http`: a regular expression that the answer to a message which was taken contains; else
    every 2xx counts."""
    id: str = ""
    """`http`: a regular expression whose first group is what the gateway calls the message."""
    report_status: str = "status"
    """`http`: the field of a delivery report that says what became of the message."""
    report_reason: str = ""
    """`http`: the field of a delivery report that says why it was not delivered."""
    delivered: Annotated[list[str], NoDecode] = ["1", "delivered", "delivrd"]
    """`http`: what that field says of a message that arrived; parted by commas."""
    undelivered: Annotated[list[str], NoDecode] = [
        *("2", "16", "failed", "undelivered", "undeliv", "rejected", "rejectd", "expired")
    ]
    """`http`: what it says of one that did not and will not; anything else is not final."""

    @field_validator("delivered", "undelivered", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        parts = value.split(",") if isinstance(value, str) else value
        return [str(part).strip().lower() for part in parts] if isinstance(parts, list) else parts

    @model_validator(mode="after")
    def _complete(self) -> Sms:
        if self.password_file is not None:
            self.password = SecretStr(_secret(self.password_file, "ENLIST_SMS_PASSWORD_FILE"))
        if self.driver == "http" and not self.url:
            raise ValueError("ENLIST_SMS_URL must be given for the driver http")
        if self.driver == "twilio" and not (
            self.user and self.password.get_secret_value() and self.sender
        ):
            raise ValueError(
                "ENLIST_SMS_USER, _PASSWORD or _PASSWORD_FILE, and _SENDER must be given for the "
                "driver twilio"
            )
        return self


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="ENLIST_", use_attribute_docstrings=True, extra="ignore"
    )

    data: Path = Path("enlist-data")
    """Folder for keys, the certificate authority and, by default, the database."""
    database: str = ""
    """`postgresql://…`; empty for SQLite in the data folder."""
    database_file: Path | None = None
    """A file with the database URL, if it holds a password."""
    http: str = "127.0.0.1:8000"
    """Where the web listener listens: console, portal, enrollment page, API."""
    device: str = "127.0.0.1:8443"
    """Where the device listener listens: TLS with optional client certificates."""
    public_url: str = ""
    """Address that people use; mails and links are made of it. Needed behind a proxy."""
    device_url: str = ""
    """Address that devices use."""
    pki_url: str = ""
    """Address in certificates for revocation list and OCSP; default `<public-url>/pki`."""
    tls_cert: Path | None = None
    """Certificate (with chain) for the web listener."""
    tls_key: Path | None = None
    """Its private key."""
    device_name: Annotated[list[str], NoDecode] = []
    """More host names of the device listener, parted by commas, each with a certificate of its own:
    `NAME` for one of Enlist's CA, `NAME=CERTIFICATE:KEY` for files (with chain)."""
    trusted_proxy: Annotated[list[str], NoDecode] = []
    """Networks whose forwarding header is believed, on the web listener alone; in the variable,
    parted by commas."""
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """Where they name the client: `x-forwarded-for` or `forwarded` (RFC 7239); no other is read."""
    landing_hosts: Annotated[list[str], NoDecode] = []
    """Hosts to which an organization may lead people after they enrolled; parted by commas."""
    locales: Path | None = None
    """Folder with texts of your own, such as `de.po`; without, `locales` in the data folder."""
    metrics_from: Annotated[list[str], NoDecode] = ["127.0.0.0/8", "::1/128"]
    """Networks that may read `/metrics`; in the variable, parted by commas."""
    workers: int = Field(default=1, ge=1, le=64)
    """Server processes; more than one needs PostgreSQL."""
    mail_from: str = ""
    """Sender of all mails, `Name <address>`; default `enlist@<host of public-url>`."""
    api_session_minutes: int = Field(default=30, ge=1, le=1440)
    """Minutes without use after which an OpenZiti client must prove itself anew."""
    certificate_days: int = Field(default=365, ge=1, le=3650)
    """How long a device certificate lives, in days."""
    most_live_enrollments: int = Field(default=100_000, ge=1)
    """Enrollments that may be live at a time; beyond it nothing is registered or issued."""
    session_heartbeat: float = Field(default=15, ge=0.5, le=20)
    """Seconds between two heartbeats of a device session, which also ask whether it may go on."""
    session_hours: float = Field(default=24, gt=0, le=720)
    """Hours after which a device must open its session anew."""
    sessions_per_device: int = Field(default=4, ge=1, le=100)
    """Sessions that one device may hold at a time; the oldest gives way."""
    session_wakeup: bool = True
    """Whether sessions end at once when another process resets a device; else at the heartbeat."""
    outbound_allowed: Annotated[list[str], NoDecode] = []
    """Hosts with ports, parted by commas, that webhooks may be posted to whatever their addresses
    are, also without TLS: `siem.example.com:443`. Any other must have public addresses alone."""
    syslog: str = ""
    """Where every event goes as syslog (RFC 5424): `tls://siem.example.com:6514`, or
    `tcp://127.0.0.1:601` for a receiver on this machine."""
    syslog_ca_file: Path | None = None
    """Certificate of the CA that signed the receiver's certificate, if it is a private one."""
    syslog_cert: Path | None = None
    """Certificate that Enlist shows to the syslog receiver, where he asks for one."""
    syslog_key: Path | None = None
    """Key of that certificate."""
    syslog_personal: bool = True
    """Whether names and addresses of people go there too; they cannot be erased there later."""
    revocation_webhook: str = ""
    """Address that each revocation is posted to, `https://…`; `http://` for this machine alone."""
    revocation_webhook_secret: SecretStr = SecretStr("")
    """Key of its signatures: `whsec_` and 24 to 64 random bytes in base64."""
    revocation_webhook_secret_file: Path | None = None
    """A file with that key."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged."""
    log_format: Literal["console", "json"] = "console"
    """How log lines look."""
    smtp: Smtp = Field(default_factory=Smtp)
    sms: Sms = Field(default_factory=Sms)

    @field_validator(
        "device_name",
        "trusted_proxy",
        "landing_hosts",
        "metrics_from",
        "outbound_allowed",
        mode="before",
    )
    @classmethod
    def _parted(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("proxy_header", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("landing_hosts")
    @classmethod
    def _hosts(cls, value: list[str]) -> list[str]:
        for host in value:
            if not _HOST_NAME.match(host.lower()):
                raise ValueError(f"{host} is no host name, such as intranet.example.com")
        return [host.lower() for host in value]

    @field_validator("trusted_proxy", "metrics_from")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network} is no network, such as 10.0.0.0/8") from None
        return value

    @field_validator("outbound_allowed")
    @classmethod
    def _places(cls, value: list[str]) -> list[str]:
        for each in value:
            host, _, port = each.rpartition(":")
            if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"{each} must be a host and a port, such as siem.example.com:443")
        return [each.lower() for each in value]

    @field_validator("device_name")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        names = [_listener_name(text).name for text in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is given twice")
        return value

    @field_validator("public_url", "device_url", "pki_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must be an address such as https://enroll.example.com")
        return value.rstrip("/")

    @field_validator("syslog")
    @classmethod
    def _receiver(cls, value: str) -> str:
        if value:
            parts = urlsplit(value)
            near = parts.hostname in ("localhost", "127.0.0.1", "::1")
            right = parts.scheme in (("tls", "tcp") if near else ("tls",))
            if not right or not parts.hostname or not parts.port or parts.path.strip("/"):
                raise ValueError(
                    "must be tls:// with a host and a port, such as tls://siem.example.com:6514; "
                    "tcp:// is for this machine alone"
                )
        return value.rstrip("/")

    @field_validator("revocation_webhook")
    @classmethod
    def _to_be_trusted(cls, value: str) -> str:
        if value:
            parts = urlsplit(value)
            near = parts.hostname in ("localhost", "127.0.0.1", "::1")
            if (
                not parts.hostname
                or parts.port == 0
                or parts.scheme not in (("https", "http") if near else ("https",))
            ):
                raise ValueError("must be an address such as https://gateway.example.com/revoked")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.database_file is not None:
            self.database = _secret(self.database_file, "ENLIST_DATABASE_FILE")
        if self.revocation_webhook_secret_file is not None:
            name = "ENLIST_REVOCATION_WEBHOOK_SECRET_FILE"
            secret = _secret(self.revocation_webhook_secret_file, name)
            self.revocation_webhook_secret = SecretStr(secret)
        if bool(self.revocation_webhook) != bool(self.revocation_webhook_key):
            raise ValueError("revocation_webhook and its secret belong together: give both")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key belong together: give both or neither")
        if (self.syslog_cert is None) != (self.syslog_key is None):
            raise ValueError("syslog_cert and syslog_key belong together: give both or neither")
        if self.workers > 1 and not self.database:
            raise ValueError(
                "--workers above 1 needs PostgreSQL: SQLite is one process. Give --database."
            )
        return self

    @property
    def listener_names(self) -> tuple[ListenerName, ...]:
        """What `device_name` says, taken apart."""
        return tuple(_listener_name(text) for text in self.device_name)

    @property
    def revocation_webhook_key(self) -> bytes:
        """What the webhook's secret stands for; empty for none.

        Raises:
            ValueError: it is not `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks).
        """
        text = self.revocation_webhook_secret.get_secret_value()
        if not text:
            return b""
        wrong = ValueError("revocation_webhook_secret: whsec_ and 24 to 64 random bytes in base64")
        try:
            key = b64decode(text.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise wrong from None
        if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
            raise wrong
        return key

    @property
    def channels(self) -> frozenset[str]:
        """The ways to send messages that are set up."""
        given = {"email": self.smtp.host, "sms": self.sms.driver}
        return frozenset(channel for channel, value in given.items() if value)

    @property
    def sqlite_path(self) -> Path:
        """The SQLite file, where no other database is set."""
        return self.data / "enlist.sqlite3"

    @property
    def database_url(self) -> str:
        """The database as a URL, for migrations."""
        return self.database or f"sqlite:///{self.sqlite_path.absolute()}"


def variables() -> frozenset[str]:
    """Every variable of the environment that is a setting."""
    sections: dict[str, type[BaseSettings]] = {"smtp": Smtp, "sms": Sms}
    names = {f"ENLIST_{name.upper()}" for name in Settings.model_fields if name not in sections}
    for section, model in sections.items():
        names |= {f"ENLIST_{section}_{name}".upper() for name in model.model_fields}
    return frozenset(names)


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Names that look like settings of Enlist and are none: most likely mistyped."""
    known = variables()
    return sorted(
        name for name in environment if name.startswith("ENLIST_") and name.upper() not in known
    )


def _listener_name(text: str) -> ListenerName:
    """`NAME` or `NAME=CERTIFICATE:KEY`."""
    name, files, both = text.partition("=")
    name = name.strip().lower()
    if _HOST_NAME.match(name) is None:
        raise ValueError(f"{name or text} is no host name, such as devices.example.com")
    if not files:
        return ListenerName(name)
    certificate, _, key = (part.strip() for part in both.partition(":"))
    if not certificate or not key:
        raise ValueError(f"{text} must be NAME or NAME=CERTIFICATE:KEY, the two being files")
    return ListenerName(name, Path(certificate), Path(key))


def _secret(path: Path, name: str) -> str:
    """A secret from a file; its absence is an error, never an empty secret."""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ValueError(f"{name}: cannot read {path}: {error.strerror}") from error
