"""Applying manifests through the gate, to API servers, embedded and real."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import STDIO
from fairlead.resources import applying, manifests, planning
from tests.mcp.toolsets.writers import Hands, Person

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-core-writes:apply")]

CONFIG_MAPS = Resource("", "v1", "configmaps")
SECRET = "kX9vQ2mLpR7"


def config_map(name: str, **data: str) -> str:
    values = "".join(f"  {key}: {value!r}\n" for key, value in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndata:\n{values}"


async def test_what_is_new_and_what_is_added_is_done_at_once(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name, person = unique("added"), Person()
    tried = await hands.said("resources_create_or_update", person, resource=config_map(name, a="1"), dry_run=True)
    assert "nothing was changed" in tried
    assert "+ data.a: 1" in tried
    assert name not in [each["metadata"]["name"] for each in (await client.list(CONFIG_MAPS, "default")).items]
    made = await hands.said("resources_create_or_update", person, resource=config_map(name, a="1"))
    assert made.startswith(f"created ConfigMap {name} in namespace default")
    added = await hands.said("resources_create_or_update", person, resource=config_map(name, a="1", b="2"))
    assert "\n+ data.b: 2\n" in added
    assert "data.a" not in added
    again = await hands.said("resources_create_or_update", person, resource=config_map(name, a="1", b="2"))
    assert "no difference" in again
    assert person.asked == []
    found = await client.get(CONFIG_MAPS, name, "default")
    assert found["data"] == {"a": "1", "b": "2"}
    assert [each["manager"] for each in found["metadata"]["managedFields"]] == ["fairlead-mcp"]


async def test_what_removes_or_replaces_is_asked_for(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name = unique("replaced")
    await hands.said("resources_create_or_update", resource=config_map(name, a="1", b="2"))
    for wanted in (config_map(name, a="1"), config_map(name, a="1", b="3")):
        nobody = Person(agrees=False)
        assert "nothing was changed" in await hands.refusal("resources_create_or_update", nobody, resource=wanted)
        assert "- data.b: 2" in nobody.asked[0]
    assert (await client.get(CONFIG_MAPS, name, "default"))["data"] == {"a": "1", "b": "2"}
    await hands.said("resources_create_or_update", Person(), resource=config_map(name, a="1"))
    assert (await client.get(CONFIG_MAPS, name, "default"))["data"] == {"a": "1"}


async def test_a_conflict_names_fields_and_managers_and_both_ways_on(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name = unique("owned")
    await client.create(
        CONFIG_MAPS, {"metadata": {"name": name}, "data": {"a": "1"}}, "default", fieldManager="gardener"
    )
    refusal = await hands.refusal("resources_create_or_update", Person(), resource=config_map(name, a="2"))
    assert '.data.a by "gardener"' in refusal
    assert "force=true" in refusal
    person = Person()
    await hands.said("resources_create_or_update", person, resource=config_map(name, a="2"), force=True)
    assert len(person.asked) == 1
    assert (await client.get(CONFIG_MAPS, name, "default"))["data"] == {"a": "2"}


@pytest.mark.requirement("mcp-core-writes:as-confirmed")
async def test_what_changed_meanwhile_is_left_alone(hands: Hands, client: Client, unique: Callable[[str], str]) -> None:
    name = unique("meanwhile")
    await hands.said("resources_create_or_update", resource=config_map(name, a="1"))

    class Slow(Person):
        async def ask(self, questions: Any) -> Any:
            await client.patch(CONFIG_MAPS, name, {"data": {"other": "x"}}, "default")
            return await super().ask(questions)

    refusal = await hands.refusal("resources_create_or_update", Slow(), resource=config_map(name, a="2"))
    assert "has changed meanwhile: nothing was done" in refusal
    assert (await client.get(CONFIG_MAPS, name, "default"))["data"] == {"a": "1", "other": "x"}


@pytest.mark.requirement("mcp-core-writes:no-marks")
async def test_what_was_shown_redacted_cannot_be_written_back(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name = unique("marked")
    secrets = Resource("", "v1", "secrets")
    await client.create(secrets, {"metadata": {"name": name}, "stringData": {"key": SECRET}}, "default")
    shown = await hands.said("resources_get", kind="secret", name=name, namespace="default")
    manifest = shown.split("\n", 1)[1].rpartition("\n")[0]
    refusal = await hands.refusal("resources_create_or_update", Person(), resource=manifest, force=True)
    assert "data.key holds" in refusal
    changed = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"key": SECRET * 2}}
    person = Person()
    answer = await hands.said(
        "resources_create_or_update", person, resource=str(changed), namespace="default", force=True
    )
    assert "- data.key: <redacted" in person.asked[0]
    assert SECRET not in answer + person.asked[0]


async def test_several_documents_with_their_namespace(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    space = unique("space")
    manifest = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}}}\n---\n" + config_map("a", x="1").replace(
        "default", space
    )
    answer = await hands.said("resources_create_or_update", resource=manifest)
    assert answer.startswith(f"created Namespace {space}")
    assert f"created ConfigMap a in namespace {space}" in answer
    assert (await client.get(CONFIG_MAPS, "a", space))["data"] == {"x": "1"}


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("a: [", "cannot be read"),
        ("", "needs resource"),
        ("---\n", "holds no object"),
        ("[1]", "holds no object"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {}}", "lacks metadata.name"),
        ("{apiVersion: v1, kind: ConfigMpa, metadata: {name: a}}", "near: configmaps"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", "give `namespace`"),
        ("{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}", "leave out metadata.namespace"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, dta: {}}", "dta"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: A_, namespace: default}}", "metadata.name"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: absent-here}}", '"absent-here" not found'),
    ],
)
async def test_a_wrong_manifest_says_what_is_wrong(hands: Hands, manifest: str, says: str) -> None:
    assert says in await hands.refusal("resources_create_or_update", Person(), resource=manifest)


async def test_a_kind_whose_definition_comes_along_waits_for_it(hands: Hands) -> None:
    definition = (
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a.b.example.org}}"
    )
    manifest = f"{{apiVersion: b.example.org/v1, kind: A, metadata: {{name: a}}}}\n---\n{definition}"
    refusal = await hands.refusal("resources_create_or_update", Person(), resource=manifest, namespace="default")
    assert "apply its definition alone first" in refusal


@pytest.mark.requirement("mcp-core-writes:partly-done")
async def test_what_stops_in_the_middle_says_how_far_it_came(
    hands: Hands, client: Client, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (unique(each) for each in ("first", "second", "third"))
    await hands.said("resources_create_or_update", resource=config_map(second, a="1"))
    connection = hands.gate.clusters.target("", STDIO).client.connection
    request = connection.request

    async def meddling(method: str, path: str, **more: Any) -> Any:
        if method == "PATCH" and first in path and "dryRun" not in more["query"]:
            await client.patch(CONFIG_MAPS, second, {"data": {"other": "x"}}, "default")
        return await request(method, path, **more)

    monkeypatch.setattr(connection, "request", meddling)
    documents = [config_map(first, a="1"), config_map(second, b="2", a="1"), config_map(third, a="1")]
    refusal = await hands.refusal("resources_create_or_update", Person(), resource="---\n".join(documents))
    assert f"done: create ConfigMap {first}" in refusal
    assert f"not done: change ConfigMap {second}" in refusal
    assert f"not begun: create ConfigMap {third}" in refusal
    assert "has changed meanwhile" in refusal


@pytest.mark.requirement("mcp-core-writes:partly-done")
async def test_a_deadline_on_the_way_is_noted(
    hands: Hands, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = hands.gate.clusters.target("", STDIO)
    changes = await applying.all_planned(reader, manifests.read(config_map(unique("late"), a="1")))

    async def never(*arguments: Any, **more: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(reader.client, "apply", never)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.2):
            await planning.carry_out(changes)
    assert caught.value.__cause__ is not None
    assert "sent, and perhaps done: create ConfigMap late" in caught.value.__cause__.__notes__[0]


async def test_what_cannot_be_changed_says_how_to_replace_it(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name = unique("fixed")
    metadata = {"name": name}
    await client.create(CONFIG_MAPS, {"metadata": metadata, "immutable": True, "data": {"a": "1"}}, "default")
    refusal = await hands.refusal("resources_create_or_update", Person(), resource=config_map(name, a="2"), force=True)
    assert "immutable" in refusal
    assert "delete the object and make it anew" in refusal
