"""A diagnosis, a survey and a deletion in lines, the answer first: the same for a person and for an agent."""

import re
from collections.abc import Iterator, Sequence

from fairlead.crossplane.surveying import Finding, Survey
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause
from fairlead.crossplane.understanding.deleting import Deletion
from fairlead.crossplane.understanding.diagnosing import Diagnosis
from fairlead.crossplane.understanding.steps import Has, Step

_NAMED = 5


def diagnosis(found: Diagnosis, *, most: int = 5, commands: bool = False) -> Iterator[str]:
    """`commands` names with each cause what to type next."""
    root = found.trace.root
    asked = steps.diagnose(root.reference).command
    if not found.causes:
        yield f"{root.reference} is healthy, and so are the {len(found.trace.nodes) - 1} objects below it"
    for place, cause in enumerate(found.causes[:most], 1):
        yield from _cause(f"{place}. ", cause, commands, asked)
    if len(found.causes) > most:
        yield f"{len(found.causes) - most} more causes are left out"
    yield from _gaps(found.unread)


def _cause(prefix: str, cause: Cause, commands: bool, asked: str) -> Iterator[str]:
    """`asked` is the command that this answers, which is no next one."""
    yield f"{prefix}{cause.what}"
    indent = " " * len(prefix)
    yield from (f"{indent}seen: {each}" for each in _once(cause.evidence))
    yield f"{indent}do: {cause.remedy}"
    if commands and cause.next is not None:
        command = cause.next.command
        yield f"{indent}next: {command if command != asked else steps.look_at(cause.about).command}"


def _once(evidence: Sequence[str]) -> list[str]:
    """Without the events that say what a condition has said already."""
    said = list[str]()
    for each in (" ".join(one.split()) for one in evidence if one):
        told = each.partition(": ")[2] or each
        said += [each] if not any(told in before for before in said) else []
    return said


def following(causes: Sequence[Cause], has: Has, *asked: Step, most: int = 3) -> Iterator[str]:
    """The calls that can be made next, the best cause's first; not those that were `asked` already."""
    calls = (each.next.of(has, *asked) for each in causes if each.next is not None)
    yield from list(dict.fromkeys(f"next: {each}" for each in calls if each is not None))[:most]


def _gaps(unread: tuple[str, ...]) -> Iterator[str]:
    yield from kinds_not_read(unread)


def survey(found: Survey, *, most: int = 20) -> Iterator[str]:
    """At most 25 kB, however many objects there are and however long their messages; kinds not read are all named."""
    groups, gaps = found.grouped(), list(kinds_not_read(found.unread))
    yield from found.warnings
    if not groups:
        yield f"{_well(found)}: {found.objects} objects of {found.kinds} kinds"
    room, told = _MOST - sum(len(each.encode()) + 1 for each in gaps), 0
    for title, members in groups[:most]:
        lines = [f"{len(members)} × {_cut(title, _MOST_TITLE)}", f"    {_names(members)}"]
        room -= sum(len(each.encode()) + 1 for each in lines)
        if room < 0 and told:
            break
        yield from lines
        told += 1
    if len(groups) > told:
        left = sum(len(members) for _, members in groups[told:])
        yield f"{len(groups) - told} more causes ({left} objects) are left out; narrow with scopes or namespace"
    if groups:
        yield f"{len(found.findings)} of {found.objects} objects of {found.kinds} kinds"
    yield from gaps


def _well(found: Survey) -> str:
    if found.warnings:
        return "no object says that it is not well"
    if not found.kinds:
        return "none of these kinds is served here"
    if not found.unread:
        return "all well"
    return "what could be read is well" if found.objects else "no object could be read"


_MOST = 22_000
_MOST_TITLE = 600


def _names(members: Sequence[Finding]) -> str:
    names = ", ".join(str(each.reference).partition("/")[2] for each in members[:_NAMED])
    return names + (f" and {len(members) - _NAMED} more" if len(members) > _NAMED else "")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … (diagnose one for the rest)"


def kinds_not_read(unread: Sequence[str]) -> Iterator[str]:
    """Each reason once, with all kinds that it is the reason for."""
    kinds: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for each in unread:
        kind, _, reason = each.partition(": ")
        if found := _MAY_NOT_LIST.search(reason):
            kind = ".".join(filter(None, found.group("resource", "group")))
            reason = f"forbidden: {found['who']} cannot list them{found['where']}"
        likeness = reason.replace(kind, "…").replace(kind.partition(".")[0], "…").replace(kind.partition(".")[2], "…")
        if kind not in kinds.setdefault(likeness, []):
            kinds[likeness].append(kind)
        reasons.setdefault(likeness, reason)
    for likeness, named in kinds.items():
        yield f"not read: {', '.join(named)}: {_cut(reasons[likeness], _MOST_TITLE)}"


_MAY_NOT_LIST = re.compile(
    r'is forbidden: (?P<who>User ".*?") cannot list resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r"(?P<where>.*)"
)


def deletion(found: Deletion, *, commands: bool = False) -> Iterator[str]:
    root = found.trace.root
    asked = steps.explain_deletion(root.reference).command
    if found.since:
        yield f"{root.reference} has been asked to go since {found.since}"
    else:
        yield f"{root.reference} is not being deleted; this is what a deletion would do"
    for place, cause in enumerate(found.obstacles, 1):
        yield from _cause(f"{place}. ", cause, commands, asked)
    yield from (f"in use: {each}" for each in found.usages)
    yield from (f"finalizer {name}: removed by {who}" for name, who in found.finalizers)
    if not found.goes and not found.since and not found.stays:
        is_managed = "managed" in root.categories
        yield "goes with it: what it stands for outside" if is_managed else "nothing is known to go with it"
    if found.goes:
        yield f"goes with it: {', '.join(f'{count} {kind}' for kind, count in found.goes)}"
    if found.stays:
        yield f"stays in the cloud: {', '.join(found.stays)}"
    yield from _gaps(found.unread)
