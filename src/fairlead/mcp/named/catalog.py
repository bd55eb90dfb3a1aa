"""What a named server can be made of: toolsets, found by their entry point, so that others can add theirs.

Each is loaded when something asks for it: a broken toolset stops the servers that are made of it and no others. Two
packages that offer one name are refused, because the later one could pass for the earlier.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.tools import Preset, Tool, Toolset

GROUP = "fairlead.toolsets"


class CatalogError(FairleadError):
    """A toolset that was asked for is not there or cannot be used."""


class BrokenToolsetError(CatalogError):
    """One that is installed cannot be used; servers without it can be served."""


class Installed(Mapping[str, Toolset]):
    """All toolsets of this environment by name; asking for one raises `CatalogError` where it cannot be used."""

    def __init__(self, found: Iterable[EntryPoint]) -> None:
        self._points: dict[str, list[EntryPoint]] = {}
        for each in found:
            self._points.setdefault(each.name, []).append(each)
        self._load = cache(self._loaded)

    def __getitem__(self, name: str) -> Toolset:
        if name not in self._points:
            raise KeyError(name)
        return self._load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def _loaded(self, name: str) -> Toolset:
        point, *more = self._points[name]
        if more:
            whose = ", ".join(sorted({each.dist.name if each.dist else each.value for each in (point, *more)}))
            raise BrokenToolsetError(f"the toolset {name} cannot be used", f"several packages offer it: {whose}")
        try:
            toolset = point.load()
        except Exception as error:
            raise BrokenToolsetError(
                f"the toolset {name} cannot be loaded", f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(toolset, Toolset) or toolset.name != name:
            raise BrokenToolsetError(f"the toolset {name} cannot be used", f"{point.value} is no toolset of that name")
        return toolset


def toolsets() -> Installed:
    return Installed(entry_points(group=GROUP))


def usable(available: Mapping[str, Toolset]) -> tuple[list[Toolset], list[BrokenToolsetError]]:
    """Those that can be used, and why the others cannot."""
    found, faults = [], []
    for name in sorted(available):
        try:
            found.append(available[name])
        except BrokenToolsetError as error:
            faults.append(error)
    return found, faults


def presets(available: Mapping[str, Toolset]) -> dict[str, Preset]:
    """By name, of all the toolsets that can be used."""
    return {each.name: each for toolset in usable(available)[0] for each in toolset.presets}


def chosen(names: Iterable[str], available: Mapping[str, Toolset]) -> list[Toolset]:
    """The toolsets, with what is let through of them, of toolsets' and presets' names.

    Raises `CatalogError` for one that there is not, or that cannot be used.
    """
    let: dict[str, dict[str, Tool]] = {}
    for name in dict.fromkeys(names):
        if name in available:
            let.setdefault(name, {}).update({each.name: each for each in available[name].tools})
        else:
            preset = _preset(name, available)
            for toolset in preset.toolsets:
                let.setdefault(toolset, {}).update(_let(preset, chosen_one(toolset, available)))
    return [replace(available[name], tools=tuple(tools.values())) for name, tools in let.items()]


def _preset(name: str, available: Mapping[str, Toolset]) -> Preset:
    known = presets(available)
    if name not in known:
        chosen_one(name, available, known)
    return known[name]


def _let(preset: Preset, toolset: Toolset) -> dict[str, Tool]:
    return {
        each.name: each
        for each in toolset.tools
        if each.tool_class in preset.classes
        and (not preset.tools or any(fnmatchcase(each.name, pattern) for pattern in preset.tools))
    }


def chosen_one(name: str, available: Mapping[str, Toolset], more: Iterable[str] = ()) -> Toolset:
    """Raises `CatalogError`, which names the nearest, and what cannot be loaded: a preset may be of that."""
    if name not in available:
        there = sorted({*available, *more})
        near = difflib.get_close_matches(name, there, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(there)}"
        faults = usable(available)[1]
        kind = BrokenToolsetError if faults else CatalogError
        raise kind(f"there is no toolset {name!r}", "; ".join(map(str, faults)), remedy)
    return available[name]


def timeout(names: Iterable[str], available: Mapping[str, Toolset]) -> int:
    """The longest that presets among them say, in seconds; 0 without any."""
    wanted = [each for each in names if each not in available]
    known = presets(available) if wanted else {}
    return max((known[each].timeout_seconds for each in wanted if each in known), default=0)
