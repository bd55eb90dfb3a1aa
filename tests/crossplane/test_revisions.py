import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane.defining import revisions
from testenv.crossplane import function_revision
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.test_composites import GROUP, composed
from tests.crossplane.test_composites import platform as platform
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = pytest.mark.requirement("crossplane-composites:revisions")


def revision(*steps: Object, **labels: str) -> Object:
    named = {"name": "a-1234567", "labels": {"crossplane.io/composition-hash": str(hash(str(steps))), **labels}}
    return {"metadata": named, "spec": {"revision": len(steps), "mode": "Pipeline", "pipeline": list(steps)}}


def step(name: str, **given: Any) -> Object:
    return {"step": name, "functionRef": {"name": "f"}} | ({"input": given} if given else {})


VALUES = st.one_of(st.integers(), st.booleans(), st.text(max_size=5), st.just("one\ntwo\n"), st.lists(st.integers()))
STEPS = st.lists(
    st.builds(lambda name, size, text: step(name, size=size, text=text), st.sampled_from("abcdef"), VALUES, VALUES),
    max_size=5,
    unique_by=lambda each: each["step"],
)


@given(STEPS, STEPS)
def test_every_difference_is_told_and_nothing_else(before: list[Object], after: list[Object]) -> None:
    one, other = revision(*before), revision(*after)
    found = revisions.compare(one, other)
    assert bool(found) == (before != after)
    assert not revisions.compare(one, one)
    old, new = ({each["step"]: each for each in steps} for steps in (before, after))
    assert {each.partition(" ")[0] for each in found.added} == new.keys() - old.keys()
    assert {each.partition(" ")[0] for each in found.removed} == old.keys() - new.keys()
    assert {name for name, _ in found.changed} == {name for name in old.keys() & new.keys() if old[name] != new[name]}
    assert all(lines for _, lines in found.changed), "a change without a line says nothing"
    back = revisions.compare(other, one)
    assert (back.added, back.removed) == (found.removed, found.added)


def test_a_template_is_compared_by_its_lines() -> None:
    before, after = (step("make", template=f"kind: A\nsize: {size}\nzone: b\n", n=size) for size in (1, 2))
    assert list(revisions.compare(revision(before), revision(after)).lines()) == [
        "step make:",
        "    - input.n: 1",
        "    + input.n: 2",
        "    input.template:",
        "         kind: A",
        "        -size: 1",
        "        +size: 2",
        "         zone: b",
    ]


def test_order_labels_and_hashes() -> None:
    one, two = step("one"), step("two")
    assert list(revisions.compare(revision(one, two), revision(two, one)).lines()) == ["order: two, one"]
    assert list(revisions.compare(revision(one, tier="a"), revision(one, tier="b")).lines()) == [
        "- metadata.labels.tier: a",
        "+ metadata.labels.tier: b",
    ]
    assert list(revisions.compare(revision(one), revision(one)).lines()) == ["no difference"]


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster, platform: None) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


@pytest.mark.anyio
@pytest.mark.real
async def test_who_is_on_which_revision(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("told")
    first, second = composed(plane, "Parcel", name, "red", "blue")
    for each in ("held", "following"):
        parcel: Object = {"kind": "parcel", "name": f"{name}-{each}", "namespace": NAMESPACE, "composition": name}
        await agent("create_composite", **parcel, spec="size: small", wait_seconds=60)
    await agent("update_composite", kind="parcel", name=f"{name}-held", namespace=NAMESPACE, revision="1")
    text = await agent("diff_composition_revisions", composition=name)
    assert "- metadata.labels.colour: red" in text
    assert "+ metadata.labels.colour: blue" in text
    assert f"{first}: revision 1; 1 composites are on it, 1 of them pinned" in text
    assert f"{second}: revision 2; 1 composites are on it; the latest" in text
    rows = [each.split() for each in (await agent("list_composition_revisions", composition=name)).splitlines()]
    assert next(each for each in rows if second in each)[-2:] == ["1", "latest"]
    assert next(each for each in rows if first in each)[-2:] == ["1", "1"]
    assert "nothing to compare" in await agent.refused("diff_composition_revisions", composition="parcel")
    assert "there is no revision 9" in await agent.refused("diff_composition_revisions", composition=name, to="9")

    listed = await agent("list_compositions", xr_kind="parcel", function="function-settings")
    assert next(each for each in map(str.split, listed.splitlines()) if name in each)[-2:] == ["2", "2"]
    assert "no compositions" in await agent("list_compositions", xr_kind="parcel", function="nobodys")


@pytest.mark.anyio
@pytest.mark.real
async def test_a_composition_says_at_once_what_crossplane_says_late(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name, steps = unique("told"), "[{step: make, functionRef: {name: nobodys}}]"
    given: Object = {"name": name, "xr_api_version": f"{GROUP}/v1alpha1", "pipeline": steps}
    assert "give xr_kind=XOrder" in await agent.refused("create_composition", **given, xr_kind="Order")
    old = {**given, "xr_api_version": f"{GROUP}/v1"}
    assert f"give xr_api_version={GROUP}/v1alpha1" in await agent.refused("create_composition", **old, xr_kind="Parcel")
    made = await agent("create_composition", **given, xr_kind="Parcel")
    assert "the function nobodys is not installed" in made
    assert f"revision 1: CompositionRevision/{name}" in made
    mended = "[{step: make, functionRef: {name: function-settings}}]"
    assert f"revision 2: CompositionRevision/{name}" in await agent(
        "update_composition", name=name, upsert_steps=mended
    )
    assert "no difference" in await agent("update_composition", name=name, upsert_steps=mended)
    await agent("delete_composition", name=name)


@pytest.mark.anyio
@pytest.mark.real
async def test_a_function_that_cannot_compose_is_told_of(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("runs-only")
    revision = function_revision()
    revision["metadata"] |= {"name": f"{name}-1", "labels": {"pkg.crossplane.io/package": name}}
    plane.apply(revision)
    status = json.dumps({"status": {"capabilities": ["operation"]}})
    resource = "functionrevision.pkg.crossplane.io"
    plane.run("patch", resource, f"{name}-1", "--subresource=status", "--type=merge", "-p", status)
    given: Object = {"name": name, "xr_api_version": f"{GROUP}/v1alpha1", "xr_kind": "Parcel"}
    step = json.dumps([{"step": "make", "functionRef": {"name": name}}])
    for _ in range(50):  # what Crossplane itself reads may be older than what was written just now
        made = await agent("create_composition", **given, pipeline=step)
        assert f"the function {name} cannot compose, only: operation" in made
        if "unhealthy" in made:
            break
        await agent("delete_composition", name=name)
    assert "unhealthy: ValidPipeline: MissingCapabilities" in made
    listed = await agent("list_compositions", xr_kind="parcel", function=name)
    assert "MissingCapabilities" in listed
    assert "cannot run: MissingCapabilities" in await agent("list_composition_revisions", composition=name)
    assert "cannot compose" in await agent("get_composition", name=name)
    await agent("delete_composition", name=name)
    plane.run("delete", resource, f"{name}-1")
