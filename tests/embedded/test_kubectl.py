"""kubectl against an embedded cluster: it is the strictest client there is, and the one that people try first."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.machinery.encoding import to_yaml
from testenv import building
from tests.apiserver.asking import Object, widgets_definition
from tests.clusters import Pair, built

pytestmark = [pytest.mark.real, pytest.mark.requirement("embedded:kubectl")]

Run = Callable[..., str]
GADGET: Object = {
    "apiVersion": "suite.fairlead.dev/v1",
    "kind": "Gadget",
    "metadata": {"name": "g", "labels": {"l": "x"}},
    "spec": {"size": 3},
}


@pytest.fixture(params=["kubectl", "kubectl-1.34", "kubectl-1.32"])
def program(request: pytest.FixtureRequest) -> Path:
    """The newest, and two that differ in what they send as protobuf."""
    return built(building.binary(request.param))


@pytest.fixture
def run(embedded_pair: Pair, program: Path, tmp_path: Path, unique: Callable[[str], str]) -> Run:
    """Runs kubectl in a namespace of the test's own; answers what it prints, or fails with what it complains of."""
    base = [str(program), f"--kubeconfig={embedded_pair.app.kubeconfig}", f"--cache-dir={tmp_path / 'cache'}"]
    namespace = unique("kubectl")

    def call(*arguments: str, text: str = "", succeeds: bool = True, **environment: str) -> str:
        command = [*base, *(() if arguments[0] == "create" and arguments[1] == "namespace" else ("-n", namespace))]
        done = subprocess.run(
            [*command, *arguments],
            input=text,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, **environment},
        )
        assert (done.returncode == 0) is succeeds, done.stderr
        return done.stdout + done.stderr

    call("create", "namespace", namespace)
    return call


@pytest.fixture
def gadget(run: Run) -> str:
    run("apply", "-f", "-", text=to_yaml(widgets_definition("gadgets", "Gadget")))
    run("wait", "--for=condition=Established", "crd/gadgets.suite.fairlead.dev", "--timeout=10s")
    return run("apply", "-f", "-", text=to_yaml(GADGET))


def test_kinds_are_found_by_every_name(run: Run, gadget: str) -> None:
    assert gadget == "gadget.suite.fairlead.dev/g created\n"
    for name in ("gadgets", "gadget", "gadgetsx", "gadgets.suite.fairlead.dev", "gadgets.v2.suite.fairlead.dev"):
        assert run("get", name, "--no-headers").split() == ["g", "3"]
    assert run("get", "gadgets", "-o", "wide").split() == ["NAME", "SIZE", "PHASE", "g", "3"]
    assert "gadget.suite.fairlead.dev/g" in run("get", "suite", "-o", "name")
    listed = {line.split()[0] for line in run("api-resources", "--no-headers").splitlines()}
    assert {"configmaps", "namespaces", "roles", "gadgets"} <= listed


def test_objects_are_changed_in_every_way(run: Run, gadget: str, tmp_path: Path) -> None:
    changed = to_yaml({**GADGET, "spec": {"size": 4}})
    assert "-  size: 3\n+  size: 4" in run("diff", "-f", "-", text=changed, succeeds=False)
    assert "configured" in run("apply", "-f", "-", text=changed)
    assert "unchanged" in run("apply", "-f", "-", text=changed)
    assert "serverside-applied" in run("apply", "--server-side", "-f", "-", text=changed)
    assert "patched" in run("patch", "gadget", "g", "--type=merge", "-p", '{"spec":{"size":5}}')
    assert "labeled" in run("label", "gadget", "g", "more=yes")
    assert "annotated" in run("annotate", "gadget", "g", "note=here")
    assert "scaled" in run("scale", "gadget", "g", "--replicas=3")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/size: 5/size: 6/" "$1"\n')
    editor.chmod(0o700)
    assert "edited" in run("edit", "gadget", "g", KUBE_EDITOR=str(editor))
    assert (
        run("get", "gadget", "g", "-o", "jsonpath={.spec.size} {.spec.replicas} {.metadata.labels.more}") == "6 3 yes"
    )
    assert "Size:  " in run("describe", "gadget", "g")
    run("wait", "--for=jsonpath={.spec.size}=6", "gadget/g", "--timeout=5s")
    assert "deleted" in run("delete", "gadget", "g", "--wait")
    assert "NotFound" in run("get", "gadget", "g", succeeds=False)


def test_typed_commands_send_protobuf(run: Run) -> None:
    assert run("create", "configmap", "c", "--from-literal=k=v") == "configmap/c created\n"
    assert run("create", "secret", "generic", "s", "--from-literal=k=v") == "secret/s created\n"
    assert run("create", "serviceaccount", "a") == "serviceaccount/a created\n"
    assert (
        run("create", "role", "r", "--verb=get", "--resource=configmaps")
        == "role.rbac.authorization.k8s.io/r created\n"
    )
    assert "created" in run("create", "rolebinding", "b", "--role=r", "--user=eve")
    assert run("auth", "can-i", "get", "configmaps", "--as=eve") == "yes\n"
    assert "no" in run("auth", "can-i", "delete", "configmaps", "--as=eve", succeeds=False)
    assert "eve" in run("auth", "whoami", "--as=eve")
    assert run("get", "secret", "s", "-o", "jsonpath={.data.k}") == "dg=="


def test_schemas_are_explained_and_enforced(run: Run, gadget: str) -> None:
    explained = run("explain", "gadget.spec")
    assert "size\t<integer>" in explained
    assert "KIND:       ConfigMap" in run("explain", "configmap")
    wrong = to_yaml({**GADGET, "spec": {"size": 3, "wrong": 1}})
    assert 'unknown field "spec.wrong"' in run("apply", "-f", "-", text=wrong, succeeds=False)
    small = to_yaml({**GADGET, "spec": {"size": 0}})
    assert "should be greater than or equal to 1" in run("apply", "-f", "-", text=small, succeeds=False)


def test_a_namespace_can_be_deleted(run: Run, unique: Callable[[str], str]) -> None:
    name = unique("gone")
    run("create", "namespace", name)
    assert "deleted" in run("delete", "namespace", name, "--timeout=20s")
