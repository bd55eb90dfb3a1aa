"""Worlds to try Fairlead on: what is in each, what is wrong with it, and what to call to find that out.

A world is data: manifests under `data/scenarios/NAME/`, applied in the order of their names, that a real Crossplane
takes as they are; a file with `delete` in its name says what is deleted again. So a test plays each world on the
playground and on real Crossplane alike and expects the same diagnoses; what the simulator would get wrong shows there.
Nothing is put into a state by hand: whoever plays a world only waits until somebody has said something of each object.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any, TypeVar

import anyio

from fairlead.client.api import Client
from fairlead.client.watching import Applied, Backoff, Listed, watch
from fairlead.crossplane.judging import State, judge
from fairlead.machinery import conditions, statuses
from fairlead.machinery.encoding import documents, from_yaml
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Object = dict[str, Any]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
SECONDS = 120.0
"""For any one object to be served, or to be told of."""
_TOLD_OF = {"claim", "composite", "managed", "pkg"}


_T = TypeVar("_T")


class ScenarioError(FairleadError):
    """There is no such world, or it did not come about."""


@dataclass(frozen=True)
class Finding:
    """What a diagnosis of an object of this world has to say first."""

    kind: str
    name: str
    namespace: str
    cause: str
    """Of the rules' causes; empty for what is well."""
    about: str
    """The kind of the object that is to blame."""
    deeper: str
    """The cause where a diagnosis can see Pods as well, of which the playground has none."""


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    wrong: str
    """A sentence for people."""
    tries: tuple[str, ...]
    """Commands, without the kubeconfig."""
    findings: tuple[Finding, ...]
    repeat: Mapping[str, Mapping[str, Any]]
    """Files that are templates: a number is counted up to, of a list each is taken."""
    silent: frozenset[str]
    """Files with objects that nobody looks after."""

    def files(self, most: int = 10_000) -> list[tuple[str, list[Object]]]:
        """Their names with what is in them, in order; of what is repeated `most` of each."""
        folder = resources.files(__package__).joinpath("data", "scenarios", self.name)
        names = sorted(each.name for each in folder.iterdir() if each.name[:1].isdigit())
        return [
            (name, _repeated(folder.joinpath(name).read_text(encoding="utf-8"), self.repeat.get(name, {}), most))
            for name in names
        ]


def _repeated(text: str, values: Mapping[str, Any], most: int) -> list[Object]:
    ways = [
        [(name, each) for each in ([f"{number:02}" for number in range(1, told + 1)] if _counts(told) else told)[:most]]
        for name, told in values.items()
    ]
    return [obj for chosen in itertools.product(*ways) for obj in documents(_filled(text, chosen)) if obj]


def _counts(told: Any) -> bool:
    return isinstance(told, int)


def _filled(text: str, chosen: Iterable[tuple[str, str]]) -> str:
    for name, value in chosen:
        text = text.replace(f"{{{name}}}", value)
    return text


def known() -> list[Scenario]:
    """In the order in which they are best tried."""
    folder = resources.files(__package__).joinpath("data", "scenarios")
    told: Object = from_yaml(folder.joinpath("scenarios.yaml").read_text(encoding="utf-8"))
    return [_read(name, each) for name, each in told.items()]


def find(name: str) -> Scenario:
    """Raises `ScenarioError`."""
    found = {each.name: each for each in known()}
    if name not in found:
        raise ScenarioError(f"there is no scenario {name!r}", "", f"choose one of {', '.join(found)}")
    return found[name]


def _read(name: str, told: Object) -> Scenario:
    findings = tuple(
        Finding(each["kind"], each["name"], *(each.get(key, "") for key in ("namespace", "cause", "about", "deeper")))
        for each in told.get("findings") or ()
    )
    wrong, silent = " ".join(told["wrong"].split()), frozenset(told.get("silent") or ())
    return Scenario(name, told["title"], wrong, tuple(told["try"]), findings, told.get("repeat") or {}, silent)


async def play(
    client: Client, scenario: Scenario, progress: Callable[[str], None] = lambda _: None, *, most: int = 10_000
) -> None:
    """Returns when something is told of every object, and what has to be well is so.

    `most`: of what a world repeats. Raises `ScenarioError` and what `Client` raises.
    """
    player = _Player(client)
    for file, objects in scenario.files(most):
        progress(f"{file} ({len(objects)} objects)")
        for each in objects:
            await (player.delete(each) if "delete" in file else player.apply(each))
        await player.settle(wait=file not in scenario.silent)
    await player.await_findings(scenario.findings)


class _Player:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._reader = Reader(client)
        self._made: list[tuple[Kind, Object]] = []
        self._kinds: dict[tuple[str, str], Kind] = {}

    async def apply(self, obj: Object) -> None:
        kind = await self._kind(obj)
        apply = partial(self.client.apply, kind.resource, obj, manager="playground", force=True)
        self._made.append((kind, await _persistently(apply)))

    async def delete(self, obj: Object) -> None:
        """Only once it is well: what is deleted before it is made leaves nothing to wait for."""
        kind, metadata = await self._kind(obj), obj["metadata"]
        await self.await_health(kind, metadata)
        await self.client.delete(kind.resource, metadata["name"], metadata.get("namespace"))

    async def settle(self, *, wait: bool = True) -> None:
        """Until something is told of each; one watch for all of a kind."""
        waiting: dict[Kind, set[tuple[str, str]]] = {}
        for kind, obj in self._made if wait else ():
            if kind.api.kind == "CompositeResourceDefinition" or not _TOLD_OF.isdisjoint(kind.api.categories):
                waiting.setdefault(kind, set()).add(_key(obj))
        for kind, missing in waiting.items():
            await self._until(kind.resource, {}, partial(_struck, missing))
        self._made.clear()

    async def await_findings(self, findings: Iterable[Finding]) -> None:
        """Of what has to be well."""
        for each in findings:
            if not each.cause:
                inside = {"namespace": each.namespace} if each.namespace else {}
                await self.await_health(await self._reader.kind(each.kind), {"name": each.name, **inside})

    async def await_health(self, kind: Kind, metadata: Object) -> None:
        def well(found: Object) -> bool:
            return judge(found, kind.api.categories).state is State.HEALTHY

        await self._until(kind.resource, metadata, well)

    async def _kind(self, obj: Mapping[str, Any]) -> Kind:
        asked = obj["apiVersion"], obj["kind"]
        if asked not in self._kinds:
            self._kinds[asked] = await self._served(obj)
        return self._kinds[asked]

    async def _served(self, obj: Mapping[str, Any]) -> Kind:
        """As soon as it is: an XRD or a package that was applied before may bring it."""
        try:
            return await self._reader.kind(obj["kind"], obj["apiVersion"])
        except UnknownKindError:
            group = GroupVersion.parse(obj["apiVersion"]).group

            def served(crd: Object) -> bool:
                spec = crd["spec"]
                named = spec["group"] == group and spec["names"]["kind"] == obj["kind"]
                return bool(named and conditions.is_true(crd, "Established"))

            await self._until(CRDS, {}, served)
        return await _persistently(partial(self._reader.kind, obj["kind"], obj["apiVersion"]))

    async def _until(self, resource: Resource, metadata: Object, wanted: Callable[[Object], bool]) -> None:
        """Raises `ScenarioError` where it takes too long."""
        name, namespace = metadata.get("name", ""), metadata.get("namespace")
        selector = f"metadata.name={name}" if name else ""
        with anyio.move_on_after(SECONDS):
            async with aclosing(watch(self.client, resource, namespace, field_selector=selector)) as events:
                async for event in events:
                    there = event.items if isinstance(event, Listed) else []
                    if any(wanted(each) for each in ([event.object] if isinstance(event, Applied) else there)):
                        return
        what = f"{resource.qualified} {name}".strip()
        raise ScenarioError(f"nothing was told of {what} within {SECONDS:g} s", "", "start the playground again")


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _struck(missing: set[tuple[str, str]], found: Object) -> bool:
    """Whether nothing is missing any more, now that something is told of what is found."""
    if conditions.conditions(found):
        missing.discard(_key(found))
    return not missing


async def _persistently(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """A kind that is established is not served by every part of a real server at once."""
    backoff = Backoff(first=0.1, most=1.0)
    with anyio.fail_after(SECONDS):
        while True:
            try:
                return await attempt()
            except (statuses.NotFound, UnknownKindError) as error:
                await backoff.pause(error)
