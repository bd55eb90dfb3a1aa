"""What of a control plane is of Crossplane's first generation, and what takes its place in the second.

Nothing of it is wrong today, and no tool of Crossplane's names it: claims and cluster-scoped composites, usages of the
old group, compositions without a pipeline, managed resources without a namespace, kinds that 2.x has removed. Whoever
has to migrate begins by asking how much of that there is, so objects are counted and a few are named.

Source: reference/crossplane.md §1 (versions of each kind), §7, 10.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import sweeping
from fairlead.crossplane.sweeping import Swept
from fairlead.resources.kinds import Kind, Kinds, UnknownKindError
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
_EXTENSIONS = "apiextensions.crossplane.io"
_NAMED = 5


@dataclass(frozen=True)
class Old:
    what: str
    names: tuple[str, ...]
    instead: str

    def __str__(self) -> str:
        more = f" and {len(self.names) - _NAMED} more" if len(self.names) > _NAMED else ""
        return f"{len(self.names)} × {self.what}: {', '.join(self.names[:_NAMED])}{more}; instead: {self.instead}"


async def old(reader: Reader) -> tuple[list[Old], list[str]]:
    """What there is, and what could not be read. Raises what discovery raises."""
    kinds = await reader.kinds(anew=True)
    wanted = [(kind, each) for each in _KNOWN for kind in each.kinds(kinds)]
    takes = {kind.resource.qualified: each.is_old for kind, each in wanted}

    def take(kind: Kind, obj: Object) -> str | None:
        return _name(obj) if takes[kind.resource.qualified](obj) else None

    swept = await sweeping.sweep(reader, [kind for kind, _ in wanted], take, Query())
    found = [
        Old(each.what.format(kind=kind.api.kind), look.taken, _instead(each, kind, kinds))
        for (kind, each), look in zip(wanted, swept, strict=True)
        if look.taken
    ]
    return found, list(sweeping.gaps(_trouble(swept)))


def _trouble(swept: Sequence[Swept[str]]) -> list[Swept[str]]:
    return [each for each in swept if each.gap]


def _name(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def _named(name: str, api_version: str) -> Callable[[Kinds], list[Kind]]:
    def find(kinds: Kinds) -> list[Kind]:
        try:
            return [kinds.find(name, api_version)]
        except UnknownKindError:
            return []

    return find


def _clustered(kinds: Kinds) -> list[Kind]:
    """Managed resources without a namespace, of providers and of those that compositions make alike."""
    return [each for each in kinds.category("managed") if not each.resource.namespaced and each.can("list")]


def _every(obj: Object) -> bool:
    return True


def _is_legacy(xrd: Object) -> bool:
    return str((xrd.get("spec") or {}).get("scope", "LegacyCluster")) == "LegacyCluster"


def _has_no_pipeline(composition: Object) -> bool:
    spec = composition.get("spec") or {}
    return bool(spec.get("resources")) or spec.get("mode") == "Resources"


def _instead(known: "_Known", kind: Kind, kinds: Kinds) -> str:
    """Namespaced twins of cluster-scoped groups have an `m` in their name."""
    if known.kinds is not _clustered:
        return known.instead
    first, _, rest = kind.resource.group.partition(".")
    twins = {f"{first}.m.{rest}", f"m.{kind.resource.group}"}
    for each in kinds.category("managed"):
        if each.resource.group in twins and each.api.kind == kind.api.kind and each.resource.namespaced:
            return f"{each.api.kind} of {each.resource.group}, which is namespaced"
    return known.instead


@dataclass(frozen=True)
class _Known:
    what: str
    kinds: Callable[[Kinds], list[Kind]]
    instead: str
    is_old: Callable[[Object], bool] = _every


_KNOWN = (
    _Known(
        "XRD of scope LegacyCluster",
        _named("CompositeResourceDefinition", f"{_EXTENSIONS}/v1"),
        "an XRD of version v2 with scope Namespaced (or Cluster), whose composites are made in their namespaces",
        _is_legacy,
    ),
    _Known(
        "claim {kind}",
        lambda kinds: [each for each in kinds.category("claim") if each.can("list")],
        "a namespaced composite of a new XRD; claims are not in v2",
    ),
    _Known(
        "composition without a pipeline",
        _named("Composition", f"{_EXTENSIONS}/v1"),
        "mode Pipeline with function-patch-and-transform, before the upgrade: 2.x has no other mode",
        _has_no_pipeline,
    ),
    _Known(
        "legacy usage",
        _named("Usage", f"{_EXTENSIONS}/v1beta1"),
        "a Usage (in a namespace) or ClusterUsage of protection.crossplane.io",
    ),
    _Known(
        "managed resource {kind} without a namespace",
        _clustered,
        "the namespaced kind of the provider's next major version, whose group has an m in its name",
    ),
    _Known(
        "ControllerConfig",
        _named("ControllerConfig", "pkg.crossplane.io/v1alpha1"),
        "a DeploymentRuntimeConfig, before the upgrade: 2.x has removed it",
    ),
    _Known(
        "external secret store",
        _named("StoreConfig", "secrets.crossplane.io/v1alpha1"),
        "connection secrets that a composition makes itself: 2.x has removed it",
    ),
)
