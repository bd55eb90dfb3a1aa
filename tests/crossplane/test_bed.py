"""What the tests of the toolset stand on: usages that block, packages that install, operations that run, for real."""

import json
from collections.abc import Callable, Iterator

import pytest

from testenv.crossplane import FUNCTION
from testenv.registry import Registry, metadata
from tests.crossplane.conftest import NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

pytestmark = [
    pytest.mark.real,
    pytest.mark.whole,
    pytest.mark.requirement("testenv-crossplane:usages-packages-operations"),
]


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


def true(hands: Kubectl, what: str, *kinds: str) -> None:
    """Waits until the conditions are so."""

    def look() -> None:
        said = json.loads(hands.run("get", what, "-o", "json")).get("status", {}).get("conditions", [])
        if not set(kinds) <= {each["type"] for each in said if each["status"] == "True"}:
            raise Refused(f"{what} says {said}")

    world.eventually(look)


def test_a_usage_keeps_what_it_protects(plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("protected")
    plane.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}})
    of = {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": name}}
    usage = {"apiVersion": "protection.crossplane.io/v1beta1", "kind": "Usage"}
    plane.apply(
        usage | {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"of": of, "reason": "it is ours"}}
    )
    plane.run(
        "wait", "--for=condition=Ready", "--timeout=30s", "-n", NAMESPACE, f"usages.protection.crossplane.io/{name}"
    )
    with pytest.raises(Refused, match="This resource is in-use by 1 usage"):
        plane.run("delete", "configmap", name, "-n", NAMESPACE)


def test_a_package_is_installed_from_the_registry(
    plane: Kubectl, registry: Registry, unique: Callable[[str], str]
) -> None:
    name = unique("platform")
    group = f"{name}.example.org"
    package = registry.put(f"demo/{name}", "v1.0.0", [metadata("Configuration", name), manifests.xrd("Queue", group)])
    spec = {"package": package}
    plane.apply(
        {"apiVersion": "pkg.crossplane.io/v1", "kind": "Configuration", "metadata": {"name": name}, "spec": spec}
    )
    true(plane, f"configuration.pkg.crossplane.io/{name}", "Installed", "Healthy")
    true(plane, f"xrd/xqueues.{group}", "Established", "Offered")


def test_an_operation_runs(plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("backup")
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}}
    step = {"step": "make", "functionRef": {"name": FUNCTION}}
    step["input"] = {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", "compose": {"backup": made}}
    operation = {"apiVersion": "ops.crossplane.io/v1alpha1", "kind": "Operation", "metadata": {"name": name}}
    plane.apply(operation | {"spec": {"mode": "Pipeline", "pipeline": [step]}})
    true(plane, f"operations.ops.crossplane.io/{name}", "Succeeded")
    assert name in plane.run("get", "configmap", name, "-n", NAMESPACE)
