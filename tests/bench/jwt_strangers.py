"""Whether the time of an answer tells a stranger which one-time JWT there once was (D55).

As `strangers`, for OpenZiti's address on the device listener: a token that never was, and those of
what has been deleted, hear the same words. Used, replaced and expired ones hear others, being told
to whom holds them (ruling 14), so their time tells nothing more. The connection is made beforehand:
a TLS handshake takes ten times as long as the answer, and each time another while.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import time
import uuid
from functools import partial
from pathlib import Path

from enlist.core.caller import Caller
from enlist.core.model import GrantKind
from enlist.settings import Settings
from enlist.verbs.callers import host_caller
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import Driver
from enlist.verbs.issuing import Delivery
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.register import Register
from enlist.verbs.reissue import DeleteEnrollment
from enlist.wiring.installation import open_installation
from tests.bench.redeem import beginning, must, served
from tests.bench.strangers import CONTROL, FIRST, SAMPLES, USER, Ways, close, show
from tests.peers.base import free_port
from tests.requests import request_pem


def run(folder: Path, database: str, store: str) -> bool:
    """Measure and print; whether the medians lie close together."""
    ways, port = prepare(folder, database), free_port()
    with served(folder, database, 1, "--device", f"127.0.0.1:{port}"):
        found = measure(port, folder / "pki" / "root.pem", ways)
    show(f"{store}, a one-time JWT", found)
    return close(found)


def measure(port: int, authority: Path, ways: Ways) -> dict[str, list[float]]:
    """Milliseconds of each answer, by what was wrong; the first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    trusting = ssl.create_default_context(cafile=authority)
    first = int(ipaddress.IPv4Address("127.1.0.1"))
    for number in range(SAMPLES // len(ways) + 1):
        # Another address for each round: whoever guesses on has to wait.
        source = (str(ipaddress.IPv4Address(first + number)), 0)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=30, source_address=source, context=trusting
        )
        connection.connect()
        turn = number % len(ways)
        for name in [*found][turn:] + [*found][:turn]:  # the first on a connection takes longer
            took = _ask(connection, ways[name]())
            if number:
                found[name].append(took)
        connection.close()
    return found


def _ask(connection: http.client.HTTPSConnection, asked: dict[str, object]) -> float:
    started = time.perf_counter()
    connection.request(
        "POST",
        f"/edge/client/v1/enroll?method=ott&token={asked['token']}",
        body=str(asked["csr"]),
        headers={"content-type": "application/x-pem-file"},
    )
    answer = connection.getresponse()
    said = answer.read()
    took = (time.perf_counter() - started) * 1000
    if answer.status != 400 or b"INVALID_ENROLLMENT_TOKEN" not in said:
        raise RuntimeError(f"void: {asked} was answered {answer.status} {said!r}")
    return took


def prepare(folder: Path, database: str) -> Ways:
    """An installation in which there were JWTs, and requests with what is left of them."""
    settings = Settings(data=folder, database=database)
    installation = open_installation(settings, beginning=beginning())
    driver = installation.driver
    host = installation.store.read(lambda tx: host_caller(tx, "bench"))
    _, enrollment, deleted = issue(driver, host)
    must(driver.perform(DeleteEnrollment(enrollment), host))
    device, _, gone = issue(driver, host)
    must(driver.perform(DeleteDevice(device), host))
    installation.close()
    csr = request_pem(1).decode()

    def asks(token: str = "") -> dict[str, object]:
        return {"token": token or str(uuid.uuid4()), "csr": csr}

    return {
        FIRST: asks,
        CONTROL: asks,
        "deleted enrollment": partial(asks, deleted),
        "deleted device": partial(asks, gone),
    }


def issue(driver: Driver, host: Caller) -> tuple[str, str, str]:
    """Device, enrollment, and the `jti` of its JWT."""
    details = DeviceDetails("device", "linux")
    verb = Register("", USER, details, Delivery("none"), grant=GrantKind.ONE_TIME_JWT)
    issued = must(driver.perform(verb, host))
    shown = must(driver.perform(ShowJwt(issued.enrollment_id), host))
    return issued.device_id, issued.enrollment_id, shown.jti.reveal()
