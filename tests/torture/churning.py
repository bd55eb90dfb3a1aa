"""Clients that go on whatever happens to the connector: writers that remember every refusal, and informers."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairlead.client.errors import ClientError
from fairlead.machinery import encoding
from fairlead.machinery.messages import Headers, Response
from tests.e2e import manifests
from tests.e2e.hands import PATCHES, Plain
from tests.e2e.informing import INFORMERS, Informer, compare, informer
from tests.e2e.manifests import DATABASES
from tests.torture.stages import SECONDS, Stage, eventually

NAMES = 12
INFORMED = ("watch-list", "list-and-watch", "metadata-watch-list")
RETRYABLE = {429, 503, 504}
"""What clients of a Kubernetes API take for a reason to try again."""
MEANT = {200, 201, 404, 409}
"""Random writes meet what is there already, or not there any more."""


@dataclass
class Writer:
    hands: Plain
    namespaces: Sequence[str]
    chance: random.Random
    done: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def step(self) -> None:
        name, namespace = f"orders-{self.chance.randrange(NAMES)}", self.chance.choice(self.namespaces)
        answer = self.chance.choices([self._create, self._patch, self._get, self._delete], [4, 4, 1, 1])[0](
            name, namespace
        )
        if answer.status in MEANT:
            self.done += 1
        else:
            assert isinstance(answer.body, bytes)
            self.refused.append((answer.status, answer.body.decode(errors="replace")[:500]))

    def _create(self, name: str, namespace: str) -> Response:
        return send(self.hands, "POST", DATABASES.path(namespace), manifests.claim(name, namespace))

    def _patch(self, name: str, namespace: str) -> Response:
        patch = {"spec": {"replicas": self.chance.randrange(1, 999)}}
        return send(self.hands, "PATCH", DATABASES.path(namespace, name), patch, PATCHES["merge"])

    def _get(self, name: str, namespace: str) -> Response:
        return send(self.hands, "GET", DATABASES.path(namespace, name))

    def _delete(self, name: str, namespace: str) -> Response:
        return send(self.hands, "DELETE", DATABASES.path(namespace, name))


def send(
    hands: Plain, method: str, path: str, body: Any = None, content_type: str = "application/json", query: str = ""
) -> Response:
    """The answer, whatever it is; status 0 where the app cluster's API server itself does not answer."""

    async def one() -> Response:
        headers = Headers([("accept", "application/json"), ("content-type", content_type)])
        data = b"" if body is None else encoding.to_json(body)
        return await hands.client.connection.request(
            method, path, query=query, headers=headers, body=data, timeout=SECONDS
        )

    try:
        return hands.portal.call(one)
    except ClientError as error:
        return Response(0, Headers(), str(error).encode())


@dataclass(frozen=True)
class Churn:
    writers: tuple[Writer, ...]

    @property
    def done(self) -> int:
        return sum(each.done for each in self.writers)

    @property
    def refused(self) -> list[tuple[int, str]]:
        return [found for each in self.writers for found in each.refused]

    def go_on(self, writes: int = 40) -> None:
        """Returns when so many more have been carried out."""
        target, deadline = self.done + writes, threading.Event()
        for _ in range(int(SECONDS * 20)):
            if self.done >= target:
                return
            deadline.wait(0.05)
        raise AssertionError(f"only {self.done - target + writes} of {writes} writes: {self.refused[-5:]}")


@contextmanager
def churning(stage: Stage, namespaces: Sequence[str], writers: int = 2) -> Iterator[Churn]:
    """While the block runs; the writers have come to rest after it."""
    over = threading.Event()
    with ExitStack() as stack:
        made = [
            Writer(stack.enter_context(Plain.of(stage.app.cluster)), namespaces, random.Random(number))
            for number in range(writers)
        ]
        threads = [threading.Thread(target=_until, args=(over, each.step), daemon=True) for each in made]
        for each in threads:
            each.start()
        try:
            yield Churn(tuple(made))
        finally:
            over.set()
            for each in threads:
                each.join()


def _until(over: threading.Event, step: Callable[[], None]) -> None:
    while not over.is_set():
        step()


@contextmanager
def informed(stage: Stage, folder: Path) -> Iterator[None]:
    """Informers run while the block does, and their caches equal a list after it."""
    with ExitStack() as stack:
        running: list[tuple[Informer, tuple[str, ...]]] = []
        for kind in INFORMED:
            features, flags = INFORMERS[kind]
            place = folder / kind
            place.mkdir()
            started = informer(stage.app.cluster.kubeconfig, place, features, *flags)
            running.append((stack.enter_context(started), flags))
        yield
        for each, flags in running:
            eventually(lambda each=each, flags=flags: compare(stage.app, each, flags))  # type: ignore[misc] # bound now
