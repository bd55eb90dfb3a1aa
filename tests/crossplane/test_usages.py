"""Usages that really block, replay and end on a control plane with Crossplane's webhook."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fairlead.crossplane.upkeep import protecting
from fairlead.machinery.paths import Resource
from fairlead.resources import deleting
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
CONFIG_MAPS = Resource("", "v1", "configmaps")
USAGES = "usages.protection.crossplane.io"
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-operations:usages")]
real = pytest.mark.real


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources", "core") as found:
        yield found


def config_map(plane: Kubectl, name: str, **labels: str) -> str:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    plane.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    return name


def usage(plane: Kubectl, name: str) -> Object:
    found: Object = json.loads(plane.run("get", USAGES, name, "-n", NAMESPACE, "-o", "json"))
    return found


@real
async def test_a_deletion_that_was_refused_is_replayed_when_the_usage_ends(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = config_map(plane, unique("used"))
    one = {"of_kind": "configmap", "of_name": name, "namespace": NAMESPACE, "wait_seconds": 30}
    made = await agent("create_usage", **one, reason="it is ours", replay_deletion=True)
    assert f"of: ConfigMap/{name} in {NAMESPACE}: healthy; protected" in made
    assert "change it with update_usage" in await agent.refused("create_usage", **one, reason="again")
    own = {"name": f"{name}-usage", "namespace": NAMESPACE}
    rehearsed = await agent("delete_usage", **own, dry_run=True)
    assert f"nothing protects ConfigMap/{name} in {NAMESPACE} then" in rehearsed

    blocked = await agent.refused("resources_delete", kind="configmap", name=name, namespace=NAMESPACE)
    assert "is in use, so it was not deleted, and the attempt is recorded" in blocked
    assert "its deletion was tried (Background)" in await agent("get_usage", **own)
    ended = await agent("delete_usage", **own)
    assert f"Crossplane then deletes ConfigMap/{name}" in agent.talk.asked[-1]
    assert "is gone: its deletion was replayed" in ended
    world.await_gone(plane, f"configmap/{name}", "-n", NAMESPACE)


@real
@pytest.mark.whole
async def test_while_another_protects_it_nothing_is_replayed(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = config_map(plane, unique("used"))
    one = {"of_kind": "configmap", "of_name": name, "namespace": NAMESPACE, "reason": "ours", "wait_seconds": 30}
    await agent("create_usage", **one, replay_deletion=True)
    await agent("create_usage", **one, name=f"{name}-other")
    await agent.refused("resources_delete", kind="configmap", name=name, namespace=NAMESPACE)
    await agent("delete_usage", name=f"{name}-usage", namespace=NAMESPACE)
    assert f"stays protected, by {name}-other" in agent.talk.asked[-1]

    def over() -> None:
        if f"{name}-usage" in plane.run("get", "usages.protection.crossplane.io", "-n", NAMESPACE, "-o", "name"):
            raise Refused("the first usage is there yet")

    world.eventually(over)
    rehearsed = await agent("delete_usage", name=f"{name}-other", namespace=NAMESPACE, dry_run=True)
    assert "its deletion was tried and is not replayed: delete it again" in rehearsed
    await agent("update_usage", name=f"{name}-other", namespace=NAMESPACE, replay_deletion=True, dry_run=True)
    changed = await agent("update_usage", name=f"{name}-other", namespace=NAMESPACE, replay_deletion=True)
    assert "deletes it once it is unused" in changed
    await agent("delete_usage", name=f"{name}-other", namespace=NAMESPACE)
    world.await_gone(plane, f"configmap/{name}", "-n", NAMESPACE)


@real
@pytest.mark.whole
async def test_who_uses_it_is_exchanged_whole(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> None:
    name, first, second = (config_map(plane, unique(each)) for each in ("used", "first", "second"))
    own = {"name": f"{name}-usage", "namespace": NAMESPACE}
    await agent(
        "create_usage",
        of_kind="configmap",
        of_name=name,
        namespace=NAMESPACE,
        by_kind="configmap",
        by_name=first,
        wait_seconds=30,
    )
    await agent("update_usage", **own, by_kind="configmap", by_name=second)

    def owned() -> None:
        owners = [each["name"] for each in usage(plane, own["name"])["metadata"].get("ownerReferences") or ()]
        if owners != [second]:
            raise Refused(f"owned by {owners}")

    world.eventually(owned)
    assert f"used by ConfigMap/{second}" in await agent("list_usages", by_kind="cm", by_name=second, limit=500)
    assert "no such usages" in await agent("list_usages", by_kind="configmaps", by_name=first, limit=500)
    assert "needs a reason or what uses it" in await agent.refused("update_usage", **own, unset=["by"])
    assert "nothing to change" in await agent.refused("update_usage", **own)
    plane.run("delete", "configmap", second, "-n", NAMESPACE)

    def ended() -> None:
        if own["name"] in plane.run("get", USAGES, "-n", NAMESPACE, "-o", "name"):
            raise Refused("the usage outlives its user")

    world.eventually(ended)
    plane.run("delete", "configmap", name, first, "-n", NAMESPACE)


@real
async def test_one_for_each_match_is_made_on_request_alone(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    mark = unique("match")
    names = [config_map(plane, f"{mark}-{each}", set=mark) for each in "abc"]
    asked = {"of_kind": "configmap", "of_label_selector": f"set={mark}", "namespace": NAMESPACE, "reason": "ours"}
    several = await agent.refused("create_usage", **asked)
    assert f"they are: {', '.join(names)}" in several
    assert "each_match=true" in several
    assert mark not in plane.run("get", USAGES, "-n", NAMESPACE, "-o", "name")
    await agent("create_usage", of_kind="configmap", of_name=names[0], namespace=NAMESPACE, reason="mine")
    made = await agent("create_usage", **asked, each_match=True, wait_seconds=30)
    assert f"Usage {names[0]}-usage is there already" in made
    assert "what comes to match later is not protected" in made
    assert made.count("; protected") == 2
    for each in names:
        with pytest.raises(Refused, match="in-use"):
            plane.run("delete", "configmap", each, "-n", NAMESPACE)
    assert "each match has a usage already" in await agent.refused("create_usage", **asked, each_match=True)
    for each in names:
        await agent("delete_usage", name=f"{each}-usage", namespace=NAMESPACE)


@real
async def test_who_uses_it_is_found_by_labels_where_only_one_has_them(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    mark = unique("by")
    used, one, other = (config_map(plane, f"{mark}-{each}", **{mark: each}) for each in ("used", "one", "other"))
    asked = {"of_kind": "configmap", "of_name": used, "namespace": NAMESPACE, "by_kind": "configmap"}
    several = await agent.refused("create_usage", **asked, by_label_selector=mark)
    assert f"3 configmaps match {mark}, and one uses it: nothing was made: they are: {one}, {other}, {used}" in several
    none = await agent.refused("create_usage", **asked, by_label_selector=f"{mark}=none")
    assert "0 configmaps match" in none
    both = await agent.refused("create_usage", **asked, by_label_selector=mark, by_name=one)
    assert "give by_kind, and by_name or by_label_selector" in both
    away = await agent.refused("create_usage", **asked, by_name=f"kube-system/{one}")
    assert f"make the usage in kube-system, with of_name={NAMESPACE}/NAME" in away
    made = await agent("create_usage", **asked, by_label_selector=f"{mark}=one")
    assert f"used by ConfigMap/{one}" in made
    changed = await agent(
        "update_usage", name=f"{used}-usage", namespace=NAMESPACE, by_kind="cm", by_label_selector=f"{mark}=other"
    )
    assert f"used by ConfigMap/{other}" in changed

    # The name that it would have is taken by a usage of something else.
    plane.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": used, "namespace": NAMESPACE}})
    twin = {"of_kind": "serviceaccount", "of_name": used, "namespace": NAMESPACE, "reason": "ours"}
    taken = await agent.refused("create_usage", **twin)
    assert f"is there already: protects ConfigMap/{used}; used by ConfigMap/{other}" in taken
    assert "give another `name`" in taken


@real
@pytest.mark.whole
async def test_what_lies_elsewhere_or_nowhere_needs_the_right_user(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = config_map(plane, unique("user"))
    far = {"of_kind": "configmap", "of_name": f"kube-system/{name}", "namespace": NAMESPACE}
    plane.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}})
    assert "needs a user" in await agent.refused("create_usage", **far, reason="ours")
    made = await agent("create_usage", **far, by_kind="configmap", by_name=name, wait_seconds=30)
    assert f"protects ConfigMap/{name} in kube-system" in made
    assert f"of: ConfigMap/{name} in kube-system: healthy; protected" in made
    with pytest.raises(Refused, match="in-use"):
        plane.run("delete", "configmap", name, "-n", "kube-system")
    await agent("delete_usage", name=f"{name}-usage", namespace=NAMESPACE)

    xrd = {"of_kind": "xrd", "of_name": f"xdatabases.{GROUP}"}
    refused = await agent.refused("create_usage", **xrd, by_kind="configmap", by_name=name, namespace=NAMESPACE)
    assert "what is in no namespace cannot be used by a ConfigMap" in refused
    rehearsed = await agent("create_usage", **xrd, reason="ours", dry_run=True)
    assert "create ClusterUsage" in rehearsed
    alone = {"of_kind": "configmap", "of_name": name, "by_kind": "configmap", "by_name": "nobody"}
    early = await agent("create_usage", **alone, namespace=NAMESPACE, dry_run=True)
    assert "is not there: the usage is not ready before it is" in early


def protected(own: str, uid: str, *, replay: bool = False, **by: str) -> Object:
    of = {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": "used"}}
    spec: Object = {"of": of, "replayDeletion": replay}
    spec |= {"by": {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": by}} if by else {}
    return {"kind": "Usage", "metadata": {"name": own, "uid": uid, "namespace": "shop"}, "spec": spec}


def used(**annotations: str) -> Object:
    metadata = {"name": "used", "namespace": "shop", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.mark.parametrize("replay", [True, False])
@pytest.mark.parametrize("attempt", ["Background", ""])
@pytest.mark.parametrize("more", [0, 1])
def test_only_a_deletion_that_was_tried_is_replayed_by_the_last_usage(replay: bool, attempt: str, more: int) -> None:
    one = protected("one", "1", replay=replay)
    others = protecting.others(one, [one, *[protected("two", "2")] * more])
    obj = used(**({deleting.ATTEMPT: attempt} if attempt else {}))
    assert len(others) == more
    assert protecting.replays(one, obj, others) is (replay and bool(attempt) and not more)
    told = protecting.ending(one, obj, others)
    assert ("Crossplane then deletes" in told) is protecting.replays(one, obj, others)
    assert ("stays protected, by two" in told) is bool(more)


def test_an_exchanged_user_leaves_the_owners() -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "uid": "u"}
    one = protected("one", "1", name="first")
    one["metadata"]["ownerReferences"] = [owner | {"name": "first"}, owner | {"name": "someone"}]
    assert [each["name"] for each in protecting.without_user(one)] == ["someone"]
    assert protecting.told(one).endswith("used by ConfigMap/first")
    assert protecting.is_of(one, "by", ("configmap",), "first")
    assert not protecting.is_of(one, "of", (), "first")
