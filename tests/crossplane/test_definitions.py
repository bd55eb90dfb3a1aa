import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane import building
from fairlead.crossplane.building import BuildError
from fairlead.crossplane.defining import authoring
from fairlead.crossplane.xrds import plural_of
from tests.crossplane.agents import Hand
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
        ([version("1.0", referenceable=True)], "'1.0' is no name of a version"),
    ],
)
def test_what_no_crd_can_be_made_of_is_refused(versions: list[Object], refusal: str) -> None:
    with pytest.raises(BuildError, match=refusal):
        authoring.check(xrd(*versions))


@pytest.mark.parametrize(
    ("field", "refusal"),
    [
        ({"type": "strin"}, "spec.a has the type strin"),
        ({"type": "array"}, "spec.a says nothing of its items"),
        ({"type": "string", "required": True}, "required of v1: spec.a is no list"),
        ({"type": "object", "properties": {"b": STRING}, "additionalProperties": STRING}, "spec.a has both"),
        ({"type": "object", "properties": {"b": "string"}}, "spec.a.b is no schema"),
        ({"type": "string", "default": 5}, "spec.a does not take its default: .*must be of type string"),
        ({"type": "string", "enum": ["x"], "default": "y"}, "spec.a does not take its default: Unsupported value"),
        ({"type": "array", "items": {"type": "object", "properties": {"b": {"type": "int"}}}}, r"a\[\].b has the type"),
    ],
)
def test_nor_of_a_field_that_no_crd_has(field: Object, refusal: str) -> None:
    with pytest.raises(BuildError, match=refusal):
        authoring.check(xrd(version("v1", {"properties": {"a": field}}, referenceable=True)))


def test_a_default_is_looked_at_with_the_defaults_below_it() -> None:
    inner = {
        "type": "object",
        "required": ["b"],
        "properties": {"b": {"type": "string", "default": "x"}},
        "default": {},
    }
    whole = {"x-kubernetes-int-or-string": True, "default": "50%"}
    authoring.check(xrd(version("v1", {"properties": {"a": inner, "c": whole}}, referenceable=True)))


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"size": STRING}, "Crossplane would leave size out of the schema of spec: .*fields stand under properties"),
        ({"properties": {}, "additionalProperties": True}, "would leave additionalProperties out"),
        ({"openAPIV3Schema": {}}, "spec_schema is the schema of spec alone"),
        ({"properties": {"spec": {"properties": {"size": STRING}}}}, "give what its properties.spec has"),
    ],
)
def test_what_would_be_lost_of_a_schema_is_refused(given: Object, refusal: str) -> None:
    with pytest.raises(BuildError, match=refusal):
        authoring.check_given(given, "spec")


def test_a_schema_that_crossplane_takes_whole_is_taken() -> None:
    rules = [{"rule": "true"}]
    authoring.check_given({"type": "object", "properties": {"spec": STRING}, "x-kubernetes-validations": rules}, "spec")
    authoring.check_given({"x-kubernetes-preserve-unknown-fields": True}, "spec")
    authoring.check_given(None, "status")


def test_an_xrd_is_called_by_its_names() -> None:
    wrong = xrd(version("v1", referenceable=True)) | {"metadata": {"name": "thing.a.example.org"}}
    with pytest.raises(BuildError, match=r"call it things\.a\.example\.org"):
        authoring.check(wrong)


def test_a_group_is_a_domain() -> None:
    with pytest.raises(BuildError, match="the group acme has no dot"):
        authoring.check(building.xrd("acme", "Thing", "things", {}))


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("XDatabase", "xdatabases"), ("Policy", "policies"), ("Gateway", "gateways"), ("Address", "addresses")],
)
def test_plurals_are_those_of_kubernetes(kind: str, plural: str) -> None:
    assert plural_of(kind) == plural


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
    assert f"no XRD makes 'xcratez'; near: {name}" in await agent.refused("get_xrd", name="xcratez")

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


@pytest.mark.anyio
@pytest.mark.real
@pytest.mark.whole
async def test_versions_that_differ_lose_what_is_said(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    group = f"{unique('versions')}.example.org"
    fields = json.dumps({"properties": {"size": STRING, "colour": STRING}})
    await agent("create_xrd", group=group, kind="Crate", spec_schema=fields, wait_seconds=30)
    newer = json.dumps({"properties": {"size": STRING, "lid": STRING}})
    added = await agent("update_xrd", name=f"crates.{group}", version="v1", spec_schema=newer, wait_seconds=30)
    assert "spec.lid of v1 is dropped: v1alpha1 is what is stored" in added
    assert "spec.colour is lost whenever somebody writes through v1" in added
    metadata = {"name": "one", "namespace": NAMESPACE, "annotations": {"crossplane.io/paused": "true"}}
    spec = {"size": "small", "colour": "red"}
    plane.apply({"apiVersion": f"{group}/v1alpha1", "kind": "Crate", "metadata": metadata, "spec": spec})
    change = json.dumps({"spec": {"size": "large", "lid": "round"}})
    plane.run("patch", f"crates.v1.{group}/one", "-n", NAMESPACE, "--type=merge", "-p", change)
    left = plane.run("get", f"crates.v1alpha1.{group}/one", "-n", NAMESPACE, "-o", "jsonpath={.spec}")
    assert json.loads(left) == {"size": "large"}

    chosen = await agent("update_xrd", name=f"crates.{group}", default_composition="nowhere", wait_seconds=0)
    assert "there is no composition nowhere; of this kind there are: none: composites that choose none fail" in chosen
    plane.run("annotate", f"crates.{group}/one", "-n", NAMESPACE, "crossplane.io/paused-")

    step = "[{step: make, functionRef: {name: function-settings}}]"
    for each in ("lasting", "light"):
        kind = {"xr_api_version": f"{group}/v1alpha1", "xr_kind": "Crate"}
        made = await agent("create_composition", name=f"{each}.{group}", **kind, pipeline=step)
        assert "state:" not in made, "a composition has none"
    enforced = f"spec.enforcedCompositionRef.name=lasting.{group}"
    told = await agent("update_xrd", name=f"crates.{group}", set=[enforced], wait_seconds=0)
    assert f"all composites go over to lasting.{group} at once, those that have chosen another too" in told
    other: Object = {"kind": f"crates.{group}", "namespace": NAMESPACE, "composition": f"light.{group}"}
    for tool, name in (("create_composite", "two"), ("update_composite", "one")):
        assert f"enforces the composition lasting.{group}" in await agent.refused(tool, name=name, **other)
    await agent("delete_xrd", name=f"crates.{group}")
