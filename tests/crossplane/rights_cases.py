"""For each tool of the Crossplane servers, calls that make it do all that it does, and what has to be there for them.

As data beside the tests of rights, and looked up by name: a tool that nobody has written a case for fails them.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from fairlead.client.api import Client
from fairlead.machinery import conditions, encoding
from fairlead.machinery.paths import Resource
from fairlead.resources.reading import Reader
from testenv.crossplane import FUNCTION
from testenv.registry import Registry, metadata
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests

Object = dict[str, Any]
MANAGED_GROUP = "rights.example.org"
NOWHERE = "127.0.0.1:1/rights"
"""A registry that does not answer: a package of it is never unpacked."""
GROUPS = ("apiextensions", "pkg", "ops", "protection")
EXTENSIONS, PACKAGES, OPERATIONS, PROTECTION = (f"{each}.crossplane.io" for each in GROUPS)


@dataclass
class Bed:
    """A control plane and the right to make anything in it."""

    client: Client
    unique: Callable[[str], str]
    claim: str = ""
    """One whose composite is in trouble."""
    pod: str = ""
    registry: Registry = field(default_factory=Registry)

    def put(self, kind: str, name: str) -> str:
        """A package of nothing, in two versions; how to install the first."""
        for each in ("v2.0.0", "v1.0.0"):
            made = metadata(kind, name)
            made["metadata"]["annotations"] = {"version": each}
            package = self.registry.put(f"rights/{name}", each, [made])
        return package

    async def made(self, api_version: str, kind: str, spec: Any, *, namespace: str = "", **metadata: Any) -> str:
        """Its name, a new one where none is given."""
        name = metadata.pop("name", "") or self.unique(kind.lower())
        group, _, version = api_version.rpartition("/")
        whole = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}
        whole |= spec if "data" in spec else {"spec": spec}
        resource = Resource(group, version, _plural(kind), bool(namespace))
        await self.client.apply(resource, whole, namespace or None, manager="tests", force=True)
        return str(name)

    async def any_of(self, resource: Resource) -> Object:
        """Arguments that name an object of that kind."""
        found = (await self.client.list(resource)).items
        assert found, f"there is no object of {resource}"
        metadata = found[0]["metadata"]
        return {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}


def _plural(kind: str) -> str:
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"


Case = Callable[[Bed], Awaitable[list[Object]]]
CASES: dict[str, Case] = {}


def case(*tools: str) -> Callable[[Case], Case]:
    def keep(made: Case) -> Case:
        assert not CASES.keys() & set(tools)
        CASES.update(dict.fromkeys(tools, made))
        return made

    return keep


def fixed(tool: str, *calls: Object) -> None:
    async def made(bed: Bed) -> list[Object]:
        return [dict(each) for each in calls]

    case(tool)(made)


def pipeline() -> list[Object]:
    return [{"step": "make", "functionRef": {"name": FUNCTION}}]


XRD = f"xdatabases.{GROUP}"
for _tool in (
    *("list_xrds", "list_compositions", "list_composition_revisions", "list_providers", "list_configurations"),
    *("list_configuration_revisions", "list_environment_configs", "list_operations", "list_usages"),
    *("control_plane_status", "list_unhealthy", "api_search", "events_list"),
):
    fixed(_tool, {"words": "database"} if _tool == "api_search" else {})
fixed("get_xrd", {"name": XRD}, {"name": "nowhere"})
fixed("describe_xrd_schema", {"kind": "database"})
fixed("get_composition", {"name": "xdatabase"})
fixed("resources_list", {"kind": "database"})


# -- Platform APIs and compositions ------------------------------------------------------------------------------------


@case("create_xrd")
async def _create_xrd(bed: Bed) -> list[Object]:
    group = f"{bed.unique('made')}.example.org"
    return [{"group": group, "kind": "XBox", "plural": "xboxes", "claim_kind": "Box", "wait_seconds": 0}]


async def xrd(bed: Bed, *more: str) -> str:
    """Whose kinds are served; `more` are versions that nothing is stored in."""
    found = manifests.xrd("Bucket", f"{bed.unique('kept')}.example.org")
    versions = found["spec"]["versions"]
    versions += [{**versions[0], "name": each, "referenceable": False} for each in more]
    name = str(found["metadata"]["name"])
    await bed.client.apply(manifests.XRDS, found, manager="tests", force=True)
    with anyio.fail_after(60):
        while not conditions.is_true(await bed.client.get(manifests.XRDS, name), "Offered"):  # noqa: ASYNC110
            await anyio.sleep(0.1)
    return name


@case("update_xrd")
async def _update_xrd(bed: Bed) -> list[Object]:
    """A version goes, and another becomes the one that compositions name."""
    one = {"name": await xrd(bed, "v1beta1", "v1"), "wait_seconds": 0}
    return [{**one, "unset": ["spec.versions[1]"]}, {**one, "version": "v1", "referenceable": True}]


@case("delete_xrd")
async def _delete_xrd(bed: Bed) -> list[Object]:
    return [{"name": await xrd(bed)}]


@case("create_composition")
async def _create_composition(bed: Bed) -> list[Object]:
    kind = {"xr_api_version": f"{GROUP}/v1alpha1", "xr_kind": "XDatabase", "pipeline": json.dumps(pipeline())}
    return [{"name": bed.unique("composition"), **kind}]


async def composition(bed: Bed) -> str:
    target = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "XDatabase"}
    spec = {"compositeTypeRef": target, "mode": "Pipeline", "pipeline": pipeline()}
    return await bed.made(f"{EXTENSIONS}/v1", "Composition", spec)


@case("update_composition")
async def _update_composition(bed: Bed) -> list[Object]:
    step = {"step": "more", "functionRef": {"name": FUNCTION}}
    one = {"name": await composition(bed), "upsert_steps": json.dumps([step])}
    return [{**one, "dry_run": True}, one]


@case("delete_composition")
async def _delete_composition(bed: Bed) -> list[Object]:
    return [{"name": await composition(bed)}]


# -- Packages ----------------------------------------------------------------------------------------------------------


def _installs(kind: str) -> None:
    async def made(bed: Bed) -> list[Object]:
        """Once of what is there, and once of what is not."""
        found = {"package": bed.put(kind.capitalize(), bed.unique(kind)), "wait_seconds": 3}
        return [found, {"package": f"{NOWHERE}/{bed.unique(kind)}:v1", "wait_seconds": 0}]

    case(f"install_{kind}")(made)


async def package(bed: Bed, kind: str) -> str:
    """That has been fetched, and has a revision."""
    name = bed.unique(kind.lower())
    await bed.made(f"{PACKAGES}/v1", kind, {"package": bed.put(kind, name)}, name=name)
    resource = Resource(PACKAGES, "v1", _plural(kind), namespaced=False)
    with anyio.fail_after(60):
        while not (await bed.client.get(resource, name)).get("status", {}).get("currentRevision"):  # noqa: ASYNC110
            await anyio.sleep(0.1)
    return name


def _of_package(tool: str, kind: str) -> None:
    async def made(bed: Bed) -> list[Object]:
        return [{"name": await package(bed, kind)}]

    case(tool)(made)


for _kind in ("Provider", "Configuration", "Function"):
    _installs(_kind.lower())
    _of_package(f"get_{_kind.lower()}", _kind)
_of_package("uninstall_provider", "Provider")


# -- Shared data, operations, usages -----------------------------------------------------------------------------------


@case("create_environment_config")
async def _create_environment_config(bed: Bed) -> list[Object]:
    return [{"name": bed.unique("env"), "data": "{region: eu}"}]


async def environment_config(bed: Bed) -> str:
    return await bed.made(f"{EXTENSIONS}/v1beta1", "EnvironmentConfig", {"data": {"region": "eu"}})


@case("get_environment_config")
async def _environment_config(bed: Bed) -> list[Object]:
    return [{"name": await environment_config(bed)}]


@case("create_operation")
async def _create_operation(bed: Bed) -> list[Object]:
    wanted = {"pipeline": json.dumps(pipeline()), "wait_seconds": 0}
    return [{each: bed.unique("operation"), **wanted} for each in ("name", "generate_name")]


@case("create_cron_operation")
async def _create_cron_operation(bed: Bed) -> list[Object]:
    return [{"name": bed.unique("cron"), "pipeline": json.dumps(pipeline()), "schedule": "0 3 * * 1"}]


async def operation(bed: Bed, kind: str = "Operation") -> str:
    spec: Object = {"mode": "Pipeline", "pipeline": pipeline()}
    if kind != "Operation":
        spec = {"operationTemplate": {"spec": spec}}
    if kind == "CronOperation":
        spec["schedule"] = "0 3 * * 1"
    if kind == "WatchOperation":
        spec["watch"] = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": NAMESPACE, "matchLabels": {"no": "one"}}
    return await bed.made(f"{OPERATIONS}/v1alpha1", kind, spec)


@case("get_operation_status")
async def _get_operation_status(bed: Bed) -> list[Object]:
    kinds = {"operation": "Operation", "cron": "CronOperation", "watch": "WatchOperation"}
    return [{"name": await operation(bed, kind), "type": name} for name, kind in kinds.items()]


@case("create_usage")
async def _create_usage(bed: Bed) -> list[Object]:
    """Of what has a namespace and of what has none, and by somebody; and one that waits, as its user is not there."""
    by = {"by_kind": "compositions.apiextensions.crossplane.io", "by_name": "xdatabase"}
    here = {"of_kind": "databases", "of_name": bed.claim, "namespace": NAMESPACE, "reason": "it is ours"}
    there = {"of_kind": f"disks.{MANAGED_GROUP}", "of_name": "orphan", **by}
    waits = here | {"by_kind": "databases", "by_name": "nobody"}
    return [{**each, "name": bed.unique("usage"), "wait_seconds": 0} for each in (here, there, waits)]


async def usages(bed: Bed) -> tuple[str, str]:
    """In a namespace, and in none."""
    of = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Database", "resourceRef": {"name": bed.claim}}
    disk = {"apiVersion": f"{MANAGED_GROUP}/v1", "kind": "Disk", "resourceRef": {"name": "orphan"}}
    api = "protection.crossplane.io/v1beta1"
    here = await bed.made(api, "Usage", {"of": of, "reason": "ours"}, namespace=NAMESPACE)
    return here, await bed.made(api, "ClusterUsage", {"of": disk, "reason": "ours"})


@case("get_usage")
async def _get_usage(bed: Bed) -> list[Object]:
    here, there = await usages(bed)
    return [{"name": here, "namespace": NAMESPACE}, {"name": there}]


# -- Understanding -----------------------------------------------------------------------------------------------------


@case("trace_resource", "diagnose_resource", "explain_deletion")
async def _of_troubled(bed: Bed) -> list[Object]:
    return [
        {"kind": "database", "name": bed.claim, "namespace": NAMESPACE},
        {"kind": f"disks.{MANAGED_GROUP}", "name": "orphan"},
        {"kind": "xrd", "name": XRD},
        {"kind": "provider", "name": await package(bed, "Provider")},
    ]


@case("validate_manifest")
async def _validate_manifest(bed: Bed) -> list[Object]:
    disk = {"apiVersion": f"{MANAGED_GROUP}/v1", "kind": "Disk", "metadata": {"name": "new"}, "spec": {}}
    target = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "XDatabase"}
    spec = {"compositeTypeRef": target, "mode": "Pipeline", "pipeline": pipeline()}
    new = {"apiVersion": f"{EXTENSIONS}/v1", "kind": "Composition", "metadata": {"name": "new"}, "spec": spec}
    return [{"manifest": encoding.to_yaml(each)} for each in (manifests.claim("new", NAMESPACE), disk, new)]


@case("resources_get")
async def _resources_get(bed: Bed) -> list[Object]:
    return [{"kind": "database", "name": bed.claim, "namespace": NAMESPACE}]


@case("pods_log")
async def _pods_log(bed: Bed) -> list[Object]:
    return [{"name": bed.pod, "namespace": NAMESPACE}]


# -- Beside the seed ---------------------------------------------------------------------------------------------------

for _tool in ("list_composites", "list_functions", "list_managed_resource_definitions"):
    fixed(_tool, {})
fixed("list_activation_policies", {})
fixed("list_package_configs", {})
fixed("get_package_lock", {})
fixed("list_package_revisions", *({"kind": each} for each in ("provider", "configuration", "function")))
fixed("get_package_config", *({"kind": each, "name": "default"} for each in ("DeploymentRuntimeConfig", "ImageConfig")))
fixed("get_provider_config", {"kind": f"providerconfigs.{MANAGED_GROUP}", "name": "default"})


@case("get_composite")
async def _get_composite(bed: Bed) -> list[Object]:
    return [{"kind": "database", "name": bed.claim, "namespace": NAMESPACE}]


@case("diff_composition_revisions")
async def _diff_composition_revisions(bed: Bed) -> list[Object]:
    return [{"composition": "xdatabase"}]


@case("list_provider_configs")
async def _list_provider_configs(bed: Bed) -> list[Object]:
    return [{}, {"provider": await package(bed, "Provider")}]


@case("list_managed_resources")
async def _list_managed_resources(bed: Bed) -> list[Object]:
    return [{}, {"provider": await package(bed, "Provider")}, {"kind": "unheard-of"}]


@case("get_managed_resource")
async def _get_managed_resource(bed: Bed) -> list[Object]:
    """Of a kind that a provider has brought, and of one that might be, but not active."""
    provider = await package(bed, "Provider")
    revision = await bed.made(
        f"{PACKAGES}/v1",
        "ProviderRevision",
        {"desiredState": "Inactive", "image": f"{NOWHERE}/one:v1", "revision": 1},
        labels={"pkg.crossplane.io/package": provider},
        annotations={"crossplane.io/paused": "true"},
    )
    name = await definition(bed, ProviderRevision=(f"{PACKAGES}/v1", revision))
    plural, _, group = name.partition(".")
    with anyio.fail_after(60):
        while not (await Reader(bed.client).kinds()).serves(name):  # noqa: ASYNC110 - no watch of discovery
            await anyio.sleep(0.1)
    one = await bed.made(f"{group}/v1", plural.removesuffix("s").capitalize(), {"forProvider": {}})
    return [{"kind": name, "name": one}, {"kind": "unheard-of", "name": one}]


@case("get_managed_resource_definition")
async def _get_managed_resource_definition(bed: Bed) -> list[Object]:
    return [{"name": await definition(bed)}]


async def definition(bed: Bed, **owner: tuple[str, str]) -> str:
    """Inactive, so that it makes no kind; active if it has an owner, which is given by kind."""
    group = f"{bed.unique('definition')}.example.org"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {
        "kind": "Volume",
        "plural": "volumes",
        "listKind": "VolumeList",
        "singular": "volume",
        "categories": ["managed"],
    }
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    state = "Active" if owner else "Inactive"
    spec: Object = {"group": group, "names": names, "scope": "Cluster", "versions": versions, "state": state}
    references = []
    for kind, (version, called) in owner.items():
        group_name, _, number = version.partition("/")
        uid = (await bed.client.get(Resource(group_name, number, _plural(kind)), called))["metadata"]["uid"]
        references.append({"apiVersion": version, "kind": kind, "name": called, "uid": uid})
    return await bed.made(
        f"{EXTENSIONS}/v1alpha1",
        "ManagedResourceDefinition",
        spec,
        name=f"volumes.{group}",
        ownerReferences=references,
    )


@case("upgrade_package")
async def _upgrade_package(bed: Bed) -> list[Object]:
    return [
        {"kind": kind.lower(), "name": await package(bed, kind), "version": "v2.0.0", "wait_seconds": 3}
        for kind in ("Provider", "Configuration", "Function")
    ]


@case("reconcile_resource")
async def _reconcile_resource(bed: Bed) -> list[Object]:
    """Of every kind that Crossplane reconciles; a package with its tree, a claim so that it is proved by an event."""
    claim = {"kind": f"databases.{GROUP}", "name": bed.claim, "namespace": NAMESPACE}
    calls: list[Object] = [{**claim, "action": "now"}, {**claim, "action": "pause"}]
    calls.append({"kind": f"disks.{MANAGED_GROUP}", "name": "orphan", "action": "pause"})
    for kind in ("Provider", "Configuration", "Function"):
        one = {"kind": f"{_plural(kind)}.{PACKAGES}", "name": await package(bed, kind), "action": "pause"}
        calls += [{**one, "tree": True, "dry_run": True}, one]
    here, there = await usages(bed)
    calls.append({"kind": f"usages.{PROTECTION}", "name": here, "namespace": NAMESPACE, "action": "now"})
    calls.append({"kind": f"clusterusages.{PROTECTION}", "name": there, "action": "now"})
    for kind in ("CronOperation", "WatchOperation"):
        calls.append({"kind": f"{_plural(kind)}.{OPERATIONS}", "name": await operation(bed, kind), "action": "pause"})
    calls.append({"kind": f"managedresourcedefinitions.{EXTENSIONS}", "name": await definition(bed), "action": "pause"})
    any_of = [(EXTENSIONS, "v1", each) for each in ("compositeresourcedefinitions", "compositionrevisions")]
    any_of += [(EXTENSIONS, "v1alpha1", "managedresourceactivationpolicies")]
    any_of += [(PACKAGES, "v1", f"{each}revisions") for each in ("provider", "configuration", "function")]
    for group, version, plural in any_of:
        found = await bed.any_of(Resource(group, version, plural, namespaced=False))
        calls.append({"kind": f"{plural}.{group}", **found, "action": "now", "dry_run": True})
    return [{"wait_seconds": 0, **each} for each in calls]


@case("clear_create_pending")
async def _clear_create_pending(bed: Bed) -> list[Object]:
    pending = {"crossplane.io/external-create-pending": "2026-01-01T00:00:00Z"}
    spec: Object = {"forProvider": {}}
    name = await bed.made(f"{MANAGED_GROUP}/v1", "Disk", spec, annotations=pending)
    pending_one = {"kind": f"disks.{MANAGED_GROUP}", "name": name, "wait_seconds": 0}
    return [pending_one, {"kind": "unheard-of", "name": name}]
