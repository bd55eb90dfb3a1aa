"""Patching, scaling and deleting one object through the gate, on API servers, embedded and real."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import STDIO
from tests.mcp.toolsets import definitions
from tests.mcp.toolsets.writers import Hands, Person

pytestmark = pytest.mark.anyio

CONFIG_MAPS = Resource("", "v1", "configmaps")


async def made(client: Client, name: str, **data: str) -> None:
    await client.create(CONFIG_MAPS, {"metadata": {"name": name}, "data": data}, "default")


@pytest.mark.requirement("mcp-core-writes:patch")
@pytest.mark.parametrize(
    ("form", "adding", "removing"),
    [
        ("merge", {"data": {"b": "2"}}, {"data": {"a": None}}),
        ("strategic", {"data": {"b": "2"}}, {"data": {"a": None}}),
        ("json", [{"op": "add", "path": "/data/b", "value": "2"}], [{"op": "remove", "path": "/data/a"}]),
    ],
)
async def test_a_patch_of_each_form(
    hands: Hands, client: Client, unique: Callable[[str], str], form: str, adding: Any, removing: Any
) -> None:
    name = unique("patched")
    await made(client, name, a="1")
    where: dict[str, Any] = {"kind": "cm", "name": name, "namespace": "default", "form": form}
    answer = await hands.said("resources_patch", **where, patch=json.dumps(adding))
    assert "\n+ data.b: 2\n" in answer
    nobody, person = Person(agrees=False), Person()
    await hands.refusal("resources_patch", nobody, **where, patch=json.dumps(removing))
    assert "- data.a: 1" in nobody.asked[0]

    class Slow(Person):
        async def ask(self, questions: Any) -> Any:
            await client.patch(CONFIG_MAPS, name, {"data": {"other": "x"}}, "default")
            return await super().ask(questions)

    refusal = await hands.refusal("resources_patch", Slow(), **where, patch=json.dumps(removing))
    assert "has changed meanwhile: nothing was done" in refusal
    await hands.said("resources_patch", person, **where, patch=json.dumps(removing))
    assert (await client.get(CONFIG_MAPS, name, "default"))["data"] == {"b": "2", "other": "x"}


@pytest.mark.requirement("mcp-core-writes:patch")
@pytest.mark.parametrize(
    ("form", "patch", "says"),
    [
        ("merge", "[1]", "a merge patch is a mapping"),
        ("merge", "{metadata: 5}", "a merge patch is a mapping"),
        ("json", "{a: 1}", "a json patch is a list of operations"),
        ("merge", "{", "the patch cannot be read"),
        ("merge", "data: {a: <redacted by fairlead>}", "data.a holds"),
    ],
)
async def test_a_wrong_patch(hands: Hands, form: str, patch: str, says: str) -> None:
    refusal = await hands.refusal("resources_patch", Person(), kind="ns", name="default", form=form, patch=patch)
    assert says in refusal


@pytest.mark.requirement("mcp-core-writes:delete")
async def test_deleting_asks_and_says_what_follows(hands: Hands, client: Client, unique: Callable[[str], str]) -> None:
    name = unique("deleted")
    await made(client, name)
    finalizers = {"metadata": {"finalizers": ["example.org/held"]}}
    await client.patch(CONFIG_MAPS, name, finalizers, "default")
    where: dict[str, Any] = {"kind": "cm", "name": name, "namespace": "default"}
    nobody, person = Person(agrees=False), Person()
    assert "nothing was changed" in await hands.refusal("resources_delete", nobody, **where)
    assert f"delete ConfigMap {name} in namespace default" in nobody.asked[0]
    assert "it stays until its finalizers are done: example.org/held" in nobody.asked[0]
    tried = await hands.said("resources_delete", nobody, **where, dry_run=True)
    assert "nothing was changed" in tried
    assert "deletionTimestamp" not in (await client.get(CONFIG_MAPS, name, "default"))["metadata"]
    assert f"deleted ConfigMap {name}" in await hands.said("resources_delete", person, **where)
    assert "deletionTimestamp" in (await client.get(CONFIG_MAPS, name, "default"))["metadata"]
    await client.patch(CONFIG_MAPS, name, {"metadata": {"finalizers": None}}, "default")
    with pytest.raises(statuses.NotFound):
        await client.get(CONFIG_MAPS, name, "default")
    refusal = await hands.refusal("resources_delete", person, **where)
    assert "not found; list configmaps to see the names that exist" in refusal


@pytest.mark.requirement("mcp-core-writes:as-confirmed")
async def test_another_object_of_that_name_is_not_deleted(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name = unique("twin")
    await made(client, name)

    class Slow(Person):
        async def ask(self, questions: Any) -> Any:
            await client.delete(CONFIG_MAPS, name, "default")
            await made(client, name)
            return await super().ask(questions)

    refusal = await hands.refusal("resources_delete", Slow(), kind="cm", name=name, namespace="default")
    assert "has changed meanwhile: nothing was done" in refusal
    assert await client.get(CONFIG_MAPS, name, "default")


@pytest.mark.requirement("mcp-core-writes:as-confirmed")
@pytest.mark.parametrize(
    "tool", ["resources_patch", "resources_create_or_update", "resources_scale", "resources_delete"]
)
async def test_another_status_is_no_other_object(
    hands: Hands, client: Client, unique: Callable[[str], str], tool: str
) -> None:
    farms = await definitions.made(client, "writes.example.org", "Farm", spec=definitions.REPLICAS, scale=True)
    name = unique("busy")
    metadata = {"name": name, "namespace": "default"}
    obj = {"apiVersion": str(farms.group_version), "kind": "Farm", "metadata": metadata, "spec": {"replicas": 2}}
    await hands.said("resources_create_or_update", resource=json.dumps(obj))

    class Slow(Person):
        async def ask(self, questions: Any) -> Any:
            status = {"status": {"replicas": 1}}
            await client.patch(farms, name, status, "default", subresource="status")
            return await super().ask(questions)

    where: dict[str, Any] = {"kind": "farm", "name": name, "namespace": "default"}
    arguments: dict[str, dict[str, Any]] = {
        "resources_patch": {**where, "patch": "{spec: {replicas: 3}}"},
        "resources_create_or_update": {"resource": json.dumps({**obj, "spec": {"replicas": 3}})},
        "resources_scale": {**where, "replicas": 3},
        "resources_delete": where,
    }
    await hands.said(tool, Slow(), **arguments[tool])
    if tool != "resources_delete":
        assert (await client.get(farms, name, "default"))["spec"]["replicas"] == 3


@pytest.mark.requirement("mcp-core-writes:in-use")
async def test_what_is_in_use_is_not_tried_out(
    hands: Hands, client: Client, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usages = await definitions.made(client, "protection.crossplane.io", "Usage", spec=definitions.ANYTHING)
    name = unique("used")
    await made(client, name)
    await client.patch(CONFIG_MAPS, name, {"metadata": {"labels": {"crossplane.io/in-use": "true"}}}, "default")
    for of, usage in ((name, unique("uses")), ("other", unique("uses"))):
        spec = {
            "of": {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": of}},
            "by": {"apiVersion": "v1", "kind": "Secret", "resourceRef": {"name": "billing"}},
            "reason": "the accounts live there",
            "replayDeletion": True,
        }
        obj = {"apiVersion": str(usages.group_version), "kind": "Usage", "metadata": {"name": usage}, "spec": spec}
        await client.create(usages, obj, "default")
    sent = watched(hands, monkeypatch)
    nobody = Person(agrees=False)
    await hands.refusal("resources_delete", nobody, kind="cm", name=name, namespace="default")
    tried = await hands.said("resources_delete", nobody, kind="cm", name=name, namespace="default", dry_run=True)
    for said in (nobody.asked[0], tried):
        assert "it is in use" in said
        assert said.count("used by Secret billing, says Usage uses-") == 1
        assert "the accounts live there (it deletes the object itself once it ends)" in said
    assert not [each for each in sent if each.startswith("DELETE")]
    await hands.said("resources_delete", Person(), kind="cm", name=name, namespace="default")
    assert [each for each in sent if each.startswith("DELETE")] == [
        f"DELETE /api/v1/namespaces/default/configmaps/{name}"
    ]


def watched(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent from now on."""
    connection = hands.gate.clusters.target("", STDIO).client.connection
    request, sent = connection.request, []

    async def recorded(method: str, path: str, **more: Any) -> Any:
        sent.append(f"{method} {path}")
        return await request(method, path, **more)

    monkeypatch.setattr(connection, "request", recorded)
    return sent


@pytest.mark.requirement("mcp-core-writes:scale")
async def test_scaling(hands: Hands, client: Client, unique: Callable[[str], str]) -> None:
    farms = await definitions.made(client, "writes.example.org", "Farm", spec=definitions.REPLICAS, scale=True)
    name = unique("farm")
    obj = {"apiVersion": str(farms.group_version), "kind": "Farm", "metadata": {"name": name}, "spec": {"replicas": 2}}
    await client.create(farms, obj, "default")
    where: dict[str, Any] = {"kind": "farm", "name": name, "namespace": "default"}
    assert "2 replicas wanted, 0 there" in await hands.said("resources_scale", **where)
    nobody = Person(agrees=False)
    await hands.refusal("resources_scale", nobody, **where, replicas=5)
    assert "- spec.replicas: 2\n+ spec.replicas: 5" in nobody.asked[0]
    await hands.said("resources_scale", Person(), **where, replicas=5)
    assert (await client.get(farms, name, "default"))["spec"]["replicas"] == 5
    assert "cannot be scaled" in await hands.refusal("resources_scale", kind="cm", name="a", namespace="default")
    assert "give `namespace`" in await hands.refusal("resources_scale", kind="farm", name="a")
