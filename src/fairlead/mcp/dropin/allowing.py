"""Which tools a `config.toml` lets through, as allow and deny lists of names.

`disable_destructive` hides what the other product hides by it: also a tool that creates or updates, for an update can
take away whatever was there. Of tools that write only those are left that merely create. A name in a list that no
product has is a misspelling, and one in `disabled_tools` would leave open what was to be closed: it stops the start.

Source: kubernetes-mcp-server 0.0.67, `tools/list` and its documentation of `enabled_tools`.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.mcp.dropin.checking import Fail
from fairlead.mcp.named import catalog
from fairlead.mcp.named.servers import Denied
from fairlead.mcp.tools import Tool, ToolClass, Toolset

PEER_TOOLSETS = ("config", "core", "helm", "kcp", "kiali", "kubevirt", "netobserv", "tekton")
_PREFIXES = ("helm_", "kcp_", "kiali_", "netobserv_", "tekton_", "vm_")
"""Of the other product's tools in toolsets that need not be here."""
PEER_TOOLS = frozenset(
    f"{area}_{each}"
    for area, names in {
        "configuration": ("contexts_list", "view"),
        "events": ("list",),
        "namespaces": ("list",),
        "nodes": ("log", "stats_summary", "top"),
        "pods": ("delete", "exec", "get", "list", "list_in_namespace", "log", "run", "top"),
        "projects": ("list",),
        "resources": ("create_or_update", "delete", "get", "list", "scale"),
        "targets": ("list",),
        "workspace": ("list",),
    }.items()
    for each in names
)
CREATING = frozenset({"pods_run"})
_DEFAULT = ("core", "config")
_CONFIRMED = (ToolClass.DELETE, ToolClass.EXEC)


@dataclass(frozen=True)
class Allowed:
    catalog: tuple[str, ...]
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def allowed(table: Mapping[str, Any], available: Mapping[str, Toolset], fail: Fail) -> Allowed:
    """Raises what `fail` makes."""
    names = tuple(dict.fromkeys(table.get("toolsets") or (each for each in _DEFAULT if each in available)))
    for each in names:
        if each not in available:
            raise fail("toolsets", f"there is no toolset {each!r} yet", _instead(each, available))
    tools = {tool.name: tool for name in names for tool in available[name].tools}
    anywhere = {tool.name for each in catalog.usable(available)[0] for tool in each.tools} | PEER_TOOLS
    enabled, disabled = (_named(table, key, anywhere, fail) for key in ("enabled_tools", "disabled_tools"))
    _check_rules(table, tools, fail)
    hidden = [each.name for each in tools.values() if not _left(table)(each)]
    deny = tuple(dict.fromkeys((*disabled, *sorted(hidden))))
    return Allowed(names, enabled, deny, tuple(_warnings(table, tools, enabled, deny)))


def denied(table: Mapping[str, Any], fail: Fail) -> tuple[Denied, ...]:
    """In every version: another version of the same kind shows the same object. Raises what `fail` makes."""
    found = []
    for each in table.get("denied_resources") or ():
        if not each.keys() <= {"group", "version", "kind"} or not all(isinstance(part, str) for part in each.values()):
            raise fail("denied_resources", "each has group, version and kind, and nothing else")
        if not each:
            raise fail("denied_resources", "one says nothing", "leave it out, or name its group, version and kind")
        found.append(Denied(each.get("group", ""), kind=each.get("kind", "")))
    return tuple(found)


def _instead(name: str, available: Mapping[str, Toolset]) -> str:
    if name in PEER_TOOLSETS:
        return f"leave it out; there are: {', '.join(sorted(available))}"
    near = difflib.get_close_matches(name, available, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(available))}"


def _named(table: Mapping[str, Any], key: str, anywhere: set[str], fail: Fail) -> tuple[str, ...]:
    for each in table.get(key) or ():
        if each not in anywhere and not each.startswith(_PREFIXES):
            near = difflib.get_close_matches(each, anywhere, n=1)
            raise fail(key, f"there is no tool {each!r}", f"did you mean {near[0]}?" if near else "leave it out")
    return tuple(table.get(key) or ())


def _left(table: Mapping[str, Any]) -> Callable[[Tool], bool]:
    if table.get("read_only"):
        return lambda tool: tool.tool_class is ToolClass.READ
    if table.get("disable_destructive"):
        return lambda tool: tool.tool_class is ToolClass.READ or tool.name in CREATING
    return lambda tool: True


def _warnings(
    table: Mapping[str, Any], tools: Mapping[str, Tool], enabled: tuple[str, ...], deny: tuple[str, ...]
) -> list[str]:
    found = [
        f"{each.name} is off: name it in enabled_tools to have it"
        for each in tools.values()
        if each.tool_class is ToolClass.EXEC and each.name not in (*enabled, *deny)
    ]
    if table.get("confirmation_fallback", "allow") == "allow" and "confirmation_fallback" in table:
        found.append("confirmation_fallback is passed over: what deletes is confirmed in any case")
    return found


def _check_rules(table: Mapping[str, Any], tools: Mapping[str, Tool], fail: Fail) -> None:
    """Those that ask for less than is asked for here anyway are kept without a word."""
    fallback = table.get("confirmation_fallback", "allow")
    if fallback not in ("allow", ""):
        raise fail("confirmation_fallback", "only `allow` has its like", "leave it out: nothing is done unconfirmed")
    for each in table.get("confirmation_rules") or ():
        if not _is_asked_anyway(each, tools):
            why = "one asks about what is not confirmed here"
            raise fail("confirmation_rules", why, "leave it out, or the tool by disabled_tools")


def _is_asked_anyway(rule: Mapping[str, Any], tools: Mapping[str, Tool]) -> bool:
    if "tool" in rule:
        tool = tools.get(str(rule["tool"]))
        return tool is None or tool.tool_class in _CONFIRMED
    return rule.get("destructive") is True or rule.get("verb") in ("delete", "deletecollection")
