"""Who looks after a managed resource and at whose wish it is there: downwards its provider, upwards its composites.

Neither is written on it. The provider is found by who owns the kind: a revision of a package owns the definition, and
that the CRD; on Crossplane 1 the revision owns the CRD itself. Upwards lead controller references, and from the root
a claim.

Source: reference/crossplane.md §1.4, §1.5, §3.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import packages, references
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.references import Reference
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
MRD = "ManagedResourceDefinition"
MRD_VERSION = "apiextensions.crossplane.io/v1alpha1"
_CRDS = ("CustomResourceDefinition", "apiextensions.k8s.io/v1")
_REVISION = "ProviderRevision"
_HIGHEST = 10


async def provider_of(reader: Reader, kind: Kind) -> Object | None:
    """None for a kind that no provider's package has brought. Raises what `Reader` raises."""
    return await provider_by(reader, await reader.one(await reader.kind(*_CRDS), kind.resource.qualified))


async def provider_by(reader: Reader, definition: Object) -> Object | None:
    """Of a CRD or a managed resource definition. Raises what `Reader` raises."""
    for each in (definition.get("metadata") or {}).get("ownerReferences") or ():
        version, called, name = (str(each.get(key)) for key in ("apiVersion", "kind", "name"))
        if called == MRD:
            return await provider_by(reader, await reader.one(await reader.kind(MRD, version), name))
        if called == _REVISION:
            revision = await reader.one(await reader.kind(_REVISION, version), name)
            if owner := packages.owner(revision):
                return await reader.one(await reader.kind("Provider", f"{packages.GROUP}/v1"), owner)
    return None


async def owners(reader: Reader, obj: Object) -> list[tuple[Reference, Health]]:
    """From the nearest composite up to the claim; one that cannot be read is the last, with the reason."""
    found: list[tuple[Reference, Health]] = []
    above = _above(obj)
    while above is not None and len(found) < _HIGHEST and above not in {each for each, _ in found}:
        try:
            kind = await reader.kind(above.kind, above.api_version)
            owner = await reader.one(kind, above.name, above.namespace if kind.resource.namespaced else "")
        except FairleadError as error:
            return [*found, (above, Health(State.UNKNOWN, "", str(error)))]
        found.append((references.of(owner), judge(owner, kind.api.categories)))
        above = _above(owner)
    return found


def _above(obj: Object) -> Reference | None:
    metadata = obj.get("metadata") or {}
    for each in metadata.get("ownerReferences") or ():
        if each.get("controller"):
            version = str(each.get("apiVersion"))
            return Reference(
                version, str(each.get("kind")), str(each.get("name")), str(metadata.get("namespace") or "")
            )
    claim = (obj.get("spec") or {}).get("claimRef")
    if isinstance(claim, Mapping) and claim.get("name") and GroupVersion.parse(str(claim.get("apiVersion"))).group:
        return Reference(*(str(claim.get(each) or "") for each in ("apiVersion", "kind", "name", "namespace")))
    return None
