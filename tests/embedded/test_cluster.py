"""Embedded clusters themselves; what they answer is held to a real server's answers in tests/apiserver."""

import json
import stat
from pathlib import Path

import anyio
import pytest

from fairlead.client.errors import ClientError
from fairlead.client.targets import Cluster
from fairlead.embedded.cluster import DirectoryError, EmbeddedCluster
from fairlead.embedded.playground import Playground
from fairlead.embedded.store import Store
from fairlead.embedded.watching import Watch
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:cluster")]

CONFIGMAPS = Resource("", "v1", "configmaps")


def files(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


async def test_the_kubeconfig_is_private_and_leads_to_loopback(tmp_path: Path) -> None:
    async with EmbeddedCluster("one", tmp_path / "deep" / "er") as cluster:
        assert cluster == Cluster("one", tmp_path / "deep" / "er" / "one.kubeconfig")
        assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
        (entry,) = json.loads(cluster.kubeconfig.read_text())["clusters"]
        assert entry["cluster"]["server"].startswith("https://127.0.0.1:")


async def test_how_to_trust_the_front_proxy_is_published(tmp_path: Path) -> None:
    async with EmbeddedCluster("one", tmp_path) as cluster, cluster.open() as client:
        found = (await client.get(CONFIGMAPS, "extension-apiserver-authentication", "kube-system"))["data"]
    assert "BEGIN CERTIFICATE" in found["requestheader-client-ca-file"]
    assert "BEGIN CERTIFICATE" in found["client-ca-file"]
    assert json.loads(found["requestheader-allowed-names"]) == ["front-proxy-client"]


async def test_users_are_named_by_their_certificates(tmp_path: Path) -> None:
    server = EmbeddedCluster("one", tmp_path)
    async with server:
        own = tmp_path / "eve.kubeconfig"
        own.write_bytes(server.access("eve"))
        async with Cluster("eve", own).open() as client:
            with pytest.raises(statuses.Forbidden, match='User "eve" cannot list resource "configmaps"'):
                await client.list(CONFIGMAPS, "default")


async def test_two_clusters_do_not_know_each_others_certificates(tmp_path: Path) -> None:
    one, two = EmbeddedCluster("one", tmp_path), EmbeddedCluster("two", tmp_path)
    async with one as first, two as second:
        document = json.loads(first.kubeconfig.read_text())
        document["clusters"] = json.loads(second.kubeconfig.read_text())["clusters"]
        document["clusters"][0]["name"] = "one"
        stranger = tmp_path / "stranger.kubeconfig"
        stranger.write_text(json.dumps(document))
        async with Cluster("stranger", stranger).open() as client:
            with pytest.raises(ClientError):
                await client.list(CONFIGMAPS, "default")


async def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DirectoryError, match=r"^cannot write .*one\.kubeconfig"):
        await EmbeddedCluster("one", tmp_path / "file").__aenter__()


@pytest.mark.requirement("embedded:playground")
async def test_a_playground_keeps_its_clusters_apart(tmp_path: Path) -> None:
    with anyio.fail_after(30):
        async with Playground(tmp_path) as playground:
            assert files(tmp_path) == ["app.kubeconfig", "control-plane.kubeconfig"]
            async with playground.app.open() as app, playground.control_plane.open() as control_plane:
                made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
                await app.create(CONFIGMAPS, made)
                with pytest.raises(statuses.NotFound):
                    await control_plane.get(CONFIGMAPS, "a", "default")
            assert playground.stored("") != []
            assert playground.stored("demo.fairlead.dev") == []


@pytest.mark.requirement("embedded:watch")
async def test_a_watcher_of_a_forgotten_revision_is_told(tmp_path: Path) -> None:
    """Only here, because a real server keeps its history for minutes."""
    from fairlead.embedded.answering import Form
    from fairlead.embedded.builtin import KINDS
    from fairlead.embedded.options import ListOptions
    from fairlead.embedded.store import Key
    from fairlead.machinery.messages import Request

    store = Store(history=2)
    kind = next(each for each in KINDS if each.plural == "configmaps")
    for name in "abcd":
        store.put(Key("", "configmaps", "n", name), {"metadata": {"name": name, "uid": name}})
    options = ListOptions.read({"resourceVersion": "1"}, watch=True)
    watch = Watch(store, kind, "n", options, Form.of(Request("GET", "/"), kind))
    (line,) = [chunk async for chunk in watch.lines()]
    event = json.loads(line)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"] == "too old resource version: 1"
