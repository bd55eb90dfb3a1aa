"""Usages: what must not be deleted while something needs it; made and looked at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fairlead.crossplane import building
from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.upkeep import protecting as facts
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, LABELS, LIMIT, NAMESPACE
from fairlead.mcp.toolsets.crossplane import changing, shortening, showing
from fairlead.mcp.toolsets.crossplane.upkeep import usagesides
from fairlead.resources import applying
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.planning import live, subject
from fairlead.resources.reading import Query, Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_PAUSE = 0.5


async def create_usage(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(arguments["of_kind"])
    namespace = arguments.get("namespace", "") if kind.resource.namespaced else ""
    there, _, called = arguments.get("of_name", "").rpartition("/")
    there = there or namespace
    if kind.resource.namespaced and not namespace:
        raise ToolError(f"{kind.api.kind} is namespaced", "", "give `namespace`, where its usage will be too")
    legacy = not await facts.serves(reader, "Usage", facts.VERSION)
    if legacy and namespace:
        what = f"Crossplane 1.x protects only what is in no namespace, and {kind.api.kind} is in one"
        raise ToolError(what, "", "protect what it is made of: trace_resource names that")
    by, notes = await usagesides.user(reader, arguments, namespace)
    if there != namespace and by is None:
        raise ToolError(f"a usage in {namespace} of what is in {there} needs a user", "", "give by_kind and by_name")
    names = await usagesides.protected(reader, kind, there, {**arguments, "of_name": called})
    elsewhere = {"namespace": there} if there != namespace else {}

    def build(name: str) -> Object:
        of = {"apiVersion": kind.api_version, "kind": kind.api.kind, "resourceRef": {"name": name, **elsewhere}}
        own = arguments.get("name") or f"{name}-usage"
        more: Object = {"namespace": namespace, "replay": bool(arguments.get("replay_deletion")), "legacy": legacy}
        return building.usage(own, of, by, arguments.get("reason", ""), **more)

    try:
        manifests = [build(each) for each in names]
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    if len(manifests) == 1:
        await _check_free(reader, manifests[0])
        plan = await changing.created(call, arguments, manifests[0], *notes, update="update_usage", settles=False)
    else:
        plan, manifests = await _several(reader, manifests, notes)
    return changing.telling(plan, _protecting(reader, manifests, arguments.get("wait_seconds") or 0))


async def _check_free(reader: Reader, manifest: Object) -> None:
    """Raises `ToolError` that says what the usage of that name protects: it may be something else."""
    kind, metadata = await reader.kind(manifest["kind"], manifest["apiVersion"]), manifest["metadata"]
    try:
        found = await live(reader, kind, metadata["name"], metadata.get("namespace", ""))
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    if found is not None:
        what = f"{subject(kind, metadata['name'], metadata.get('namespace', ''))} is there already"
        told = redacting.text(fencing.plain(facts.told(found)))
        raise ToolError(what, told, "change it with update_usage, or give another `name`")


async def _several(reader: Reader, manifests: Sequence[Object], notes: list[str]) -> tuple[Plan, list[Object]]:
    """One for each match but those that have one of that name; each is shown."""
    changes, new = [], []
    try:
        for each in manifests:
            kind = await reader.kind(each["kind"], each["apiVersion"])
            name, namespace = each["metadata"]["name"], each["metadata"].get("namespace", "")
            if (before := await live(reader, kind, name, namespace)) is not None:
                notes.append(f"{kind.api.kind} {name} is there already and stays as it is: {facts.told(before)}")
                continue
            changes.append(await applying.planned(reader, each))
            new.append(each)
    except FairleadError as error:
        raise planned.refused(error) from error
    if not changes:
        raise ToolError("each match has a usage already", "", "list_usages shows them")
    notes.append("what comes to match later is not protected")
    return changing.announcing([changing.noted(changes[0], notes), *changes[1:]]), new


def _protecting(reader: Reader, made: Sequence[Object], seconds: int) -> Callable[[], Awaitable[list[str]]]:
    async def tell() -> list[str]:
        left = seconds + asyncio.get_running_loop().time()
        return [line for each in made for line in await _taken_up(reader, each, left)]

    return tell


async def _taken_up(reader: Reader, made: Object, until: float) -> list[str]:
    """As soon as it protects, or how far it is at that time."""
    kind = await reader.kind(made["kind"], made["apiVersion"])
    name, namespace = made["metadata"]["name"], made["metadata"].get("namespace", "")
    while True:
        usage = await reader.one(kind, name, namespace)
        if judge(usage).state is State.HEALTHY or asyncio.get_running_loop().time() > until:
            break
        await asyncio.sleep(_PAUSE)
    lines = await about(reader, usage)
    return lines if judge(usage).state is State.HEALTHY else [*lines, *await changing.warnings(reader, usage)]


async def list_usages(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    wanted = {side: await _kinds(reader, arguments.get(f"{side}_kind", "")) for side in facts.SIDES}
    lines, total, gaps = list[str](), 0, list[str]()
    for kind_name, api_version in facts.PLACES:
        if not await facts.serves(reader, kind_name, api_version):
            continue
        kind = await reader.kind(kind_name, api_version)
        if arguments.get("namespace") and not kind.resource.namespaced:
            continue
        query = Query(
            namespace=arguments.get("namespace", ""),
            label_selector=arguments.get("label_selector", ""),
            limit=arguments["limit"],
        )
        try:
            page = await reader.page(kind, query, table=False)
        except FairleadError as error:
            gaps.append(f"not read: {kind.resource.qualified}: {error}")
            continue
        items = [{"apiVersion": api_version, "kind": kind_name, **each} for each in page.document.get("items") or ()]
        shown = [
            each
            for each in items
            if all(facts.is_of(each, side, wanted[side], arguments.get(f"{side}_name", "")) for side in facts.SIDES)
        ]
        total += len(shown)
        lines += [_row(each) for each in shown]
        gaps += ["more follow; raise limit"] if page.cursor else []
    said = "shown" if any("raise limit" in each for each in gaps) else "in all"
    if not lines:
        narrowed = any(arguments.get(each.name) for each in (NAMESPACE, LABELS, *_OF, *usagesides.BY))
        none = "no such usages" if narrowed else "no usages: nothing is protected from deletion"
        none = "no usages among what could be read" if gaps else none
        return Answer("\n".join([none, *gaps]))
    text = "\n".join(shortening.lines(lines, shortening.room(arguments["limit"])))
    return Answer("\n".join([fencing.fenced(redacting.text(text), "usages"), f"{total} {said}", *gaps]))


async def _kinds(reader: Reader, name: str) -> tuple[str, ...]:
    """As usages write it, whatever it is called; none for any."""
    if not name:
        return ()
    try:
        return ((await reader.kind(name)).api.kind.lower(),)
    except UnknownKindError:
        return (name.partition(".")[0].lower(),)


def _row(usage: Object) -> str:
    return f"{changing.summary(usage)}; {facts.told(usage)}"


async def get_usage(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    kind = await facts.place(reader, arguments.get("namespace", ""))
    return await showing.gets(kind.api.kind, kind.api_version, about)(call, arguments)


async def about(reader: Reader, usage: Object) -> list[str]:
    """Whether what it names is there, and whether a deletion has been tried."""
    lines = [_row(usage)]
    for side in facts.SIDES:
        reference = facts.target(usage, side)
        if reference is None:
            continue
        try:
            obj = await facts.look(reader, reference)
        except FairleadError as error:
            lines.append(f"{side}: {error}")
            continue
        tried = f"; its deletion was tried ({facts.tried(obj)})" if facts.tried(obj) else ""
        protected = "" if side == "by" else "; protected" if facts.is_marked(obj) else "; not marked as in use yet"
        lines.append(f"{side}: {changing.summary(obj)}{protected}{tried}")
    return lines


_LEGACY_GROUP = "apiextensions.crossplane.io"
_INSTEAD = f"usages.{facts.GROUP}"
ANY = Right(("get",), "*", "*")


def rights(*verbs: str) -> tuple[Right, ...]:
    """On usages of the kinds that this Crossplane has."""
    return (
        Right(verbs, facts.GROUP, "usages"),
        Right(verbs, facts.GROUP, "clusterusages"),
        Right(verbs, _LEGACY_GROUP, "usages", unless=_INSTEAD),
    )


LISTS = (
    Right(("list",), facts.GROUP, "usages"),
    Right(("list",), facts.GROUP, "clusterusages"),
    Right(("list",), _LEGACY_GROUP, "usages"),
)
OWN = (Parameter("name", "Its name.", required=True), Parameter("namespace", "None for a ClusterUsage."))
REASON = Parameter("reason", "Shown to whoever tries.")
REPLAY = Parameter("replay_deletion", "Delete it by itself once it is unused.", type="boolean")
_OF = (Parameter("of_kind", "What is protected."), Parameter("of_name", "Its name."))
TOOLS = (
    Tool(
        "create_usage",
        "Create a usage",
        "Protect a resource from accidental deletion, or by a dependency: not deleted before what uses it.",
        plan=create_usage,
        parameters=(
            Parameter("of_kind", "What to protect.", required=True),
            Parameter("of_name", "Or namespace/name."),
            Parameter("of_label_selector", "Instead; has to match one."),
            Parameter("each_match", "Or one for each.", type="boolean"),
            *(*usagesides.BY, usagesides.BY_SELECTOR),
            REASON,
            Parameter("namespace", "Of the usage."),
            Parameter("name", "Its own."),
            REPLAY,
            changing.SHORT_WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(*rights("get", "create", "patch"), Right(("get", "list"), "*", "*"), changing.EVENTS),
    ),
    Tool(
        "list_usages",
        "List usages",
        "What is protected from deletion, by what and why.",
        list_usages,
        (NAMESPACE, *_OF, *usagesides.BY, LABELS, LIMIT, CONTEXT),
        rights=LISTS,
    ),
    Tool(
        "get_usage",
        "Get a usage",
        "One usage: what it protects, for whom, whether a deletion was tried.",
        get_usage,
        (*OWN, CONTEXT),
        rights=(*rights("get"), ANY, changing.EVENTS),
    ),
)
