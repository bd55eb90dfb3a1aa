"""An XRD as its author writes it: what Crossplane would refuse in an event alone; what a change does to what lives.

The API server takes a schema that no CRD can be made of, and two referenceable versions, or none; whoever looks at the
XRD afterwards sees conditions of an earlier generation and nothing else. And a schema is not checked against objects
that are there: one that lacks a field that is required now stays as it is until somebody writes it, Crossplane itself
most of all, and then stops. So both are found out before, the second by checking every live object by the new schema.

Source: reference/crossplane.md §1.1, §2.2 (create_xrd, update_xrd).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from fairlead.crossplane import sweeping
from fairlead.crossplane.building import BuildError
from fairlead.crossplane.defining import generating
from fairlead.crossplane.references import of
from fairlead.crossplane.xrds import LEGACY_CLUSTER, DefinitionError, scope
from fairlead.machinery.schemas import Schema
from fairlead.machinery.structural import SchemaError
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
_TYPELESS = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_TAKEN = frozenset(("description", "oneOf", "properties", "required", "type", "x-kubernetes-validations"))
"""Keywords of spec and status that Crossplane copies into its CRDs."""
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_VERSION = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LEGACY = frozenset({"claimRef", "compositionRef", "resourceRef", "resourceRefs", "writeConnectionSecretToRef"})
_MOST_NAMED = 3


def check_given(schema: Object | None, part: str) -> None:
    """The schema of spec or status as somebody has just written it. Raises `BuildError` for what would be lost."""
    if schema is None:
        return
    inner = (schema.get("properties") or {}).get(part)
    if "openAPIV3Schema" in schema or (isinstance(inner, Mapping) and inner.get("properties")):
        what = f"{part}_schema is the schema of {part} alone, this is one of the whole object"
        raise BuildError(what, "", f"give what its properties.{part} has: {{properties: {{…}}, required: […]}}")
    taken = _TAKEN | ({_PRESERVE} if part == "spec" else set())
    if lost := sorted(map(str, schema.keys() - taken)):
        what = f"Crossplane would leave {', '.join(lost)} out of the schema of {part}"
        raise BuildError(what, f"it takes {', '.join(sorted(taken))}", "fields stand under properties")


def check(xrd: Object) -> None:
    """Raises `BuildError`, or `DefinitionError` where no CRD can be made of it."""
    spec = xrd.get("spec") or {}
    if "." not in str(spec.get("group")):
        raise BuildError(f"the group {spec.get('group')} has no dot", "it is a domain", "e.g. platform.example.org")
    name, called = (xrd.get("metadata") or {}).get("name"), f"{(spec.get('names') or {}).get('plural')}.{spec['group']}"
    if name != called:
        raise BuildError(f"{name} is not what an XRD of these names is called", "", f"call it {called}")
    versions = spec.get("versions") or []
    names = [str(each.get("name")) for each in versions]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise BuildError(f"the version {twice[0]} is there twice", "", "give each a name of its own")
    if wrong := [name for name in names if not _VERSION.fullmatch(name)]:
        raise BuildError(f"{wrong[0]!r} is no name of a version", "", "e.g. v1alpha1: a letter first, no dots")
    chosen = [each for each in versions if each.get("referenceable")]
    if len(chosen) != 1:
        said = ", ".join(str(each.get("name")) for each in chosen) or "none"
        raise BuildError("exactly one version is referenceable", f"here: {said}", "make one so: it is the one stored")
    if not chosen[0].get("served"):
        raise BuildError(
            f"{chosen[0]['name']} is the referenceable version, so it is served", "", "make another one so"
        )
    for each in versions:
        schema = (each.get("schema") or {}).get("openAPIV3Schema") or {}
        for part in ("spec", "status"):
            _check_part((schema.get("properties") or {}).get(part) or {}, f"{each.get('name')}: {part}")
    generating.composite_crd(xrd)
    if (xrd.get("spec") or {}).get("claimNames"):
        generating.claim_crd(xrd)


def _check_part(schema: Object, path: str) -> None:
    if wrong := next(_faults({"type": "object", **schema}, path), None):
        raise BuildError(wrong[0], "no CRD can be made of it", wrong[1])


def overwritten(xrd: Object) -> list[str]:
    """Fields of the author's that Crossplane puts its own in the place of."""
    mine = {"spec": _LEGACY if scope(xrd) == LEGACY_CLUSTER else {"crossplane"}, "status": {"conditions"}}
    lines = []
    for version, each in _by_name(xrd).items():
        properties = ((each.get("schema") or {}).get("openAPIV3Schema") or {}).get("properties") or {}
        for part, names in mine.items():
            taken = sorted(set((properties.get(part) or {}).get("properties") or ()) & names)
            lines += [f"{version}: {part}.{name} is Crossplane's own, which overwrites it" for name in taken]
    return lines


def _faults(schema: Object, path: str) -> Iterator[tuple[str, str]]:
    """What the API server takes in no CRD, each with the way out."""
    kind, properties, more = (schema.get(each) for each in ("type", "properties", "additionalProperties"))
    if not kind and not any(schema.get(each) for each in _TYPELESS):
        yield f"{path} has no type", "say type: string, integer, object, …"
    if kind and kind not in _TYPES:
        yield f"{path} has the type {kind}", f"there are: {', '.join(_TYPES)}"
    if kind == "array" and not isinstance(schema.get("items"), Mapping):
        yield f"{path} says nothing of its items", "give items: {type: …}"
    if not isinstance(schema.get("required") or [], list):
        yield f"required of {path} is no list", "it stands beside properties and names the fields"
    if properties and more:
        yield f"{path} has both properties and additionalProperties", "use one of them"
    if not isinstance(properties or {}, Mapping):
        yield f"properties of {path} are no mapping", "write name: {type: …}"
        return
    for name, each in (properties or {}).items():
        if isinstance(each, Mapping):
            yield from _faults(each, f"{path}.{name}")
        else:
            yield f"{path}.{name} is no schema", f"write {name}: {{type: …}}"
    for key, sign in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(schema.get(key), Mapping):
            yield from _faults(schema[key], f"{path}{sign}")
    if "default" in schema:
        yield from _unfit(schema, path)


def _unfit(schema: Object, path: str) -> Iterator[tuple[str, str]]:
    """Its default, where it is none of its own values. All below is known to be right."""
    found = Schema.compile({"type": "object", "properties": {"default": {**schema}}})
    trial = {"default": deepcopy(schema["default"])}
    found.default(trial)
    for each in found.validate(trial):
        yield f"{path} does not take its default: {each.get('message')}", "give one that does, or none"


# -- What a change does ------------------------------------------------------------------------------------------------


def said(before: Object, after: Object) -> list[str]:
    """What of the two XRDs is less, or asks for more."""
    old, new = _by_name(before), _by_name(after)
    lines = [f"{name} goes, and with it its address" for name in old if name not in new]
    for name in old.keys() & new.keys():
        one, other = ((each[name].get("schema") or {}).get("openAPIV3Schema") or {} for each in (old, new))
        fields, needed = (_fields(one, ""), _fields(other, ""))
        if gone := sorted(fields.keys() - needed.keys()):
            lines.append(f"{name} loses {', '.join(gone)}")
        if more := sorted(path for path, required in needed.items() if required and not fields.get(path)):
            lines.append(f"{name} now requires {', '.join(more)}")
        if old[name].get("served") and not new[name].get("served"):
            lines.append(f"{name} is served no longer: who asks for it finds nothing")
    return lines


def unkept(before: Object, after: Object) -> list[str]:
    """What no conversion carries from one version to another, where the change makes it so."""
    old = set(_unkept(before))
    return [each for each in _unkept(after) if each not in old]


def _unkept(xrd: Object) -> list[str]:
    """Objects are stored in one version; what another has alone, and what it lacks, is pruned on the way."""
    versions = _by_name(xrd)
    stored = next((name for name, each in versions.items() if each.get("referenceable")), "")
    if ((xrd.get("spec") or {}).get("conversion") or {}).get("strategy") == "Webhook" or not stored:
        return []
    lines = []
    for name in sorted(each for each in versions if each != stored and versions[each].get("served")):
        if more := _alone(versions[name], versions[stored]):
            lines.append(f"without a conversion webhook {more} of {name} is dropped: {stored} is what is stored")
        if less := _alone(versions[stored], versions[name]):
            lines.append(f"without a conversion webhook {less} is lost whenever somebody writes through {name}")
    return lines


def _alone(one: Object, other: Object) -> str:
    """Fields that the other version lacks, by the outermost; none where it keeps any."""
    mine, theirs = (((each.get("schema") or {}).get("openAPIV3Schema")) or {} for each in (one, other))
    if ((theirs.get("properties") or {}).get("spec") or {}).get(_PRESERVE):
        return ""
    more = sorted(_fields(mine, "").keys() - _fields(theirs, "").keys())
    outer = [each for each in more if not any(each.startswith((f"{path}.", f"{path}[")) for path in more)]
    return ", ".join(outer)


def _by_name(xrd: Object) -> dict[str, Object]:
    return {str(each.get("name")): each for each in (xrd.get("spec") or {}).get("versions") or ()}


def _fields(schema: Object, path: str) -> dict[str, bool]:
    """Every path, and whether it is required; one with a default asks for nothing."""
    found: dict[str, bool] = {}
    required = set(schema.get("required") or ())
    for name, each in (schema.get("properties") or {}).items():
        if isinstance(each, Mapping):
            here = f"{path}.{name}".removeprefix(".")
            found |= {here: name in required and "default" not in each, **_fields(each, here)}
    for key, sign in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(schema.get(key), Mapping):
            found |= _fields(schema[key], f"{path}{sign}")
    return found


async def outlook(reader: Reader, before: Object, after: Object) -> list[str]:
    """How many live objects would not be valid any more, or lose something; rules are not checked.

    Raises what discovery raises; a kind that cannot be read is a line too.
    """
    lines: list[str] = []
    makers = [generating.composite_crd]
    makers += [generating.claim_crd] if (after.get("spec") or {}).get("claimNames") else []
    for make in makers:
        try:
            names = make(before)["spec"]["names"]
            kind = await reader.kind(f"{names['plural']}.{before['spec']['group']}")
            old, new = (_stored(make(each)) for each in (before, after))
        except (UnknownKindError, DefinitionError, SchemaError):
            continue  # Crossplane has not made it, so nothing lives
        swept = await sweeping.sweep(reader, [kind], _Check(old, new), Query())
        lines += _counted([each for one in swept for each in one.taken], kind, sum(each.seen for each in swept))
        lines += [f"live objects not read: {each}" for each in sweeping.gaps(swept)]
    return lines


def _stored(crd: Object) -> Schema:
    """Of the stored version, or the first where none is any more: the API server takes that, and the CRD stays."""
    versions = crd["spec"]["versions"]
    version = next((each for each in versions if each["storage"]), versions[0])
    return Schema.compile(version["schema"]["openAPIV3Schema"])


class _Check:
    """What the new schema has against an object that the old one has not."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new

    def __call__(self, _: Kind, obj: Object) -> tuple[str, tuple[str, ...]] | None:
        wrong = _against(self._new, obj)
        found = tuple(sorted(wrong - _against(self._old, obj))) if wrong else ()
        return (str(of(obj)).partition("/")[2], found) if found else None


def _against(schema: Schema, obj: Object) -> set[str]:
    bare = deepcopy({key: value for key, value in obj.items() if key != "metadata"})
    lost = {f"lose {path}" for path in schema.prune(bare)}
    schema.default(bare)
    causes = schema.validate(bare)
    return lost | {f"would be refused: {each.get('field')}: {each.get('message')}" for each in causes}


def _counted(found: list[tuple[str, tuple[str, ...]]], kind: Kind, seen: int) -> list[str]:
    faults: dict[str, list[str]] = {}
    for name, wrong in found:
        for each in wrong:
            faults.setdefault(each, []).append(name)
    lines = []
    for each, names in sorted(faults.items(), key=lambda item: -len(item[1])):
        more = ", …" if len(names) > _MOST_NAMED else ""
        told = ", ".join(names[:_MOST_NAMED])
        lines.append(f"{len(names)} of {seen} {kind.api.kind} {each} at the next write ({told}{more})")
    return lines
