"""What is there, what ails it, and what would go with it."""

import json

from testenv.crossplane import FUNCTION
from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests
from tests.evaluation.tasks import GROUP, Scene, cache, composition, config_map, pipeline, task


@task("What is my database made of, and is each part ready?", quick=True)
async def parts_of_a_claim(scene: Scene) -> None:
    name = scene.unique("parts")
    scene.plane.apply(manifests.claim(name, NAMESPACE))
    await scene.ready("databases", name)
    said = await scene.agent("trace_resource", kind="database", name=name, namespace=NAMESPACE)
    composite = scene.get("databases", name, NAMESPACE)["spec"]["resourceRef"]["name"]
    for each in scene.get("xdatabases", composite)["spec"]["resourceRefs"]:
        assert f"{each['kind']}/{each['name']}" in said
    assert composite in said


@task("My cache is not ready: the function refuses the region. Put it right.")
async def refused_by_a_function(scene: Scene) -> None:
    name = scene.unique("refused")
    scene.plane.apply(composition(name, pipeline(fatal="the region moon-1 is unknown")))
    scene.plane.apply(cache(name, name))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    said = await scene.agent("diagnose_resource", kind="cache", name=name, namespace=NAMESPACE)
    assert "the region moon-1 is unknown" in said
    await scene.agent("update_composition", name=name, upsert_steps=json.dumps(pipeline()))
    await scene.ready("caches", name)


@task("All parts of my cache are there, and it never becomes ready. Put it right.")
async def never_said_to_be_ready(scene: Scene) -> None:
    name = scene.unique("unsaid")
    scene.plane.apply(composition(name, pipeline(ready=False)))
    scene.plane.apply(cache(name, name))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("True"))
    said = await scene.agent("diagnose_resource", kind="cache", name=name, namespace=NAMESPACE)
    assert "ready" in said
    step = [{"step": "make", "functionRef": {"name": FUNCTION}}]
    await scene.agent("update_composition", name=name, upsert_steps=json.dumps(step))
    await scene.ready("caches", name)


@task("Somebody says that something is broken on the platform. What?")
async def whatever_is_broken(scene: Scene) -> None:
    name = scene.unique("broken")
    scene.plane.apply(cache(name, "nowhere-at-all"))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    said = await scene.agent("list_unhealthy", scopes=["composites"], namespace=NAMESPACE)
    broken = json.loads(scene.plane.run("get", "caches", "-n", NAMESPACE, "-o", "json"))["items"]
    assert name in [each["metadata"]["name"] for each in broken]
    assert name in said
    scene.plane.run("delete", "caches", name, "-n", NAMESPACE)


@task("Is this claim right before I send it?")
async def a_claim_before_it_is_sent(scene: Scene) -> None:
    name = scene.unique("checked")
    wrong = manifests.claim(name, NAMESPACE, size="enormous")
    said = await scene.agent.refused("validate_manifest", manifest=json.dumps(wrong))
    assert "spec.size" in said
    right = manifests.claim(name, NAMESPACE, size="large")
    said = await scene.agent("validate_manifest", manifest=json.dumps(right))
    assert "valid" in said
    scene.plane.apply(right)
    assert scene.is_there("databases", name, NAMESPACE)


@task("What would go if I deleted the databases' API?", quick=True)
async def consequences_of_a_deletion(scene: Scene) -> None:
    name = scene.unique("counted")
    scene.plane.apply(manifests.claim(name, NAMESPACE))
    await scene.ready("databases", name)
    said = await scene.agent("explain_deletion", kind="xrd", name=f"xdatabases.{GROUP}")
    assert f"{len(scene.names('databases', '-A'))} Database" in said
    assert f"{len(scene.names('xdatabases'))} XDatabase" in said


@task("What runs here, and how much of it?", quick=True)
async def the_state_of_the_plane(scene: Scene) -> None:
    said = await scene.agent("control_plane_status")
    assert f"{len(scene.names('xrds'))} XRDs" in said
    assert f"{len(scene.names('providers'))} Provider" in said
    assert "operations" in said


@task("Keep what my caches share, the region above all, in one place.")
async def shared_data(scene: Scene) -> None:
    name = scene.unique("shared")
    await scene.agent("create_environment_config", name=name, data="{region: eu-west-1}")
    assert scene.get("environmentconfigs", name)["data"] == {"region": "eu-west-1"}


@task("Nobody may delete this ConfigMap.")
async def protect(scene: Scene) -> None:
    name = scene.unique("kept")
    scene.plane.apply(config_map(name))
    await scene.agent(
        "create_usage", of_kind="configmap", of_name=name, namespace=NAMESPACE, reason="it is ours", wait_seconds=30
    )
    await scene.until(lambda: not _deletable(scene, name))
    assert scene.is_there("configmap", name, NAMESPACE)


def _deletable(scene: Scene, name: str) -> bool:
    labels = scene.get("configmap", name, NAMESPACE)["metadata"].get("labels") or {}
    return labels.get("crossplane.io/in-use") != "true"
