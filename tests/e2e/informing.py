"""client-go's informers as processes whose caches a test can hold against a list."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from testenv import building
from tests.e2e.hands import DEADLINE, Plain, Refused
from tests.e2e.manifests import DATABASES, GROUP, Object

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

    def await_synced(self) -> None:
        assert self.line() == "synced"

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
    with beginning(kubeconfig, directory, features, *flags) as found:
        found.await_synced()
        yield found


@contextmanager
def beginning(kubeconfig: Path, directory: Path, features: dict[str, str], *flags: str) -> Iterator[Informer]:
    """Must have synced before the block ends well."""
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
        yield found
        cast("IO[str]", process.stdin).close()
        assert process.wait(DEADLINE) == 0, log.read_text(encoding="utf-8")[-2000:]
    finally:
        process.kill()
        process.wait()
        found.reader.join(DEADLINE)
        for pipe in (process.stdin, process.stdout):
            cast("IO[str]", pipe).close()


def listed(app: Plain) -> dict[str, Object]:
    items = app.send("GET", DATABASES.path())["items"]
    return {f"{each['metadata']['namespace']}/{each['metadata']['name']}": each for each in items}


def compare(app: Plain, informed: Informer, flags: tuple[str, ...]) -> None:
    """Raises `Refused` while the cache differs from a list."""
    expected, found = shown(listed(app), flags), shown(informed.cache(), flags)
    if expected != found:
        differing = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
        raise Refused(f"cache and list differ in {differing}")


def shown(objects: dict[str, Object], flags: tuple[str, ...]) -> dict[str, Any]:
    return {key: each["metadata"] if flags == METADATA else each for key, each in objects.items()}
