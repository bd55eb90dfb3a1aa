"""What could mislead a diagnosis: remembered events, echoes of a fault elsewhere, and what may not be read.

A first cause that is not true costs more than none, because somebody mends what was well.
"""

import gc
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from fairlead.cli import main
from fairlead.client.api import Client
from fairlead.crossplane.understanding.deleting import explain
from fairlead.crossplane.understanding.diagnosing import Diagnosis, diagnose
from fairlead.machinery import encoding
from fairlead.resources.reading import Reader
from testenv.crossplane import FUNCTION
from testenv.servers import RealCluster
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.patients import config_map
from tests.crossplane.wards import TRIES, Object, Ward, cache, composition
from tests.e2e import manifests
from tests.e2e.hands import Kubectl

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.real,
    pytest.mark.whole,
    pytest.mark.requirement("crossplane-understanding:not-misled"),
]
OPERATIONS = "ops.crossplane.io/v1alpha1"


def cached(name: str) -> Object:
    """To be composed by another, whose namespace it gets."""
    made = cache(name, name)
    del made["metadata"]["namespace"]
    return made


async def alone(ward: Ward, wanted: str, kind: str, name: str, namespace: str = NAMESPACE) -> Diagnosis:
    """Its only cause."""
    await ward.first(wanted, kind, name, namespace)
    found = await ward.asked(kind, name, namespace)
    assert [each.name for each in found.causes] == [wanted]
    return found


# -- What was mended ---------------------------------------------------------------------------------------------------


async def test_a_pipeline_that_was_mended_is_not_blamed_for_what_its_events_remember(ward: Ward) -> None:
    name = await ward.ill(ward.unique("healed"), fatal="the region moon-1 is unknown")
    await ward.first("pipeline-failed", "cache", name)
    ward.plane.apply(composition(name, ready=False))
    await alone(ward, "never-ready", "cache", name)


# -- Echoes ------------------------------------------------------------------------------------------------------------


async def test_one_fault_two_composites_below_is_one_cause(ward: Ward) -> None:
    leaf, middle, top = (ward.unique(each) for each in ("leaf", "middle", "top"))
    ward.plane.apply(composition(leaf, "function-nobody-installed"))
    ward.plane.apply(composition(middle, compose={"below": cached(leaf)}, ready="auto"))
    await ward.ill(top, compose={"below": cached(middle)}, ready="auto")
    found = await alone(ward, "function-missing", "cache", top)
    assert f"of Cache/{leaf} in {NAMESPACE} calls the function function-nobody-installed" in found.causes[0].what


async def test_what_the_server_refuses_is_not_taken_for_deleted_by_hand(ward: Ward) -> None:
    wrong = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": ward.unique("odd")},
        "data": {"a": {"b": "c"}},
    }
    name = await ward.ill(ward.unique("refused"), compose={"settings": wrong})
    found = await alone(ward, "composing-failed", "cache", name)
    assert found.causes[0].what.endswith("composes as settings")
    assert ".data.a" in " ".join(found.causes[0].evidence)


async def test_what_belongs_to_another_names_whose_it_is(ward: Ward) -> None:
    shared = config_map(ward.unique("shared"))
    first = await ward.ill(ward.unique("first"), compose={"settings": shared})
    await ward.well("cache", first)
    second = await ward.ill(ward.unique("second"), compose={"settings": shared})
    found = await alone(ward, "composing-failed", "cache", second)
    assert found.causes[0].what.endswith(f"belongs to Cache/{first} already")


# -- What is asked for and not there -----------------------------------------------------------------------------------


async def test_a_revision_that_is_not_there(ward: Ward) -> None:
    pinned, choosy = (ward.unique(each) for each in ("pinned", "choosy"))
    wishes: dict[str, Object] = {
        pinned: {"compositionRevisionRef": {"name": f"{pinned}-gone"}, "compositionUpdatePolicy": "Manual"},
        choosy: {"compositionRevisionSelector": {"matchLabels": {"channel": "gold"}}},
    }
    for name, wish in wishes.items():
        made = cache(name, "cache")
        made["spec"]["crossplane"] |= wish
        ward.plane.apply(made)
    found = await alone(ward, "no-revision", "cache", pinned)
    assert f"{pinned}-gone, which does not exist" in found.causes[0].what
    found = await alone(ward, "no-revision", "cache", choosy)
    assert "channel=gold" in found.causes[0].what
    assert found.causes[0].next is not None
    assert str(found.causes[0].next.calls[0]) == "list_composition_revisions composition=cache"


async def test_a_composition_for_another_version_is_named(ward: Ward) -> None:
    kind = "Shelf"
    xrd = manifests.namespaced_xrd(kind)
    ward.plane.apply(xrd)
    other = composition(ward.unique("elsewhere"))
    other["spec"]["compositeTypeRef"] = {"apiVersion": f"{manifests.GROUP}/v9", "kind": kind}
    ward.plane.apply(other)
    ward.plane.run("wait", "--for=condition=Established", "--timeout=60s", f"xrd/{xrd['metadata']['name']}")
    shelf = cache(ward.unique("shelf")) | {"kind": kind}
    ward.plane.apply(shelf)
    found = await alone(ward, "no-composition", kind, shelf["metadata"]["name"])
    assert f"{other['metadata']['name']} is for its version {manifests.GROUP}/v9" in found.causes[0].what


# -- Operations --------------------------------------------------------------------------------------------------------


def pipeline(function: str = FUNCTION) -> Object:
    return {"mode": "Pipeline", "retryLimit": 1, "pipeline": [{"step": "do", "functionRef": {"name": function}}]}


async def test_a_schedule_that_is_wrong_is_mended_and_not_run_anew(ward: Ward) -> None:
    name = ward.unique("timeless")
    made = {"apiVersion": OPERATIONS, "kind": "CronOperation", "metadata": {"name": name}}
    ward.plane.apply(made | {"spec": {"schedule": "61 * * * *", "operationTemplate": {"spec": pipeline()}}})
    found = await alone(ward, "operation-failed", "cronoperation", name, "")
    assert found.causes[0].remedy.startswith("mend what it names in its spec")


async def test_an_operation_without_its_function(ward: Ward) -> None:
    name = ward.unique("handless")
    made = {"apiVersion": OPERATIONS, "kind": "Operation", "metadata": {"name": name}}
    ward.plane.apply(made | {"spec": pipeline("function-nobody-installed")})
    cause = await ward.first("function-missing", "operation", name, "")
    assert "Synced is True" not in " ".join(cause.evidence)


# -- What may not be read ----------------------------------------------------------------------------------------------


async def test_what_may_not_be_read_is_not_taken_for_missing(ward: Ward, plane_server: RealCluster) -> None:
    name = await ward.ill(ward.unique("hidden"), ready=False)
    await ward.first("never-ready", "cache", name)
    described = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name, "namespace": NAMESPACE}}
    rule = {"apiGroups": [manifests.GROUP], "resources": ["caches"], "verbs": ["get"]}
    ward.plane.apply(described | {"kind": "Role", "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
    ward.plane.apply(described | {"kind": "RoleBinding", "roleRef": role, "subjects": [subject]})
    async with Client.from_kubeconfig(plane_server.kubeconfig_for(name, [])) as client:
        reader = Reader(client)
        with anyio.fail_after(30):
            found = await diagnose(reader, await reader.kind("cache"), name, NAMESPACE)
    assert [each.name for each in found.causes] == ["unreadable"]
    assert "that you may not read" in found.causes[0].what
    assert any(each.startswith("Composition of ") for each in found.unread)


# -- Deletions ---------------------------------------------------------------------------------------------------------


async def test_a_namespace_that_does_not_go_says_what_is_left_in_it(ward: Ward) -> None:
    name = ward.unique("doomed")
    ward.plane.create(manifests.namespace(name))
    ward.plane.apply(config_map("kept", name, finalizers=["example.org/kept"]))
    ward.plane.run("delete", "namespace", name, "--wait=false")
    try:
        cause = await ward.first("held", "ns", name, "")
        for _ in range(TRIES):
            if "waits for the configmaps in it" in cause.what:
                break
            await anyio.sleep(0.1)
            cause = await ward.first("held", "ns", name, "")
        assert "example.org/kept in 1 resource instances" in " ".join(cause.evidence)
        assert cause.next is not None
        assert "kept" in ward.plane.run(*cause.next.command.split()[1:])
    finally:
        ward.plane.run(
            "patch", "configmap", "kept", "-n", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
        )


async def test_what_a_deletion_takes_with_it_is_neither_counted_twice_nor_guessed(ward: Ward) -> None:
    name = ward.unique("inner")
    ward.plane.apply(composition(name))
    made = cached(name)
    await ward.ill(outer := ward.unique("outer"), compose={"below": made}, ready="auto")
    await ward.well("cache", outer)
    there = len(ward.plane.names(manifests.CACHES))
    found = await explain(ward.reader, await ward.reader.kind("xrd"), f"caches.{manifests.GROUP}")
    assert [count for kind, count in found.goes if kind == "Cache"] == [there]
    found = await explain(ward.reader, await ward.reader.kind("ns"), NAMESPACE)
    assert dict(found.goes)["Cache"] == len(ward.plane.names(manifests.CACHES, NAMESPACE))
    function = {"apiVersion": "pkg.crossplane.io/v1", "kind": "Function", "metadata": {"name": name}}
    ward.plane.apply(function | {"spec": {"package": "127.0.0.1:1/nobody/function:v1.0.0"}})
    found = await explain(ward.reader, await ward.reader.kind("functions.pkg.crossplane.io"), name)
    assert found.goes == ()


# -- At a terminal -----------------------------------------------------------------------------------------------------


def test_credentials_that_are_refused_say_what_to_do(
    plane_server: RealCluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    known = encoding.documents(plane_server.cluster.kubeconfig.read_bytes())[0]
    known["users"] = [{"name": each["name"], "user": {"token": "expired"}} for each in known["users"]]
    (tmp_path / "kubeconfig").write_text(encoding.to_yaml(known))
    assert main.run(["unhealthy", "--kubeconfig", str(tmp_path / "kubeconfig")]) == 1
    gc.collect()
    told = capfd.readouterr().err
    assert told.count("\n") == 1, told
    assert "does not know you: Unauthorized; sign in anew" in told
    assert "expired token" not in told


def test_nothing_read_is_no_good_news(plane: Kubectl, plane_server: RealCluster, unique: Callable[[str], str]) -> None:
    nobody = plane_server.kubeconfig_for(unique("nobody"), [])
    assert main.run(["unhealthy", "--kubeconfig", str(nobody)]) == 1
