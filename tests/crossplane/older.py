"""One control plane with real Crossplane 1.20 for each test process, and an agent at it.

What 1.20 composes has to be cluster-scoped, which a ConfigMap is not; so the compositions here make ClusterRoles. What
a plane needs is imported where it is started: most tests never ask for it.
"""

import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from testenv.servers import RealCluster
    from tests.crossplane.agents import Hand
    from tests.e2e.hands import Kubectl

NAMESPACE = "shop"
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
CATALOG = ("crossplane", *(f"crossplane-{each}" for each in ("resources", "packages", "managed", "operations")))


@pytest.fixture(scope="session")
def older_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RealCluster"]:
    from testenv.crossplane import RealCrossplane
    from tests.clusters import running

    directory = tmp_path_factory.mktemp("older")
    with (
        running("older", directory / "plane") as server,
        RealCrossplane(server, directory / "crossplane", version="1.20", usages=True),
    ):
        yield server


@pytest.fixture(scope="session")
def older_plane(older_server: "RealCluster") -> "Kubectl":
    """It offers claims (databases), which become Ready whatever other compositions there are."""
    from tests.e2e import manifests, world
    from tests.e2e.platforms import by_kubectl

    hands = by_kubectl(older_server)
    hands.create(manifests.namespace(NAMESPACE))
    xrd = manifests.xrd()
    xrd["spec"]["defaultCompositionRef"] = {"name": "xdatabase"}
    hands.apply(xrd)
    world.eventually(partial(hands.names, manifests.DATABASES, NAMESPACE))
    target = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "XDatabase"}
    spec = {"compositeTypeRef": target, "mode": "Pipeline", "pipeline": json.loads(pipeline())}
    made = {"apiVersion": "apiextensions.crossplane.io/v1", "kind": "Composition", "metadata": {"name": "xdatabase"}}
    hands.apply(made | {"spec": spec})
    return hands


@pytest.fixture
async def older(older_plane: "Kubectl", older_server: "RealCluster") -> AsyncIterator["Hand"]:
    """An agent with every tool for Crossplane."""
    from tests.crossplane.agents import hand

    async with hand(older_server.cluster.kubeconfig, *CATALOG) as one:
        yield one


def pipeline(**wanted: Any) -> str:
    """That composes a ClusterRole, which Crossplane names."""
    from testenv.crossplane import FUNCTION

    wishes = {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes"} | (wanted or {"compose": {"role": ROLE}})
    return json.dumps([{"step": "make", "functionRef": {"name": FUNCTION}, "input": wishes}])


def composite_of(hands: "Kubectl", name: str, kind: str) -> str:
    """The name of a claim's composite, once the claim is Ready."""
    hands.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"{kind}/{name}")
    found = json.loads(hands.run("get", kind, name, "-n", NAMESPACE, "-o", "json"))
    return str(found["spec"]["resourceRef"]["name"])
