"""The alerts: what Prometheus says of them, when they fire and when not, and that who is woken can read what to do."""

import re
import subprocess

import pytest
import yaml

from tests.deploy.conftest import ROOT
from tests.deploy.promql import FOREIGN, metrics_in, metrics_there_are
from tgworker.service.emitter import OUTBOX_SIZE

PROMETHEUS = ROOT / "deploy" / "prometheus"
PAGE = "https://github.com/tgworker/tgworker/blob/main/docs/alerts.md"
FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RULES = [
    rule
    for file in FILES
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = {rule["record"] for rule in RULES if "record" in rule}
CASES = yaml.safe_load((ROOT / "tests" / "deploy" / "alerts.yaml").read_text(encoding="utf-8"))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_prometheus_takes_the_configuration_and_the_rules(program):
    run(program("promtool", "prometheus"), "check", "config", PROMETHEUS / "prometheus.yml")


def test_alertmanager_takes_its_configuration(program):
    file = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"

    run(program("amtool", "prometheus-alertmanager"), "check-config", file)


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_alerts_fire_when_they_should_and_only_then(program, tmp_path, interval):
    """The cases that take hours are judged less often, which takes less time."""
    tests = [case for case in CASES["tests"] if case["interval"] == interval]
    cases = {"rule_files": list(map(str, FILES)), "evaluation_interval": interval, "tests": tests}
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump(cases, sort_keys=False), encoding="utf-8")

    assert tests
    run(program("promtool", "prometheus"), "test", "rules", file)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_case_where_it_fires_and_one_where_it_nearly_does(name):
    (case,) = [case for case in CASES["tests"] if case["name"] == name]
    expected = [test["exp_samples"] for test in case["promql_expr_test"]]
    fired = [sample["labels"] for samples in expected for sample in samples]
    watched = {
        tuple(re.findall(r'(?:job|instance)="[^"]+"', series["series"]))
        for series in case["input_series"]
    }

    assert fired and all(f'alertname="{name}"' in labels for labels in fired)
    assert len(watched) > max(map(len, expected))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_and_where_to_read_what_to_do(name):
    alert = ALERTS[name]

    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert {"summary", "description", "runbook_url"} == set(alert["annotations"])
    assert f"{PAGE}#{name.lower()}" == alert["annotations"]["runbook_url"]


def test_what_loki_sees_in_the_log_has_the_same_page():
    """Its language has no checker to install; the names it uses are those of the lines."""
    file = ROOT / "deploy" / "loki" / "rules" / "fake" / "tgworker.yml"
    (group,) = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    (alert,) = group["rules"]
    twin = ALERTS[alert["alert"]]

    assert twin["labels"] == alert["labels"]
    assert twin["annotations"]["runbook_url"] == alert["annotations"]["runbook_url"]
    (event,) = re.findall(r'event="(\w+\.\w+)"', alert["expr"])
    sources = (ROOT / "tgworker" / "service").glob("*.py")
    assert any(f'log.critical("{event}"' in file.read_text("utf-8") for file in sources)


def test_the_page_explains_each_alert_with_its_severity_and_no_other():
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^## (Tgworker\w+)\n\n\*(\w+)\.\*", page, re.MULTILINE))

    assert {name: alert["labels"]["severity"] for name, alert in ALERTS.items()} == told
    assert set() == set(re.findall(r"\(#(tgworker\w+)\)", page)) - {name.lower() for name in ALERTS}


def test_rules_read_metrics_that_there_are(monkeypatch):
    known = metrics_there_are(monkeypatch) | RECORDS | FOREIGN

    for rule in RULES:
        assert set() == metrics_in(rule["expr"]) - known, rule


def test_the_page_and_the_alert_know_how_many_events_the_outbox_holds():
    told = ALERTS["TgworkerOutboxFills"]["annotations"]["description"]

    assert f"At {OUTBOX_SIZE} " in told
