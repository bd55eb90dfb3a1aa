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


async def installed(scene: Scene, *versions: str, policy: str = "Automatic") -> tuple[str, list[str]]:
    """The first of a configuration's versions."""
    name = scene.unique("platform")
    references = platform(scene, name, *versions)
    install(scene, "Configuration", name, references[0], revisionHistoryLimit=5, revisionActivationPolicy=policy)
    if policy == "Automatic":
        await scene.until(lambda: scene.condition("configurations", name, "Healthy").startswith("True"))
    else:
        await scene.until(lambda: (scene.get("configurations", name).get("status") or {}).get("currentRevision"))
    return name, references


async def at(scene: Scene, name: str, reference: str) -> None:
    def is_current() -> bool:
        status = scene.get("configurations", name).get("status") or {}
        return status.get("currentIdentifier") == reference

    await scene.until(is_current)
    await scene.until(lambda: scene.condition("configurations", name, "Healthy").startswith("True"))


@task("Bring the platform to version 1.1.")
async def upgraded(scene: Scene) -> None:
    name, references = await installed(scene, "v1.0.0", "v1.1.0")
    await scene.agent("upgrade_package", kind="configuration", name=name, version="v1.1.0", wait_seconds=60)
    await at(scene, name, references[1])


@task("The upgrade was a mistake: go back.")
async def rolled_back(scene: Scene) -> None:
    name, references = await installed(scene, "v1.0.0", "v1.1.0")
    install(scene, "Configuration", name, references[1], revisionHistoryLimit=5)
    await at(scene, name, references[1])
    await scene.agent("rollback_package", kind="configuration", name=name, wait_seconds=60)
    await at(scene, name, references[0])


@task("The platform was installed, and nothing of it is there. Find out why, and mend it.")
async def waits_for_its_activation(scene: Scene) -> None:
    name, _ = await installed(scene, "v1.0.0", policy="Manual")
    said = await scene.agent("diagnose_resource", kind="configurations.pkg.crossplane.io", name=name)
    await scene.agent.follows(said)
    await scene.until(lambda: scene.is_there("xrd", f"xqueues.{name}.example.org"))


@task("Take the platform away again.")
async def uninstalled(scene: Scene) -> None:
    name, _ = await installed(scene, "v1.0.0")
    await scene.agent("uninstall_package", kind="configuration", name=name)
    await scene.until(lambda: not scene.is_there("configurations", name))
    await scene.until(lambda: not scene.is_there("xrd", f"xqueues.{name}.example.org"))


@task("Fetch packages of this vendor from our mirror.")
async def mirrored(scene: Scene) -> None:
    name = scene.unique("mirror")
    await scene.agent(
        "set_image_config", name=name, match_prefixes=[f"{name}.example.org/"], rewrite_prefix="mirror.example.org/"
    )
    spec = scene.get("imageconfigs", name)["spec"]
    assert spec["matchImages"] == [{"type": "Prefix", "prefix": f"{name}.example.org/"}]
    assert spec["rewriteImage"] == {"prefix": "mirror.example.org/"}


@task("Run the provider with --debug.")
async def with_debug(scene: Scene) -> None:
    name = scene.unique("runtime")
    await scene.agent("set_runtime_config", name=name, args=["--debug"])
    template = scene.get("deploymentruntimeconfigs", name)["spec"]["deploymentTemplate"]["spec"]["template"]
    [container] = template["spec"]["containers"]
    assert container["name"] == "package-runtime"
    assert container["args"] == ["--debug"]


@task("Which packages depend on which?")
async def dependencies(scene: Scene) -> None:
    name, _ = await installed(scene, "v1.0.0")
    await scene.until(lambda: any(name in str(each["source"]) for each in scene.get("locks", "lock")["packages"]))
    said = await scene.agent("get_package_lock")
    for each in scene.get("locks", "lock")["packages"]:
        assert each["source"] in said
