"""The dashboard and the alerts ask for metrics that exist, and leave none of ours unseen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import REGISTRY

import enlist.delivery.worker
import enlist.web.app
import enlist.wiring.revocation_webhook
import enlist.wiring.sealer
import enlist.wiring.signers
import enlist.wiring.syslog
import enlist.wiring.webhooks  # noqa: F401 - all of these register metrics

MONITORING = Path(__file__).resolve().parents[2] / "packaging" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text())
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
NAME = re.compile(r"\benlist_\w+")
LABELS = re.compile(r"\b(enlist_\w+)\{([^}]*)\}")


def asked() -> set[str]:
    """Every metric that a panel or a rule asks for."""
    texts = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return set(NAME.findall(" ".join([*texts, *(rule["expr"] for rule in RULES)])))


def offered() -> dict[str, Any]:
    """Sample name to metric, of all that are ours."""
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return {
        metric.name + suffix: metric
        for metric in REGISTRY.collect()
        if metric.name.startswith("enlist_")
        for suffix in suffixes[metric.type]
    }


def test_what_is_asked_for_exists() -> None:
    assert asked() <= set(offered())


def test_every_metric_is_shown() -> None:
    shown = {offered()[name].name for name in asked()}
    assert shown == {metric.name for metric in offered().values()}


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_labels_are_those_of_the_metric(panel: dict[str, Any]) -> None:
    declared = {
        collector._name: set(collector._labelnames)  # type: ignore[attr-defined]
        for collector in REGISTRY._collector_to_names
        if hasattr(collector, "_labelnames")
    }
    for target in panel["targets"]:
        for name, matchers in LABELS.findall(target["expr"]):
            labels = set(re.findall(r"(\w+)=", matchers))
            assert labels <= declared[offered()[name].name], name


def test_every_alert_is_explained() -> None:
    guide = (MONITORING.parents[1] / "docs" / "how-to" / "monitor.md").read_text()
    explained = re.findall(r"^\| (Enlist\w+) \|", guide, re.MULTILINE)
    assert explained == [rule["alert"] for rule in RULES]


def test_what_is_read_about_is_called_as_it_is_scraped() -> None:
    """A rule on `enlist_log_faults` would never fire: the sample is `enlist_log_faults_total`."""
    histograms = {each.name for each in offered().values() if each.type == "histogram"}
    pages = sorted((MONITORING.parents[1] / "docs").glob("*/*.md"))
    named = {name for page in pages for name in re.findall(r"`(enlist_\w+)`", page.read_text())}
    assert len(named) > 15
    assert named <= set(offered()) | histograms
