"""What the chart's objects may do, and what the command line makes of its options."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from typer.main import get_command

from fairlead.cli.connector import app
from fairlead.connector.chart import rendering, workload
from fairlead.connector.chart.releases import Release
from fairlead.connector.chart.values import ChartError, complete, merged
from tests.charts import samples

Object = dict[str, Any]
RELEASE = Release("one", "claims")
PLAIN = merged(samples.DISCONNECTED, samples.IMAGE)


def of_kind(kind: str, given: Object) -> list[Object]:
    return [each for each in rendering.render(given, RELEASE) if each["kind"] == kind]


def rules(given: Object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in ("ClusterRole", "Role"):
        for role in of_kind(kind, given):
            for rule in role["rules"]:
                yield role["metadata"]["name"], rule


@pytest.mark.requirement("connector:chart-least-privilege")
@settings(max_examples=30)
@given(samples.ANY)
def test_no_right_is_for_everything_and_no_secret_is_listed(given: Object) -> None:
    try:
        found = list(rules(given))
    except ChartError:
        return
    for _, rule in found:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        if rule["resources"] == ["secrets"] and {"list", "watch"} & set(rule["verbs"]):
            assert rule["resourceNames"] == ["mcp-connector-tls"] or rule["resourceNames"] == ["one-tls"]


@pytest.mark.requirement("connector:chart-least-privilege")
@pytest.mark.parametrize(
    ("value", "resource"),
    [("syncSecrets", "secrets"), ("mirrorEvents", "events"), ("webhooks", "webhook"), ("quota", "quota")],
)
def test_a_feature_that_is_off_has_no_rights(value: str, resource: str) -> None:
    off, on = ({**PLAIN, value: each} for each in (False, True))
    without, having = of_kind("ClusterRole", off), of_kind("ClusterRole", on)
    assert [each for each in without if resource in str(each)] == []
    (more,) = [each for each in having if each not in without]
    assert resource in more["rules"][0]["resources"][0]
    assert more["metadata"]["name"].startswith(f"fairlead-connector.claims.one.{resource}")
    bound = {each["roleRef"]["name"] for each in of_kind("ClusterRoleBinding", on)}
    assert bound == {"system:auth-delegator", *(each["metadata"]["name"] for each in having)}


@pytest.mark.requirement("connector:chart-least-privilege")
def test_two_releases_have_no_cluster_scoped_name_in_common() -> None:
    def names(release: Release) -> set[tuple[str, str]]:
        found = rendering.render({**PLAIN, "syncSecrets": True}, release)
        return {
            (each["kind"], each["metadata"]["name"])
            for each in found
            if each["metadata"].get("namespace") in (None, "kube-system")
        }

    assert not names(Release("b-c", "a")) & names(Release("c", "a-b"))


@pytest.mark.requirement("connector:chart-locked-down")
@settings(max_examples=30)
@given(samples.ANY)
def test_the_pod_is_locked_down_whatever_the_values(given: Object) -> None:
    try:
        (deployment,) = of_kind("Deployment", given)
    except ChartError:
        return
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(each["readOnly"] for each in container["volumeMounts"])
    template = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= template.items()
    assert {each["httpGet"]["path"] for each in (container["livenessProbe"], container["readinessProbe"])} == {
        "/livez",
        "/readyz",
    }


@pytest.mark.requirement("connector:chart-options")
@settings(max_examples=30)
@given(samples.ANY)
def test_the_command_line_understands_every_option(given: Object) -> None:
    known = complete(given)
    command = get_command(app).commands["serve"]  # type: ignore[attr-defined]  # typer gives a group
    arguments = workload.arguments(known, RELEASE)
    assert arguments[:2] == ["connector", "serve"]
    context = command.make_context("serve", arguments[2:], resilient_parsing=False)
    found = context.params
    assert found["claim_namespace"] == known["spaces"]["controlPlane"]["claimNamespace"]
    assert found["service"] == "claims/one"
    assert (found["sync_secrets"], found["mirror_events"]) == (known["syncSecrets"], known["mirrorEvents"])
    assert found["shutdown_delay"] == known["shutdownDelaySeconds"]
    assert (found["api_selector"], found["cluster_id"]) == (known["apis"]["selector"], known["clusterID"])
    for option, value in (("allow_api", "allow"), ("deny_api", "deny"), ("allow_crd", "crds")):
        assert list(found[option] or ()) == known["apis"][value]
    assert (found["control_plane_kubeconfig"] is None) == bool(known["spaces"]["host"])


@pytest.mark.requirement("connector:chart-refusals")
def test_no_value_of_a_secret_is_in_a_refusal() -> None:
    with pytest.raises(ChartError) as refused:
        rendering.render({"upbound": {"token": ["hunter2"]}}, RELEASE)
    assert "hunter2" not in str(refused.value)
