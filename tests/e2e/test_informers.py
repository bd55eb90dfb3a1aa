"""client-go's own informers, through the connector: whatever happens, their caches equal a list.

An informer that misses an event or takes a foreign object in stays wrong for hours and says nothing. Real Crossplane
writes behind every claim here, so that the cache has to follow more than what the test itself does.
"""

import json
import os
import queue
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pytest

from fairlead.connector import naming
from testenv import building
from tests.e2e import manifests, world
from tests.e2e.hands import DEADLINE, Plain, Refused
from tests.e2e.manifests import DATABASES, GROUP, Object
from tests.e2e.platforms import Platform
from tests.e2e.world import CLAIMS

pytestmark = pytest.mark.real
OPERATIONS = 30
EXPECTED = ("AlreadyExists", "NotFound", "Conflict")
"""What random writes run into, Crossplane writing the same objects."""
WATCH_LIST = {"KUBE_FEATURE_WatchListClient": "true"}
LIST_AND_WATCH = {"KUBE_FEATURE_WatchListClient": "false"}
CHECKED = {"KUBE_WATCHLIST_INCONSISTENCY_DETECTOR": "true"}
"""The informer lists once more when its cache has synced, and panics when that differs.

Not for metadata: client-go 0.36 drops the kind of a watched object that came as JSON and keeps a listed one's, so that
the check fails on every server that answers JSON.
"""
CBOR = {"KUBE_FEATURE_ClientsAllowCBOR": "true", "KUBE_FEATURE_ClientsPreferCBOR": "true"}
METADATA = ("--metadata",)
INFORMERS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "watch-list": (WATCH_LIST | CHECKED, ()),
    "list-and-watch": (LIST_AND_WATCH, ()),
    "cbor": (WATCH_LIST | CHECKED | CBOR, ()),
    "metadata-watch-list": (WATCH_LIST, METADATA),
    "metadata-list-and-watch": (LIST_AND_WATCH, METADATA),
}


class Informer:
    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self.log = log
        self._lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in cast("IO[str]", self.process.stdout):
            self._lines.put(line)
        self._lines.put("")

    def line(self) -> Any:
        line = self._lines.get(timeout=DEADLINE)
        assert line, f"the informer ended: {self.log.read_text(encoding='utf-8')[-2000:]}"
        return json.loads(line)

    def ask(self, question: str) -> Any:
        stdin = cast("IO[str]", self.process.stdin)
        stdin.write(f"{question}\n")
        stdin.flush()
        return self.line()

    def cache(self) -> dict[str, Object]:
        found: dict[str, Object] = self.ask("cache")
        return found

    def requests(self) -> list[str]:
        return [each for each in self.ask("requests") if f"/apis/{GROUP}/" in each]


@contextmanager
def informer(kubeconfig: Path, directory: Path, features: dict[str, str], *flags: str) -> Iterator[Informer]:
    """Yields when its cache has synced."""
    program = building.binary("informer")
    assert program is not None
    resource = f"{DATABASES.plural}.{DATABASES.version}.{DATABASES.group}"
    log = directory / "informer.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [program, f"--kubeconfig={kubeconfig}", f"--resource={resource}", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | features,
        )
    found = Informer(process, log)
    try:
        assert found.line() == "synced"
        yield found
        cast("IO[str]", process.stdin).close()
        assert process.wait(DEADLINE) == 0, log.read_text(encoding="utf-8")[-2000:]
    finally:
        process.kill()
        process.wait()
        found.reader.join(DEADLINE)
        for pipe in (process.stdin, process.stdout):
            cast("IO[str]", pipe).close()


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


def listed(app: Plain) -> dict[str, Object]:
    items = app.send("GET", DATABASES.path())["items"]
    return {f"{each['metadata']['namespace']}/{each['metadata']['name']}": each for each in items}


def foreign(namespace: str) -> Object:
    """Of a namespace of the same name in another app cluster, in the same place of the control plane."""
    other = naming.Identity("other-cluster", namespace, "foreign")
    claim = manifests.claim(other.backend(), CLAIMS)
    return claim | {"metadata": claim["metadata"] | {"labels": other.labels}}


@pytest.mark.requirement("e2e:informers")
@pytest.mark.parametrize("kind", INFORMERS)
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


def compare(app: Plain, informed: Informer, flags: tuple[str, ...]) -> None:
    """Raises `Refused` while the cache differs from a list."""
    expected, found = shown(listed(app), flags), shown(informed.cache(), flags)
    if expected != found:
        differing = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
        raise Refused(f"cache and list differ in {differing}")


def shown(objects: dict[str, Object], flags: tuple[str, ...]) -> dict[str, Any]:
    return {key: each["metadata"] if flags == METADATA else each for key, each in objects.items()}


def asked_as_meant(requests: list[str], *, watch_list: bool) -> None:
    initial = [each for each in requests if "sendInitialEvents=true" in each]
    lists = [each for each in requests if "watch=true" not in each and "resourceVersionMatch=Exact" not in each]
    assert (bool(initial), bool(lists)) == (watch_list, not watch_list), requests
