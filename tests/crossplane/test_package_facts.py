"""What is worked out about packages from what the cluster holds, without asking Crossplane."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane import building, sources
from fairlead.crossplane.building import BuildError
from fairlead.crossplane.packaging import locking, runtimes, upgrades
from fairlead.crossplane.packaging.imageconfigs import ImageConfigs
from fairlead.crossplane.sources import Source
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]
NAMES = st.text("abcdefgh0123456789-", min_size=1, max_size=8)
REPOSITORIES = st.builds(
    lambda host, port, parts: "/".join((f"{host}.example.org{port}", *parts)),
    NAMES,
    st.sampled_from(["", ":5000"]),
    st.lists(NAMES, min_size=1, max_size=3),
)
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.requirement("crossplane-packages:sources")
@given(REPOSITORIES, st.one_of(NAMES, st.just(DIGEST), st.just("")), st.one_of(NAMES, st.just("")))
def test_a_reference_is_taken_apart_and_put_together_again(repository: str, identifier: str, tag: str) -> None:
    source = Source(repository, identifier, tag if identifier == DIGEST else "")
    assert sources.parse(str(source)) == source
    assert source.name == repository.split("/")[-1]


@pytest.mark.requirement("crossplane-packages:sources")
def test_a_digest_may_keep_the_tag_that_it_had() -> None:
    """As tools write it that pin versions; Crossplane takes it, but not the tag for what it is."""
    pinned = f"r.example.org:5000/a/b:v1.0.0@{DIGEST}"
    source = building.package_source(pinned)
    assert (source.repository, source.version, str(source)) == ("r.example.org:5000/a/b", "v1.0.0", pinned)
    assert "r.example.org:5000/a/b:v1.0.0 for its repository" in building.warned_of(pinned)
    assert building.warned_of(f"r.example.org/a/b@{DIGEST}") == ""
    now = package(pinned)
    assert upgrades.notes(now, sources.of(now).at("v1.1.0"), []) == ["v1.0.0 → v1.1.0: a minor upgrade"]
    former = revision(1, pinned)
    assert str(sources.of(upgrades.former(package("r.example.org:5000/a/b:v1.1.0"), [former]))) == pinned


@pytest.mark.requirement("crossplane-packages:dependencies")
def test_a_digest_meets_no_range_since_crossplane_cannot_compare_them() -> None:
    lock = {
        "packages": [
            locked("Configuration", "app", "v1.0.0", ("a", ">=v1"), ("b", DIGEST)),
            locked("Provider", "a", DIGEST),
            locked("Provider", "b", DIGEST),
        ]
    }
    found = locking.entries(lock)
    said = f"Configuration app needs r.example.org/a >=v1, and {DIGEST} is installed, which is no version"
    assert [each.startswith(said) for each in locking.conflicts(found)] == [True]
    assert locking.conflicts(found, "app") == locking.conflicts(found)
    assert locking.conflicts(found, "a") == []
    now = package("r.example.org/a:v1.0.0")
    told = upgrades.notes(now, Source("r.example.org/a", "stable"), found)[1]
    assert told == (
        "conflict: Configuration app needs >=v1, which stable does not meet as it is no version: it becomes unhealthy"
    )
    assert len(upgrades.notes(now, Source("r.example.org/b", DIGEST), found)) == 1


def locked(kind: str, name: str, version: str, *needs: tuple[str, str]) -> Object:
    return {
        "kind": kind,
        "name": f"{name}-0123456789ab",
        "source": f"r.example.org/{name}",
        "version": version,
        "dependencies": [
            {"package": f"r.example.org/{each}", "type": "Provider", "constraints": constraint}
            for each, constraint in needs
        ],
    }


@pytest.mark.requirement("crossplane-packages:dependencies")
def test_conflicts_are_what_is_missing_or_not_wanted() -> None:
    lock = {
        "packages": [
            locked("Configuration", "app", "v1.0.0", ("a", ">=v1"), ("b", "^2.0.0"), ("c", ">=v0.1")),
            locked("Provider", "a", "v1.2.0"),
            locked("Provider", "b", "v1.0.0"),
        ]
    }
    found = locking.entries(lock)
    assert locking.conflicts(found) == [
        "Configuration app needs r.example.org/b ^2.0.0, and v1.0.0 is installed",
        "Configuration app needs r.example.org/c >=v0.1, which is not installed",
    ]
    assert [str(each) for each, _ in locking.broken_by(found, "r.example.org/a", "v0.9.0")] == ["Configuration app"]
    assert not locking.broken_by(found, "r.example.org/a", "v3.0.0")
    assert locking.entries({}) == []


def package(reference: str, **spec: Any) -> Object:
    return {
        "kind": "Provider",
        "metadata": {"name": "one"},
        "spec": {"package": reference, **spec},
        "status": {"currentRevision": "one-2"},
    }


def revision(number: int, image: str) -> Object:
    return {"metadata": {"name": f"one-{number}"}, "spec": {"revision": number, "image": image}}


@pytest.mark.requirement("crossplane-packages:dependencies")
def test_a_rollback_needs_a_revision_that_is_another() -> None:
    one, two = revision(1, "r.example.org/a:v1"), revision(2, "r.example.org/a:v2")
    now = package("r.example.org/a:v2")
    assert upgrades.former(now, [one, two]) is one
    assert upgrades.former(now, [one, two], "one-1") is one
    with pytest.raises(FairleadError, match="no former revision"):
        upgrades.former(now, [two])
    with pytest.raises(FairleadError, match=r"there are: 1 \(v1\)"):
        upgrades.former(now, [one, two], "5")
    moved = revision(1, "r.example.org/a:v2")
    with pytest.raises(FairleadError, match="before the tag moved"):
        upgrades.former(now, [moved, two])


@pytest.mark.requirement("crossplane-packages:dependencies")
@given(st.integers(0, 12), st.integers(0, 12))
def test_as_many_former_revisions_stay_as_the_limit_says(count: int, limit: int) -> None:
    revisions = [revision(each, "r.example.org/a:v1") for each in range(count)]
    left = count - len(upgrades.pruned(revisions, limit))
    assert left == (min(count, limit + 1) if limit else count)


@pytest.mark.requirement("crossplane-packages:dependencies")
def test_a_former_revision_that_has_not_let_go_is_told_from_a_stranger() -> None:
    said = "cannot establish control of object: x is already controlled by ProviderRevision one-0123 (UID 1)"
    assert upgrades.held_back("one", said) == "one-0123"
    assert not upgrades.held_back("another", said)
    assert not upgrades.held_back("one", "unhealthy")
    written = {"kind": "CompositeResourceDefinition", "name": "a"}
    assert upgrades.unnamed({"status": {"objectRefs": [written, {"kind": "", "name": "b"}]}}) == ["b"]
    assert not upgrades.unnamed({"status": {"objectRefs": [written]}})
    assert not upgrades.unnamed({})


@pytest.mark.requirement("crossplane-packages:dependencies")
def test_a_step_is_named_and_so_is_none() -> None:
    now = package("r.example.org/a:v1.0.0")
    now["status"]["currentRevision"] = f"one-{'0' * 12}"
    here = sources.of(now)
    assert upgrades.notes(now, here.at("v1.1.0"), []) == ["v1.0.0 → v1.1.0: a minor upgrade"]
    assert upgrades.notes(now, here.at("v0.1.0"), []) == ["v1.0.0 → v0.1.0: a downgrade"]
    assert "nothing is replaced" in upgrades.notes(now, here.at(DIGEST), [])[0]
    assert "cannot be told" in upgrades.notes(now, here.at("latest"), [])[0]
    assert "another repository" in upgrades.notes(now, Source("r.example.org/b", "v1"), [])[0]
    now["spec"]["revisionActivationPolicy"] = "Manual"
    now["metadata"]["annotations"] = {"crossplane.io/paused": "true"}
    told = upgrades.notes(now, here.at("v1.1.0"), [])
    assert "switched off at once" in told[1]
    assert "paused" in told[2]


def config(name: str, *prefixes: str, **spec: Any) -> Object:
    matched = [{"type": "Prefix", "prefix": each} for each in prefixes]
    return {"metadata": {"name": name}, "spec": {"matchImages": matched, **spec}}


def rewrite(prefix: str) -> Object:
    return {"rewriteImage": {"prefix": prefix}}


@pytest.mark.requirement("crossplane-packages:configs")
def test_for_each_purpose_the_longest_prefix_decides() -> None:
    secret = {"registry": {"authentication": {"pullSecretRef": {"name": "s"}}}}
    short = config("short", "r.example.org/", **rewrite("mirror.example.org/"), **secret)
    long = config("long", "r.example.org/a", **rewrite("other.example.org/b"))
    mirrored = config("mirrored", "other.example.org/", **secret)
    configs = ImageConfigs([short, long, mirrored])
    assert configs.resolved("r.example.org/a:v1") == "other.example.org/b:v1"
    assert configs.resolved("r.example.org/c:v1") == "mirror.example.org/c:v1"
    assert configs.resolved("x.example.org/c:v1") == "x.example.org/c:v1"
    found = configs.matches(short, [package("r.example.org/a:v1")])
    assert found[0].decides == ()
    assert found[0].loses == ("its rewrite is decided by long, whose prefix is longer",)
    found = configs.matches(mirrored, [package("r.example.org/a:v1")])
    assert found[0].decides == ("pull secret",), "pull secrets are for what the rewrite made"


@pytest.mark.requirement("crossplane-packages:configs")
def test_an_image_config_may_say_the_runtime_config() -> None:
    by = config("by", "r.example.org/", runtime={"configRef": {"name": "big"}})
    one = package("r.example.org/a:v1", runtimeConfigRef={"name": "small"})
    assert ImageConfigs([]).runtime(one) == ("small", "")
    assert ImageConfigs([by]).runtime(one) == ("big", "by")
    assert ImageConfigs([]).runtime(package("r.example.org/a:v1")) == ("default", "")


@pytest.mark.requirement("crossplane-packages:configs")
def test_a_runtime_config_keeps_what_is_not_given() -> None:
    first = runtimes.changed({}, replicas=2, args=["--debug"], env=["A=1", "B=x=y"])
    spec = first["deploymentTemplate"]["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert (spec["replicas"], spec["selector"], container["name"]) == (2, {}, "package-runtime")
    assert container["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "x=y"}]
    second = runtimes.changed(first, env=["A-", "C=3"], service_account="sa", resources={"limits": {"cpu": "1"}})
    again = second["deploymentTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert [each["name"] for each in again["env"]] == ["B", "C"]
    assert (again["args"], again["resources"]) == (["--debug"], {"limits": {"cpu": "1"}})
    assert second["serviceAccountTemplate"] == {"metadata": {"name": "sa"}}
    assert "env" in container
    assert len(container["env"]) == 2, "what it was made from is not changed"
    with pytest.raises(BuildError, match="KEY=value"):
        runtimes.changed({}, env=["A"])


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 5),
        "args": st.lists(NAMES, max_size=3),
        "env": st.lists(st.builds(lambda key, value: f"k{key}={value}", NAMES, NAMES), max_size=3),
        "service_account": NAMES,
    },
)


@pytest.mark.requirement("crossplane-packages:configs")
@given(SETTINGS, SETTINGS)
def test_setting_twice_changes_nothing_more(before: Object, wanted: Object) -> None:
    once = runtimes.changed(runtimes.changed({}, **before), **wanted)
    assert runtimes.changed(once, **wanted) == once
