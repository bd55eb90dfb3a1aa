"""What a world of the playground needs of Crossplane beside XRDs and claims: its kinds, packages, functions, revisions.

It is apart from the simulator because the playground begins without it: fifteen kinds more are a quarter of a second
that `make demo` does not need.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from fairlead.client.api import Client
from fairlead.embedded.simulator import crossplanekinds, following, pipelining, repository, revising
from fairlead.embedded.simulator.claiming import Offer
from fairlead.embedded.simulator.composing import SIMULATED
from fairlead.embedded.simulator.composites import FUNCTION_REVISIONS, Composer, Means
from fairlead.embedded.simulator.installing import CONFIGS, LOCKS, PACKAGES, Installer
from fairlead.embedded.simulator.providing import Providers
from fairlead.machinery import conditions
from fairlead.machinery.conditions import condition
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Offers = Callable[[], Iterable[Offer]]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)


class ControlPlane:
    def __init__(self, client: Client, tasks: asyncio.TaskGroup, offers: Offers) -> None:
        self.client = client
        self._tasks = tasks
        self._offers = offers
        self._means = Means()
        self._served: set[str] = set()
        self.composer = Composer(client, self._means, tasks, self._composed_changed)
        self._installer = Installer(client, Providers(client, tasks).runs)

    async def prepare(self) -> None:
        """The kinds, and the function that all pipelines call."""
        for each in crossplanekinds.crds():
            await following.ensure(self.client, CRDS, each)
        for each in crossplanekinds.crds():
            await following.until(self.client, CRDS, each["metadata"]["name"], "Established")
        await following.ensure(self.client, LOCKS, {**_named("Lock", LOCKS, "lock"), "packages": []})
        resolved = [condition("Resolved", "True", "DependencyResolutionSucceeded", following.now())]
        await self.client.patch(LOCKS, "lock", {"status": {"conditions": resolved}}, subresource="status")
        config = _named("DeploymentRuntimeConfig", CONFIGS, "default")
        await following.ensure(self.client, CONFIGS, config)
        await self._install_function()

    def start(self) -> None:
        self._follow(revising.COMPOSITIONS, self._composition_changed, self._means.compositions)
        self._follow(revising.REVISIONS, self._revision_changed, self._means.revisions)
        self._follow(FUNCTION_REVISIONS, self._means_changed, self._means.function_revisions)
        self._follow(CRDS, self._crd_changed)
        for kind in PACKAGES.values():
            self._follow(kind, self._installer.changed)
        self._follow(CONFIGS, self._installer.config_changed)

    def _follow(self, kind: Resource, changed: following.Changed, known: dict[str, Object] | None = None) -> None:
        self._tasks.create_task(following.follow(self.client, kind, changed, known=known))

    async def _install_function(self) -> None:
        function = _named("Function", PACKAGES["Function"], pipelining.FUNCTION)
        source = f"{repository.REGISTRY}/{pipelining.FUNCTION}:{repository.TAG}"
        await following.ensure(self.client, PACKAGES["Function"], {**function, "spec": {"package": source}})

    async def _composition_changed(self, composition: Object) -> None:
        await revising.revise(self.client, composition)
        await self._again(pipelining.composes(composition))

    async def _revision_changed(self, revision: Object) -> None:
        await self._again(pipelining.composes(revision))

    async def _again(self, kind: tuple[str, str]) -> None:
        for each in self._offers():
            if each.composes == kind:
                await each.again()

    async def _crd_changed(self, crd: Object) -> None:
        name = crd["metadata"]["name"]
        if name not in self._served and conditions.is_true(crd, "Established"):
            self._served.add(name)
            await self._means_changed(crd)

    async def _means_changed(self, _: Object) -> None:
        """A function or a kind has come or gone: what could not be composed may be by now."""
        self.composer.forget_kinds()
        for each in self._offers():
            await each.again(failed=True)

    async def _composed_changed(self, composed: Object) -> None:
        """Its composite may be ready now, or has lost it."""
        for reference in composed["metadata"].get("ownerReferences") or ():
            for each in self._offers():
                if reference.get("controller") and each.composes == (reference["apiVersion"], reference["kind"]):
                    await each.look(reference["name"], composed["metadata"].get("namespace"))


def _named(kind: str, where: Resource, name: str) -> Object:
    metadata = {"name": name, "annotations": dict(SIMULATED)}
    return {"apiVersion": str(where.group_version), "kind": kind, "metadata": metadata}
