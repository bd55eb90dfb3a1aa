"""Platform APIs and what they are made of."""

import json

from testenv.crossplane import FUNCTION
from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests
from tests.evaluation.tasks import GROUP, Object, Scene, cache, composition, pipeline, task

_SCHEMA: Object = {"properties": {"size": {"type": "string"}}, "required": ["size"]}


@task("Give my developers an API to order buckets, with a size.")
async def new_platform_api(scene: Scene) -> None:
    group = f"{scene.unique('ordered')}.example.org"
    await scene.agent("create_xrd", group=group, kind="XBucket", claim_kind="Bucket", spec_schema=json.dumps(_SCHEMA))
    await scene.agent(
        "create_composition",
        name="buckets",
        xr_api_version=f"{group}/v1alpha1",
        xr_kind="XBucket",
        pipeline=json.dumps(pipeline()),
    )
    claim = {"apiVersion": f"{group}/v1alpha1", "kind": "Bucket", "metadata": {"name": "one", "namespace": NAMESPACE}}
    scene.plane.apply(claim | {"spec": {"size": "small"}})
    await scene.ready(f"buckets.{group}", "one")


async def _offered(scene: Scene, kind: str = "Box") -> tuple[str, str]:
    """Group and name of a platform API of a task's own."""
    group = f"{scene.unique('offered')}.example.org"
    xrd = manifests.xrd(kind, group)
    scene.plane.apply(xrd)
    name = xrd["metadata"]["name"]
    await scene.until(lambda: scene.condition("xrd", name, "Offered").startswith("True"))
    return group, name


@task("Add a field colour to the box API.")
async def new_field(scene: Scene) -> None:
    group, name = await _offered(scene)
    await scene.agent(
        "update_xrd",
        name=name,
        spec_schema=json.dumps({"properties": {"size": {"type": "string"}, "colour": {"type": "string"}}}),
    )

    def served() -> bool:
        versions = scene.get("crd", f"boxes.{group}" if scene.is_there("crd", f"boxes.{group}") else f"boxs.{group}")
        schema = versions["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return "colour" in schema["properties"]["spec"]["properties"]

    await scene.until(served)


@task("Remove the box API and everything that was ordered by it.")
async def away_with_a_platform_api(scene: Scene) -> None:
    group, name = await _offered(scene)
    one = {"apiVersion": f"{group}/v1alpha1", "kind": "Box", "metadata": {"name": "one", "namespace": NAMESPACE}}
    scene.plane.apply(one | {"spec": {"size": "small"}})
    await scene.until(lambda: scene.names(f"xboxs.{group}"))
    await scene.agent("delete_xrd", name=name)
    await scene.until(lambda: not scene.is_there("xrd", name))
    await scene.until(lambda: not scene.is_there("crd", name))


@task("The caches' composition calls a function that is gone; have it call the one that is there.")
async def another_function(scene: Scene) -> None:
    name = scene.unique("mended")
    scene.plane.apply(composition(name, pipeline("function-nobody-has")))
    scene.plane.apply(cache(name, name))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    diagnosis = await scene.agent("diagnose_resource", kind="cache", name=name, namespace=NAMESPACE)
    assert "function-nobody-has" in diagnosis
    step = [{"step": "make", "functionRef": {"name": FUNCTION}}]
    await scene.agent("update_composition", name=name, upsert_steps=json.dumps(step))
    await scene.ready("caches", name)


@task("Which compositions can a cache be made by, and which is used?", quick=True)
async def compositions_of_a_kind(scene: Scene) -> None:
    name = scene.unique("choice")
    scene.plane.apply(composition(name, pipeline()))
    said = await scene.agent("list_compositions", limit=500)
    for each in json.loads(scene.plane.run("get", "compositions", "-o", "json"))["items"]:
        if each["spec"]["compositeTypeRef"]["kind"] == "Cache":
            assert each["metadata"]["name"] in said


@task("Remove a composition that nobody uses.")
async def away_with_a_composition(scene: Scene) -> None:
    name = scene.unique("unused")
    scene.plane.apply(composition(name, pipeline()))
    await scene.agent("delete_composition", name=name)
    assert not scene.is_there("composition", name)


@task("What may I set when I order a database, and what must I?", quick=True)
async def fields_of_an_order(scene: Scene) -> None:
    said = await scene.agent("describe_xrd_schema", kind="database")
    crd = scene.get("crd", f"databases.{GROUP}")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert all(f"spec.{each}" in said for each in manifests.SPEC_SCHEMA["properties"])
    assert schema["required"] == ["size"]
    assert all(str(each) in said for each in schema["properties"]["size"]["enum"])
