"""A tool as one value, from which the list, its schema, the policy, the rights that it needs and the docs all follow.

Schemas are written, not generated from type hints: a generated one costs twice the bytes for the same meaning
(reference/mcp-and-gateways.md §7.2), and every byte of the list is paid for in each conversation.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.callers import Caller
from fairlead.mcp.contents import Complete, Content, Prompt, Resource


class ToolClass(Enum):
    """What a call may do at most; limits, policy and confirmation go by it."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    EXEC = "exec"
    """Runs what the caller says, somewhere in a cluster; no plan can tell what it will do."""


@dataclass(frozen=True)
class Parameter:
    name: str
    description: str
    type: Literal["string", "integer", "boolean", "array"] = "string"
    """An array is one of strings."""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": self.type, "description": self.description}
        if self.type == "array":
            found["items"] = {"type": "string"}
        if self.choices:
            found["enum"] = list(self.choices)
        bounds = {"minimum": self.minimum, "maximum": self.maximum, "default": self.default}
        return found | {key: value for key, value in bounds.items() if value is not None}


@dataclass(frozen=True)
class Right:
    """What the Kubernetes API has to allow for a tool to work; `*` where the caller's arguments decide."""

    verbs: tuple[str, ...]
    group: str
    resource: str
    categories: tuple[str, ...] = ()
    """Only kinds of one of these, where the arguments decide; `providerconfig(usage)` is any that ends so."""
    unless: str = ""
    """Not where this is served (`usages.protection.crossplane.io`), which takes its place there."""


@dataclass(frozen=True)
class Answer:
    """What a tool says. The text is what a model reads."""

    text: str
    structured: Any = None
    """Only where a program reads it."""
    more: tuple[Content, ...] = ()
    """After the text: pictures, sounds, documents."""


class ToolError(FairleadError):
    """What the caller can do something about; the model reads it as the tool's answer."""


class Clusters(Protocol):
    """What a server's tools may reach."""

    @property
    def names(self) -> list[str]:
        """The first is the default."""

    @property
    def reads_only(self) -> bool:
        """Whether every connection refuses whatever is not a read."""

    def target(self, name: str, caller: Caller) -> Any:
        """The cluster of that name, reached as the caller may; the server's first without a name.

        Raises `ToolError` for one that the server does not have.
        """


Run = Callable[[Any, Mapping[str, Any]], Awaitable[Answer]]


@dataclass(frozen=True)
class Plan:
    """What a call would do, found out without doing any of it."""

    summary: str
    """One line that a person can say yes to: `delete Pod web-1 in namespace shop`."""
    digest: str
    """Of all that the decision rests on, resourceVersions and counts included: with another one it is asked anew."""
    carry_out: Callable[[], Awaitable[Answer]] = field(repr=False, compare=False)
    diff: str = ""
    """What would be other than now, as lines that begin with `+` and `-`; values of secrets redacted."""
    removes: bool = False
    """Whether something that exists is removed or replaced: then it is asked for, whatever the tool's class."""


Planning = Callable[[Any, Mapping[str, Any]], Awaitable[Plan]]


@dataclass(frozen=True)
class Tool:
    name: str
    """`area_verb` in `[a-z0-9_]`, at most 40 characters."""
    title: str
    description: str
    run: Run | None = field(default=None, repr=False, compare=False)
    """Of a tool that only reads; what changes something has a `plan` instead."""
    parameters: tuple[Parameter, ...] = ()
    tool_class: ToolClass = ToolClass.READ
    rights: tuple[Right, ...] = ()
    idempotent: bool = True
    open_world: bool = True
    """False for what never shows text that others have written."""
    plan: Planning | None = field(default=None, repr=False, compare=False)
    only_adds: bool = False
    """Whether no plan of it ever removes or replaces anything; clients ask less for such a tool."""

    def __post_init__(self) -> None:
        """A change that was never planned could not be shown, nor asked for."""
        if (self.run is None) is (self.plan is None) or (self.plan is None) is not (self.tool_class is ToolClass.READ):
            raise ValueError(f"{self.name}: a tool that reads has `run`, any other has `plan`")

    @property
    def runs(self) -> Run:
        if self.run is None:
            raise ValueError(f"{self.name} plans")
        return self.run

    def schema(self, without: Collection[str] = ()) -> dict[str, Any]:
        """JSON Schema 2020-12 of the arguments; closed, so that a misspelt argument is an error.

        `without` are parameters that say nothing on this server.
        """
        required = [each.name for each in self.parameters if each.required]
        return {
            "type": "object",
            "properties": {each.name: each.schema() for each in self.parameters if each.name not in without},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    @property
    def hints(self) -> dict[str, bool]:
        """All four, because the protocol's defaults are the worst case."""
        return {
            "readOnlyHint": self.tool_class is ToolClass.READ,
            "destructiveHint": self.tool_class is not ToolClass.READ and not self.only_adds,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        }


@dataclass(frozen=True)
class Toolset:
    name: str
    description: str
    tools: tuple[Tool, ...]
    authentication: str = "A kubeconfig, or a base URL with a token."
    """What it needs, in words for whoever chooses."""
    prompts: tuple[Prompt, ...] = ()
    resources: tuple[Resource, ...] = ()
    presets: tuple["Preset", ...] = ()
    complete: Complete | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Preset:
    """A ready server, made of toolsets and what is let through of them."""

    name: str
    description: str
    toolsets: tuple[str, ...]
    classes: tuple[ToolClass, ...] = tuple(ToolClass)
    tools: tuple[str, ...] = ()
    """Names or shell patterns; empty for all."""
    timeout_seconds: int = 30
    """Of each call, where its server does not say; 60 where payloads are large."""


def arguments(tool: Tool, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """With defaults filled in. Raises `ToolError` that says what is wrong and what there is; never repeats a value."""
    given = given or {}
    known = {each.name: each for each in tool.parameters}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise ToolError(
            f"{tool.name} has no argument {', '.join(map(repr, unknown))}",
            "",
            f"it takes: {', '.join(known) or 'none'}",
        )
    missing = [name for name, each in known.items() if each.required and given.get(name) in (None, "")]
    if missing:
        raise ToolError(f"{tool.name} needs {', '.join(missing)}", "", known[missing[0]].description)
    found = {name: each.default for name, each in known.items() if each.default is not None}
    return found | {name: _checked(tool, known[name], value) for name, value in given.items() if value is not None}


_CALLED = {"string": "a string", "integer": "an integer", "boolean": "a boolean", "array": "an array of strings"}
_TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "boolean": bool, "array": list}


def _checked(tool: Tool, parameter: Parameter, value: Any) -> Any:
    where = f"{parameter.name} of {tool.name}"
    value = _written(parameter, value)
    right = isinstance(value, _TYPES[parameter.type]) and (parameter.type == "boolean" or not isinstance(value, bool))
    if not right or (parameter.type == "array" and not all(isinstance(each, str) for each in value)):
        raise ToolError(f"{where} is {_CALLED[parameter.type]}", f"got {type(value).__name__}")
    if parameter.choices and value not in parameter.choices:
        raise ToolError(f"{where} is none of its values", "", f"there are: {', '.join(parameter.choices)}")
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise ToolError(f"{where} is out of bounds", "", f"it is {_bounds(low, high)}")
    return value


def _written(parameter: Parameter, value: Any) -> Any:
    """Models that are asked for YAML send the mapping itself, and a list as the text of one: what is meant is plain."""
    if parameter.type == "string" and "YAML" in parameter.description and isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if parameter.type == "array" and isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, list) else value
    return value


def _bounds(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"at least {low}" if high is None else f"at most {high}"
