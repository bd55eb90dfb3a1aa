"""The dashboard and the alerts ask for what the connector says, and each alert leads to a page that helps."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from fairlead.client.connection import Connection
from fairlead.client.credentials import Fixed
from fairlead.machinery.messages import Headers
from testenv.servers import RealCluster
from tests.clusters import Pair
from tests.connector.test_customary_metrics import asked, text
from tests.connector.test_observing import NAMESPACE, direct, serving
from tests.docs import promql

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/fairlead-connector"
DASHBOARD = CHART / "dashboards/fairlead-connector.json"
ALERTS = CHART / "alerts/fairlead-connector.yaml"
OF_THE_TARGET = {"job", "namespace", "instance"}
"""Labels that Prometheus adds."""
OF_KUBE_APISERVER = {"aggregator_unavailable_apiservice": {"name"}}
SECTIONS = ("What it means", "Find out", "What to do")


@cache
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [each for each in dashboard()["panels"] if each["type"] != "row"]


@cache
def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in alerts():
        yield rule["alert"], rule["expr"]


EXPRESSIONS = list(expressions())


async def exposed(pair: Pair, unique: Callable[[str], str]) -> dict[str, set[str]]:
    """Of a connector that was asked for everything: each series' name with its labels."""
    async with (
        serving(pair, unique) as (found, replica, claims),
        direct(pair, replica, "operator", "system:masters") as operator,
    ):
        await asked(found.app, claims)
        async with Connection(replace(operator.settings, source=Fixed())) as somebody:
            unknown = Headers([("authorization", "Bearer unknown")])
            assert (await somebody.request("GET", claims.path(NAMESPACE), headers=unknown)).status == 401
        metrics = await text(operator)
    named: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            named.setdefault(sample.name, set()).update(sample.labels)
    return named


@pytest.mark.anyio
@pytest.mark.requirement("operators:dashboard", "operators:alerts")
async def test_every_metric_that_is_asked_for_is_one_that_the_connector_says(
    embedded_pair: Pair, unique: Callable[[str], str]
) -> None:
    known = await exposed(embedded_pair, unique) | OF_KUBE_APISERVER
    for place, expression in EXPRESSIONS:
        for each in promql.selectors(expression):
            assert each.metric in known, f"{place}: {each.metric}"
            assert each.labels <= known[each.metric] | OF_THE_TARGET, f"{place}: {each}"


@pytest.mark.requirement("operators:dashboard", "operators:alerts")
def test_what_the_connector_does_not_say_is_said_by_a_kube_apiserver(real_app: RealCluster) -> None:
    import anyio

    async def scraped() -> str:
        async with real_app.cluster.open() as client:
            return await text(client.connection)

    families = list(text_string_to_metric_families(anyio.run(scraped)))
    for name, labels in OF_KUBE_APISERVER.items():
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        assert samples
        assert all(labels <= set(sample.labels) for sample in samples)


@pytest.mark.requirement("operators:dashboard")
def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    model = dashboard()
    assert model["uid"]
    assert model["title"]
    assert model["schemaVersion"] >= 36
    ids = [each["id"] for each in model["panels"]]
    assert len(ids) == len(set(ids))
    variables = {each["name"] for each in model["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(model["panels"])))
    assert used <= variables | {"__rate_interval"}
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["targets"], panel["title"]
        assert len({each["refId"] for each in panel["targets"]}) == len(panel["targets"]), panel["title"]


@pytest.mark.requirement("operators:dashboard")
def test_no_panel_covers_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} covers {taken.get((x, y))}"
                taken[x, y] = panel["title"]


@pytest.mark.requirement("operators:alerts")
@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_names_its_page(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+[smhd]", rule["for"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert {"summary", "description", "runbook"} == set(rule["annotations"])
    page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
    assert rule["alert"] in page
    assert [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")] == list(SECTIONS)


@pytest.mark.requirement("operators:alerts")
def test_every_runbook_belongs_to_an_alert() -> None:
    pages = {str(each.relative_to(ROOT)) for each in (ROOT / "docs/runbooks").glob("*.md")}
    assert {rule["annotations"]["runbook"] for rule in alerts()} == pages
    named = set(re.findall(r"Runbook: ([\w-]+)\.", DASHBOARD.read_text(encoding="utf-8")))
    assert {f"docs/runbooks/{each}.md" for each in named} <= pages


@pytest.mark.requirement("operators:alerts")
@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", [("up", set())]),
        ('sum by (a, b) (rate(x_total{c="1",d=~"2|{3}"}[5m])) / y > 0.5', [("x_total", set("abcd")), ("y", set("ab"))]),
        ("min(x) - time() < 30 * 86400", [("x", set())]),
    ],
)
def test_an_expression_is_read(expression: str, found: list[tuple[str, set[str]]]) -> None:
    assert [(each.metric, set(each.labels)) for each in promql.selectors(expression)] == found


@pytest.mark.requirement("operators:alerts")
@pytest.mark.parametrize("expression", ["sum(x", "sum(x))", "rat(x[5m])", "x @ 3", 'x{a="1"'])
def test_an_expression_that_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"unbalanced|unknown function|not understood"):
        promql.selectors(expression)
