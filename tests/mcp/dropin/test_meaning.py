"""The same calls to kubernetes-mcp-server and to us, on one real API server: each means the same to both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import TERMINAL
from fairlead.mcp.dropin import reading
from fairlead.mcp.dropin.reading import Flags
from fairlead.mcp.named import catalog
from fairlead.mcp.operating import running
from testenv.servers import RealCluster
from tests.e2e.hands import Plain
from tests.mcp.dropin import peer

pytestmark = [pytest.mark.real, pytest.mark.requirement("mcp-dropin:parameter-names")]
Object = dict[str, Any]
DEADLINE = 120
CONFIG_MAPS, PODS = Resource("", "v1", "configmaps"), Resource("", "v1", "pods")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
OURS, OTHERS = "dropin-mine", "dropin-others"


class Yes:
    """Somebody who agrees to everything."""

    capabilities = frozenset({"elicitation"})
    continues = False
    round = "round"

    async def ask(self, questions: Any) -> dict[str, Any]:
        return {key: {"action": "accept", "content": {"confirm": True}} for key in questions}

    async def progress(self, *_: Any) -> None: ...

    async def log(self, *_: Any) -> None: ...


def config_map(namespace: str, name: str, **labels: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": f"data-of-{name}"}}


def pod(namespace: str, name: str, **labels: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    spec = {"containers": [{"name": "main", "image": "registry.example.org/a"}], "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def event(namespace: str, name: str, about: str, kind: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": about, "namespace": namespace},
        "reason": f"Reason{name.title()}",
        "message": f"about {about}",
        "type": kind,
    }


def deployment(namespace: str) -> Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod(namespace, "a")["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    metadata = {"name": "web", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def hands(real_app: RealCluster) -> Iterator[Plain]:
    with Plain.of(real_app.cluster) as found:
        for each in (OURS, OTHERS):
            found.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}})
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": each}}
            found.apply(account)
        for namespace, mark in ((OURS, "mine"), (OTHERS, "other")):
            for name, team in (("red", "a"), ("blue", "b")):
                found.create(config_map(namespace, f"{mark}-{name}", team=team))
                found.create(pod(namespace, f"{mark}-{name}", team=team))
            found.create(event(namespace, f"{mark}warns", f"{mark}-red", "Warning"))
            found.create(event(namespace, f"{mark}tells", f"{mark}-blue", "Normal"))
        yield found


@pytest.fixture(scope="module")
def config(real_app: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of both: a kubeconfig whose context has a namespace."""
    folder = tmp_path_factory.mktemp("meaning")
    kubeconfig = encoding.from_yaml(real_app.cluster.kubeconfig.read_bytes())
    for each in kubeconfig["contexts"]:
        each["context"]["namespace"] = OURS
    (folder / "kubeconfig").write_bytes(encoding.to_json(kubeconfig))
    text = f'kubeconfig = "{folder / "kubeconfig"}"\ncluster_provider_strategy = "kubeconfig"\n'
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return folder / "config.toml"


async def ours(config: Path, name: str, arguments: Object) -> str:
    """Raises `AssertionError` for a call that fails."""
    server = reading.load(config, None, Flags(), catalog.toolsets()).server
    async with running.opened({server.name: server}, TERMINAL) as servers:
        outcome = await servers[server.name].gate.call(TERMINAL, name, arguments, Yes())
    assert not outcome.failed, outcome.answer.text
    return outcome.answer.text


READS: dict[str, tuple[str, Object, tuple[str, ...], tuple[str, ...]]] = {
    "pods by label": ("pods_list", {"labelSelector": "team=a"}, ("mine-red", "other-red"), ("mine-blue",)),
    "pods by field": ("pods_list", {"fieldSelector": "metadata.name=mine-blue"}, ("mine-blue",), ("mine-red",)),
    "pods of a namespace": (
        "pods_list_in_namespace", {"namespace": OTHERS, "labelSelector": "team in (a,b)"},
        ("other-red", "other-blue"), ("mine-red",),
    ),
    "a pod of the context's namespace": ("pods_get", {"name": "mine-red"}, ("mine-red",), ("other-red",)),
    "a pod of another": ("pods_get", {"name": "other-red", "namespace": OTHERS}, ("other-red",), ("mine-red",)),
    "objects by label and field": (
        "resources_list",
        {"apiVersion": "v1", "kind": "ConfigMap", "namespace": OURS, "labelSelector": "team=b",
         "fieldSelector": "metadata.name=mine-blue"},
        ("mine-blue",), ("mine-red", "other-blue"),
    ),
    "objects everywhere": (
        "resources_list", {"apiVersion": "v1", "kind": "ConfigMap", "labelSelector": "team=a"},
        ("mine-red", "other-red"), ("mine-blue",),
    ),
    "one of the context's namespace": (
        "resources_get", {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine-red"}, ("data-of-mine-red",), (),
    ),
    "one that has no namespace": (
        "resources_get", {"apiVersion": "v1", "kind": "Namespace", "name": OTHERS}, (OTHERS, "metadata"), (),
    ),
    "namespaces by field": (
        "namespaces_list", {"fieldSelector": f"metadata.name={OURS}"}, (OURS,), (OTHERS, "kube-system"),
    ),
    "events by field": (
        "events_list", {"namespace": OURS, "fieldSelector": "type=Warning"}, ("about mine-red",), ("about mine-blue",),
    ),
    "events everywhere": (
        "events_list", {"fieldSelector": "type=Normal"}, ("about mine-blue", "about other-blue"), ("about mine-red",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(READS))
async def test_a_read_finds_the_same_objects(hands: Plain, config: Path, what: str) -> None:
    name, arguments, found, left = READS[what]
    with anyio.fail_after(DEADLINE):
        theirs = await to_thread.run_sync(lambda: peer.call(config, name, arguments))
        for text in (theirs, await ours(config, name, arguments)):
            assert all(each in text for each in found), text
            assert not any(each in text for each in left), text


async def both(config: Path, name: str, theirs: Object, mine: Object) -> tuple[str, str]:
    """The same call, on an object for each."""
    text = await to_thread.run_sync(lambda: peer.call(config, name, theirs))
    return text, await ours(config, name, mine)


async def test_a_write_leaves_the_same_behind(hands: Plain, config: Path) -> None:
    with anyio.fail_after(DEADLINE):
        manifests = [encoding.to_json(config_map("", each, team="c")).decode() for each in ("theirs", "mine")]
        manifests = [each.replace('"namespace":"",', "").replace(',"namespace":""', "") for each in manifests]
        await both(config, "resources_create_or_update", *({"resource": each} for each in manifests))
        for each in ("theirs", "mine"):
            assert hands.get(CONFIG_MAPS, each, OURS)["metadata"]["labels"] == {"team": "c"}, "the context's namespace"

        kind = {"apiVersion": "v1", "kind": "ConfigMap"}
        await both(
            config,
            "resources_delete",
            *({**kind, "name": each, "gracePeriodSeconds": 0} for each in ("theirs", "mine")),
        )
        assert not {"theirs", "mine"} & set(hands.names(CONFIG_MAPS, OURS))

        for namespace in (OURS, OTHERS):
            hands.create(deployment(namespace))
        scale = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        for text in await both(config, "resources_scale", {**scale, "namespace": OTHERS}, scale):
            assert "2" in text
        await both(config, "resources_scale", {**scale, "namespace": OTHERS, "scale": 1}, {**scale, "scale": 1})
        for namespace in (OURS, OTHERS):
            assert hands.get(DEPLOYMENTS, "web", namespace)["spec"]["replicas"] == 1


async def test_a_pod_is_run_and_deleted_alike(hands: Plain, config: Path) -> None:
    with anyio.fail_after(DEADLINE):
        runs = [{"image": "registry.example.org/a", "name": each} for each in ("run-theirs", "run-mine")]
        await both(config, "pods_run", *runs)
        for each in ("run-theirs", "run-mine"):
            found = hands.get(PODS, each, OURS)
            assert found["spec"]["containers"][0]["image"] == "registry.example.org/a"
        await both(config, "pods_delete", {"name": "run-theirs"}, {"name": "run-mine"})
        left = set(hands.names(PODS, OURS)) & {"run-theirs", "run-mine"}
        for each in left:
            assert hands.get(PODS, each, OURS)["metadata"].get("deletionTimestamp"), each


DENIED = """
[[denied_resources]]
group = ""
version = "v1"
kind = "ConfigMap"

[[denied_resources]]
group = "autoscaling"
version = "v1"
"""


def with_more(config: Path, text: str, folder: Path) -> Path:
    path = folder / "config.toml"
    path.write_text(config.read_text(encoding="utf-8") + text, encoding="utf-8")
    return path


@pytest.mark.requirement("mcp-dropin:denied-resources")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("resources_list", {"apiVersion": "v1", "kind": "ConfigMap"}),
        ("resources_get", {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine-red"}),
        ("resources_delete", {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine-red"}),
        ("resources_list", {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}),
    ],
)
async def test_what_is_denied_is_denied_to_every_tool_and_in_every_version(
    hands: Plain, config: Path, tmp_path: Path, name: str, kind: Object
) -> None:
    """The other product lets another version of a group through."""
    denying = with_more(config, DENIED, tmp_path)
    with anyio.fail_after(DEADLINE), pytest.raises(AssertionError, match="cannot be used on this server"):
        await ours(denying, name, kind)
    assert "mine-red" in hands.names(CONFIG_MAPS, OURS)
