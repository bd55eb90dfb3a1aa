from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane import building
from fairlead.crossplane.building import BuildError
from fairlead.crossplane.defining import describing, generating

Object = dict[str, Any]
pytestmark = pytest.mark.requirement("crossplane-toolset:manifests")
SCHEMA = {"properties": {"size": {"type": "string"}, "count": {"type": "integer", "minimum": 2}}, "required": ["count"]}


def steps(*names: str) -> list[Object]:
    return [{"step": name, "functionRef": {"name": f"function-{name}"}} for name in names]


@given(
    scope=st.sampled_from(["", "Namespaced", "Cluster"]),
    claim=st.sampled_from(["", "Database"]),
    has_v2=st.booleans(),
)
def test_an_xrd_is_what_its_api_version_takes(scope: str, claim: str, has_v2: bool) -> None:
    wanted: Object = {"scope": scope, "claim": claim, "has_v2": has_v2}
    if (claim and scope) or (scope == "Namespaced" and not has_v2):
        with pytest.raises(BuildError):
            building.xrd("a.example.org", "XDatabase", "xdatabases", SCHEMA, **wanted)
        return
    made = building.xrd("a.example.org", "XDatabase", "xdatabases", SCHEMA, **wanted)
    assert made["metadata"]["name"] == "xdatabases.a.example.org"
    legacy = bool(claim) or not has_v2
    assert made["apiVersion"].endswith("/v1" if legacy else "/v2")
    assert ("claimNames" in made["spec"]) == bool(claim)
    assert not (legacy and made["spec"].get("scope") == "Namespaced")
    generating.composite_crd(made)
    (sample,) = describing.samples(made)
    assert sample["kind"] == (claim or "XDatabase")
    assert sample["spec"] == {"count": 2}
    assert "spec.count*: integer, ≥ 2" in describing.fields(made)


NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)


@given(
    NAMES,
    NAMES,
    st.lists(st.sampled_from("abcdef"), max_size=3),
    st.lists(st.sampled_from("abcdef"), max_size=4, unique=True),
)
def test_steps_change_in_place_and_nothing_else_does(
    before: list[str], upsert: list[str], remove: list[str], order: list[str]
) -> None:
    changed = [{**each, "functionRef": {"name": "new"}} for each in steps(*upsert)]
    known = {*before, *upsert}
    left = known - set(remove)
    if not left or not {*remove, *order} <= known:
        with pytest.raises(BuildError):
            building.rearranged(steps(*before), changed, remove, order)
        return
    found = building.rearranged(steps(*before), changed, remove, order)
    names = [each["step"] for each in found]
    assert set(names) == left
    assert len(names) == len(left)
    wanted = [each for each in order if each in left]
    assert names[: len(wanted)] == wanted
    rest = [each for each in before if each in left and each not in order]
    assert [each for each in names if each in rest] == rest
    assert all((each["functionRef"]["name"] == "new") == (each["step"] in upsert) for each in found)


def test_versions_are_added_changed_and_moved() -> None:
    made = building.xrd("a.example.org", "XDatabase", "xdatabases", SCHEMA)
    with pytest.raises(BuildError, match="has no version v1; give its spec_schema to add it"):
        building.with_version(made, "v1", None, None, referenceable=False)
    added = building.with_version(made, "v1", SCHEMA, None, referenceable=True)
    assert [(each["name"], each["referenceable"]) for each in added] == [("v1alpha1", False), ("v1", True)]
    status = building.with_version(
        made, "v1alpha1", None, {"properties": {"url": {"type": "string"}}}, referenceable=False
    )
    assert set(status[0]["schema"]["openAPIV3Schema"]["properties"]) == {"spec", "status"}
    assert made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].keys() == {"spec"}


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("xpkg.upbound.io/upbound/provider-aws-s3:v2.1.0", "provider-aws-s3"),
        ("127.0.0.1:5000/demo/conf:v1.0.0", "conf"),
        (f"ghcr.io/a/b/c@sha256:{'0' * 64}", "c"),
        ("provider-aws:v1", ""),
        ("localhost:5000/demo/conf:v1", ""),
        ("xpkg.upbound.io/upbound/provider-aws-s3", ""),
    ],
)
def test_a_package_is_named_whole(reference: str, name: str) -> None:
    if not name:
        with pytest.raises(BuildError, match="it needs registry, repository and a tag or digest"):
            building.package("Provider", reference)
        return
    assert building.package("Provider", reference)["metadata"]["name"] == name
    assert building.package("Provider", reference, "mine")["metadata"]["name"] == "mine"


def test_a_tag_that_moves_is_warned_of() -> None:
    assert "moves" in building.warned_of("xpkg.upbound.io/a/b:latest")
    assert not building.warned_of("xpkg.upbound.io/a/b:v1.2.3")


@pytest.mark.parametrize("schedule", ["0 3 * * 1", "*/5 0-6 1,15 JAN-MAR MON", "@daily", "@every 1h"])
def test_schedules_are_told(schedule: str) -> None:
    assert building.cron_operation("a", schedule, steps("a"))["spec"]["schedule"] == schedule


@pytest.mark.parametrize("schedule", ["", "daily", "0 3 * *", "0 3 * * 1 2", "@sometimes", "a|b * * * *"])
def test_from_what_is_none(schedule: str) -> None:
    with pytest.raises(BuildError, match="is no schedule"):
        building.cron_operation("a", schedule, steps("a"))


def test_from_one_that_is_never_due() -> None:
    with pytest.raises(BuildError, match="is never due: there is no such day"):
        building.cron_operation("a", "0 0 31 2 *", steps("a"))


def test_what_would_never_run_is_refused() -> None:
    building.cron_operation("a" * 63, "@daily", steps("a"))
    with pytest.raises(BuildError, match="would never run"):
        building.cron_operation("a" * 64, "@daily", steps("a"))
    with pytest.raises(BuildError, match="fails before it runs"):
        building.operation("a", steps("a"), 0)


@pytest.mark.parametrize("wrong", ["make", None, ["make"], 1])
def test_a_step_is_a_mapping(wrong: Any) -> None:
    with pytest.raises(BuildError, match="a step of a pipeline is a mapping"):
        building.check_pipeline([wrong])
    with pytest.raises(BuildError, match="a step of a pipeline is a mapping"):
        building.rearranged(steps("a"), [wrong], [], [])


def test_a_usage_is_where_what_it_protects_is() -> None:
    of = {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": "a"}}
    assert building.usage("u", of, None, "ours", namespace="shop")["kind"] == "Usage"
    assert building.usage("u", of, None, "ours")["kind"] == "ClusterUsage"
    assert building.usage("u", of, None, "ours", legacy=True)["apiVersion"] == "apiextensions.crossplane.io/v1beta1"
    with pytest.raises(BuildError, match="needs a reason or what uses it"):
        building.usage("u", of, None, "")
