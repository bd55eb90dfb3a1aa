"""The chart of the MCP servers in a real API server, and its Pod started with exactly what the chart gives it.

The one thing that is changed is the port, because the Pod is on the tests' own network, where 8080 may be taken.
"""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
from anyio import to_thread

from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from testenv.ports import Ports
from testenv.servers import RealCluster
from tests.charts import helm
from tests.charts.mcp_samples import CHART, IMAGE, OURS, Object
from tests.e2e.hands import Plain
from tests.identity.provider import Provider
from tests.mcp.behind import Wire
from tests.torture.pods import Pod

pytestmark = [
    pytest.mark.real,
    pytest.mark.requirement("mcp-chart:installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a Pod's file system takes the rights of root"),
]
DEADLINE = 180
DEPLOYMENTS = Resource("apps", "v1", "deployments")
NAMESPACE, RELEASE = "kcp-mcp", "mcp"


def in_namespace(namespace: str, kind: str, name: str, **more: Any) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}


@asynccontextmanager
async def installed(
    folder: Path, server: RealCluster, hands: Plain, namespace: str, values: Object
) -> AsyncIterator[Wire]:
    """The rendered Pod, running and reached."""
    path = folder / "values.yaml"
    path.write_bytes(encoding.to_json(values))
    access = [f"--kubeconfig={server.cluster.kubeconfig}", f"--namespace={namespace}"]
    await to_thread.run_sync(helm.run, folder, "install", RELEASE, str(CHART), f"--values={path}", *access)
    template = hands.get(DEPLOYMENTS, RELEASE, namespace)["spec"]["template"]
    with closing(Ports("mcp")) as ports:
        (container,) = template["spec"]["containers"]
        at = container["args"].index("--port=8080")
        container["args"][at] = f"--port={ports['mcp']}"
        pod = Pod(RELEASE, namespace, template, server, hands, folder)
        try:
            await to_thread.run_sync(pod.start, None)
            async with aiohttp.ClientSession() as session:
                yield Wire(f"http://127.0.0.1:{ports['mcp']}", session)
        finally:
            pod.kill()
            await to_thread.run_sync(helm.run, folder, "uninstall", RELEASE, *access)


async def asked(to: Wire, path: str, method: str, token: str = "", **parameters: Any) -> Any:
    prefix = "io.modelcontextprotocol"
    meta = {f"{prefix}/protocolVersion": "2026-07-28", f"{prefix}/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, "_meta": meta}}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
        "Host": "mcp.your-kcp.example.com",
        **({"Mcp-Name": parameters["name"]} if "name" in parameters else {}),
    }
    return await to.ask("POST", path, token=token or None, headers=headers, json=body)


def seeds_objects(server: RealCluster, provider: Provider) -> list[Object]:
    """The base kubeconfig without credentials, and the settings of the seed, for a cluster that is not kcp's."""
    authority = base64.b64encode(server.credentials.client_ca.read_bytes()).decode()
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kcp", "cluster": {"server": server.url, "certificate-authority-data": authority}}],
        "contexts": [{"name": "kcp", "context": {"cluster": "kcp"}}],
        "current-context": "kcp",
    }
    config = (
        'cluster_provider_strategy = "kubeconfig"\nkubeconfig = "/etc/kubernetes-mcp-server/kubeconfig"\n'
        f'require_oauth = true\nauthorization_url = "{provider.issuer}"\noauth_audience = "mcp"\n'
        'toolsets = ["core"]\ndisabled_tools = ["pods_list", "pods_log", "pods_exec"]\n'
    )
    text = encoding.to_json(kubeconfig).decode()
    return [
        in_namespace(NAMESPACE, "Secret", "kcp-mcp-kubeconfig", stringData={"kubeconfig": text}),
        in_namespace(NAMESPACE, "ConfigMap", "kcp-mcp-config", data={"config.toml": config}),
    ]


async def test_the_seeds_values_with_only_the_image_changed_are_served(real_app: RealCluster, tmp_path: Path) -> None:
    with anyio.fail_after(DEADLINE), Plain.of(real_app.cluster) as hands:
        async with Provider().served() as provider:
            hands.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            for each in seeds_objects(real_app, provider):
                hands.create(each)
            async with installed(tmp_path, real_app, hands, NAMESPACE, OURS) as to:
                for path in ("/livez", "/readyz", "/healthz"):
                    assert (await to.ask("GET", path, headers={"Host": "10.1.2.3:8080"})).status == 200
                refused = await asked(to, "/mcp", "tools/list")
                assert refused.status == 401
                assert refused.challenged["resource_metadata"].startswith("https://mcp.your-kcp.example.com/")
                token = provider.token()
                listed = await asked(to, "/mcp", "tools/list", token)
                assert listed.status == 200
                assert '"resources_list"' in listed.body
                assert '"pods_list"' not in listed.body
                wanted = {"kind": "Namespace", "apiVersion": "v1"}
                answer = await asked(to, "/mcp", "tools/call", token, name="resources_list", arguments=wanted)
                assert "the cluster does not accept your token" in answer.body, "this one does not trust the provider"


def impersonator(name: str) -> list[Object]:
    """What lets the server act as alice, and alice read."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    rule = {"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{name}-alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [subject],
    }
    return [{**role, "rules": [rule]}, binding]


async def test_named_servers_act_as_their_callers_with_the_rights_that_were_bound(
    real_app: RealCluster, tmp_path: Path
) -> None:
    namespace = "mcp-named"
    with anyio.fail_after(DEADLINE), Plain.of(real_app.cluster) as hands:
        async with Provider().served() as provider:
            hands.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            for each in impersonator("mcp-impersonator"):
                hands.create(each)
            identity = {"way": "oidc", "issuer": provider.issuer, "audience": "mcp", "towards": "impersonate"}
            values = {
                "image": IMAGE,
                "servers": {"reporting": {"identity": identity, "access": {"groups": ["developers"]}}},
                "ingress": {"enabled": True, "host": "mcp.your-kcp.example.com", "termination": "edge"},
                "rbac": {"create": True, "clusterRoles": ["mcp-impersonator"]},
            }
            async with installed(tmp_path, real_app, hands, namespace, values) as to:
                path, wanted = "/s/reporting/mcp", {"name": "namespaces_list", "arguments": {}}
                answer = await asked(to, path, "tools/call", provider.token(), **wanted)
                assert answer.status == 200
                assert "kube-system" in answer.body
                other = await asked(to, path, "tools/call", provider.token(groups=["others"]), **wanted)
                assert other.status == 403
