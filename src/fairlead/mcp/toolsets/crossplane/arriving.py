"""What becomes of a package after it was installed or changed: waited for, and told with the way on.

Right after a change the conditions of a package still speak of the revision before it, so its health says nothing until
Crossplane has written down which reference it has taken up (`status.currentIdentifier`). From then on it is the
current revision that tells how it goes.
"""

import asyncio
from dataclasses import replace
from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane import upgrades
from fairlead.crossplane.judging import State, judge
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.tools import Answer, Plan
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Object = dict[str, Any]
_PAUSE = 0.5


def settling(reader: Reader, plan: Plan, kind: Kind, name: str, before: Object | None, seconds: int) -> Plan:
    """The plan, whose answer says what became of the package; `before` is the package as it was."""

    async def carry_out() -> Answer:
        answer = await plan.carry_out()
        try:
            told = await _told(reader, kind, name, before, seconds)
        except FairleadError as error:
            told = [f"how it is could not be read: {error}"]
        return replace(answer, text="\n".join([answer.text, *told]))

    return replace(plan, carry_out=carry_out)


async def _told(reader: Reader, kind: Kind, name: str, before: Object | None, seconds: int) -> list[str]:
    package = await _arrived(reader, kind, name, seconds)
    health = judge(package)
    lines = [changing.summary(package)]
    current = await facts.current(reader, package)
    if not _is_taken_up(package):
        lines.append("Crossplane has not taken it up yet")
    elif current is not None:
        lines.append(_revision(current, before))
    if health.state is State.HEALTHY:
        return lines
    for each in (package, current):
        lines += await changing.warnings(reader, each) if each else []
    return [*dict.fromkeys(lines), *_next(package, current, before)]


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
        return False
    if judge(package).state is State.HEALTHY:
        return True
    current = await facts.current(reader, package)
    return upgrades.is_manual(package) and current is not None and not facts.is_active(current)


def _is_taken_up(package: Object) -> bool:
    return bool((package.get("status") or {}).get("currentIdentifier") == package["spec"]["package"])


def _revision(current: Object, before: Object | None) -> str:
    spec, name = current.get("spec") or {}, current["metadata"]["name"]
    told = f"revision {spec.get('revision')} ({name}) is {spec.get('desiredState')}"
    if before is not None and (before.get("status") or {}).get("currentRevision") == name:
        told += "; no new one, for its content is the same"
    return redacting.text(fencing.plain("; ".join([told, *facts.dependencies(current)])))


def _next(package: Object, current: Object | None, before: Object | None) -> list[str]:
    kind, name = package["kind"], package["metadata"]["name"]
    if current is not None and upgrades.is_manual(package) and not facts.is_active(current):
        revision = current["metadata"]["name"]
        return [f"next: activate_package_revision kind={kind.lower()} revision={revision}"]
    lines = [f"next: diagnose_resource kind={kind.lower()}s.{facts.GROUP} name={name}"]
    if before is not None and before["spec"]["package"] != package["spec"]["package"]:
        lines.append(f"back: upgrade_package kind={kind.lower()} name={name} package={before['spec']['package']}")
    return lines
