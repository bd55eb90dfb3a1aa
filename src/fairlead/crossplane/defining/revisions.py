"""Revisions of a composition: what two of them do otherwise, step by step, and who is on which.

A text diff of two revisions is mostly names, hashes and moved lines; a platform team asks which steps came, which went,
and what of a template is another. So steps are matched by name, and a long text is compared by its lines.
Who is on a revision is written in the composites alone, so they are counted.

Source: issue Crossplane toolset, 2; reference/crossplane.md §1.2, §2.3.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import sweeping
from fairlead.crossplane.defining import composites
from fairlead.crossplane.defining.pinning import LABEL, number
from fairlead.machinery import conditions, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.resources.diffing import diff
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
_HASH = "crossplane.io/composition-hash"


@dataclass(frozen=True)
class Comparison:
    added: tuple[str, ...] = ()
    """Steps with their functions."""
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Steps with lines that begin with `+` or `-`."""
    order: tuple[str, ...] = ()
    """Of the steps that both have, where it is another: as it is afterwards."""
    other: tuple[str, ...] = ()
    """Of what is no step, labels among it."""

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.changed, self.order, self.other))

    def lines(self) -> Iterator[str]:
        yield from (f"- step {each}" for each in self.removed)
        yield from (f"+ step {each}" for each in self.added)
        for step, lines in self.changed:
            yield f"step {step}:"
            yield from (f"    {each}" for each in lines)
        if self.order:
            yield f"order: {', '.join(self.order)}"
        yield from self.other
        if not self:
            yield "no difference"


def compare(before: Object, after: Object) -> Comparison:
    old, new = _steps(before), _steps(after)
    common = [each for each in new if each in old]
    changed = tuple((each, tuple(_changes(old[each], new[each]))) for each in common if old[each] != new[each])
    moved = common != [each for each in old if each in new]
    return Comparison(
        tuple(_called(new[each]) for each in new if each not in old),
        tuple(_called(old[each]) for each in old if each not in new),
        changed,
        tuple(common) if moved else (),
        tuple(diff(_rest(before), _rest(after)).lines),
    )


def _steps(revision: Object) -> dict[str, Object]:
    return {str(each.get("step")): each for each in (revision.get("spec") or {}).get("pipeline") or ()}


def _called(step: Object) -> str:
    return f"{step.get('step')} ({function(step)})"


def function(step: Object) -> str:
    return str((step.get("functionRef") or {}).get("name"))


def _rest(revision: Object) -> dict[str, Any]:
    """Labels, and the spec without its steps; the rest of a revision says only which one it is."""
    labels = {k: v for k, v in (revision["metadata"].get("labels") or {}).items() if k not in (_HASH, LABEL)}
    spec = {key: value for key, value in (revision.get("spec") or {}).items() if key not in ("pipeline", "revision")}
    return {"metadata": {"labels": labels} if labels else {}, "spec": spec}


def _changes(before: Object, after: Object) -> Iterator[str]:
    one, other = deepcopy(dict(before)), deepcopy(dict(after))
    texts = list(_texts("", one, other))
    yield from diff(one, other).lines
    for path, old, new in texts:
        yield f"{path}:"
        lines = difflib.unified_diff(
            redacting.text(old).splitlines(), redacting.text(new).splitlines(), n=1, lineterm=""
        )
        yield from (f"    {each}" for each in lines if not each.startswith(("---", "+++", "@@")))


def _texts(path: str, one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    """Long texts at the same place that differ, which are made the same in place."""
    keys: Iterable[Any] = ()
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in one if key in other]
    elif isinstance(one, list) and isinstance(other, list):
        keys = range(min(len(one), len(other)))
    for key in keys:
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".removeprefix(".")
        old, new = one[key], other[key]
        if isinstance(old, str) and isinstance(new, str):
            if old != new and "\n" in old + new:
                one[key] = other[key] = ""
                yield here, old, new
        else:
            yield from _texts(here, old, new)


# -- Who is on which ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Users:
    """Composites, counted."""

    compositions: Mapping[str, int]
    revisions: Mapping[str, int]
    pinned: Mapping[str, int]
    """Of them, by revision."""
    unread: tuple[str, ...]


async def users(reader: Reader, those: Iterable[tuple[str, str]]) -> Users:
    """Among kinds of composites, each with its version; one that cannot be read is named. Raises as discovery does."""
    kinds: dict[str, Kind] = {}
    gaps: list[str] = []
    for name, version in sorted(set(those)):
        try:
            kind = await reader.kind(name, version)
            kinds[kind.resource.qualified] = kind
        except FairleadError as error:
            gaps.append(f"{name} of {version}: {error}")
    swept = await sweeping.sweep(reader, kinds.values(), _on, Query())
    found = [each for kind in swept for each in kind.taken]
    return Users(
        Counter(composition for composition, _, _ in found),
        Counter(revision for _, revision, _ in found),
        Counter(revision for _, revision, pinned in found if pinned),
        (*gaps, *sweeping.gaps(swept)),
    )


def makes(obj: Object) -> tuple[str, str]:
    """Kind and version of the composites of a composition or revision."""
    target = (obj.get("spec") or {}).get("compositeTypeRef") or {}
    return str(target.get("kind")), str(target.get("apiVersion"))


def _on(_: Kind, obj: Object) -> tuple[str, str, bool]:
    return composites.composition(obj), composites.revision(obj), composites.is_pinned(obj)


# -- In lists ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """What is told of a revision where many are listed."""

    name: str
    composition: str
    number: int
    created: str
    wrong: str
    """Why its pipeline cannot run; empty where it can."""
    target: tuple[str, str]
    """Kind and version of its composites."""
    steps: tuple[str, ...]


def line(_: Kind, revision: Object) -> Line:
    """Of a revision, or of a composition itself, which has no number and is never wrong."""
    metadata, labels = revision["metadata"], revision["metadata"].get("labels") or {}
    valid = conditions.get(revision, "ValidPipeline") or {"status": "True"}
    why = ": ".join(str(valid.get(each) or "") for each in ("reason", "message") if valid.get(each))
    return Line(
        str(metadata["name"]),
        str(labels.get(LABEL) or metadata["name"]),
        number(revision),
        str(metadata.get("creationTimestamp") or ""),
        "" if valid.get("status") == "True" else why or "not looked at yet",
        makes(revision),
        tuple(_called(each) for each in (revision.get("spec") or {}).get("pipeline") or ()),
    )


async def lines(reader: Reader, kind: str, selector: str = "") -> tuple[list[Line], tuple[str, ...]]:
    """Of all `Composition` or `CompositionRevision`, and what was not read of them. Raises what discovery raises."""
    found = await reader.kind(kind, "apiextensions.crossplane.io/v1")
    swept = await sweeping.sweep(reader, [found], line, Query(label_selector=selector))
    return [each for one in swept for each in one.taken], sweeping.gaps(swept)
