import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane import building
from fairlead.crossplane.building import BuildError
from fairlead.crossplane.defining import authoring
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.test_composites_going import Slow
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = pytest.mark.requirement("crossplane-composites:definitions")
STRING = {"type": "string"}


def xrd(*versions: Object, **spec: Any) -> Object:
    made = building.xrd("a.example.org", "Thing", "things", {"properties": {"size": STRING}})
    made["spec"] |= {"versions": list(versions) or made["spec"]["versions"], **spec}
    return made


def version(name: str, schema: Object | None = None, **more: Any) -> Object:
    found: Object = building.xrd("a.example.org", "Thing", "things", schema or {}, version=name)["spec"]["versions"][0]
    return found | {"referenceable": False} | more


@pytest.mark.parametrize(
    ("versions", "refusal"),
    [
        ([version("v1", referenceable=True), version("v1")], "the version v1 is there twice"),
        ([version("v1"), version("v2")], "exactly one version is referenceable: here: none"),
        ([version("v1", referenceable=True), version("v2", referenceable=True)], "here: v1, v2"),
        ([version("v1", referenceable=True, served=False)], "v1 is the referenceable version, so it is served"),
        ([version("v1", {"properties": {"a": {}}}, referenceable=True)], "v1: spec.a has no type"),
        (
            [version("v1", {"properties": {"a": {"type": "array", "items": {}}}}, referenceable=True)],
            r"v1: spec\.a\[\] has no type",
        ),
    ],
)
def test_what_no_crd_can_be_made_of_is_refused(versions: list[Object], refusal: str) -> None:
    with pytest.raises(BuildError, match=refusal):
        authoring.check(xrd(*versions))


def test_what_needs_no_type_has_none() -> None:
    loose = {
        "properties": {"a": {"x-kubernetes-int-or-string": True}, "b": {"x-kubernetes-preserve-unknown-fields": True}}
    }
    authoring.check(xrd(version("v1", loose, referenceable=True)))


def test_what_crossplane_overwrites_is_said() -> None:
    own = {"properties": {"crossplane": {"type": "object"}, "claimRef": {"type": "object"}}}
    (told,) = authoring.overwritten(xrd(version("v1", own, referenceable=True)))
    assert "spec.crossplane is Crossplane's own" in told
    (told,) = authoring.overwritten(xrd(version("v1", own, referenceable=True), scope="LegacyCluster"))
    assert "spec.claimRef is Crossplane's own" in told


FIELDS = st.dictionaries(st.sampled_from("abcd"), st.booleans(), max_size=4)
"""Names, and whether each is required."""


def schema(fields: dict[str, bool]) -> Object:
    return {
        "properties": dict.fromkeys(fields, STRING),
        "required": [name for name, needed in fields.items() if needed],
    }


@given(FIELDS, FIELDS)
def test_what_goes_and_what_is_asked_for_is_said(before: dict[str, bool], after: dict[str, bool]) -> None:
    one, other = (xrd(version("v1", schema(each), referenceable=True)) for each in (before, after))
    gone = sorted(f"spec.{name}" for name in before.keys() - after.keys())
    asked = sorted(f"spec.{name}" for name, needed in after.items() if needed and not before.get(name))
    wanted = [f"v1 loses {', '.join(gone)}"] if gone else []
    wanted += [f"v1 now requires {', '.join(asked)}"] if asked else []
    assert authoring.said(one, other) == wanted


def test_versions_that_go_are_said() -> None:
    before = xrd(version("v1", referenceable=True), version("v2"), version("v3"))
    after = xrd(version("v1", referenceable=True), version("v2", served=False))
    assert authoring.said(before, after) == [
        "v3 goes, and with it its address",
        "v2 is served no longer: who asks for it finds nothing",
    ]


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


async def rebound(agent: Hand, plane: Kubectl, group: str) -> None:
    """A claim that was there before the version moved, and what its diagnosis asks for."""
    crate = {"kind": f"crates.{group}", "name": "one", "namespace": NAMESPACE}
    for _ in range(300):
        said = await agent("diagnose_resource", **crate)
        if "bound under another version" in said:
            break
        await anyio.sleep(0.1)
    assert "bound under another version, so Crossplane neither reconciles nor deletes it" in said
    assert f"{group}/v1alpha1 one" in said
    composite = plane.run("get", f"crates.{group}/one", "-n", NAMESPACE, "-o", "jsonpath={.spec.resourceRef.name}")
    reference = json.dumps({"spec": {"claimRef": {"apiVersion": f"{group}/v1"}}})
    plane.run("patch", f"xcrates.{group}/{composite}", "--type=merge", "-p", reference)


@pytest.mark.anyio
@pytest.mark.real
@pytest.mark.whole
async def test_a_platform_api_in_life(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> None:
    group = f"{unique('life')}.example.org"
    name = f"xcrates.{group}"
    wanted: Object = {"group": group, "kind": "XCrate", "plural": "xcrates", "claim_kind": "Crate"}
    fields = json.dumps({"properties": {"size": STRING, "colour": STRING}, "required": ["size"]})
    assert "spec.a has no type" in await agent.refused("create_xrd", **wanted, spec_schema="{properties: {a: {}}}")
    more = "{connectionSecretKeys: [url], claimNames: {plural: crates}, names: {shortNames: [xcr]}}"
    made = await agent("create_xrd", **wanted, spec_schema=fields, spec=more, wait_seconds=30)
    assert "state: healthy" in made
    assert f"offers Crate; describe_xrd_schema kind=crates.{group} has an example" in made
    spec = json.loads(plane.run("get", "xrd", name, "-o", "json"))["spec"]
    assert spec["connectionSecretKeys"] == ["url"]
    assert spec["names"]["shortNames"] == ["xcr"]

    crate: Object = {"kind": f"crates.{group}", "name": "one", "namespace": NAMESPACE, "wait_seconds": 0}
    await agent("create_composite", **crate, spec="{size: small, colour: red}")
    narrower = json.dumps({"properties": {"size": {**STRING, "enum": ["large"]}, "zone": STRING}, "required": ["zone"]})
    told = await agent("update_xrd", name=name, spec_schema=narrower, dry_run=True)
    assert "v1alpha1 loses spec.colour" in told
    assert "v1alpha1 now requires spec.zone" in told
    assert "1 of 1 Crate lose spec.colour at the next write (one in shop)" in told
    assert "1 of 1 Crate would be refused: spec.zone: Required value" in told
    assert 'spec.size: Unsupported value: "small"' in told

    await agent("update_xrd", name=name, version="v1", spec_schema=fields, wait_seconds=30)
    await agent(
        "update_xrd",
        name=name,
        set=["spec.versions[0].deprecated=true", "spec.defaultCompositionUpdatePolicy=Manual"],
        wait_seconds=30,
    )
    spec = json.loads(plane.run("get", "xrd", name, "-o", "json"))["spec"]
    assert [each.get("deprecated") for each in spec["versions"]] == [True, None]
    assert spec["defaultCompositionUpdatePolicy"] == "Manual"
    assert "v1alpha1, v1" in await agent("list_xrds")
    assert f"CompositeResourceDefinition/{name}: healthy" in await agent("get_xrd", name="crate")
    assert f"0 XRDs make 'xcratez': near: {name}" in (await agent.refused("get_xrd", name="xcratez")).replace(";", ":")

    step = "[{step: make, functionRef: {name: function-settings}}]"
    await agent("create_composition", name=name, xr_api_version=f"{group}/v1alpha1", xr_kind="XCrate", pipeline=step)
    moved = await agent("update_xrd", name=name, version="v1", referenceable=True, dry_run=True)
    assert f"make those of v1alpha1 anew for v1: {name}" in moved
    assert "so it is served" in await agent.refused("update_xrd", name=name, set=["spec.versions[0].served=false"])
    assert "claims that were bound under v1alpha1 are neither reconciled nor deleted from then on" in moved
    await agent("update_xrd", name=name, version="v1", referenceable=True, wait_seconds=30)
    await rebound(agent, plane, group)
    stored = await agent.refused("update_xrd", name=name, unset=["spec.versions[0]"])
    assert "v1alpha1 cannot go yet" in stored
    assert "served to false" in stored
    retired = await agent("update_xrd", name=name, set=["spec.versions[0].served=false"], wait_seconds=30)
    assert "v1alpha1 is served no longer" in agent.talk.asked[-1]
    assert "state: healthy" in retired
    await agent("delete_composition", name=name)
    late = {"apiVersion": f"{group}/v1", "kind": "Crate", "metadata": {"name": "late", "namespace": NAMESPACE}}
    agent.talk = Slow(lambda: plane.apply(late | {"spec": {"size": "small"}}))
    refused = await agent.refused("delete_xrd", name=name)
    assert "goes with it: 1 Crate, 1 XCrate" in agent.talk.asked[-1]
    assert "has changed meanwhile: nothing was done" in refused
    assert "goes with it: 2 Crate" in refused
    await agent("delete_xrd", name=name)
    assert "goes with it: 2 Crate" in agent.talk.asked[-1]
