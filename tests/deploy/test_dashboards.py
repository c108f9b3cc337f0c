"""The dashboards: that Grafana can show them, that they read metrics that there are, and that they leave none out."""

import json
import re
from itertools import combinations

import pytest
import yaml

from tests.deploy.conftest import ROOT
from tests.deploy.promql import FOREIGN, metrics_in, metrics_there_are
from tests.deploy.test_alerts import RECORDS

GRAFANA = ROOT / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").rglob("*.json"))
BOARDS = {f"{file.parent.name}/{file.stem}": json.loads(file.read_text("utf-8")) for file in FILES}
SOURCES = {
    file.stem: yaml.safe_load(file.read_text("utf-8"))["datasources"]
    for file in (GRAFANA / "datasources").glob("*.yaml")
}
IN_GRAFANA = {"$__rate_interval": "5m", "$__range": "1h", "$__auto": "1m"}
"""What Grafana puts in for its own words."""

every_board = pytest.mark.parametrize("name", BOARDS)


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board, kind):
    """What is asked of one kind of data source, as it is sent."""
    for panel in panels(board):
        for target in panel["targets"]:
            if target["datasource"]["type"] == kind:
                text = target["expr"]
                for word, value in IN_GRAFANA.items():
                    text = text.replace(word, value)
                yield panel["title"], text


def test_there_is_a_dashboard_for_each_stack():
    assert {"monitoring/tgworker", "monitoring/tgworker-logs", "victoria/tgworker-logs"} == set(
        BOARDS
    )
    assert len(BOARDS) == len({board["uid"] for board in BOARDS.values()})


@every_board
def test_panels_have_ids_of_their_own_and_do_not_overlap(name):
    panels = BOARDS[name]["panels"]
    places = [panel["gridPos"] for panel in panels]

    assert len(panels) == len({panel["id"] for panel in panels})
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or beside, (one, other)


@every_board
def test_a_panel_says_what_it_shows_and_in_which_unit(name):
    for panel in panels(BOARDS[name]):
        assert panel["title"]
        assert panel["description"] or panel["type"] in {"logs", "timeseries"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]


@every_board
def test_it_asks_a_data_source_that_is_provisioned_beside_it(name):
    board = BOARDS[name]
    provisioned = {source["type"] for source in SOURCES[name.split("/")[0]]}
    asked = {target["datasource"]["type"] for panel in panels(board) for target in panel["targets"]}
    (chosen,) = [v for v in board["templating"]["list"] if v["type"] == "datasource"]

    assert {chosen["query"]} == asked
    assert asked <= provisioned


@every_board
def test_each_variable_that_is_used_is_there_and_the_other_way_round(name):
    board = BOARDS[name]
    there = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(board))) - {w[1:] for w in IN_GRAFANA}

    assert there == used - {"__all"}


def test_every_metric_that_is_shown_is_there(monkeypatch):
    known = metrics_there_are(monkeypatch) | RECORDS | FOREIGN
    board = BOARDS["monitoring/tgworker"]
    variables = [v["definition"] for v in board["templating"]["list"] if v["type"] == "query"]
    asked = [text for _, text in expressions(board, "prometheus")]
    asked += [re.fullmatch(r"label_values\((.*), \w+\)", text)[1] for text in variables]
    asked += [note["expr"] for note in board["annotations"]["list"]]

    for text in asked:
        assert set() == metrics_in(text) - known, text


def test_every_metric_that_is_there_is_shown(monkeypatch):
    """But those that every Python process has, and parts of histograms that say nothing by themselves."""
    board = BOARDS["monitoring/tgworker"]
    shown = set().union(*(metrics_in(text) for _, text in expressions(board, "prometheus")))
    parts = ("_sum", "_count")

    left_out = metrics_there_are(monkeypatch) - shown
    assert set() == {n for n in left_out if not n.startswith("process_") and not n.endswith(parts)}


def test_grafana_finds_the_dashboards_where_compose_puts_them():
    provider = yaml.safe_load((GRAFANA / "dashboards.yaml").read_text("utf-8"))

    assert ["/etc/grafana/dashboards"] == [p["options"]["path"] for p in provider["providers"]]
