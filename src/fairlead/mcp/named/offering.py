"""What a server has to offer, put together from its toolsets; no two of them may use one name for two things."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.contents import Complete, Prompt, Resource
from fairlead.mcp.tools import Tool, Toolset

_T = TypeVar("_T")


class OfferError(FairleadError):
    """Toolsets that cannot be served together."""


@dataclass(frozen=True)
class Offer:
    tools: Mapping[str, Tool] = field(default_factory=dict)
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    """By address."""
    complete: Mapping[str, Complete] = field(default_factory=dict)
    """By the prompt's name or the resource's address."""


def combined(toolsets: Iterable[Toolset]) -> Offer:
    """Raises `OfferError`."""
    tools: dict[str, Tool] = {}
    prompts: dict[str, Prompt] = {}
    resources: dict[str, Resource] = {}
    complete: dict[str, Complete] = {}
    for toolset in toolsets:
        _add(tools, {each.name: each for each in toolset.tools}, toolset.name)
        _add(prompts, {each.name: each for each in toolset.prompts}, toolset.name)
        _add(resources, {each.uri: each for each in toolset.resources}, toolset.name)
        if toolset.complete is not None:
            names = (*(each.name for each in toolset.prompts), *(each.uri for each in toolset.resources))
            complete |= dict.fromkeys(names, toolset.complete)
    return Offer(tools, prompts, resources, complete)


def _add(into: dict[str, _T], more: Mapping[str, _T], whose: str) -> None:
    """One and the same may be of several toolsets, as what most of its users need is."""
    twice = sorted(name for name in into.keys() & more.keys() if into[name] is not more[name])
    if twice:
        raise OfferError(f"the toolset {whose} cannot be served here", f"another one has {', '.join(twice)} too")
    into.update(more)
