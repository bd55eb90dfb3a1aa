"""Whether manifests would be taken, and whether they could ever come true: schema first, then what they lean on.

The API server takes a claim that no composition serves, a composition whose functions nobody has installed, and a
managed resource without a provider config; each of them waits for ever. So what a manifest names is looked for too. The
answer has the shape that users of Crossplane's own command know: each resource valid, invalid or without a schema.

Source: reference/crossplane.md §5 (validate); issue Crossplane toolset, 3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairlead.crossplane import building, packages, providerconfigs
from fairlead.crossplane.defining import authoring
from fairlead.crossplane.references import Reference, machinery, of
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion
from fairlead.resources import offline
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
VALID, INVALID, MISSING_SCHEMA = "valid", "invalid", "missingSchema"
_EXTENSIONS = "apiextensions.crossplane.io/v1"


@dataclass(frozen=True)
class Verdict:
    reference: Reference
    status: str
    errors: tuple[tuple[str, str], ...] = ()
    """Field, which may be empty, and message."""
    warnings: tuple[str, ...] = ()
    """What it leans on and is not there."""
    unchecked: tuple[str, ...] = ()
    """Rules that only the server can check."""


@dataclass
class _Known:
    """What the other manifests of the same call bring with them."""

    compositions: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


async def validate(reader: Reader, manifests: Sequence[Object], namespace: str = "", *, tries: bool) -> list[Verdict]:
    """`namespace` is for those that name none; `tries`: the server may be asked by a dry run.

    Raises what discovery raises.
    """
    known = _Known({str(each["metadata"]["name"]) for each in manifests if each["kind"] == "Composition"})
    for each in manifests:
        if each["kind"] == "CompositeResourceDefinition":
            spec = each.get("spec") or {}
            known.kinds |= {str((spec.get(names) or {}).get("kind")) for names in ("names", "claimNames")}
    return [await _verdict(reader, each, namespace, known, tries=tries) for each in manifests]


async def _verdict(reader: Reader, manifest: Object, namespace: str, known: _Known, *, tries: bool) -> Verdict:
    reference = of(manifest)
    try:
        kind = await reader.kind(reference.kind, reference.api_version)
    except UnknownKindError as error:
        comes = f"{reference.kind} comes with an XRD of this call" if reference.kind in known.kinds else ""
        return Verdict(reference, MISSING_SCHEMA, (("", str(error)),) if not comes else (), (comes,) if comes else ())
    try:
        inside = "" if reference.namespace else namespace
        found = await offline.outlook(reader, manifest, inside, force=True, tries=tries, as_new=True)
    except statuses.StatusError as error:
        causes = [(str(each.get("field") or ""), str(each.get("message") or "")) for each in error.causes]
        return Verdict(reference, INVALID, tuple(causes or [("", error.message)]))
    except FairleadError as error:
        return Verdict(reference, INVALID, (("", str(error)),))
    if late := _refused_late(manifest):
        return Verdict(reference, INVALID, (("", late),))
    unchecked = () if found.tried else tuple(found.unchecked)
    placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": inside}} if inside else manifest
    return Verdict(reference, VALID, (), tuple(await leaning(reader, kind, placed, known)), unchecked)


def _refused_late(manifest: Object) -> str:
    """What the API server takes and Crossplane refuses in an event or never; empty where it is nothing."""
    spec = manifest.get("spec") or {}
    try:
        if manifest["kind"] == "CompositeResourceDefinition":
            authoring.check(manifest)
        elif manifest["kind"] == "CronOperation":
            building.check_schedule(str(spec.get("schedule") or ""))
    except FairleadError as error:
        return str(error)
    return ""


async def leaning(reader: Reader, kind: Kind, manifest: Object, known: _Known | None = None) -> list[str]:
    """What it names and is not there. Raises nothing for what could not be read: that is a line too."""
    known = known or _Known()
    spec = manifest.get("spec") or {}
    categories = set(kind.api.categories)
    try:
        if {"claim", "composite"} & categories:
            return await _composed(reader, kind, manifest, known)
        if kind.resource.qualified == "compositions.apiextensions.crossplane.io":
            return await _functions(reader, spec)
        if "managed" in categories:
            return await _configured(reader, kind, manifest)
    except FairleadError as error:
        return [f"what it leans on could not be read: {error}"]
    return []


async def _composed(reader: Reader, kind: Kind, manifest: Object, known: _Known) -> list[str]:
    own = machinery(manifest)
    wanted = str((own.get("compositionRef") or {}).get("name") or "")
    compositions = await reader.every("Composition", _EXTENSIONS)
    names = {str(each["metadata"]["name"]) for each in compositions} | known.compositions
    if wanted:
        return [] if wanted in names else [f"the composition {wanted} does not exist"]
    composites = await _composite_kinds(reader, kind)
    fitting = [each for each in compositions if _makes(each, kind.resource.group, composites)]
    if not fitting and not known.compositions:
        return [f"no composition is for {' or '.join(sorted(composites))}, so nothing would come of it"]
    labels = (own.get("compositionSelector") or {}).get("matchLabels") or {}
    if labels and not any(labels.items() <= (each["metadata"].get("labels") or {}).items() for each in fitting):
        return [f"no composition has the labels {', '.join(f'{key}={value}' for key, value in labels.items())}"]
    return []


def _makes(composition: Object, group: str, kinds: set[str]) -> bool:
    target = composition["spec"].get("compositeTypeRef") or {}
    return GroupVersion.parse(str(target.get("apiVersion"))).group == group and target.get("kind") in kinds


async def _composite_kinds(reader: Reader, kind: Kind) -> set[str]:
    """What a claim's composite is called; a composite is one itself."""
    found = {kind.api.kind}
    for each in await reader.every("CompositeResourceDefinition", _EXTENSIONS):
        spec = each.get("spec") or {}
        if spec.get("group") == kind.resource.group and (spec.get("claimNames") or {}).get("kind") == kind.api.kind:
            found = {str(spec["names"]["kind"])}
    return found


async def _functions(reader: Reader, spec: Object) -> list[str]:
    active = packages.active(await reader.every("FunctionRevision", "pkg.crossplane.io/v1"))
    wanted = {str((each.get("functionRef") or {}).get("name")) for each in spec.get("pipeline") or ()}
    lacking = [f"the function {each} is not installed" for each in sorted(wanted - active)]
    target = spec.get("compositeTypeRef") or {}
    try:
        await reader.kind(str(target.get("kind")), str(target.get("apiVersion")))
    except UnknownKindError:
        lacking.append(f"{target.get('kind')} of {target.get('apiVersion')} is not served")
    return lacking


async def _configured(reader: Reader, kind: Kind, manifest: Object) -> list[str]:
    used = await providerconfigs.used(reader, kind, manifest)
    if used is None or used.obj is not None:
        return []
    if used.gap:
        return [f"its provider config could not be read: {used.gap}"]
    return [f"the {used.reference.kind} {used.reference.name} does not exist"]


def lines(verdicts: Iterable[Verdict]) -> list[str]:
    """The wrong ones first."""
    found = []
    for each in sorted(verdicts, key=lambda each: each.status == VALID):
        found.append(f"{each.reference}: {each.status}")
        found += [f"    {f'{where}: ' if where else ''}{what}" for where, what in each.errors]
        found += [f"    warning: {what}" for what in each.warnings]
        found += [f"    not checked here: {what}" for what in each.unchecked]
    return found


def document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """In the words of `crossplane resource validate`."""
    counts = {status: sum(each.status == status for each in verdicts) for status in (VALID, INVALID, MISSING_SCHEMA)}
    summary = {"total": len(verdicts), "valid": counts[VALID], "invalid": counts[INVALID]}
    return {
        "summary": summary | {"missingSchemas": counts[MISSING_SCHEMA]},
        "resources": [
            {
                "apiVersion": each.reference.api_version,
                "kind": each.reference.kind,
                "name": each.reference.name,
                "namespace": each.reference.namespace,
                "status": each.status,
                "errors": [{"field": where, "message": what} for where, what in each.errors],
                "warnings": list(each.warnings),
                "unchecked": list(each.unchecked),
            }
            for each in verdicts
        ],
    }
