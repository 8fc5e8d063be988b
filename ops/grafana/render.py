"""Draw the board without Grafana: a real worker on the embedded Kafka, a real Prometheus, and Chromium for the picture.

`python ops/grafana/render.py [SECONDS]` feeds made-up claims for that long (300 by default) and writes
ops/grafana/claims-at-a-glance.png. It needs prometheus and chromium: `ops/install-debian.sh prometheus chromium`.
"""

# ruff: noqa: INP001 - a script, no part of a package

import asyncio
import html
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams import clock
from streams.dashboards import COLUMNS, board
from streams.demo.feeding import Sent, send
from streams.demo.generator import FeedRecord, feed
from streams.demo.worker import DemoWorker
from streams.embedded_kafka import EmbeddedKafka, free_port
from streams.topics import Topics, apply_topics

HERE = Path(__file__).parent
PICTURE = HERE / "claims-at-a-glance.png"
STEP_SECONDS = 5
WIDTH, UNIT, GAP, MARGIN = 1360, 26, 6, 12
PACES = (20, 30, 45, 60, 75, 55, 40, 25)
"""Claims a second, each for ten seconds, over and over."""

BURST = 2500
COLORS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
PALETTE = (
    "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a",
    "#447ebc", "#c15c17",
)  # fmt: skip
STYLE = """
* { box-sizing: border-box; margin: 0 }
body { background: #111217; color: #ccccdc; font: 12px 'DejaVu Sans', 'Liberation Sans', sans-serif }
h1 { font-size: 18px; font-weight: 600; position: absolute; left: 14px; top: 12px }
h1 + p { position: absolute; right: 14px; top: 16px; color: #8e8e9c }
section { position: absolute; background: #181b1f; border: 1px solid #26282e; border-radius: 3px; padding: 6px 10px;
  overflow: hidden }
h2 { font-size: 12px; font-weight: 600; margin-bottom: 4px; white-space: nowrap }
.row { position: absolute; font-size: 13px; font-weight: 600; padding: 6px 2px; color: #e0e0ea }
.stat { font-size: 34px; font-weight: 600; text-align: center; padding-top: 12px }
.legend { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 11px; line-height: 15px; color: #b4b4c0 }
.legend i { display: inline-block; width: 10px; height: 3px; margin-right: 5px; vertical-align: middle }
.bar { display: grid; grid-template-columns: 36% 1fr 66px; align-items: center; font-size: 11px; gap: 8px }
.bar b { display: block; height: 72%; min-width: 2px; border-radius: 1px }
.bar span:last-child { text-align: right; font-weight: 600 }
table { border-collapse: collapse; width: 100%; font-size: 11px; table-layout: fixed }
td, th { text-align: left; padding: 4px 6px 4px 0; border-bottom: 1px solid #26282e; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap }
svg text { fill: #8e8e9c; font-size: 10px }
"""

Series = list[tuple[str, list[tuple[float, float]]]]


class Prometheus:
    """A Prometheus of its own with the repository's configuration, and the window that is drawn."""

    def __init__(self, folder: Path, worker_port: int) -> None:
        shutil.copytree(HERE.parent / "prometheus", folder)
        targets = [{"targets": [f"127.0.0.1:{worker_port}"]}]
        (folder / "targets" / "workers.yaml").write_text(json.dumps(targets))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api/v1/"
        self.began = clock.seconds()
        files = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                ["prometheus", *files, f"--web.listen-address=127.0.0.1:{port}"],  # noqa: S607 - as the PATH has it
                stdout=log, stderr=log,
            )  # fmt: skip

    def answers(self, target: dict[str, Any], end: float) -> Any:
        """What Prometheus answers to one query of the board."""
        window = f"{int(end - self.began)}s"
        expr = target["expr"].replace("$__rate_interval", f"{4 * STEP_SECONDS}s").replace("$__range", window)
        if target["instant"]:
            return self._get("query", query=expr, time=end)
        start = self.began + 4 * STEP_SECONDS
        return self._get("query_range", query=expr, start=start, end=end, step=STEP_SECONDS)

    def _get(self, path: str, **parameters: Any) -> Any:
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())["data"]["result"]


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit, as short as Grafana writes it."""
    if unit == "percentunit":
        return f"{100 * value:.{decimals or 0}f} %"
    if unit == "s" and value < 1:
        return f"{1000 * value:.0f} ms"
    sign, tail = {"currencyUSD": ("$", ""), "cps": ("", "/s"), "s": ("", " s")}.get(unit, ("", ""))
    for size, letter in ((1e6, " M"), (1e3, " K")):
        if value >= size:
            return f"{sign}{value / size:.3g}{letter}{tail}"
    figures = f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.{decimals or 1}f}"
    return f"{sign}{figures}{tail}"


def named(target: dict[str, Any], labels: dict[str, str]) -> str:
    """The legend of a series: `{{label}}` replaced."""
    text = str(target["legendFormat"])
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def color_at(panel: dict[str, Any], value: float) -> str:
    """The color of the last threshold a value reaches."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLORS[reached[-1]]


def stat(panel: dict[str, Any], answers: list[Any]) -> str:
    """One number, or the word it stands for."""
    defaults = panel["fieldConfig"]["defaults"]
    value = float(answers[0][0]["value"][1])
    words = {key: each for mapping in defaults.get("mappings", []) for key, each in mapping["options"].items()}
    word = words.get(f"{value:.0f}")
    text = word["text"] if word else shown(value, defaults["unit"], defaults.get("decimals"))
    return f'<div class="stat" style="color:{color_at(panel, value)}">{html.escape(text)}</div>'


def bars(panel: dict[str, Any], answers: list[Any]) -> str:
    """A bar a series."""
    unit, target = panel["fieldConfig"]["defaults"]["unit"], panel["targets"][0]
    found = [(named(target, each["metric"]), float(each["value"][1])) for each in answers[0]]
    most = max([value for _, value in found], default=0) or 1
    height = min(26, (panel["gridPos"]["h"] * UNIT - 44) / max(len(found), 1))
    parts = []
    for name, value in found:
        bar = f'<b style="width:{100 * value / most:.1f}%;background:{color_at(panel, value)}"></b>'
        figure = shown(round(value), unit)
        parts.append(f"<span>{html.escape(name)}</span>{bar}<span>{figure}</span>")
    return "".join(f'<div class="bar" style="height:{height:.1f}px">{part}</div>' for part in parts)


def table(panel: dict[str, Any], answers: list[Any]) -> str:
    """The labels of each series, a row each."""
    columns = panel["transformations"][0]["options"]["include"]["names"]
    head = "".join(f"<th>{name}</th>" for name in columns)
    rows = [[each["metric"][name] for name in columns] for each in answers[0]]
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def stacked(series: Series) -> Series:
    """Each series on top of those before it."""
    below: dict[float, float] = {}
    piled: Series = []
    for name, points in series:
        for at, value in points:
            below[at] = below.get(at, 0) + value
        piled.append((name, [(at, below[at]) for at, _ in points]))
    return piled


@dataclass(frozen=True, slots=True)
class Plane:
    """Where instants and values lie on a chart of this size in pixels."""

    window: tuple[float, float]
    top: float
    width: float
    height: float
    left: float = 48.0

    def x(self, at: float) -> float:
        """Pixels from the left."""
        start, end = self.window
        return self.left + (at - start) / (end - start) * (self.width - self.left)

    def y(self, value: float) -> float:
        """Pixels from above."""
        return self.height - 16 - min(value / self.top, 1) * (self.height - 22)

    def axes(self, unit: str) -> str:
        """Lines and figures at four heights, and the minutes."""
        parts = []
        for value in (self.top * tick / 4 for tick in range(5)):
            parts.append(f'<path d="M{self.left} {self.y(value):.1f}H{self.width}" stroke="#26282e"/>')
            at = f'x="{self.left - 6}" y="{self.y(value) + 3:.1f}"'
            parts.append(f'<text {at} text-anchor="end">{shown(value, unit)}</text>')
        for minute in range(int((self.window[1] - self.window[0]) // 60) + 1):
            at = f'x="{self.x(self.window[0] + 60 * minute):.1f}" y="{self.height - 2:.1f}"'
            parts.append(f'<text {at} text-anchor="middle">{minute} min</text>')
        return "".join(parts)

    def curve(self, points: list[tuple[float, float]], color: str, *, solid: bool) -> str:
        """A line and the area under it; a solid area hides what lies below."""
        path = "L".join(f"{self.x(at):.1f} {self.y(value):.1f}" for at, value in points)
        area = f"M{path}L{self.x(points[-1][0]):.1f} {self.y(0):.1f}L{self.x(points[0][0]):.1f} {self.y(0):.1f}Z"
        ground = f'<path d="{area}" fill="#181b1f"/>' if solid else ""
        fill = f'<path d="{area}" fill="{color}" fill-opacity="{0.45 if solid else 0.08}"/>'
        return f'{ground}{fill}<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.4"/>'


def lines(panel: dict[str, Any], answers: list[Any], window: tuple[float, float], width: float) -> str:
    """The course of every series, with axes and a legend."""
    series: Series = [
        (named(target, each["metric"]), [(at, float(value)) for at, value in each["values"] if value != "NaN"])
        for target, answer in zip(panel["targets"], answers, strict=True)
        for each in answer
    ]
    config = panel["fieldConfig"]
    defaults, overrides = config["defaults"], config["overrides"]
    fixed = {each["matcher"]["options"]: each["properties"][0]["value"]["fixedColor"] for each in overrides}
    colors = [COLORS[fixed[name]] if name in fixed else PALETTE[n % len(PALETTE)] for n, (name, _) in enumerate(series)]
    solid = defaults["custom"]["stacking"]["mode"] != "none"
    drawn = stacked(series) if solid else series
    top = defaults.get("max") or max([value for _, points in drawn for _, value in points], default=0) * 1.08 or 1
    legend_rows = 1 + sum(len(name) * 6.6 + 28 for name, _ in series) // (width - 24)
    plane = Plane(window, top, width - 24, panel["gridPos"]["h"] * UNIT - 40 - 15 * legend_rows)
    # The last of a stack is the highest: drawn first, the others lie before it.
    backwards = reversed(list(zip(drawn, colors, strict=True)))
    curves = "".join(plane.curve(points, color, solid=solid) for (_, points), color in backwards if points)
    legend = "".join(
        f'<span><i style="background:{color}"></i>{html.escape(name)}</span>'
        for (name, _), color in zip(series, colors, strict=True)
    )
    chart = f'<svg width="{plane.width}" height="{plane.height}">{plane.axes(defaults["unit"])}{curves}</svg>'
    return f'{chart}<div class="legend">{legend}</div>'


def page(prometheus: Prometheus, end: float) -> tuple[str, int]:
    """The board as one HTML page, and its height in pixels."""
    given, top, bottom = board(), 44, 0
    column = (WIDTH - 2 * MARGIN) / COLUMNS
    parts = []
    for panel in given["panels"]:
        place = panel["gridPos"]
        left, width = MARGIN + place["x"] * column, place["w"] * column - GAP
        upper, height = top + place["y"] * UNIT, place["h"] * UNIT - GAP
        bottom = max(bottom, upper + height)
        box = f"left:{left:.1f}px;top:{upper}px;width:{width:.1f}px;height:{height}px"
        title = html.escape(panel["title"])
        if panel["type"] == "row":
            parts.append(f'<div class="row" style="{box};height:{UNIT}px">{title}</div>')
            continue
        answers = [prometheus.answers(target, end) for target in panel["targets"]]
        match panel["type"]:
            case "stat":
                drawn = stat(panel, answers)
            case "bargauge":
                drawn = bars(panel, answers)
            case "table":
                drawn = table(panel, answers)
            case _:
                drawn = lines(panel, answers, (prometheus.began + 4 * STEP_SECONDS, end), width)
        parts.append(f'<section style="{box}"><h2>{title}</h2>{drawn}</section>')
    head = f"<h1>{given['title']}</h1><p>made-up claims, one worker, Prometheus' own answers</p>"
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{head}{''.join(parts)}", bottom + MARGIN


def claims(seconds: int) -> Iterator[tuple[list[FeedRecord], float]]:
    """Records for ten seconds at a time, and their pace; one burst in the middle."""
    records = feed(2026, sum(PACES) * 10 * (seconds // (10 * len(PACES)) + 1) + BURST)
    for turn in range(seconds // 10):
        pace = PACES[turn % len(PACES)]
        yield _some(records, 10 * pace), pace
        if turn == seconds // 20:
            yield _some(records, BURST), 0


def _some(records: Iterator[FeedRecord], items: int) -> list[FeedRecord]:
    taken: list[FeedRecord] = []
    while items > 0:
        taken.append(next(records))
        items -= taken[-1].items
    return taken


def draw(text: str, height: int, folder: Path) -> None:
    """Have Chromium draw a page into the picture."""
    (folder / "page.html").write_text(text)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
               "--no-first-run", "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}",
               f"--window-size={WIDTH},{height}", f"--screenshot={PICTURE}"]  # fmt: skip
    subprocess.run(  # noqa: S603 - our own command
        ["chromium", *options, (folder / "page.html").as_uri()],  # noqa: S607 - as the PATH has it
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip


async def run(seconds: int, folder: Path) -> None:
    """Broker, worker, Prometheus and feed; then the picture."""
    with EmbeddedKafka() as kafka:
        topics = Topics("demo.")
        await apply_topics(kafka.bootstrap, topics)
        worker = DemoWorker(folder, kafka.bootstrap, topics.prefix)
        await worker.start()
        prometheus = Prometheus(folder / "prometheus", worker.port)
        try:
            await asyncio.sleep(3 * STEP_SECONDS)
            for records, pace in claims(seconds):
                await send(records, kafka.bootstrap, topics.received, Sent(), rate=pace)
            await asyncio.sleep(STEP_SECONDS)
            draw(*await asyncio.to_thread(page, prometheus, clock.seconds()), folder)
        finally:
            prometheus.process.terminate()
            prometheus.process.wait(30)
            await worker.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(run(int(sys.argv[1]) if sys.argv[1:] else 300, Path(temporary)))
    sys.stdout.write(f"{PICTURE.stat().st_size} bytes in {PICTURE}\n")
