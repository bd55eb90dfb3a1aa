"""The history of packages, and who of them depends on whom."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane.packaging import locking, versions
from fairlead.crossplane.packaging.locking import Locked
from fairlead.machinery import conditions, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.mcp.toolsets.crossplane.packaging.upgrading import KIND, KINDS, LOCK, V1

Arguments = Mapping[str, Any]
_MOST = 16_000
"""Characters of dependencies that are met or not; a platform has dozens of packages, an agent little room."""
_CONFLICTS = 20


async def list_package_revisions(call: Call, arguments: Arguments) -> Answer:
    run = showing.lists(f"{KINDS[arguments['kind']]}Revision", V1, facts.OWNER, "package")
    return await run(call, arguments)


async def get_package_lock(call: Call, arguments: Arguments) -> Answer:
    try:
        lock = await facts.lock(changing.reader(call, arguments))
    except FairleadError as error:
        raise answering.refused(error) from error
    locked = locking.entries(lock)
    wanted = arguments.get("source") or ""
    shown = [each for each in locked if _concerns(each, wanted)]
    if wanted and not shown:
        there = ", ".join(each.source for each in locked[:20]) or "none"
        raise ToolError(f"no installed package has a source with {wanted!r}, or needs one", "", f"sources: {there}")
    installed = {each.source: each for each in locked}
    lines = [line for each in shown for line in _tree(each, installed)] or ["no package is installed"]
    text = redacting.text(fencing.plain("\n".join(lines)))
    answer = fencing.fenced(fencing.capped(text, _MOST, "give a source"), "the lock")
    wrong = [f"conflict: {each}" for each in locking.conflicts(locked) if wanted in each][:_CONFLICTS]
    return Answer("\n".join([answer, *(redacting.text(fencing.plain(each)) for each in (*wrong, _resolved(lock)))]))


def _concerns(entry: Locked, wanted: str) -> bool:
    return wanted in entry.source or any(wanted in each.source for each in entry.needs)


_VERDICTS = {True: "met", False: "NOT met", None: "cannot be compared"}


def _tree(entry: Locked, installed: Mapping[str, Locked]) -> list[str]:
    """The package, and below it whatever it needs with what is there."""
    lines = [f"{entry} {entry.version}  {entry.source}"]
    for each in entry.needs:
        there = installed.get(each.source)
        if there is None:
            lines.append(f"  needs {each.source} {each.constraint}: not installed")
            continue
        said = _VERDICTS[versions.meets(there.version, each.constraint)]
        lines.append(f"  needs {there} {each.constraint}: {there.version}, {said}")
    return lines


def _resolved(lock: Mapping[str, Any]) -> str:
    found = conditions.get(lock, "Resolved")
    if found is None:
        return "resolved: Crossplane has not said"
    said = ": ".join(str(found[key]) for key in ("status", "reason", "message") if found.get(key))
    return f"resolved: {said}"


TOOLS = (
    Tool(
        "list_package_revisions",
        "List package revisions",
        "The history of providers, configurations or functions: which revision is active, its image and health.",
        list_package_revisions,
        (KIND, Parameter("package", "Only of the package of this name."), *showing.LISTING),
        rights=tuple(Right(("list",), facts.GROUP, f"{each}revisions") for each in KINDS),
    ),
    Tool(
        "get_package_lock",
        "Show package dependencies",
        "Who depends on which package: the lock with versions, constraints, conflicts and what could not be resolved.",
        get_package_lock,
        (Parameter("source", "Only repositories that hold this, with who needs them."), CONTEXT),
        rights=(LOCK,),
    ),
)
