"""The Crossplane simulator: it gives the playground's control plane its life.

An XRD gets its CRDs and becomes Established and Offered; a claim gets a composite, a connection secret, and becomes
Ready within a few hundred milliseconds, and so does a composite that is namespaced and needs no claim. No composition
is run but in a world (`controlplane`), and nothing is provisioned, which every object that it makes says of itself. It
is a client like any other (`fairlead.client`), driven by watches alone, so it runs against any API server, and a test
proves it on a real one.
"""

import asyncio
from copy import deepcopy
from importlib import resources
from typing import TYPE_CHECKING, Any

from fairlead.client.api import Client
from fairlead.crossplane import xrds
from fairlead.crossplane.defining import generating
from fairlead.crossplane.xrds import Definition, DefinitionError
from fairlead.embedded.simulator import composing, following
from fairlead.embedded.simulator.claiming import Offer
from fairlead.machinery import conditions, statuses
from fairlead.machinery.encoding import from_yaml
from fairlead.machinery.paths import Resource

if TYPE_CHECKING:
    from fairlead.embedded.simulator.composites import Composer

Object = dict[str, Any]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
XRD_FINALIZERS = ("defined.apiextensions.crossplane.io", "offered.apiextensions.crossplane.io")


def demo_xrd() -> Object:
    """What `make demo` offers: a Database."""
    return _data("demo_xrd.yaml")


def demo_claim() -> Object:
    return _data("demo_claim.yaml")


def xrd_crd() -> Object:
    """The playground's own CompositeResourceDefinition, served as v1 and v2."""
    crd = _data("xrd_crd.yaml")
    versions = crd["spec"]["versions"]
    newer = {**deepcopy(versions[0]), "name": "v2", "storage": False}
    spec = newer["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["scope"] = {"type": "string", "enum": [xrds.NAMESPACED, xrds.CLUSTER], "default": xrds.NAMESPACED}
    versions.append(newer)
    return crd


def _data(name: str) -> Object:
    found: Object = from_yaml(resources.files(__package__).joinpath("data", name).read_text(encoding="utf-8"))
    return found


class Simulator:
    """`run` until it is cancelled; `ready` is set once XRDs can be created and are being watched."""

    def __init__(self, client: Client, *, whole: bool = False) -> None:
        """`whole`: with compositions, functions and packages, as a world needs them."""
        self.client = client
        self.ready = asyncio.Event()
        self._whole = whole
        self._composer: Composer | None = None
        self._offers: dict[str, tuple[Offer, asyncio.Task[None]]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        definition = xrd_crd()
        await self._ensure(definition)
        await following.until(self.client, CRDS, definition["metadata"]["name"], "Established")
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            if self._whole:
                await self._begin_whole(tasks)
            tasks.create_task(following.follow(self.client, CRDS, self._crd_changed))
            tasks.create_task(following.follow(self.client, xrds.V1, self._xrd_changed, self.ready.set))

    async def _begin_whole(self, tasks: asyncio.TaskGroup) -> None:
        from fairlead.embedded.simulator.controlplane import (
            ControlPlane,  # what a demo without a world does not wait for
        )

        plane = ControlPlane(self.client, tasks, lambda: [offer for offer, _ in self._offers.values()])
        await plane.prepare()
        plane.start()
        self._composer = plane.composer

    async def _crd_changed(self, crd: Object) -> None:
        """The XRD that a CRD belongs to may have waited for it to be served, or to be gone."""
        for owner in crd["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == xrds.KIND:
                await self._reconcile(owner["name"])

    async def _xrd_changed(self, xrd: Object) -> None:
        await self._reconcile(xrd["metadata"]["name"])

    async def _reconcile(self, name: str) -> None:
        async with self._one_at_a_time:
            try:
                xrd = await self.client.get(xrds.V1, name)
            except statuses.NotFound:
                self._withdraw(name)
                return
            try:
                await self._lead(xrd, xrds.read(xrd))
            except DefinitionError as error:
                await following.warn(self.client, xrd, error)

    async def _lead(self, xrd: Object, definition: Definition) -> None:
        crds = [generating.composite_crd(xrd)]
        if definition.claim:
            crds.insert(0, generating.claim_crd(xrd))
        if definition.deleting:
            await self._dissolve(xrd, [each["metadata"]["name"] for each in crds])
            return
        await self._hold(xrd)
        live = [await self._ensure(each) for each in crds]
        if not all(conditions.is_true(each, "Established") for each in live):
            return  # their next event leads back here
        self._offer(definition, xrd)
        status = composing.offered(xrd, definition, following.now())
        if status["conditions"] != conditions.conditions(xrd):
            await self.client.patch(xrds.V1, definition.name, {"status": status}, subresource="status")

    async def _hold(self, xrd: Object) -> None:
        metadata = xrd["metadata"]
        known = list(metadata.get("finalizers") or ())
        missing = [each for each in XRD_FINALIZERS if each not in known]
        if missing:
            patch = {"finalizers": known + missing, "resourceVersion": metadata["resourceVersion"]}
            await self.client.patch(xrds.V1, metadata["name"], {"metadata": patch})

    async def _ensure(self, crd: Object) -> Object:
        metadata = crd["metadata"]
        metadata["annotations"] = {**metadata.get("annotations", {}), **composing.SIMULATED}
        try:
            return await self.client.create(CRDS, crd)
        except statuses.AlreadyExists:
            wanted = {key: crd["spec"][key] for key in ("names", "versions")}
            return await self.client.patch(CRDS, metadata["name"], {"spec": wanted})

    def _offer(self, definition: Definition, xrd: Object) -> None:
        """Begins to serve its claims; again where what it offers has changed."""
        known = self._offers.get(definition.name)
        if known is not None and _same_offer(known[0].definition, definition) and not known[1].done():
            return
        self._withdraw(definition.name)
        keys = tuple(xrd["spec"].get("connectionSecretKeys") or ())
        offer = Offer(self.client, definition, keys, self._composer)
        self._offers[definition.name] = (offer, self._tasks.create_task(offer.serve()))

    def _withdraw(self, name: str) -> None:
        known = self._offers.pop(name, None)
        if known is not None:
            known[1].cancel()

    async def _dissolve(self, xrd: Object, crds: list[str]) -> None:
        """Deletes the CRDs, claims first, each with all its objects; the XRD goes when the last has gone."""
        for name in crds:
            try:
                live = await self.client.get(CRDS, name)
            except statuses.NotFound:
                continue
            if "deletionTimestamp" not in live["metadata"]:
                await self.client.delete(CRDS, name)
            return  # the event of its end leads back here
        metadata = xrd["metadata"]
        left = [each for each in metadata.get("finalizers") or () if each not in XRD_FINALIZERS]
        patch = {"finalizers": left or None, "resourceVersion": metadata["resourceVersion"]}
        await self.client.patch(xrds.V1, metadata["name"], {"metadata": patch})


def _same_offer(one: Definition, other: Definition) -> bool:
    return (one.uid, one.composite, one.claim, one.referenceable) == (
        other.uid,
        other.composite,
        other.claim,
        other.referenceable,
    )
