"""The role that `fairlead mcp rbac` prints is enough for every tool, and none of its rules is too many."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.cli import main
from fairlead.machinery import encoding
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import Limits, NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from testenv.servers import RealCluster
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-toolset:rights")]
MANAGED_GROUP = "rights.example.org"
SEED_GROUPS = {f"{each}.crossplane.io" for each in ("apiextensions", "pkg", "ops", "protection")}


@pytest.fixture
def printed(
    plane_server: RealCluster, plane: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Object]:
    def of(entry: str) -> Object:
        targets = [{"name": "here", "kubeconfig": str(plane_server.cluster.kubeconfig)}]
        file = {"name": entry, "catalog": [entry], "targets": targets}
        (tmp_path / f"{entry}.yaml").write_text(encoding.to_yaml(file))
        assert main.run(["mcp", "rbac", entry, "--servers", str(tmp_path)]) == 0
        found: Object = encoding.from_yaml(capsys.readouterr().out)
        return found

    return of


@pytest.mark.parametrize("entry", ["crossplane", "crossplane-readonly"])
def test_it_has_neither_wildcards_nor_secrets(printed: Callable[[str], Object], entry: str) -> None:
    rules = printed(entry)["rules"]
    said = {
        (group, each, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for each in rule["resources"]
        for verb in rule["verbs"]
    }
    assert not any("*" in each for parts in said for each in parts)
    assert not any("secrets" in each for _, each, _ in said)
    assert {group for group, _, _ in said} >= SEED_GROUPS | {GROUP}
    writes = {verb for _, _, verb in said} - {"get", "list", "watch"}
    assert bool(writes) == (entry == "crossplane")


@asynccontextmanager
async def agent(server: RealCluster, user: str) -> AsyncIterator[Gate]:
    named = NamedServer("one", catalog=("crossplane-readonly",), limits=Limits(read=100_000), timeout_seconds=60)
    offer = offering.combined(catalog.chosen(named.catalog, catalog.toolsets()))
    async with Targets((Target("here", kubeconfig=str(server.kubeconfig_for(user, []))),)) as targets:
        yield Gate(named, offer, targets)


def bound(plane: Kubectl, user: str, rules: list[Object]) -> None:
    api = "rbac.authorization.k8s.io"
    plane.apply({"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": rules})
    role = {"apiGroup": api, "kind": "ClusterRole", "name": user}
    subject = {"apiGroup": api, "kind": "User", "name": user}
    binding = {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user}}
    plane.apply(binding | {"roleRef": role, "subjects": [subject]})


async def everything(gate: Gate, claim: str) -> str:
    """What every reading tool says, one after the other."""
    said = io.StringIO()
    calls: list[tuple[str, Object]] = [(each.name, {}) for each in gate.tools(STDIO) if each.name.startswith("list_")]
    one = {"kind": "database", "name": claim, "namespace": NAMESPACE}
    calls += [("trace_resource", one), ("diagnose_resource", one), ("explain_deletion", one)]
    calls += [("explain_deletion", {"kind": "xrd", "name": f"xdatabases.{GROUP}"}), ("control_plane_status", {})]
    calls += [("get_xrd", {"name": f"xdatabases.{GROUP}"}), ("get_composition", {"name": "xdatabase"})]
    calls += [("diagnose_resource", {"kind": f"disks.{MANAGED_GROUP}", "name": "orphan"})]
    calls += [("describe_xrd_schema", {"kind": "database"})]
    manifest = encoding.to_yaml(manifests.claim("new", NAMESPACE))
    calls += [("validate_manifest", {"manifest": manifest})]
    for tool, arguments in calls:
        outcome = await gate.call(STDIO, tool, arguments)
        said.write(f"{tool}: {outcome.answer.text}\n")
    return said.getvalue()


@pytest.fixture
def claim(plane: Kubectl, unique: Callable[[str], str]) -> str:
    """One whose composite is in trouble, so that a diagnosis looks at all that it ever looks at."""
    name = unique("troubled")
    wanted = manifests.claim(name, NAMESPACE)
    wanted["spec"]["compositionRef"] = {"name": "nowhere"}
    plane.apply(wanted)

    def told() -> None:
        composite = plane.get(manifests.DATABASES, name, NAMESPACE)["spec"].get("resourceRef", {}).get("name")
        if not composite or "ReconcileError" not in plane.run("get", "xdatabase", composite, "-o", "json"):
            raise Refused(f"{composite} says nothing yet")

    world.eventually(told)
    names = {"kind": "Disk", "plural": "disks", "categories": ["managed"]}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": MANAGED_GROUP, "scope": "Cluster", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    plane.apply(crd | {"metadata": {"name": f"disks.{MANAGED_GROUP}"}, "spec": spec})
    plane.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/disks.{MANAGED_GROUP}")
    orphan = {"apiVersion": f"{MANAGED_GROUP}/v1", "kind": "Disk", "metadata": {"name": "orphan"}}
    plane.apply(orphan | {"spec": {"forProvider": {}}})
    return name


async def test_it_is_enough(
    plane: Kubectl,
    plane_server: RealCluster,
    printed: Callable[[str], Object],
    claim: str,
    unique: Callable[[str], str],
) -> None:
    user = unique("enough")
    bound(plane, user, (await anyio.to_thread.run_sync(printed, "crossplane-readonly"))["rules"])
    async with agent(plane_server, user) as gate:
        text = await everything(gate, claim)
    assert "forbidden" not in text.lower().replace("credentials", "")
    assert "does not exist" in text


@pytest.mark.whole
async def test_without_any_one_resource_something_is_missed_and_named(
    plane: Kubectl,
    plane_server: RealCluster,
    printed: Callable[[str], Object],
    claim: str,
    unique: Callable[[str], str],
) -> None:
    rules = (await anyio.to_thread.run_sync(printed, "crossplane-readonly"))["rules"]
    quiet = []
    for place, rule in enumerate(rules):
        for resource in rule["resources"]:
            fewer = deepcopy(rules)
            fewer[place]["resources"].remove(resource)
            user = unique("fewer")
            bound(plane, user, [each for each in fewer if each["resources"]])
            async with agent(plane_server, user) as gate:
                text = await everything(gate, claim)
            if "forbidden" not in text.lower():
                quiet.append(f"{rule['apiGroups'][0]}/{resource}")
    assert not quiet
