"""What a manifest would change, by the server's dry run and worked out here: both must say the same."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import STDIO
from fairlead.mcp.named.servers import Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.resources import applying, offline, planning
from fairlead.resources.diffing import diff
from tests.mcp.toolsets import definitions
from tests.mcp.toolsets.writers import Hands, Person

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-core-writes:offline")]

CONFIG_MAPS = Resource("", "v1", "configmaps")
SPEC = {
    "type": "object",
    "x-kubernetes-validations": [{"rule": "self.size <= 100", "message": "too large"}],
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "maximum": 1000},
        "tier": {"type": "string", "default": "bronze", "enum": ["bronze", "gold"]},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
            },
        },
    },
}
GROUP = "compares.example.org"


@pytest.fixture
async def readers(cluster: Cluster) -> AsyncIterator[Hands]:
    async with Targets((Target("here", kubeconfig=str(cluster.kubeconfig)),)) as targets:
        yield Hands(targets)


def shop(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Shop",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


@pytest.mark.parametrize("reads_only", [False, True])
async def test_the_difference_is_the_same_both_ways(
    hands: Hands, readers: Hands, client: Client, unique: Callable[[str], str], reads_only: bool
) -> None:
    shops = await definitions.made(client, GROUP, "Shop", spec=SPEC)
    name, side = unique("shop"), readers if reads_only else hands
    manifest = shop(name, size=5, ports=[{"name": "http", "port": 80}])
    created = await side.said("resources_diff", resource=json.dumps(manifest))
    assert f"Shop {name} in namespace default would be created" in created
    assert "+ spec.tier: bronze" in created
    assert ("self.size <= 100" in created) is reads_only
    await hands.said("resources_create_or_update", resource=json.dumps(manifest))
    assert "no difference" in await side.said("resources_diff", resource=json.dumps(manifest))
    changed = shop(name, size=6, ports=[{"name": "https", "port": 443}])
    said = await side.said("resources_diff", resource=json.dumps(changed))
    lines = [line for line in said.splitlines() if line[:2] in ("- ", "+ ")]
    assert lines == [
        '- spec.ports[http]: {"name": "http", "port": 80}',
        '+ spec.ports[https]: {"name": "https", "port": 443}',
        "- spec.size: 5",
        "+ spec.size: 6",
    ]
    where: dict[str, Any] = {"kind": "shop", "name": name, "namespace": "default"}
    await hands.said("resources_patch", Person(), **where, patch="{spec: {size: 8}}")  # a manager of its own, but ours
    assert "- spec.size: 8\n+ spec.size: 6" in await side.said("resources_diff", resource=json.dumps(changed))
    await client.patch(shops, name, {"spec": {"size": 7}}, "default", fieldManager="gardener")
    refusal = await side.refusal("resources_diff", resource=json.dumps(changed))
    assert '.spec.size by "gardener"' in refusal
    assert "force=true" in refusal


@pytest.mark.parametrize("reads_only", [False, True])
@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"size": 5}, "valid"),
        ({"size": 1001}, "less than or equal to 1000"),
        ({"size": "5"}, "spec.size"),
        ({}, "spec.size: Required value"),
        ({"size": 1, "tier": "silver"}, 'supported values: "bronze", "gold"'),
        ({"size": 1, "teir": "gold"}, "teir"),
    ],
)
async def test_what_is_valid(
    hands: Hands, readers: Hands, client: Client, reads_only: bool, spec: dict[str, Any], says: str
) -> None:
    await definitions.made(client, GROUP, "Shop", spec=SPEC)
    side = readers if reads_only else hands
    found = await side.outcome("resources_validate", resource=json.dumps(shop("never-made", **spec)))
    assert found.failed is (says != "valid")
    assert says in found.answer.text


async def test_one_that_is_wrong_is_said_among_others(readers: Hands) -> None:
    right = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    wrong = {**right, "dta": {}}
    said = await readers.said(
        "resources_validate", resource=f"{json.dumps(right)}\n---\n{json.dumps(wrong)}", namespace="default"
    )
    assert "ConfigMap a in namespace default: valid" in said
    assert "ConfigMap a: refused: " in said
    assert "dta" in said


keys = st.sampled_from(["a", "b", "c"])
data = st.dictionaries(keys, st.sampled_from(["1", "2", ""]), min_size=1)
labels = st.dictionaries(keys, st.sampled_from(["x", "y"]), max_size=2)


@pytest.mark.requirement("mcp-core-writes:as-planned")
@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(data, labels, st.booleans()), min_size=2, max_size=4), number=st.uuids())
async def test_what_is_done_is_what_was_planned_and_foreseen(
    hands: Hands, steps: list[tuple[dict[str, str], dict[str, str], bool]], number: Any
) -> None:
    reader = hands.gate.clusters.target("", STDIO)
    name = f"planned-{number}"
    for values, marks, immutable in steps:
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default", "labels": marks},
            "data": values,
        } | ({"immutable": False} if immutable else {})
        foreseen = await offline.foreseen(reader, manifest)
        change = await applying.planned(reader, manifest)
        (after,) = await planning.carry_out([change])
        assert foreseen.diff == change.diff == diff(change.before, after)
        assert diff(change.after, after).lines == ()
