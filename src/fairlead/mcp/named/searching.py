"""The catalog as whoever makes a server looks through it: toolsets and presets, found by any words about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fairlead.mcp.named import catalog
from fairlead.mcp.tools import Preset, Tool, Toolset


@dataclass(frozen=True)
class Entry:
    """What a server may be made of, as whoever chooses sees it."""

    name: str
    kind: str
    """`toolset` or `preset`."""
    description: str
    authentication: str
    tools: tuple[Tool, ...]
    timeout_seconds: int = 30


def entries(available: Mapping[str, Toolset]) -> list[Entry]:
    """All that can be used, presets first: they are the ready ones."""
    ready = [_ready(each, available) for each in catalog.presets(available).values() if _is_whole(each, available)]
    found = catalog.usable(available)[0]
    return ready + [Entry(each.name, "toolset", each.description, each.authentication, each.tools) for each in found]


def _is_whole(preset: Preset, available: Mapping[str, Toolset]) -> bool:
    return set(preset.toolsets) <= {each.name for each in catalog.usable(available)[0]}


def _ready(preset: Preset, available: Mapping[str, Toolset]) -> Entry:
    parts = catalog.chosen((preset.name,), available)
    tools = tuple(tool for each in parts for tool in each.tools)
    needs = " ".join(dict.fromkeys(each.authentication for each in parts))
    return Entry(preset.name, "preset", preset.description, needs, tools, preset.timeout_seconds)


def search(words: Iterable[str], available: Mapping[str, Toolset]) -> list[Entry]:
    """Those in which every word is found: in name, description, what it needs, or a tool's name or description."""
    wanted = [each.casefold() for each in words]
    return [each for each in entries(available) if all(word in _searched(each) for word in wanted)]


def _searched(entry: Entry) -> str:
    tools = (f"{each.name} {each.title} {each.description}" for each in entry.tools)
    return " ".join((entry.name, entry.kind, entry.description, entry.authentication, *tools)).casefold()
