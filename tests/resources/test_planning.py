"""What a yes is for: the change and what follows from it, and not what is merely told beside it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.discovery import APIResource
from fairlead.machinery.paths import Resource
from fairlead.mcp.toolsets.core import planned
from fairlead.resources import applying, patching
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change
from fairlead.resources.reading import Reader
from tests.clusters import Pair

pytestmark = pytest.mark.requirement("mcp-core-writes:as-confirmed")


async def nothing() -> dict[str, object]:
    return {}


def test_a_note_is_part_of_what_is_agreed_to_and_a_remark_is_not() -> None:
    kind = Kind(Resource("", "v1", "configmaps", namespaced=True), APIResource("configmaps", "ConfigMap", ("create",)))
    change = Change("create", kind, "one", "shop", None, {}, {}, nothing, ("goes with it: 1 Bucket",))
    more, beside = replace(change, notes=("goes with it: 2 Bucket",)), replace(change, remarks=("3 use it",))
    assert change.digest != more.digest
    assert change.digest == beside.digest
    assert planned.shown([beside]).splitlines()[-2:] == ["goes with it: 1 Bucket", "3 use it"]


@pytest.mark.requirement("mcp-core-writes:patch")
def test_a_refused_patch_does_not_show_the_whole_object() -> None:
    """As a kube-apiserver words it where a field is of another type: with all that the object would have held."""
    whole = r'"{\"kind\":\"Object\",\"spec\":{\"password\":\"hunter\\\"2\"}}"'
    field = 'spec.metadata: Invalid value: {"annotations":{"a":1},"token":"hunter2"}: json: cannot unmarshal number'
    error = statuses.Invalid(f' "" is invalid: patch: Invalid value: {whole}: {field} into field annotations')
    told = str(planned.refused(error))
    assert (
        told == "the change does not fit the kind: spec.metadata: json: cannot unmarshal number into field annotations"
    )
    other = statuses.Invalid('Object "a" is invalid: spec.size: Invalid value: "huge": must be small')
    assert "huge" in str(planned.refused(other))


CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)


@pytest.fixture
async def client(embedded_pair: Pair) -> AsyncIterator[Client]:
    async with embedded_pair.app.open() as client:
        yield client


@pytest.fixture
async def lamps(client: Client, unique: Callable[[str], str]) -> Resource:
    group = f"{unique('lamps')}.example.org"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": schema}
    names = {"kind": "Lamp", "plural": "lamps"}
    spec = {"group": group, "scope": "Cluster", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    await client.create(CRDS, {**crd, "metadata": {"name": f"lamps.{group}"}})
    return Resource(group, "v1", "lamps", namespaced=False)


@pytest.mark.parametrize("way", ["patch", "apply"])
async def test_what_its_controller_says_meanwhile_is_no_part_of_a_change(
    client: Client, lamps: Resource, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a person would be asked about conditions that came and went by themselves."""
    typed = {"apiVersion": str(lamps.group_version), "kind": "Lamp", "metadata": {"name": "one"}}
    await client.create(lamps, {**typed, "spec": {}})
    await client.patch(lamps, "one", {"status": {"phase": "Dark"}}, subresource="status")
    send = getattr(client, way)

    async def late(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(client, way, send)
        await client.patch(lamps, "one", {"status": {"phase": "Bright"}}, subresource="status")
        return await send(*arguments, **options)

    monkeypatch.setattr(client, way, late)
    reader, wanted = Reader(client), {"spec": {"lit": True}}
    if way == "patch":
        change = await patching.planned(reader, await reader.kind(lamps.qualified), "one", "", wanted)
    else:
        change = await applying.planned(reader, {**typed, **wanted})
    assert change.diff.lines == ("+ spec.lit: true",)
    assert not change.removes
    assert (await change.send())["status"] == {"phase": "Bright"}
