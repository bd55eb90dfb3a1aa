"""client-go's own informers, through the connector: whatever happens, their caches equal a list.

An informer that misses an event or takes a foreign object in stays wrong for hours and says nothing. Real Crossplane
writes behind every claim here, so that the cache has to follow more than what the test itself does.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairlead.connector import naming
from tests.e2e import manifests, world
from tests.e2e.hands import Plain, Refused
from tests.e2e.informing import INFORMERS, WATCH_LIST, compare, informer, listed
from tests.e2e.manifests import DATABASES, Object
from tests.e2e.platforms import Platform
from tests.e2e.world import CLAIMS

pytestmark = pytest.mark.real
OPERATIONS = 30
SLICE = [each if each == "watch-list" else pytest.param(each, marks=pytest.mark.whole) for each in INFORMERS]
EXPECTED = ("AlreadyExists", "NotFound", "Conflict")
"""What random writes run into, Crossplane writing the same objects."""


@pytest.fixture(scope="module")
def app(platform: Platform) -> Iterator[Plain]:
    """Without kubectl's start-up, so that writes come thick."""
    with Plain.of(platform.app_cluster) as plain:
        yield plain


@pytest.fixture
def namespaces(app: Plain, unique: Callable[[str], str]) -> list[str]:
    names = [unique("informed"), unique("informed")]
    for name in names:
        app.create(manifests.namespace(name))
    return names


def churn(app: Plain, namespaces: list[str], seed: int) -> int:
    """Returns how many writes were carried out."""
    chance = random.Random(seed)
    return sum(write(app, chance, chance.choice(namespaces)) for _ in range(OPERATIONS))


def write(app: Plain, chance: random.Random, namespace: str) -> bool:
    name = f"orders-{chance.randrange(6)}"
    label = {"metadata": {"labels": {"round": str(chance.randrange(1000))}}}
    steps: list[Callable[[], object]] = [
        lambda: app.create(manifests.claim(name, namespace)),
        lambda: app.patch(DATABASES, name, namespace, "merge", label),
        lambda: app.patch(DATABASES, name, namespace, "merge", {"spec": {"replicas": chance.randrange(1, 99)}}),
        lambda: app.send("DELETE", DATABASES.path(namespace, name)),
    ]
    try:
        chance.choices(steps, weights=[4, 2, 2, 1])[0]()
    except Refused as refusal:
        if any(reason in str(refusal) for reason in EXPECTED):
            return False
        raise
    return True


def foreign(namespace: str) -> Object:
    """Of a namespace of the same name in another app cluster, in the same place of the control plane."""
    other = naming.Identity("other-cluster", namespace, "foreign")
    claim = manifests.claim(other.backend(), CLAIMS)
    return claim | {"metadata": claim["metadata"] | {"labels": other.labels}}


@pytest.mark.requirement("e2e:informers")
@pytest.mark.parametrize("kind", SLICE)
def test_a_cache_equals_a_list_after_every_churn(
    platform: Platform, app: Plain, namespaces: list[str], tmp_path: Path, kind: str
) -> None:
    features, flags = INFORMERS[kind]

    app.create(manifests.claim("before", namespaces[0]))
    with informer(platform.app_cluster.kubeconfig, tmp_path, features, *flags) as informed:
        assert f"{namespaces[0]}/before" in informed.cache()
        platform.control_plane.create(foreign(namespaces[0]))
        for seed in range(2):
            assert churn(app, namespaces, seed) > OPERATIONS / 4
            world.eventually(lambda: compare(app, informed, flags))
        cache = informed.cache()
        assert len([key for key in cache if key.partition("/")[0] in namespaces]) > 3
        assert f"{namespaces[0]}/foreign" not in cache
        assert CLAIMS not in {key.partition("/")[0] for key in cache}
        asked_as_meant(informed.requests(), watch_list=features.items() >= WATCH_LIST.items())


@pytest.mark.whole
@pytest.mark.requirement("e2e:informers-outlive-an-outage")
@pytest.mark.parametrize("kind", ["watch-list", "list-and-watch"])
def test_a_cache_catches_up_after_the_control_plane_was_away(
    platform: Platform, app: Plain, namespaces: list[str], tmp_path: Path, kind: str
) -> None:
    features, flags = INFORMERS[kind]
    app.create(manifests.claim("before", namespaces[0]))
    with informer(platform.app_cluster.kubeconfig, tmp_path, features, *flags) as informed:
        platform.control_plane_server.kill_api_server()
        with pytest.raises(Refused):
            listed(app)
        assert f"{namespaces[0]}/before" in informed.cache(), "an outage is not a deletion"
        platform.control_plane_server.start_api_server()
        world.eventually(lambda: app.apply(manifests.claim("after", namespaces[1])))
        world.eventually(lambda: compare(app, informed, flags))
        assert {f"{namespaces[0]}/before", f"{namespaces[1]}/after"} <= informed.cache().keys()


def asked_as_meant(requests: list[str], *, watch_list: bool) -> None:
    initial = [each for each in requests if "sendInitialEvents=true" in each]
    lists = [each for each in requests if "watch=true" not in each and "resourceVersionMatch=Exact" not in each]
    assert (bool(initial), bool(lists)) == (watch_list, not watch_list), requests
