"""Waiting until an object is as somebody wants it, in the words of `kubectl wait`: `condition=Ready`, `delete`, …

It is followed by a watch, so that what is reached is said at once. Whoever waits for too long is answered with what is
the case instead: waiting is a question, and "not yet, and this is why" is an answer to it.

Source: kubectl wait --for (`condition=NAME[=VALUE]`, `jsonpath=PATH[=VALUE]`, `create`, `delete`).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fairlead.client.watching import Applied, Deleted, Interrupted, Listed, hopeless, watch
from fairlead.machinery import redacting, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.jsonpath import PathError, compile_path
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import check_scope
from fairlead.resources.reading import Reader

Object = dict[str, Any]
_FORM = "it is condition=NAME[=VALUE], jsonpath=PATH[=VALUE], create or delete"


class AimError(FairleadError):
    """What is waited for cannot be understood."""


@dataclass(frozen=True)
class Reached:
    is_so: bool
    state: str
    """What is the case, in one line."""
    is_hopeless: bool = False
    """Whether waiting on will not change it."""


Judge = Callable[[Object | None], Reached]
"""Of an object as it is now; None where it is not there."""


def aim(text: str) -> Judge:
    """Raises `AimError`."""
    kind, _, rest = text.strip().partition("=")
    if kind in ("delete", "create") and not rest:
        return _is_gone if kind == "delete" else _is_there
    if kind == "condition" and rest:
        name, _, value = rest.partition("=")
        return lambda obj: _condition(obj, name, value or "True")
    if kind == "jsonpath" and rest:
        return _at_path(rest)
    raise AimError(f"{text!r} is nothing to wait for", "", _FORM)


def _is_gone(obj: Object | None) -> Reached:
    return Reached(obj is None, "gone" if obj is None else _dying(obj))


def _is_there(obj: Object | None) -> Reached:
    return Reached(obj is not None, "not there" if obj is None else "there")


def _dying(obj: Object) -> str:
    metadata = obj.get("metadata") or {}
    if not metadata.get("deletionTimestamp"):
        return "there, and nobody has deleted it"
    held = ", ".join(metadata.get("finalizers") or ())
    return f"being deleted, its finalizers are {held}" if held else "being deleted"


def _condition(obj: Object | None, name: str, value: str) -> Reached:
    if obj is None:
        return Reached(False, "not there")
    conditions = [each for each in (obj.get("status") or {}).get("conditions") or () if isinstance(each, Mapping)]
    found = next((each for each in conditions if str(each.get("type")).lower() == name.lower()), None)
    if found is None:
        there = ", ".join(str(each.get("type")) for each in conditions)
        return Reached(False, f"no condition {name}; there are: {there or 'none'}")
    generation = (obj.get("metadata") or {}).get("generation")
    said = " ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    state = f"{found.get('type')}={found.get('status')}{f' ({said})' if said else ''}"
    if "observedGeneration" in found and generation is not None and found["observedGeneration"] < generation:
        return Reached(False, f"{state}, said of an earlier generation")
    return Reached(str(found.get("status")).lower() == value.lower(), redacting.text(state))


def _at_path(text: str) -> Judge:
    braced = re.fullmatch(r"['\"]?(\{.*\})['\"]?(?:=(.*))?", text)
    path, wanted = (braced[1], braced[2]) if braced else text.partition("=")[::2]
    try:
        compiled = compile_path(path)
    except PathError as error:
        raise AimError(
            f"{path!r} is no path to wait for", error.why, "such as jsonpath={.status.phase}=Running"
        ) from error

    def judge(obj: Object | None) -> Reached:
        if obj is None:
            return Reached(False, "not there")
        found = compiled.find(redacting.shown(obj))
        state = f"{path} is {', '.join(map(_written, found)) or 'not there'}"
        return Reached(any(not wanted or _written(each) == wanted for each in found), state)

    return judge


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def now(reader: Reader, kind: Kind, name: str, namespace: str, judge: Judge) -> Reached:
    """What is the case, without waiting. Raises as `until`."""
    check_scope(kind, namespace)
    try:
        return judge(await reader.client.get(kind.resource, name, namespace or None))
    except statuses.NotFound:
        return judge(None)


async def until(
    reader: Reader,
    kind: Kind,
    name: str,
    namespace: str,
    judge: Judge,
    seconds: float,
    told: Callable[[str], Awaitable[None]] | None = None,
) -> Reached:
    """`told` hears of each new state. Raises `ScopeError`, and what cannot be mended by waiting."""
    check_scope(kind, namespace)
    reached = Reached(False, "not seen yet")
    try:
        async with (
            asyncio.timeout(seconds),
            aclosing(
                watch(reader.client, kind.resource, namespace or None, field_selector=f"metadata.name={name}")
            ) as events,
        ):
            async for event in events:
                if isinstance(event, Interrupted):
                    if hopeless(event.error):
                        raise event.error
                    continue
                before, reached = reached, judge(_object(event))
                if reached.is_so or reached.is_hopeless:
                    return reached
                if told is not None and reached != before:
                    await told(reached.state)
    except TimeoutError:
        pass
    return reached


def _object(event: Listed | Applied | Deleted) -> Object | None:
    if isinstance(event, Listed):
        return event.items[0] if event.items else None
    return event.object if isinstance(event, Applied) else None
