"""What a named server can be made of: toolsets, found by their entry point, so that others can add theirs."""

import difflib
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.tools import Toolset

GROUP = "fairlead.toolsets"


class CatalogError(FairleadError):
    """A toolset that was asked for is not there or cannot be used."""


def toolsets() -> dict[str, Toolset]:
    """All that are installed, by name. Raises `CatalogError` for one that cannot be loaded."""
    found: dict[str, Toolset] = {}
    for each in entry_points(group=GROUP):
        try:
            toolset = each.load()
        except Exception as error:
            raise CatalogError(
                f"the toolset {each.name} cannot be loaded", f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(toolset, Toolset) or toolset.name != each.name:
            raise CatalogError(f"the toolset {each.name} cannot be used", f"{each.value} is no toolset of that name")
        found[each.name] = toolset
    return found


def chosen(names: Iterable[str], available: Mapping[str, Toolset]) -> list[Toolset]:
    """Raises `CatalogError` for one that there is not."""
    found = []
    for name in dict.fromkeys(names):
        if name not in available:
            near = difflib.get_close_matches(name, available, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(available))}"
            raise CatalogError(f"there is no toolset {name!r}", "", remedy)
        found.append(available[name])
    return found
