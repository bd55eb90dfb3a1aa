"""The package manager of the playground: what a Provider, a Configuration or a Function brings, and how it is.

Of a package that cannot be fetched nothing changes but what is said of it: a revision that ran before runs on.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.client.api import Client
from fairlead.embedded.simulator import following, packaging, repository
from fairlead.embedded.simulator.crossplanekinds import resource
from fairlead.machinery import conditions, statuses
from fairlead.machinery.conditions import condition
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Runs = Callable[[Object, bool], Awaitable[None]]

PACKAGES = {each: resource(each) for each in ("Provider", "Configuration", "Function")}
CONFIGS, LOCKS = resource("DeploymentRuntimeConfig"), resource("Lock")
_BROUGHT = {
    "CustomResourceDefinition": Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False),
    "ManagedResourceDefinition": resource("ManagedResourceDefinition"),
    "CompositeResourceDefinition": Resource(
        "apiextensions.crossplane.io", "v1", "compositeresourcedefinitions", namespaced=False
    ),
    "Composition": resource("Composition"),
}


class Installer:
    """`runs` is told of every CRD of a provider, and whether that provider runs."""

    def __init__(self, client: Client, runs: Runs) -> None:
        self.client = client
        self._runs = runs

    async def changed(self, event: Object) -> None:
        kind = PACKAGES[event["kind"]]
        package = await self.client.get(kind, event["metadata"]["name"])
        if "deletionTimestamp" in package["metadata"]:
            return
        content = repository.fetch(package["spec"]["package"])
        if content is None:
            await self._fail(kind, package)
        else:
            await self._install(kind, package, content)

    async def config_changed(self, config: Object) -> None:
        """It may let a Pod come up, or no longer."""
        for kind in PACKAGES.values():
            for each in (await self.client.list(kind)).items:
                if each["spec"].get("runtimeConfigRef", {}).get("name") == config["metadata"]["name"]:
                    await self.changed(each)

    async def _fail(self, kind: Resource, package: Object) -> None:
        message = packaging.unresolved(package["spec"]["package"])
        if (conditions.get(package, "Healthy") or {}).get("message") != message:
            await following.tell(self.client, package, "UnpackPackage", message)
        await self._say(kind, package, packaging.failed(message, following.now()))

    async def _install(self, kind: Resource, package: Object, content: list[Object]) -> None:
        revisions = resource(f"{package['kind']}Revision")
        revision = await self._revised(revisions, package)
        brought = [await self._bring(each) for each in packaging.installed(revision, package, content)]
        runs = packaging.may_run(await self._config(package))
        if not runs and conditions.get(revision, "RuntimeHealthy") is None:
            await following.tell(self.client, revision, "SyncPackage", packaging.not_running(package["kind"]))
        told = packaging.of_revision(package["kind"], runs, following.now())
        references = [
            {"apiVersion": each["apiVersion"], "kind": each["kind"], "name": each["metadata"]["name"]}
            | {"uid": each["metadata"]["uid"]}
            for each in brought
            if not _is_made_of_definition(each, brought)
        ]
        await self._say(revisions, revision, told, objectRefs=references)
        told = packaging.of_package(package["kind"], runs, following.now())
        identifier = package["spec"]["package"]
        current = {"currentRevision": revision["metadata"]["name"], "currentIdentifier": identifier}
        await self._say(kind, package, told, **current, resolvedPackage=identifier)
        await self._lock(package, revision)
        for each in brought:
            await self._tell(each, runs)

    async def _tell(self, brought: Object, runs: bool) -> None:
        if "managed" in (brought["spec"].get("names") or {}).get("categories", ()) and "state" not in brought["spec"]:
            await self._runs(brought, runs)

    async def _revised(self, revisions: Resource, package: Object) -> Object:
        """The revision of what it is now, active; others are not active any more."""
        mine = f"pkg.crossplane.io/package={package['metadata']['name']}"
        known = (await self.client.list(revisions, label_selector=mine)).items
        wanted = packaging.revision(package, 1 + max((each["spec"]["revision"] for each in known), default=0))
        found = None
        for each in known:
            name = each["metadata"]["name"]
            is_current = name == wanted["metadata"]["name"]
            state = {"desiredState": "Active" if is_current else "Inactive"}
            if state.items() <= each["spec"].items():
                now = each
            else:
                now = await self.client.patch(revisions, name, {"spec": state})
            found = now if is_current else found
        return found or await self.client.create(revisions, wanted)

    async def _bring(self, obj: Object) -> Object:
        kind = _BROUGHT[obj["kind"]]
        if obj["kind"] == "CustomResourceDefinition":
            definitions = _BROUGHT["ManagedResourceDefinition"]
            try:
                definition = await self.client.get(definitions, obj["metadata"]["name"])
            except statuses.NotFound:
                pass
            else:
                obj = _owned_too(obj, definition)
        made = await following.ensure(self.client, kind, obj)
        if obj["kind"] == "ManagedResourceDefinition":
            told = condition("Established", "True", "EstablishedManagedResource", following.now())
            made = await self._say(kind, made, [told])
        return made

    async def _config(self, package: Object) -> Object | None:
        name = (package["spec"].get("runtimeConfigRef") or {}).get("name", "default")
        try:
            return await self.client.get(CONFIGS, name)
        except statuses.NotFound:
            return None

    async def _say(self, kind: Resource, obj: Object, told: list[Object], **more: Any) -> Object:
        status = obj.get("status") or {}
        wanted: Object = {"conditions": conditions.put(conditions.conditions(obj), *told), **more}
        if all(status.get(key) == value for key, value in wanted.items()):
            return obj
        return await self.client.patch(kind, obj["metadata"]["name"], {"status": wanted}, subresource="status")

    async def _lock(self, package: Object, revision: Object) -> None:
        """As every package's dependencies are none, they are always resolved."""
        lock = await self.client.get(LOCKS, "lock")
        source, _, version = package["spec"]["package"].rpartition(":")
        own = {"apiVersion": package["apiVersion"], "kind": package["kind"], "name": revision["metadata"]["name"]}
        own |= {"source": source, "version": version, "dependencies": []}
        known = list(lock.get("packages") or ())
        if own not in known:
            others = [each for each in known if each.get("source") != source]
            version = lock["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "packages": [*others, own]}
            await self.client.patch(LOCKS, "lock", patch)


def _owned_too(crd: Object, definition: Object) -> Object:
    """By its definition, and not by the package itself."""
    first, *_ = crd["metadata"]["ownerReferences"]
    reference = {key: definition[key] for key in ("apiVersion", "kind")}
    reference |= {"name": definition["metadata"]["name"], "uid": definition["metadata"]["uid"]}
    return {**crd, "metadata": {**crd["metadata"], "ownerReferences": [reference, first]}}


def _is_made_of_definition(obj: Object, brought: list[Object]) -> bool:
    return obj["kind"] == "CustomResourceDefinition" and any(
        each["kind"] == "ManagedResourceDefinition" and each["metadata"]["name"] == obj["metadata"]["name"]
        for each in brought
    )
