"""Lists and single objects of Crossplane's kinds: the server's own table, and an object with how it is and why."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from fairlead.machinery import encoding, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Run, Tool
from fairlead.mcp.toolsets.core import answering, listing
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, CURSOR, LABELS, LIMIT, LIST_OUTPUT, NAME
from fairlead.mcp.toolsets.crossplane import changing, shortening
from fairlead.resources import cleaning, tabulating
from fairlead.resources.reading import Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Object = dict[str, Any]
More = Callable[[Reader, Object], Awaitable[list[str]]]
_MOST_SAID = 8_000
"""Characters of what is said of an object beside what it is."""
LISTING = (LABELS, LIMIT, CURSOR, LIST_OUTPUT, CONTEXT)


def lists(kind: str, api_version: str, label: str = "", parameter: str = "") -> Run:
    """`parameter` names the owner that the objects of one `label` are listed by."""

    async def run(call: Call, arguments: Arguments) -> Answer:
        asked = dict(arguments)
        if parameter and arguments.get(parameter):
            given = [f"{label}={arguments[parameter]}", str(arguments.get("label_selector") or "")]
            asked["label_selector"] = ",".join(each for each in given if each)
        return await listing.listed(call, listing.named(kind, api_version), listing.query(asked), asked)

    return run


def gets(kind: str, api_version: str, more: More | None = None) -> Run:
    """The object, how it is, what its events warn of, and what `more` has to say of it."""

    async def run(call: Call, arguments: Arguments) -> Answer:
        reader = changing.reader(call, arguments)
        found = await reader.kind(kind, api_version)
        try:
            obj = await reader.one(found, arguments["name"], arguments.get("namespace", ""))
        except FairleadError as error:
            raise answering.refused(error, found) from error
        text = encoding.to_yaml(cleaning.cleaned(obj))
        lines = [changing.summary(obj), *await changing.warnings(reader, obj)]
        told = await more(reader, obj) if more else []
        lines += [redacting.text(fencing.plain(each)) for each in told]
        said = shortening.lines(lines, _MOST_SAID)
        shown = fencing.capped(text, shortening.MOST - sum(map(len, said)), changing.narrower(call))
        return Answer("\n".join([fencing.fenced(shown, f"{kind} {arguments['name']}"), *said]))

    return run


def table(
    columns: Sequence[str], cells: Sequence[Sequence[str]], what: str, of: int, gaps: Iterable[str] = ()
) -> Answer:
    """Rows of our own making, `of` so many that there are; gaps are what was not read."""
    lines = [redacting.text(fencing.plain(f"not read: {each}")) for each in gaps]
    if not of:
        return Answer("\n".join([f"no {what} among what could be read" if lines else f"no {what}", *lines]))
    text = redacting.text(tabulating.render(Rows(tuple(columns), tuple(shortening.rows(cells)))))
    more = f"; {of - len(cells)} more are left out: narrow, or raise limit" if of > len(cells) else ""
    answer = answering.listed(text, what, f"{of} in all{more}", len(cells))
    return Answer("\n".join([answer.text, *lines]))


def list_tool(name: str, title: str, description: str, run: Run, right: Right, *parameters: Parameter) -> Tool:
    return Tool(name, title, description, run, (*parameters, *LISTING), rights=(right,))


def get_tool(
    name: str, title: str, description: str, run: Run, rights: Sequence[Right], *parameters: Parameter
) -> Tool:
    rights = (*rights, changing.EVENTS)
    return Tool(name, title, description, run, (NAME, *parameters, CONTEXT), rights=rights)
