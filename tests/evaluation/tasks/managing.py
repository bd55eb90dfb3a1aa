"""Managed resources, their kinds and the credentials of their providers, while no provider is at work."""

from tests.crossplane.planes import NAMESPACE
from tests.evaluation.tasks import Object, Scene, task

_XP = "apiextensions.crossplane.io/v1alpha1"


def kind(scene: Scene, state: str = "Active") -> str:
    """The qualified name of a managed kind of a task's own."""
    group = f"{scene.unique('cloud')}.example.org"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": "Disk", "plural": "disks", "categories": ["managed"]}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "names": names, "scope": "Namespaced", "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    scene.plane.apply({**crd, "metadata": {"name": f"disks.{group}"}, "spec": spec})
    scene.plane.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/disks.{group}")
    return f"disks.{group}"


def disk(scene: Scene, qualified: str, **metadata: object) -> str:
    name = scene.unique("disk")
    group = qualified.partition(".")[2]
    made: Object = {"apiVersion": f"{group}/v1", "kind": "Disk", "spec": {"forProvider": {"size": 1}}}
    scene.plane.apply({**made, "metadata": {"name": name, "namespace": NAMESPACE, **metadata}})
    return name


@task("A disk is stuck: cannot determine creation result. I have looked, it was never made. Let it go on.", quick=True)
async def creation_unknown(scene: Scene) -> None:
    qualified = kind(scene)
    pending = {"crossplane.io/external-create-pending": "2026-11-01T10:00:00Z"}
    name = disk(scene, qualified, annotations=pending)
    said = await scene.agent("diagnose_resource", kind=qualified, name=name, namespace=NAMESPACE)
    await scene.agent.follows(said)
    assert not pending.keys() & (scene.get(qualified, name, NAMESPACE)["metadata"].get("annotations") or {}).keys()


@task("Crossplane must never delete this disk in the cloud.")
async def never_deleted(scene: Scene) -> None:
    qualified = kind(scene)
    name = disk(scene, qualified)
    await scene.agent(
        "set_management_policies", kind=qualified, name=name, namespace=NAMESPACE, preset="no-delete", wait_seconds=0
    )
    policies = scene.get(qualified, name, NAMESPACE)["spec"]["managementPolicies"]
    assert "*" not in policies
    assert "Delete" not in policies
    assert {"Observe", "Create", "Update"} <= set(policies)


@task("Which of my cloud resources are called vol-… outside?")
async def by_its_name_outside(scene: Scene) -> None:
    qualified = kind(scene)
    outside = scene.unique("vol")
    name = disk(scene, qualified, annotations={"crossplane.io/external-name": outside})
    disk(scene, qualified)
    said = await scene.agent("list_managed_resources", external_name=outside)
    assert scene.get(qualified, name, NAMESPACE)["metadata"]["annotations"]["crossplane.io/external-name"] == outside
    assert name in said


@task("Import the bucket that exists already, and touch nothing of it.")
async def imported(scene: Scene) -> None:
    qualified = kind(scene)
    await scene.agent(
        "create_managed_resource",
        kind=qualified,
        name="imported",
        namespace=NAMESPACE,
        for_provider="{region: eu-west-1}",
        preset="observe-only",
        external_name="vol-17",
        wait_seconds=0,
    )
    found = scene.get(qualified, "imported", NAMESPACE)
    assert found["spec"]["managementPolicies"] == ["Observe"]
    assert found["metadata"]["annotations"]["crossplane.io/external-name"] == "vol-17"


@task("Give the disk another size.")
async def resized(scene: Scene) -> None:
    qualified = kind(scene)
    name = disk(scene, qualified)
    await scene.agent(
        "update_managed_resource",
        kind=qualified,
        name=name,
        namespace=NAMESPACE,
        set=["spec.forProvider.size=20"],
        wait_seconds=0,
    )
    assert scene.get(qualified, name, NAMESPACE)["spec"]["forProvider"]["size"] == 20


@task("Have a policy activate all kinds of this group.")
async def activated(scene: Scene) -> None:
    group, name = f"{scene.unique('group')}.example.org", scene.unique("policy")
    await scene.agent("set_activation_policy", name=name, patterns=[f"*.{group}"])
    assert scene.get("managedresourceactivationpolicies", name)["spec"]["activate"] == [f"*.{group}"]
