"""What is in server/deploy fits the server: its metrics, its settings, its commands."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from tests import readme

from finlink_server import access, prometheus
from finlink_server.commands import main
from finlink_server.config import Config
from finlink_server.errors import REASONS, Code

DEPLOY = Path(__file__).parent.parent / "server" / "deploy"
_SETTING = re.compile(r"\bFINLINK_[A-Z_]+\b")


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Every metric, as Prometheus has it."""
    return {
        f"{meter._name}_total" if meter._type == "counter" else meter._name
        for meter in prometheus._meters().values()
    }


def test_the_table_of_metrics_is_the_servers(names):
    rows = {row[0].strip("`"): row for row in readme.table("Metrics", "metric")}

    assert set(rows) == names


def test_the_dashboard_shows_every_metric_and_no_other(names):
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]

    shown = set(re.findall(r"\b(?:finlink|grpc)_[a-z_]+(?=[\[{ )]|$)", " ".join(expressions)))
    labels = {"grpc_method", "grpc_status"}
    assert {re.sub("_(bucket|count|sum)$", "", one) for one in shown - labels} == names


@pytest.fixture(scope="module")
def alerts() -> dict[str, str]:
    """The expression of each alert."""
    (group,) = yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text())["groups"]
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in group["rules"])
    assert all(rule["annotations"]["summary"] for rule in group["rules"])
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_alerts_ask_for_metrics_that_exist(alerts, names):
    asked = set(re.findall(r"\b(?:finlink|grpc)_[a-z_]+", " ".join(alerts.values())))

    labels = {"grpc_method", "grpc_status"}
    assert {re.sub("_(bucket|count|sum)$", "", one) for one in asked - labels} <= names
    assert all(text.count("(") == text.count(")") for text in alerts.values())


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("reason", set(REASONS)),
        ("grpc_status", {code.name for code in Code}),
        ("grpc_method", {name.removeprefix("/") for name in access.METHODS}),
    ],
    ids=["reason", "status", "method"],
)
def test_alerts_ask_for_labels_that_exist(alerts, label, known):
    asked = re.findall(rf'\b{label}=~?"([^"]+)"', " ".join(alerts.values()))

    assert asked
    assert set("|".join(asked).split("|")) <= known


def test_the_manual_says_what_to_do_at_each_alert(alerts):
    rows = {row[0].strip("`"): row for row in readme.table("Alerts", "alert")}

    assert list(rows) == list(alerts)
    assert all(todo for _, _, todo in rows.values())


def test_the_table_of_what_operators_want_names_commands_that_exist():
    rows = " ".join(command for _, command in readme.table("Day 2", "I want to"))

    named = set(re.findall(r"finlink-server ([a-z-]+)", rows))
    assert named <= set(main.commands)
    assert set(_SETTING.findall(rows)) <= {
        f"FINLINK_{name.upper()}" for name in Config.model_fields
    }


@pytest.mark.parametrize("file", sorted(DEPLOY.iterdir()), ids=lambda file: file.name)
def test_every_setting_that_is_named_exists(file):
    known = {f"FINLINK_{name.upper()}" for name in Config.model_fields}

    assert set(_SETTING.findall(file.read_text())) <= known


def test_the_unit_starts_the_server_and_waits_for_its_drain():
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "finlink-config.service")

    assert unit["Service"]["ExecStart"].endswith("finlink-server serve")
    assert int(unit["Service"]["TimeoutStopSec"]) > Config().drain_seconds + 10


def test_the_manifests_run_commands_that_exist_and_wait_for_the_drain():
    manifests = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    specs = [one.get("spec", {}) for one in manifests]
    pods = [spec["template"]["spec"] for spec in specs if "template" in spec]

    commands = [container["args"] for pod in pods for container in pod["containers"]]
    assert commands == [["finlink-server", "migrate"], ["finlink-server", "serve"]]
    assert {name for _, name in commands} <= set(main.commands)
    (serving,) = [pod for pod in pods if "terminationGracePeriodSeconds" in pod]
    assert serving["terminationGracePeriodSeconds"] > Config().drain_seconds + 10
    for pod in pods:
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
