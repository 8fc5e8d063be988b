"""What the repository asks of Prometheus, and which series a worker has to answer with."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus_client import CollectorRegistry

from streams.metrics import Metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "ops" / "prometheus"
BOARD = ROOT / "ops" / "grafana" / "dashboards" / "claims-at-a-glance.json"
OF_PROMETHEUS = {"up": {"job", "instance"}}
ON_EVERY_SERIES = {"job", "instance"}

_METRIC = re.compile(r"\b(?:claims_\w+|up\b)")
_SELECTOR = re.compile(r"\b(claims_\w+|up)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|group_left)\s*\(([^)]*)\)")


class Asked(NamedTuple):
    """One expression of the board, with the panel it stands in."""

    panel: str
    expr: str


def board() -> dict[str, Any]:
    return json.loads(BOARD.read_text())


def panels() -> list[dict[str, Any]]:
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def of_the_board() -> list[Asked]:
    return [Asked(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def alerts() -> list[dict[str, Any]]:
    files = sorted((PROMETHEUS / "rules").glob("*.yaml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def series() -> dict[str, set[str]]:
    """Every series a worker can show, with the labels it has of its own."""
    found: dict[str, set[str]] = dict(OF_PROMETHEUS)
    for collector in Metrics(CollectorRegistry()).registry._collector_to_names:
        labels = set(collector._labelnames)
        match collector._type:
            case "counter":
                found[collector._name + "_total"] = labels
            case "info":
                found[collector._name + "_info"] = {"version", "sha256"}
            case "histogram":
                parts = {"_bucket": labels | {"le"}, "_sum": labels, "_count": labels}
                found |= {collector._name + part: names for part, names in parts.items()}
            case _:
                found[collector._name] = labels
    return found


def metrics_in(expr: str) -> set[str]:
    return set(_METRIC.findall(expr))


def faults_of(expr: str) -> list[str]:
    """Metrics and labels of an expression that no worker has."""
    known = series()
    faults = sorted(metrics_in(expr) - known.keys())
    if faults:
        return faults
    for metric, matchers in _SELECTOR.findall(expr):
        faults += sorted(set(_LABEL.findall(matchers)) - known[metric] - ON_EVERY_SERIES)
    available = set().union(ON_EVERY_SERIES, *(known[metric] for metric in metrics_in(expr)))
    for names in _GROUPING.findall(expr):
        faults += sorted({name.strip() for name in names.split(",") if name.strip()} - available)
    return faults
