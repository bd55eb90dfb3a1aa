import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.cli import main
from fairlead.crossplane import tracing
from fairlead.crossplane.judging import State
from fairlead.crossplane.references import Reference, children
from fairlead.crossplane.tracing import Limits, Trace
from fairlead.crossplane.understanding import reporting
from fairlead.machinery import statuses
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader
from testenv.servers import RealCluster
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-understanding:trace")]

KIND = SimpleNamespace(api_version="example.org/v1", api=SimpleNamespace(kind="Part", categories=("composite",)))


class Parts:
    """A reader of objects that name each other."""

    def __init__(self, graph: dict[int, set[int]]) -> None:
        self._graph = graph

    async def kind(self, name: str, api_version: str = "") -> Any:
        if name != "Part":
            raise UnknownKindError(f"the server has no kind {name!r}")
        return KIND

    async def one(self, kind: Any, name: str, namespace: str = "") -> Object:
        number = int(name)
        if number not in self._graph:
            raise statuses.NotFound(f"part {name} not found")
        below = [{"apiVersion": "example.org/v1", "kind": "Part", "name": str(each)} for each in self._graph[number]]
        ready = [{"type": "Ready", "status": "True", "reason": "Available"}]
        typed = {"apiVersion": "example.org/v1", "kind": "Part"}
        return typed | {"metadata": {"name": name}, "spec": {"resourceRefs": below}, "status": {"conditions": ready}}


async def traced(graph: dict[int, set[int]], limits: Limits = Limits()) -> Trace:  # noqa: B008 - a frozen value
    return await tracing.trace(cast("Reader", Parts(graph)), cast("Any", KIND), "0", limits=limits)


NUMBERS = st.integers(0, 12)


@given(st.dictionaries(NUMBERS, st.sets(NUMBERS, max_size=4)).map(lambda graph: {0: {1, 2}} | graph))
async def test_each_object_is_there_once_whatever_names_what(graph: dict[int, set[int]]) -> None:
    found = await traced(graph)
    names = [int(each.reference.name) for each in found.nodes]
    reached: set[int] = set()
    waiting = [0]
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            waiting += graph.get(number, set())
    assert sorted(names) == sorted(reached)
    assert [each.id for each in found.nodes] == list(range(len(names)))
    assert all(each.parent is None or each.parent < each.id for each in found.nodes)
    assert {int(each.reference.name) for each in found.nodes if each.obj is None} == reached - graph.keys()
    assert len(reporting.rows(found)) == len(names)


async def test_depth_and_number_have_limits_that_are_told() -> None:
    chain = {number: {number + 1} for number in range(20)}
    deep = await traced(chain, Limits(depth=3))
    assert len(deep.nodes) == 4
    assert deep.nodes[-1].cut == "1 below it are deeper than 3 levels"
    broad = await traced({0: set(range(1, 50)), **{number: set() for number in range(1, 50)}}, Limits(nodes=10))
    assert len(broad.nodes) == 10
    assert "40 of 49 below it are left out" in broad.root.cut
    assert not reporting.document(broad)["complete"]


def test_references_lie_where_the_scope_puts_them() -> None:
    part = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}
    legacy = {"spec": {"resourceRefs": [part, {"apiVersion": "v1", "kind": "Pod"}]}}
    namespaced = {"metadata": {"namespace": "shop"}, "spec": {"crossplane": {"resourceRefs": [part]}}}
    claim = {"spec": {"resourceRef": {"apiVersion": "e/v1", "kind": "XOne", "name": "x"}, "resourceRefs": [part]}}
    claim["spec"]["writeConnectionSecretToRef"] = {"name": "keys"}
    assert children(legacy) == [Reference("v1", "ConfigMap", "a")]
    assert children(namespaced) == [Reference("v1", "ConfigMap", "a", "shop")]
    assert children(claim) == [Reference("e/v1", "XOne", "x")]
    assert children(claim, secrets=True)[1:] == [Reference("v1", "Secret", "keys")]


# -- Real Crossplane ---------------------------------------------------------------------------------------------------


@pytest.fixture
def orders(plane: Kubectl, unique: Callable[[str], str]) -> str:
    name = unique("orders")
    plane.apply(manifests.claim(name, NAMESPACE) | {"apiVersion": f"{GROUP}/v1alpha1"})
    plane.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"databases/{name}")
    return name


@pytest.mark.real
async def test_a_claim_with_all_that_it_is_made_of(reader: Reader, orders: str) -> None:
    kind = await reader.kind("database")
    with anyio.fail_after(60):  # a ready claim is reconciled once more, and meanwhile speaks of an earlier generation
        while (found := await tracing.trace(reader, kind, orders, NAMESPACE, secrets=True)).nodes:
            if {each.health.state for each in found.nodes} == {State.HEALTHY}:
                break
            await anyio.sleep(0.2)
    assert [(each.depth, each.reference.kind) for each in found.nodes if each.reference.kind != "Secret"] == [
        (0, "Database"),
        (1, "XDatabase"),
        (2, "ConfigMap"),
    ]
    assert found.nodes[2].composed_name == "settings" or found.nodes[-1].composed_name == "settings"
    assert all(each.obj is None for each in found.nodes if each.reference.kind == "Secret")


@pytest.mark.real
def test_the_command_prints_it(plane_server: RealCluster, orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["-n", NAMESPACE, "--kubeconfig", str(plane_server.cluster.kubeconfig)]
    assert main.run(["trace", f"database/{orders}", *where]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "SYNCED", "READY", "STATUS"]
    assert lines[1].split()[:3] == [f"Database/{orders}", "in", NAMESPACE]
    assert lines[2].startswith("└─ XDatabase/")
    assert lines[3].startswith("   └─ ConfigMap/")
    assert main.run(["trace", "database", orders, "-o", "json", *where]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["complete"]
    assert [each["parent"] for each in found["nodes"]] == [None, 0, 1]


@pytest.mark.real
def test_without_a_name_all_of_a_kind_are_printed(
    plane_server: RealCluster, orders: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--kubeconfig", str(plane_server.cluster.kubeconfig)]
    assert main.run(["trace", "database", "-n", NAMESPACE, *where]) == 0
    heads = [each.split()[0] for each in capsys.readouterr().out.splitlines() if each and each[0] not in " └├N│"]
    assert f"Database/{orders}" in heads
    assert {each.partition("/")[0] for each in heads} == {"Database"}
    assert main.run(["trace", "database", "-n", NAMESPACE, "-o", "json", *where]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["nodes"][0]["name"] for each in found] == [each.partition("/")[2] for each in heads]
    assert main.run(["trace", "database", "-n", "kube-public", *where]) == 0
    assert capsys.readouterr().out == f"no databases.{GROUP} in kube-public\n"


@pytest.mark.real
async def test_the_object_that_is_in_trouble_says_why(
    plane: Kubectl, reader: Reader, unique: Callable[[str], str]
) -> None:
    name = unique("lost")
    claim = manifests.claim(name, NAMESPACE) | {"apiVersion": f"{GROUP}/v1alpha1"}
    claim["spec"]["compositionRef"] = {"name": "no-such-composition"}
    plane.apply(claim)
    kind = await reader.kind("database")

    def told() -> None:
        claimed = plane.get(manifests.DATABASES, name, NAMESPACE)
        composite = plane.run("get", "xdatabase", claimed["spec"]["resourceRef"]["name"], "-o", "json")
        if "no-such-composition" not in composite or '"reason": "ReconcileError"' not in composite:
            raise Refused(composite)

    world.eventually(told)
    found = await tracing.trace(reader, kind, name, NAMESPACE)
    assert [each.reference.kind for each in found.troubles] == ["XDatabase"]
    assert "no-such-composition" in found.troubles[0].health.message


async def test_what_is_not_said_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["diagnose", "database"], ["trace", "database/"], ["trace", "database/orders", "orders"]):
        assert main.run(words) == 1
        assert "say KIND/NAME, or KIND NAME" in capsys.readouterr().err
