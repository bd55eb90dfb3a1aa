"""Which pipelines call a function: those of compositions, and those of operations that run or will.

Nothing refers to a Function object by owner or by usage, so that Crossplane lets it go while a hundred composites live
by it, and each of them fails at its next reconcile.

Source: reference/crossplane.md §1.2, §1.6, §2.3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import operating
from fairlead.machinery.errors import FairleadError
from fairlead.resources.gathering import together
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
_KINDS = (
    ("Composition", "apiextensions.crossplane.io/v1"),
    *((kind, operating.VERSION) for kind in operating.KINDS.values()),
)
_NAMED = 20


@dataclass(frozen=True)
class Callers:
    names: tuple[str, ...] = ()
    """As `Composition a`, by kind and name."""
    unread: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {len(self.names) - _NAMED} more" if len(self.names) > _NAMED else ""
        return (
            f"called by {len(self.names)}: {', '.join(self.names[:_NAMED])}{more}" if self.names else "nobody calls it"
        )


async def callers(reader: Reader, function: str) -> Callers:
    """A kind that the server does not have calls nothing."""
    found = await together(*(_of_kind(reader, kind, version, function) for kind, version in _KINDS))
    names = tuple(name for each in found for name in each.names)
    return Callers(names, tuple(gap for each in found for gap in each.unread))


async def _of_kind(reader: Reader, kind: str, version: str, function: str) -> Callers:
    try:
        objects = await reader.every(kind, version)
    except UnknownKindError:
        return Callers()
    except FairleadError as error:
        return Callers((), (f"{kind}s: {error}",))
    names = sorted(
        str(each["metadata"]["name"]) for each in objects if not operating.is_over(each) and function in _calls(each)
    )
    return Callers(tuple(f"{kind} {each}" for each in names))


def _calls(obj: Object) -> set[str]:
    spec = obj.get("spec") or {}
    template = (spec.get("operationTemplate") or {}).get("spec") or {}
    steps: Iterable[Object] = (*(spec.get("pipeline") or ()), *(template.get("pipeline") or ()))
    return {str((each.get("functionRef") or {}).get("name")) for each in steps}
