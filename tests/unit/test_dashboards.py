"""Dashboards, alert rules and their description name only what the programs answer."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from haechi.cloud.event_broker.meters import Meters
from haechi.contract.control import ComponentStatus
from haechi.edge import metrics
from haechi.edge.outbox import Figures

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"\b(?:haechi|process)_[a-z_]+\b")


def answered() -> set[str]:
    """Return every name that a gateway or the cloud answers, with the suffixes of histograms."""
    page = metrics.page(
        software="",
        figures=Figures(1, 1, 1, 1, 1, 1, 1, 1, {"quota": 1}, {"quota": 1}, 1),
        components=(ComponentStatus(id="uplink", kind="mqtt", state="running", counters={"connections": 1}),),
        retries={},
        problems=0,
        in_memory=False,
        connected=True,
        in_flight=0,
        now_us=0,
    )
    names = {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
    registry = CollectorRegistry()
    Meters(registry)
    for family in registry.collect():
        names |= {
            "counter": {f"{family.name}_total"},
            "histogram": {family.name, f"{family.name}_bucket"},
        }.get(family.type, {family.name})
    return names


def expressions(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        board = json.loads(text)
        queries = [variable["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
        return queries + [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    if path.suffix == ".yml":
        return [rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("name", ["grafana/gateways.json", "grafana/cloud.json", "grafana/alerts.yml", "metrics.md"])
def test_every_metric_that_is_named_exists(name: str) -> None:
    named = {found for expression in expressions(DOCS / name) for found in NAME.findall(expression)}
    assert len(named) >= 7
    assert named <= answered()


def test_every_metric_is_described() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    described = set(NAME.findall(text))
    assert {name.removesuffix("_bucket") for name in answered()} <= described


def test_counters_of_the_uplink_in_the_rules_are_counted() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (DOCS.parent / "edge/haechi/edge/uplink").glob("*.py")
    )
    named = {
        counter
        for name in ("grafana/gateways.json", "grafana/alerts.yml")
        for expression in expressions(DOCS / name)
        for counter in re.findall(r'counter="([a-z_]+)"', expression)
    }
    assert named
    assert all(f'"{counter}"' in source for counter in named)
