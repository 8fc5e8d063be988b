import itertools

import pytest
import yaml

from streams.dashboards import COLUMNS
from tests.ops.queries import BOARD, ROOT, Asked, board, faults_of, metrics_in, of_the_board, panels

PROVISIONING = ROOT / "ops" / "grafana" / "provisioning"


@pytest.mark.parametrize("asked", of_the_board(), ids=lambda asked: asked.panel)
def test_a_query_asks_for_what_a_worker_shows(asked: Asked):
    assert metrics_in(asked.expr)
    assert [] == faults_of(asked.expr)


def test_panels_have_numbers_and_titles_of_their_own_and_say_what_they_mean():
    assert len({panel["id"] for panel in board()["panels"]}) == len(board()["panels"])
    assert len({panel["title"] for panel in panels()}) == len(panels())
    assert [] == [panel["title"] for panel in panels() if not panel["description"].endswith(".")]


def test_panels_lie_side_by_side():
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in board()["panels"]):
        across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = set(itertools.product(across, down))

        assert across.stop <= COLUMNS
        assert set() == cells & taken
        taken |= cells


def test_grafana_is_given_the_board_and_the_source_it_asks():
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    providers = yaml.safe_load((PROVISIONING / "dashboards" / "claimstream.yaml").read_text())["providers"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {target: ROOT / source for source, target, *_ in (v.split(":") for v in services["grafana"]["volumes"])}
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    asked = {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}

    assert {source["uid"] for source in sources} == asked
    assert ["http://prometheus:9090"] == [source["url"] for source in sources]
    assert "prometheus" in services
    assert [BOARD.parent] == [mounts[provider["options"]["path"]] for provider in providers]
    assert mounts["/etc/grafana/provisioning"] == PROVISIONING
    assert home == f"{providers[0]['options']['path']}/{BOARD.name}"


def test_rates_span_the_scrapes_of_the_configuration():
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    scraped = yaml.safe_load((ROOT / "ops" / "prometheus" / "prometheus.yml").read_text())["global"]

    assert [scraped["scrape_interval"]] == [source["jsonData"]["timeInterval"] for source in sources]
