"""The Grafana board *Claims at a glance*, as data; `streams.generated_files` writes it to ops/grafana/dashboards.

Titles say what is shown, descriptions what it means for the one who looks. Every metric is of `streams.metrics`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "claimstream-prometheus"}
COLUMNS = 24

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
OUTCOME_COLORS = {"accepted": GREEN, "flagged": ORANGE, "denied-risk": RED}

RATE = "[$__rate_interval]"
RANGE = "[$__range]"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression; `legend` names its series by their labels, as in `{{source}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its kind in Grafana's words, its queries, its unit, and how wide it is of 24 columns.

    `steps` are the values from which a color holds, the first from minus infinity; `now` shows only the latest value.
    """

    kind: str
    title: str
    description: str
    queries: Sequence[Query]
    width: int
    unit: str = "short"
    height: int = 7
    decimals: int | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[tuple[float | None, str]] = ((None, GREEN),)
    stacked: str = "none"
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    columns: Sequence[str] = ()
    maximum: float | None = None

    @property
    def now(self) -> bool:
        """Whether one value a series is asked for, rather than its course."""
        return self.kind in {"stat", "bargauge", "table"}


def _stat(title: str, description: str, expr: str, **more: Any) -> Panel:
    return Panel("stat", title, description, [Query(expr)], width=4, height=4, **more)


def _lines(title: str, description: str, *queries: Query, width: int = 12, unit: str, **more: Any) -> Panel:
    return Panel("timeseries", title, description, queries, width=width, unit=unit, **more)


def _bars(title: str, description: str, query: Query, *, width: int = 8, unit: str = "short", **more: Any) -> Panel:
    return Panel("bargauge", title, description, [query], width=width, unit=unit, decimals=0, **more)


def _table(title: str, description: str, expr: str, columns: Sequence[str], *, width: int = 8) -> Panel:
    return Panel("table", title, description, [Query(expr)], width=width, columns=columns)


def _percentile(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(claims_decision_seconds_bucket{RATE})))"


ROWS: Mapping[str, Sequence[Panel]] = {
    "Now": [
        _stat("Decided", "Claims decided a second.", f"sum(rate(claims_decided_total{RATE}))", unit="cps", decimals=1,
              steps=((None, BLUE),)),
        _stat("At risk of denial", "Share of the decided claims whose outcome is denied-risk, over the time shown.",
              f'sum(increase(claims_decided_total{{outcome="denied-risk"}}{RANGE})) / '
              f"sum(increase(claims_decided_total{RANGE}))", unit="percentunit", decimals=1, steps=((None, RED),)),
        _stat("Dollars at risk", "Charges with a finding, over the time shown; a line with two findings counts twice.",
              f"sum(increase(claims_amount_at_risk_dollars_total{RANGE}))", unit="currencyUSD", decimals=1,
              steps=((None, ORANGE),)),
        _stat("99 of 100 decided within", "From the arrival of a claim to its acknowledged decision.",
              _percentile(0.99), unit="s", decimals=0, steps=((None, GREEN), (0.06, ORANGE), (1, RED))),
        _stat("Waiting", "Records not done yet, on both topics that are read.", "sum(claims_lag_records)", decimals=0,
              steps=((None, GREEN), (1000, ORANGE), (10000, RED))),
        _stat("State", "Whether all workers have rebuilt the state of patients; on cold state nothing is decided.",
              "min(claims_state_warm)", steps=((None, RED), (1, GREEN)),
              words={"0": ("rebuilding", RED), "1": ("warm", GREEN)}),
    ],
    "Flow": [
        _lines("Received", "Items found in received records, by source, read or not.",
               Query(f"sum by (source) (rate(claims_received_total{RATE}))", "{{source}}"), unit="cps", width=7,
               stacked="normal"),
        _lines("Formats", "Items found in received records, by format; unknown is what is no claim at all.",
               Query(f"sum by (format) (rate(claims_received_total{RATE}))", "{{format}}"), unit="cps", width=6),
        _lines("Rejected", "Items that could not be read, by code. Each is kept as a dead letter.",
               Query(f"sum by (code) (rate(claims_rejected_total{RATE}))", "{{code}}"), unit="cps", width=6),
        _bars("Since the last record", "How long each source has been silent.",
              Query("time() - max by (source) (claims_last_received_timestamp_seconds)", "{{source}}"),
              unit="s", width=5, steps=((None, GREEN), (3600, ORANGE), (86400, RED))),
    ],
    "Outcomes": [
        _lines("Decisions", "First decisions a second, by outcome.",
               Query(f"sum by (outcome) (rate(claims_decided_total{RATE}))", "{{outcome}}"), unit="cps", width=8,
               stacked="normal", colors=OUTCOME_COLORS),
        _lines("Share of outcomes", "What part of the decisions each outcome is.",
               Query(f"sum by (outcome) (rate(claims_decided_total{RATE})) / on () group_left () "
                     f"sum(rate(claims_decided_total{RATE}))", "{{outcome}}"), unit="percentunit", width=8,
               stacked="normal", colors=OUTCOME_COLORS, maximum=1),
        _lines("Lines of business", "First decisions a second, by line of business; events met again; revisions.",
               Query(f"sum by (line_of_business) (rate(claims_decided_total{RATE}))", "{{line_of_business}}"),
               Query(f"sum(rate(claims_redelivered_total{RATE}))", "met again"),
               Query(f"sum by (cause) (rate(claims_revised_total{RATE}))", "revised: {{cause}}"), unit="cps", width=8),
    ],
    "Findings": [
        _bars("Dollars at risk by family", "Charges with a finding of each family of rules, over the time shown.",
              Query(f"sort_desc(sum by (family) (increase(claims_amount_at_risk_dollars_total{RANGE})))", "{{family}}"),
              unit="currencyUSD", height=8, steps=((None, ORANGE),)),
        _bars("Top rules", "The ten rules with most findings, over the time shown.",
              Query(f"topk(10, sum by (rule) (increase(claims_findings_total{RANGE})))", "{{rule}}"), height=8,
              steps=((None, BLUE),)),
        _lines("Not checked", "Checks left out because a fact or table is missing, by family; never counted as passed.",
               Query(f"sum by (family) (rate(claims_not_checked_total{RATE}))", "{{family}}"), unit="cps", width=8,
               height=8),
    ],
    "Latency": [
        _lines("From arrival to decision", "Half, 95 and 99 of 100 decisions are acknowledged within this time.",
               Query(_percentile(0.5), "half"), Query(_percentile(0.95), "95 of 100"),
               Query(_percentile(0.99), "99 of 100"), unit="s",
               colors={"half": GREEN, "95 of 100": ORANGE, "99 of 100": RED}),
        _lines("One chunk by stage", "Mean time of a chunk: intake and validate compute, confirm waits for Kafka.",
               Query(f"sum by (stage) (rate(claims_stage_seconds_sum{RATE})) / "
                     f"sum by (stage) (rate(claims_stage_seconds_count{RATE}))", "{{stage}}"), unit="s"),
    ],
    "Lag": [
        _lines("Waiting records", "Records that are read and not done yet, by topic.",
               Query("sum by (topic) (claims_lag_records)", "{{topic}}"), unit="short"),
        _lines("Waiting time", "Age of the oldest record in hand, by topic.",
               Query("max by (topic) (claims_lag_seconds)", "{{topic}}"), unit="s"),
    ],
    "Trouble": [
        _bars("Dead letters by code", "Records and claims put aside with their original bytes, over the time shown.",
              Query(f"sort_desc(sum by (code) (increase(claims_dead_letters_total{RANGE})) > 0)", "{{code}}"),
              width=7, steps=((None, ORANGE),)),
        _lines("Tried again", "Tries again after trouble with Kafka, a second; nothing is lost meanwhile.",
               Query(f"sum by (topic) (rate(claims_broker_retries_total{RATE}))", "{{topic}}"), unit="cps", width=7),
        _bars("Rule errors", "Claims on which a rule raised an error, a defect; the five worst, over the time shown.",
              Query(f"topk(5, sum by (rule) (increase(claims_rule_errors_total{RANGE})))", "{{rule}}"),
              width=6, steps=((None, GREEN), (1, RED))),
        _stat("Unaccounted", "Records passed of which nothing says what became of them; ever 0, or claims are lost.",
              "sum(claims_unaccounted_records)", decimals=0, steps=((None, GREEN), (1, RED))),
    ],
    "State and versions": [
        _lines("State entries", "Events kept in the state of patients, all workers together.",
               Query("sum by (store) (claims_state_entries)", "{{store}}"), unit="short", width=8),
        _table("Rules in force", "The ruleset of each worker; more than one hash means that workers judge differently.",
               "claims_ruleset_info", ("instance", "version", "sha256")),
        _table("Reference data", "The tables loaded, and the vintage of each.",
               "max by (name, vintage) (claims_reference_data_info)", ("name", "vintage")),
    ],
}  # fmt: skip


def board() -> dict[str, Any]:
    """The board in Grafana's own form."""
    return {
        "uid": "claims-at-a-glance",
        "title": "Claims at a glance",
        "description": "Generated by streams/dashboards.py; run `make generate` after a change there.",
        "tags": ["claimstream"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": list(_laid_out()),
    }


def _laid_out() -> Iterable[dict[str, Any]]:
    """Rows one below the other, the panels of a row side by side."""
    number, top = 1, 0
    for title, panels in ROWS.items():
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place}
        number, top, left = number + 1, top + 1, 0
        for panel in panels:
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": place} | _panel(panel)
            number, left = number + 1, left + panel.width
        top += max(panel.height for panel in panels)


def _panel(panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "targets": [_target(panel, query, ref) for query, ref in zip(panel.queries, "ABCDEF", strict=False)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _OPTIONS[panel.kind],
    }
    if panel.columns:
        shown = {"include": {"names": list(panel.columns)}}
        made["transformations"] = [{"id": "filterFieldsByName", "options": shown}]
    return made


def _target(panel: Panel, query: Query, ref: str) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or panel.title,
        "instant": panel.now,
        "range": not panel.now,
        "format": "table" if panel.columns else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.words:
        options = {value: {"text": text, "color": color} for value, (text, color) in panel.words.items()}
        defaults["mappings"] = [{"type": "value", "options": options}]
    if panel.kind == "timeseries":
        defaults["color"] = {"mode": "palette-classic"}
        defaults["custom"] = {
            "fillOpacity": 10 if panel.stacked == "none" else 40,
            "lineWidth": 1,
            "showPoints": "never",
            "stacking": {"mode": panel.stacked, "group": "A"},
        }
    else:
        defaults["color"] = {"mode": "thresholds"}
        steps = [{"value": value, "color": color} for value, color in panel.steps]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return defaults


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    return [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
        }
        for name, color in panel.colors.items()
    ]


_LATEST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Mapping[str, dict[str, Any]] = {
    "stat": {"reduceOptions": _LATEST, "colorMode": "value", "graphMode": "none", "textMode": "value"},
    "bargauge": {"reduceOptions": _LATEST, "orientation": "horizontal", "displayMode": "basic", "valueMode": "text"},
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"cellHeight": "sm", "showHeader": True},
}
