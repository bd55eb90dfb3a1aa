"""The crowd put into a real API server: CRDs first, and what is of them once they are served."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead.client.api import Client
from fairlead.crossplane.defining import generating
from fairlead.machinery import encoding, statuses
from fairlead.machinery.paths import Resource
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader
from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests
from tests.evaluation import crowd

Object = dict[str, Any]
_CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
_AT_ONCE = 16
_LOOKS = 300
_PAUSE = 2.0


def crds(crossplane: Path) -> list[Object]:
    found = [encoding.from_yaml(each.read_text(encoding="utf-8")) for each in sorted(crossplane.glob("*.yaml"))]
    xrd, namespaced = _stored(manifests.xrd()), _stored(manifests.namespaced_xrd())
    found += [generating.composite_crd(xrd), generating.claim_crd(xrd), generating.composite_crd(namespaced)]
    for each in found:
        each["metadata"].pop("ownerReferences", None)  # the collector would take what nobody owns
        for version in each["spec"]["versions"]:
            version.pop("subresources", None)
    found += [crowd.managed_crd(number) for number in range(crowd.KINDS)]
    for kind in ("ProviderConfig", "ProviderConfigUsage"):
        found.append(crowd.plain_crd(crowd.MANAGED, {"kind": kind, "plural": f"{kind.lower()}s"}))
    return found


def _stored(xrd: Object) -> Object:
    """With what the API server would have filled in."""
    metadata = {**xrd["metadata"], "uid": "0"}
    scope = xrd["spec"].get("scope") or "LegacyCluster"
    return {**xrd, "metadata": metadata, "spec": {**xrd["spec"], "scope": scope}}


async def settle(client: Client, crossplane: Path) -> int:
    """Puts everything there; answers how many objects."""
    await _all(client, [(_CRDS, each) for each in crds(crossplane)])
    reader = Reader(client)
    await client.create(Resource("", "v1", "namespaces", namespaced=False), manifests.namespace(NAMESPACE))
    wanted = crowd.objects()
    found = await _served(reader, {(each["kind"], each["apiVersion"]) for each in wanted})
    await _all(client, [(found[each["kind"], each["apiVersion"]], each) for each in wanted])
    return len(wanted)


async def _served(reader: Reader, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Resource]:
    """Once all of them are: an API server takes up hundreds of new kinds one after the other."""
    missing = ""
    for _ in range(_LOOKS):
        kinds = await reader.kinds(anew=True)
        try:
            return {each: kinds.find(*each).resource for each in wanted}
        except UnknownKindError as error:
            missing = str(error)
            await asyncio.sleep(_PAUSE)
    raise AssertionError(missing)


async def _all(client: Client, wanted: Sequence[tuple[Resource, Object]]) -> None:
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(resource: Resource, obj: Object) -> None:
        async with turn:
            for _ in range(_LOOKS):
                try:
                    await client.create(resource, obj)
                except statuses.NotFound:  # discovery has the kind a moment before its handler is there
                    await asyncio.sleep(_PAUSE)
                else:
                    return
            raise AssertionError(f"{resource.qualified} is never served")

    await asyncio.gather(*(one(*each) for each in wanted))
