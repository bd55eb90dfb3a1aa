"""Wrong calls as agents make them, generated from the schemas, and made right by nothing but what the reply says.

An error is only as good as the call that follows it. So each mistake is mended by reading the reply: the argument that
it names, the arguments or values that it lists, the type or the bounds that it tells. Where a value is missing, the one
that the agent meant is put in; it knew that, and not where it belonged.

Source: reference/mcp-and-gateways.md §6.2 (recoverability), §7.3 (errors: what, why, what next).
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairlead.mcp.tools import Parameter, Tool

Arguments = dict[str, Any]
_WRONG_TYPES: dict[str, Any] = {"string": 7, "integer": "many", "boolean": "perhaps", "array": "one"}
_NAMED = re.compile(r"^(?P<parameter>\w+) of \w+ (?P<said>.*)$")
_BOUND = re.compile(r"(?:from|least|most|to) (-?\d+)")


class NotSaidError(Exception):
    """The reply does not say how to make the call right."""


@dataclass(frozen=True)
class Mistake:
    tool: str
    what: str
    given: Arguments


def of_schema(tool: Tool, right: Arguments) -> Iterator[Mistake]:
    """Each mistake that its schema forbids, made in a call that is right otherwise."""
    for each in tool.parameters:
        wrong = {**right, each.name: _WRONG_TYPES[each.type]}
        yield Mistake(tool.name, f"{each.name} of a wrong type", wrong)
        if each.required:
            yield Mistake(tool.name, f"{each.name} missing", {k: v for k, v in right.items() if k != each.name})
        if each.choices:
            yield Mistake(tool.name, f"{each.name} none of its values", {**right, each.name: "unheard-of"})
        yield from (
            Mistake(tool.name, f"{each.name} out of bounds", {**right, each.name: value}) for value in _beyond(each)
        )
    for name, value in right.items():
        misspelt = {k: v for k, v in right.items() if k != name} | {_misspelt(name): value}
        yield Mistake(tool.name, f"{name} misspelt", misspelt)
    yield Mistake(tool.name, "an argument too many", {**right, "confirm": True})


def _beyond(parameter: Parameter) -> list[int]:
    low = [] if parameter.minimum is None else [parameter.minimum - 1]
    return low + ([] if parameter.maximum is None else [parameter.maximum + 1])


def _misspelt(name: str) -> str:
    """As people do: without an underscore, or with a letter twice."""
    return name.replace("_", "", 1) if "_" in name else f"{name}{name[-1]}"


def mended(mistake: Mistake, reply: str, right: Arguments) -> Arguments:
    """Raises `NotSaidError`."""
    given = dict(mistake.given)
    if " has no argument " in reply:
        return _renamed(given, reply)
    if named := re.search(r"^\w+ needs ([\w, ]+)", reply):
        return given | {each: right[each] for each in named[1].split(", ")}
    if found := _NAMED.match(reply):
        return _corrected(given, found["parameter"], found["said"], right)
    return _listed(mistake, reply, right)


def _renamed(given: Arguments, reply: str) -> Arguments:
    """To the nearest of the names that the reply lists; what is near to none is left out."""
    unknown = re.findall(r"'(\w+)'", reply.partition(";")[0])
    listed = reply.partition("it takes: ")[2].split(", ")
    if not unknown or not listed:
        raise NotSaidError(reply)
    for each in unknown:
        value = given.pop(each)
        free = [name for name in listed if name not in given]
        near = difflib.get_close_matches(each, free, n=1, cutoff=0.7)
        given |= {near[0]: value} if near else {}
    return given


def _corrected(given: Arguments, name: str, said: str, right: Arguments) -> Arguments:
    if "there are: " in said:
        values = said.partition("there are: ")[2].split(", ")
        wanted = right.get(name, values[0])
        if wanted not in values:
            raise NotSaidError(said)
        return given | {name: wanted}
    if bounds := _BOUND.findall(said):
        return given | {name: min((int(each) for each in bounds), key=lambda bound: abs(bound - given[name]))}
    if found := re.match(r"is an? (string|integer|boolean|array)", said):
        return _typed(given, name, found[1], right)
    raise NotSaidError(said)


def _typed(given: Arguments, name: str, kind: str, right: Arguments) -> Arguments:
    """What the agent meant, where it meant something; else it goes without."""
    if name not in right:
        return {key: value for key, value in given.items() if key != name}
    types = {"string": str, "integer": int, "boolean": bool, "array": list}
    if not isinstance(right[name], types[kind]):
        raise NotSaidError(f"{name} is told to be of type {kind}")
    return given | {name: right[name]}


# -- What only the cluster knows ---------------------------------------------------------------------------------------

NAMES = ("name", "composition", "revision", "of_name")
KINDS = ("kind", "of_kind", "watch_kind")
_MAKES = ("create_", "install_", "set_image", "set_runtime", "set_activation", "set_provider")
"""What is not there is made by these."""
_LISTED = re.compile(r"(?:near|there are|there is|it is in|they are): ([^;\n]+)")


def of_cluster(tool: Tool, right: Arguments) -> Iterator[Mistake]:
    """Names and kinds that do not exist, and a namespace that was forgotten or is another one."""
    closed = {each.name for each in tool.parameters if each.choices}
    for name, value in right.items():
        if name in KINDS and name not in closed and tool.name != "create_xrd":
            yield Mistake(tool.name, f"{name} that nobody serves", {**right, name: f"{value}x"})
        if name in NAMES and not (name == "name" and tool.name.startswith(_MAKES)):
            yield Mistake(tool.name, f"{name} that does not exist", {**right, name: f"{value}-x"})
    if "namespace" in right and "watch_kind" not in right:  # what is watched may be in all of them
        forgotten = {name: value for name, value in right.items() if name != "namespace"}
        yield Mistake(tool.name, "namespace forgotten", forgotten)


def _listed(mistake: Mistake, reply: str, right: Arguments) -> Arguments:
    """With the likeliest of what the reply lists in the place of what was wrong. Raises `NotSaidError`."""
    listed = [each.strip() for found in _LISTED.findall(reply) for each in found.split(",")]
    wrong = [name for name, value in right.items() if mistake.given.get(name) != value]
    if not listed or len(wrong) != 1:
        raise NotSaidError(reply)
    meant = str(mistake.given.get(wrong[0], right[wrong[0]]))
    near = difflib.get_close_matches(meant, listed, n=1, cutoff=0.3)
    if not near:
        raise NotSaidError(reply)
    return {**mistake.given, wrong[0]: near[0]}
