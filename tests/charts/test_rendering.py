"""The chart and the renderer, side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import fairlead
from fairlead.connector.chart import rendering, values
from fairlead.connector.chart.releases import Release
from fairlead.connector.chart.values import ChartError, merged
from fairlead.machinery import encoding
from tests.charts import helm, samples

Object = dict[str, Any]
# A difference is shown as it is found: each step towards a smaller one would start Helm again.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
RELEASE = Release("mcp-connector", "kube-system")
SPACE = merged(samples.SPACE, samples.IMAGE)
DISCONNECTED = merged(samples.DISCONNECTED, samples.IMAGE)


def both(
    home: Path, given: Object, release: Release = RELEASE, name: str = "helm"
) -> tuple[list[Object] | str, list[Object] | str]:
    """Objects, or the words of the refusal."""
    try:
        ours: list[Object] | str = rendering.render(given, release)
    except ChartError as error:
        ours = str(error)
    try:
        helms: list[Object] | str = helm.template(home, given, release.name, release.namespace, name)
    except helm.Refused as error:
        helms = str(error).partition("\n")[0].rpartition("): ")[2]
    return ours, helms


@pytest.mark.real
@pytest.mark.requirement("connector:chart-equals-renderer", "connector:chart-seed")
@pytest.mark.parametrize("given", [SPACE, DISCONNECTED], ids=["space", "disconnected"])
@pytest.mark.parametrize("release", [RELEASE, Release("fairlead", "claims")], ids=str)
@pytest.mark.parametrize("name", ["helm", "helm-3"])
def test_the_original_values_render_alike(tmp_path: Path, given: Object, release: Release, name: str) -> None:
    ours, helms = both(tmp_path, given, release, name)
    assert isinstance(ours, list)
    assert ours == helms


@pytest.mark.whole
@pytest.mark.real
@pytest.mark.requirement("connector:chart-equals-renderer")
@settings(max_examples=25, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(given=samples.ANY)
def test_any_values_render_alike(tmp_path: Path, given: Object) -> None:
    ours, helms = both(tmp_path, given)
    assert ours == helms


WITHOUT = {
    "an image": merged(DISCONNECTED, {"image": {"repository": ""}}),
    "a claim namespace": merged(DISCONNECTED, {"spaces": {"controlPlane": {"claimNamespace": ""}}}),
    "a control plane": merged(DISCONNECTED, {"spaces": {"controlPlane": {"kubeconfigSecret": {"name": ""}}}}),
    "a key": merged(DISCONNECTED, {"spaces": {"controlPlane": {"kubeconfigSecret": {"key": ""}}}}),
    "one control plane": merged(DISCONNECTED, SPACE),
    "an account": merged(SPACE, {"upbound": {"account": ""}}),
    "a domain": merged(SPACE, {"upbound": {"domain": ""}}),
    "a name": merged(SPACE, {"spaces": {"controlPlane": {"name": ""}}}),
    "a group": merged(SPACE, {"spaces": {"controlPlane": {"group": ""}}}),
    "a token": merged(SPACE, {"upbound": {"token": ""}}),
    "one token": merged(SPACE, {"upbound": {"tokenSecret": {"name": "mine"}}}),
    "a token's key": merged(SPACE, {"upbound": {"token": "", "tokenSecret": {"name": "mine", "key": ""}}}),
    "a token to renew": merged(SPACE, {"renewToken": True}),
}


@pytest.mark.real
@pytest.mark.requirement("connector:chart-refusals")
@pytest.mark.parametrize("lack", sorted(WITHOUT))
def test_what_lacks_something_is_refused_in_one_line(tmp_path: Path, lack: str) -> None:
    ours, helms = both(tmp_path, WITHOUT[lack])
    assert isinstance(ours, str)
    assert ours == helms
    assert "<PERSONAL" not in ours


@pytest.mark.real
@pytest.mark.requirement("connector:chart-refusals")
@pytest.mark.parametrize("name", ["1st", "a.b"])
def test_a_release_whose_name_is_no_services_name_is_refused(tmp_path: Path, name: str) -> None:
    ours, helms = both(tmp_path, DISCONNECTED, Release(name, "claims"))
    assert isinstance(ours, str)
    assert ours == helms


UNKNOWN: dict[str, Object] = {
    "imaeg": {"imaeg": {}},
    "image.tagg": {"image": {"tagg": "1"}},
    "replicas": {"replicas": "2"},
    "logFormat": {"logFormat": "xml"},
    "shutdownDelaySeconds": {"shutdownDelaySeconds": 601},
    "apis.allow[0]": {"apis": {"allow": [1]}},
    "audit": {"audit": None},
    "upbound": {"upbound": None},
    "podLabels.team": {"podLabels": {"team": 1}},
    "spaces.host": {"spaces": []},
}


@pytest.mark.real
@pytest.mark.requirement("connector:chart-schema")
@pytest.mark.parametrize("where", sorted(UNKNOWN))
def test_what_the_schema_refuses_the_renderer_refuses(tmp_path: Path, where: str) -> None:
    given = merged_raw(DISCONNECTED, UNKNOWN[where])
    with pytest.raises(ChartError, match="do not fit the chart"):
        rendering.render(given, RELEASE)
    with pytest.raises(helm.Refused, match=r"don't meet the specifications of the schema|table"):
        helm.template(tmp_path, given, "fairlead", "claims")


def merged_raw(below: Object, above: Object) -> Object:
    """With nulls left in: it is for Helm to drop them."""
    (name, value), *_ = above.items()
    inner = {**below.get(name, {}), **value} if isinstance(value, dict) else value
    return {**below, name: inner}


@pytest.mark.requirement("connector:chart-schema")
def test_schema_and_defaults_of_the_chart_are_those_of_the_renderer() -> None:
    written = json.loads((helm.CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert written == values.SCHEMA, "write it anew: python -m fairlead.connector.chart.values"
    assert encoding.from_yaml((helm.CHART / "values.yaml").read_bytes()) == values.defaults()


@pytest.mark.requirement("connector:chart-schema")
@given(samples.ANY)
def test_values_that_are_complete_stay_as_they_are(given: Object) -> None:
    complete = values.complete(given)
    assert values.complete(complete) == complete
    assert values.defaults() == values.defaults(), "nobody changes them by accident"


@pytest.mark.real
@pytest.mark.requirement("connector:chart-lint")
def test_the_chart_is_linted_strictly(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_bytes(encoding.to_json(SPACE))
    assert "0 chart(s) failed" in helm.run(tmp_path, "lint", "--strict", str(helm.CHART), f"--values={path}")


@pytest.mark.requirement("connector:chart-lint")
def test_the_charts_version_is_that_of_the_package() -> None:
    chart = encoding.from_yaml((helm.CHART / "Chart.yaml").read_bytes())
    assert (chart["version"], chart["appVersion"]) == (fairlead.__version__, fairlead.__version__)


@pytest.mark.real
@pytest.mark.requirement("connector:chart-equals-renderer")
def test_what_helm_would_take_over_is_marked_as_its_own() -> None:
    for each in rendering.owned(rendering.render(SPACE, RELEASE), RELEASE):
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert each["metadata"]["annotations"] == {
            "meta.helm.sh/release-name": "mcp-connector",
            "meta.helm.sh/release-namespace": "kube-system",
        }
