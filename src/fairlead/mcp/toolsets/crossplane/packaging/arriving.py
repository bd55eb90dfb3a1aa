"""What becomes of a package after it was installed or changed: waited for, and told with the way on.

Right after a change the conditions of a package still speak of the revision before it, so its health says nothing until
Crossplane has written down which reference it has taken up (`status.currentIdentifier`). From then on it is the
current revision that tells how it goes.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane import references
from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.packaging import upgrades
from fairlead.crossplane.understanding import steps
from fairlead.machinery import conditions, statuses
from fairlead.mcp.calling import Call
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Object = dict[str, Any]
_PAUSE = 0.5


async def told(
    call: Call, reader: Reader, kind: Kind, name: str, before: Object | None, arguments: Mapping[str, Any]
) -> list[str]:
    """What became of the package, which was `before`; None: it is new. Raises what `Reader` raises."""
    package = await _arrived(reader, kind, name, arguments.get("wait_seconds") or 0)
    current = await facts.current(reader, package)
    lines = [_state(package)]
    if current is not None and _is_taken_up(package):
        lines += [_revision(package, current, before), *_configured(package)]
    if judge(package).state is State.HEALTHY and _is_taken_up(package):
        return lines
    if not _is_taken_up(package):
        lines += _not_taken_up(current)
    for each in (package, current):
        lines += await changing.warnings(reader, each) if each else []
    lines += await _held_back(reader, package)
    return [*dict.fromkeys(lines), *_next(call, package, current, before)]


async def _held_back(reader: Reader, package: Object) -> list[str]:
    """Whether the former revision lets go of what both bring."""
    former = upgrades.held_back(package["metadata"]["name"], judge(package).message)
    if not former:
        return []
    kind = await reader.kind(f"{package['kind']}Revision", str(package["apiVersion"]))
    try:
        revision = await reader.one(kind, former)
    except statuses.NotFound:
        return []
    if upgrades.unnamed(revision):
        return [f"{former} can never let go of what both bring: go back, and upgrade again once that is healthy"]
    return [f"{former} has not let go yet of what both revisions bring: Crossplane tries again by itself"]


def _not_taken_up(current: Object | None) -> list[str]:
    said = "Crossplane has not taken up the change yet, or cannot fetch the package"
    return [f"{said}; {current['metadata']['name']} is {_desired(current)} as before" if current else said]


async def _arrived(reader: Reader, kind: Kind, name: str, seconds: int) -> Object:
    """As soon as it is taken up and well, or waits to be activated; or how it is after so many seconds."""
    package = await reader.one(kind, name)
    try:
        async with asyncio.timeout(seconds or None):
            while seconds and not await _is_settled(reader, package):
                await asyncio.sleep(_PAUSE)
                package = await reader.one(kind, name)
    except TimeoutError:
        pass
    return package


async def _is_settled(reader: Reader, package: Object) -> bool:
    if not _is_taken_up(package):
        return _cannot_be_fetched(package)
    if judge(package).state is State.HEALTHY:
        return True
    current = await facts.current(reader, package)
    return upgrades.is_manual(package) and current is not None and not facts.is_active(current)


def _is_taken_up(package: Object) -> bool:
    return bool((package.get("status") or {}).get("currentIdentifier") == package["spec"]["package"])


_REFUSED = re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|UNAUTHORIZED|DENIED|unexpected status code 40[134]")
"""By a registry, which will say the same again."""


def _cannot_be_fetched(package: Object) -> bool:
    """By what is said of this very generation; Crossplane tries again, more and more rarely."""
    found = conditions.get(package, "Installed") or {}
    refused = _REFUSED.search(str(found.get("message") or "")) and found.get("reason") == "UnpackingPackage"
    return bool(refused) and found.get("observedGeneration") == package["metadata"].get("generation")


def _desired(revision: Object) -> str:
    return str((revision.get("spec") or {}).get("desiredState") or "not activated")


def _revision(package: Object, current: Object, before: Object | None) -> str:
    name = current["metadata"]["name"]
    said = [f"revision {upgrades.number(current)} ({name}) is {_desired(current)}", *facts.dependencies(current)]
    moved = before is not None and before["spec"]["package"] != package["spec"]["package"]
    if before is not None and moved and (before.get("status") or {}).get("currentRevision") == name:
        said.append("its content is the same, so there is no new revision")
    return "; ".join(said)


def _configured(package: Object) -> list[str]:
    """Image configs that had a say in it."""
    status = package.get("status") or {}
    named = [f"{each.get('name')} ({each.get('reason')})" for each in status.get("appliedImageConfigRefs") or ()]
    return [f"by ImageConfig {', '.join(named)}: fetched as {status.get('resolvedPackage')}"] if named else []


def _state(package: Object) -> str:
    health = judge(package)
    return f"state: {': '.join(each for each in (health.state.value, health.reason, health.message) if each)}"


def _next(call: Call, package: Object, current: Object | None, before: Object | None) -> list[str]:
    """What this server has a tool for."""
    about = references.of(package)
    if current is not None and upgrades.is_manual(package) and not facts.is_active(current):
        waits = f"{current['metadata']['name']} runs once its spec.desiredState is Active"
        return [waits, *_steps(call, steps.activate_revision(about, current["metadata"]["name"]))]
    back = before["spec"]["package"] if before is not None else ""
    if not back or back == package["spec"]["package"]:
        return _steps(call, steps.diagnose(about))
    undone = steps.step("upgrade_package", kind=about.kind.lower(), name=about.name, package=back)
    return _steps(call, steps.diagnose(about), steps.Next((undone,), ""))


def _steps(call: Call, *wanted: steps.Next) -> list[str]:
    found = (each.of(call.offers) for each in wanted)
    return [f"next: {each}" for each in found if each is not None]
