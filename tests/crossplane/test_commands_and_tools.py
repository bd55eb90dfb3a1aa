"""The same findings for people at a terminal and for agents, on the real core."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli import main
from fairlead.client.api import Client
from fairlead.crossplane import surveying
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.resources.reading import Reader
from testenv.servers import RealCluster
from tests.crossplane import patients
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests
from tests.e2e.hands import Kubectl

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.real,
    pytest.mark.requirement("crossplane-understanding:people-and-agents"),
]


@pytest.fixture
async def gate(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Gate]:
    server = NamedServer("one", catalog=("crossplane-diagnose",))
    offer = offering.combined(catalog.chosen(server.catalog, catalog.toolsets()))
    async with Targets((Target("here", kubeconfig=str(plane_server.cluster.kubeconfig)),)) as targets:
        yield Gate(server, offer, targets)


@pytest.fixture
def lost(plane: Kubectl, unique: Callable[[str], str]) -> str:
    name = unique("lost")
    patients.lost(plane, name)
    return name


async def said(gate: Gate, tool: str, **arguments: Any) -> str:
    outcome = await gate.call(STDIO, tool, arguments)
    assert not outcome.failed, outcome.answer.text
    return outcome.answer.text


async def test_an_agent_is_told_cause_evidence_and_next_call(gate: Gate, lost: str) -> None:
    text = await said(gate, "diagnose_resource", kind="database", name=lost, namespace=NAMESPACE)
    assert "1. XDatabase/" in text
    assert "asks for the composition nowhere, which does not exist" in text
    assert text.endswith("next: resources_list kind=Composition.apiextensions.crossplane.io")
    tree = await said(gate, "trace_resource", kind="database", name=lost, namespace=NAMESPACE)
    assert "2 objects, 1 in trouble\nnext: diagnose_resource kind=Database." in tree
    listed = await said(gate, "list_unhealthy", scopes=["composites"])
    assert "XDatabase unhealthy: Synced: ReconcileError" in listed


async def test_wrong_calls_say_what_there_is(gate: Gate) -> None:
    outcome = await gate.call(STDIO, "list_unhealthy", {"scopes": ["compositions"]})
    assert outcome.failed
    assert "there are: packages, xrds" in outcome.answer.text
    outcome = await gate.call(STDIO, "diagnose_resource", {"kind": "database", "name": "none", "namespace": NAMESPACE})
    assert 'databases.demo.example.org "none" not found; ' in outcome.answer.text
    outcome = await gate.call(STDIO, "describe_xrd_schema", {"kind": "configmaps"})
    assert "no XRD makes 'configmaps'; near: " in outcome.answer.text


async def test_the_fields_of_a_platform_api(gate: Gate) -> None:
    for called in ("database", "xdatabases", f"xdatabases.{GROUP}"):
        text = await said(gate, "describe_xrd_schema", kind=called)
        assert "spec.size*: string, one of small, large — How much of it." in text
        assert "spec.replicas: integer, ≥ 1, default 1" in text
        assert "kind: Database" in text


async def test_what_goes_with_a_definition_is_counted(plane: Kubectl, gate: Gate, unique: Callable[[str], str]) -> None:
    name = unique("counted")
    plane.apply(manifests.claim(name, NAMESPACE))
    plane.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"databases/{name}")
    claims = len(plane.names(manifests.DATABASES, NAMESPACE))
    text = await said(gate, "explain_deletion", kind="xrd", name=f"xdatabases.{GROUP}")
    assert "is not being deleted; this is what a deletion would do" in text
    assert f"{claims} Database, {claims} XDatabase" in text
    one = await said(gate, "explain_deletion", kind="database", name=name, namespace=NAMESPACE)
    assert "goes with it: 1 ConfigMap, 1 XDatabase" in one
    assert "finalizer finalizer.apiextensions.crossplane.io: removed by the claim controller" in one


def test_people_get_the_same(plane_server: RealCluster, lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--kubeconfig", str(plane_server.cluster.kubeconfig)]
    assert main.run(["diagnose", f"database/{lost}", "-n", NAMESPACE, *where]) == 1
    told = capsys.readouterr().out
    assert "asks for the composition nowhere" in told
    assert "next: kubectl get Composition.apiextensions.crossplane.io\n" in told
    assert main.run(["diagnose", f"database/{lost}", "-n", NAMESPACE, "-o", "json", *where]) == 1
    assert json.loads(capsys.readouterr().out)["causes"][0]["name"] == "composition-missing"
    assert main.run(["unhealthy", "--scope", "composites", *where]) == 1
    assert "XDatabase unhealthy" in capsys.readouterr().out
    assert main.run(["unhealthy", "--scope", "everything", *where]) == 1
    assert "there are: packages" in capsys.readouterr().err
    assert main.run(["explain-deletion", f"database/{lost}", "-n", NAMESPACE, "-o", "yaml", *where]) == 0
    assert "removedBy" in capsys.readouterr().out


async def test_a_kind_that_cannot_be_read_is_named(plane: Kubectl, plane_server: RealCluster) -> None:
    async with Client.from_kubeconfig(plane_server.kubeconfig_for("reader", ["nobodies"])) as client:
        found = await surveying.survey(Reader(client), ("claims",))
    assert found.kinds >= 1
    assert any(each.startswith(f"databases.{GROUP}: ") and "forbidden" in each for each in found.unread)


MANIFESTS = """
apiVersion: demo.example.org/v1alpha1
kind: Database
metadata: {name: fine, namespace: shop}
spec: {size: small}
---
apiVersion: demo.example.org/v1alpha1
kind: Database
metadata: {name: huge, namespace: shop}
spec: {size: huge, colour: red}
---
apiVersion: demo.example.org/v1alpha1
kind: Database
metadata: {name: lost, namespace: shop}
spec: {size: small, compositionRef: {name: nowhere}}
---
apiVersion: nowhere.example.org/v1
kind: Thing
metadata: {name: one}
---
apiVersion: apiextensions.crossplane.io/v1
kind: Composition
metadata: {name: functionless}
spec:
  compositeTypeRef: {apiVersion: demo.example.org/v1alpha1, kind: XNothing}
  mode: Pipeline
  pipeline: [{step: one, functionRef: {name: function-nobody-has}}]
"""


@pytest.mark.requirement("crossplane-understanding:validation")
async def test_manifests_are_judged_with_what_they_lean_on(gate: Gate) -> None:
    text = await said(gate, "validate_manifest", manifest=MANIFESTS)
    assert "Database/fine in shop: valid" in text
    assert "Database/huge in shop: invalid" in text
    assert ".spec.colour" in text
    assert "Database/lost in shop: valid\n    warning: the composition nowhere does not exist" in text
    assert "Thing/one: missingSchema" in text
    assert "warning: the function function-nobody-has is not installed" in text
    assert "warning: XNothing of demo.example.org/v1alpha1 is not served" in text


@pytest.mark.requirement("crossplane-understanding:validation")
def test_a_person_validates_files(
    plane_server: RealCluster, plane: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    where = ["--kubeconfig", str(plane_server.cluster.kubeconfig)]
    for how in ([], ["--offline"]):
        assert main.run(["validate", str(tmp_path / "all.yaml"), "-o", "json", *how, *where]) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["summary"] == {"total": 5, "valid": 3, "invalid": 1, "missingSchemas": 1}
    assert main.run(["validate", str(tmp_path / "none.yaml"), *where]) == 1
    assert "No such file" in capsys.readouterr().err


async def test_a_control_plane_at_a_glance(gate: Gate) -> None:
    text = await said(gate, "control_plane_status")
    assert "Crossplane: 2.x, with managed resource definitions, operations (if enabled), usages" in text
    assert "XRDs" in text
    assert "activation: default: *" in text
