"""Provider configs: which one a managed resource uses, where its credentials come from, and who uses it.

Each provider has its own kinds of them, known by their names alone: no category tells them, and their group is that of
the managed resources or the end of it. Whether a Secret is there is asked for by its metadata only, so that its content
is in nobody's memory; most servers may not even ask that.

Source: reference/crossplane.md §1.8, §2.3, §3; crossplane-runtime `pkg/reconciler/providerconfig`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane.references import Reference
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.resources.kinds import Kind, Kinds
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
NAMESPACED, CLUSTER = "ProviderConfig", "ClusterProviderConfig"
USAGE = "ProviderConfigUsage"
OF_CONFIG, OF_KIND = "crossplane.io/provider-config", "crossplane.io/provider-config-kind"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_SECRETS = Resource("", "v1", "secrets")
_DEEPEST = 6


def kinds(served: Kinds) -> list[Kind]:
    """Each once, in its preferred version."""
    found: dict[str, Kind] = {}
    for each in served.all:
        if is_config(each) and each.can("list"):
            found.setdefault(each.resource.qualified, each)
    return list(found.values())


def is_config(kind: Kind) -> bool:
    return kind.api.kind.endswith(NAMESPACED)


def reference(obj: Object, *, namespaced: bool) -> tuple[str, str]:
    """Kind and name of the config that a managed resource uses; what it does not say is as its provider's default."""
    found = (obj.get("spec") or {}).get("providerConfigRef") or {}
    return str(found.get("kind") or (CLUSTER if namespaced else NAMESPACED)), str(found.get("name") or "default")


def kind_for(served: Kinds, managed: Kind, called: str) -> Kind | None:
    """The config kind of the same provider: its group is that of the managed one, or the longest end of it."""
    group = managed.resource.group
    near = [
        each
        for each in kinds(served)
        if each.api.kind == called and (group == each.resource.group or group.endswith(f".{each.resource.group}"))
    ]
    return max(near, key=lambda each: len(each.resource.group), default=None)


@dataclass(frozen=True)
class Used:
    """The config of a managed resource, as far as it could be found."""

    reference: Reference
    obj: Object | None = None
    gap: str = ""
    """Why it could not be read; empty and without an object where it is not there."""

    def __str__(self) -> str:
        if self.gap:
            return f"{self.reference}: not read: {self.gap}"
        if self.obj is None:
            return f"{self.reference} does not exist"
        leaving = "; being deleted" if self.obj["metadata"].get("deletionTimestamp") else ""
        return f"{self.reference}: credentials {source(self.obj) or 'not said'}, {users(self.obj)} users{leaving}"


def meant(served: Kinds, managed: Kind, obj: Object) -> tuple[Kind, Reference] | None:
    """Which config a managed resource uses; None where its provider has none that are known by their names."""
    called, name = reference(obj, namespaced=managed.resource.namespaced)
    kind = kind_for(served, managed, called)
    if kind is None:
        return None
    namespace = str((obj.get("metadata") or {}).get("namespace") or "") if kind.resource.namespaced else ""
    return kind, Reference(kind.api_version, called, name, namespace)


async def used(reader: Reader, managed: Kind, obj: Object) -> Used | None:
    """None where its provider has no configs that are known by their names."""
    wanted = meant(await reader.kinds(), managed, obj)
    if wanted is None:
        return None
    kind, found = wanted
    try:
        return Used(found, await reader.one(kind, found.name, found.namespace))
    except statuses.NotFound:
        return Used(found)
    except FairleadError as error:
        return Used(found, None, str(error))


def source(config: Object) -> str:
    """Where its credentials come from: `Secret`, `InjectedIdentity`, …; empty where it does not say."""
    found = (config.get("spec") or {}).get("credentials") or {}
    return str(found.get("source") or "") if isinstance(found, Mapping) else ""


def users(config: Object) -> int:
    return int((config.get("status") or {}).get("users") or 0)


def secrets(config: Object) -> list[Reference]:
    """All that its spec names, wherever; in its own namespace where it names none."""
    own = str((config.get("metadata") or {}).get("namespace") or "")
    return list(dict.fromkeys(_secrets(config.get("spec") or {}, own, 0)))


def _secrets(found: Any, namespace: str, depth: int) -> Iterator[Reference]:
    if depth > _DEEPEST:
        return
    if isinstance(found, list):
        for each in found:
            yield from _secrets(each, namespace, depth + 1)
    elif isinstance(found, Mapping):
        for key, value in found.items():
            if key.lower().endswith("secretref") and isinstance(value, Mapping) and value.get("name"):
                yield Reference("v1", "Secret", str(value["name"]), str(value.get("namespace") or namespace))
            else:
                yield from _secrets(value, namespace, depth + 1)


async def secret_words(reader: Reader, secret: Reference) -> str:
    """Whether it is there, as far as one may know."""
    try:
        await reader.client.read(_SECRETS.path(secret.namespace, secret.name), accept=_METADATA)
    except statuses.NotFound:
        return f"{secret} does not exist"
    except FairleadError:
        return f"{secret}: whether it exists may not be asked here"
    return f"{secret} exists"


async def usages(reader: Reader, kind: Kind, config: Object) -> list[Reference]:
    """The managed resources that use it, as its provider has counted them. Raises what `Reader` raises."""
    group, metadata = kind.resource.group, config["metadata"]
    labels = f"{OF_CONFIG}={metadata['name']}"
    found = await reader.every(
        f"{USAGE.lower()}s.{group}", "", str(metadata.get("namespace") or ""), label_selector=labels
    )
    return sorted(
        Reference(str(of.get("apiVersion")), str(of.get("kind")), str(of.get("name")), _namespace(each))
        for each in found
        if _is_of(each, kind.api.kind) and isinstance(of := each.get("resourceRef"), Mapping)
    )


def _namespace(usage: Object) -> str:
    return str(usage["metadata"].get("namespace") or "")


def _is_of(usage: Object, called: str) -> bool:
    """One of a namespaced provider says of which of its two kinds of config it is."""
    said = (usage["metadata"].get("labels") or {}).get(OF_KIND)
    return not said or said == called
