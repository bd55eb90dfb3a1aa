"""Packages from a registry of the task's own."""

from testenv.registry import metadata
from tests.e2e import manifests
from tests.evaluation.tasks import Object, Scene, task


def platform(scene: Scene, name: str, *versions: str, kind: str = "Configuration") -> list[str]:
    """References of a package's versions; each brings its platform API."""
    xrd = manifests.xrd("Queue", f"{name}.example.org")
    objects: list[Object] = [metadata(kind, name), xrd] if kind == "Configuration" else [metadata(kind, name)]
    return [scene.registry.put(f"demo/{name}", each, [*objects[:1], *_marked(objects[1:], each)]) for each in versions]


def _marked(objects: list[Object], version: str) -> list[Object]:
    return [each | {"metadata": {**each["metadata"], "labels": {"version": version}}} for each in objects]


def install(scene: Scene, kind: str, name: str, reference: str, **spec: object) -> None:
    scene.plane.apply(
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {"package": reference, **spec},
        }
    )


@task("Install our platform from the registry.")
async def install_a_platform(scene: Scene) -> None:
    name = scene.unique("platform")
    [reference] = platform(scene, name, "v1.0.0")
    await scene.agent("install_configuration", package=reference, wait_seconds=60)
    configuration = reference.partition("/")[2].partition(":")[0].rpartition("/")[2]
    await scene.until(lambda: scene.is_there("xrd", f"xqueues.{name}.example.org"))
    assert configuration == name


@task("The provider was never installed: its version does not exist. Why?")
async def a_version_that_is_not_there(scene: Scene) -> None:
    name = scene.unique("provider-gone")
    platform(scene, name, "v1.0.0", kind="Provider")
    install(scene, "Provider", name, f"{scene.registry.address}/demo/{name}:v9.9.9")
    await scene.until(lambda: scene.condition("providers", name, "Installed").startswith("False"))
    said = await scene.agent("diagnose_resource", kind="provider", name=name)
    assert "v9.9.9" in said
    scene.plane.run("delete", "provider", name)


@task("What did this configuration install, and of which version is it?")
async def what_a_configuration_brought(scene: Scene) -> None:
    name = scene.unique("brought")
    [reference] = platform(scene, name, "v1.0.0")
    install(scene, "Configuration", name, reference)
    await scene.until(lambda: scene.condition("configurations", name, "Healthy").startswith("True"))
    said = await scene.agent("get_configuration", name=name)
    revision = scene.get("configurations", name)["status"]["currentRevision"]
    for each in scene.get("configurationrevisions", revision)["status"]["objectRefs"]:
        assert each["name"] in said
    assert "v1.0.0" in said
