"""Claims and composites: what an app team orders, changes and gives back."""

import json

from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests
from tests.evaluation.tasks import GROUP, Scene, cache, composition, config_map, pipeline, task


@task("Order a large database for the shop.", quick=True)
async def order(scene: Scene) -> None:
    name = scene.unique("order")
    await scene.agent(
        "create_composite", kind="database", name=name, namespace=NAMESPACE, spec="{size: large}", wait_seconds=30
    )
    await scene.ready("databases", name)
    assert scene.get("databases", name, NAMESPACE)["spec"]["size"] == "large"


@task("Make my database larger.")
async def larger(scene: Scene) -> None:
    name = scene.unique("small")
    scene.plane.apply(manifests.claim(name, NAMESPACE))
    await scene.ready("databases", name)
    await scene.agent("update_composite", kind="database", name=name, namespace=NAMESPACE, set=["spec.size=large"])
    composite = scene.get("databases", name, NAMESPACE)["spec"]["resourceRef"]["name"]
    await scene.until(lambda: scene.get("configmap", composite, NAMESPACE)["data"]["size"] == "large")


@task("My cache waits for a composition that does not exist. Use the one that does.")
async def another_composition(scene: Scene) -> None:
    name = scene.unique("lost")
    scene.plane.apply(cache(name, "nowhere"))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    said = await scene.agent("diagnose_resource", kind="cache", name=name, namespace=NAMESPACE)
    assert "nowhere" in said
    await scene.agent("update_composite", kind="cache", name=name, namespace=NAMESPACE, composition="cache")
    await scene.ready("caches", name)


@task("Which of the shop's caches are not ready?")
async def which_are_not_ready(scene: Scene) -> None:
    name = scene.unique("waiting")
    scene.plane.apply(cache(name, "nowhere"))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    said = await scene.agent("list_composites", kind="cache", namespace=NAMESPACE, state="unhealthy", limit=500)
    for each in json.loads(scene.plane.run("get", "caches", "-n", NAMESPACE, "-o", "json"))["items"]:
        synced = [one["status"] for one in each["status"].get("conditions", ()) if one["type"] == "Synced"]
        assert (each["metadata"]["name"] in said) or synced != ["False"]
    assert name in said
    scene.plane.run("delete", "caches", name, "-n", NAMESPACE)


@task("The new version of the composition is bad: keep my cache on the one before.")
async def pinned(scene: Scene) -> None:
    name = scene.unique("pinned")
    scene.plane.apply(composition(name, pipeline(number=1)))
    scene.plane.apply(cache(name, name))
    await scene.ready("caches", name)
    scene.plane.apply(composition(name, pipeline(fatal="bad")))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    await scene.agent("update_composite", kind="cache", name=name, namespace=NAMESPACE, revision="1")
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("True"))
    chosen = scene.get("caches", name, NAMESPACE)["spec"]["crossplane"]
    assert chosen["compositionUpdatePolicy"] == "Manual"
    revision = scene.get("compositionrevisions", chosen["compositionRevisionRef"]["name"])
    assert revision["spec"]["revision"] == 1


@task("What has changed between the last two revisions of this composition?")
async def what_has_changed(scene: Scene) -> None:
    name = scene.unique("changed")
    label = f"crossplane.io/composition-name={name}"
    scene.plane.apply(composition(name, pipeline(number=1)))
    await scene.until(lambda: len(scene.names("compositionrevisions", "-l", label)) == 1)
    scene.plane.apply(composition(name, pipeline(number=2)))
    await scene.until(lambda: len(scene.names("compositionrevisions", "-l", label)) == 2)
    said = await scene.agent("diff_composition_revisions", composition=name)
    found = json.loads(scene.plane.run("get", "compositionrevisions", "-l", label, "-o", "json"))["items"]
    assert {each["spec"]["pipeline"][0]["input"]["number"] for each in found} == {1, 2}
    assert "number: 1" in said
    assert "number: 2" in said


@task("Give the database back, with all that belongs to it.")
async def given_back(scene: Scene) -> None:
    name = scene.unique("returned")
    scene.plane.apply(manifests.claim(name, NAMESPACE))
    await scene.ready("databases", name)
    composite = scene.get("databases", name, NAMESPACE)["spec"]["resourceRef"]["name"]
    await scene.agent("delete_composite", kind="database", name=name, namespace=NAMESPACE)
    await scene.until(lambda: not scene.is_there("databases", name, NAMESPACE))
    await scene.until(lambda: not scene.is_there(f"xdatabases.{GROUP}", composite))
    await scene.until(lambda: not scene.is_there("configmap", composite, NAMESPACE))


@task("Nothing happens to my cache any more. Why, and set it going again.", quick=True)
async def paused(scene: Scene) -> None:
    name = scene.unique("paused")
    scene.plane.apply(cache(name, annotations={"crossplane.io/paused": "true"}))
    await scene.until(lambda: scene.condition("caches", name, "Synced", NAMESPACE).startswith("False"))
    said = await scene.agent("diagnose_resource", kind="cache", name=name, namespace=NAMESPACE)
    await scene.agent.follows(said)
    await scene.ready("caches", name)


@task("This object cannot be deleted. What holds it? Nobody will clean up after it: let it go.")
async def held_by_a_finalizer(scene: Scene) -> None:
    name = scene.unique("held")
    scene.plane.apply(config_map(name, finalizers=["example.org/gone-controller"]))
    scene.plane.run("delete", "configmap", name, "-n", NAMESPACE, "--wait=false")
    said = await scene.agent("explain_deletion", kind="configmap", name=name, namespace=NAMESPACE)
    assert "example.org/gone-controller" in said
    await scene.agent(
        "remove_finalizer", kind="configmap", name=name, namespace=NAMESPACE, finalizer="example.org/gone-controller"
    )
    assert not scene.is_there("configmap", name, NAMESPACE)


@task("Move the shared region to eu-west-2.")
async def shared_data_changed(scene: Scene) -> None:
    name = scene.unique("moved")
    data = {"region": "eu-west-1", "zones": ["a", "b"]}
    metadata = {"apiVersion": "apiextensions.crossplane.io/v1beta1", "kind": "EnvironmentConfig"}
    scene.plane.apply({**metadata, "metadata": {"name": name}, "data": data})
    await scene.agent("update_environment_config", name=name, set=["data.region=eu-west-2"])
    assert scene.get("environmentconfigs", name)["data"] == {**data, "region": "eu-west-2"}


@task("The ConfigMap may be deleted now: who protects it? Take that away.")
async def unprotect(scene: Scene) -> None:
    name = scene.unique("freed")
    scene.plane.apply(config_map(name))
    of = {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": name}}
    usage = {"apiVersion": "protection.crossplane.io/v1beta1", "kind": "Usage"}
    metadata = {"name": f"{name}-usage", "namespace": NAMESPACE}
    scene.plane.apply({**usage, "metadata": metadata, "spec": {"of": of, "reason": "ours"}})
    kind = "usages.protection.crossplane.io"
    await scene.until(lambda: scene.condition(kind, f"{name}-usage", "Ready", NAMESPACE).startswith("True"))
    said = await scene.agent("list_usages", of_kind="configmap", of_name=name)
    assert f"{name}-usage" in said
    await scene.agent("delete_usage", name=f"{name}-usage", namespace=NAMESPACE)
    await scene.until(lambda: not scene.is_there(kind, f"{name}-usage", NAMESPACE))
    scene.plane.run("delete", "configmap", name, "-n", NAMESPACE)
