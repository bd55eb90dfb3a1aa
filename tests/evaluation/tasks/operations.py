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
