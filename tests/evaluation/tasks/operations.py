"""Operations, once and on a schedule."""

import json

from tests.crossplane.planes import NAMESPACE
from tests.evaluation.tasks import Scene, config_map, pipeline, task


def made(name: str) -> str:
    return json.dumps(pipeline(compose={"one": config_map(name)}))


@task("Run this pipeline once, now.", quick=True)
async def once(scene: Scene) -> None:
    name = scene.unique("once")
    await scene.agent("create_operation", name=name, pipeline=made(name), wait_seconds=60)
    assert scene.is_there("configmap", name, NAMESPACE)
    assert scene.condition("operations.ops.crossplane.io", name, "Succeeded").startswith("True")


@task("Run this pipeline every Monday at three.")
async def every_week(scene: Scene) -> None:
    name = scene.unique("weekly")
    await scene.agent("create_cron_operation", name=name, schedule="0 3 * * 1", pipeline=made(name))
    found = scene.get("cronoperations.ops.crossplane.io", name)
    assert found["spec"]["schedule"] == "0 3 * * 1"
    await scene.until(
        lambda: scene.condition("cronoperations.ops.crossplane.io", name, "Scheduling").startswith("True")
    )


@task("Which operations have failed, and why?")
async def what_failed(scene: Scene) -> None:
    name = scene.unique("failing")
    spec = {"retryLimit": 1, "mode": "Pipeline", "pipeline": pipeline(fatal="the disk is full")}
    scene.plane.apply(
        {"apiVersion": "ops.crossplane.io/v1alpha1", "kind": "Operation", "metadata": {"name": name}, "spec": spec}
    )
    kind = "operations.ops.crossplane.io"
    await scene.until(lambda: scene.condition(kind, name, "Succeeded").startswith("False"))
    said = await scene.agent("list_operations", type="operation", limit=500)
    assert f"Operation/{name}: unhealthy" in said
    assert "the disk is full" in await scene.agent("get_operation_status", name=name)


_API = "ops.crossplane.io/v1alpha1"


@task("Run it at four instead of three.")
async def at_another_hour(scene: Scene) -> None:
    name = scene.unique("hourly")
    template = {"spec": {"mode": "Pipeline", "pipeline": pipeline()}}
    spec = {"schedule": "0 3 * * 1", "operationTemplate": template}
    scene.plane.apply({"apiVersion": _API, "kind": "CronOperation", "metadata": {"name": name}, "spec": spec})
    await scene.agent("update_operation", name=name, type="cron", schedule="0 4 * * 1")
    assert scene.get("cronoperations.ops.crossplane.io", name)["spec"]["schedule"] == "0 4 * * 1"


@task("Whenever a ConfigMap of mine with this label changes, run this pipeline.")
async def whenever_it_changes(scene: Scene) -> None:
    name = scene.unique("watching")
    await scene.agent(
        "create_watch_operation",
        name=name,
        watch_kind="configmap",
        namespace=NAMESPACE,
        match_labels=[f"watched={name}"],
        pipeline=made(f"{name}-made"),
    )
    scene.plane.apply(config_map(f"{name}-watched", labels={"watched": name}))
    await scene.until(lambda: scene.is_there("configmap", f"{name}-made", NAMESPACE))


@task("That operation failed because the namespace was missing. It is there now: run it again.")
async def once_more(scene: Scene) -> None:
    name = scene.unique("again")
    late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": name}}
    spec = {"retryLimit": 1, "mode": "Pipeline", "pipeline": pipeline(compose={"one": late})}
    scene.plane.apply({"apiVersion": _API, "kind": "Operation", "metadata": {"name": name}, "spec": spec})
    kind = "operations.ops.crossplane.io"
    await scene.until(lambda: scene.condition(kind, name, "Succeeded").startswith("False"))
    scene.plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await scene.agent("rerun_operation", name=name, type="operation")
    await scene.until(lambda: scene.is_there("configmap", name, name))
