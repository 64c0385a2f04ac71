"""The real Prometheus reads our alerts, fires them when it should, and answers our dashboard."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]

from tests.architecture.source import ROOT
from tests.peers.base import DEADLINE, find_program, finish, free_port, launch, wait_until
from tests.serving import Server, StartServer

pytestmark = pytest.mark.peer("prometheus")

MONITORING = ROOT / "packaging" / "monitoring"
ALERTS = MONITORING / "alerts.yml"
PANELS = json.loads((MONITORING / "grafana.json").read_text())["panels"]
RULES = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]

MINUTES = 40
WELL = {
    'up{job="enlist"}': "1x40",
    "enlist_faults_total": "3x40",
    "enlist_delivery_faults_total": "0x40",
    "enlist_log_faults_total": "0x40",
    'enlist_messages_total{outcome="failed"}': "2x40",
    "enlist_syslog_lag_seconds": "0x40",
    'enlist_messages_total{outcome="sent"}': "0+7x40",
    'enlist_http_request_seconds_bucket{listener="web",le="1"}': "0+100x40",
    'enlist_http_request_seconds_bucket{listener="web",le="2.5"}': "0+100x40",
    'enlist_http_request_seconds_bucket{listener="web",le="+Inf"}': "0+100x40",
}
"""A series a minute, as promtool writes it: `start+step x times`."""
AMISS = {
    "EnlistDown": {'up{job="enlist"}': "1x30 0x10"},
    "EnlistFault": {"enlist_faults_total": "3x35 4x5"},
    "EnlistLogDoesNotFit": {"enlist_log_faults_total": "0x35 1x5"},
    "EnlistMessagesFail": {'enlist_messages_total{outcome="failed"}': "0x35 1x5"},
    "EnlistSyslogBehind": {"enlist_syslog_lag_seconds": "0x20 1000x20"},
    "EnlistSlow": {'enlist_http_request_seconds_bucket{listener="web",le="1"}': "0+90x40"},
}


def promtool(*words: str, folder: Path) -> str:
    command = [find_program("promtool") or "promtool", *words]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_rules_are_rules(tmp_path: Path) -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", str(ALERTS), folder=tmp_path)


def fires(series: dict[str, str], expected: list[str], folder: Path) -> None:
    """After forty minutes of these series just these alerts fire."""
    annotations = {rule["alert"]: rule["annotations"] for rule in RULES}
    labels = {rule["alert"]: rule["labels"] for rule in RULES}

    def told(alert: str) -> dict[str, Any]:
        of_series = {"job": "enlist"} if alert == "EnlistDown" else {}
        of_series |= {"outcome": "failed"} if alert == "EnlistMessagesFail" else {}
        return {
            "exp_labels": {**labels[alert], **of_series},
            "exp_annotations": annotations[alert],
        }

    test = {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values} for name, values in {**WELL, **series}.items()
        ],
        "alert_rule_test": [
            {
                "eval_time": f"{MINUTES}m",
                "alertname": rule["alert"],
                "exp_alerts": [told(rule["alert"])] if rule["alert"] in expected else [],
            }
            for rule in RULES
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": [test]}))
    promtool("test", "rules", str(file), folder=folder)


def test_no_alert_fires_while_all_is_well(tmp_path: Path) -> None:
    fires({}, [], tmp_path)


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_an_alert_fires_when_it_should(alert: str, tmp_path: Path) -> None:
    fires(AMISS[alert], [alert], tmp_path)


@dataclass(frozen=True)
class Scraper:
    """A Prometheus that scrapes a server each second."""

    url: str

    def get(self, path: str, **query: str) -> httpx2.Response:
        """What it says under an address of its own."""
        return httpx2.get(f"{self.url}/{path}", params=query, timeout=DEADLINE, trust_env=False)

    def ask(self, expression: str) -> list[Any]:
        """What it answers now; an expression that it does not understand fails."""
        answer = self.get("api/v1/query", query=expression)
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[Any] = answer.json()["data"]["result"]
        return found

    def has_scraped(self) -> bool:
        try:
            ready = self.get("-/ready").status_code == 200
        except httpx2.TransportError:
            return False
        scrapes = self.ask("sum_over_time(up[5m])") if ready else []
        return bool(scrapes) and int(scrapes[0]["value"][1]) >= 3


@pytest.fixture
def scraper(start_server: StartServer, tmp_path: Path) -> Iterator[tuple[Server, Scraper]]:
    server = start_server()
    target = server.url.partition("//")[2]
    job = {"job_name": "enlist", "static_configs": [{"targets": [target]}]}
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [job],
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    port, log = free_port(), tmp_path / "prometheus.log"
    command = [find_program("prometheus") or "prometheus", f"--config.file={file}"]
    command += [f"--storage.tsdb.path={tmp_path / 'tsdb'}", "--log.level=warn"]
    process = launch([*command, f"--web.listen-address=127.0.0.1:{port}"], log)
    try:
        found = Scraper(f"http://127.0.0.1:{port}")
        wait_until(found.has_scraped, "Prometheus", log=log, process=process)
        yield server, found
    finally:
        finish(process)


def test_a_prometheus_answers_the_dashboard_and_the_alerts(
    scraper: tuple[Server, Scraper],
) -> None:
    """Of a server that did nothing yet: a figure that is missing then shows no alert later.

    A real scrape each second: the whole takes about five.
    """
    _server, prometheus = scraper
    asked = [target["expr"] for panel in PANELS for target in panel["targets"]]
    asked += [re.split(" > | == ", rule["expr"])[0] for rule in RULES]
    for expression in asked:
        # On a busy machine many scrapes take longer than the second that they may.
        assert prometheus.ask(re.sub(r"\$__(range|rate_interval)", "5m", expression)), expression
    expected = [(rule["alert"], "ok", "inactive") for rule in RULES]

    def rules() -> list[tuple[str, str, str]]:
        (group,) = prometheus.get("api/v1/rules").json()["data"]["groups"]
        return [(each["name"], each["health"], each["state"]) for each in group["rules"]]

    # Each is evaluated for the first time after the first scrapes.
    wait_until(lambda: rules() == expected, "every rule, evaluated and inactive,")
