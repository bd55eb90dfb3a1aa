"""What belongs to a package: its revisions, the runtime that it runs in, and the packages that it depends on.

The Lock says what depends on what, by source and constraint; which object has a source installed is found by asking for
the revision that the Lock names, because the Lock itself names revisions only.

Source: reference/crossplane.md §1.5, §5 (package algorithm).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.crossplane.references import Reference
from fairlead.machinery import statuses
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
GROUP = "pkg.crossplane.io"
KINDS = ("Provider", "Configuration", "Function")
XRD = "CompositeResourceDefinition"
CRD, MRD = "CustomResourceDefinition", "ManagedResourceDefinition"
OWNER = "pkg.crossplane.io/package"
_DEFINITIONS = {
    "Configuration": ((XRD, "apiextensions.crossplane.io/v1"),),
    "Provider": ((MRD, "apiextensions.crossplane.io/v1alpha1"), (CRD, "apiextensions.k8s.io/v1")),
}


def is_package(obj: Object) -> bool:
    return str(obj.get("apiVersion", "")).startswith(f"{GROUP}/") and obj.get("kind") in KINDS


def is_source(reference: Reference) -> bool:
    """Whether it only says what is missing: a dependency that nothing installed meets is known by its source alone."""
    return reference.api_version.startswith(f"{GROUP}/") and "/" in reference.name


async def below(reader: Reader, package: Object) -> list[Reference]:
    """Runtime config, active revision and dependencies. Raises what `Reader` raises."""
    version = str(package["apiVersion"])
    metadata, spec = package["metadata"], package.get("spec") or {}
    found: list[Reference] = []
    config = spec.get("runtimeConfigRef")
    if isinstance(config, Mapping) and config.get("name"):
        kind = str(config.get("kind") or "DeploymentRuntimeConfig")
        found.append(Reference(str(config.get("apiVersion") or f"{GROUP}/v1beta1"), kind, str(config["name"])))
    found += [
        Reference(version, f"{package['kind']}Revision", each["metadata"]["name"])
        for each in await revisions(reader, package)
        if is_active(each) or _is_current(package, each)
    ]
    at = (package.get("status") or {}).get("currentRevision")
    found += await _dependencies(reader, version, str(at or ""), str(metadata.get("name")))
    return found


def _is_current(package: Object, revision: Object) -> bool:
    return bool((package.get("status") or {}).get("currentRevision") == revision["metadata"]["name"])


async def revisions(reader: Reader, package: Object) -> list[dict[str, Any]]:
    """Oldest first. Raises what `Reader` raises."""
    mine = f"{OWNER}={package['metadata']['name']}"
    found = await reader.every(f"{package['kind']}Revision", str(package["apiVersion"]), label_selector=mine)
    return sorted(found, key=lambda each: int((each.get("spec") or {}).get("revision") or 0))


async def current(reader: Reader, package: Object) -> dict[str, Any] | None:
    """The revision that a package is at; None before there is one. Raises what `Reader` raises."""
    name = str((package.get("status") or {}).get("currentRevision") or "")
    if not name:
        return None
    try:
        return await reader.one(await reader.kind(f"{package['kind']}Revision", str(package["apiVersion"])), name)
    except statuses.NotFound:
        return None


def owner(revision: Object) -> str:
    """The package whose revision it is; empty where it does not say."""
    return str(((revision.get("metadata") or {}).get("labels") or {}).get(OWNER) or "")


def is_active(revision: Object) -> bool:
    return bool((revision.get("spec") or {}).get("desiredState") == "Active")


def dependencies(revision: Object) -> list[str]:
    """How many it has; nothing where it has none."""
    status = revision.get("status") or {}
    found, there, invalid = (int(status.get(f"{each}Dependencies") or 0) for each in ("found", "installed", "invalid"))
    if not found and not invalid:
        return []
    return [f"dependencies: {found}, installed {there}" + (f", in conflict {invalid}" if invalid else "")]


async def installed(reader: Reader, revision: Object) -> list[tuple[str, str]]:
    """Kind and name of what a revision has installed. Raises what `Reader` raises.

    Crossplane at times leaves the kind out of what it has only just made; it is then looked for among the XRDs, and
    stays empty for anything else.
    """
    found = [
        (str(each.get("kind") or ""), str(each.get("name")))
        for each in (revision.get("status") or {}).get("objectRefs") or ()
    ]
    if all(kind for kind, _ in found):
        return found
    xrds = {str(each["metadata"]["name"]) for each in await reader.every(XRD, "apiextensions.crossplane.io/v1")}
    return [(kind or (XRD if name in xrds else ""), name) for kind, name in found]


async def belonging(reader: Reader, package: Object) -> list[tuple[str, str]]:
    """Kind and name of the definitions that go with a package, whichever of its versions has brought them.

    Crossplane makes the package itself an owner of what a revision brings. So what a later version leaves out stays,
    although no revision names it any more once that one is pruned, and goes with the package. Raises what `Reader`
    raises.
    """
    found: list[tuple[str, str]] = []
    for kind, version in _DEFINITIONS.get(str(package.get("kind")), ()):
        try:
            every = await reader.metadata(kind, version)
        except UnknownKindError:
            continue  # of Crossplane 2 alone
        found += [(kind, str(each["name"])) for each in every if is_owned(each, package)]
    return found


def is_owned(metadata: Object, package: Object) -> bool:
    uid = package["metadata"]["uid"]
    return any(each.get("uid") == uid for each in metadata.get("ownerReferences") or ())


def by_kind(owned: Iterable[tuple[str, str]], most: int = 30) -> list[str]:
    """As `2 Composition: a, b`, with at most so many names of each kind."""
    found: dict[str, list[str]] = {}
    for kind, name in owned:
        found.setdefault(kind or "object", []).append(name)
    return [
        f"{len(names)} {kind}: {', '.join(sorted(names)[:most])}{' …' if len(names) > most else ''}"
        for kind, names in found.items()
    ]


def active(revisions: Iterable[Object]) -> set[str]:
    """The packages that have a revision which is in use."""
    return {owner(each) for each in revisions if is_active(each)}


async def lock(reader: Reader) -> Object:
    """Empty where there is none. Raises what `Reader` raises."""
    try:
        return await reader.one(await reader.kind("Lock", f"{GROUP}/v1beta1"), "lock")
    except (statuses.NotFound, UnknownKindError):
        return {}


async def _dependencies(reader: Reader, version: str, revision: str, name: str) -> list[Reference]:
    locked = (await lock(reader)).get("packages") or ()
    own: Object = next((each for each in locked if each.get("name") == revision), {})
    by_source = {each.get("source"): each for each in locked}
    found = []
    for each in own.get("dependencies") or ():
        needed = by_source.get(each.get("package"))
        kind = str(each.get("kind") or each.get("type") or "Provider")
        if needed is None:
            found.append(Reference(str(each.get("apiVersion") or version), kind, str(each.get("package"))))
            continue
        revised = str(needed.get("kind") or needed.get("type") or kind)
        api_version = str(needed.get("apiVersion") or version)
        found.append(await _owner(reader, api_version, revised, str(needed.get("name"))))
    return [each for each in found if each.name != name]


async def _owner(reader: Reader, version: str, kind: str, revision: str) -> Reference:
    """The package whose revision it is; the revision itself where it does not say."""
    kind = kind.removesuffix("Revision")
    revised = await reader.one(await reader.kind(f"{kind}Revision", version), revision)
    name = owner(revised)
    return Reference(version, kind, name) if name else Reference(version, f"{kind}Revision", revision)
