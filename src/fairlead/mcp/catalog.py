"""What a named server can be made of: toolsets, found by their entry point, so that others can add theirs."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.metadata import entry_points

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.tools import Preset, Tool, Toolset

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


def presets(available: Mapping[str, Toolset]) -> dict[str, Preset]:
    """By name, of all the toolsets that there are."""
    return {each.name: each for toolset in available.values() for each in toolset.presets}


def chosen(names: Iterable[str], available: Mapping[str, Toolset]) -> list[Toolset]:
    """The toolsets, with what is let through of them, of toolsets' and presets' names.

    Raises `CatalogError` for one that there is not.
    """
    known = presets(available)
    let: dict[str, dict[str, Tool]] = {}
    for name in dict.fromkeys(names):
        if name in available:
            let.setdefault(name, {}).update({each.name: each for each in available[name].tools})
        elif name in known:
            for toolset in known[name].toolsets:
                let.setdefault(toolset, {}).update(_let(known[name], chosen_one(toolset, available)))
        else:
            chosen_one(name, available, known)
    return [replace(available[name], tools=tuple(tools.values())) for name, tools in let.items()]


def _let(preset: Preset, toolset: Toolset) -> dict[str, Tool]:
    return {
        each.name: each
        for each in toolset.tools
        if each.tool_class in preset.classes
        and (not preset.tools or any(fnmatchcase(each.name, pattern) for pattern in preset.tools))
    }


def chosen_one(name: str, available: Mapping[str, Toolset], more: Iterable[str] = ()) -> Toolset:
    """Raises `CatalogError`, which names the nearest."""
    if name not in available:
        there = sorted({*available, *more})
        near = difflib.get_close_matches(name, there, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(there)}"
        raise CatalogError(f"there is no toolset {name!r}", "", remedy)
    return available[name]
