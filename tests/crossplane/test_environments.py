"""Environment configs changed and taken away on a real control plane, and who reads them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane.defining import environments
from testenv.crossplane import FUNCTION
from tests.crossplane.agents import Hand
from tests.crossplane.conftest import GROUP
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-operations:environments")]
real = pytest.mark.real
INPUT = {"apiVersion": "environmentconfigs.fn.crossplane.io/v1beta1", "kind": "Input"}


def composition(name: str, *sources: Object, **more: Any) -> Object:
    given = {**INPUT, "spec": {"environmentConfigs": list(sources)}}
    step = {"step": "a", "functionRef": {"name": FUNCTION}, "input": given, **more}
    spec = {
        "compositeTypeRef": {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Cache"},
        "mode": "Pipeline",
        "pipeline": [step],
    }
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": name},
        "spec": spec,
    }


def by_name(name: str) -> Object:
    return {"type": "Reference", "ref": {"name": name}}


def by_labels(*matchers: Object) -> Object:
    return {"type": "Selector", "selector": {"matchLabels": list(matchers)}}


@real
async def test_data_is_changed_by_field_and_whole(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> None:
    name, reader = unique("env"), unique("reads")
    made = await agent(
        "create_environment_config", name=name, data="{region: eu-west-1, zones: {a: 1, b: 2}}", labels=["tier=gold"]
    )
    assert f"{name}; tier=gold; 2 keys: region, zones" in made
    assert "no composition reads it" in made
    plane.apply(composition(reader, by_name(name)))
    assert f"compositions that name it: {reader}" in await agent("get_environment_config", name=name)
    listed = await agent("list_environment_configs", has_key="zones")
    assert f"{name}; tier=gold; 2 keys: region, zones" in listed
    assert name not in await agent("list_environment_configs", has_key="nowhere")

    await agent("update_environment_config", name=name, set=["data.zones.c=3"], unset=["data.region"])
    assert f"compositions that name it: {reader}" in agent.talk.asked[-1]
    assert data(plane, name) == {"zones": {"a": 1, "b": 2, "c": 3}}
    await agent("update_environment_config", name=name, data="{zones: {d: 4}}")
    assert data(plane, name) == {"zones": {"d": 4}}
    both = await agent.refused("update_environment_config", name=name, data="{}", set=["data.a=1"])
    assert "give either set and unset, or data" in both

    await agent("delete_environment_config", name=name)
    assert f"compositions that name it: {reader}" in agent.talk.asked[-1]
    assert "composites of these fail" in agent.talk.asked[-1]
    plane.run("delete", "composition", reader)


def data(plane: Kubectl, name: str) -> Any:
    return json.loads(plane.run("get", "environmentconfig", name, "-o", "json"))["data"]


GOLD = {"key": "tier", "type": "Value", "value": "gold"}
LEAD = {"key": "tier", "type": "Value", "value": "lead"}
OWN = {"key": "region", "valueFromFieldPath": "spec.region"}
OTHER = {"key": "zone", "valueFromFieldPath": "spec.zone"}
REQUIRED = {"requirementName": "a", "apiVersion": "apiextensions.crossplane.io/v1beta1", "kind": "EnvironmentConfig"}


def needs(**more: Any) -> Object:
    return composition("c", requirements={"requiredResources": [{**REQUIRED, **more}]})


@pytest.mark.parametrize(
    ("reading", "way"),
    [
        (composition("c", by_name("one")), "named"),
        (composition("c", {"ref": {"name": "one"}}), "named"),
        (composition("c", by_name("other")), ""),
        (composition("c", by_labels(GOLD)), "selected"),
        (composition("c", by_labels(LEAD)), ""),
        (composition("c", by_labels(GOLD, OWN)), "perhaps"),
        (composition("c", by_labels(GOLD, OTHER)), ""),
        (composition("c", by_labels(GOLD, OTHER | {"fromFieldPathPolicy": "Optional"})), "perhaps"),
        (composition("c", by_labels(OWN, LEAD)), ""),
        (composition("c", by_labels(OWN), by_labels(GOLD)), "selected"),
        (needs(name="one"), "named"),
        (needs(name="other"), ""),
        (needs(matchLabels={"tier": "gold"}), "selected"),
        (needs(matchLabels={"tier": "lead"}), ""),
        (composition("c", input={"apiVersion": "a/v1", "kind": "T", "inline": {"env": "one"}}), "named"),
        (composition("c", input={"apiVersion": "a/v1", "kind": "T", "spec": "someone"}), ""),
    ],
)
def test_who_reads_it_follows_from_what_compositions_ask_for(reading: Object, way: str) -> None:
    labels = {"tier": "gold", "region": "eu"}
    config = {"metadata": {"name": "one", "labels": labels}}
    found = environments.readers(config, [reading])
    assert found == environments.Readers(**({way: ("c",)} if way else {}))


WAYS = st.sampled_from([by_name("one"), by_name("other"), by_labels(GOLD), by_labels(OWN), by_labels(LEAD)])


@given(st.lists(st.lists(WAYS, max_size=3), max_size=4))
def test_each_reader_is_told_once(asked: list[list[Object]]) -> None:
    config = {"metadata": {"name": "one", "labels": {"tier": "gold", "region": "eu"}}}
    compositions = [composition(f"c{place}", *sources) for place, sources in enumerate(asked)]
    found = environments.readers(config, compositions)
    names = [*found.named, *found.selected, *found.perhaps]
    assert len(names) == len(set(names))
    unread = (by_name("other"), by_labels(LEAD))
    reading = [f"c{place}" for place, sources in enumerate(asked) if any(each not in unread for each in sources)]
    assert sorted(names) == sorted(reading)
