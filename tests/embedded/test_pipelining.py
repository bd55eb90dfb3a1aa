from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.embedded.simulator import packaging, pipelining, repository, scenarios
from fairlead.embedded.simulator.pipelining import ComposingError

pytestmark = pytest.mark.requirement("playground-scenarios:pipelines")

Object = dict[str, Any]
ACTIVE = {pipelining.FUNCTION}
NAMES = st.text("abcdefghij", min_size=1, max_size=8)
SITE: Object = {
    "apiVersion": "shop.example.org/v1",
    "kind": "Site",
    "metadata": {"name": "blog", "namespace": "shop", "uid": "u"},
    "spec": {"host": "blog.example.org", "replicas": 2.0, "crossplane": {}},
}


def step(name: str = "one", function: str = pipelining.FUNCTION, **wanted: Any) -> Object:
    return {"step": name, "functionRef": {"name": function}, "input": wanted}


def composition(name: str, kind: str = "Site", **labels: str) -> Object:
    spec = {"compositeTypeRef": {"apiVersion": "shop.example.org/v1", "kind": kind}}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def test_without_wishes_it_makes_the_settings() -> None:
    found = pipelining.run([step()], SITE, {}, ACTIVE)
    settings = found.resources["settings"]
    assert settings["data"] == {"host": "blog.example.org", "replicas": "2"}
    assert (settings["metadata"]["namespace"], found.ready) == ("shop", set())
    assert pipelining.run([step()], SITE, {"settings": settings}, ACTIVE).ready == {"settings"}


@given(st.dictionaries(NAMES, st.booleans(), max_size=6))
def test_steps_add_up_and_each_is_ready_by_its_own_word(wanted: dict[str, bool]) -> None:
    steps = [step(name, compose={name: {"kind": "ConfigMap"}}, ready=ready) for name, ready in wanted.items()]
    observed = {name: {"kind": "ConfigMap"} for name in wanted}
    found = pipelining.run(steps, SITE, observed, ACTIVE)
    assert found.resources.keys() == wanted.keys()
    assert found.ready == {name for name, ready in wanted.items() if ready}


def test_auto_asks_the_object() -> None:
    managed: Object = {"spec": {"forProvider": {}}}
    well = {**managed, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    for seen, ready in ((managed, False), (well, True), ({"kind": "ConfigMap"}, True)):
        assert bool(pipelining.run([step(compose={"a": {}}, ready="auto")], SITE, {"a": seen}, ACTIVE).ready) == ready


def test_the_first_step_that_fails_says_why() -> None:
    with pytest.raises(ComposingError, match='step "two" returned a fatal result: no'):
        pipelining.run([step(), step("two", fatal="no"), step("three", "nobody")], SITE, {}, ACTIVE)
    with pytest.raises(ComposingError, match=r'step "three".*cannot find an active FunctionRevision'):
        pipelining.run([step("three", "nobody")], SITE, {}, ACTIVE)


def test_a_composition_is_the_one_that_is_named_or_one_that_fits() -> None:
    there = [composition("gold", tier="gold"), composition("other", "Shop"), composition("plain")]
    named = {**SITE, "spec": {"crossplane": {"compositionRef": {"name": "plain"}}}}
    assert pipelining.chosen(named, there) == "plain"
    selecting = {**SITE, "spec": {"crossplane": {"compositionSelector": {"matchLabels": {"tier": "gold"}}}}}
    assert pipelining.chosen(selecting, there) == "gold"
    assert pipelining.chosen(SITE, there) in ("gold", "plain")
    for lacking, event in ((named, "ComposeResources"), (selecting, "SelectComposition")):
        with pytest.raises(ComposingError) as refused:
            pipelining.chosen(lacking, there[1:2])
        assert refused.value.event == event


@given(NAMES, NAMES)
def test_names_are_stable_and_tell_resources_apart(one: str, other: str) -> None:
    names = [pipelining.composed_name(SITE, each) for each in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    assert all(each.startswith("blog-") and len(each) <= 63 for each in names)


def test_every_package_of_a_world_is_there_but_those_that_are_meant_to_be_missing() -> None:
    asked = {
        each["spec"]["package"]
        for scenario in scenarios.known()
        for _, objects in scenario.files(1)
        for each in objects
        if each["apiVersion"].startswith("pkg.") and "package" in each.get("spec", {})
    }
    missing = {each for each in asked if repository.fetch(each) is None}
    assert missing == {f"{repository.REGISTRY}/provider-mail:{repository.TAG}"}
    assert "MANIFEST_UNKNOWN" in packaging.unresolved(missing.pop())


@pytest.mark.parametrize("name", repository.names())
def test_a_package_begins_with_its_metadata_and_names_each_kind_once(name: str) -> None:
    meta, *brought = repository.fetch(f"{repository.REGISTRY}/{name}:{repository.TAG}") or []
    assert (meta["apiVersion"], meta["metadata"]["name"]) == ("meta.pkg.crossplane.io/v1", name)
    named = [(each["kind"], each["metadata"]["name"]) for each in brought]
    assert len(set(named)) == len(named)


@given(st.integers(1, 5))
def test_what_a_world_repeats_is_numbered(most: int) -> None:
    files = dict(scenarios.find("large-platform").files(most))
    assert len(files["60-legacy.yaml"]) == min(most, 4) * most
    names = {(each["kind"], each["metadata"]["name"]) for each in files["60-legacy.yaml"]}
    assert len(names) == len(files["60-legacy.yaml"])
    assert "{" not in str(sorted(names))
