"""The chart of the MCP servers, rendered by real Helm."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import fairlead
from fairlead.cli.mcp import app
from fairlead.machinery import encoding
from fairlead.mcp.dropin import files
from tests.charts import helm
from tests.charts.mcp_samples import (
    CHART,
    CONFIG,
    IMAGE,
    OURS,
    REPLICAS,
    SEED,
    SERVER,
    SERVERS,
    Object,
    container,
    hosts,
    one,
    template,
)

ALL = {"seed": OURS, "servers": SERVERS, "config": CONFIG, "replicas": REPLICAS}


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:seed")
def test_the_seeds_values_render_and_their_host_is_answered_to(tmp_path: Path) -> None:
    found = template(tmp_path, OURS)
    pod = one(found, "Deployment")["spec"]["template"]["spec"]
    assert container(found)["image"] == "registry.example.org/fairlead:latest"
    assert container(found)["command"] == ["fairlead"]
    arguments = container(found)["args"]
    assert arguments[:2] == ["mcp", "serve"]
    assert "--config=/etc/kubernetes-mcp-server/config.toml" in arguments
    assert "--behind-tls-proxy" in arguments, "termination: edge"
    assert "mcp.your-kcp.example.com" in hosts(found)
    assert container(found)["volumeMounts"] == SEED["extraVolumeMounts"]
    assert pod["volumes"] == SEED["extraVolumes"]
    assert container(found)["resources"] == SEED["resources"]
    rule = one(found, "Ingress")["spec"]["rules"][0]
    assert rule["host"] == "mcp.your-kcp.example.com"
    assert one(found, "Service")["spec"]["ports"][0]["port"] == 8080
    assert not [each for each in found if "Role" in each["kind"]]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:seed")
@pytest.mark.parametrize("values", sorted(ALL))
def test_helm_3_and_helm_4_render_alike(tmp_path: Path, values: str) -> None:
    assert template(tmp_path, ALL[values]) == template(tmp_path, ALL[values], name="helm-3")


REFUSED: dict[str, tuple[Object, str]] = {
    "another product's image": (SEED, "set image.registry and image.repository to an image that was built"),
    "its image of somebody else": ({**OURS, "image": {"repository": "a/kubernetes-mcp-server"}}, "image.registry"),
    "no image": ({**SERVERS, "image": {}}, "image.repository is not set"),
    "nothing to serve": ({"image": IMAGE}, "nothing is set; set servers, or config, or configFilePath"),
    "two things to serve": ({**SERVERS, "configFilePath": "/a"}, "are set; set servers, or config"),
    "servers with a config's Secret": ({**SERVERS, "configSecret": "a"}, "configSecret belongs to"),
    "an ingress without a host": ({**SERVERS, "ingress": {"enabled": True}}, "ingress.host is not set"),
    "TLS without a Secret": ({**SERVERS, "tls": {"enabled": True}}, "tls.secretName is not set"),
    "TLS that ends nowhere": (
        {**SERVERS, "ingress": {"enabled": True, "host": "a", "termination": "passthrough"}},
        "set tls.enabled and tls.secretName",
    ),
    "tokens in the clear": ({**SERVERS, "behindTLSProxy": False}, "tokens would travel in the clear; set tls"),
    "two addresses of Redis": ({**SERVERS, "redis": {"url": "redis://a", "existingSecret": "b"}}, "both are set"),
}  # fmt: skip


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:refusals")
@pytest.mark.parametrize("what", sorted(REFUSED))
@pytest.mark.parametrize("name", ["helm", "helm-3"])
def test_what_cannot_work_is_refused_in_one_line(tmp_path: Path, what: str, name: str) -> None:
    values, said = REFUSED[what]
    with pytest.raises(helm.Refused) as refused:
        template(tmp_path, values, name)
    assert said in str(refused.value).partition("\n")[0]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:refusals")
def test_a_release_whose_name_is_no_services_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(helm.Refused, match="names no release of this chart"):
        template(tmp_path, SERVERS, release="1st")


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:replicas")
@pytest.mark.parametrize(("lacks", "said"), [("redis", "set redis.url"), ("sealKey", "set sealKey.existingSecret")])
def test_replicas_share_redis_and_a_key(tmp_path: Path, lacks: str, said: str) -> None:
    with pytest.raises(helm.Refused, match="replicaCount is more than 1") as refused:
        template(tmp_path, {key: value for key, value in REPLICAS.items() if key != lacks})
    assert said in str(refused.value)
    found = template(tmp_path, REPLICAS)
    assert one(found, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert one(found, "Service")["spec"]["sessionAffinity"] == "ClientIP"
    (variable,) = container(found)["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "redis", "key": "url"}
    assert "--seal-key-file=/etc/fairlead/seal/key" in container(found)["args"]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:callers")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({**SERVERS, "servers": {"a": {**SERVER, "identity": {"way": "kubeconfig"}}}}, "servers.a.identity is not set"),
        ({**SERVERS, "servers": {"a": {**SERVER, "access": {}}}}, "servers.a.access is not set"),
        ({**SERVERS, "servers": {"A": SERVER}}, "servers.A cannot be served"),
        ({**CONFIG, "config": {"port": "8080"}}, "config.require_oauth is not set"),
    ],
)
def test_nobody_is_served_unknown(tmp_path: Path, values: Object, said: str) -> None:
    with pytest.raises(helm.Refused) as refused:
        template(tmp_path, values)
    assert said in str(refused.value)


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:seed")
def test_what_is_served_is_mounted_as_folders(tmp_path: Path) -> None:
    """So that a change reaches a running Pod."""
    found = template(tmp_path, SERVERS)
    kept = one(found, "ConfigMap")["data"]
    assert encoding.from_yaml(kept["reporting.yaml"].encode()) == {**SERVER, "name": "reporting"}
    (mount,) = container(found)["volumeMounts"]
    assert f"--servers={mount['mountPath']}" in container(found)["args"]

    found = template(tmp_path, {**CONFIG, "configSecret": "secret"})
    (config,) = [each for each in container(found)["args"] if each.startswith("--config=")]
    mounts = {each["name"]: each["mountPath"] for each in container(found)["volumeMounts"]}
    assert config == f"--config={mounts['fairlead-config']}/config.toml"
    assert f"--config-dir={mounts['fairlead-config-secret']}" in container(found)["args"]
    assert not [each for each in container(found)["volumeMounts"] if "subPath" in each]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:seed")
@pytest.mark.parametrize("name", ["helm", "helm-3"])
def test_numbers_in_a_config_survive_helm(tmp_path: Path, name: str) -> None:
    text = one(template(tmp_path, CONFIG, name), "ConfigMap")["data"]["config.toml"]
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    assert files.read(path, None) == CONFIG["config"]
    assert tomllib.loads(text)["toolsets"] == ["core"]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:seed")
def test_metrics_have_a_port_of_their_own_where_they_are_asked_for(tmp_path: Path) -> None:
    found = template(tmp_path, {**SERVERS, "metrics": {"enabled": True, "serviceMonitor": {"enabled": True}}})
    assert "--metrics-port=9090" in container(found)["args"]
    names = {each["name"]: each["containerPort"] for each in container(found)["ports"]}
    assert names == {"mcp": 8080, "metrics": 9090}
    assert [each["name"] for each in one(found, "Service")["spec"]["ports"]] == ["mcp", "metrics"]
    (rule,) = one(found, "NetworkPolicy")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == ["mcp", "metrics"]
    assert one(found, "ServiceMonitor")["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics"}]
    assert not [each for each in container(template(tmp_path, SERVERS))["args"] if "metrics" in each]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:seed")
def test_probes_speak_tls_where_the_server_does(tmp_path: Path) -> None:
    config = {**CONFIG["config"], "tls_cert": "/a", "tls_key": "/b"}
    for values, scheme in (
        (CONFIG, "HTTP"),
        ({**CONFIG, "config": config}, "HTTPS"),
        ({**SERVERS, "tls": {"enabled": True, "secretName": "tls"}}, "HTTPS"),
    ):
        inner = container(template(tmp_path, values))
        probes = [inner[each]["httpGet"]["scheme"] for each in ("startupProbe", "livenessProbe", "readinessProbe")]
        assert probes == [scheme] * 3


UNKNOWN: dict[str, Object] = {
    "a misspelt value": {"imge": {}},
    "a misspelt value inside": {"image": {"tag": "1"}},
    "a number as text": {"replicaCount": "2"},
    "no path": {"configFilePath": "config.toml"},
    "no address": {"redis": {"url": "http://a"}},
    "no port": {"service": {"port": 0}},
    "no termination": {"ingress": {"termination": "half"}},
}


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:schema")
@pytest.mark.parametrize("what", sorted(UNKNOWN))
def test_what_does_not_exist_is_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(helm.Refused, match=r"don't meet the specifications of the schema"):
        template(tmp_path, {**SERVERS, **UNKNOWN[what]})


@pytest.mark.requirement("mcp-chart:schema")
def test_the_schema_knows_each_default_and_nothing_else() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    defaults = encoding.from_yaml((CHART / "values.yaml").read_bytes())
    assert schema["additionalProperties"] is False
    assert schema["properties"].keys() - {"global"} == defaults.keys()
    for name, each in schema["properties"].items():
        if each.get("additionalProperties") is False:
            assert each["properties"].keys() == defaults[name].keys()


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:locked-down")
@pytest.mark.parametrize("values", sorted(ALL))
def test_the_pod_is_locked_down(tmp_path: Path, values: str) -> None:
    found = template(tmp_path, ALL[values])
    pod, inner = one(found, "Deployment")["spec"]["template"]["spec"], container(found)
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(each["readOnly"] for each in inner.get("volumeMounts", ()))
    assert pod["automountServiceAccountToken"] is False
    started = inner["startupProbe"]
    assert started["periodSeconds"] * started["failureThreshold"] >= 120, "a tenth of a CPU is slow to start"


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:rights")
def test_rights_are_those_that_were_asked_for(tmp_path: Path) -> None:
    found = template(tmp_path, {**SERVERS, "rbac": {"create": True}})
    binding = one(found, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "view"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "mcp", "namespace": "kcp-mcp"}]
    assert one(found, "Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    assert not [each for each in found if each["kind"] in ("ClusterRole", "Role")]


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:lint")
@pytest.mark.parametrize("name", ["helm", "helm-3"])
def test_the_chart_is_linted_strictly(tmp_path: Path, name: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_bytes(encoding.to_json(OURS))
    assert "0 chart(s) failed" in helm.run(tmp_path, "lint", "--strict", str(CHART), f"--values={path}", name=name)


@pytest.mark.requirement("mcp-chart:lint")
def test_the_charts_version_is_that_of_the_package() -> None:
    chart = encoding.from_yaml((CHART / "Chart.yaml").read_bytes())
    assert (chart["version"], chart["appVersion"]) == (fairlead.__version__, fairlead.__version__)


@pytest.mark.real
@pytest.mark.requirement("mcp-chart:options")
@pytest.mark.parametrize("values", sorted(ALL))
def test_the_command_line_understands_every_option(tmp_path: Path, values: str) -> None:
    found = template(tmp_path, {**ALL[values], "tls": {"enabled": True, "secretName": "tls"}, "allowedHosts": ["more"]})
    command = get_command(app).commands["serve"]  # type: ignore[attr-defined]  # typer gives a group
    given = container(found)["args"]
    assert given[:2] == ["mcp", "serve"]
    parsed = command.make_context("serve", given[2:], resilient_parsing=False).params
    assert (parsed["port"], parsed["bind_address"]) == (8080, "0.0.0.0")
    assert list(parsed["allowed_host"]) == hosts(found)
    assert hosts(found)[-1] == "more"
    assert parsed["audit_log"] == "-"
    assert (parsed["servers"] is None) is not (parsed["config"] is None)
    assert (str(parsed["tls_cert"]), str(parsed["tls_key"])) == (
        "/etc/fairlead/tls/tls.crt",
        "/etc/fairlead/tls/tls.key",
    )
    for each in container(found).get("env", ()):
        assert each["name"] in {name for option in command.params for name in _variables(option)}


def _variables(option: Any) -> list[str]:
    known = option.envvar or []
    return [known] if isinstance(known, str) else list(known)
